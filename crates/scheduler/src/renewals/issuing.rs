//! Getting a successor, within what its issuer bears.

use baton_finding::{Explain as _, Retry};
use baton_handover::lifetime;
use baton_issuer::{Issuer, KeySource, Order};
use baton_platform::clock;
use baton_schedule::{Limiter, Limits, Tries};
use baton_state::{Attempts, InForce, IssuerUse, Met, Origin, Renewal, Standing};
use baton_x509::Certificate;
use jiff::Timestamp;

use super::{KeyChoice, ManagedCertificate, RenewError, RenewOptions, Renewals, is_hopeless, reason};

/// How much an issuer may be asked.
pub(crate) fn limits(issuer: &Issuer) -> Limits {
    match issuer {
        // A CA of the house takes what it is asked; asking for what waits for an approval is no order.
        Issuer::Internal { .. } | Issuer::Adcs(_) | Issuer::Manual => Limits::LOCAL,
        Issuer::Command(_) => Limits::ONE_AT_A_TIME,
        Issuer::Acme(_) => Limits::PUBLIC,
    }
}

/// What an issuer was asked, as the schedule counts it.
pub(crate) fn limiter(used: &IssuerUse) -> Limiter {
    Limiter { full_at: used.full_at, rest_until: used.rest_until }
}

impl Renewals {
    /// Gets a successor that is due, and keeps it: the first half of a renewal. What fails is counted.
    pub(crate) async fn order_due(&self, name: &str) -> Result<(), RenewError> {
        let certificate = self.named(name)?;
        let _lock = self.engine.lock_certificate(name).await?;
        let now = clock::now();
        let standing = self.engine.state().standing(name).await?;
        // Someone else was faster, or it is a person who asks.
        if !certificate.issuer.is_automatic()
            || self.usable_pending(certificate, &standing, now)?.is_some()
            || !self.is_due(certificate, &standing, now)
        {
            return Ok(());
        }
        let refused = self.refused_beforehand(certificate, false, now).await;
        if is_hopeless(certificate, &refused) {
            let reasons: Vec<String> = refused.iter().map(reason).collect();
            return self.not_issued(&standing, reasons.join("; "), None, now).await;
        }
        let of_key = self.findings_of_key(certificate, &standing, None).await?;
        super::keeping_key::log(certificate, &of_key);
        match self.order(certificate, &standing, RenewOptions::default(), now).await {
            Err(error) if error.awaiting().is_none() => Err(error),
            _ => Ok(()),
        }
    }

    /// Gets a successor and keeps it durably: from here on no failure costs another order.
    pub(super) async fn order(
        &self,
        certificate: &ManagedCertificate,
        standing: &Standing,
        options: RenewOptions,
        now: Timestamp,
    ) -> Result<Certificate, RenewError> {
        self.take_order(certificate, options.force, now).await?;
        let issued = match self.issue(certificate, standing.current.as_ref(), options.key, now).await {
            Ok(issued) => self.keep(certificate, &issued, now).await.map(|()| issued),
            Err(error) => Err(error),
        };
        let successor = match issued {
            Ok(successor) => successor,
            Err(error) => {
                if let Some(awaiting) = error.awaiting() {
                    self.await_approval(&standing.name, awaiting).await?;
                    return Err(error);
                }
                let told = if let Retry::At(until) = error.retry() { Some(until) } else { None };
                if let Some(until) = told {
                    self.rest(&certificate.issuer_name, until, now).await?;
                }
                self.not_issued(standing, error.chain(), told, now).await?;
                return Err(error);
            }
        };
        if let Some(superseded) = &standing.pending {
            self.engine.retire_later(superseded.fingerprint, now).await?;
        }
        // Durable before anyone is told.
        let renewal = Renewal {
            name: certificate.name.clone(),
            current: standing.current.as_ref().map(|current| current.fingerprint),
            pending: Some(successor.fingerprint()),
            ..Renewal::default()
        };
        self.engine.state().record_renewal(&renewal).await?;
        self.forget_order(certificate);
        tracing::info!(certificate = %certificate.name, thumbprint = %successor.thumbprint(), "issued");
        Ok(successor)
    }

    /// A certificate from its issuer; nothing is written down.
    pub(super) async fn issue(
        &self,
        certificate: &ManagedCertificate,
        current: Option<&InForce>,
        key: Option<KeyChoice>,
        now: Timestamp,
    ) -> Result<Certificate, RenewError> {
        let store_error = |cause| RenewError::Store { name: certificate.name.clone(), cause };
        let found = match current {
            Some(current) => self.store.find(current.thumbprint).map_err(store_error),
            None => Ok(None),
        };
        // The first certificate has no key before it.
        let is_same = self.keeps_key(certificate, current, key);
        // A new key does without the certificate before.
        let before = if is_same { found? } else { found.unwrap_or_default() };
        let signer;
        let key = if is_same {
            let before =
                before.as_ref().ok_or_else(|| RenewError::NoKey { name: certificate.name.clone() })?;
            signer = self.signer_of(certificate, before, self.store.as_ref())?;
            match (before.key(), &signer) {
                (Some(key), _) => KeySource::Same(key),
                (None, Some(signer)) => KeySource::Kept(signer.as_ref()),
                (None, None) => return Err(RenewError::NoKey { name: certificate.name.clone() }),
            }
        } else {
            KeySource::New(certificate.key)
        };
        // Nothing is ordered that could not be kept.
        self.store.rehearse().map_err(store_error)?;
        let order = Order {
            certificate: &certificate.name,
            names: &certificate.names,
            key,
            replaces: before.as_ref().map(Certificate::leaf),
        };
        let issued = certificate.issuer.issue(&order, now).await;
        issued.map_err(|cause| RenewError::Issue { name: certificate.name.clone(), cause: Box::new(cause) })
    }

    /// Counts an order against the limits of its issuer, or says when there may be one. `force` is a person who wants
    /// to hear it from the issuer itself.
    async fn take_order(
        &self,
        certificate: &ManagedCertificate,
        force: bool,
        now: Timestamp,
    ) -> Result<(), RenewError> {
        let limits = limits(&certificate.issuer);
        let used = self.engine.state().issuer_use(&certificate.issuer_name).await?;
        let before = limiter(&used);
        let mut counted = before.settled(limits, now);
        let until = if force { now } else { counted.next(limits) };
        if until <= now {
            counted.take(limits, now);
        }
        if counted != before {
            let used = IssuerUse { full_at: counted.full_at, rest_until: counted.rest_until, ..used };
            self.engine.state().record_issuer_use(&used).await?;
        }
        if until > now {
            return Err(RenewError::IssuerResting { issuer: certificate.issuer_name.clone(), until });
        }
        Ok(())
    }

    /// The issuer's order has served: its certificate is durable.
    pub(super) fn forget_order(&self, certificate: &ManagedCertificate) {
        if let Err(error) = certificate.issuer.forget(&certificate.name) {
            tracing::warn!(certificate = %certificate.name, "its order is not forgotten: {}", error.chain());
        }
    }

    /// The issuer asked to be left alone.
    pub(super) async fn rest(
        &self,
        issuer: &str,
        until: Timestamp,
        now: Timestamp,
    ) -> Result<(), RenewError> {
        let used = self.engine.state().issuer_use(issuer).await?;
        let mut counted = limiter(&used);
        counted.rest(until, now);
        tracing::warn!(issuer, "asks to be left alone until {until:.0}");
        let used = IssuerUse { rest_until: counted.rest_until, ..used };
        Ok(self.engine.state().record_issuer_use(&used).await?)
    }

    /// Keeps a certificate that was issued, durably.
    pub(super) async fn keep(
        &self,
        certificate: &ManagedCertificate,
        issued: &Certificate,
        now: Timestamp,
    ) -> Result<(), RenewError> {
        let store_error = |cause| RenewError::Store { name: certificate.name.clone(), cause };
        self.store.import(issued).map_err(store_error)?;
        let met = Met { certificate: issued.leaf(), name: Some(&certificate.name), origin: Origin::Issued };
        Ok(self.engine.state().record_certificate(&met, now).await?)
    }

    /// Counts a failure and sets the next try: within the lifetime of what is to be replaced.
    async fn not_issued(
        &self,
        standing: &Standing,
        reason: String,
        rest_until: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<(), RenewError> {
        let mut renewal = self.engine.state().renewal(&standing.name).await?;
        renewal.rest_until = rest_until;
        renewal.awaiting = None;
        renewal.issuing = failed(&renewal.issuing, standing.current.as_ref(), &standing.name, reason, now);
        tracing::warn!(certificate = %standing.name, attempts = renewal.issuing.failed, "not issued; again {}", moment(&renewal.issuing));
        Ok(self.engine.state().record_renewal(&renewal).await?)
    }
}

/// One failure more; the pause fits the lifetime of what it is about.
pub(super) fn failed(
    before: &Attempts,
    about: Option<&InForce>,
    name: &str,
    reason: String,
    now: Timestamp,
) -> Attempts {
    let tries = Tries { attempts: before.failed, retry_at: before.retry_at };
    let tries = match about {
        Some(held) => tries.failed(Some(lifetime(held)), held.fingerprint.as_bytes(), now),
        None => tries.failed(None, name.as_bytes(), now),
    };
    Attempts { failed: tries.attempts, retry_at: tries.retry_at, failure: Some(reason) }
}

pub(super) fn moment(attempts: &Attempts) -> String {
    attempts.retry_at.map(|at| format!("at {at:.0}")).unwrap_or_default()
}
