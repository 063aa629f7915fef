//! What the CA's certificates say: one function for root, intermediate and leaf each.
//!
//! After RFC 5280 and the practice of public CAs: serial numbers are random (the library's default is a hash of
//! the public key, so that the same key would give the same serial), a CA may sign certificates and nothing
//! else, a leaf is for TLS servers alone. Root and intermediate carry name constraints (RFC 5280, 4.2.1.10), so
//! that a stolen CA key is of no use for any other name.

use std::net::IpAddr;

use aws_lc_rs::rand::{SecureRandom as _, SystemRandom};
use baton_x509::{KeyAlgorithm, Name};
use jiff::{SignedDuration, Timestamp};
use rcgen::{
    BasicConstraints, CertificateParams, CidrSubnet, DistinguishedName, DnType, ExtendedKeyUsagePurpose,
    GeneralSubtree, IsCa, KeyUsagePurpose, NameConstraints, SanType, SerialNumber,
};
use time::OffsetDateTime;

use crate::IssueError;
use crate::key::failed;

/// Clocks differ: a certificate is valid from a little before it is made.
const LONGEST_BACKDATING: SignedDuration = SignedDuration::from_hours(1);

/// The longest common name (RFC 5280, appendix A: ub-common-name).
const LONGEST_COMMON_NAME: usize = 64;

pub(crate) fn authority(
    common_name: &str,
    permitted: &[Name],
    path_length: u8,
    lifetime: SignedDuration,
    now: Timestamp,
) -> Result<CertificateParams, IssueError> {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, common_name);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(path_length));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.name_constraints = Some(NameConstraints {
        permitted_subtrees: permitted.iter().map(subtree).collect(),
        excluded_subtrees: Vec::new(),
    });
    params.use_authority_key_identifier_extension = true;
    params.serial_number = Some(serial()?);
    validity(&mut params, lifetime, now)?;
    Ok(params)
}

pub(crate) fn server(
    names: &[Name],
    algorithm: KeyAlgorithm,
    lifetime: SignedDuration,
    now: Timestamp,
) -> Result<CertificateParams, IssueError> {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    if let Some(common_name) = common_name(names) {
        params.distinguished_name.push(DnType::CommonName, common_name);
    }
    params.subject_alt_names = names.iter().map(alternative_name).collect::<Result<_, _>>()?;
    params.is_ca = IsCa::ExplicitNoCa;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    if matches!(algorithm, KeyAlgorithm::Rsa2048 | KeyAlgorithm::Rsa3072 | KeyAlgorithm::Rsa4096) {
        // For clients that still exchange keys by RSA (TLS 1.2, RFC 5246, 7.4.2).
        params.key_usages.push(KeyUsagePurpose::KeyEncipherment);
    }
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.use_authority_key_identifier_extension = true;
    params.serial_number = Some(serial()?);
    validity(&mut params, lifetime, now)?;
    Ok(params)
}

fn validity(
    params: &mut CertificateParams,
    lifetime: SignedDuration,
    now: Timestamp,
) -> Result<(), IssueError> {
    let backdating = (lifetime / 100).min(LONGEST_BACKDATING);
    let moment = |timestamp: Result<Timestamp, jiff::Error>| {
        let seconds =
            timestamp.map_err(|error| IssueError::Failed { reason: error.to_string() })?.as_second();
        OffsetDateTime::from_unix_timestamp(seconds)
            .map_err(|error| IssueError::Failed { reason: error.to_string() })
    };
    params.not_before = moment(now.checked_sub(backdating))?;
    params.not_after = moment(now.checked_add(lifetime))?;
    Ok(())
}

/// 127 random bits, never zero (RFC 5280, 4.1.2.2).
fn serial() -> Result<SerialNumber, IssueError> {
    let mut bytes = [0; 16];
    SystemRandom::new()
        .fill(&mut bytes)
        .map_err(|_| IssueError::Failed { reason: "the system gives no random numbers".to_owned() })?;
    bytes[0] = bytes[0] & 0x7F | 0x40;
    Ok(SerialNumber::from_slice(&bytes))
}

/// The first name, unless it is too long for it.
pub(crate) fn common_name(names: &[Name]) -> Option<String> {
    names.first().map(Name::to_string).filter(|name| name.len() <= LONGEST_COMMON_NAME)
}

pub(crate) fn alternative_name(name: &Name) -> Result<SanType, IssueError> {
    match name {
        Name::Dns(name) => Ok(SanType::DnsName(name.clone().try_into().map_err(failed)?)),
        Name::Ip(address) => Ok(SanType::IpAddress(*address)),
    }
}

fn subtree(name: &Name) -> GeneralSubtree {
    match name {
        Name::Dns(name) => GeneralSubtree::DnsName(name.trim_start_matches("*.").to_owned()),
        Name::Ip(IpAddr::V4(address)) if address.is_loopback() => {
            GeneralSubtree::IpAddress(CidrSubnet::V4([127, 0, 0, 0], [255, 0, 0, 0]))
        }
        Name::Ip(address) => GeneralSubtree::IpAddress(CidrSubnet::from_addr_prefix(
            *address,
            if address.is_ipv4() { 32 } else { 128 },
        )),
    }
}
