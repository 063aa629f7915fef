//! What an interrupted handover becomes at the next start.

use baton_finding::Finding;
use baton_platform::clock;
use baton_state::{Closing, Handover, Outcome, Step, StepOutcome};
use baton_target::Target;
use baton_x509::Certificate;

use crate::engine::Engine;
use crate::error::HandoverError;
use crate::record::Record;
use crate::recover::left_closed;
use crate::report::Report;
use crate::running::{Running, ended};
use crate::soundness;

impl Engine {
    /// Finishes or undoes every interrupted handover of a target.
    ///
    /// An interruption before the switch was complete is undone. After it, the target may have taken up the
    /// successor already, so it is told once more and asked; if it does not show the successor, all is undone.
    pub async fn resume(&self, target: &Target) -> Result<Vec<Report>, HandoverError> {
        let _lock = self.lock(target).await?;
        self.resume_locked(target, None).await
    }

    pub(crate) async fn resume_locked(
        &self,
        target: &Target,
        successor: Option<&Certificate>,
    ) -> Result<Vec<Report>, HandoverError> {
        let mut reports = Vec::new();
        target
            .remove_leftovers()
            .map_err(|cause| HandoverError::Leftovers { target: target.name.clone(), cause })?;
        for handover in self.state.open_handovers(&target.name).await? {
            tracing::warn!(handover = %handover.id, %target, "was interrupted");
            reports.push(self.resume_one(target, &handover, successor).await?);
        }
        Ok(reports)
    }

    /// The journal was put back from a copy: what it says of this handover may be older than the truth. So the
    /// target is looked at, and nothing is undone.
    async fn reconcile(&self, mut running: Running<'_>) -> Result<Report, HandoverError> {
        let started_at = clock::now();
        let named = running.target.inspect().ok().and_then(|inspection| inspection.current);
        let done = |step| ended(step, StepOutcome::Done, String::new(), started_at);
        running.found([Finding::warning(
            "state-restored",
            "the journal was put back from a copy while this handover was under way; its end was read from the target",
            "see `baton history`: what came after the copy was made is missing there",
        )]);
        let close = running.record.closes().cloned();
        if let Some(close) = close
            && running.target.is_door_closed(&close).await
        {
            // How far it had come is not known, and nothing is opened on a guess.
            let recovery = left_closed(&mut running);
            self.hold_door(&mut running).await;
            let failed = ended(Step::Prove, StepOutcome::Failed, String::new(), started_at);
            return self
                .close(running, failed, Outcome::Stuck, Closing { recovery, ..Closing::default() })
                .await;
        }
        if named == Some(running.begun.new)
            && let Ok(proofs) = self.prove_successor(&running).await
        {
            return self.served(running, done(Step::Prove), &proofs).await;
        }
        if named.is_none_or(|named| Some(named) == running.begun.old)
            && let Ok(proofs) = self.prove_prior(&running, true).await
        {
            let outcome = running.record.purpose.undone();
            let observed = Some(crate::observe::observed(running.target, &proofs));
            return self
                .close(running, done(Step::RollBack), outcome, Closing { observed, ..Closing::default() })
                .await;
        }
        let names =
            named.map_or_else(|| "no certificate that can be read".to_owned(), |named| named.to_string());
        running.found([Finding::error(
            "state-unclear",
            format!(
                "{} names {names}, and does not serve what the journal knows: {} before, {} after",
                running.target,
                running.begun.old.map_or_else(|| "nothing".to_owned(), |old| old.to_string()),
                running.begun.new
            ),
            format!(
                "`baton prove {}` asks it again; `baton swap \"\" THUMBPRINT --target {}` hands it over anew",
                running.target, running.target
            ),
        )]);
        let failed = ended(Step::Prove, StepOutcome::Failed, String::new(), started_at);
        self.close(running, failed, Outcome::Stuck, Closing::default()).await
    }

    async fn resume_one(
        &self,
        target: &Target,
        handover: &Handover,
        successor: Option<&Certificate>,
    ) -> Result<Report, HandoverError> {
        let record = Record::read(handover)?;
        // That of which it is, not of the one that is about to begin.
        let target = &target.only(record.server);
        // The certificate of this handover, not of the one that is about to begin.
        let successor =
            successor.filter(|successor| successor.fingerprint() == handover.begun.new_fingerprint);
        let stored = match successor {
            Some(successor) => Some(successor.clone()),
            None => target.store.find(handover.begun.new).ok().flatten(),
        };
        let endpoints: Vec<_> = record.addresses.iter().map(|address| address.endpoint.clone()).collect();
        let trust = stored
            .as_ref()
            .and_then(|stored| soundness::examine(stored, None, &endpoints, &self.roots, clock::now()).trust);
        let (open, steps): (Vec<_>, Vec<_>) = self
            .state
            .steps(handover.id)
            .await?
            .into_iter()
            .partition(|step| step.outcome == StepOutcome::Begun);
        let last = open.last().map(|step| step.step);
        let restored = handover.restored;
        let mut running = Running {
            id: handover.id,
            target,
            successor: stored.as_ref(),
            trust,
            record,
            begun: handover.begun.clone(),
            steps,
        };
        match last {
            _ if restored => self.reconcile(running).await,
            Some(Step::Activate | Step::Prove) => {
                self.hold_door(&mut running).await;
                self.carry_out(running, Step::Activate).await
            }
            // It was proven on this machine, with all access control: nothing is to be closed again.
            Some(Step::Open) => self.carry_out(running, Step::Activate).await,
            last => {
                self.hold_door(&mut running).await;
                self.roll_back(running, last.unwrap_or(Step::Check)).await
            }
        }
    }
}
