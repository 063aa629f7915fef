//! An independent certificate authority: a root, an intermediate, and leaves of every kind a test asks for.
//!
//! Built on rcgen with aws-lc-rs. Serial numbers are random (rcgen's own default is a hash of the public key, so
//! that a renewal with the same key would repeat the serial). Names are issued as they are written, upper and
//! lower case kept; what parses as an IP address becomes an IP address.

use std::net::IpAddr;
use std::time::Duration;

use aws_lc_rs::rand;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer,
    KeyPair, KeyUsagePurpose, RsaKeySize, SerialNumber,
};
use time::OffsetDateTime;

use crate::digest::{fingerprint, thumbprint};

pub use issued::IssuedCertificate;

mod issued;

/// The organization in the names of root and intermediate: a second component, whose order a reader can get wrong.
const ORGANIZATION: &str = "Baton Testkit";

const HOUR: Duration = Duration::from_secs(60 * 60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// A certificate authority with a self-signed root and one intermediate, which signs the leaves.
pub struct Authority {
    root_pem: String,
    intermediate_pem: String,
    intermediate_name: String,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    /// A new authority with new keys (P-256). The root is named `common_name`, the intermediate
    /// `<common_name> Intermediate`; both are valid from ten years ago for twenty years.
    pub fn new(common_name: &str) -> Self {
        let root_key = KeyPair::generate().expect("a key pair");
        let root = authority_params(common_name, BasicConstraints::Unconstrained);
        let root_certificate = root.self_signed(&root_key).expect("a root");

        let intermediate_name = format!("{common_name} Intermediate");
        let intermediate_key = KeyPair::generate().expect("a key pair");
        let intermediate = authority_params(&intermediate_name, BasicConstraints::Constrained(0));
        let intermediate_certificate =
            intermediate.signed_by(&intermediate_key, &Issuer::new(root, root_key)).expect("an intermediate");

        Self {
            root_pem: root_certificate.pem(),
            intermediate_pem: intermediate_certificate.pem(),
            intermediate_name,
            issuer: Issuer::new(intermediate, intermediate_key),
        }
    }

    /// The root's certificate: what a client must trust.
    pub fn root_pem(&self) -> &str {
        &self.root_pem
    }

    /// The intermediate's certificate, which every chain of this authority ends with.
    pub fn intermediate_pem(&self) -> &str {
        &self.intermediate_pem
    }

    /// Begins a certificate for `names` (DNS names or IP addresses; the first is also the common name).
    ///
    /// Without further words: a new P-256 key, valid from an hour ago for 90 days. [`Issuance::sign`] makes it.
    pub fn issue(&self, names: &[&str]) -> Issuance<'_> {
        let now = now();
        Issuance {
            authority: self,
            names: names.iter().map(|&name| name.to_owned()).collect(),
            common_name: CommonName::FirstName,
            key: Key::P256,
            not_before: now - HOUR,
            not_after: now + 90 * DAY,
        }
    }
}

/// A certificate that is about to be made: what it shall be, until [`sign`](Self::sign).
#[must_use = "nothing is issued before `sign`"]
pub struct Issuance<'a> {
    authority: &'a Authority,
    names: Vec<String>,
    common_name: CommonName,
    key: Key,
    not_before: OffsetDateTime,
    not_after: OffsetDateTime,
}

enum Key {
    P256,
    Rsa2048,
    Pem(String),
}

enum CommonName {
    FirstName,
    None,
}

impl Issuance<'_> {
    /// Valid from an hour ago until `duration` from now.
    pub fn valid_for(mut self, duration: Duration) -> Self {
        (self.not_before, self.not_after) = (now() - HOUR, now() + duration);
        self
    }

    /// Expired yesterday, after 90 days.
    pub fn expired(mut self) -> Self {
        (self.not_before, self.not_after) = (now() - 91 * DAY, now() - DAY);
        self
    }

    /// Valid from tomorrow, for 90 days.
    pub fn not_yet_valid(mut self) -> Self {
        (self.not_before, self.not_after) = (now() + DAY, now() + 91 * DAY);
        self
    }

    /// A new key on the curve P-256 (the default).
    pub fn p256(mut self) -> Self {
        self.key = Key::P256;
        self
    }

    /// A new RSA key of 2048 bits.
    pub fn rsa2048(mut self) -> Self {
        self.key = Key::Rsa2048;
        self
    }

    /// The key of `predecessor`: a renewal in the sense of RFC 3647, section 4.6.
    pub fn same_key_as(mut self, predecessor: &IssuedCertificate) -> Self {
        self.key = Key::Pem(predecessor.key_pem.clone());
        self
    }

    /// An empty subject, as in short-lived ACME profiles: the names are in the extension alone.
    pub fn without_common_name(mut self) -> Self {
        self.common_name = CommonName::None;
        self
    }

    /// Makes key and certificate.
    pub fn sign(self) -> IssuedCertificate {
        let key = match &self.key {
            Key::P256 => KeyPair::generate(),
            Key::Rsa2048 => KeyPair::generate_rsa_for(&rcgen::PKCS_RSA_SHA256, RsaKeySize::_2048),
            Key::Pem(pem) => KeyPair::from_pem(pem),
        }
        .expect("a key pair");

        let mut params =
            CertificateParams::new(self.names.clone()).expect("names that a certificate can hold");
        params.distinguished_name = DistinguishedName::new();
        if let (CommonName::FirstName, Some(first)) = (&self.common_name, self.names.first()) {
            params.distinguished_name.push(DnType::CommonName, first.as_str());
        }
        params.serial_number = Some(random_serial());
        (params.not_before, params.not_after) = (self.not_before, self.not_after);
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::KeyEncipherment];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        let certificate = params.signed_by(&key, &self.authority.issuer).expect("a certificate");

        let certificate_pem = certificate.pem();
        IssuedCertificate {
            chain_pem: format!("{certificate_pem}{}", self.authority.intermediate_pem),
            certificate_pem,
            key_pem: key.serialize_pem(),
            thumbprint: thumbprint(certificate.der()),
            fingerprint: fingerprint(certificate.der()),
            subject_alternative_name: first_dns_name(&self.names),
            names: self.names,
            issuer: format!("CN={}, O={ORGANIZATION}", self.authority.intermediate_name),
            not_before: self.not_before,
            not_after: self.not_after,
        }
    }
}

fn authority_params(common_name: &str, constraints: BasicConstraints) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::OrganizationName, ORGANIZATION);
    params.distinguished_name.push(DnType::CommonName, common_name);
    params.serial_number = Some(random_serial());
    (params.not_before, params.not_after) = (now() - 3650 * DAY, now() + 3650 * DAY);
    params.is_ca = IsCa::Ca(constraints);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.use_authority_key_identifier_extension = true;
    params
}

/// The first name that is no IP address; the first of all when there is none.
fn first_dns_name(names: &[String]) -> String {
    let dns = names.iter().find(|name| name.parse::<IpAddr>().is_err());
    dns.or(names.first()).cloned().unwrap_or_default()
}

/// Sixteen random bytes, the first of which keeps the number positive and of full length (RFC 5280, 4.1.2.2).
fn random_serial() -> SerialNumber {
    let mut bytes = [0; 16];
    rand::fill(&mut bytes).expect("random bytes");
    bytes[0] = bytes[0] & 0x7f | 0x40;
    SerialNumber::from_slice(&bytes)
}

/// The present, to the second: a certificate holds no fractions.
fn now() -> OffsetDateTime {
    OffsetDateTime::now_utc().replace_nanosecond(0).expect("zero is a nanosecond")
}
