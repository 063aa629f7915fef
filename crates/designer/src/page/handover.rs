//! The rows of the second table: the last handovers.

use baton_finding::Severity;
use baton_handover::{Report, StepReport};
use baton_state::{HandoverId, Outcome, Step};
use baton_x509::Thumbprint;
use jiff::Timestamp;

use crate::language::Language;

use super::moment::{RelativeMoment, elapsed};
use super::prose::Trouble;

/// A handover.
pub(crate) struct HandoverRow {
    pub(crate) id: Option<HandoverId>,
    pub(crate) started: RelativeMoment,
    pub(crate) certificate: Option<String>,
    pub(crate) target: String,
    pub(crate) outcome: OutcomeCell,
    pub(crate) old: Option<Thumbprint>,
    pub(crate) new: Option<Thumbprint>,
    /// The time that the work took.
    pub(crate) took: String,
    pub(crate) proofs: usize,
    /// Why it did not end well.
    pub(crate) troubles: Vec<Trouble>,
}

/// How a handover ended.
pub(crate) struct OutcomeCell {
    pub(crate) words: &'static str,
    /// The name in the style sheet and of the icon.
    pub(crate) class: &'static str,
}

impl HandoverRow {
    /// Seen from `now`; from the start of each where the time is not known.
    pub(crate) fn all(reports: &[Report], now: Option<Timestamp>, t: Language) -> Vec<Self> {
        reports.iter().map(|report| Self::new(report, now.unwrap_or(report.started_at), t)).collect()
    }

    fn new(report: &Report, now: Timestamp, t: Language) -> Self {
        let went_well = matches!(report.outcome, Some(Outcome::Served | Outcome::Unchanged) | None);
        let to_tell =
            report.findings.iter().filter(|finding| !went_well && finding.severity != Severity::Notice);
        Self {
            id: report.id,
            started: RelativeMoment::new(report.started_at, now, t),
            certificate: report.certificate.clone(),
            target: report.target.clone(),
            outcome: OutcomeCell::new(report, t),
            old: report.old,
            new: report.new,
            took: elapsed(
                report.steps.iter().filter(belongs_to_the_handover).map(|step| step.seconds).sum(),
                t,
            ),
            proofs: report.proof.len(),
            troubles: Trouble::all(to_tell),
        }
    }
}

/// Retiring comes days later, after the grace period.
fn belongs_to_the_handover(step: &&StepReport) -> bool {
    step.step != Step::Retire
}

impl OutcomeCell {
    pub(crate) fn new(report: &Report, t: Language) -> Self {
        // TLS waits for the next certificate, and that is what was asked for.
        let is_reset = report.findings.iter().any(|finding| finding.code == "tls-reset");
        let (words, class) = match report.outcome {
            Some(Outcome::Pending) if is_reset => (t.outcome_tls_off(), "soon"),
            None => (t.under_way(), "notice"),
            Some(Outcome::Served) => (t.outcome_served(), "fine"),
            Some(Outcome::Unchanged) => (t.outcome_unchanged(), "fine"),
            Some(Outcome::Planned) => (t.outcome_planned(), "notice"),
            Some(Outcome::Refused) => (t.outcome_refused(), "soon"),
            Some(Outcome::RolledBack) => (t.outcome_rolled_back(), "soon"),
            Some(Outcome::Pending) => (t.outcome_pending(), "soon"),
            Some(Outcome::Stuck) => (t.outcome_stuck(), "now"),
        };
        Self { words, class }
    }
}
