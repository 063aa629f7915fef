//! What an issuer suggests, and when it is asked.

use std::collections::BTreeSet;

use baton_schedule::{
    Held, Lifetime, Reason, RenewalWindow, Situation, Suggestion, Task, Tries, ask_after_failure, ask_again,
    attention, latest,
};
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

const MINUTE: SignedDuration = SignedDuration::from_mins(1);
const HOUR: SignedDuration = SignedDuration::from_hours(1);
const DAY: SignedDuration = SignedDuration::from_hours(24);

const NOW: Timestamp = Timestamp::constant(1_793_836_800, 0);

fn window(start: Timestamp, end: Timestamp) -> RenewalWindow {
    RenewalWindow::new(start, end).unwrap()
}

/// A certificate that began so long ago and lives 90 days.
fn lifetime(age: SignedDuration) -> Lifetime {
    Lifetime { not_before: NOW - age, not_after: NOW - age + 90 * DAY }
}

fn situation(age: SignedDuration, chosen: Option<Timestamp>) -> Situation {
    let window = window(NOW, NOW + HOUR);
    Situation {
        current: Some(Held::new(lifetime(age), b"seed")),
        suggestion: chosen.map(|chosen| Suggestion { window, chosen }),
        ask_at: Some(NOW + HOUR),
        ..Situation::default()
    }
}

#[test]
fn a_window_that_ends_before_it_begins_or_as_it_begins_is_none() {
    assert_eq!(RenewalWindow::new(NOW, NOW), None);
    assert_eq!(RenewalWindow::new(NOW, NOW - HOUR), None);
    let window = window(NOW, NOW + HOUR);
    assert_eq!((window.start(), window.end()), (NOW, NOW + HOUR));
}

#[test]
fn the_moments_of_many_certificates_are_spread_evenly_over_the_window() {
    let window = window(NOW, NOW + 48 * HOUR);
    let mut tenths = [0; 10];
    for seed in 0..10_000_u32 {
        let later = window.choose(&seed.to_be_bytes()).duration_since(NOW);
        tenths[usize::try_from(later.as_millis() * 10 / (48 * HOUR).as_millis()).unwrap()] += 1;
    }
    assert!(tenths.iter().all(|count| (850..1150).contains(count)), "{tenths:?}");
}

#[test]
fn the_moment_stays_while_the_window_does() {
    let (one, other) = (window(NOW, NOW + DAY), window(NOW + DAY, NOW + 2 * DAY));
    let first = Suggestion::renewed(None, one, b"seed");
    assert_eq!(first.chosen, one.choose(b"seed"));
    // What was chosen by an earlier version, and stored, stays.
    let stored = Suggestion { window: one, chosen: NOW };
    assert_eq!(Suggestion::renewed(Some(stored), one, b"seed"), stored);
    let moved = Suggestion::renewed(Some(stored), other, b"seed");
    assert_eq!(moved, Suggestion { window: other, chosen: other.choose(b"seed") });

    let moments: BTreeSet<_> =
        (0..100).map(|hours| window(NOW, NOW + DAY + hours * HOUR).choose(b"seed")).collect();
    assert_eq!(moments.len(), 100, "each window has a moment of its own");
}

#[test]
fn an_issuer_is_asked_again_when_it_says_within_bounds() {
    for (wanted, pause) in [
        (None, 6 * HOUR),
        (Some(NOW + 6 * HOUR), 6 * HOUR),
        (Some(NOW + SignedDuration::from_secs(1)), MINUTE),
        (Some(NOW - DAY), MINUTE),
        (Some(NOW + DAY), 12 * HOUR),
        (Some(Timestamp::MAX), 12 * HOUR),
    ] {
        assert_eq!(ask_again(wanted, NOW), NOW + pause, "{wanted:?}");
    }
    let pauses: Vec<_> =
        (1..6).map(|attempts| ask_after_failure(attempts, b"seed", NOW).duration_since(NOW)).collect();
    for (pause, nominal) in pauses.iter().zip([MINUTE, 10 * MINUTE, 100 * MINUTE, 6 * HOUR, 6 * HOUR]) {
        assert!(*pause >= nominal && *pause <= nominal + nominal / 10, "{pauses:?}");
    }
}

#[test]
fn what_the_issuer_suggests_goes_before_two_thirds() {
    let due = |situation: Situation| situation.renewal(NOW);
    let (by_lifetime, reason) = due(situation(DAY, None));
    assert_eq!(reason, Reason::Lifetime);
    assert!(by_lifetime > NOW + 54 * DAY && by_lifetime <= NOW + 59 * DAY);
    // Earlier, later, and in the past: at once.
    for chosen in [NOW + 10 * DAY, NOW + 63 * DAY, NOW - DAY] {
        assert_eq!(due(situation(DAY, Some(chosen))), (chosen, Reason::Ari));
    }
    let revoked = situation(DAY, Some(NOW - DAY)).next(NOW);
    assert_eq!((revoked.task, revoked.at), (Task::Order, NOW - DAY));
}

#[test]
fn near_expiry_it_is_renewed_whatever_the_issuer_suggests() {
    let emergency = lifetime(DAY).not_after - 90 * DAY / 4;
    assert_eq!(latest(lifetime(DAY)), emergency);
    for chosen in [emergency + HOUR, lifetime(DAY).not_after, lifetime(DAY).not_after + DAY] {
        let (due, reason) = situation(DAY, Some(chosen)).renewal(NOW);
        assert_eq!((due, reason), (emergency, Reason::Lifetime));
    }
    // Then it is not asked any more either.
    let mut late = situation(68 * DAY, Some(NOW + 10 * DAY));
    late.ask_at = Some(NOW - HOUR);
    assert_eq!(late.next(NOW).task, Task::Order);
    assert_eq!(latest(late_lifetime()), NOW - DAY / 2);
}

fn late_lifetime() -> Lifetime {
    lifetime(68 * DAY)
}

#[test]
fn it_is_asked_before_an_order_that_could_wait_for_the_answer() {
    let mut new = situation(61 * DAY, None);
    new.ask_at = Some(Timestamp::MIN);
    assert_eq!(new.next(NOW).task, Task::Ask, "due, and never asked");
    new.ask_at = Some(NOW + HOUR);
    assert_eq!(new.next(NOW).task, Task::Order, "asked, and nothing was suggested");
    new.ask_at = None;
    assert_eq!(new.next(NOW).task, Task::Order, "an issuer that is never asked");
    let mut expired = situation(91 * DAY, None);
    expired.ask_at = Some(Timestamp::MIN);
    assert_eq!(expired.next(NOW).task, Task::Order, "not about what has expired");
    let fresh = situation(DAY, None);
    assert_eq!((fresh.next(NOW).task, fresh.next(NOW).at), (Task::Ask, NOW + HOUR));
}

#[test]
fn a_successor_at_hand_goes_first_and_has_tries_of_its_own() {
    let mut situation = situation(61 * DAY, None);
    situation.ask_at = Some(Timestamp::MIN);
    situation.pending = Some(Held::new(lifetime(DAY), b"successor"));
    // What failed for the issuing says nothing about the handover.
    situation.issuing = Tries { attempts: 4, retry_at: Some(NOW + 20 * HOUR) };
    let next = situation.next(NOW);
    assert!(next.task == Task::HandOver && next.at <= NOW);
    situation.handover = Tries { attempts: 2, retry_at: Some(NOW + 10 * MINUTE) };
    assert_eq!((situation.next(NOW).task, situation.next(NOW).at), (Task::HandOver, NOW + 10 * MINUTE));
    assert_eq!(situation.renewal(NOW), (NOW + 10 * MINUTE, Reason::Pending));
    // It was not handed over for so long that it is due itself.
    situation.pending = Some(Held::new(lifetime(61 * DAY), b"successor"));
    assert_eq!((situation.next(NOW).task, situation.renewal(NOW).1), (Task::Ask, Reason::Retry));
}

#[test]
fn a_certificate_waits_until_its_issuer_allows_it() {
    let mut limited = situation(61 * DAY, None);
    limited.issuing = Tries::default().failed(None, b"seed", NOW);
    limited.rest_until = Some(NOW + 34 * HOUR);
    assert_eq!(limited.settled(NOW).renewal(NOW), (NOW + 34 * HOUR, Reason::Retry));
    limited.rest_until = Some(NOW + 1000 * DAY);
    assert_eq!(limited.settled(NOW).renewal(NOW), (NOW + 8 * DAY, Reason::Retry));
}

#[test]
fn a_clock_that_is_set_back_prolongs_no_pause() {
    let back = NOW - DAY;
    let mut failed = situation(61 * DAY, None);
    failed.issuing = Tries::default().failed(Some(lifetime(61 * DAY)), b"seed", NOW);
    assert!(failed.settled(back).renewal(back).0 <= back + 66 * SignedDuration::from_secs(1));
    let fresh = situation(DAY, None);
    assert!(fresh.settled(back).next(back).at <= back + 12 * HOUR);
}

proptest! {
    #[test]
    fn the_moment_lies_in_the_window(start in 0..4_000_000_000_i64, length in 1..40_000_000_i64, seed: Vec<u8>) {
        let start = Timestamp::from_second(start).unwrap();
        let end = start + SignedDuration::from_secs(length);
        let window = window(start, end);
        let chosen = window.choose(&seed);
        prop_assert!(chosen >= start && chosen < end);
        prop_assert_eq!(chosen, window.choose(&seed));
    }

    #[test]
    fn whatever_is_suggested_it_is_renewed_while_all_is_fine(
        total in 1..40_000_000_i64, chosen in 0..4_000_000_000_i64, seed: Vec<u8>
    ) {
        let lifetime = Lifetime { not_before: NOW, not_after: NOW + SignedDuration::from_secs(total) };
        let chosen = Timestamp::from_second(chosen).unwrap();
        let suggestion = Some(Suggestion { window: window(NOW, NOW + HOUR), chosen });
        let situation = Situation { current: Some(Held::new(lifetime, &seed)), suggestion, ..Situation::default() };
        let (due, _) = situation.renewal(NOW);
        prop_assert_eq!(attention(lifetime, due.max(NOW)), baton_schedule::Attention::Fine);
    }
}
