//! Successors with the key of the certificate before: who may have one, and what is to be said about the key.

use baton_finding::{Finding, Severity};
use baton_handover::{Report, key_compromised, key_old};
use baton_platform::clock;
use baton_state::{InForce, Standing};
use baton_store::{SharedSigner, Store};
use baton_x509::{Certificate, X509};

use super::{KeyChoice, ManagedCertificate, RenewError, Renewals};

/// The certificate whose key a successor keeps.
pub(super) struct KeyInUse {
    pub(super) certificate: Certificate,
    /// What signs with the key, where it does not leave its store.
    pub(super) signer: Option<SharedSigner>,
}

impl Renewals {
    /// Whether a successor keeps the key of the certificate before; the first certificate has none before it.
    pub(super) fn keeps_key(
        &self,
        certificate: &ManagedCertificate,
        current: Option<&InForce>,
        wanted: Option<KeyChoice>,
    ) -> bool {
        current.is_some() && wanted.unwrap_or(certificate.successor) == KeyChoice::SameKey
    }

    /// Refuses to keep a key where the settings do not say that it may be kept.
    pub(super) fn check_key_choice(
        &self,
        certificate: &ManagedCertificate,
        wanted: Option<KeyChoice>,
    ) -> Result<(), RenewError> {
        if wanted == Some(KeyChoice::SameKey) && !certificate.allows_same_key {
            return Err(RenewError::SameKeyNotAllowed { name: certificate.name.clone() });
        }
        Ok(())
    }

    /// Whether an answer keeps the key that is in use, however it was asked for.
    pub(super) fn kept_key(
        &self,
        certificate: &ManagedCertificate,
        standing: &Standing,
        leaf: &X509,
    ) -> Result<Option<KeyChoice>, RenewError> {
        let Some(current) = &standing.current else { return Ok(None) };
        let cause = |cause| RenewError::Store { name: certificate.name.clone(), cause };
        let found = self.store.find(current.thumbprint).map_err(cause)?;
        let is_kept = found.is_some_and(|found| {
            found.leaf().public_key() == leaf.public_key() && found.fingerprint() != leaf.fingerprint()
        });
        Ok(is_kept.then_some(KeyChoice::SameKey))
    }

    /// The certificate whose key a successor would keep, with that key: the one in force, else the one that a target
    /// names, where a store has it.
    pub(super) fn with_key_in_use(
        &self,
        certificate: &ManagedCertificate,
        standing: &Standing,
    ) -> Result<KeyInUse, RenewError> {
        let error = |cause| RenewError::Store { name: certificate.name.clone(), cause };
        let mut places =
            vec![(standing.current.as_ref().map(|current| current.thumbprint), self.store.as_ref())];
        for target in &certificate.targets {
            let named = target.inspect().ok().and_then(|inspection| inspection.current);
            places.extend([(named, self.store.as_ref()), (named, target.store.as_ref())]);
        }
        for (thumbprint, store) in places {
            let Some(thumbprint) = thumbprint else { continue };
            let Some(found) = store.find(thumbprint).map_err(error)? else { continue };
            let signer = self.signer_of(certificate, &found, store)?;
            if found.key().is_some() || signer.is_some() {
                return Ok(KeyInUse { certificate: found, signer });
            }
        }
        Err(RenewError::NoKey { name: certificate.name.clone() })
    }

    /// What signs with the key of a certificate that is not at hand.
    pub(super) fn signer_of(
        &self,
        certificate: &ManagedCertificate,
        found: &Certificate,
        store: &dyn Store,
    ) -> Result<Option<SharedSigner>, RenewError> {
        if found.key().is_some() || !found.has_key() {
            return Ok(None);
        }
        let error = |cause| RenewError::Store { name: certificate.name.clone(), cause };
        store.signer(found.thumbprint()).map_err(error)
    }

    /// What is to be said about the key that the successor would keep; nothing about one of its own.
    pub(super) async fn findings_of_key(
        &self,
        certificate: &ManagedCertificate,
        standing: &Standing,
        wanted: Option<KeyChoice>,
    ) -> Result<Vec<Finding>, RenewError> {
        match standing.current.as_ref() {
            Some(current) if self.keeps_key(certificate, Some(current), wanted) => {
                let known = self.engine.state().key_of(current.fingerprint).await?;
                let since = known.since.map_or(current.not_before, |since| since.min(current.not_before));
                let old = key_old(&certificate.name, since, certificate.longest_key_age, clock::now());
                let compromised =
                    known.compromised.map(|revoked| key_compromised(&certificate.name, revoked));
                Ok(old.into_iter().chain(compromised).collect())
            }
            _ => Ok(Vec::new()),
        }
    }
}

/// Every report tells of the key too.
pub(super) fn with_findings(mut reports: Vec<Report>, findings: &[Finding]) -> Vec<Report> {
    for report in &mut reports {
        report.findings.extend_from_slice(findings);
    }
    reports
}

/// For those who read a log alone.
pub(super) fn log(certificate: &ManagedCertificate, findings: &[Finding]) {
    for finding in findings.iter().filter(|finding| finding.severity != Severity::Notice) {
        tracing::warn!(certificate = %certificate.name, code = finding.code, "{}", finding.message);
    }
}
