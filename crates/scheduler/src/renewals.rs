//! The renewal of one certificate, from the question whether it is due to the last handover.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use baton_finding::{Explain, Finding, Retry, Severity};
use baton_handover::{Engine, HandoverError, Report, SearchIn, Subject, situation};
use baton_issuer::{AwaitingApproval, IssueError, Issuer, KeptRequest, KeptRequestError, KeptRequests};
use baton_platform::clock;
use baton_schedule::{Situation, Task, Tries};
use baton_state::{InForce, Outcome, Renewal, Standing, StateError};
use baton_store::{SharedStore, StoreError};
use baton_target::Target;
use baton_x509::{Certificate, KeyAlgorithm, Name};
use futures_util::StreamExt as _;
use futures_util::future::BoxFuture;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

pub use accepting::{AcceptError, Answer};
pub(crate) use issuing::{limiter, limits};
pub use requesting::{RequestOptions, Requested};

mod accepting;
mod asking;
mod awaiting;
mod handing_over;
mod issuing;
mod keeping_key;
mod requesting;

/// How many certificates a command renews at a time.
const AT_A_TIME: usize = 8;

/// Whether a successor has a key of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum KeyChoice {
    /// A new key (a re-key, RFC 3647, 4.7).
    NewKey,
    /// The key of the certificate before (a renewal, RFC 3647, 4.6).
    SameKey,
}

impl KeyChoice {
    /// What the flags `--same-key` and `--new-key` say.
    pub fn of_flags(same_key: bool, new_key: bool) -> Option<Self> {
        match (same_key, new_key) {
            (true, _) => Some(Self::SameKey),
            (_, true) => Some(Self::NewKey),
            _ => None,
        }
    }
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
    /// The name of that issuer: what it was asked is counted under it.
    pub issuer_name: String,
    /// The kind of its keys.
    pub key: KeyAlgorithm,
    /// Whether a successor has a key of its own.
    pub successor: KeyChoice,
    /// Whether a person may have the key kept all the same.
    pub allows_same_key: bool,
    /// How old a key that is kept is meant to become.
    pub longest_key_age: SignedDuration,
    /// The servers that use it.
    pub targets: Vec<Arc<Target>>,
}

impl ManagedCertificate {
    /// Whether these are its names, and no others.
    pub fn is_for(&self, names: &[String]) -> bool {
        names_fit(self, names)
    }

    /// Whether its targets can take a certificate of the store: with its key, or with one that stays in the store where
    /// they all use it there.
    fn can_take(&self, found: &Certificate) -> bool {
        found.key().is_some() || (found.has_key() && self.targets.iter().all(|it| it.uses_key_in_store()))
    }
}

/// How one renewal is asked for.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct RenewOptions {
    /// Renew even if it is not due, or its issuer is to be left alone.
    pub force: bool,
    /// Another choice of key than the settings'.
    pub key: Option<KeyChoice>,
    /// Only tell what would be done.
    pub dry_run: bool,
    /// Close the ports of the targets to the outside while they are handed over.
    #[serde(default)]
    pub guarded: bool,
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
        cause: Box<IssueError>,
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
    /// The settings do not say that the key may be kept.
    #[error("the settings of {name:?} ask for a new key with each certificate")]
    SameKeyNotAllowed {
        /// The certificate's name.
        name: String,
    },
    /// Requests that wait for their answer cannot be kept or read.
    #[error("no request can be made for {name:?}")]
    Requests {
        /// The certificate's name.
        name: String,
        /// Why.
        #[source]
        cause: KeptRequestError,
    },
    /// The issuer was asked as often as it allows.
    #[error("the issuer {issuer:?} is not to be asked again before {until:.0}")]
    IssuerResting {
        /// The issuer's name.
        issuer: String,
        /// Until when.
        until: Timestamp,
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
            Self::SameKeyNotAllowed { .. } => "same-key-not-allowed",
            Self::Requests { cause, .. } => cause.code(),
            Self::IssuerResting { .. } => "issuer-resting",
        }
    }

    fn retry(&self) -> Retry {
        match self {
            Self::Unknown(_) | Self::NoKey { .. } | Self::SameKeyNotAllowed { .. } => Retry::Never,
            Self::Requests { cause, .. } => cause.retry(),
            Self::Issue { cause, .. } => cause.retry(),
            Self::Store { cause, .. } => cause.retry(),
            Self::Handover(cause) => cause.retry(),
            Self::State(cause) => cause.retry(),
            Self::IssuerResting { until, .. } => Retry::At(*until),
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Unknown(_) => Some("`baton status` lists those there are".to_owned()),
            Self::Issue { name, cause } if matches!(**cause, IssueError::ByHand) => Some(format!(
                "ask with `baton request {name}`, and bring what the CA answers with `baton accept FILE`"
            )),
            Self::Issue { cause, .. } => cause.hint(),
            Self::Store { cause, .. } => cause.hint(),
            Self::Handover(cause) => cause.hint(),
            Self::State(cause) => cause.hint(),
            Self::NoKey { .. } => Some(
                "take a new key with --new-key, or bring the one in use with `baton store import FILE --key KEY`"
                    .to_owned(),
            ),
            Self::SameKeyNotAllowed { .. } => Some(
                "take --same-key away; or set allow-same-key = true for the [[certificate]], where the key is as \
                 well kept as a new one"
                    .to_owned(),
            ),
            Self::Requests { cause, .. } => cause.hint(),
            Self::IssuerResting { .. } => Some(
                "`baton up` goes on by itself then; all certificates of an issuer share its limits"
                    .to_owned(),
            ),
        }
    }
}

impl RenewError {
    /// What is waited for, where it is no failure: a person must approve the request at the CA.
    pub(crate) fn awaiting(&self) -> Option<&AwaitingApproval> {
        match self {
            Self::Issue { cause, .. } => cause.awaiting(),
            _ => None,
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
    /// Requests that wait for their answer.
    pub requests: KeptRequests,
}

impl Renewals {
    /// Where certificates are looked for.
    pub fn places(&self) -> SearchIn<'_> {
        SearchIn { store: self.store.as_ref(), targets: &self.targets }
    }

    /// Every certificate with each of its targets, then the targets that have none.
    pub fn subjects(&self) -> Vec<Subject<'_>> {
        let mut subjects = Vec::new();
        let requests = self.pending_requests();
        for certificate in &self.certificates {
            let subject = Subject {
                certificate: Some(&certificate.name),
                issuer: Some(&certificate.issuer_name),
                is_asked: certificate.issuer.suggests_renewal(),
                is_by_hand: !certificate.issuer.is_automatic(),
                requested_at: requests.get(&certificate.name).copied(),
                longest_key_age: (certificate.successor == KeyChoice::SameKey)
                    .then_some(certificate.longest_key_age),
                target: None,
            };
            if certificate.targets.is_empty() {
                subjects.push(subject);
            }
            for target in &certificate.targets {
                subjects.push(Subject { target: Some(target), ..subject });
            }
        }
        let used: HashSet<&str> = self
            .certificates
            .iter()
            .flat_map(|certificate| &certificate.targets)
            .map(|target| target.name.as_str())
            .collect();
        let unused = self.targets.iter().filter(|target| !used.contains(target.name.as_str()));
        let none = Subject::default();
        subjects.extend(unused.map(|target| Subject { target: Some(target), ..none }));
        subjects
    }

    /// Since when the oldest request of each certificate waits. What cannot be read is told by `baton request list`.
    fn pending_requests(&self) -> HashMap<String, Timestamp> {
        let requests = self.requests.list().unwrap_or_default().into_iter().filter_map(Result::ok);
        let mut oldest = HashMap::new();
        for KeptRequest { certificate, made_at, .. } in requests.filter(|request| request.is_by_hand) {
            oldest.entry(certificate).or_insert(made_at);
        }
        oldest
    }

    /// Renews those of the named certificates that are due, some at a time; the failure of one does not keep the others
    /// from their turn. What came of each, in the order of `names`.
    ///
    /// Where all stand is read at once, so that thousands of which none is due cost little.
    pub async fn renew_all(
        &self,
        names: &[&str],
        options: RenewOptions,
    ) -> Result<Vec<Result<Vec<Report>, RenewError>>, RenewError> {
        let standings = self.engine.state().standings().await?;
        let standings: HashMap<&str, &Standing> =
            standings.iter().map(|standing| (standing.name.as_str(), standing)).collect();
        let known: HashMap<&str, &ManagedCertificate> =
            self.certificates.iter().map(|certificate| (certificate.name.as_str(), certificate)).collect();
        let (nothing, now) = (Standing::default(), clock::now());
        let mut renewals: Vec<BoxFuture<'_, Result<Vec<Report>, RenewError>>> = Vec::new();
        for name in names {
            let standing = standings.get(name).copied().unwrap_or(&nothing);
            let certificate = known.get(name).ok_or_else(|| RenewError::Unknown((*name).to_owned()))?;
            let is_at_rest = options.key != Some(KeyChoice::SameKey)
                && !options.force
                && standing.pending.is_none()
                && !self.is_due(certificate, standing, now);
            // What cannot be known here is an error of this certificate, and told by its own renewal.
            if is_at_rest && matches!(self.named_otherwise(certificate, standing.current.as_ref()), Ok(None))
            {
                let reports = self.not_due(certificate, standing, now);
                renewals.push(Box::pin(std::future::ready(Ok(reports))));
            } else {
                renewals.push(Box::pin(self.renew(name, options)));
            }
        }
        Ok(futures_util::stream::iter(renewals).buffered(AT_A_TIME).collect().await)
    }

    /// Renews a certificate if it is due, and hands it over to all its targets: one report for each.
    pub async fn renew(&self, name: &str, options: RenewOptions) -> Result<Vec<Report>, RenewError> {
        let certificate = self.named(name)?;
        self.check_key_choice(certificate, options.key)?;
        // Held to the end: whoever waited here looks at the state anew.
        let _lock = self.engine.lock_certificate(name).await?;
        let now = clock::now();
        let standing = self.engine.state().standing(name).await?;
        if let Some(pending) = self.usable_pending(certificate, &standing, now)? {
            self.forget_order(certificate);
            return self.hand_over(certificate, &pending, options).await;
        }
        let current = standing.current.as_ref();
        if !options.force && !self.is_due(certificate, &standing, now) {
            return match self.named_otherwise(certificate, current)? {
                Some(current) => self.hand_over(certificate, &current, options).await,
                None => Ok(self.not_due(certificate, &standing, now)),
            };
        }
        if !certificate.issuer.is_automatic() {
            let cause = Box::new(IssueError::ByHand);
            return Err(RenewError::Issue { name: certificate.name.clone(), cause });
        }
        let of_key = self.findings_of_key(certificate, &standing, options.key).await?;
        keeping_key::log(certificate, &of_key);
        let refused = self.refused_beforehand(certificate, options.dry_run, now).await;
        let refused = keeping_key::with_findings(refused, &of_key);
        if options.dry_run && certificate.issuer.can_rehearse() && !certificate.targets.is_empty() {
            let trial = self.issue(certificate, current, options.key, now).await?;
            let mut reports = self.hand_over(certificate, &trial, options).await?;
            for report in &mut reports {
                report.plan.insert(
                    0,
                    format!("{}; a trial one is in this plan, and is thrown away", to_issue(certificate)),
                );
            }
            return Ok(keeping_key::with_findings(reports, &of_key));
        }
        if options.dry_run || is_hopeless(certificate, &refused) {
            return Ok(refused);
        }
        let successor = match self.order(certificate, &standing, options, now).await {
            Ok(successor) => successor,
            Err(error) => {
                return match error.awaiting() {
                    Some(awaiting) => Ok(Self::awaiting(certificate, &standing, awaiting, now)),
                    None => Err(error),
                };
            }
        };
        let reports = self.hand_over(certificate, &successor, options).await?;
        Ok(keeping_key::with_findings(reports, &of_key))
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
            let fits = record.is_some_and(|record| names_fit(certificate, &record.names));
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

    /// What decides when a certificate is renewed; nothing for one that a person brings.
    pub(crate) fn situation(&self, certificate: &ManagedCertificate, standing: &Standing) -> Situation {
        let is_wanted = |held: &InForce| names_fit(certificate, &held.names);
        situation(standing, certificate.issuer.suggests_renewal(), is_wanted)
    }

    pub(crate) fn named(&self, name: &str) -> Result<&ManagedCertificate, RenewError> {
        let found = self.certificates.iter().find(|certificate| certificate.name == name);
        found.ok_or_else(|| RenewError::Unknown(name.to_owned()))
    }

    /// Whether a successor is to be issued now, whatever failed before.
    fn is_due(&self, certificate: &ManagedCertificate, standing: &Standing, now: Timestamp) -> bool {
        let situation = Situation { pending: None, ..self.situation(certificate, standing) };
        Situation { issuing: Tries::default(), rest_until: None, ..situation }.renewal(now).0 <= now
    }

    /// The certificate in force, when a target names another one: someone changed it by hand since.
    fn named_otherwise(
        &self,
        certificate: &ManagedCertificate,
        current: Option<&InForce>,
    ) -> Result<Option<Certificate>, RenewError> {
        let Some(current) = current else { return Ok(None) };
        let differs = |target: &Arc<Target>| {
            target.inspect().is_ok_and(|inspection| inspection.current != Some(current.thumbprint))
        };
        if !certificate.targets.iter().any(differs) {
            return Ok(None);
        }
        let cause = |cause| RenewError::Store { name: certificate.name.clone(), cause };
        Ok(self.store.find(current.thumbprint).map_err(cause)?.filter(|found| certificate.can_take(found)))
    }

    /// A successor that is issued and not handed over, if it is still worth it.
    fn usable_pending(
        &self,
        certificate: &ManagedCertificate,
        standing: &Standing,
        now: Timestamp,
    ) -> Result<Option<Certificate>, RenewError> {
        let Some(pending) = &standing.pending else { return Ok(None) };
        let situation = self.situation(certificate, standing);
        if situation.next(now).task != Task::HandOver {
            return Ok(None);
        }
        let cause = |cause| RenewError::Store { name: certificate.name.clone(), cause };
        Ok(self.store.find(pending.thumbprint).map_err(cause)?.filter(|found| certificate.can_take(found)))
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
        if dry_run && certificate.targets.is_empty() {
            let mut report =
                Report::without_handover(&certificate.name, "", Outcome::Planned, Vec::new(), now);
            report.plan = vec![to_issue(certificate)];
            reports.push(report);
        }
        reports
    }

    fn not_due(&self, certificate: &ManagedCertificate, standing: &Standing, now: Timestamp) -> Vec<Report> {
        let current = standing.current.as_ref();
        let (due, _) = self.situation(certificate, standing).renewal(now);
        let finding =
            Finding::notice("not-due", format!("{:?} is not due before {due:.0}", certificate.name));
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

/// Whether every target would refuse any successor, so that an order would be for nothing.
fn is_hopeless(certificate: &ManagedCertificate, refused: &[Report]) -> bool {
    !certificate.targets.is_empty() && refused.len() == certificate.targets.len()
}

/// Whether these are the names that the settings ask for, and no others.
fn names_fit(certificate: &ManagedCertificate, names: &[String]) -> bool {
    let mut wanted: Vec<String> = certificate.names.iter().map(Name::to_string).collect();
    let mut present: Vec<String> = names.iter().map(|name| name.to_ascii_lowercase()).collect();
    wanted.sort();
    present.sort();
    wanted == present
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
