//! The renewal of one certificate, from the question whether it is due to the last handover.

use std::collections::HashSet;
use std::sync::Arc;

use baton_finding::{Explain, Finding, Retry, Severity};
use baton_handover::{Engine, HandoverError, Purpose, Report, Request, SearchIn, Subject};
use baton_issuer::{IssueError, Issuer, KeySource, Order};
use baton_platform::clock;
use baton_schedule::{Lifetime, backoff_within, due};
use baton_state::{CertificateRecord, Met, Origin, Outcome, Renewal, StateError};
use baton_store::{SharedStore, StoreError};
use baton_target::Target;
use baton_x509::{Certificate, KeyAlgorithm, Name};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// Whether a successor has a key of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum KeyChoice {
    /// A new key (a re-key, RFC 3647, 4.7).
    NewKey,
    /// The key of the certificate before (a renewal, RFC 3647, 4.6).
    SameKey,
}

/// A `[[certificate]]` of the settings.
#[derive(Debug, Clone)]
pub struct ManagedCertificate {
    /// Its name in the settings.
    pub name: String,
    /// What it is for.
    pub names: Vec<Name>,
    /// Where its successors come from.
    pub issuer: Arc<Issuer>,
    /// The kind of its keys.
    pub key: KeyAlgorithm,
    /// Whether a successor has a key of its own.
    pub successor: KeyChoice,
    /// The servers that use it.
    pub targets: Vec<Arc<Target>>,
}

/// How one renewal is asked for.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct RenewOptions {
    /// Renew even if it is not due.
    pub force: bool,
    /// Another choice of key than the settings'.
    pub key: Option<KeyChoice>,
    /// Only tell what would be done.
    pub dry_run: bool,
}

/// A renewal could not be carried out; nothing was handed over.
#[derive(Debug, thiserror::Error)]
pub enum RenewError {
    /// There is no `[[certificate]]` of that name.
    #[error("there is no certificate named {0:?} in the settings")]
    Unknown(String),
    /// The issuer gave no certificate.
    #[error("no certificate was issued for {name:?}")]
    Issue {
        /// The certificate's name.
        name: String,
        /// Why.
        #[source]
        cause: IssueError,
    },
    /// The certificate cannot be kept.
    #[error("the certificate for {name:?} cannot be kept")]
    Store {
        /// The certificate's name.
        name: String,
        /// Why.
        #[source]
        cause: StoreError,
    },
    /// The journal or a lock failed.
    #[error(transparent)]
    Handover(#[from] HandoverError),
    /// The state database failed.
    #[error(transparent)]
    State(#[from] StateError),
    /// The key is not at hand that the successor is to have.
    #[error("the private key of the certificate in use for {name:?} is not in the store")]
    NoKey {
        /// The certificate's name.
        name: String,
    },
}

impl Explain for RenewError {
    fn code(&self) -> &'static str {
        match self {
            Self::Unknown(_) => "certificate-unknown",
            Self::Issue { cause, .. } => cause.code(),
            Self::Store { cause, .. } => cause.code(),
            Self::Handover(cause) => cause.code(),
            Self::State(cause) => cause.code(),
            Self::NoKey { .. } => "key-missing",
        }
    }

    fn retry(&self) -> Retry {
        match self {
            Self::Unknown(_) | Self::NoKey { .. } => Retry::Never,
            Self::Issue { cause, .. } => cause.retry(),
            Self::Store { cause, .. } => cause.retry(),
            Self::Handover(cause) => cause.retry(),
            Self::State(cause) => cause.retry(),
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Unknown(_) => Some("`baton status` lists those there are".to_owned()),
            Self::Issue { cause, .. } => cause.hint(),
            Self::Store { cause, .. } => cause.hint(),
            Self::Handover(cause) => cause.hint(),
            Self::State(cause) => cause.hint(),
            Self::NoKey { .. } => Some("renew with --new-key".to_owned()),
        }
    }
}

/// All certificates that are kept fresh.
#[derive(Debug)]
pub struct Renewals {
    /// The engine.
    pub engine: Engine,
    /// Where certificates and keys are kept.
    pub store: SharedStore,
    /// The certificates.
    pub certificates: Vec<ManagedCertificate>,
    /// All targets, those without a certificate of the settings included.
    pub targets: Vec<Arc<Target>>,
}

impl Renewals {
    /// Where certificates are looked for.
    pub fn places(&self) -> SearchIn<'_> {
        SearchIn { store: self.store.as_ref(), targets: &self.targets }
    }

    /// Every certificate with each of its targets, then the targets that have none.
    pub fn subjects(&self) -> Vec<Subject<'_>> {
        let mut subjects = Vec::new();
        for certificate in &self.certificates {
            let name = Some(certificate.name.as_str());
            if certificate.targets.is_empty() {
                subjects.push(Subject { certificate: name, target: None });
            }
            for target in &certificate.targets {
                subjects.push(Subject { certificate: name, target: Some(target) });
            }
        }
        let used: HashSet<&str> = self
            .certificates
            .iter()
            .flat_map(|certificate| &certificate.targets)
            .map(|target| target.name.as_str())
            .collect();
        let unused = self.targets.iter().filter(|target| !used.contains(target.name.as_str()));
        subjects.extend(unused.map(|target| Subject { certificate: None, target: Some(target) }));
        subjects
    }

    /// Renews a certificate if it is due, and hands it over to all its targets: one report for each.
    pub async fn renew(&self, name: &str, options: RenewOptions) -> Result<Vec<Report>, RenewError> {
        let certificate = self
            .certificates
            .iter()
            .find(|certificate| certificate.name == name)
            .ok_or_else(|| RenewError::Unknown(name.to_owned()))?;
        // Held to the end: whoever waited here looks at the state anew.
        let _lock = self.engine.lock_certificate(name).await?;
        let now = clock::now();
        let mut renewal = self.engine.state().renewal(name).await?;
        if let Some(pending) = self.usable_pending(certificate, &renewal, now).await? {
            self.forget_order(certificate);
            return self.hand_over(certificate, &mut renewal, &pending, options.dry_run).await;
        }
        let current = self.current(&renewal).await?;
        if !options.force && current.as_ref().is_some_and(|current| !is_due(certificate, current, now)) {
            return match self.named_otherwise(certificate, current.as_ref())? {
                Some(current) => self.hand_over(certificate, &mut renewal, &current, options.dry_run).await,
                None => Ok(self.not_due(certificate, current.as_ref(), now)),
            };
        }
        let refused = self.refused_beforehand(certificate, options.dry_run, now).await;
        let is_hopeless = !certificate.targets.is_empty() && refused.len() == certificate.targets.len();
        if options.dry_run && certificate.issuer.can_rehearse() && !certificate.targets.is_empty() {
            let trial = self.issue(certificate, current.as_ref(), options.key, now).await?;
            let mut reports = self.hand_over(certificate, &mut renewal, &trial, true).await?;
            for report in &mut reports {
                report.plan.insert(
                    0,
                    format!("{}; a trial one is in this plan, and is thrown away", to_issue(certificate)),
                );
            }
            return Ok(reports);
        }
        if options.dry_run || is_hopeless {
            return Ok(refused);
        }
        let issued = match self.issue(certificate, current.as_ref(), options.key, now).await {
            Ok(issued) => self.keep(certificate, &issued, now).await.map(|()| issued),
            Err(error) => Err(error),
        };
        let successor = match issued {
            Ok(successor) => successor,
            Err(error) => {
                let failure = (error.chain(), error.retry());
                self.record_failure(&mut renewal, certificate, current.as_ref(), failure, now).await?;
                return Err(error);
            }
        };
        if let Some(superseded) = renewal.pending {
            self.engine.retire_later(superseded, now).await?;
        }
        // Durable before anyone is told: from here on no failure costs another order.
        renewal.pending = Some(successor.fingerprint());
        self.engine.state().record_renewal(&renewal).await?;
        self.forget_order(certificate);
        tracing::info!(certificate = name, thumbprint = %successor.thumbprint(), "issued");
        self.hand_over(certificate, &mut renewal, &successor, false).await
    }

    /// Takes over what `swap` has handed to the targets of a certificate: its next renewal counts from there. A
    /// swap to other names than the settings ask for is left alone, for the next renewal would undo it at once.
    pub async fn adopt_swapped(&self, reports: &[Report]) -> Result<(), RenewError> {
        for report in reports {
            let is_served = matches!(report.outcome, Some(Outcome::Served | Outcome::Unchanged));
            let named =
                |certificate: &&ManagedCertificate| report.certificate.as_ref() == Some(&certificate.name);
            let (Some(certificate), Some(new), true) =
                (self.certificates.iter().find(named), report.new, is_served)
            else {
                continue;
            };
            let Some(fingerprint) = report.proof.iter().find(|p| p.thumbprint == new).map(|p| p.fingerprint)
            else {
                continue;
            };
            let record = self.engine.state().certificate(fingerprint).await?;
            let fits = record.is_some_and(|record| names_fit(certificate, &record));
            if fits || !certificate.issuer.is_automatic() {
                let renewal = Renewal {
                    name: certificate.name.clone(),
                    current: Some(fingerprint),
                    ..Renewal::default()
                };
                self.engine.state().record_renewal(&renewal).await?;
            }
        }
        Ok(())
    }

    /// When a certificate is to be looked at again, `now` or later; `None` for one that a person brings.
    pub async fn next_attempt(
        &self,
        certificate: &ManagedCertificate,
        now: Timestamp,
    ) -> Result<Option<Timestamp>, RenewError> {
        if !certificate.issuer.is_automatic() {
            return Ok(None);
        }
        let renewal = self.engine.state().renewal(&certificate.name).await?;
        let due_at = match self.current(&renewal).await? {
            Some(current) if renewal.pending.is_none() && names_fit(certificate, &current) => {
                due_of(&current)
            }
            _ => now,
        };
        Ok(Some(renewal.retry_at.map_or(due_at, |retry_at| due_at.max(retry_at))))
    }

    /// The certificate that was handed over last, unless it is gone from the store's records.
    async fn current(&self, renewal: &Renewal) -> Result<Option<CertificateRecord>, RenewError> {
        match renewal.current {
            Some(current) => Ok(self.engine.state().certificate(current).await?),
            None => Ok(None),
        }
    }

    /// The certificate in force, when a target names another one: someone changed it by hand since.
    fn named_otherwise(
        &self,
        certificate: &ManagedCertificate,
        current: Option<&CertificateRecord>,
    ) -> Result<Option<Certificate>, RenewError> {
        let Some(current) = current else { return Ok(None) };
        let differs = |target: &Arc<Target>| {
            target.inspect().is_ok_and(|inspection| inspection.current != Some(current.thumbprint))
        };
        if !certificate.targets.iter().any(differs) {
            return Ok(None);
        }
        let cause = |cause| RenewError::Store { name: certificate.name.clone(), cause };
        Ok(self.store.find(current.thumbprint).map_err(cause)?.filter(|found| found.key().is_some()))
    }

    /// A successor that is issued and not handed over, if it is still worth it.
    async fn usable_pending(
        &self,
        certificate: &ManagedCertificate,
        renewal: &Renewal,
        now: Timestamp,
    ) -> Result<Option<Certificate>, RenewError> {
        let Some(pending) = renewal.pending else { return Ok(None) };
        let Some(record) = self.engine.state().certificate(pending).await? else { return Ok(None) };
        if is_due(certificate, &record, now) {
            return Ok(None);
        }
        let cause = |cause| RenewError::Store { name: certificate.name.clone(), cause };
        Ok(self.store.find(record.thumbprint).map_err(cause)?.filter(|found| found.key().is_some()))
    }

    /// Targets that would refuse any successor: asked before anything is ordered.
    async fn refused_beforehand(
        &self,
        certificate: &ManagedCertificate,
        dry_run: bool,
        now: Timestamp,
    ) -> Vec<Report> {
        let mut reports = Vec::new();
        for target in &certificate.targets {
            let (inspection, findings) = self.engine.check_target(target).await;
            let refused = findings.iter().any(|finding| finding.severity == Severity::Error);
            if refused || dry_run {
                let outcome = if refused { Outcome::Refused } else { Outcome::Planned };
                let mut report =
                    Report::without_handover(&certificate.name, &target.name, outcome, findings, now);
                report.old = inspection.and_then(|inspection| inspection.current);
                if !refused {
                    report.plan = vec![to_issue(certificate)];
                }
                reports.push(report);
            }
        }
        reports
    }

    async fn issue(
        &self,
        certificate: &ManagedCertificate,
        current: Option<&CertificateRecord>,
        key: Option<KeyChoice>,
        now: Timestamp,
    ) -> Result<Certificate, RenewError> {
        let store_error = |cause| RenewError::Store { name: certificate.name.clone(), cause };
        let found = match current {
            Some(current) => self.store.find(current.thumbprint).map_err(store_error),
            None => Ok(None),
        };
        // The first certificate has no key before it.
        let is_same = current.is_some() && key.unwrap_or(certificate.successor) == KeyChoice::SameKey;
        // A new key does without the certificate before.
        let before = if is_same { found? } else { found.unwrap_or_default() };
        let key = if is_same {
            let no_key = || RenewError::NoKey { name: certificate.name.clone() };
            KeySource::Same(before.as_ref().and_then(Certificate::key).ok_or_else(no_key)?)
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
        issued.map_err(|cause| RenewError::Issue { name: certificate.name.clone(), cause })
    }

    /// The issuer's order has served: its certificate is durable.
    fn forget_order(&self, certificate: &ManagedCertificate) {
        if let Err(error) = certificate.issuer.forget(&certificate.name) {
            tracing::warn!(certificate = %certificate.name, "its order is not forgotten: {}", error.chain());
        }
    }

    /// Keeps a certificate that was issued, durably.
    async fn keep(
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

    async fn hand_over(
        &self,
        certificate: &ManagedCertificate,
        renewal: &mut Renewal,
        successor: &Certificate,
        dry_run: bool,
    ) -> Result<Vec<Report>, RenewError> {
        let request = |target| Request {
            certificate: Some(&certificate.name),
            target,
            successor,
            old: None,
            purpose: Purpose::Renew,
            enable_tls: false,
            dry_run,
        };
        let requests: Vec<_> = certificate.targets.iter().map(|target| request(target)).collect();
        let (mut reports, failure) = self.engine.hand_over_all(&requests).await;
        if dry_run {
            return failure.map_or(Ok(reports), |error| Err(error.into()));
        }
        let now = clock::now();
        // References that were handed over while TLS is off are all that can be done.
        let is_done = |report: &&Report| match report.outcome {
            Some(Outcome::Served | Outcome::Unchanged) => true,
            Some(Outcome::Pending) => report.findings.iter().any(|finding| finding.code == "tls-off"),
            _ => false,
        };
        let mut failed: Vec<String> = reports.iter().filter(|report| !is_done(report)).map(reason).collect();
        failed.extend(failure.as_ref().map(|error| error.chain()));
        if failed.is_empty() {
            *renewal = Renewal {
                name: certificate.name.clone(),
                current: Some(successor.fingerprint()),
                ..Renewal::default()
            };
            self.engine.state().record_renewal(renewal).await?;
            if reports.is_empty() {
                reports.push(issued_only(certificate, successor, now));
            }
        } else {
            let record = self.engine.state().certificate(successor.fingerprint()).await?;
            let failure = (failed.join("; "), Retry::Backoff);
            self.record_failure(renewal, certificate, record.as_ref(), failure, now).await?;
        }
        match failure {
            Some(error) if reports.is_empty() => Err(error.into()),
            _ => Ok(reports),
        }
    }

    /// Counts a failure and sets the next try: within the lifetime of what is to be replaced.
    async fn record_failure(
        &self,
        renewal: &mut Renewal,
        certificate: &ManagedCertificate,
        record: Option<&CertificateRecord>,
        (reason, retry): (String, Retry),
        now: Timestamp,
    ) -> Result<(), RenewError> {
        renewal.attempts = renewal.attempts.saturating_add(1);
        let pause = record.map_or(SignedDuration::from_mins(1), |record| {
            backoff_within(renewal.attempts, record.fingerprint.as_bytes(), lifetime(record))
        });
        let told = if let Retry::At(until) = retry { until } else { now };
        renewal.retry_at = now.checked_add(pause).ok().map(|at| at.max(told));
        renewal.failure = Some(reason);
        tracing::warn!(certificate = %certificate.name, attempts = renewal.attempts, "will be tried again in {} s", pause.as_secs());
        Ok(self.engine.state().record_renewal(renewal).await?)
    }

    fn not_due(
        &self,
        certificate: &ManagedCertificate,
        current: Option<&CertificateRecord>,
        now: Timestamp,
    ) -> Vec<Report> {
        let due = current.map(|current| due_of(current).to_string()).unwrap_or_default();
        let finding = Finding::notice("not-due", format!("{:?} is not due before {due}", certificate.name));
        let report = |target: &str| {
            let mut report = Report::without_handover(
                &certificate.name,
                target,
                Outcome::Unchanged,
                vec![finding.clone()],
                now,
            );
            report.old = current.map(|current| current.thumbprint);
            report.new = report.old;
            report
        };
        if certificate.targets.is_empty() {
            return vec![report("")];
        }
        certificate.targets.iter().map(|target| report(&target.name)).collect()
    }
}

fn issued_only(certificate: &ManagedCertificate, successor: &Certificate, now: Timestamp) -> Report {
    let finding =
        Finding::notice("no-target", format!("{:?} has no target: it is in the store", certificate.name));
    let mut report = Report::without_handover(&certificate.name, "", Outcome::Unchanged, vec![finding], now);
    report.new = Some(successor.thumbprint());
    report
}

fn is_due(certificate: &ManagedCertificate, record: &CertificateRecord, now: Timestamp) -> bool {
    due_of(record) <= now || !names_fit(certificate, record)
}

/// Whether a certificate is for the names that the settings ask for, and no others.
fn names_fit(certificate: &ManagedCertificate, record: &CertificateRecord) -> bool {
    let mut wanted: Vec<String> = certificate.names.iter().map(Name::to_string).collect();
    let mut present: Vec<String> = record.names.iter().map(|name| name.to_ascii_lowercase()).collect();
    wanted.sort();
    present.sort();
    wanted == present
}

fn due_of(record: &CertificateRecord) -> Timestamp {
    due(lifetime(record), record.fingerprint.as_bytes())
}

fn lifetime(record: &CertificateRecord) -> Lifetime {
    Lifetime { not_before: record.not_before, not_after: record.not_after }
}

fn reason(report: &Report) -> String {
    let errors = report.findings.iter().filter(|finding| finding.severity == Severity::Error);
    errors.map(|finding| finding.message.as_str()).collect::<Vec<_>>().join("; ")
}

fn to_issue(certificate: &ManagedCertificate) -> String {
    format!("issue a certificate for {}", list(&certificate.names))
}

fn list(names: &[Name]) -> String {
    names.iter().map(Name::to_string).collect::<Vec<_>>().join(", ")
}
