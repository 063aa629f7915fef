//! Tries to sign in.

use baton_state::{AccessLevel, AttemptSubject, AttemptVerdict, SignInAttempt, State};
use jiff::{SignedDuration, Timestamp};

use crate::{database, name, noon};

const SECOND: SignedDuration = SignedDuration::from_secs(1);
const HOUR: SignedDuration = SignedDuration::from_hours(1);

/// As many seconds as there were failures: of a name from one network from the third on, of a network from the sixth,
/// of a name from the eleventh.
fn pause(subject: AttemptSubject, failures: u32) -> SignedDuration {
    let free = match subject {
        AttemptSubject::NameFromNetwork => 3,
        AttemptSubject::Network => 6,
        AttemptSubject::Name => 11,
    };
    if failures < free { SignedDuration::ZERO } else { SECOND * failures.try_into().unwrap() }
}

async fn attempt(state: &State, user: &str, address: &str, at: Timestamp) -> AttemptVerdict {
    let name = name(user);
    let attempt = SignInAttempt { name: Some(&name), address: address.parse().unwrap(), is_known: false };
    state.begin_sign_in(attempt, at, pause).await.unwrap()
}

async fn succeed(state: &State, user: &str, address: &str, at: Timestamp) {
    assert_eq!(attempt(state, user, address, at).await, AttemptVerdict::Allowed);
    state.sign_in_succeeded(&name(user), address.parse().unwrap(), at).await.unwrap();
}

async fn add(state: &State, user: &str) {
    assert!(state.add_user(&name(user), AccessLevel::ReadExecute, "hash", noon()).await.unwrap());
}

#[tokio::test]
async fn failures_in_a_row_make_a_name_at_a_network_wait() {
    let (directory, state) = database().await;
    for _ in 0..3 {
        assert_eq!(attempt(&state, "ada", "192.0.2.1", noon()).await, AttemptVerdict::Allowed);
    }
    let wait = AttemptVerdict::Wait(noon() + SECOND * 3);
    assert_eq!(attempt(&state, "ada", "192.0.2.1", noon()).await, wait);
    assert_eq!(attempt(&state, "ada", "::ffff:192.0.2.1", noon()).await, wait, "the same address");
    assert_eq!(attempt(&state, "eve", "192.0.2.1", noon()).await, AttemptVerdict::Allowed);
    assert_eq!(attempt(&state, "ada", "192.0.2.99", noon()).await, AttemptVerdict::Allowed, "from elsewhere");
    state.close().await;
    let state = State::open(&directory.path().join("state.db")).await.unwrap();
    assert_eq!(attempt(&state, "ada", "192.0.2.1", noon()).await, wait, "a restart is no way around");
    let then = noon() + SECOND * 3;
    assert_eq!(attempt(&state, "ada", "192.0.2.1", then).await, AttemptVerdict::Allowed);
    assert_eq!(attempt(&state, "ada", "192.0.2.1", then).await, AttemptVerdict::Wait(then + SECOND * 4));
}

#[tokio::test]
async fn a_network_waits_whatever_the_names() {
    let (_directory, state) = database().await;
    for user in ["a", "b", "c", "d", "e", "f"] {
        assert_eq!(attempt(&state, user, "192.0.2.1", noon()).await, AttemptVerdict::Allowed);
    }
    let wait = AttemptVerdict::Wait(noon() + SECOND * 6);
    assert_eq!(attempt(&state, "ada", "192.0.2.1", noon()).await, wait);
    let unnamed = SignInAttempt { name: None, address: "192.0.2.1".parse().unwrap(), is_known: false };
    assert_eq!(state.begin_sign_in(unnamed, noon(), pause).await.unwrap(), wait);
}

#[tokio::test]
async fn a_name_waits_when_it_is_tried_from_many_networks_and_one_stranger_is_not_many() {
    let (_directory, state) = database().await;
    // A hundred of one stranger weigh five.
    for second in 0..100 {
        attempt(&state, "ada", "192.0.2.1", noon() + HOUR / 100 * second).await;
    }
    let now = noon() + HOUR;
    for network in 2..8 {
        let address = format!("192.0.2.{network}");
        assert_eq!(attempt(&state, "ada", &address, now).await, AttemptVerdict::Allowed, "{network}");
    }
    assert_eq!(attempt(&state, "ada", "192.0.2.9", now).await, AttemptVerdict::Wait(now + SECOND * 11));
    assert_eq!(attempt(&state, "bob", "192.0.2.9", now).await, AttemptVerdict::Allowed);
}

#[tokio::test]
async fn where_someone_has_signed_in_before_they_wait_for_their_own_failures_alone() {
    let (_directory, state) = database().await;
    add(&state, "ada").await;
    add(&state, "bob").await;
    succeed(&state, "ada", "198.51.100.1", noon()).await;
    for stranger in 0..20 {
        attempt(&state, "ada", &format!("192.0.2.{stranger}"), noon()).await;
        attempt(&state, &format!("user{stranger}"), "198.51.100.1", noon()).await;
    }
    assert!(
        matches!(attempt(&state, "ada", "203.0.113.1", noon()).await, AttemptVerdict::Wait(_)),
        "elsewhere"
    );
    assert!(
        matches!(attempt(&state, "bob", "198.51.100.1", noon()).await, AttemptVerdict::Wait(_)),
        "another"
    );
    for _ in 0..3 {
        assert_eq!(attempt(&state, "ada", "198.51.100.1", noon()).await, AttemptVerdict::Allowed);
    }
    assert_eq!(
        attempt(&state, "ada", "198.51.100.1", noon()).await,
        AttemptVerdict::Wait(noon() + SECOND * 3)
    );
    // It is forgotten with a new password, and after a quarter of a year.
    let later = noon() + HOUR * 24 * 91;
    for stranger in 0..11 {
        attempt(&state, "ada", &format!("192.0.2.{stranger}"), later).await;
    }
    assert!(matches!(attempt(&state, "ada", "198.51.100.1", later).await, AttemptVerdict::Wait(_)));
}

#[tokio::test]
async fn whoever_is_signed_in_waits_for_their_own_failures_alone() {
    let (_directory, state) = database().await;
    let ada = name("ada");
    for user in ["a", "b", "c", "d", "e", "f"] {
        attempt(&state, user, "192.0.2.1", noon()).await;
    }
    let known = SignInAttempt { name: Some(&ada), address: "192.0.2.1".parse().unwrap(), is_known: true };
    for _ in 0..3 {
        assert_eq!(state.begin_sign_in(known, noon(), pause).await.unwrap(), AttemptVerdict::Allowed);
    }
    assert!(matches!(state.begin_sign_in(known, noon(), pause).await.unwrap(), AttemptVerdict::Wait(_)));
}

#[tokio::test]
async fn all_addresses_of_a_network_of_ipv6_are_one() {
    let (_directory, state) = database().await;
    for host in 1..=3 {
        let address = format!("2001:db8:0:1::{host}");
        assert_eq!(attempt(&state, "ada", &address, noon()).await, AttemptVerdict::Allowed);
    }
    assert!(matches!(attempt(&state, "ada", "2001:db8:0:1:9::9", noon()).await, AttemptVerdict::Wait(_)));
    assert_eq!(attempt(&state, "ada", "2001:db8:0:2::1", noon()).await, AttemptVerdict::Allowed);
}

#[tokio::test]
async fn a_success_clears_the_name_and_not_what_the_network_did_to_others() {
    let (_directory, state) = database().await;
    add(&state, "ada").await;
    for user in ["a", "b", "c", "d", "e"] {
        assert_eq!(attempt(&state, user, "192.0.2.1", noon()).await, AttemptVerdict::Allowed);
    }
    succeed(&state, "ada", "192.0.2.1", noon()).await;
    assert_eq!(attempt(&state, "bob", "192.0.2.1", noon()).await, AttemptVerdict::Allowed);
    assert!(matches!(attempt(&state, "bob", "192.0.2.1", noon()).await, AttemptVerdict::Wait(_)));
}

#[tokio::test]
async fn nobody_waits_for_long_because_the_clock_was_set_back() {
    let (_directory, state) = database().await;
    for _ in 0..3 {
        attempt(&state, "ada", "192.0.2.1", noon()).await;
    }
    let before = noon() - HOUR;
    assert_eq!(attempt(&state, "ada", "192.0.2.1", before).await, AttemptVerdict::Wait(before + SECOND * 3));
}

#[tokio::test]
async fn a_new_password_and_a_day_forget_the_failures() {
    let (_directory, state) = database().await;
    add(&state, "ada").await;
    for _ in 0..3 {
        attempt(&state, "ada", "192.0.2.1", noon()).await;
    }
    assert!(matches!(attempt(&state, "ada", "192.0.2.1", noon()).await, AttemptVerdict::Wait(_)));
    state.set_password(&name("ada"), "another", noon()).await.unwrap();
    for _ in 0..3 {
        assert_eq!(attempt(&state, "ada", "192.0.2.1", noon()).await, AttemptVerdict::Allowed);
    }
    let tomorrow = noon() + SECOND * 86_401;
    let ada = name("ada");
    let again = SignInAttempt { name: Some(&ada), address: "192.0.2.1".parse().unwrap(), is_known: false };
    let at_any_failure = |_: AttemptSubject, failures: u32| SECOND * 86_500 * failures.try_into().unwrap();
    let verdict = state.begin_sign_in(again, tomorrow, at_any_failure).await.unwrap();
    assert_eq!(verdict, AttemptVerdict::Allowed);
}
