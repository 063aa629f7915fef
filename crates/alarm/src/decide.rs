//! What is told, from what is wrong now, what was told, and the time: no clock, no database.

use std::collections::{HashMap, HashSet};

use baton_handover::{About, Trouble};
use baton_schedule::Attention;
use jiff::{SignedDuration, Timestamp};

use crate::notice::{Event, Notice};

/// What a channel is told, and how often.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// The least urgency that is told.
    pub from: Attention,
    /// After how long it is told again while it lasts.
    pub remind: SignedDuration,
}

/// A cause that a channel was told of, and not yet of its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// What was told last.
    pub notice: Notice,
    /// When.
    pub at: Timestamp,
}

/// What follows for one channel.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Decision {
    /// What is remembered anew: what is told now.
    pub told: Vec<Told>,
    /// The causes that are over.
    pub ended: Vec<String>,
    /// What to tell, in this order: what is over comes last.
    pub notices: Vec<Notice>,
}

impl Decision {
    /// Whether nothing follows.
    pub fn is_empty(&self) -> bool {
        self.told.is_empty() && self.ended.is_empty() && self.notices.is_empty()
    }
}

/// Decides what the channel `name` is told.
///
/// `troubles` are those that are wrong now and sure. A channel is not told that it does not get through: it would hear
/// of that only after. `is_waiting` says that earlier notices wait for it: a reminder adds nothing to them.
pub fn decide(
    name: &str,
    policy: Policy,
    troubles: &[Trouble],
    told: &[Told],
    is_waiting: bool,
    now: Timestamp,
) -> Decision {
    let before: HashMap<&str, &Told> = told.iter().map(|told| (told.notice.cause.as_str(), told)).collect();
    let mut decision = Decision::default();
    let mut present = HashSet::new();
    for trouble in troubles {
        if trouble.attention < policy.from || trouble.about == About::Alert(name.to_owned()) {
            continue;
        }
        let cause = trouble.cause();
        if present.contains(&cause) {
            continue;
        }
        let event = match before.get(cause.as_str()) {
            None => Some(Event::Raised),
            Some(told) if trouble.attention > told.notice.urgency() => Some(Event::Worse),
            Some(told) if !is_waiting && is_time(told.at, policy.remind, now) => Some(Event::Reminder),
            Some(_) => None,
        };
        if let Some(event) = event {
            let told = before.get(cause.as_str());
            let mut notice = Notice::of(trouble, event, told.map_or(now, |told| told.notice.since), now);
            // What was urgent once stays so until it is over: else it would become worse again and again.
            if let Some(told) = told.filter(|told| told.notice.urgency() > trouble.attention) {
                notice.attention = told.notice.attention.clone();
            }
            decision.told.push(Told { notice: notice.clone(), at: now });
            decision.notices.push(notice);
        } else if let Some(told) = before.get(cause.as_str()).filter(|told| told.at > now) {
            // The clock was put back: the reminder counts from here.
            decision.told.push(Told { at: now, ..(*told).clone() });
        }
        present.insert(cause);
    }
    for told in told.iter().filter(|told| !present.contains(&told.notice.cause)) {
        decision.ended.push(told.notice.cause.clone());
        decision.notices.push(told.notice.cleared(now));
    }
    decision
}

fn is_time(told_at: Timestamp, remind: SignedDuration, now: Timestamp) -> bool {
    told_at.checked_add(remind).is_ok_and(|at| at <= now)
}
