//! What a CA has answered to a request that a person carried there: found by its key, examined, kept, handed over.
//!
//! Nothing is changed before all of it was examined. Then the order is that of an issue: the certificate with its key
//! is durable in the store, then known, then the pending successor of its `[[certificate]]`; only then is the request
//! with its key forgotten. Whatever ends it in between, the same answer again goes on from there.

use baton_finding::{Explain, Finding, Retry};
use baton_handover::Report;
use baton_issuer::{
    AnswerError, FetchError, KeptRequest, KeptRequestError, certificate_of_answer, fetch_issuers,
};
use baton_platform::clock;
use baton_state::{Outcome, Renewal, Standing};
use baton_store::Entry;
use baton_x509::{Certificate, X509};
use jiff::Timestamp;

use super::keeping_key::with_findings;
use super::{KeyChoice, ManagedCertificate, RenewError, RenewOptions, Renewals, list, names_fit};

/// What a person brings.
#[derive(Debug)]
pub struct Answer {
    /// All certificates that came, in whatever order.
    pub certificates: Vec<X509>,
    /// Whether what is missing of the chain is fetched from where the certificates say it is.
    pub fetch_chain: bool,
    /// How the certificate is handed over.
    pub options: RenewOptions,
}

/// An answer is not taken; nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum AcceptError {
    /// Nobody has asked for any of the certificates.
    #[error("no request is pending for the key of {}", .certificates.join(", "))]
    NoRequest {
        /// Thumbprints and subjects of what came.
        certificates: Vec<String>,
        /// Requests that cannot be read, each with the reason.
        unreadable: Vec<String>,
    },
    /// These are answers to several requests.
    #[error("these are certificates for {count} requests, and one is taken at a time")]
    Several {
        /// How many.
        count: usize,
    },
    /// It is not what was asked for.
    #[error("the answer to the request {id} for {name:?} is refused")]
    Refused {
        /// The request.
        id: String,
        /// The name of the certificate.
        name: String,
        /// Why.
        #[source]
        cause: AnswerError,
    },
    /// The `[[certificate]]` is gone, or is for other names now.
    #[error("{name:?} is not in the settings any more as it was when the request {id} was made")]
    Outdated {
        /// The request.
        id: String,
        /// The name of the certificate.
        name: String,
    },
    /// Its chain does not lead to a CA that is known.
    #[error("{}", .finding.message)]
    Chain {
        /// What was found.
        finding: Finding,
        /// Why what is missing could not be fetched.
        #[source]
        cause: Option<Box<FetchError>>,
    },
    /// The requests cannot be read.
    #[error(transparent)]
    Requests(#[from] KeptRequestError),
    /// What comes after the checks has failed.
    #[error(transparent)]
    Renew(#[from] RenewError),
}

impl Explain for AcceptError {
    fn code(&self) -> &'static str {
        match self {
            Self::NoRequest { .. } => "request-missing",
            Self::Several { .. } => "several-certificates",
            Self::Refused { cause, .. } => match cause {
                AnswerError::Empty => "certificate-missing",
                AnswerError::OtherKey => "request-missing",
                AnswerError::OtherNames { .. } => "names-differ",
                AnswerError::OtherChain => "chain-incomplete",
                AnswerError::Expired(_) => "certificate-expired",
                AnswerError::Key(cause) => cause.code(),
                AnswerError::Assemble(cause) => cause.code(),
            },
            Self::Outdated { .. } => "request-outdated",
            Self::Chain { finding, .. } if finding.code == "ca-unknown" => "ca-unknown",
            Self::Chain { finding, .. } if finding.code == "chain-incomplete" => "chain-incomplete",
            Self::Chain { .. } => "chain-does-not-build",
            Self::Requests(cause) => cause.code(),
            Self::Renew(cause) => cause.code(),
        }
    }

    fn retry(&self) -> Retry {
        match self {
            Self::Requests(cause) => cause.retry(),
            Self::Renew(cause) => cause.retry(),
            _ => Retry::Never,
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::NoRequest { unreadable, .. } if !unreadable.is_empty() => {
                format!("it may be one of those that cannot be read: {}", unreadable.join("; "))
            }
            Self::NoRequest { .. } => {
                "`baton request list` shows those that are pending; a certificate that comes with \
                                       its own key is taken by `baton swap`"
                    .to_owned()
            }
            Self::Several { .. } => "accept them one after the other".to_owned(),
            Self::Refused { name, cause, .. } => match cause {
                AnswerError::Expired(_) => {
                    "ask the CA for a new one; if it is new, set this machine's clock".to_owned()
                }
                AnswerError::OtherNames { .. } => format!(
                    "the request is still pending: have the CA issue for its names, or change `names` and ask anew \
                     with `baton request {name}`"
                ),
                AnswerError::Key(cause) => return cause.hint(),
                AnswerError::Assemble(cause) => return cause.hint(),
                _ => "the request is still pending: get the answer from the CA again".to_owned(),
            },
            Self::Outdated { name, id } => format!(
                "ask anew with `baton request {name}`; `baton request cancel {id}` forgets the one before"
            ),
            Self::Chain { finding, .. } => finding.hint.clone(),
            Self::Requests(cause) => return cause.hint(),
            Self::Renew(cause) => return cause.hint(),
        })
    }
}

impl Renewals {
    /// Takes an answer, and hands it over to all targets: one report for each. `roots` are those of each issuer's
    /// settings, by its name.
    pub async fn accept(
        &self,
        answer: &Answer,
        roots: impl Fn(&str) -> Vec<X509>,
    ) -> Result<Vec<Report>, AcceptError> {
        let now = clock::now();
        let Some((leaf, request)) = self.requested(&answer.certificates)? else {
            return self.accept_again(answer, now).await;
        };
        let (id, name) = (request.id.clone(), request.certificate.clone());
        let outdated = || AcceptError::Outdated { id: id.clone(), name: name.clone() };
        let certificate = self.named(&name).map_err(|_| outdated())?;
        let examined = certificate_of_answer(vec![leaf.clone()], &request.names, &request.key, now);
        examined.map_err(|cause| AcceptError::Refused { id: id.clone(), name: name.clone(), cause })?;
        if !names_fit(certificate, &leaf.names()) {
            return Err(outdated());
        }
        // Held to the end: whoever waited here looks at the state anew.
        let _lock = self.engine.lock_certificate(&name).await.map_err(RenewError::from)?;
        let standing = self.engine.state().standing(&name).await.map_err(RenewError::from)?;
        let chain =
            self.chain(certificate, &standing, &leaf, answer, roots(&certificate.issuer_name)).await?;
        let kept = self.kept_key(certificate, &standing, &leaf)?;
        self.check_key_choice(certificate, kept)?;
        let of_key = self.findings_of_key(certificate, &standing, kept.or(Some(KeyChoice::NewKey))).await?;
        let successor = request.key.certificate(leaf, chain);
        if answer.options.dry_run {
            let reports = self.hand_over(certificate, &successor, answer.options).await?;
            let mut reports = with_findings(reports, &of_key);
            if reports.is_empty() {
                reports.push(planned(certificate, &successor, now));
            }
            return Ok(reports);
        }
        self.take_in(certificate, &standing, &successor, now).await?;
        self.forget_request(&request);
        tracing::info!(certificate = name, thumbprint = %successor.thumbprint(), "accepted");
        let reports = self.hand_over(certificate, &successor, answer.options).await?;
        Ok(with_findings(reports, &of_key))
    }

    /// The certificate that answers a request, and the request.
    fn requested(&self, certificates: &[X509]) -> Result<Option<(X509, KeptRequest)>, AcceptError> {
        let pending: Vec<KeptRequest> = self.requests.list()?.into_iter().filter_map(Result::ok).collect();
        let mut answers: Vec<(&X509, &KeptRequest)> = Vec::new();
        for request in &pending {
            let Ok(key) = request.key.public_key() else { continue };
            answers.extend(certificates.iter().filter(|it| it.public_key() == key).map(|it| (it, request)));
        }
        let count =
            answers.iter().map(|(_, request)| &request.id).collect::<std::collections::HashSet<_>>().len();
        if count > 1 {
            return Err(AcceptError::Several { count });
        }
        // A key that is kept may have several requests and certificates: those that fit each other, and the newest.
        let fits = |leaf: &X509, request: &KeptRequest| {
            self.named(&request.certificate).is_ok_and(|certificate| names_fit(certificate, &leaf.names()))
        };
        let best = answers.into_iter().max_by_key(|(leaf, request)| (fits(leaf, request), leaf.not_before()));
        Ok(best.map(|(leaf, request)| (leaf.clone(), request.clone())))
    }

    /// An answer whose request is gone: it was taken before, and perhaps not handed over.
    async fn accept_again(&self, answer: &Answer, now: Timestamp) -> Result<Vec<Report>, AcceptError> {
        let state = self.engine.state();
        for leaf in &answer.certificates {
            let record = state.certificate(leaf.fingerprint()).await.map_err(RenewError::from)?;
            let Some(certificate) =
                record.and_then(|record| record.name).and_then(|name| self.named(&name).ok())
            else {
                continue;
            };
            let name = &certificate.name;
            let _lock = self.engine.lock_certificate(name).await.map_err(RenewError::from)?;
            let standing = state.standing(name).await.map_err(RenewError::from)?;
            if standing.current.as_ref().is_some_and(|it| it.fingerprint == leaf.fingerprint()) {
                let message = format!("{} was accepted before, and handed over", leaf.thumbprint());
                let finding = Finding::notice("accepted-before", message);
                let targets = certificate.targets.iter().map(|target| target.name.as_str());
                let targets = if certificate.targets.is_empty() { vec![""] } else { targets.collect() };
                let report = |target: &&str| {
                    let findings = vec![finding.clone()];
                    let mut report =
                        Report::without_handover(name, target, Outcome::Unchanged, findings, now);
                    (report.old, report.new) = (Some(leaf.thumbprint()), Some(leaf.thumbprint()));
                    report
                };
                return Ok(targets.iter().map(report).collect());
            }
            if standing.pending.as_ref().is_some_and(|it| it.fingerprint == leaf.fingerprint())
                && let Some(pending) = self.usable_pending(certificate, &standing, now)?
            {
                return Ok(self.hand_over(certificate, &pending, answer.options).await?);
            }
        }
        let unreadable = self.requests.list()?.into_iter().filter_map(Result::err);
        let told = |it: &X509| format!("{} ({})", it.thumbprint(), it.subject());
        // What issued others needs no request.
        let is_leaf =
            |it: &&X509| !answer.certificates.iter().any(|other| other != *it && other.is_named_issuer(it));
        Err(AcceptError::NoRequest {
            certificates: answer.certificates.iter().filter(is_leaf).map(told).collect(),
            unreadable: unreadable.map(|error| error.chain()).collect(),
        })
    }

    /// The chain of an answer: out of what came with it, what the settings name, what the store has, and last what can
    /// be fetched.
    async fn chain(
        &self,
        certificate: &ManagedCertificate,
        standing: &Standing,
        leaf: &X509,
        answer: &Answer,
        roots: Vec<X509>,
    ) -> Result<Vec<X509>, AcceptError> {
        let now = clock::now();
        let in_use = self.in_use(certificate, standing);
        let mut pile: Vec<X509> = answer.certificates.iter().filter(|it| *it != leaf).cloned().collect();
        pile.extend(roots);
        let mut missing = match self.engine.known_chain(leaf, &pile, &in_use, now) {
            Ok(chain) => return Ok(chain),
            Err(finding) => finding,
        };
        if missing.code == "chain-incomplete" {
            pile.extend(self.issuers_in_store(certificate)?);
            match self.engine.known_chain(leaf, &pile, &in_use, now) {
                Ok(chain) => return Ok(chain),
                Err(finding) => missing = finding,
            }
        }
        let mut cause = None;
        if missing.code == "chain-incomplete" && answer.fetch_chain {
            let chain = baton_x509::build_chain(leaf, &pile);
            let (fetched, error) = fetch_issuers(chain.last().unwrap_or(leaf)).await;
            pile.extend(fetched);
            match self.engine.known_chain(leaf, &pile, &in_use, now) {
                Ok(chain) => return Ok(chain),
                Err(finding) => (missing, cause) = (finding, error.map(Box::new)),
            }
        }
        Err(AcceptError::Chain { finding: missing, cause })
    }

    /// What the clients of the targets trust now.
    fn in_use(&self, certificate: &ManagedCertificate, standing: &Standing) -> Vec<Certificate> {
        let current = standing.current.as_ref();
        let kept = current.and_then(|current| self.store.find(current.thumbprint).ok().flatten());
        let named = certificate.targets.iter().filter_map(|target| target.inspect().ok()?.certificate);
        kept.into_iter().chain(named).collect()
    }

    fn issuers_in_store(&self, certificate: &ManagedCertificate) -> Result<Vec<X509>, RenewError> {
        let error = |cause| RenewError::Store { name: certificate.name.clone(), cause };
        let mut issuers: Vec<X509> = Vec::new();
        for entry in self.store.list().map_err(error)? {
            let Entry::Certificate { leaf, chain: 1.., .. } = entry else { continue };
            let found = self.store.find(leaf.thumbprint()).map_err(error)?;
            for issuer in found.iter().flat_map(Certificate::chain) {
                if !issuers.contains(issuer) {
                    issuers.push(issuer.clone());
                }
            }
        }
        Ok(issuers)
    }

    /// Makes a certificate the pending successor, durably: from here on nothing is lost.
    async fn take_in(
        &self,
        certificate: &ManagedCertificate,
        standing: &Standing,
        successor: &Certificate,
        now: Timestamp,
    ) -> Result<(), RenewError> {
        self.keep(certificate, successor, now).await?;
        let current = standing.current.as_ref().map(|current| current.fingerprint);
        let superseded = standing.pending.as_ref().map(|pending| pending.fingerprint);
        let is_another =
            |it: &baton_x509::Fingerprint| *it != successor.fingerprint() && Some(*it) != current;
        if let Some(superseded) = superseded.filter(is_another) {
            self.engine.retire_later(superseded, now).await?;
        }
        let pending = Some(successor.fingerprint());
        let renewal = Renewal { name: certificate.name.clone(), current, pending, ..Renewal::default() };
        Ok(self.engine.state().record_renewal(&renewal).await?)
    }
}

fn planned(certificate: &ManagedCertificate, successor: &Certificate, now: Timestamp) -> Report {
    let mut report = Report::without_handover(&certificate.name, "", Outcome::Planned, Vec::new(), now);
    report.new = Some(successor.thumbprint());
    report.plan = vec![format!("keep the certificate for {}", list(&certificate.names))];
    report
}
