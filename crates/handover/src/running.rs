//! A handover that is under way: what its journal holds, in memory.

use std::net::SocketAddr;

use baton_finding::{Explain as _, Finding};
use baton_platform::clock;
use baton_platform::progress::{self, Stage};
use baton_state::{Closing, HandoverId, NewHandover, Outcome, StateError, Step, StepOutcome, StepRecord};
use baton_target::{Endpoint, Expected, Proof, Target, prove};
use baton_x509::{Certificate, Fingerprint, Trust};
use jiff::Timestamp;

use crate::engine::Engine;
use crate::error::HandoverError;
use crate::record::{AddressRecord, Record};
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
    /// Tells whoever listens how far it has come.
    pub(crate) fn tell(&self, stage: Stage) {
        progress::report(stage, self.begun.certificate.as_deref(), Some(&self.target.name));
    }

    pub(crate) fn new_fingerprint(&self) -> Fingerprint {
        self.begun.new_fingerprint
    }

    /// The certificate before, where it is known and another one.
    pub(crate) fn old_fingerprint(&self) -> Option<Fingerprint> {
        self.begun.old_fingerprint.filter(|old| *old != self.begun.new_fingerprint)
    }

    /// Asks the addresses by the target's own rules; what was not proven is told as findings.
    pub(crate) async fn prove(
        &self,
        expected: Vec<(Endpoint, SocketAddr, Expected)>,
    ) -> Result<Vec<Proof>, Vec<Finding>> {
        prove(expected, self.target.policy)
            .await
            .map_err(|unproven| unproven.into_iter().map(|unproven| unproven.finding).collect())
    }

    /// Asks addresses for plain HTTP.
    pub(crate) async fn prove_plain(&self, addresses: &[AddressRecord]) -> Result<Vec<Proof>, Vec<Finding>> {
        let expected =
            |address: &AddressRecord| (address.endpoint.clone(), address.address, Expected::PlainHttp);
        self.prove(addresses.iter().map(expected).collect()).await
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

    /// The same where what follows is right with or without the journal: to look, or to undo what it knows of. Then
    /// it stays open there, and the next start finishes it.
    pub(crate) async fn advance_if_possible(&self, running: &mut Running<'_>, ended: StepRecord, next: Step) {
        if let Err(cause) = self.state.advance(running.id, &ended, next, clock::now()).await {
            running.found([not_written(&cause)]);
        }
        running.steps.push(ended);
    }

    /// Writes down how a handover ended, and all that follows from it. What is proven stays so when the journal cannot
    /// be written: the next start finds the handover open, and proves it again.
    pub(crate) async fn close(
        &self,
        mut running: Running<'_>,
        last: StepRecord,
        outcome: Outcome,
        closing: Closing,
    ) -> Result<Report, HandoverError> {
        let findings = &running.begun.findings;
        let closed =
            self.state.close_handover(running.id, &last, outcome, findings, &closing, clock::now()).await;
        if let Err(cause) = closed {
            running.found([not_written(&cause)]);
        }
        if running.is_behind_door()
            && let Err(cause) = self.state.copy().await
        {
            // The last one still says that the door is closed.
            tracing::warn!("no copy of the journal was made: {}", cause.chain());
        }
        running.steps.push(last);
        Ok(Report::of(running.id, &running.begun, Some(outcome), &running.steps, &closing.proofs))
    }
}

fn not_written(cause: &StateError) -> Finding {
    tracing::error!("{}", cause.chain());
    Finding::warning(
        "journal-not-written",
        format!("the end of this handover is not in the journal: {}", cause.chain()),
        "see that the disk of the data directory has room, then run `baton resume`",
    )
}

pub(crate) fn ended(step: Step, outcome: StepOutcome, detail: String, started_at: Timestamp) -> StepRecord {
    StepRecord::ended(step, outcome, detail, started_at, clock::now())
}
