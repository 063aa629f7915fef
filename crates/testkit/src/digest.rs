//! The two names of a certificate, computed from its DER.

use std::fmt::Write as _;

use aws_lc_rs::digest;

/// The thumbprint: SHA-1 of the DER, 40 upper-case hex digits, as Windows and the products' settings show it.
pub fn thumbprint(der: &[u8]) -> String {
    hexadecimal(digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, der).as_ref()).to_uppercase()
}

/// The fingerprint: SHA-256 of the DER, 64 lower-case hex digits. Equality of certificates is decided on it.
pub fn fingerprint(der: &[u8]) -> String {
    hexadecimal(digest::digest(&digest::SHA256, der).as_ref())
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}"); // writing into a String cannot fail
        text
    })
}
