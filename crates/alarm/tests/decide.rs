//! What is told, from what is wrong, what was told, and a time that the test sets.

#![expect(clippy::unwrap_used, reason = "a test that cannot be set up is a failed test")]

use std::collections::{HashMap, HashSet};

use baton_alarm::{Decision, Event, Message, Policy, Suspicions, Told, decide};
use baton_finding::Finding;
use baton_handover::{About, Certainty, Trouble};
use baton_schedule::Attention;
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

const DAY: SignedDuration = SignedDuration::from_hours(24);
const POLICY: Policy = Policy { from: Attention::Soon, remind: DAY };

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + seconds).unwrap()
}

fn trouble(target: &str, attention: Attention) -> Trouble {
    Trouble {
        kind: "kind".to_owned(),
        about: About::Target(target.to_owned()),
        attention,
        certainty: Certainty::Lasting,
        finding: Finding::error("code", "the message", "the hint"),
    }
}

fn events(decision: &Decision) -> Vec<Event> {
    decision.notices.iter().map(|notice| notice.event).collect()
}

/// What is remembered after a decision: what the database does.
fn remember(told: &mut Vec<Told>, decision: &Decision) {
    told.retain(|one| !decision.ended.contains(&one.notice.cause));
    for new in &decision.told {
        told.retain(|one| one.notice.cause != new.notice.cause);
        told.push(new.clone());
    }
}

#[test]
fn a_trouble_is_told_once_reminded_and_cleared_once() {
    let troubles = [trouble("site", Attention::Now)];
    let mut told = Vec::new();
    let steps: [(i64, &[Trouble], &[Event]); 8] = [
        (0, &troubles, &[Event::Raised]),
        (60, &troubles, &[]),
        (86_399, &troubles, &[]),
        (86_400, &troubles, &[Event::Reminder]),
        (86_460, &troubles, &[]),
        (172_800, &troubles, &[Event::Reminder]),
        (172_801, &[], &[Event::Cleared]),
        (172_802, &[], &[]),
    ];
    for (seconds, troubles, expected) in steps {
        let decision = decide("ops", POLICY, troubles, &told, false, at(seconds));
        assert_eq!(events(&decision), expected, "after {seconds} s");
        remember(&mut told, &decision);
    }
    assert!(told.is_empty());
}

#[test]
fn what_becomes_urgent_is_told_at_once_and_only_once() {
    let mut told = Vec::new();
    let steps = [
        (Attention::Soon, &[Event::Raised][..]),
        (Attention::Now, &[Event::Worse]),
        (Attention::Soon, &[]),
        (Attention::Now, &[]),
    ];
    for (seconds, (attention, expected)) in steps.into_iter().enumerate() {
        let now = at(i64::try_from(seconds).unwrap());
        let decision = decide("ops", POLICY, &[trouble("site", attention)], &told, false, now);
        assert_eq!(events(&decision), expected, "{attention:?}");
        assert!(decision.notices.iter().all(|notice| notice.since == at(0)));
        remember(&mut told, &decision);
    }
}

#[test]
fn a_channel_for_the_urgent_hears_of_nothing_else() {
    let policy = Policy { from: Attention::Now, remind: DAY };
    let decision = decide("ops", policy, &[trouble("site", Attention::Soon)], &[], false, at(0));
    assert!(decision.is_empty());
}

#[test]
fn a_channel_is_not_told_that_it_does_not_get_through() {
    let own = Trouble { about: About::Alert("ops".to_owned()), ..trouble("", Attention::Soon) };
    assert!(decide("ops", POLICY, std::slice::from_ref(&own), &[], false, at(0)).is_empty());
    assert_eq!(events(&decide("mail", POLICY, &[own], &[], false, at(0))), [Event::Raised]);
}

#[test]
fn nobody_is_reminded_of_what_still_waits_to_be_told() {
    let troubles = [trouble("site", Attention::Now)];
    let mut told = Vec::new();
    remember(&mut told, &decide("ops", POLICY, &troubles, &[], false, at(0)));
    assert!(decide("ops", POLICY, &troubles, &told, true, at(90_000)).is_empty());
    assert_eq!(events(&decide("ops", POLICY, &[], &told, true, at(90_000))), [Event::Cleared]);
}

#[test]
fn a_clock_that_is_put_back_delays_a_reminder_by_one_interval_at_most() {
    let troubles = [trouble("site", Attention::Now)];
    let mut told = Vec::new();
    let year = 365 * 86_400;
    remember(&mut told, &decide("ops", POLICY, &troubles, &[], false, at(year)));
    let decision = decide("ops", POLICY, &troubles, &told, false, at(0));
    assert!(decision.notices.is_empty());
    remember(&mut told, &decision);
    assert_eq!(events(&decide("ops", POLICY, &troubles, &told, false, at(86_400))), [Event::Reminder]);
}

#[test]
fn what_may_be_gone_at_the_next_look_is_looked_at_twice() {
    let seen =
        |seconds| Trouble { certainty: Certainty::Seen(at(seconds)), ..trouble("site", Attention::Now) };
    let mut suspicions = Suspicions::default();
    let none = HashSet::new();
    let first = suspicions.sift(vec![seen(0)], &none);
    assert!(first.sure.is_empty() && first.look_again);
    let same = suspicions.sift(vec![seen(0)], &none);
    assert!(same.sure.is_empty() && same.look_again, "the same look says no more");
    let earlier = suspicions.sift(vec![seen(-1000)], &none);
    assert!(earlier.sure.is_empty() && earlier.look_again, "the clock was put back");
    let second = suspicions.sift(vec![seen(10)], &none);
    assert!(second.sure.len() == 1 && !second.look_again);

    assert!(suspicions.sift(Vec::new(), &none).sure.is_empty());
    assert!(suspicions.sift(vec![seen(20)], &none).sure.is_empty(), "it was gone in between");

    let told = HashSet::from([seen(0).cause()]);
    assert_eq!(Suspicions::default().sift(vec![seen(30)], &told).sure.len(), 1, "told already: it lasts");
}

#[test]
fn what_work_under_way_will_end_is_not_told() {
    let under_way = Trouble { certainty: Certainty::UnderWay, ..trouble("site", Attention::Now) };
    let mut suspicions = Suspicions::default();
    for _ in 0..3 {
        let sifted = suspicions.sift(vec![under_way.clone()], &HashSet::new());
        assert!(sifted.sure.is_empty() && !sifted.look_again);
    }
    let fine = trouble("site", Attention::Fine);
    assert!(suspicions.sift(vec![fine], &HashSet::new()).sure.is_empty(), "a notice wakes nobody");
}

#[test]
fn a_message_says_the_most_urgent_in_one_line_and_everything_in_its_text() {
    let evil = Trouble {
        finding: Finding::error("evil", "one\r\nBcc: all@example.com", "run\nthis"),
        ..trouble("b", Attention::Now)
    };
    let decision = decide("ops", POLICY, &[trouble("a", Attention::Soon), evil], &[], false, at(0));
    let message = Message::new("web1", decision.notices, at(1));
    assert_eq!(message.subject(), "Baton on web1: now: one  Bcc: all@example.com (and 1 more)");
    assert_eq!(
        message.text,
        "Baton on web1\n\nsoon: a\n  the message [code]\n  hint: the hint\n\n\
         now: b\n  one  Bcc: all@example.com [evil]\n  hint: run this\n"
    );
    let long =
        Trouble { finding: Finding::error("long", "ä".repeat(500), ""), ..trouble("c", Attention::Now) };
    let decision = decide("ops", POLICY, &[long], &[], false, at(0));
    assert_eq!(Message::new("web1", decision.notices, at(1)).subject().chars().count(), 120);
}

/// One look: which of four targets are in trouble, how urgent it is, and how long after the look before it is.
fn look() -> impl Strategy<Value = (Vec<Option<bool>>, i64)> {
    (proptest::collection::vec(proptest::option::of(any::<bool>()), 4), 0_i64..100_000)
}

proptest! {
    /// Whatever comes and goes: each trouble is raised, then perhaps worse or reminded, then cleared, and nothing else;
    /// what is remembered is what is wrong now; between two reminders lies the interval.
    #[test]
    fn each_cause_has_one_life_at_a_time(looks in proptest::collection::vec(look(), 1..40)) {
        let mut told = Vec::new();
        let mut now = 0;
        let mut open: HashMap<String, (Event, i64)> = HashMap::new();
        for (present, later) in looks {
            now += later;
            let troubles: Vec<Trouble> = present.iter().enumerate().filter_map(|(target, urgent)| {
                let attention = if (*urgent)? { Attention::Now } else { Attention::Soon };
                Some(trouble(&target.to_string(), attention))
            }).collect();
            let decision = decide("ops", POLICY, &troubles, &told, false, at(now));
            for notice in &decision.notices {
                let before = open.get(&notice.cause).copied();
                match notice.event {
                    Event::Raised => prop_assert!(before.is_none()),
                    Event::Worse | Event::Cleared => prop_assert!(before.is_some()),
                    Event::Reminder => prop_assert!(before.unwrap().1 + 86_400 <= now),
                }
                if notice.event == Event::Cleared {
                    open.remove(&notice.cause);
                } else {
                    open.insert(notice.cause.clone(), (notice.event, now));
                }
            }
            remember(&mut told, &decision);
            let wrong: HashSet<String> = troubles.iter().map(Trouble::cause).collect();
            let remembered: HashSet<String> = told.iter().map(|told| told.notice.cause.clone()).collect();
            prop_assert_eq!(&wrong, &remembered);
            prop_assert_eq!(&wrong, &open.keys().cloned().collect());
            prop_assert!(told.iter().all(|told| told.at > at(now - 86_400)), "a reminder is overdue");
            // The same look again tells nothing.
            prop_assert!(decide("ops", POLICY, &troubles, &told, false, at(now)).is_empty());
        }
    }
}
