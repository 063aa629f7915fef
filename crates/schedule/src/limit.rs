//! How often an issuer is asked for certificates.

use std::num::NonZeroU32;

use jiff::{SignedDuration, Timestamp};

/// The longest time that an issuer is left alone because it says so. What it says may be meant for one certificate
/// alone, and must not hold up all others for days: those are tried after this, and learn for themselves.
const LONGEST_REST: SignedDuration = SignedDuration::from_hours(1);

/// How much one issuer may be asked, for all certificates together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// How many orders there may be in a period; `None` for an issuer that needs no such limit.
    pub orders: Option<Rate>,
    /// How many orders may be under way at the same time, and as many questions beside them.
    pub at_a_time: NonZeroU32,
}

/// So many in a period: as many may come together after a pause, and they come back evenly.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// How many.
    pub count: NonZeroU32,
    /// In what time.
    pub period: SignedDuration,
}

impl Limits {
    /// What public CAs allow at the least: 300 new orders in three hours, as Let's Encrypt does for an account.
    pub const PUBLIC: Self = Self {
        orders: Some(Rate { count: count(300), period: SignedDuration::from_hours(3) }),
        at_a_time: count(8),
    };

    /// For an issuer that takes one order after the other, such as a command of the administrator.
    pub const ONE_AT_A_TIME: Self = Self { orders: None, at_a_time: count(1) };

    /// For an issuer on this machine.
    pub const LOCAL: Self = Self { orders: None, at_a_time: count(8) };
}

const fn count(number: u32) -> NonZeroU32 {
    match NonZeroU32::new(number) {
        Some(number) => number,
        None => NonZeroU32::MIN,
    }
}

/// What an issuer was asked so far. Kept in the state: a restart is no way around a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Limiter {
    /// When all that was taken has come back: the generic cell rate algorithm, which needs nothing else.
    pub full_at: Option<Timestamp>,
    /// Not to be asked for anything before, as the issuer itself said.
    pub rest_until: Option<Timestamp>,
}

impl Limiter {
    /// The same, with no moment further away than it can be: what was written down by a clock that was ahead is not
    /// waited for. Once for what is read, and not at every look: the moments would move on with the time.
    #[must_use]
    pub fn settled(self, limits: Limits, now: Timestamp) -> Self {
        let within = |at: Timestamp, most| at.min(now.checked_add(most).unwrap_or(Timestamp::MAX));
        let period = limits.orders.map(|rate| rate.period);
        Self {
            full_at: self.full_at.zip(period).map(|(at, period)| within(at, period)),
            rest_until: self.rest_until.map(|until| within(until, LONGEST_REST)),
        }
    }

    /// When the next order may begin: `now` or earlier when it may at once.
    #[must_use]
    pub fn next(&self, limits: Limits) -> Timestamp {
        let rest = self.rest_until.unwrap_or(Timestamp::MIN);
        let (Some(rate), Some(full_at)) = (limits.orders, self.full_at) else { return rest };
        rest.max(full_at.checked_sub(rate.period - rate.each()).unwrap_or(Timestamp::MIN))
    }

    /// Until when the issuer wants to be left alone; `None` when it may be asked.
    #[must_use]
    pub fn resting(&self, now: Timestamp) -> Option<Timestamp> {
        self.rest_until.filter(|until| *until > now)
    }

    /// Counts an order that begins.
    pub fn take(&mut self, limits: Limits, now: Timestamp) {
        if let Some(rate) = limits.orders {
            let full_at = self.full_at.map_or(now, |full_at| full_at.max(now));
            self.full_at = full_at.checked_add(rate.each()).ok();
        }
    }

    /// The issuer says that it is not to be asked before; for an hour at the most.
    pub fn rest(&mut self, until: Timestamp, now: Timestamp) {
        let until = until.min(now.checked_add(LONGEST_REST).unwrap_or(Timestamp::MAX));
        self.rest_until = self.rest_until.max(Some(until));
    }
}

impl Rate {
    /// How long it takes until one order has come back.
    fn each(self) -> SignedDuration {
        let divisor = i32::try_from(self.count.get()).unwrap_or(i32::MAX);
        self.period / divisor
    }
}
