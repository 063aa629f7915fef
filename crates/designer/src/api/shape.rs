//! The objects of the answers. Their fields are part of the interface: see `assets/openapi.json`.

use baton_finding::Finding;
use baton_handover::{Place, Report};
use baton_state::AuditEntry;
use baton_target::{Seen, Tls};
use baton_x509::{Fingerprint, KeyAlgorithm, Thumbprint};
use jiff::Timestamp;
use serde::Serialize;

use super::ErrorObject;
use crate::look::{EndpointLook, KnownCertificate, ManagedLook, StoreLook, StoredCertificate, TargetLook};

#[derive(Serialize)]
pub(super) struct ListObject {
    pub(super) schema: &'static str,
    pub(super) entries: Vec<ListRow>,
}

#[derive(Serialize)]
pub(super) struct ListRow {
    pub(super) name: String,
    pub(super) attention: String,
}

#[derive(Serialize)]
pub(super) struct HandoversObject {
    pub(super) schema: &'static str,
    pub(super) handovers: Vec<Report>,
}

/// What a change would do.
#[derive(Serialize)]
pub(super) struct PlanObject {
    pub(super) schema: &'static str,
    pub(super) reports: Vec<Report>,
    pub(super) error: Option<ErrorObject>,
}

#[derive(Serialize)]
pub(super) struct TargetObject {
    schema: &'static str,
    name: String,
    at: Timestamp,
    product: Option<&'static str>,
    named: Option<Thumbprint>,
    tls: Option<bool>,
    references: Vec<ReferenceRow>,
    activation: Option<String>,
    key_permissions: Option<String>,
    endpoints: Vec<EndpointRow>,
    choices: Vec<ChoiceRow>,
    certificates: Vec<String>,
    findings: Vec<Finding>,
}

#[derive(Serialize)]
struct ReferenceRow {
    place: String,
    names: Option<Thumbprint>,
}

#[derive(Serialize)]
struct EndpointRow {
    endpoint: String,
    address: Option<String>,
    served: Option<Thumbprint>,
    tls_version: Option<&'static str>,
    /// What it answered instead.
    problem: Option<String>,
}

#[derive(Serialize)]
struct ChoiceRow {
    certificate: StoredRow,
    findings: Vec<Finding>,
}

impl TargetObject {
    pub(super) fn new(look: TargetLook) -> Self {
        let at = look.at;
        let choice = |choice: crate::look::Choice| ChoiceRow {
            certificate: StoredRow::new(&choice.certificate, at),
            findings: choice.findings,
        };
        Self {
            schema: baton_handover::SCHEMA,
            name: look.name,
            at,
            product: look.product.map(|product| product.name),
            named: look.named,
            tls: look.tls.map(|tls| tls == Tls::On),
            references: look
                .references
                .into_iter()
                .map(|reference| ReferenceRow { place: reference.place, names: reference.names })
                .collect(),
            activation: look.activation,
            key_permissions: look.key_permissions,
            endpoints: look.endpoints.into_iter().map(EndpointRow::new).collect(),
            choices: look.choices.into_iter().map(choice).collect(),
            certificates: look.certificates,
            findings: look.findings,
        }
    }
}

impl EndpointRow {
    fn new(look: EndpointLook) -> Self {
        let handshake = look.seen.as_ref().ok().and_then(Seen::handshake);
        let problem = match &look.seen {
            Ok(Seen::Served(_)) => None,
            Ok(other) => Some(other.to_string()),
            Err(reason) => Some(reason.clone()),
        };
        Self {
            endpoint: look.endpoint.to_string(),
            address: look.address,
            served: handshake.map(|handshake| handshake.leaf.thumbprint()),
            tls_version: handshake.map(|handshake| handshake.tls_version),
            problem,
        }
    }
}

#[derive(Serialize)]
pub(super) struct CertificateObject {
    schema: &'static str,
    name: String,
    at: Timestamp,
    names: Vec<String>,
    issuer: String,
    key: KeyAlgorithm,
    allows_same_key: bool,
    targets: Vec<String>,
    current: Option<KnownRow>,
    pending: Option<KnownRow>,
    failures: Vec<String>,
}

#[derive(Serialize)]
struct KnownRow {
    thumbprint: Thumbprint,
    fingerprint: Fingerprint,
    names: Vec<String>,
    not_before: Timestamp,
    not_after: Timestamp,
}

impl From<KnownCertificate> for KnownRow {
    fn from(known: KnownCertificate) -> Self {
        let KnownCertificate { fingerprint, thumbprint, names, not_before, not_after } = known;
        Self { thumbprint, fingerprint, names, not_before, not_after }
    }
}

impl CertificateObject {
    pub(super) fn new(look: ManagedLook) -> Self {
        Self {
            schema: baton_handover::SCHEMA,
            name: look.name,
            at: look.at,
            names: look.names,
            issuer: look.issuer,
            key: look.key,
            allows_same_key: look.allows_same_key,
            targets: look.targets,
            current: look.current.map(KnownRow::from),
            pending: look.pending.map(KnownRow::from),
            failures: look.failures,
        }
    }
}

#[derive(Serialize)]
pub(super) struct StoreObject {
    schema: &'static str,
    store: String,
    certificates: Vec<StoredRow>,
    unreadable: Vec<String>,
}

impl StoreObject {
    pub(super) fn new(look: StoreLook) -> Self {
        Self {
            schema: baton_handover::SCHEMA,
            store: look.location,
            certificates: look.certificates.iter().map(|stored| StoredRow::new(stored, look.at)).collect(),
            unreadable: look.unreadable,
        }
    }
}

/// A certificate of a store, as `baton store list --json` prints it.
#[derive(Serialize)]
pub(super) struct StoredRow {
    thumbprint: Thumbprint,
    fingerprint: Fingerprint,
    subject: String,
    issuer: String,
    names: Vec<String>,
    serial: String,
    key_algorithm: KeyAlgorithm,
    not_before: Timestamp,
    not_after: Timestamp,
    days_left: i64,
    has_key: bool,
    chain_length: usize,
}

impl StoredRow {
    pub(super) fn new(stored: &StoredCertificate, at: Timestamp) -> Self {
        let leaf = &stored.leaf;
        Self {
            thumbprint: leaf.thumbprint(),
            fingerprint: leaf.fingerprint(),
            subject: leaf.subject().to_owned(),
            issuer: leaf.issuer().to_owned(),
            names: leaf.names(),
            serial: leaf.serial().to_owned(),
            key_algorithm: leaf.key_algorithm(),
            not_before: leaf.not_before(),
            not_after: leaf.not_after(),
            days_left: leaf.not_after().duration_since(at).as_hours().div_euclid(24),
            has_key: stored.has_key,
            chain_length: stored.chain,
        }
    }
}

#[derive(Serialize)]
pub(super) struct StoredObject {
    pub(super) schema: &'static str,
    #[serde(flatten)]
    pub(super) certificate: StoredRow,
    /// The certificate alone.
    pub(super) pem: String,
    /// Those that issued it, the nearest first.
    pub(super) chain: Vec<String>,
    pub(super) places: Vec<Place>,
}

#[derive(Serialize)]
pub(super) struct AuditObject {
    pub(super) schema: &'static str,
    pub(super) entries: Vec<AuditRow>,
}

#[derive(Serialize)]
pub(super) struct AuditRow {
    id: i64,
    at: Timestamp,
    who: String,
    via: String,
    address: Option<String>,
    action: String,
    object: String,
    outcome: Option<String>,
}

impl From<AuditEntry> for AuditRow {
    fn from(entry: AuditEntry) -> Self {
        let AuditEntry { id, at, who, via, address, action, object, outcome } = entry;
        Self { id, at, who, via, address, action, object, outcome }
    }
}
