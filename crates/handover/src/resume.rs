//! What an interrupted handover becomes at the next start.

use baton_state::{Handover, Step, StepOutcome};
use baton_target::Target;
use baton_x509::Certificate;

use crate::engine::Engine;
use crate::error::HandoverError;
use crate::record::Record;
use crate::report::Report;
use crate::running::Running;
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

    async fn resume_one(
        &self,
        target: &Target,
        handover: &Handover,
        successor: Option<&Certificate>,
    ) -> Result<Report, HandoverError> {
        let record: Record = serde_json::from_str(&handover.begun.plan)
            .map_err(|cause| HandoverError::Plan { id: handover.id, cause })?;
        // The certificate of this handover, not of the one that is about to begin.
        let successor =
            successor.filter(|successor| successor.fingerprint() == handover.begun.new_fingerprint);
        let stored = match successor {
            Some(successor) => Some(successor.clone()),
            None => target.store.find(handover.begun.new).ok().flatten(),
        };
        let endpoints: Vec<_> = record.addresses.iter().map(|address| address.endpoint.clone()).collect();
        let trust = stored.as_ref().and_then(|stored| {
            soundness::examine(stored, None, &endpoints, &self.roots, baton_platform::clock::now()).trust
        });
        let (open, steps): (Vec<_>, Vec<_>) = self
            .state
            .steps(handover.id)
            .await?
            .into_iter()
            .partition(|step| step.outcome == StepOutcome::Begun);
        let last = open.last().map(|step| step.step);
        let running = Running {
            id: handover.id,
            target,
            successor: stored.as_ref(),
            trust,
            record,
            begun: handover.begun.clone(),
            steps,
        };
        match last {
            Some(Step::Activate | Step::Prove) => self.activate_and_prove(running).await,
            Some(Step::RollBack) => self.roll_back(running, true).await,
            _ => self.roll_back(running, false).await,
        }
    }
}
