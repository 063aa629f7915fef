//! Whether a person must look.

use jiff::Timestamp;

use crate::Lifetime;

/// How urgently a certificate needs a person. Ordered: the greatest of several is that of all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Attention {
    /// Nothing to do: it is fresh, or its renewal is under way in good time.
    Fine,
    /// It should have been renewed by now, and there is still time to repair what fails.
    Soon,
    /// It has expired, or is about to.
    Now,
}

impl Attention {
    /// How it is written: `fine`, `soon` or `now`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Fine => "fine",
            Self::Soon => "soon",
            Self::Now => "now",
        }
    }

    /// Reads what [`name`](Self::name) has written.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        [Self::Fine, Self::Soon, Self::Now].into_iter().find(|attention| attention.name() == name)
    }
}

/// How urgent it is: [`Now`](Attention::Now) when less than a tenth of the lifetime is left or none,
/// [`Soon`](Attention::Soon) when less than a quarter is.
///
/// Shares and not days, as "two weeks left" is early for a certificate that lives a year and all there is for one
/// that lives a week. A quarter is past every moment that [`due`](crate::due) names, by at least a twelfth of
/// the lifetime; so *soon* means that renewals have failed, and not that one is about to run.
#[must_use]
pub fn attention(lifetime: Lifetime, now: Timestamp) -> Attention {
    let total = lifetime.total();
    let remaining = lifetime.remaining(now);
    // What has expired has less than nothing left.
    if total.is_zero() || remaining < total / 10 {
        Attention::Now
    } else if remaining < total / 4 {
        Attention::Soon
    } else {
        Attention::Fine
    }
}
