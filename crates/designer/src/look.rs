//! What there is to see of a target, a certificate and a store, as the binary found it.
//!
//! A private key is in none of these: what is not there cannot leave by a page.

use baton_finding::Finding;
use baton_handover::{Report, Search, StatusRow};
use baton_state::{HandoverId, Recovery};
use baton_target::{Endpoint, ProductServer, Reference, Seen, Tls};
use baton_x509::{Fingerprint, KeyAlgorithm, Thumbprint, X509};
use jiff::Timestamp;

/// A target, looked at now.
#[derive(Debug, Clone)]
pub struct TargetLook {
    /// Its name in the settings.
    pub name: String,
    /// When.
    pub at: Timestamp,
    /// Which product it is; `None` for a server with PEM files.
    pub product: Option<ProductLook>,
    /// What it names now.
    pub named: Option<Thumbprint>,
    /// Whether it speaks TLS; `None` where it could not be looked at.
    pub tls: Option<Tls>,
    /// The places that name a certificate.
    pub references: Vec<Reference>,
    /// How it takes up a change.
    pub activation: Option<String>,
    /// Who may read the key in use: a path with owner and mode.
    pub key_permissions: Option<String>,
    /// What was found about it.
    pub findings: Vec<Finding>,
    /// Its endpoints, each with what it answered.
    pub endpoints: Vec<EndpointLook>,
    /// What the stores hold for it, and what speaks against each.
    pub choices: Vec<Choice>,
    /// What was reset, and waits to be put back.
    pub recovery: Option<Recovery>,
    /// The handover that is under way, whoever has begun it.
    pub under_way: Option<HandoverId>,
    /// What is to be handed over to it by the settings.
    pub certificates: Vec<String>,
    /// Its rows of the status.
    pub rows: Vec<StatusRow>,
}

/// A product as it is installed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProductLook {
    /// Its name for people.
    pub name: &'static str,
    /// Where it is installed.
    pub directory: String,
    /// Its Windows service.
    pub service: String,
    /// The account that the service runs as, after a fresh setup.
    pub account: String,
    /// Its servers, where it has two.
    pub servers: Vec<ServerLook>,
    /// What its web server speaks, as its settings say it.
    pub protocol: Option<String>,
}

/// One of the two servers of a product.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerLook {
    /// Which one.
    pub server: ProductServer,
    /// What it names.
    pub named: Option<Thumbprint>,
    /// Whether it has no reference of its own, and names what the other one names.
    pub is_shared: bool,
}

/// An endpoint, asked now.
#[derive(Debug, Clone)]
pub struct EndpointLook {
    /// As the settings name it.
    pub endpoint: Endpoint,
    /// Which of two servers it belongs to.
    pub server: Option<ProductServer>,
    /// What that one names.
    pub named: Option<Thumbprint>,
    /// The address that was asked; `None` where the name could not be resolved.
    pub address: Option<String>,
    /// What it answered, or why nobody could be asked.
    pub seen: Result<Seen, String>,
}

/// A certificate of a store, without its key.
#[derive(Debug, Clone)]
pub struct StoredCertificate {
    /// The certificate.
    pub leaf: X509,
    /// How many issuing certificates come with it.
    pub chain: usize,
    /// Whether its key is there too.
    pub has_key: bool,
}

/// A certificate that could be picked for a target.
#[derive(Debug, Clone)]
pub struct Choice {
    /// Which one.
    pub certificate: StoredCertificate,
    /// Whether the account of the target's service may use the key; `None` where the store has no such list, or the
    /// account is not known.
    pub service_may_read: Option<bool>,
    /// What speaks against it, or is worth knowing.
    pub findings: Vec<Finding>,
}

/// What a store holds.
#[derive(Debug, Clone)]
pub struct StoreLook {
    /// Where it is.
    pub location: String,
    /// When it was looked at.
    pub at: Timestamp,
    /// What is in it.
    pub certificates: Vec<StoredCertificate>,
    /// Entries that cannot be read, and why.
    pub unreadable: Vec<String>,
}

/// One certificate of a store, with all that is known of it.
#[derive(Debug, Clone)]
pub struct CertificateLook {
    /// When.
    pub at: Timestamp,
    /// The certificate.
    pub certificate: StoredCertificate,
    /// The certificates that issued it, the nearest first.
    pub chain: Vec<X509>,
    /// Where it is named, served and kept.
    pub search: Search,
    /// The handovers that it took part in, the newest first.
    pub handovers: Vec<Report>,
}

/// A certificate that is known by its number alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownCertificate {
    /// SHA-256.
    pub fingerprint: Fingerprint,
    /// SHA-1.
    pub thumbprint: Thumbprint,
    /// What it is for.
    pub names: Vec<String>,
    /// First moment of validity.
    pub not_before: Timestamp,
    /// Last moment of validity.
    pub not_after: Timestamp,
}

/// A `[[certificate]]` of the settings.
#[derive(Debug, Clone)]
pub struct ManagedLook {
    /// Its name.
    pub name: String,
    /// When.
    pub at: Timestamp,
    /// What it is for.
    pub names: Vec<String>,
    /// Where its successors come from.
    pub issuer: String,
    /// Whether that issuer is a person.
    pub is_by_hand: bool,
    /// The kind of its keys.
    pub key: KeyAlgorithm,
    /// Whether a successor may keep the key.
    pub allows_same_key: bool,
    /// The servers that use it.
    pub targets: Vec<String>,
    /// The one in force.
    pub current: Option<KnownCertificate>,
    /// A successor that is issued and not handed over.
    pub pending: Option<KnownCertificate>,
    /// Why the last try to get or to hand over a successor failed.
    pub failures: Vec<String>,
    /// The requests that wait for their answer.
    pub requests: Vec<PendingRequest>,
    /// Its handovers, the newest first.
    pub handovers: Vec<Report>,
}

/// A request that a person carries to a CA.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PendingRequest {
    /// Which one.
    pub id: String,
    /// The `[[certificate]]`.
    pub certificate: String,
    /// Since when it waits.
    pub made_at: Timestamp,
    /// Whether it is for the key in use.
    pub is_same_key: bool,
    /// PKCS #10 (RFC 2986), in PEM.
    pub pem: String,
}
