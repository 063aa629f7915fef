//! Crash safety, tried out point by point: a whole `baton swap` that is killed at each of its system calls, and one
//! that loses its power at each of its writes.
//!
//! What must hold afterwards is in [`scene`]; how it is broken off is in [`kill`] and [`power_cut`]. The full form (`scripts/acceptance`)
//! tries every point. The short form tries some by chance, and says which seed repeats it.

use std::hash::{BuildHasher as _, Hasher as _};

use crate::sweep::kill::Server;

mod acme;
mod by_hand;
mod guard;
mod kill;
mod nginx;
mod power_cut;
mod product;
mod scene;

/// How many points the short form tries of a swap that succeeds, and of its variants.
const SAMPLE: usize = 25;
const FEW: usize = 10;

/// How many failures are told.
const TOLD: usize = 12;

#[test]
fn a_product_survives_a_kill_at_every_system_call() {
    kill::sweep::<product::ProductScene<false>>(Server::Lives, SAMPLE);
}

#[test]
fn a_product_that_is_down_after_a_kill_is_brought_up() {
    kill::sweep::<product::ProductScene<false>>(Server::Down, FEW);
}

#[test]
fn a_roll_back_of_a_product_survives_a_kill_at_every_system_call() {
    kill::sweep::<product::ProductScene<true>>(Server::Lives, FEW);
}

#[test]
fn nginx_survives_a_kill_at_every_system_call() {
    kill::sweep::<nginx::NginxScene<false>>(Server::Lives, SAMPLE);
}

#[test]
fn a_roll_back_of_nginx_survives_a_kill_at_every_system_call() {
    kill::sweep::<nginx::NginxScene<true>>(Server::Lives, FEW);
}

#[test]
fn a_renewal_by_acme_survives_a_kill_at_every_system_call() {
    acme::sweep(FEW);
}

#[test]
fn a_guarded_window_survives_a_kill_at_every_system_call() {
    kill::sweep::<guard::GuardedScene<false>>(Server::Lives, FEW);
}

#[test]
fn a_guarded_window_survives_a_kill_and_a_boot_at_every_system_call() {
    kill::sweep::<guard::GuardedScene<false>>(Server::Boots, FEW);
}

#[test]
fn a_roll_back_of_a_guarded_window_survives_a_kill_and_a_boot_at_every_system_call() {
    kill::sweep::<guard::GuardedScene<true>>(Server::Boots, FEW);
}

#[test]
fn an_answer_to_a_request_survives_a_kill_at_every_system_call() {
    by_hand::sweep_accept(FEW);
}

#[test]
fn a_request_survives_a_kill_at_every_system_call() {
    by_hand::sweep_request(FEW);
}

#[test]
fn a_product_survives_a_power_cut_at_every_write() {
    power_cut::sweep::<product::ProductScene<false>>(SAMPLE);
}

#[test]
fn a_roll_back_of_a_product_survives_a_power_cut_at_every_write() {
    power_cut::sweep::<product::ProductScene<true>>(FEW);
}

#[test]
fn nginx_survives_a_power_cut_at_every_write() {
    power_cut::sweep::<nginx::NginxScene<false>>(SAMPLE);
}

#[test]
fn a_roll_back_of_nginx_survives_a_power_cut_at_every_write() {
    power_cut::sweep::<nginx::NginxScene<true>>(FEW);
}

/// Points that did not survive.
#[derive(Debug, Default)]
struct Failures(Vec<String>);

impl Failures {
    fn add(&mut self, failure: String) {
        println!("{failure}\n");
        self.0.push(failure);
    }

    /// Panics with the first of them, if there are any.
    #[track_caller]
    fn expect_none(&self, tried: usize) {
        let told = self.0.iter().take(TOLD).map(String::as_str).collect::<Vec<_>>().join("\n\n");
        assert!(self.0.is_empty(), "{} of {tried} did not survive; the first are:\n\n{told}", self.0.len());
    }
}

/// All of `1..=count` in the full form; else `sample` of them by chance. `BATON_SWEEP_POINTS=7,40-52` names them,
/// `BATON_SWEEP_SEED` repeats a sample.
fn choose(what: &str, count: usize, sample: usize) -> Vec<usize> {
    if let Some(points) = variable("BATON_SWEEP_POINTS") {
        let number = |text: &str| text.parse::<usize>().unwrap();
        let range = |part: &str| match part.split_once('-') {
            Some((first, last)) => number(first)..=number(last),
            None => number(part)..=number(part),
        };
        return points.split(',').flat_map(range).collect();
    }
    if crate::up::is_full() {
        return (1..=count).collect();
    }
    let by_chance = || std::hash::RandomState::new().build_hasher().finish();
    let seed = variable("BATON_SWEEP_SEED").map_or_else(by_chance, |seed| seed.parse().unwrap());
    println!("{what}: {sample} of {count} points, BATON_SWEEP_SEED={seed}");
    let mut state = seed;
    (0..sample).map(|_| 1 + usize::try_from(next_random(&mut state) % count as u64).unwrap()).collect()
}

/// SplitMix64: good enough to scatter points, and the same everywhere.
fn next_random(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let mixed = (*state ^ (*state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^ (mixed >> 31)
}

fn variable(name: &str) -> Option<String> {
    #[expect(clippy::disallowed_methods, reason = "tests have no settings to read it from")]
    std::env::var(name).ok()
}
