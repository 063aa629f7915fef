//! What the journal keeps of a handover, so that a later start can finish or undo it.

use std::net::SocketAddr;

use baton_state::{Handover, Step};
use baton_target::{Action, Endpoint, KeyFamily, Plan, ProductServer, Seen, family_of};
use baton_x509::Fingerprint;
use serde::{Deserialize, Serialize};

use crate::engine::Purpose;
use crate::error::HandoverError;
use crate::window::GuardRecord;

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
    /// Services that ran before anything was changed, and stop and start with the target's: a restart that is broken off
    /// is repeated with them.
    #[serde(default)]
    pub(crate) dependents: Vec<String>,
    /// What happens behind a closed door.
    #[serde(default)]
    pub(crate) guard: Option<GuardRecord>,
    /// The one of a product's two servers that it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) server: Option<ProductServer>,
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
    /// The steps after the check, in their order. Where TLS is off and stays off, there is nothing to ask after the
    /// references have changed.
    pub(crate) fn steps(&self) -> Vec<Step> {
        let is_served = self.purpose == Purpose::Recover || !self.addresses.is_empty();
        let guard = self.guard.as_ref();
        let steps = [
            (Step::Close, guard.is_some_and(|guard| !guard.held)),
            (Step::Stage, true),
            (Step::TlsOff, guard.is_some_and(|guard| !guard.off.is_empty())),
            (Step::Switch, true),
            (Step::Activate, is_served),
            (Step::Prove, is_served),
            (Step::Open, guard.is_some()),
        ];
        steps.into_iter().filter(|(_, is_taken)| *is_taken).map(|(step, _)| step).collect()
    }

    /// The step that follows another one; after the check the first.
    pub(crate) fn after(&self, step: Step) -> Option<Step> {
        let steps = self.steps();
        let position = steps.iter().position(|other| *other == step);
        steps.get(position.map_or(0, |position| position + 1)).copied()
    }

    /// The action that closes its door while it is under way.
    pub(crate) fn closes(&self) -> Option<&Action> {
        let of_stage = self.plan.stage.iter().find(|action| matches!(action, Action::CloseDoor { .. }));
        self.guard.as_ref().map(|guard| &guard.close).or(of_stage)
    }

    /// The actions of a step that has some.
    pub(crate) fn actions(&mut self, step: Step) -> &mut Vec<Action> {
        match (step, &mut self.guard) {
            (Step::TlsOff, Some(guard)) => &mut guard.off,
            (Step::Stage, _) => &mut self.plan.stage,
            _ => &mut self.plan.switch,
        }
    }

    /// That of a journaled handover.
    pub(crate) fn read(handover: &Handover) -> Result<Self, HandoverError> {
        serde_json::from_str(&handover.begun.plan)
            .map_err(|cause| HandoverError::Plan { id: handover.id, cause })
    }

    pub(crate) fn to_json(&self) -> String {
        // Paths that are not UTF-8 are refused in the settings; nothing else in here can fail.
        serde_json::to_string(self).unwrap_or_default()
    }
}
