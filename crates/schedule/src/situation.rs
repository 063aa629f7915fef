//! What is known of one certificate, and what follows from it.

use jiff::{SignedDuration, Timestamp};

use crate::backoff::longest;
use crate::window::SELDOMEST;
use crate::{Lifetime, Suggestion, due};

/// A certificate that is in force, or waits to be handed over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Held {
    lifetime: Lifetime,
    /// When it is due by its lifetime.
    due: Timestamp,
    /// When it is due whatever its issuer suggests.
    latest: Timestamp,
}

impl Held {
    /// A certificate; `seed` is its fingerprint.
    #[must_use]
    pub fn new(lifetime: Lifetime, seed: &[u8]) -> Self {
        Self { lifetime, due: due(lifetime, seed), latest: latest(lifetime) }
    }

    /// A certificate that is not what is wanted, for other names for example: it is due at once.
    #[must_use]
    pub fn unwanted(lifetime: Lifetime) -> Self {
        Self { lifetime, due: Timestamp::MIN, latest: Timestamp::MIN }
    }
}

/// The moment from which on a certificate is renewed whatever its issuer suggests: when a quarter of its lifetime is
/// left, which is when [`attention`](crate::attention) turns to *soon*.
///
/// RFC 9773 leaves it to the client to renew earlier than suggested. A window that ends so late would leave no time to
/// repair what fails.
#[must_use]
pub fn latest(lifetime: Lifetime) -> Timestamp {
    lifetime.not_after.checked_sub(lifetime.total() / 4).unwrap_or(lifetime.not_before)
}

/// How often something failed in a row, and when it is worth another try.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tries {
    /// How often it failed since the last success.
    pub attempts: u32,
    /// Not to be tried again before.
    pub retry_at: Option<Timestamp>,
}

impl Tries {
    /// What follows from another failure: a pause within the lifetime of what is to be replaced. `seed` is its
    /// fingerprint. Without one, the pauses are those of [`backoff`](crate::backoff).
    #[must_use]
    pub fn failed(self, replaced: Option<Lifetime>, seed: &[u8], now: Timestamp) -> Self {
        let attempts = self.attempts.saturating_add(1);
        let pause = replaced.map_or_else(
            || crate::backoff(attempts, seed),
            |lifetime| crate::backoff_within(attempts, seed, lifetime),
        );
        Self { attempts, retry_at: now.checked_add(pause).ok() }
    }

    /// Never further away than the pause that was meant.
    fn settled(self, now: Timestamp) -> Self {
        let latest = now.checked_add(longest(self.attempts)).unwrap_or(Timestamp::MAX);
        Self { retry_at: self.retry_at.map(|at| at.min(latest)), ..self }
    }

    /// The moment of the next try.
    fn not_before(&self) -> Timestamp {
        self.retry_at.unwrap_or(Timestamp::MIN)
    }
}

/// All that decides what is to be done for a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Situation {
    /// The certificate that was last handed over to all its targets.
    pub current: Option<Held>,
    /// A successor that is issued and not handed over to all of them.
    pub pending: Option<Held>,
    /// What the issuer suggested about `current`.
    pub suggestion: Option<Suggestion>,
    /// When the issuer is to be asked about `current`; `None` for one that suggests nothing.
    pub ask_at: Option<Timestamp>,
    /// The attempts to get a successor.
    pub issuing: Tries,
    /// Not to be ordered before, as the issuer said.
    pub rest_until: Option<Timestamp>,
    /// The attempts to hand `pending` over.
    pub handover: Tries,
}

/// The longest time that a certificate waits because its issuer says so: a week is the longest limit of public CAs.
const LONGEST_REST: SignedDuration = SignedDuration::from_hours(8 * 24);

/// What can be done for a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Task {
    /// Ask its issuer when it is to be renewed.
    Ask,
    /// Get a successor.
    Order,
    /// Hand the successor at hand over.
    HandOver,
}

/// Why something is due when it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reason {
    /// The issuer suggested it (ACME Renewal Information).
    Ari,
    /// By the lifetime of the certificate, or because there is none that is wanted.
    Lifetime,
    /// It failed before, or the issuer wants to be left alone until then.
    Retry,
    /// A successor is at hand and is to be handed over.
    Pending,
}

/// What is to be done next for a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Next {
    /// What.
    pub task: Task,
    /// When; in the past when it is overdue.
    pub at: Timestamp,
}

impl Situation {
    /// The same, with no moment to wait for further away than the pause that was meant: what was written down by a
    /// clock that was ahead is not waited for. Once for what is read, and not at every look: the moments would move on
    /// with the time.
    #[must_use]
    pub fn settled(self, now: Timestamp) -> Self {
        let seldomest = now.checked_add(SELDOMEST).unwrap_or(Timestamp::MAX);
        Self {
            ask_at: self.ask_at.map(|at| at.min(seldomest)),
            issuing: self.issuing.settled(now),
            rest_until: self
                .rest_until
                .map(|until| until.min(now.checked_add(LONGEST_REST).unwrap_or(Timestamp::MAX))),
            handover: self.handover.settled(now),
            ..self
        }
    }

    /// What is to be done next.
    ///
    /// A successor at hand goes before everything, unless it has become due itself meanwhile. Where the issuer is to
    /// be asked, it is asked before an order that could as well wait for its answer.
    #[must_use]
    pub fn next(&self, now: Timestamp) -> Next {
        if let Some(pending) = self.worthy_pending(now) {
            return Next { task: Task::HandOver, at: self.handover.not_before().min(pending.due) };
        }
        let (order_at, _) = self.renewal(now);
        match self.question(now) {
            Some(ask_at) if ask_at <= order_at || (ask_at <= now && !self.is_urgent(now)) => {
                Next { task: Task::Ask, at: ask_at }
            }
            _ => Next { task: Task::Order, at: order_at },
        }
    }

    /// When it is to be renewed, and why then. That is the next attempt: a certificate that failed is due by its next
    /// try.
    #[must_use]
    pub fn renewal(&self, now: Timestamp) -> (Timestamp, Reason) {
        if self.worthy_pending(now).is_some() {
            return (self.handover.not_before(), Reason::Pending);
        }
        let (due, reason) = match (self.current, self.suggestion) {
            (None, _) => (Timestamp::MIN, Reason::Lifetime),
            (Some(current), Some(suggestion)) if suggestion.chosen <= current.latest => {
                (suggestion.chosen, Reason::Ari)
            }
            (Some(current), Some(_)) => (current.latest, Reason::Lifetime),
            (Some(current), None) => (current.due, Reason::Lifetime),
        };
        let retry_at = self.issuing.not_before().max(self.rest_until.unwrap_or(Timestamp::MIN));
        if retry_at > due { (retry_at, Reason::Retry) } else { (due, reason) }
    }

    /// When the certificate is at its end: of several that must wait, the one that ends first goes first.
    pub(crate) fn ends(&self) -> Timestamp {
        self.current.map_or(Timestamp::MIN, |current| current.lifetime.not_after)
    }

    /// A successor at hand, unless it is due itself.
    fn worthy_pending(&self, now: Timestamp) -> Option<Held> {
        self.pending.filter(|pending| pending.due > now)
    }

    /// When the issuer is to be asked: not about a certificate that has expired or is to be replaced anyway (RFC
    /// 9773, section 4.3).
    fn question(&self, now: Timestamp) -> Option<Timestamp> {
        let current = self.current.filter(|current| current.due > Timestamp::MIN)?;
        self.ask_at.filter(|at| *at.max(&now) < current.lifetime.not_after)
    }

    fn is_urgent(&self, now: Timestamp) -> bool {
        self.current.is_none_or(|current| current.latest <= now)
    }
}
