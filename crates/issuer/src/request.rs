//! Certificate requests (PKCS #10, RFC 2986): the names and the key, signed with the key.

use baton_x509::{Name, PrivateKey, Signer};
use der::asn1::{AnyRef, BmpString, ObjectIdentifier};
use der::{Decode as _, Encode as _, Reader as _, SliceReader};
use rcgen::{
    CertificateParams, CustomExtension, DistinguishedName, DnType, ExtendedKeyUsagePurpose, SigningKey,
};
use serde::{Deserialize, Serialize};

use crate::key::{KeptSigningKey, failed, key_pair};
use crate::profile::{alternative_name, common_name};
use crate::{IssueError, KeySource};

/// `szOID_ENROLL_CERTTYPE_EXTENSION` ([MS-WCCE], 2.2.2.7.7.1): a template by its name.
const TEMPLATE_NAME: &[u64] = &[1, 3, 6, 1, 4, 1, 311, 20, 2];
/// `szOID_CERTIFICATE_TEMPLATE` ([MS-WCCE], 2.2.2.7.7.2): a template by its object identifier.
const TEMPLATE_OID: &[u64] = &[1, 3, 6, 1, 4, 1, 311, 21, 7];

/// How people write a request down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// PEM (RFC 7468, 7).
    Pem,
    /// DER.
    Der,
}

/// A template of Active Directory Certificate Services, as a request names it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Template {
    /// By its common name, without blanks: `WebServer`.
    Name(String),
    /// By its object identifier.
    Oid(ObjectIdentifier),
}

impl std::fmt::Display for Template {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Oid(oid) => std::fmt::Display::fmt(oid, f),
        }
    }
}

impl TryFrom<String> for Template {
    type Error = InvalidTemplate;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Template> for String {
    fn from(template: Template) -> Self {
        template.to_string()
    }
}

/// The text names no template.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no name of a certificate template")]
pub struct InvalidTemplate(String);

impl std::str::FromStr for Template {
    type Err = InvalidTemplate;

    /// Digits and dots are an object identifier, anything else a name.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let invalid = || InvalidTemplate(text.to_owned());
        if text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') {
            return ObjectIdentifier::new(text).map(Self::Oid).map_err(|_| invalid());
        }
        let is_sound = text.len() <= 64 && text.chars().all(|c| !c.is_control() && !c.is_whitespace());
        if is_sound { Ok(Self::Name(text.to_owned())) } else { Err(invalid()) }
    }
}

/// The key that a request is signed with.
#[derive(Debug, Clone, Copy)]
pub enum RequestKey<'a> {
    /// It is at hand.
    AtHand(&'a PrivateKey),
    /// It stays in its store.
    Kept(&'a dyn Signer),
}

impl<'a> From<&'a PrivateKey> for RequestKey<'a> {
    fn from(key: &'a PrivateKey) -> Self {
        Self::AtHand(key)
    }
}

/// A request, signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateRequest {
    der: Vec<u8>,
}

impl CertificateRequest {
    /// For a CA that takes the names alone (RFC 8555, 7.4): nothing that the CA decides.
    pub(crate) fn of_names(names: &[Name], key: &PrivateKey) -> Result<Self, IssueError> {
        sign(params(names)?, key)
    }

    /// For a CA that a person or a program asks: with the first name as the common name, for TLS servers, and with the
    /// template of Active Directory Certificate Services where one is wanted.
    pub fn new<'a>(
        names: &[Name],
        key: impl Into<RequestKey<'a>>,
        template: Option<&Template>,
    ) -> Result<Self, IssueError> {
        let mut params = params(names)?;
        if let Some(common_name) = common_name(names) {
            params.distinguished_name.push(DnType::CommonName, common_name);
        }
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.custom_extensions.extend(template.map(extension).transpose()?);
        match key.into() {
            RequestKey::AtHand(key) => sign(params, key),
            RequestKey::Kept(signer) => sign_with(params, &KeptSigningKey(signer)),
        }
    }

    /// One that was made before.
    pub fn from_der(der: Vec<u8>) -> Self {
        Self { der }
    }

    /// The DER encoding.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// Whether another request says the same: it may differ in its signature, which is another one each time.
    pub fn says_the_same(&self, other: &Self) -> bool {
        match (information(&self.der), information(&other.der)) {
            (Ok(one), Ok(another)) => one == another,
            _ => false,
        }
    }

    /// The PEM encoding.
    pub fn to_pem(&self) -> String {
        baton_x509::to_pem("CERTIFICATE REQUEST", &self.der)
    }
}

/// What is signed: the first part of a request (RFC 2986, 4.2).
fn information(request: &[u8]) -> der::Result<&[u8]> {
    let outer = AnyRef::from_der(request)?;
    let mut reader = SliceReader::new(outer.value())?;
    reader.tlv_bytes()
}

fn params(names: &[Name]) -> Result<CertificateParams, IssueError> {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.subject_alt_names = names.iter().map(alternative_name).collect::<Result<_, _>>()?;
    Ok(params)
}

fn sign(params: CertificateParams, key: &PrivateKey) -> Result<CertificateRequest, IssueError> {
    sign_with(params, &key_pair(&KeySource::Same(key))?)
}

fn sign_with(params: CertificateParams, key: &impl SigningKey) -> Result<CertificateRequest, IssueError> {
    let request = params.serialize_request(key).map_err(failed)?;
    Ok(CertificateRequest { der: request.der().to_vec() })
}

fn extension(template: &Template) -> Result<CustomExtension, IssueError> {
    let encoded = match template {
        Template::Name(name) => BmpString::from_utf8(name).and_then(|name| name.to_der()),
        // The versions may be left out: the CA takes the newest.
        Template::Oid(oid) => vec![*oid].to_der(),
    };
    let oid = match template {
        Template::Name(_) => TEMPLATE_NAME,
        Template::Oid(_) => TEMPLATE_OID,
    };
    let content = encoded.map_err(|error| IssueError::Failed { reason: error.to_string() })?;
    Ok(CustomExtension::from_oid_content(oid, content))
}
