//! The way back: undo, activate, and prove what was served before.

use baton_finding::Finding;
use baton_platform::clock;
use baton_platform::progress::Stage;
use baton_state::{Closing, Outcome, Step, StepOutcome};
use baton_target::{Action, Counterpart, Expected, KeyFamily, Proof};
use jiff::Timestamp;

use crate::engine::{Engine, Purpose};
use crate::error::HandoverError;
use crate::record::{AddressRecord, Prior};
use crate::recover::left_closed;
use crate::report::Report;
use crate::running::{Running, ended};
use crate::window::{inside, latest, outside};

impl Engine {
    /// Undoes all that the plan says, as far as it was done, and proves the state before.
    ///
    /// `reached` is the step that was under way. Where the server may have taken up a change it is told again; where
    /// it cannot have, it is told only if it does not answer as before.
    pub(crate) async fn roll_back(
        &self,
        mut running: Running<'_>,
        reached: Step,
    ) -> Result<Report, HandoverError> {
        running.tell(Stage::RollBack);
        let started_at = clock::now();
        let mut observed = None;
        let is_new_taken_up = running.has_reached(Step::Activate, reached);
        let (outcome, step_outcome, detail) = if is_new_taken_up && self.old_is_expired(&running, started_at)
        {
            if running.has_reached(Step::Open, reached)
                && let Some(guard) = &running.record.guard
                && let Err(error) = guard.close.apply(running.target.context(None)).await
            {
                running.found([Finding::from_error(&error)]);
            }
            running.begun.findings.push(Finding::error(
                "old-expired",
                "the certificate before has expired: the target stays with the new one",
                "see why the server does not serve it, then run the handover again",
            ));
            (Outcome::Stuck, StepOutcome::Failed, "not undone: the certificate before has expired".to_owned())
        } else {
            match self.undo_and_prove(&mut running, reached).await {
                Ok(proofs) => {
                    observed = Some(crate::observe::observed(running.target, &proofs));
                    (running.record.purpose.undone(), StepOutcome::Done, proven(&proofs))
                }
                Err(findings) => {
                    let detail = findings.iter().map(|f| f.message.as_str()).collect::<Vec<_>>().join("; ");
                    running.found(findings);
                    (Outcome::Stuck, StepOutcome::Failed, detail)
                }
            }
        };
        match outcome {
            Outcome::Stuck => {
                tracing::error!(handover = %running.id, target = %running.target, "not restored: a person must look")
            }
            _ => {
                tracing::warn!(handover = %running.id, target = %running.target, "rolled back: what was served before is proven")
            }
        }
        let recovery = if outcome == Outcome::Stuck { left_closed(&mut running) } else { None };
        let step = ended(Step::RollBack, step_outcome, detail, started_at);
        let target = running.target;
        let report =
            self.close(running, step, outcome, Closing { observed, recovery, ..Closing::default() }).await?;
        if outcome == Outcome::Stuck {
            // What is served now is what a person must know first.
            self.observe(target).await?;
        }
        Ok(report)
    }

    fn old_is_expired(&self, running: &Running<'_>, now: Timestamp) -> bool {
        let is_reset = running.record.purpose == Purpose::Recover;
        !is_reset && running.record.old_ends.is_some_and(|ends| ends < now.as_second())
    }

    async fn undo_and_prove(
        &self,
        running: &mut Running<'_>,
        reached: Step,
    ) -> Result<Vec<Proof>, Vec<Finding>> {
        let activated =
            running.has_reached(Step::Activate, reached) || running.has_reached(Step::TlsOff, reached);
        let guard = running.record.guard.clone();
        if let Some(guard) =
            guard.as_ref().filter(|guard| guard.held && running.has_reached(Step::Open, reached))
        {
            // What it goes back to is not for the outside.
            let closed = guard.close.apply(running.target.context(None)).await;
            closed.map_err(|error| vec![Finding::from_error(&error)])?;
        }
        let off = guard.as_ref().map(|guard| guard.off.as_slice()).unwrap_or_default();
        // Where the switch had not begun with what was set aside, that is undone first; where it had, this is refused,
        // and done after the references are back.
        let _ = undo(running, off).await;
        undo(running, &running.record.plan.switch).await?;
        undo(running, off).await?;
        let mut proofs = None;
        if !activated {
            // Nothing was told to take up the change, so most likely nothing did.
            proofs = self.prove_prior(running, activated).await.ok();
        }
        let mut proofs = match proofs {
            Some(proofs) => proofs,
            None => {
                let activated = running.target.activate(&running.record.dependents).await;
                let activated = activated.map_err(|error| Finding::from_error(&error));
                let proofs = self.prove_prior(running, true).await?;
                match activated {
                    // The proof decides: a command may fail and the server be well. Where there is nothing to prove
                    // behind a door, it stays closed.
                    Err(finding) if proofs.is_empty() && running.is_behind_door() => {
                        return Err(vec![finding]);
                    }
                    Err(finding) => running.begun.findings.push(finding),
                    Ok(_) => {}
                }
                proofs
            }
        };
        if let Some(guard) = guard.as_ref().filter(|guard| !guard.held && !guard.off.is_empty()) {
            self.refuse_plain(running, &guard.plain).await?;
        }
        undo(running, &running.record.plan.stage).await?;
        if running.is_behind_door() && guard.as_ref().is_none_or(|guard| !guard.held) {
            if let Some(guard) = &guard {
                undo(running, std::slice::from_ref(&guard.close)).await?;
            }
            let outside = outside(&running.record.addresses);
            let more = self.prove_prior_at(running, &outside, activated).await?;
            proofs = latest(proofs, more);
        }
        Ok(proofs)
    }

    /// What answers without TLS now, and did not before, is not for the outside to see.
    async fn refuse_plain(&self, running: &Running<'_>, plain: &[AddressRecord]) -> Result<(), Vec<Finding>> {
        let not_before = plain.iter().filter(|address| address.prior != Prior::PlainHttp);
        let now =
            self.now(running.target, not_before.map(|address| address.endpoint.clone()).collect()).await;
        let still: Vec<_> = now.into_iter().filter(|address| address.prior == Prior::PlainHttp).collect();
        match still.first() {
            None => Ok(()),
            Some(address) => Err(vec![Finding::error(
                "endpoint-plain-http",
                format!("{} answers plain HTTP still", address.endpoint),
                "see why the service was not restarted",
            )]),
        }
    }

    /// Every address must answer as it did: the certificate, or plain HTTP. What was closed is not asked, nor what is
    /// beyond a closed door.
    pub(crate) async fn prove_prior(
        &self,
        running: &Running<'_>,
        activated: bool,
    ) -> Result<Vec<Proof>, Vec<Finding>> {
        // The plain side of a reset is what a recovered target goes back to, and what a recovery comes from is TLS.
        let plain = running.record.plain.iter().filter(|_| running.record.purpose != Purpose::Recover);
        let mut addresses = match running.is_behind_door() {
            true => inside(&running.record.addresses),
            false => running.record.addresses.clone(),
        };
        addresses.extend(plain.cloned());
        self.prove_prior_at(running, &addresses, activated).await
    }

    async fn prove_prior_at(
        &self,
        running: &Running<'_>,
        addresses: &[AddressRecord],
        activated: bool,
    ) -> Result<Vec<Proof>, Vec<Finding>> {
        let expected = |address: &AddressRecord| {
            let expected = match address.prior {
                Prior::Closed => return None,
                Prior::PlainHttp => Expected::PlainHttp,
                Prior::Served(fingerprint) => {
                    // After a restart a server serves what its settings name, whatever it served before.
                    let old = running.begun.old_fingerprint.filter(|_| activated).unwrap_or(fingerprint);
                    let family = if old == fingerprint { address.family } else { KeyFamily::Any };
                    let new = running.new_fingerprint();
                    let counterpart = (new != old).then_some(Counterpart::New(new));
                    Expected::Certificate { fingerprint: old, trust: None, family, counterpart }
                }
            };
            Some((address.endpoint.clone(), address.address, expected))
        };
        running.prove(addresses.iter().filter_map(expected).collect()).await
    }
}

/// Undoes actions, the last one first. One that cannot be undone keeps none of the others from it.
async fn undo(running: &Running<'_>, actions: &[Action]) -> Result<(), Vec<Finding>> {
    let context = running.target.context(running.successor);
    let mut findings = Vec::new();
    for action in actions.iter().rev() {
        if let Err(error) = action.undo(context).await {
            findings.push(Finding::from_error(&error));
        }
    }
    if findings.is_empty() { Ok(()) } else { Err(findings) }
}

fn proven(proofs: &[Proof]) -> String {
    let lines: Vec<String> = proofs
        .iter()
        .map(|proof| match &proof.handshake {
            Some(handshake) => {
                format!("{} at {} serves {}", proof.endpoint, proof.address, handshake.leaf.thumbprint())
            }
            None => format!("{} at {} answers plain HTTP", proof.endpoint, proof.address),
        })
        .collect();
    lines.join("\n")
}
