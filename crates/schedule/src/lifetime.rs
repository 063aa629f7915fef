//! The validity of a certificate.

use jiff::{SignedDuration, Timestamp};

/// From when to when a certificate is valid: RFC 5280, section 4.1.2.5.
///
/// Nothing is checked, as a certificate may say anything: one that ends before it begins has no lifetime, is due
/// at once and needs attention now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Lifetime {
    /// The first moment of validity.
    pub not_before: Timestamp,
    /// The last moment of validity.
    pub not_after: Timestamp,
}

impl Lifetime {
    /// How long the certificate lives in all; zero when it ends before it begins.
    ///
    /// The difference of the two times. RFC 5280 counts the last second in, which no decision here depends on.
    #[must_use]
    pub fn total(&self) -> SignedDuration {
        self.not_after.duration_since(self.not_before).max(SignedDuration::ZERO)
    }

    /// How long it is still valid; negative once it has expired, by the time since then.
    #[must_use]
    pub fn remaining(&self, now: Timestamp) -> SignedDuration {
        self.not_after.duration_since(now)
    }
}
