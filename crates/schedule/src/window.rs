//! What an issuer suggests about the renewal of a certificate: RFC 9773.

use jiff::{SignedDuration, Timestamp};

use crate::spread::share;

/// The time in which an issuer wants a certificate to be renewed: RFC 9773, section 4.2.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct RenewalWindow {
    start: Timestamp,
    end: Timestamp,
}

impl RenewalWindow {
    /// A window; `None` when it ends before it begins, or as it begins. Such a one is to be treated as if the issuer
    /// had not answered (section 4.2).
    #[must_use]
    pub fn new(start: Timestamp, end: Timestamp) -> Option<Self> {
        (start < end).then_some(Self { start, end })
    }

    /// Its first moment.
    #[must_use]
    pub fn start(&self) -> Timestamp {
        self.start
    }

    /// Its end.
    #[must_use]
    pub fn end(&self) -> Timestamp {
        self.end
    }

    /// A moment within it, uniformly spread over all certificates and windows: it follows from `seed`, the
    /// certificate's fingerprint, and from the window. So it is the same after a restart, and another one as soon
    /// as the issuer changes the window.
    #[must_use]
    pub fn choose(&self, seed: &[u8]) -> Timestamp {
        let ends = [self.start, self.end].map(|end| end.as_second().to_le_bytes());
        let seed = seed.iter().copied().chain(ends.into_iter().flatten());
        let later = share(self.end.duration_since(self.start), seed);
        // A share is less than the whole: the sum lies between two times that exist.
        self.start.checked_add(later).unwrap_or(self.start)
    }
}

/// What is kept of an issuer's suggestion.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Suggestion {
    /// The window.
    pub window: RenewalWindow,
    /// The moment that was chosen in it.
    pub chosen: Timestamp,
}

impl Suggestion {
    /// What follows from a new answer: the moment chosen before stays while the window does.
    #[must_use]
    pub fn renewed(before: Option<Self>, window: RenewalWindow, seed: &[u8]) -> Self {
        match before {
            Some(before) if before.window == window => before,
            _ => Self { window, chosen: window.choose(seed) },
        }
    }
}

/// The longest time between two questions: twice a day, so that a certificate that is about to be revoked is
/// replaced in time.
pub(crate) const SELDOMEST: SignedDuration = SignedDuration::from_hours(12);

/// When an issuer does not say, or what it says cannot be used: RFC 9773, section 4.3.3.
const DEFAULT: SignedDuration = SignedDuration::from_hours(6);

/// When an issuer is to be asked again after it has answered. `wanted` is its `Retry-After`, which is both the
/// earliest moment and the one to aim at; it is bounded to a minute below (RFC 9773, section 4.3.2), and to half a day
/// above.
#[must_use]
pub fn ask_again(wanted: Option<Timestamp>, now: Timestamp) -> Timestamp {
    let pause = wanted.map_or(DEFAULT, |wanted| wanted.duration_since(now));
    later(now, pause.clamp(SignedDuration::from_mins(1), SELDOMEST))
}

/// When an issuer is to be asked again that did not answer, or with nothing that can be used: after pauses that grow to
/// six hours (RFC 9773, section 4.3.3). `attempts` counts the failures in a row.
#[must_use]
pub fn ask_after_failure(attempts: u32, seed: &[u8], now: Timestamp) -> Timestamp {
    later(now, crate::backoff(attempts, seed).min(DEFAULT))
}

fn later(now: Timestamp, pause: SignedDuration) -> Timestamp {
    now.checked_add(pause).unwrap_or(Timestamp::MAX)
}
