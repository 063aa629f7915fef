//! Spreading moments apart without random numbers.
//!
//! A hundred certificates issued in one night must not all be renewed in one later second; a restart must not
//! move a moment that was already shown to someone. So the spread is a hash of what identifies the certificate.
//!
//! FNV-1a is enough. Nobody gains by predicting or colliding it: who could choose a fingerprint would choose when
//! their own certificate is renewed, within a twentieth of its lifetime. The usual seed is a SHA-256
//! fingerprint and uniform already; the finalizer of SplitMix64 is there for short seeds that
//! differ in the last byte only, which FNV-1a alone hardly carries into the upper bits. The standard library's
//! hasher is no choice: it may give other values in the next release.

use jiff::SignedDuration;

/// A share of `range` that depends on `seed` alone: from nothing to nearly all of it, in whole milliseconds.
/// Nothing for a range that is not positive.
pub(crate) fn share(range: SignedDuration, seed: impl IntoIterator<Item = u8>) -> SignedDuration {
    // 32 bits of the hash divide even a month into steps below a millisecond. The product fits: all the times that
    // exist span less than 2^50 milliseconds.
    let numerator = i128::from(hash(seed) >> 32);
    let milliseconds = (range.as_millis().max(0) * numerator) >> 32;
    SignedDuration::try_from_millis_i128(milliseconds).unwrap_or(SignedDuration::ZERO)
}

fn hash(seed: impl IntoIterator<Item = u8>) -> u64 {
    const OFFSET_BASIS: u64 = 0xCBF2_9CE4_8422_2325;
    const PRIME: u64 = 0x0000_0100_0000_01B3;
    let folded =
        seed.into_iter().fold(OFFSET_BASIS, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(PRIME));
    let mixed = (folded ^ (folded >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^ (mixed >> 31)
}
