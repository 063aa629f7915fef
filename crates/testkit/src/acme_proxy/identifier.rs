//! How RFC 9773 names a certificate, and what the proxy keeps of each.

use std::time::{Duration, SystemTime};

use data_encoding::BASE64URL_NOPAD;
use x509_parser::extensions::{GeneralName, ParsedExtension};
use x509_parser::prelude::{FromDer as _, X509Certificate};

/// A certificate that a client has downloaded.
#[derive(Debug)]
pub(super) struct Issued {
    pub(super) identifier: String,
    /// The account that downloaded it.
    pub(super) account: String,
    /// As `type:value`.
    pub(super) names: Vec<String>,
    pub(super) not_before: SystemTime,
    pub(super) not_after: SystemTime,
}

impl Issued {
    /// `None` for what is no certificate.
    pub(super) fn read(der: &[u8], account: String) -> Option<Self> {
        let (_, certificate) = X509Certificate::from_der(der).ok()?;
        let identifier = identifier_of(&certificate)?;
        let names = certificate.subject_alternative_name().ok().flatten();
        let names = names.map(|names| names.value.general_names.iter().filter_map(name).collect());
        let at = |seconds: i64| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds.unsigned_abs());
        let validity = certificate.validity();
        Some(Self {
            identifier,
            account,
            names: names.unwrap_or_default(),
            not_before: at(validity.not_before.timestamp()),
            not_after: at(validity.not_after.timestamp()),
        })
    }
}

/// How RFC 9773, section 4.1, names a certificate: the authority key identifier and the serial number as its DER has
/// it, leading zero included, each in unpadded base64url, joined by a dot.
///
/// Panics for what is no certificate, or has no authority key identifier.
#[track_caller]
pub fn certificate_identifier(der: &[u8]) -> String {
    let (_, certificate) = X509Certificate::from_der(der).expect("a certificate");
    identifier_of(&certificate).expect("a certificate with an authority key identifier")
}

/// Whether a text has the form of such a name.
pub(super) fn is_identifier(text: &str) -> bool {
    let is_part = |part: &str| {
        !part.is_empty() && BASE64URL_NOPAD.decode(part.as_bytes()).is_ok_and(|it| !it.is_empty())
    };
    matches!(text.split('.').collect::<Vec<_>>()[..], [authority, serial] if is_part(authority) && is_part(serial))
}

fn identifier_of(certificate: &X509Certificate<'_>) -> Option<String> {
    let authority =
        certificate.extensions().iter().find_map(|extension| match extension.parsed_extension() {
            ParsedExtension::AuthorityKeyIdentifier(identifier) => identifier.key_identifier.as_ref(),
            _ => None,
        })?;
    let encoded = |bytes: &[u8]| BASE64URL_NOPAD.encode(bytes);
    Some(format!("{}.{}", encoded(authority.0), encoded(certificate.raw_serial())))
}

fn name(name: &GeneralName<'_>) -> Option<String> {
    match name {
        GeneralName::DNSName(name) => Some(format!("dns:{}", name.to_lowercase())),
        GeneralName::IPAddress(bytes) => match bytes.len() {
            4 => <[u8; 4]>::try_from(*bytes).ok().map(|it| format!("ip:{}", std::net::Ipv4Addr::from(it))),
            _ => <[u8; 16]>::try_from(*bytes).ok().map(|it| format!("ip:{}", std::net::Ipv6Addr::from(it))),
        },
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_form_of_an_identifier() {
        // The example of RFC 9773, section 4.1.
        assert!(is_identifier("aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE"));
        for wrong in ["", ".", "aYhb", "aYhb.", ".aYhb", "aYhb.aYhb.aYhb", "aY==.aYhb", "a+hb.aYhb", "aYhb.a"]
        {
            assert!(!is_identifier(wrong), "{wrong:?}");
        }
    }
}
