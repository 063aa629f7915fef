//! Keys that are kept from certificate to certificate, and should not be any more.

use baton_finding::Finding;
use baton_x509::Thumbprint;
use jiff::{SignedDuration, Timestamp};

fn hint(certificate: &str) -> String {
    format!(
        "`baton renew {certificate} --force --new-key` gives it a new key; where the issuer is a person, `baton request \
         {certificate} --new-key` asks for one"
    )
}

/// Whether a key is older than it should be. `since` is when its first certificate began.
pub fn key_old(
    certificate: &str,
    since: Timestamp,
    longest: SignedDuration,
    now: Timestamp,
) -> Option<Finding> {
    let age = now.duration_since(since);
    (age > longest).then(|| {
        let days = |span: SignedDuration| span.as_hours() / 24;
        Finding::warning(
            "key-old",
            format!(
                "the key of {certificate:?} is {} days old, and is meant to be used for {} at the most",
                days(age),
                days(longest)
            ),
            hint(certificate),
        )
    })
}

/// What is said of a key that is used on, although a certificate with it was revoked because others may have it.
pub fn key_compromised(certificate: &str, revoked: Thumbprint) -> Finding {
    Finding::warning(
        "key-compromised",
        format!(
            "others may have the key of {certificate:?}: {revoked}, which has the same key, was revoked for that reason"
        ),
        hint(certificate),
    )
}
