//! Handing a successor over to all targets of its certificate. Its tries are its own: what fails here costs no order,
//! and delays none.

use baton_finding::{Explain as _, Finding};
use baton_handover::{Purpose, Report, Request};
use baton_platform::clock;
use baton_state::{Outcome, Renewal};
use baton_x509::Certificate;
use jiff::Timestamp;

use super::issuing::{failed, moment};
use super::{ManagedCertificate, RenewError, RenewOptions, Renewals, reason};

impl Renewals {
    /// Hands the pending successor over: the second half of a renewal.
    pub(crate) async fn hand_over_pending(&self, name: &str) -> Result<(), RenewError> {
        let certificate = self.named(name)?;
        let _lock = self.engine.lock_certificate(name).await?;
        let standing = self.engine.state().standing(name).await?;
        if let Some(pending) = self.usable_pending(certificate, &standing, clock::now())? {
            // Should the end of the order have been cut off.
            self.forget_order(certificate);
            self.hand_over(certificate, &pending, RenewOptions::default()).await?;
        } else if let Some(pending) = standing.pending {
            // Its key has gone from the store: it is of no use any more.
            let reason = format!("{} is not in the store", pending.thumbprint);
            tracing::warn!(certificate = name, "{reason}: another one is issued");
            let mut renewal = self.engine.state().renewal(name).await?;
            (renewal.pending, renewal.handover) = Default::default();
            self.engine.state().record_renewal(&renewal).await?;
        }
        Ok(())
    }

    pub(super) async fn hand_over(
        &self,
        certificate: &ManagedCertificate,
        successor: &Certificate,
        options: RenewOptions,
    ) -> Result<Vec<Report>, RenewError> {
        let request = |target| Request {
            certificate: Some(&certificate.name),
            target,
            successor,
            old: None,
            purpose: Purpose::Renew,
            enable_tls: false,
            protocol: None,
            guarded: options.guarded,
            dry_run: options.dry_run,
        };
        let requests: Vec<_> = certificate.targets.iter().map(|target| request(target)).collect();
        let (mut reports, failure) = self.engine.hand_over_all(&requests).await;
        if options.dry_run {
            return failure.map_or(Ok(reports), |error| Err(error.into()));
        }
        let now = clock::now();
        // References that were handed over while TLS is off are all that can be done.
        let is_done = |report: &&Report| match report.outcome {
            Some(Outcome::Served | Outcome::Unchanged) => true,
            Some(Outcome::Pending) => report.findings.iter().any(|finding| finding.code == "tls-off"),
            _ => false,
        };
        let mut reasons: Vec<String> = reports.iter().filter(|report| !is_done(report)).map(reason).collect();
        reasons.extend(failure.as_ref().map(|error| error.chain()));
        if reasons.is_empty() {
            let renewal = Renewal {
                name: certificate.name.clone(),
                current: Some(successor.fingerprint()),
                ..Renewal::default()
            };
            self.engine.state().record_renewal(&renewal).await?;
            self.forget_answered(certificate, successor);
            if reports.is_empty() {
                reports.push(issued_only(certificate, successor, now));
            }
        } else {
            self.not_handed_over(certificate, successor, reasons.join("; "), now).await?;
        }
        match failure {
            Some(error) if reports.is_empty() => Err(error.into()),
            _ => Ok(reports),
        }
    }

    /// Counts a failure and sets the next try: within the lifetime of the successor.
    async fn not_handed_over(
        &self,
        certificate: &ManagedCertificate,
        successor: &Certificate,
        reason: String,
        now: Timestamp,
    ) -> Result<(), RenewError> {
        let state = self.engine.state();
        let mut renewal = state.renewal(&certificate.name).await?;
        renewal.pending = Some(successor.fingerprint());
        state.record_renewal(&renewal).await?;
        let standing = state.standing(&certificate.name).await?;
        renewal.handover =
            failed(&renewal.handover, standing.pending.as_ref(), &certificate.name, reason, now);
        tracing::warn!(certificate = %certificate.name, attempts = renewal.handover.failed, "not handed over; again {}", moment(&renewal.handover));
        Ok(state.record_renewal(&renewal).await?)
    }
}

fn issued_only(certificate: &ManagedCertificate, successor: &Certificate, now: Timestamp) -> Report {
    let finding =
        Finding::notice("no-target", format!("{:?} has no target: it is in the store", certificate.name));
    let mut report = Report::without_handover(&certificate.name, "", Outcome::Unchanged, vec![finding], now);
    report.new = Some(successor.thumbprint());
    report
}
