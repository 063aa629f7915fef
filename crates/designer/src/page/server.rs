//! The two servers of Xtract Universal and Board Connector: what each names and serves, and what the web server speaks.

use baton_target::{ProductServer, Protocol, Seen, Tls};
use baton_x509::Thumbprint;
use jiff::Timestamp;

use super::target::server_words;
use crate::language::Language;
use crate::look::{EndpointLook, TargetLook};

/// One of the two.
pub(crate) struct ServerRow {
    pub(crate) words: &'static str,
    pub(crate) named: Option<Thumbprint>,
    /// It has no reference of its own.
    pub(crate) is_shared: bool,
    pub(crate) answers: Vec<AnswerCell>,
}

/// What one address of it answers.
pub(crate) struct AnswerCell {
    pub(crate) endpoint: String,
    pub(crate) words: String,
    /// The name in the style sheet and of the icon.
    pub(crate) class: &'static str,
}

/// A protocol that can be chosen.
pub(crate) struct ProtocolOption {
    pub(crate) key: &'static str,
    /// As the product calls it.
    pub(crate) words: &'static str,
    pub(crate) is_chosen: bool,
}

impl ServerRow {
    pub(crate) fn all(look: &TargetLook, t: Language) -> Vec<Self> {
        let servers = look.product.iter().flat_map(|product| &product.servers);
        let row = |server: &crate::look::ServerLook| {
            let own = look.endpoints.iter().filter(|endpoint| endpoint.server == Some(server.server));
            Self {
                words: server_words(server.server, t),
                named: server.named,
                is_shared: server.is_shared,
                answers: own.map(|endpoint| AnswerCell::new(endpoint, look.at)).collect(),
            }
        };
        servers.map(row).collect()
    }
}

impl AnswerCell {
    fn new(look: &EndpointLook, now: Timestamp) -> Self {
        Self {
            endpoint: look.endpoint.address.to_string(),
            words: match &look.seen {
                Ok(Seen::Served(handshake)) => handshake.leaf.thumbprint().to_string(),
                Ok(seen) => seen.to_string(),
                Err(reason) => reason.clone(),
            },
            class: look.class(now),
        }
    }
}

impl EndpointLook {
    /// The name of what it answered in the style sheet and of the icon.
    pub(crate) fn class(&self, now: Timestamp) -> &'static str {
        match &self.seen {
            Ok(Seen::Served(handshake)) => {
                let leaf = &handshake.leaf;
                let is_as_named = self.named.is_none_or(|named| leaf.thumbprint() == named);
                let is_valid = leaf.not_after() >= now && leaf.not_before() <= now;
                if is_as_named && is_valid { "fine" } else { "now" }
            }
            // Nobody has told its port.
            _ if self.endpoint.assumed && self.server == Some(ProductServer::Configuration) => "notice",
            _ => "now",
        }
    }
}

/// What the web server can speak. Empty where its settings say nothing of it, or something that is not known here: then
/// TLS has a switch alone.
pub(crate) fn protocols(look: &TargetLook) -> Vec<ProtocolOption> {
    let Some(written) = look.product.as_ref().and_then(|product| product.protocol.as_deref()) else {
        return Vec::new();
    };
    let known = Protocol::ALL.into_iter().find(|protocol| protocol.as_written() == written);
    let chosen = if look.tls == Some(Tls::Off) { Some(Protocol::Http) } else { known };
    let Some(chosen) = chosen else { return Vec::new() };
    let option = |protocol: Protocol| ProtocolOption {
        key: protocol.key(),
        words: protocol.as_written(),
        is_chosen: protocol == chosen,
    };
    Protocol::ALL.map(option).into()
}
