//! A handover as it is told: the object that `--json` prints.

use baton_finding::Finding;
use baton_state::{
    Handover, HandoverId, NewHandover, Outcome, ProofRecord, State, StateError, Step, StepOutcome, StepRecord,
};
use baton_x509::{Fingerprint, Thumbprint};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// What every object of the command line says of its form.
pub const SCHEMA: &str = "baton/1";

/// A handover.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Report {
    /// `baton/1`.
    pub schema: String,
    /// Which handover; `None` for a dry run.
    pub id: Option<HandoverId>,
    /// The `[[certificate]]` of the settings, where there is one.
    pub certificate: Option<String>,
    /// The target.
    pub target: String,
    /// What the target named before.
    pub old: Option<Thumbprint>,
    /// The successor; `None` when there is none yet.
    pub new: Option<Thumbprint>,
    /// How it ended; `None` while it is open.
    pub outcome: Option<Outcome>,
    /// When the check began.
    pub started_at: Timestamp,
    /// The steps in their order.
    pub steps: Vec<StepReport>,
    /// The handshakes that showed the successor.
    pub proof: Vec<ProofReport>,
    /// What was found.
    pub findings: Vec<Finding>,
    /// What would be done: for a dry run.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub plan: Vec<String>,
}

/// A step of a handover.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct StepReport {
    /// Which one.
    pub step: Step,
    /// How far it came.
    pub outcome: StepOutcome,
    /// How long it took; 0 while it is under way.
    pub seconds: f64,
    /// Output of commands, or the reason of a failure.
    #[serde(skip_serializing_if = "String::is_empty", default)]
    pub detail: String,
}

/// A proof at one endpoint.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ProofReport {
    /// The endpoint as the settings name it.
    pub endpoint: String,
    /// The address that was asked.
    pub address: String,
    /// What it served.
    pub thumbprint: Thumbprint,
    /// What it served.
    pub fingerprint: Fingerprint,
    /// The fingerprints of what it sent, the leaf's first.
    pub chain: Vec<Fingerprint>,
    /// `TLSv1.3` or `TLSv1.2`.
    pub tls_version: String,
    /// For how long after the activation something else was still seen.
    pub stale_seconds: f64,
    /// When.
    pub at: Timestamp,
}

impl Report {
    /// A handover out of the journal.
    pub async fn read(state: &State, handover: &Handover) -> Result<Self, StateError> {
        let steps = state.steps(handover.id).await?;
        let proofs = state.proofs(handover.id).await?;
        Ok(Self::of(handover.id, &handover.begun, handover.outcome, &steps, &proofs))
    }

    /// A handover out of what its journal holds.
    pub(crate) fn of(
        id: HandoverId,
        begun: &NewHandover,
        outcome: Option<Outcome>,
        steps: &[StepRecord],
        proofs: &[ProofRecord],
    ) -> Self {
        Self {
            schema: SCHEMA.to_owned(),
            id: Some(id),
            certificate: begun.certificate.clone(),
            target: begun.target.clone(),
            old: begun.old,
            new: Some(begun.new),
            outcome,
            started_at: begun.started_at,
            steps: steps.iter().map(StepReport::from).collect(),
            proof: proofs.iter().map(ProofReport::from).collect(),
            findings: begun.findings.clone(),
            plan: Vec::new(),
        }
    }

    /// A report about a certificate that got no further than a finding: nothing was issued or changed.
    pub fn without_handover(
        certificate: &str,
        target: &str,
        outcome: Outcome,
        findings: Vec<Finding>,
        now: Timestamp,
    ) -> Self {
        Self {
            schema: SCHEMA.to_owned(),
            id: None,
            certificate: Some(certificate.to_owned()),
            target: target.to_owned(),
            old: None,
            new: None,
            outcome: Some(outcome),
            started_at: now,
            steps: Vec::new(),
            proof: Vec::new(),
            findings,
            plan: Vec::new(),
        }
    }
}

impl From<&StepRecord> for StepReport {
    fn from(record: &StepRecord) -> Self {
        let seconds = record.finished_at.map_or(0.0, |at| at.duration_since(record.started_at).as_secs_f64());
        Self { step: record.step, outcome: record.outcome, seconds, detail: record.detail.clone() }
    }
}

impl From<&ProofRecord> for ProofReport {
    fn from(record: &ProofRecord) -> Self {
        Self {
            endpoint: record.endpoint.clone(),
            address: record.address.clone(),
            thumbprint: record.thumbprint,
            fingerprint: record.fingerprint,
            chain: record.chain.clone(),
            tls_version: record.tls_version.clone(),
            #[expect(clippy::cast_precision_loss, reason = "seconds of a proof: far below 2^52")]
            stale_seconds: record.stale_milliseconds as f64 / 1000.0,
            at: record.at,
        }
    }
}
