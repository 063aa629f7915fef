//! Crash safety, tried out point by point: a whole `baton swap` that is killed at each of its system calls.
//!
//! What must hold afterwards is in [`scene`]; how it is broken off is in [`kill`]. The full form (`scripts/acceptance`)
//! tries every point. The short form tries some by chance, and says which seed repeats it.

use std::hash::{BuildHasher as _, Hasher as _};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::sweep::scene::Scene;

mod kill;
mod nginx;
mod product;
mod scene;

/// How many scenes are tried side by side in the full form: most of a trial is waiting.
const SCENES: usize = 4;

/// How many failures are told.
const TOLD: usize = 12;

#[test]
fn a_product_survives_a_kill_at_every_system_call() {
    kill::sweep::<product::ProductScene>();
}

#[test]
fn nginx_survives_a_kill_at_every_system_call() {
    kill::sweep::<nginx::NginxScene>();
}

/// Tries each of `points` in a scene; panics with the points that did not survive.
fn try_all<S: Scene>(points: &[usize], try_one: impl Fn(&S, usize) -> Result<(), String> + Sync) {
    let next = AtomicUsize::new(0);
    let failures: Mutex<Vec<String>> = Mutex::default();
    let work = || {
        let scene = S::prepare();
        while let Some(&point) = points.get(next.fetch_add(1, Ordering::Relaxed)) {
            if let Err(failure) = try_one(&scene, point) {
                let failure = format!("{}, point {point}: {failure}", S::NAME);
                println!("{failure}\n");
                failures.lock().unwrap_or_else(PoisonError::into_inner).push(failure);
            }
        }
    };
    std::thread::scope(|scope| {
        let scenes = if crate::up::is_full() { SCENES } else { 1 };
        (0..scenes).for_each(|_| drop(scope.spawn(work)));
    });
    let failures = failures.into_inner().unwrap();
    if !failures.is_empty() {
        let told = failures.iter().take(TOLD).map(String::as_str).collect::<Vec<_>>().join("\n\n");
        panic!("{} of {} did not survive; the first are:\n\n{told}", failures.len(), points.len());
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
