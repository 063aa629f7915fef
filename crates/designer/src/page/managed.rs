//! A certificate that the settings ask for: what is in force, how its successor is got, and what waits for an answer.

use askama::Template;
use baton_handover::Report;
use baton_x509::Thumbprint;
use jiff::Timestamp;

use super::certificate::{self, LeftCell};
use super::handover::HandoverRow;
use super::moment::RelativeMoment;
use crate::language::Language;
use crate::look::{KnownCertificate, ManagedLook, PendingRequest};

/// The page of a `[[certificate]]`.
#[derive(Template)]
#[template(path = "managed.html")]
pub(crate) struct ManagedPage {
    t: Language,
    here: &'static str,
    name: String,
    names: String,
    issuer: String,
    is_by_hand: bool,
    key: String,
    allows_same_key: bool,
    targets: Vec<String>,
    current: Option<KnownCell>,
    pending: Option<KnownCell>,
    failures: Vec<String>,
    requests: Vec<RequestRow>,
    handovers: Vec<HandoverRow>,
}

struct KnownCell {
    thumbprint: Thumbprint,
    left: LeftCell,
}

struct RequestRow {
    id: String,
    made: RelativeMoment,
    is_same_key: bool,
}

impl ManagedPage {
    pub(crate) fn new(look: ManagedLook, t: Language) -> Self {
        let now = look.at;
        let handovers: &[Report] = &look.handovers;
        Self {
            t,
            here: "",
            names: look.names.join(", "),
            is_by_hand: look.is_by_hand,
            key: look.key.to_string(),
            allows_same_key: look.allows_same_key,
            current: look.current.map(|known| KnownCell::new(&known, now, t)),
            pending: look.pending.map(|known| KnownCell::new(&known, now, t)),
            failures: look.failures,
            requests: look.requests.iter().map(|request| RequestRow::new(request, now, t)).collect(),
            handovers: HandoverRow::all(handovers, Some(now), t),
            name: look.name,
            issuer: look.issuer,
            targets: look.targets,
        }
    }
}

impl KnownCell {
    fn new(known: &KnownCertificate, now: Timestamp, t: Language) -> Self {
        let left = LeftCell::of_validity(known.not_before, known.not_after, now, t);
        Self { thumbprint: known.thumbprint, left }
    }
}

impl RequestRow {
    fn new(request: &PendingRequest, now: Timestamp, t: Language) -> Self {
        Self {
            id: request.id.clone(),
            made: RelativeMoment::new(request.made_at, now, t),
            is_same_key: request.is_same_key,
        }
    }
}
