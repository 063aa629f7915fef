//! The pauses between failed attempts.

use jiff::SignedDuration;

use crate::Lifetime;
use crate::spread::share;

/// The shortest pause, however short a certificate lives: an issuer is never asked in a busy loop.
const MINIMUM: SignedDuration = SignedDuration::from_secs(1);

/// How long to wait after so many failures: 1 minute, 10 minutes, 100 minutes, then a day, as Let's Encrypt's
/// integration guide advises. Up to a tenth is added, so that those who failed together do not return together.
///
/// `attempts` counts the failures so far. Zero is taken for one: a caller that counts late must not spin. `seed` is
/// the certificate's fingerprint, or a name where there is no certificate yet.
#[must_use]
pub fn backoff(attempts: u32, seed: &[u8]) -> SignedDuration {
    spread(nominal(attempts), attempts, seed)
}

/// Like [`backoff`], but no pause is longer than a twentieth of the lifetime of the certificate that is to be
/// replaced, the addition included; and none is shorter than a second.
///
/// So a certificate that lives 90 seconds is not tried again only after its death, and one that is renewed in time
/// has several attempts before it expires.
#[must_use]
pub fn backoff_within(attempts: u32, seed: &[u8], lifetime: Lifetime) -> SignedDuration {
    // Ten elevenths, so that the tenth that is added still fits: cutting off behind it would bring all
    // back at the same moment.
    let most = lifetime.total() / 20 / 11 * 10;
    spread(nominal(attempts).min(most), attempts, seed).max(MINIMUM)
}

/// No pause after so many failures is longer, whatever the seed.
pub(crate) fn longest(attempts: u32) -> SignedDuration {
    nominal(attempts) + nominal(attempts) / 10
}

fn nominal(attempts: u32) -> SignedDuration {
    match attempts {
        0 | 1 => SignedDuration::from_mins(1),
        2 => SignedDuration::from_mins(10),
        3 => SignedDuration::from_mins(100),
        _ => SignedDuration::from_hours(24),
    }
}

fn spread(pause: SignedDuration, attempts: u32, seed: &[u8]) -> SignedDuration {
    pause + share(pause / 10, seed.iter().copied().chain(attempts.to_le_bytes()))
}
