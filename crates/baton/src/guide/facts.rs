//! What is known of a target, as its article needs it; `baton guide --json` prints the same.

use baton_handover::SCHEMA;
use baton_issuer::Issuer;
use baton_platform::clock;
use baton_scheduler::{KeyChoice, ManagedCertificate};
use baton_state::Recovery;
use baton_target::{Activation, Endpoint, Files, Inspection, Kind, Product, ProductKind, Target, Tls};
use baton_x509::{Thumbprint, X509};
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use crate::wiring::{App, asked_at};

/// What is known; what is not is `None`, and the article says so.
#[derive(Debug, Serialize)]
pub(crate) struct Facts {
    schema: &'static str,
    /// Its name in the settings; an example in the article of a product.
    target: String,
    /// The article of a product, without a target: its names are examples.
    general: bool,
    at: Option<Timestamp>,
    settings: Option<String>,
    kind: &'static str,
    product: Option<ProductFacts>,
    files: Option<FilesFacts>,
    /// Where a product takes certificates from.
    store: Option<String>,
    /// What is done to take up a change.
    activation: Option<String>,
    /// The command, where it is one.
    command: Option<String>,
    /// Why the target could not be looked at.
    problem: Option<String>,
    references: Vec<ReferenceFacts>,
    /// What the target names.
    named: Option<Thumbprint>,
    /// The certificate of that name, where it was found.
    certificate: Option<CertificateFacts>,
    tls: Option<&'static str>,
    endpoints: Vec<EndpointFacts>,
    plain_endpoints: Vec<String>,
    guard: GuardFacts,
    /// The certificates of the settings that the target uses.
    managed: Vec<ManagedFacts>,
    recovery: Option<RecoveryFacts>,
    /// Where the Designer of Baton listens.
    designer: Option<String>,
}

#[derive(Debug, Serialize)]
struct ProductFacts {
    key: &'static str,
    name: &'static str,
    directory: Option<String>,
    service: ServiceFacts,
    listeners: Vec<ListenerFacts>,
    configuration_port: Option<u16>,
    other_ports: &'static [u16],
    access_file: Option<&'static str>,
}

#[derive(Debug, Serialize)]
struct ServiceFacts {
    name: String,
    display_name: String,
    account: String,
    /// Whether the product's own files tell the name.
    is_told: bool,
}

#[derive(Debug, Serialize)]
struct ListenerFacts {
    name: &'static str,
    plain: u16,
    tls: u16,
}

#[derive(Debug, Serialize)]
struct FilesFacts {
    certificate: String,
    key: String,
    check: Option<String>,
}

#[derive(Debug, Serialize)]
struct ReferenceFacts {
    place: String,
    names: Option<Thumbprint>,
}

#[derive(Debug, Serialize)]
struct CertificateFacts {
    subject: String,
    issuer: String,
    names: Vec<String>,
    not_after: Timestamp,
    /// Whole days, never less than 0.
    days_left: i64,
    expired: bool,
}

#[derive(Debug, Serialize)]
struct EndpointFacts {
    endpoint: String,
    name: String,
    port: u16,
    assumed: bool,
}

#[derive(Debug, Serialize)]
struct GuardFacts {
    always: bool,
    tls_off: bool,
    /// After how long the watchdog brings the target back.
    limit_seconds: u64,
    ports: Vec<u16>,
}

#[derive(Debug, Serialize)]
struct ManagedFacts {
    name: String,
    names: Vec<String>,
    issuer: String,
    issuer_kind: Option<&'static str>,
    successor: &'static str,
    same_key_allowed: bool,
}

#[derive(Debug, Serialize)]
struct RecoveryFacts {
    at: Timestamp,
    ports: Vec<u16>,
}

impl Facts {
    /// Of a target, from the settings, the state, and the target's own files. Asks no endpoint.
    pub(crate) async fn of_target(app: &App, target: &Target) -> Self {
        let now = clock::now();
        let (recovery, inspection, problem) = match app.renewals.engine.inspect(target).await {
            Ok((recovery, inspection)) => (recovery, Some(inspection), None),
            Err(finding) => (None, None, Some(finding.message)),
        };
        let inspection = inspection.as_ref();
        let leaf = inspection.and_then(Inspection::leaf);
        let certificates = app.renewals.certificates.iter();
        let uses = |certificate: &&ManagedCertificate| {
            certificate.targets.iter().any(|used| used.name == target.name)
        };
        let (product, files) = match &target.kind {
            Kind::Product(product) => (Some(ProductFacts::of(product)), None),
            Kind::Files(files) => (None, Some(FilesFacts::of(files))),
        };
        let plain = inspection.and_then(|inspection| target.plain_endpoints(inspection).ok());
        Self {
            schema: SCHEMA,
            target: target.name.clone(),
            general: false,
            at: Some(now),
            settings: app.place.loaded.path.as_ref().map(|path| path.display().to_string()),
            kind: if product.is_some() { "product" } else { "files" },
            store: product.is_some().then(|| target.store.location()),
            product,
            files,
            activation: target.activation.as_ref().map(ToString::to_string),
            command: match &target.activation {
                Some(Activation::Command(command)) => Some(command.to_string()),
                _ => None,
            },
            problem,
            references: inspection.map(references).unwrap_or_default(),
            named: inspection.and_then(|inspection| inspection.current),
            certificate: leaf.map(|leaf| CertificateFacts::of(leaf, now)),
            tls: inspection.map(|inspection| match inspection.tls {
                Tls::On => "on",
                Tls::Off => "off",
            }),
            endpoints: inspection
                .map(|inspection| target.endpoints(inspection, leaf))
                .unwrap_or_default()
                .iter()
                .map(EndpointFacts::of)
                .collect(),
            plain_endpoints: plain.iter().flatten().map(|endpoint| endpoint.address.to_string()).collect(),
            guard: GuardFacts {
                always: target.guard.always,
                tls_off: target.guard.tls == Tls::Off && matches!(target.kind, Kind::Product(_)),
                limit_seconds: target.guard.limit.as_secs(),
                ports: inspection
                    .map(|inspection| target.guarded_ports(inspection, plain.as_deref().unwrap_or_default()))
                    .unwrap_or_default(),
            },
            managed: certificates.filter(uses).map(ManagedFacts::of).collect(),
            recovery: recovery.map(|Recovery { at, ports, .. }| RecoveryFacts { at, ports }),
            designer: Some(asked_at(app.place.listen(None)).to_string()),
        }
    }

    /// Of a product as its setup leaves it; the names of target and certificates are examples.
    pub(crate) fn of_product(kind: ProductKind) -> Self {
        let listeners = kind.listeners();
        let mut ports: Vec<u16> =
            listeners.iter().flat_map(|listener| [listener.plain, listener.tls]).collect();
        ports.extend(kind.other_ports());
        ports.sort_unstable();
        let endpoint = |port: u16| EndpointFacts {
            endpoint: format!("127.0.0.1:{port}"),
            name: "sap.example.com".to_owned(),
            port,
            assumed: true,
        };
        Self {
            schema: SCHEMA,
            target: "sap".to_owned(),
            general: true,
            at: None,
            settings: None,
            kind: "product",
            product: Some(ProductFacts::usual(kind)),
            files: None,
            store: None,
            activation: None,
            command: None,
            problem: None,
            references: Vec::new(),
            named: None,
            certificate: None,
            tls: Some("on"),
            endpoints: listeners.iter().map(|listener| endpoint(listener.tls)).collect(),
            plain_endpoints: listeners
                .iter()
                .map(|listener| format!("127.0.0.1:{}", listener.plain))
                .collect(),
            guard: GuardFacts { always: false, tls_off: true, limit_seconds: 120, ports },
            managed: vec![ManagedFacts {
                name: "sap".to_owned(),
                names: vec!["sap.example.com".to_owned()],
                issuer: "company".to_owned(),
                issuer_kind: None,
                successor: "new-key",
                same_key_allowed: false,
            }],
            recovery: None,
            designer: None,
        }
    }
}

impl ProductFacts {
    fn of(product: &Product) -> Self {
        let mut facts = Self::usual(product.kind);
        facts.directory = Some(product.directory.display().to_string());
        if let Ok(service) = product.service() {
            facts.service = ServiceFacts::of(&service);
        }
        facts
    }

    fn usual(kind: ProductKind) -> Self {
        let listeners = kind.listeners().into_iter();
        Self {
            key: kind.key(),
            name: kind.display_name(),
            directory: kind.default_directory().map(str::to_owned),
            service: ServiceFacts::of(&kind.usual_service()),
            listeners: listeners
                .map(|listener| ListenerFacts {
                    name: listener.name,
                    plain: listener.plain,
                    tls: listener.tls,
                })
                .collect(),
            configuration_port: kind.configuration_port(),
            other_ports: kind.other_ports(),
            access_file: kind.access_file(),
        }
    }
}

impl ServiceFacts {
    fn of(service: &baton_target::Service) -> Self {
        Self {
            name: service.name.clone(),
            display_name: service.display_name.clone(),
            account: service.account(),
            is_told: service.is_told,
        }
    }
}

impl FilesFacts {
    fn of(files: &Files) -> Self {
        Self {
            certificate: files.certificate.display().to_string(),
            key: files.key.display().to_string(),
            check: files.check.as_ref().map(|argv| argv.join(" ")),
        }
    }
}

impl CertificateFacts {
    fn of(leaf: &X509, now: Timestamp) -> Self {
        let left = leaf.not_after().duration_since(now);
        Self {
            subject: leaf.subject().to_owned(),
            issuer: leaf.issuer().to_owned(),
            names: leaf.names(),
            not_after: leaf.not_after(),
            days_left: left.as_hours().max(0) / 24,
            expired: left < SignedDuration::ZERO,
        }
    }
}

impl EndpointFacts {
    fn of(endpoint: &Endpoint) -> Self {
        Self {
            endpoint: endpoint.address.to_string(),
            name: endpoint.name.clone(),
            port: endpoint.address.port(),
            assumed: endpoint.assumed,
        }
    }
}

impl ManagedFacts {
    fn of(certificate: &ManagedCertificate) -> Self {
        Self {
            name: certificate.name.clone(),
            names: certificate.names.iter().map(ToString::to_string).collect(),
            issuer: certificate.issuer_name.clone(),
            issuer_kind: Some(issuer_kind(&certificate.issuer)),
            successor: match certificate.successor {
                KeyChoice::NewKey => "new-key",
                KeyChoice::SameKey => "same-key",
            },
            same_key_allowed: certificate.allows_same_key,
        }
    }
}

/// The kind of an issuer as the settings call it; the template has a sentence for each.
fn issuer_kind(issuer: &Issuer) -> &'static str {
    match issuer {
        Issuer::Internal { .. } => "internal",
        Issuer::Acme(_) => "acme",
        Issuer::Command(_) => "command",
        Issuer::Adcs(_) => "adcs",
        Issuer::Manual => "manual",
    }
}

fn references(inspection: &Inspection) -> Vec<ReferenceFacts> {
    let references = inspection.references.iter();
    references
        .map(|reference| ReferenceFacts { place: reference.place.clone(), names: reference.names })
        .collect()
}
