//! What the journal keeps of a handover, so that a later start can finish or undo it.

use std::net::SocketAddr;

use baton_target::{Endpoint, KeyFamily, Plan, Seen, family_of};
use baton_x509::Fingerprint;
use serde::{Deserialize, Serialize};

use crate::engine::Purpose;

/// The journaled plan.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Record {
    pub(crate) purpose: Purpose,
    pub(crate) plan: Plan,
    /// Every address that must show the successor.
    pub(crate) addresses: Vec<AddressRecord>,
    /// Addresses that answer plain HTTP on the other side: before TLS is back on, or after it is reset.
    #[serde(default)]
    pub(crate) plain: Vec<AddressRecord>,
    /// When the certificate before ends, in seconds since 1970: one never goes back to an expired one.
    pub(crate) old_ends: Option<i64>,
}

/// An address, and what it answered before anything was changed.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct AddressRecord {
    pub(crate) endpoint: Endpoint,
    pub(crate) address: SocketAddr,
    pub(crate) prior: Prior,
    /// Of the certificate it served: a server may have one for each family of keys.
    #[serde(default)]
    pub(crate) family: KeyFamily,
}

impl AddressRecord {
    pub(crate) fn new(endpoint: &Endpoint, address: SocketAddr, seen: &Seen) -> Self {
        let family = seen.handshake().map_or(KeyFamily::Any, |handshake| family_of(&handshake.leaf));
        Self { endpoint: endpoint.clone(), address, prior: Prior::from(seen), family }
    }
}

/// What an address answered before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Prior {
    /// This certificate.
    Served(Fingerprint),
    /// HTTP without TLS.
    PlainHttp,
    /// Nothing that can be asked for again.
    Closed,
}

impl From<&Seen> for Prior {
    fn from(seen: &Seen) -> Self {
        match seen {
            Seen::Served(handshake) => Self::Served(handshake.leaf.fingerprint()),
            Seen::PlainHttp => Self::PlainHttp,
            Seen::Refused | Seen::TimedOut | Seen::Failed(_) => Self::Closed,
        }
    }
}

impl Record {
    pub(crate) fn to_json(&self) -> String {
        // Paths that are not UTF-8 are refused in the settings; nothing else in here can fail.
        serde_json::to_string(self).unwrap_or_default()
    }
}
