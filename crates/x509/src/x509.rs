//! One X.509 certificate (RFC 5280), read once and kept with what people ask of it.

use std::net::IpAddr;

use baton_finding::Explain;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use rustls_pki_types::CertificateDer;
use x509_parser::certification_request::X509CertificationRequest;
use x509_parser::extensions::{GeneralName, GeneralSubtree, KeyIdentifier, ParsedExtension};
use x509_parser::prelude::{FromDer, X509Certificate};
use x509_parser::public_key::PublicKey;
use x509_parser::x509::SubjectPublicKeyInfo;

use crate::distinguished_name;
use crate::key::KeyAlgorithm;
use crate::name::Name;
use crate::thumbprint::{Fingerprint, Thumbprint};

/// A single X.509 certificate: a leaf, an intermediate or a root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct X509 {
    der: Vec<u8>,
    thumbprint: Thumbprint,
    fingerprint: Fingerprint,
    subject: String,
    issuer: String,
    raw_subject: Vec<u8>,
    raw_issuer: Vec<u8>,
    /// Which key it is of, and which key has signed it, as the CA calls them (RFC 5280, 4.2.1.1 and 4.2.1.2).
    subject_key: Option<Vec<u8>>,
    authority_key: Option<Vec<u8>>,
    common_name: Option<String>,
    dns_names: Vec<String>,
    ip_addresses: Vec<IpAddr>,
    not_before: Timestamp,
    not_after: Timestamp,
    public_key: Vec<u8>,
    key_algorithm: KeyAlgorithm,
    serial: String,
    permitted_names: Vec<Name>,
    ca_issuers: Vec<String>,
    weakness: Option<&'static str>,
}

/// The bytes are no X.509 certificate.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the bytes are no X.509 certificate: {reason}")]
pub struct InvalidCertificate {
    reason: String,
}

impl Explain for InvalidCertificate {
    fn code(&self) -> &'static str {
        "certificate-unreadable"
    }

    fn hint(&self) -> Option<String> {
        Some("`openssl x509 -text -in FILE` shows what is in the file".to_owned())
    }
}

impl X509 {
    /// Reads one certificate in DER. Bytes after its end are refused.
    pub fn from_der(der: &[u8]) -> Result<Self, InvalidCertificate> {
        let invalid = |reason: &dyn ToString| InvalidCertificate { reason: reason.to_string() };
        let (rest, parsed) = X509Certificate::from_der(der).map_err(|error| invalid(&error))?;
        if !rest.is_empty() {
            return Err(invalid(&format!("{} bytes follow its end", rest.len())));
        }
        // "No end" is written as the last second of the year 9999 (RFC 5280, 4.1.2.5), a little beyond what
        // can be held here.
        let time = |seconds: i64| {
            let held = seconds.clamp(Timestamp::MIN.as_second(), Timestamp::MAX.as_second());
            Timestamp::from_second(held).map_err(|error| invalid(&error))
        };
        let mut dns_names = Vec::new();
        let mut ip_addresses = Vec::new();
        let alternative_names = parsed.subject_alternative_name().map_err(|error| invalid(&error))?;
        for name in alternative_names.iter().flat_map(|extension| &extension.value.general_names) {
            match name {
                GeneralName::DNSName(name) => dns_names.push((*name).to_owned()),
                GeneralName::IPAddress(octets) => ip_addresses.extend(ip_address(octets)),
                _ => {}
            }
        }
        Ok(Self {
            thumbprint: Thumbprint::of(der),
            fingerprint: Fingerprint::of(der),
            subject: distinguished_name::display(parsed.subject()),
            issuer: distinguished_name::display(parsed.issuer()),
            raw_subject: parsed.subject().as_raw().to_vec(),
            raw_issuer: parsed.issuer().as_raw().to_vec(),
            subject_key: key_identifier(&parsed, |extension| match extension {
                ParsedExtension::SubjectKeyIdentifier(key) => Some(key),
                _ => None,
            }),
            authority_key: key_identifier(&parsed, |extension| match extension {
                ParsedExtension::AuthorityKeyIdentifier(authority) => authority.key_identifier.as_ref(),
                _ => None,
            }),
            common_name: parsed
                .subject()
                .iter_common_name()
                .next()
                .and_then(|name| name.as_str().ok())
                .map(str::to_owned),
            dns_names,
            ip_addresses,
            not_before: time(parsed.validity().not_before.timestamp())?,
            not_after: time(parsed.validity().not_after.timestamp())?,
            public_key: parsed.public_key().raw.to_vec(),
            key_algorithm: KeyAlgorithm::of(parsed.public_key()),
            serial: parsed.raw_serial().iter().map(|byte| format!("{byte:02x}")).collect(),
            permitted_names: permitted_names(&parsed),
            ca_issuers: ca_issuers(&parsed),
            weakness: weakness(&parsed),
            der: der.to_vec(),
        })
    }

    /// Why no client should trust it, whoever has issued it: a key or a signature that is too weak today.
    pub fn weakness(&self) -> Option<&'static str> {
        self.weakness
    }

    /// The DER encoding.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// The DER encoding as the TLS library takes it.
    pub fn to_rustls(&self) -> CertificateDer<'static> {
        CertificateDer::from(self.der.clone())
    }

    /// SHA-1 of the DER: how people name it.
    pub fn thumbprint(&self) -> Thumbprint {
        self.thumbprint
    }

    /// SHA-256 of the DER: what equality is decided on.
    pub fn fingerprint(&self) -> Fingerprint {
        self.fingerprint
    }

    /// The subject as .NET prints it.
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// The issuer as .NET prints it.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// The subject's first common name; some short-lived public certificates have none.
    pub fn common_name(&self) -> Option<&str> {
        self.common_name.as_deref()
    }

    /// The DNS names of the subject alternative name, in order, case kept.
    pub fn dns_names(&self) -> &[String] {
        &self.dns_names
    }

    /// The IP addresses of the subject alternative name, in order.
    pub fn ip_addresses(&self) -> &[IpAddr] {
        &self.ip_addresses
    }

    /// All names a client may ask for: DNS names, then addresses.
    pub fn names(&self) -> Vec<String> {
        self.dns_names.iter().cloned().chain(self.ip_addresses.iter().map(ToString::to_string)).collect()
    }

    /// The first moment of validity.
    pub fn not_before(&self) -> Timestamp {
        self.not_before
    }

    /// The last moment of validity.
    pub fn not_after(&self) -> Timestamp {
        self.not_after
    }

    /// The end of validity as the products write it: UTC, `yyyyMMddTHHmmss.fffZ`.
    pub fn not_after_compact(&self) -> String {
        self.not_after.to_zoned(TimeZone::UTC).strftime("%Y%m%dT%H%M%S.000Z").to_string()
    }

    /// The SubjectPublicKeyInfo in DER.
    pub fn public_key(&self) -> &[u8] {
        &self.public_key
    }

    /// The bits of its public key (RFC 5280, 4.1.2.7: subjectPublicKey).
    pub fn public_key_bits(&self) -> &[u8] {
        // It was read once already.
        SubjectPublicKeyInfo::from_der(&self.public_key).map_or(&[], |(_, information)| {
            &self.public_key[self.public_key.len() - information.subject_public_key.data.len()..]
        })
    }

    /// The kind of its key.
    pub fn key_algorithm(&self) -> KeyAlgorithm {
        self.key_algorithm
    }

    /// The serial number in lower-case hexadecimal digits.
    pub fn serial(&self) -> &str {
        &self.serial
    }

    /// The names that a CA is limited to by its name constraints (RFC 5280, 4.2.1.10), and all names below
    /// them; an IP address stands for its whole permitted network. Empty when there are no such limits.
    pub fn permitted_names(&self) -> &[Name] {
        &self.permitted_names
    }

    /// Where the certificate of its issuer can be fetched (Authority Information Access, RFC 5280, 4.2.2.1), as URIs.
    pub fn ca_issuers(&self) -> &[String] {
        &self.ca_issuers
    }

    /// Whether the bytes are a request for a certificate (PKCS #10, RFC 2986) in DER.
    pub fn is_request(der: &[u8]) -> bool {
        X509CertificationRequest::from_der(der).is_ok()
    }

    /// Whether subject and issuer are the same name: a root, or self-signed.
    pub fn is_self_issued(&self) -> bool {
        self.raw_subject == self.raw_issuer
    }

    /// Whether both were issued by a CA of the same name.
    pub fn has_issuer_of(&self, other: &Self) -> bool {
        self.raw_issuer == other.raw_issuer
    }

    /// Whether `issuer` carries the name that issued this one. The signature is not looked at.
    pub fn is_named_issuer(&self, issuer: &Self) -> bool {
        self.raw_issuer == issuer.raw_subject
    }

    /// Whether the key of `issuer` is called the one that has signed this one: of several issuers of one name, as there are
    /// when a CA changes its key, it is the right one.
    pub(crate) fn names_key_of(&self, issuer: &Self) -> bool {
        self.authority_key.is_some() && self.authority_key == issuer.subject_key
    }

    /// Whether a client that asks for `host` (a DNS name or an address) would accept the names
    /// (RFC 9525, 6.3: a wildcard stands for exactly one left-most label).
    pub fn covers(&self, host: &str) -> bool {
        if let Ok(address) = host.trim_matches(['[', ']']).parse::<IpAddr>() {
            return self.ip_addresses.contains(&address);
        }
        let host = host.trim_end_matches('.');
        self.dns_names.iter().any(|name| match name.strip_prefix("*.") {
            Some(parent) => host
                .split_once('.')
                .is_some_and(|(label, rest)| !label.is_empty() && rest.eq_ignore_ascii_case(parent)),
            None => name.eq_ignore_ascii_case(host),
        })
    }
}

fn ip_address(octets: &[u8]) -> Option<IpAddr> {
    if let Ok(octets) = <[u8; 4]>::try_from(octets) {
        return Some(IpAddr::from(octets));
    }
    <[u8; 16]>::try_from(octets).ok().map(IpAddr::from)
}

fn key_identifier<'a>(
    certificate: &'a X509Certificate<'a>,
    of: impl Fn(&'a ParsedExtension<'a>) -> Option<&'a KeyIdentifier<'a>>,
) -> Option<Vec<u8>> {
    certificate
        .extensions()
        .iter()
        .find_map(|extension| of(extension.parsed_extension()))
        .map(|key| key.0.to_vec())
}

fn permitted_names(certificate: &X509Certificate<'_>) -> Vec<Name> {
    let constraints = certificate.name_constraints().ok().flatten();
    let subtrees = constraints.and_then(|constraints| constraints.value.permitted_subtrees.as_ref());
    let name = |subtree: &GeneralSubtree<'_>| match &subtree.base {
        GeneralName::DNSName(name) => Some(Name::Dns((*name).to_owned())),
        // Address and mask, one after the other.
        GeneralName::IPAddress(octets) => ip_address(&octets[..octets.len() / 2]).map(Name::Ip),
        _ => None,
    };
    subtrees.into_iter().flatten().filter_map(name).collect()
}

fn ca_issuers(certificate: &X509Certificate<'_>) -> Vec<String> {
    let accesses =
        certificate.extensions().iter().filter_map(|extension| match extension.parsed_extension() {
            ParsedExtension::AuthorityInfoAccess(access) => Some(access),
            _ => None,
        });
    let descriptions = accesses.flat_map(|access| &access.accessdescs);
    descriptions
        .filter(|description| description.access_method.to_id_string() == "1.3.6.1.5.5.7.48.2")
        .filter_map(|description| match &description.access_location {
            GeneralName::URI(uri) => Some((*uri).to_owned()),
            _ => None,
        })
        .collect()
}

/// RSA below 2048 bits, and signatures over MD5 or SHA-1 (CA/Browser Forum, Baseline Requirements, 6.1.5 and 7.1.3). What
/// a root says of itself is trusted by other means.
fn weakness(parsed: &X509Certificate<'_>) -> Option<&'static str> {
    const OVER_BROKEN_DIGESTS: [&str; 4] =
        ["1.2.840.113549.1.1.4", "1.2.840.113549.1.1.5", "1.2.840.10045.4.1", "1.2.840.10040.4.3"];
    if let Ok(PublicKey::RSA(key)) = parsed.public_key().parsed()
        && key.key_size() < 2048
    {
        return Some("its RSA key has less than 2048 bits");
    }
    let signature = parsed.signature_algorithm.algorithm.to_id_string();
    let is_self_issued = parsed.subject().as_raw() == parsed.issuer().as_raw();
    (!is_self_issued && OVER_BROKEN_DIGESTS.contains(&signature.as_str()))
        .then_some("its signature is over MD5 or SHA-1")
}
