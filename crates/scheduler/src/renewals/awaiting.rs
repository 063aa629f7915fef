//! Successors that a person must approve at the CA. Nothing of that is a failure: no try is counted, no other certificate
//! of the issuer is held up, and the request is asked for again, not handed in again.

use baton_handover::{Report, awaiting_approval};
use baton_issuer::AwaitingApproval;
use baton_state::{Attempts, Awaiting, Outcome, Standing};
use jiff::Timestamp;

use super::{ManagedCertificate, RenewError, Renewals};

impl Renewals {
    /// Writes down that this certificate waits, and until when; nothing else does.
    pub(super) async fn await_approval(
        &self,
        name: &str,
        awaiting: &AwaitingApproval,
    ) -> Result<(), RenewError> {
        let mut renewal = self.engine.state().renewal(name).await?;
        renewal.issuing = Attempts::default();
        renewal.rest_until = Some(awaiting.until);
        renewal.awaiting = Some(Awaiting { request: awaiting.request.clone(), since: awaiting.since });
        tracing::info!(
            certificate = name,
            request = awaiting.request,
            "waits for its approval; asked for again at {:.0}",
            awaiting.until
        );
        Ok(self.engine.state().record_renewal(&renewal).await?)
    }

    /// What there is to report of a certificate whose successor waits for its approval: one for each target.
    pub(super) fn awaiting(
        certificate: &ManagedCertificate,
        standing: &Standing,
        awaiting: &AwaitingApproval,
        now: Timestamp,
    ) -> Vec<Report> {
        let known = Awaiting { request: awaiting.request.clone(), since: awaiting.since };
        let finding = awaiting_approval(&certificate.name, &known);
        let report = |target: &str| {
            let findings = vec![finding.clone()];
            let mut report =
                Report::without_handover(&certificate.name, target, Outcome::Pending, findings, now);
            report.old = standing.current.as_ref().map(|current| current.thumbprint);
            report
        };
        if certificate.targets.is_empty() {
            return vec![report("")];
        }
        certificate.targets.iter().map(|target| report(&target.name)).collect()
    }
}
