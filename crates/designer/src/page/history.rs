//! All handovers, and one of them with its steps and proofs.

use askama::Template;
use baton_handover::{ProofReport, Report, StepReport};
use baton_state::{HandoverId, Outcome, StepOutcome};
use baton_x509::Thumbprint;

use super::certificate;
use super::handover::{HandoverRow, OutcomeCell};
use super::moment::{Moment, elapsed};
use super::prose::Trouble;
use crate::language::Language;

/// Handovers, the newest first.
#[derive(Template)]
#[template(path = "history.html")]
pub(crate) struct HistoryPage {
    t: Language,
    here: &'static str,
    handovers: Vec<HandoverRow>,
    /// The address of those before.
    older: Option<String>,
}

impl HistoryPage {
    /// With more to come where `is_full`.
    pub(crate) fn new(reports: &[Report], is_full: bool, query: &str, t: Language) -> Self {
        let last = reports.last().and_then(|report| report.id).filter(|_| is_full);
        Self {
            t,
            here: "/history",
            handovers: HandoverRow::all(reports, None, t),
            older: last.map(|id| format!("/history?before={id}{query}")),
        }
    }
}

/// One handover.
#[derive(Template)]
#[template(path = "handover.html")]
pub(crate) struct HandoverPage {
    t: Language,
    here: &'static str,
    id: HandoverId,
    certificate: Option<String>,
    target: String,
    old: Option<Thumbprint>,
    new: Option<Thumbprint>,
    outcome: OutcomeCell,
    started: Moment,
    steps: Vec<StepRow>,
    proofs: Vec<ProofRow>,
    troubles: Vec<Trouble>,
    is_open: bool,
    can_roll_back: bool,
}

struct StepRow {
    name: String,
    words: &'static str,
    class: &'static str,
    took: String,
    /// What its commands wrote, or why it failed.
    output: String,
}

struct ProofRow {
    endpoint: String,
    address: String,
    thumbprint: Thumbprint,
    chain: usize,
    tls_version: String,
    stale: Option<String>,
    at: Moment,
}

impl HandoverPage {
    pub(crate) fn new(id: HandoverId, report: Report, t: Language) -> Self {
        Self {
            t,
            here: "/history",
            id,
            outcome: OutcomeCell::new(&report, t),
            started: Moment::new(report.started_at),
            steps: report.steps.iter().map(|step| StepRow::new(step, t)).collect(),
            proofs: report.proof.iter().map(|proof| ProofRow::new(proof, t)).collect(),
            troubles: Trouble::all(&report.findings),
            is_open: report.outcome.is_none(),
            can_roll_back: report.outcome == Some(Outcome::Served)
                && report.old.is_some_and(|old| report.new != Some(old)),
            certificate: report.certificate,
            target: report.target,
            old: report.old,
            new: report.new,
        }
    }
}

impl StepRow {
    fn new(step: &StepReport, t: Language) -> Self {
        let (words, class) = match step.outcome {
            StepOutcome::Begun => (t.step_begun(), "notice"),
            StepOutcome::Done => (t.step_done(), "fine"),
            StepOutcome::Failed => (t.step_failed(), "now"),
        };
        Self {
            name: step.step.to_string(),
            words,
            class,
            took: elapsed(step.seconds, t),
            output: step.detail.clone(),
        }
    }
}

impl ProofRow {
    fn new(proof: &ProofReport, t: Language) -> Self {
        Self {
            endpoint: proof.endpoint.clone(),
            address: proof.address.clone(),
            thumbprint: proof.thumbprint,
            chain: proof.chain.len().saturating_sub(1),
            tls_version: proof.tls_version.clone(),
            stale: (proof.stale_seconds > 0.0).then(|| t.stale_for(format!("{:.1}", proof.stale_seconds))),
            at: Moment::new(proof.at),
        }
    }
}
