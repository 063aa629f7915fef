//! Single moments: tables for the lifetimes that exist, properties for all others.

use std::collections::BTreeSet;

use baton_schedule::{Attention, Lifetime, attention, backoff, backoff_within, due};
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

const SECOND: SignedDuration = SignedDuration::from_secs(1);
const MINUTE: SignedDuration = SignedDuration::from_mins(1);
const HOUR: SignedDuration = SignedDuration::from_hours(1);
const DAY: SignedDuration = SignedDuration::from_hours(24);

/// A certificate that lives so long, issued in November 2026.
fn lifetime(total: SignedDuration) -> Lifetime {
    let not_before = Timestamp::constant(1_793_836_800, 0);
    Lifetime { not_before, not_after: not_before + total }
}

/// Fingerprints as different certificates have them, and not more different than needed.
fn seeds() -> impl Iterator<Item = Vec<u8>> {
    (0..200_u8).map(|last| vec![0x0C, 0x32, last])
}

#[test]
fn due_at_two_thirds_or_half_and_up_to_a_twentieth_earlier() {
    let table = [
        ("90 s", 90 * SECOND, 45 * SECOND),
        ("160 h", 160 * HOUR, 80 * HOUR),
        ("9 d 23 h 59 min", 10 * DAY - MINUTE, 5 * DAY - 30 * SECOND),
        ("10 d", 10 * DAY, 160 * HOUR),
        ("45 d", 45 * DAY, 30 * DAY),
        ("47 d", 47 * DAY, 31 * DAY + 8 * HOUR),
        ("90 d", 90 * DAY, 60 * DAY),
        ("200 d", 200 * DAY, 133 * DAY + 8 * HOUR),
    ];
    for (name, total, nominal) in table {
        let lifetime = lifetime(total);
        let offsets: BTreeSet<_> =
            seeds().map(|seed| due(lifetime, &seed).duration_since(lifetime.not_before)).collect();
        let (first, last) = (*offsets.first().unwrap(), *offsets.last().unwrap());
        assert!(last <= nominal, "{name}: at {last}, later than {nominal}");
        assert!(first >= nominal - total / 20, "{name}: at {first}, too early");
        // Both ends of the range are used, and nearly every certificate has a moment of its own.
        assert!(last > nominal - total / 200, "{name}: the latest is {last}");
        assert!(first < nominal - total / 20 + total / 200, "{name}: the earliest is {first}");
        assert!(offsets.len() > 190, "{name}: only {} moments", offsets.len());
    }
}

#[test]
fn due_is_the_same_in_every_version() {
    // What was shown to someone must not move with an update. Checked against
    // another implementation of FNV-1a and SplitMix64.
    let moment = due(lifetime(90 * DAY), b"seed").to_string();
    assert_eq!(moment, "2026-12-31T21:38:10.942Z");
}

#[test]
fn due_is_spread_evenly() {
    let lifetime = lifetime(100 * DAY);
    let mut tenths = [0; 10];
    for seed in 0..10_000_u32 {
        let earlier = (lifetime.not_before + 1600 * HOUR).duration_since(due(lifetime, &seed.to_be_bytes()));
        let tenth = earlier.as_millis() * 10 / (5 * DAY).as_millis();
        tenths[usize::try_from(tenth).unwrap()] += 1;
    }
    assert!(tenths.iter().all(|count| (850..1150).contains(count)), "{tenths:?}");
}

#[test]
fn a_lifetime_that_ends_before_it_begins_is_due_at_once() {
    let reversed = Lifetime { not_after: lifetime(DAY).not_before, not_before: lifetime(DAY).not_after };
    assert_eq!(reversed.total(), SignedDuration::ZERO);
    assert_eq!(due(reversed, b"seed"), reversed.not_before);
    assert_eq!(attention(reversed, reversed.not_after - HOUR), Attention::Now);
    assert_eq!(backoff_within(1, b"seed", reversed), SECOND);
}

#[test]
fn backoff_grows_to_a_day() {
    let table =
        [(0, MINUTE), (1, MINUTE), (2, 10 * MINUTE), (3, 100 * MINUTE), (4, DAY), (5, DAY), (u32::MAX, DAY)];
    for (attempts, nominal) in table {
        let pauses: BTreeSet<_> = seeds().map(|seed| backoff(attempts, &seed)).collect();
        let (first, last) = (*pauses.first().unwrap(), *pauses.last().unwrap());
        assert!(first >= nominal && last <= nominal + nominal / 10, "{attempts}: {first} to {last}");
        assert!(last - first > nominal / 11, "{attempts}: {first} to {last} is hardly spread");
    }
}

#[test]
fn backoff_differs_from_attempt_to_attempt() {
    let pauses: BTreeSet<_> = (4..20).map(|attempts| backoff(attempts, b"seed")).collect();
    assert_eq!(pauses.len(), 16);
}

#[test]
fn backoff_within_keeps_to_a_twentieth_of_the_lifetime() {
    let table = [
        // (lifetime, failures, shortest, longest)
        ("90 s", 90 * SECOND, 1, 4 * SECOND, 4500 * SECOND / 1000),
        ("90 s", 90 * SECOND, 9, 4 * SECOND, 4500 * SECOND / 1000),
        ("12 s", 12 * SECOND, 9, SECOND, SECOND),
        ("160 h", 160 * HOUR, 1, MINUTE, 66 * SECOND),
        ("160 h", 160 * HOUR, 4, 7 * HOUR + 16 * MINUTE, 8 * HOUR),
        ("9 d 23 h 59 min", 10 * DAY - MINUTE, 4, 10 * HOUR + 54 * MINUTE, 12 * HOUR),
        ("10 d", 10 * DAY, 4, 10 * HOUR + 54 * MINUTE, 12 * HOUR),
        ("47 d", 47 * DAY, 4, DAY, 26 * HOUR + 24 * MINUTE),
        ("90 d", 90 * DAY, 4, DAY, 26 * HOUR + 24 * MINUTE),
        ("200 d", 200 * DAY, 3, 100 * MINUTE, 110 * MINUTE),
    ];
    for (name, total, attempts, shortest, longest) in table {
        let pauses: BTreeSet<_> =
            seeds().map(|seed| backoff_within(attempts, &seed, lifetime(total))).collect();
        let (first, last) = (*pauses.first().unwrap(), *pauses.last().unwrap());
        assert!(first >= shortest && last <= longest, "{name}, {attempts}: {first} to {last}");
        assert!(pauses.len() > 100 || shortest == longest, "{name}, {attempts}: cut off, not spread");
    }
}

#[test]
fn attention_goes_by_the_share_that_is_left() {
    for total in
        [90 * SECOND, 160 * HOUR, 10 * DAY - MINUTE, 10 * DAY, 47 * DAY, 90 * DAY, 200 * DAY, 365 * DAY]
    {
        let lifetime = lifetime(total);
        let left = |remaining: SignedDuration| attention(lifetime, lifetime.not_after - remaining);
        assert_eq!(left(total), Attention::Fine, "{total}, fresh");
        assert_eq!(left(total + HOUR), Attention::Fine, "{total}, not yet valid");
        assert_eq!(left(total / 3), Attention::Fine, "{total}, due");
        assert_eq!(left(total / 4), Attention::Fine, "{total}");
        assert_eq!(left(total / 4 - SECOND), Attention::Soon, "{total}");
        assert_eq!(left(total / 10), Attention::Soon, "{total}");
        assert_eq!(left(total / 10 - SECOND), Attention::Now, "{total}");
        assert_eq!(left(SignedDuration::ZERO), Attention::Now, "{total}, the last moment");
        assert_eq!(left(-SECOND), Attention::Now, "{total}, expired");
    }
    assert_eq!([Attention::Soon, Attention::Now, Attention::Fine].iter().max(), Some(&Attention::Now));
}

#[test]
fn remaining_counts_below_zero() {
    let lifetime = lifetime(DAY);
    assert_eq!(lifetime.remaining(lifetime.not_before), DAY);
    assert_eq!(lifetime.remaining(lifetime.not_after + HOUR), -HOUR);
}

#[test]
fn the_longest_lifetime_that_exists_overflows_nothing() {
    let eternal = Lifetime { not_before: Timestamp::MIN, not_after: Timestamp::MAX };
    for seed in seeds() {
        let moment = due(eternal, &seed);
        assert!(moment > Timestamp::MIN && moment < Timestamp::MAX);
        assert!(backoff_within(4, &seed, eternal) >= DAY);
    }
    assert_eq!(attention(eternal, Timestamp::MIN), Attention::Fine);
}

prop_compose! {
    fn any_lifetime()(
        start in -60_000_000_000_i64..200_000_000_000,
        fraction in 0..1_000_000_000,
        total in prop_oneof![1..200_i64, 1..2_000_000_i64, 1..40_000_000_000_i64],
    ) -> Lifetime {
        let not_before = Timestamp::new(start, fraction).expect("a time that exists");
        Lifetime { not_before, not_after: not_before + SignedDuration::from_secs(total) }
    }
}

proptest! {
    #[test]
    fn due_is_inside_the_lifetime_and_never_late(lifetime in any_lifetime(), seed: Vec<u8>) {
        let moment = due(lifetime, &seed);
        let nominal = if lifetime.total() < 10 * DAY { lifetime.total() / 2 } else { lifetime.total() / 3 * 2 };
        prop_assert!(moment >= lifetime.not_before);
        prop_assert!(moment < lifetime.not_after);
        prop_assert!(moment <= lifetime.not_before + nominal);
        prop_assert!(moment >= lifetime.not_before + (nominal - lifetime.total() / 20));
        prop_assert_eq!(moment, due(lifetime, &seed));
        prop_assert_eq!(attention(lifetime, moment), Attention::Fine);
    }

    #[test]
    fn pauses_are_bounded(lifetime in any_lifetime(), seed: Vec<u8>, attempts: u32) {
        let pause = backoff_within(attempts, &seed, lifetime);
        prop_assert!(pause >= SECOND);
        prop_assert!(pause <= SECOND.max(lifetime.total() / 20));
        prop_assert!(pause <= backoff(attempts, &seed));
        prop_assert_eq!(pause, backoff_within(attempts, &seed, lifetime));
        prop_assert_eq!(backoff(attempts, &seed), backoff(attempts, &seed));
    }

    #[test]
    fn attention_only_grows(lifetime in any_lifetime(), one in 0_i64..50_000_000_000, other in 0_i64..50_000_000_000) {
        let at = |seconds: i64| attention(lifetime, lifetime.not_before + SignedDuration::from_secs(seconds));
        prop_assert!(at(one.min(other)) <= at(one.max(other)));
    }
}
