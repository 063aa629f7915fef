//! Tries to sign in.

use std::net::IpAddr;

use baton_state::{AccessLevel, AttemptSubject, AttemptVerdict, State};
use jiff::{SignedDuration, Timestamp};

use crate::{database, name, noon};

const SECOND: SignedDuration = SignedDuration::from_secs(1);

/// As many seconds as there were failures, from the third on.
fn pause(_: &AttemptSubject, failures: u32) -> SignedDuration {
    if failures < 3 { SignedDuration::ZERO } else { SECOND * failures.try_into().unwrap() }
}

fn subjects(user: &str, address: &str) -> [AttemptSubject; 2] {
    let address: IpAddr = address.parse().unwrap();
    [AttemptSubject::User(name(user)), AttemptSubject::Address(address)]
}

async fn attempt(state: &State, user: &str, address: &str, at: Timestamp) -> AttemptVerdict {
    state.begin_sign_in(&subjects(user, address), at, pause).await.unwrap()
}

#[tokio::test]
async fn failures_in_a_row_make_a_user_and_an_address_wait() {
    let (directory, state) = database().await;
    for _ in 0..3 {
        assert_eq!(attempt(&state, "ada", "192.0.2.1", noon()).await, AttemptVerdict::Allowed);
    }
    let wait = AttemptVerdict::Wait(noon() + SECOND * 3);
    assert_eq!(attempt(&state, "ada", "192.0.2.1", noon()).await, wait);
    assert_eq!(attempt(&state, "ada", "192.0.2.99", noon()).await, wait, "the user, from elsewhere");
    assert_eq!(attempt(&state, "eve", "192.0.2.1", noon()).await, wait, "the address, as someone else");
    assert_eq!(attempt(&state, "eve", "::ffff:192.0.2.1", noon()).await, wait, "the same address");
    assert_eq!(attempt(&state, "eve", "192.0.2.99", noon()).await, AttemptVerdict::Allowed);
    state.close().await;
    let state = State::open(&directory.path().join("state.db")).await.unwrap();
    assert_eq!(attempt(&state, "ada", "192.0.2.1", noon()).await, wait, "a restart is no way around");
    let then = noon() + SECOND * 3;
    assert_eq!(attempt(&state, "ada", "192.0.2.1", then).await, AttemptVerdict::Allowed);
    assert_eq!(attempt(&state, "ada", "192.0.2.1", then).await, AttemptVerdict::Wait(then + SECOND * 4));
}

#[tokio::test]
async fn all_addresses_of_a_network_of_ipv6_are_one() {
    let (_directory, state) = database().await;
    for host in 1..=3 {
        let address = format!("2001:db8:0:1::{host}");
        assert_eq!(attempt(&state, &format!("user{host}"), &address, noon()).await, AttemptVerdict::Allowed);
    }
    assert!(matches!(attempt(&state, "ada", "2001:db8:0:1:9::9", noon()).await, AttemptVerdict::Wait(_)));
    assert_eq!(attempt(&state, "ada", "2001:db8:0:2::1", noon()).await, AttemptVerdict::Allowed);
}

#[tokio::test]
async fn a_success_clears_the_user_and_not_what_the_address_did_to_others() {
    let (_directory, state) = database().await;
    for user in ["eve", "eve", "ada"] {
        assert_eq!(attempt(&state, user, "192.0.2.1", noon()).await, AttemptVerdict::Allowed);
        if user == "ada" {
            state.sign_in_succeeded(&subjects("ada", "192.0.2.1")).await.unwrap();
        }
    }
    assert_eq!(attempt(&state, "bob", "192.0.2.1", noon()).await, AttemptVerdict::Allowed);
    assert!(matches!(attempt(&state, "bob", "192.0.2.1", noon()).await, AttemptVerdict::Wait(_)));
}

#[tokio::test]
async fn nobody_waits_for_long_because_the_clock_was_set_back() {
    let (_directory, state) = database().await;
    for _ in 0..3 {
        attempt(&state, "ada", "192.0.2.1", noon()).await;
    }
    let before = noon() - SECOND * 3600;
    assert_eq!(attempt(&state, "ada", "192.0.2.1", before).await, AttemptVerdict::Wait(before + SECOND * 3));
}

#[tokio::test]
async fn a_new_password_and_a_day_forget_the_failures() {
    let (_directory, state) = database().await;
    state.add_user(&name("ada"), AccessLevel::ReadExecute, "hash", noon()).await.unwrap();
    for (user, address) in [("ada", "192.0.2.1"), ("ada", "192.0.2.2"), ("ada", "192.0.2.3")] {
        attempt(&state, user, address, noon()).await;
    }
    assert!(matches!(attempt(&state, "ada", "192.0.2.4", noon()).await, AttemptVerdict::Wait(_)));
    state.set_password(&name("ada"), "another", noon()).await.unwrap();
    assert_eq!(attempt(&state, "ada", "192.0.2.4", noon()).await, AttemptVerdict::Allowed);
    for address in ["192.0.2.5", "192.0.2.5"] {
        attempt(&state, "ada", address, noon()).await;
    }
    let tomorrow = noon() + SECOND * 86_401;
    let at_any_failure = |_: &AttemptSubject, failures: u32| SECOND * 86_500 * failures.try_into().unwrap();
    let verdict = state.begin_sign_in(&subjects("ada", "192.0.2.5"), tomorrow, at_any_failure).await.unwrap();
    assert_eq!(verdict, AttemptVerdict::Allowed);
}
