//! One target: what it names, what it serves at this moment, and what it could serve.

use askama::Template;
use baton_finding::Severity;
use baton_target::{Seen, Tls};
use baton_x509::{Thumbprint, X509};
use jiff::Timestamp;

use super::attention::Attention;
use super::certificate::{CertificateRow, LeftCell};
use super::distinguished_name::short;
use super::moment::Moment;
use super::prose::{Stretch, Trouble, stretches};
use crate::language::Language;
use crate::look::{Choice, EndpointLook, ProductLook, TargetLook};

/// The page of a target.
#[derive(Template)]
#[template(path = "target.html")]
pub(crate) struct TargetPage {
    t: Language,
    here: &'static str,
    name: String,
    at: Moment,
    product: Option<ProductLook>,
    named: Option<Thumbprint>,
    is_tls_on: bool,
    is_tls_known: bool,
    /// Products can be without TLS.
    has_tls_switch: bool,
    references: Vec<ReferenceRow>,
    activation: Option<Vec<Stretch>>,
    key_permissions: Option<String>,
    troubles: Vec<Trouble>,
    endpoints: Vec<EndpointRow>,
    choices: Vec<ChoiceRow>,
    /// Whether it was reset, and waits to be put back.
    is_reset: bool,
    /// What an endpoint serves has expired.
    is_expired: bool,
    certificates: Vec<String>,
    /// How urgent it is.
    attention: Attention,
}

struct ReferenceRow {
    /// Which of two servers it is for, where there are two.
    server: Option<&'static str>,
    place: String,
    names: Option<Thumbprint>,
}

struct EndpointRow {
    name: String,
    is_assumed: bool,
    address: Option<String>,
    answer: String,
    /// The name in the style sheet and of the icon.
    class: &'static str,
    handshake: Option<HandshakeCell>,
}

struct HandshakeCell {
    names: String,
    /// From the leaf up.
    chain: Vec<String>,
    tls_version: &'static str,
    left: LeftCell,
}

struct ChoiceRow {
    thumbprint: Thumbprint,
    names: String,
    issuer: String,
    left: LeftCell,
    has_key: bool,
    service_may_read: Option<bool>,
    /// Whether nothing refuses it.
    fits: bool,
    is_in_use: bool,
    troubles: Vec<Trouble>,
}

impl TargetPage {
    pub(crate) fn new(look: TargetLook, t: Language) -> Self {
        let rows: Vec<CertificateRow> =
            look.rows.iter().map(|row| CertificateRow::new(row, look.at, t)).collect();
        let seen = look.endpoints.iter().filter_map(|endpoint| endpoint.seen.as_ref().ok()?.handshake());
        let has_two_servers =
            look.product.as_ref().is_some_and(|product| product.configuration_port.is_some());
        // What the rows of the status tell is told here once.
        let mut findings = look.findings;
        for finding in look.rows.iter().flat_map(|row| &row.findings) {
            if !findings.contains(finding) {
                findings.push(finding.clone());
            }
        }
        Self {
            t,
            here: "",
            at: Moment::new(look.at),
            named: look.named,
            is_tls_on: look.tls == Some(Tls::On),
            is_tls_known: look.tls.is_some(),
            has_tls_switch: look.product.is_some(),
            references: look
                .references
                .into_iter()
                .map(|reference| ReferenceRow {
                    server: has_two_servers.then(|| server(&reference.place, t)).flatten(),
                    place: reference.place,
                    names: reference.names,
                })
                .collect(),
            activation: look.activation.as_deref().map(stretches),
            key_permissions: look.key_permissions,
            troubles: Trouble::all(&findings),
            is_expired: seen.clone().any(|handshake| handshake.leaf.not_after() < look.at)
                || rows.iter().any(|row| row.is_expired),
            endpoints: look
                .endpoints
                .iter()
                .map(|endpoint| EndpointRow::new(endpoint, look.named, look.at, t))
                .collect(),
            choices: look
                .choices
                .iter()
                .map(|choice| ChoiceRow::new(choice, look.named, look.at, t))
                .collect(),
            is_reset: look.recovery.is_some(),
            attention: rows.iter().map(|row| row.attention).max().unwrap_or(Attention::Fine),
            certificates: look.certificates,
            product: look.product,
            name: look.name,
        }
    }
}

/// Which server of Xtract Universal or Board Connector a settings file belongs to.
fn server(place: &str, t: Language) -> Option<&'static str> {
    let place = place.replace('\\', "/");
    if place.contains("/web/") {
        Some(t.web_server())
    } else if place.contains("/config/general.json") {
        Some(t.configuration_server())
    } else {
        None
    }
}

impl EndpointRow {
    fn new(look: &EndpointLook, named: Option<Thumbprint>, now: Timestamp, t: Language) -> Self {
        let (answer, class) = match &look.seen {
            Ok(seen @ Seen::Served(handshake)) => {
                let is_as_named = named.is_none_or(|named| handshake.leaf.thumbprint() == named);
                let is_valid = handshake.leaf.not_after() >= now && handshake.leaf.not_before() <= now;
                (seen.to_string(), if is_as_named && is_valid { "fine" } else { "now" })
            }
            Ok(seen) => (seen.to_string(), "now"),
            Err(reason) => (reason.clone(), "now"),
        };
        let handshake = look.seen.as_ref().ok().and_then(Seen::handshake);
        Self {
            name: look.endpoint.to_string(),
            is_assumed: look.endpoint.assumed,
            address: look.address.clone(),
            answer,
            class,
            handshake: handshake.map(|handshake| HandshakeCell {
                names: handshake.leaf.names().join(", "),
                chain: handshake.chain.iter().map(|issuer| short(issuer.subject())).collect(),
                tls_version: handshake.tls_version,
                left: left(&handshake.leaf, now, t),
            }),
        }
    }
}

impl ChoiceRow {
    fn new(choice: &Choice, named: Option<Thumbprint>, now: Timestamp, t: Language) -> Self {
        let leaf = &choice.certificate.leaf;
        Self {
            thumbprint: leaf.thumbprint(),
            names: leaf.names().join(", "),
            issuer: short(leaf.issuer()),
            left: left(leaf, now, t),
            has_key: choice.certificate.has_key,
            service_may_read: choice.service_may_read,
            fits: choice.findings.iter().all(|finding| finding.severity != Severity::Error),
            is_in_use: named == Some(leaf.thumbprint()),
            troubles: Trouble::all(choice.findings.iter().filter(|f| f.severity != Severity::Notice)),
        }
    }
}

/// How long a certificate is still valid.
pub(crate) fn left(leaf: &X509, now: Timestamp, t: Language) -> LeftCell {
    LeftCell::of_validity(leaf.not_before(), leaf.not_after(), now, t)
}
