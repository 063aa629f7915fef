//! The moment of renewal.

use jiff::{SignedDuration, Timestamp};

use crate::Lifetime;
use crate::spread::share;

/// Below this, a certificate is renewed at half of its lifetime.
const SHORT: SignedDuration = SignedDuration::from_hours(10 * 24);

/// When a certificate is to be renewed: at two thirds of its lifetime, or at half when it lives less than ten
/// days, as Let's Encrypt's integration guide advises.
///
/// The moment is moved **earlier** by up to a twentieth of the lifetime, by a share that follows from `seed`: the
/// certificate's fingerprint, so that it survives a restart. It is never later than the nominal
/// moment, as what is left of the lifetime is the time to repair what fails; and it always lies within the lifetime.
///
/// An issuer's renewal window (RFC 9773) goes before this.
#[must_use]
pub fn due(lifetime: Lifetime, seed: &[u8]) -> Timestamp {
    let total = lifetime.total();
    let nominal = if total < SHORT { total / 2 } else { total / 3 * 2 };
    let earlier = share(total / 20, seed.iter().copied());
    // Nominal is at least half, earlier at most a twentieth: the sum lies between the two ends of the lifetime, so
    // it is a time that exists. Where it ends before it begins, it is the beginning.
    lifetime.not_before.checked_add(nominal - earlier).unwrap_or(lifetime.not_before)
}
