//! A handover that is under way: what its journal holds, in memory.

use baton_finding::Finding;
use baton_platform::clock;
use baton_state::{Closing, HandoverId, NewHandover, Outcome, Step, StepOutcome, StepRecord};
use baton_target::Target;
use baton_x509::{Certificate, Fingerprint, Trust};
use jiff::Timestamp;

use crate::engine::Engine;
use crate::error::HandoverError;
use crate::record::Record;
use crate::report::Report;

/// A handover that is under way.
pub(crate) struct Running<'a> {
    pub(crate) id: HandoverId,
    pub(crate) target: &'a Target,
    pub(crate) successor: Option<&'a Certificate>,
    pub(crate) trust: Option<Trust>,
    pub(crate) record: Record,
    /// What was known when it began; its findings grow.
    pub(crate) begun: NewHandover,
    /// The steps that have ended.
    pub(crate) steps: Vec<StepRecord>,
}

impl Running<'_> {
    pub(crate) fn new_fingerprint(&self) -> Fingerprint {
        self.begun.new_fingerprint
    }

    /// The certificate before, where it is known and another one.
    pub(crate) fn old_fingerprint(&self) -> Option<Fingerprint> {
        self.begun.old_fingerprint.filter(|old| *old != self.begun.new_fingerprint)
    }

    /// Adds what is not known yet.
    pub(crate) fn found(&mut self, findings: impl IntoIterator<Item = Finding>) {
        for finding in findings {
            if !self.begun.findings.contains(&finding) {
                self.begun.findings.push(finding);
            }
        }
    }
}

impl Engine {
    /// Writes down that a step has ended and that the next one begins.
    pub(crate) async fn advance(
        &self,
        running: &mut Running<'_>,
        ended: StepRecord,
        next: Step,
    ) -> Result<(), HandoverError> {
        self.state.advance(running.id, &ended, next, clock::now()).await?;
        running.steps.push(ended);
        Ok(())
    }

    /// Writes down how a handover ended, and all that follows from it.
    pub(crate) async fn close(
        &self,
        mut running: Running<'_>,
        last: StepRecord,
        outcome: Outcome,
        closing: Closing,
    ) -> Result<Report, HandoverError> {
        let findings = &running.begun.findings;
        self.state.close_handover(running.id, &last, outcome, findings, &closing, clock::now()).await?;
        running.steps.push(last);
        Ok(Report::of(running.id, &running.begun, Some(outcome), &running.steps, &closing.proofs))
    }
}

pub(crate) fn ended(step: Step, outcome: StepOutcome, detail: String, started_at: Timestamp) -> StepRecord {
    StepRecord::ended(step, outcome, detail, started_at, clock::now())
}
