//! One target: what it names, what it serves at this moment, and what it could serve.

use askama::Template;
use baton_finding::Severity;
use baton_state::HandoverId;
use baton_target::{ProductServer, Seen, Tls};
use baton_x509::{Thumbprint, X509};
use jiff::Timestamp;

use super::attention::Attention;
use super::certificate::{CertificateRow, LeftCell};
use super::distinguished_name::short;
use super::moment::Moment;
use super::prose::{Stretch, Trouble, stretches};
use crate::language::Language;
use crate::look::{Choice, EndpointLook, ProductLook, TargetLook};
use crate::page::server::{ProtocolOption, ServerRow, protocols};

/// The page of a target.
#[derive(Template)]
#[template(path = "target.html")]
pub(crate) struct TargetPage {
    t: Language,
    here: &'static str,
    name: String,
    at: Moment,
    product: Option<ProductLook>,
    /// Of a product that has two.
    servers: Vec<ServerRow>,
    /// Whether each of them has a reference of its own.
    has_two_references: bool,
    /// Whether they name different certificates.
    servers_differ: bool,
    /// What its web server can speak, where it can be chosen.
    protocols: Vec<ProtocolOption>,
    /// What it speaks, as its settings say it.
    protocol: Option<String>,
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
    under_way: Option<HandoverId>,
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
    /// Which of two servers answers there.
    server: Option<&'static str>,
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
    /// At the configuration server.
    is_in_use_there: bool,
    troubles: Vec<Trouble>,
}

impl TargetPage {
    pub(crate) fn new(look: TargetLook, t: Language) -> Self {
        let rows: Vec<CertificateRow> =
            look.rows.iter().map(|row| CertificateRow::new(row, look.at, t)).collect();
        let seen = look.endpoints.iter().filter_map(|endpoint| endpoint.seen.as_ref().ok()?.handshake());
        let named_by = |server| {
            let servers = look.product.as_ref().map(|product| product.servers.as_slice()).unwrap_or_default();
            servers.iter().find(|row| row.server == server).and_then(|row| row.named)
        };
        let (web, configuration) = (named_by(ProductServer::Web), named_by(ProductServer::Configuration));
        let (servers, protocols) = (ServerRow::all(&look, t), protocols(&look));
        let has_two_servers = !servers.is_empty();
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
            endpoints: (look.endpoints.iter())
                .map(|endpoint| EndpointRow::new(endpoint, look.at, t))
                .collect(),
            choices: look
                .choices
                .iter()
                .map(|choice| ChoiceRow::new(choice, look.named, configuration, look.at, t))
                .collect(),
            has_two_references: has_two_servers && servers.iter().all(|server| !server.is_shared),
            servers_differ: has_two_servers && web != configuration,
            protocols,
            protocol: look.product.as_ref().and_then(|product| product.protocol.clone()),
            servers,
            is_reset: look.recovery.is_some(),
            under_way: look.under_way,
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

/// What a server of a product is called.
pub(crate) fn server_words(server: ProductServer, t: Language) -> &'static str {
    match server {
        ProductServer::Web => t.web_server(),
        ProductServer::Configuration => t.configuration_server(),
    }
}

impl EndpointRow {
    fn new(look: &EndpointLook, now: Timestamp, t: Language) -> Self {
        let answer = match &look.seen {
            Ok(seen) => seen.to_string(),
            Err(reason) => reason.clone(),
        };
        let handshake = look.seen.as_ref().ok().and_then(Seen::handshake);
        Self {
            name: look.endpoint.to_string(),
            is_assumed: look.endpoint.assumed,
            address: look.address.clone(),
            answer,
            class: look.class(now),
            server: look.server.map(|server| server_words(server, t)),
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
    fn new(
        choice: &Choice,
        named: Option<Thumbprint>,
        named_there: Option<Thumbprint>,
        now: Timestamp,
        t: Language,
    ) -> Self {
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
            is_in_use_there: named_there == Some(leaf.thumbprint()),
            troubles: Trouble::all(choice.findings.iter().filter(|f| f.severity != Severity::Notice)),
        }
    }
}

/// How long a certificate is still valid.
pub(crate) fn left(leaf: &X509, now: Timestamp, t: Language) -> LeftCell {
    LeftCell::of_validity(leaf.not_before(), leaf.not_after(), now, t)
}
