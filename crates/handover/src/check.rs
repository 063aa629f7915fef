//! The first step: is the successor sound, is the target sound, and what would be done?

use std::net::SocketAddr;

use baton_finding::{Finding, Severity};
use baton_platform::clock;
use baton_state::Recovery;
use baton_target::{
    Action, Endpoint, Inspection, KeyFamily, Plan, ProductServer, Seen, Target, Tls, family_of, probe,
};
use baton_x509::{Certificate, Fingerprint, Thumbprint, Trust, X509};
use tokio::task::JoinSet;

use crate::engine::{Engine, Request};
use crate::record::{AddressRecord, Prior};
use crate::recover::kept_files;
use crate::soundness::{self, Soundness};
use crate::window::GuardRecord;

/// What the check has shown. Nothing was changed.
#[derive(Debug)]
pub(crate) struct Checked {
    pub(crate) findings: Vec<Finding>,
    pub(crate) current: Option<Thumbprint>,
    pub(crate) certificate: Option<Certificate>,
    pub(crate) plan: Plan,
    pub(crate) addresses: Vec<AddressRecord>,
    /// Where a target that was reset answers now.
    pub(crate) plain: Vec<AddressRecord>,
    /// What was reset at the target, and comes back with this handover.
    pub(crate) recovery: Option<Recovery>,
    /// Services that run now, and stop and start with the target's.
    pub(crate) dependents: Vec<String>,
    /// What happens behind a closed door.
    pub(crate) guard: Option<GuardRecord>,
    pub(crate) trust: Option<Trust>,
    /// TLS is off and stays off: the references change, and nothing is served.
    pub(crate) tls_stays_off: bool,
}

impl Checked {
    pub(crate) fn is_refused(&self) -> bool {
        self.findings.iter().any(|finding| finding.severity == Severity::Error)
    }

    /// Whether the target names the successor already, in all its fields.
    pub(crate) fn names_already(&self, successor: &Certificate) -> bool {
        let edits = |action: &Action| matches!(action, Action::Edit { .. } | Action::SetFile { .. });
        self.current == Some(successor.thumbprint()) && !self.plan.switch.iter().any(edits)
    }

    /// The fingerprint of the certificate before: the one found, or the one seen under its thumbprint.
    pub(crate) fn old_fingerprint(&self) -> Option<Fingerprint> {
        self.certificate.as_ref().map(Certificate::fingerprint).or_else(|| {
            self.addresses.iter().find_map(|address| match address.prior {
                Prior::Served(fingerprint) => Some(fingerprint),
                _ => None,
            })
        })
    }

    fn refused(findings: Vec<Finding>) -> Self {
        Self {
            findings,
            current: None,
            certificate: None,
            plan: Plan { stage: Vec::new(), switch: Vec::new() },
            addresses: Vec::new(),
            plain: Vec::new(),
            recovery: None,
            dependents: Vec::new(),
            guard: None,
            trust: None,
            tls_stays_off: false,
        }
    }
}

impl Engine {
    pub(crate) async fn check(&self, request: &Request<'_>) -> Checked {
        let (target, successor) = (request.target, request.successor);
        let (recovery, inspection) = match self.inspect(target).await {
            Ok(found) => found,
            Err(finding) => return Checked::refused(vec![finding]),
        };
        let tls_stays_off = inspection.tls == Tls::Off && !request.enable_tls;
        let endpoints =
            if tls_stays_off { Vec::new() } else { target.endpoints(&inspection, Some(successor.leaf())) };
        let Soundness { mut findings, trust } = soundness::examine(
            successor,
            inspection.certificate.as_ref(),
            &endpoints,
            &self.roots,
            clock::now(),
        );
        findings.extend(compare_with_hint(request.old, &inspection));
        let mut plan = match target.plan(&inspection, successor, request.enable_tls, request.protocol) {
            Ok((plan, more)) => {
                findings.extend(more);
                plan
            }
            Err(error) => {
                findings.push(Finding::from_error(&error));
                Plan { stage: Vec::new(), switch: Vec::new() }
            }
        };
        findings.extend(recovery.as_ref().and_then(|_| waits_for_reset(target)));
        findings.extend(target.check_nodes(successor.thumbprint()).await);
        let window = match tls_stays_off {
            true => None,
            false => self.window(target, &inspection, recovery.as_ref(), request.guarded).await,
        };
        let guard = window.map(|window| {
            findings.extend(window.findings);
            plan.switch.splice(0..0, window.back);
            window.guard
        });
        if tls_stays_off {
            findings.push(Finding::warning(
                "tls-off",
                format!("TLS is switched off in the settings of {:?} and stays off", target.name),
                "switch it on with `baton swap --enable-tls`, or in the product's Designer",
            ));
        } else if endpoints.is_empty() {
            findings.push(endpoint_missing(target));
        }
        let (addresses, more) = self.look_at(target, &inspection, endpoints).await;
        findings
            .extend(more.into_iter().filter_map(|finding| expected(finding, recovery.as_ref(), &inspection)));
        let plain = match &recovery {
            Some(_) => self.plain_now(target, &inspection).await,
            None => Vec::new(),
        };
        findings.extend(inspection.findings);
        Checked {
            findings,
            current: inspection.current,
            certificate: inspection.certificate,
            plan,
            addresses,
            plain,
            recovery,
            dependents: inspection.dependents,
            guard,
            trust,
            tls_stays_off,
        }
    }

    /// Whether a target is sound by itself, without a successor: what would refuse any handover.
    pub async fn check_target(&self, target: &Target) -> (Option<Inspection>, Vec<Finding>) {
        let (recovery, mut inspection) = match self.inspect(target).await {
            Ok(found) => found,
            Err(finding) => return (None, vec![finding]),
        };
        let mut findings = std::mem::take(&mut inspection.findings);
        if inspection.tls == Tls::On {
            let endpoints = target.endpoints(&inspection, inspection.leaf());
            if endpoints.is_empty() {
                findings.push(endpoint_missing(target));
            }
            let (_, more) = self.look_at(target, &inspection, endpoints).await;
            findings.extend(
                more.into_iter().filter_map(|finding| expected(finding, recovery.as_ref(), &inspection)),
            );
        }
        (Some(inspection), findings)
    }

    /// What speaks against a certificate as the successor at a target that was looked at, or is worth knowing. No
    /// endpoint is asked.
    pub fn examine(&self, target: &Target, inspection: &Inspection, successor: &Certificate) -> Vec<Finding> {
        let endpoints = target.endpoints(inspection, Some(successor.leaf()));
        let current = inspection.certificate.as_ref();
        soundness::examine(successor, current, &endpoints, &self.roots, clock::now()).findings
    }

    /// What was reset at a target, and the target as if that were in place.
    pub async fn inspect(&self, target: &Target) -> Result<(Option<Recovery>, Inspection), Finding> {
        let recovery =
            self.state.recovery(&target.name).await.map_err(|error| Finding::from_error(&error))?;
        let kept = recovery.as_ref().map(kept_files).transpose();
        let kept = kept.map_err(|error| Finding::from_error(&error))?.unwrap_or_default();
        let inspection = target.inspect_with(&kept).map_err(|error| Finding::from_error(&error))?;
        Ok((recovery, inspection))
    }

    /// Asks every address what it serves now.
    async fn look_at(
        &self,
        target: &Target,
        inspection: &Inspection,
        endpoints: Vec<Endpoint>,
    ) -> (Vec<AddressRecord>, Vec<Finding>) {
        let (mut addresses, mut findings) = (Vec::new(), Vec::new());
        for (endpoint, answers) in ask_all(endpoints, target, inspection.leaf()).await {
            let answers = match answers {
                Ok(answers) => answers,
                Err(error) => {
                    findings.push(Finding::error(
                        "endpoint-unresolved",
                        format!("{endpoint} cannot be resolved: {error}"),
                        "write the address into `endpoints`, or mend the name's DNS",
                    ));
                    continue;
                }
            };
            let one_answers = answers.iter().any(|(_, seen)| Prior::from(seen) != Prior::Closed);
            for (address, seen) in answers {
                let prior = Prior::from(&seen);
                // One name may stand for addresses that the server does not listen on: `localhost` for ::1.
                if prior == Prior::Closed && one_answers {
                    continue;
                }
                findings.extend(judge(&endpoint, &seen, inspection));
                addresses.push(AddressRecord::new(&endpoint, address, &seen));
            }
        }
        (addresses, findings)
    }
}

impl Engine {
    /// What every address of some endpoints answers now.
    pub(crate) async fn now(&self, target: &Target, endpoints: Vec<Endpoint>) -> Vec<AddressRecord> {
        let record = |endpoint: &Endpoint, (address, seen): (SocketAddr, Seen)| {
            AddressRecord::new(endpoint, address, &seen)
        };
        let answers = ask_all(endpoints, target, None).await.into_iter();
        answers
            .filter_map(|(endpoint, answers)| answers.ok().map(|answers| (endpoint, answers)))
            .flat_map(|(endpoint, answers)| {
                answers.into_iter().map(move |answer| record(&endpoint, answer)).collect::<Vec<_>>()
            })
            .collect()
    }
}

type Answers = std::io::Result<Vec<(SocketAddr, Seen)>>;

/// Asks all endpoints side by side; the answers come in the order of the endpoints.
///
/// A server can have one certificate for each family of keys: `named` tells which of them is asked for. One that has
/// none of that family is asked for whatever it has.
pub(crate) async fn ask_all(
    endpoints: Vec<Endpoint>,
    target: &Target,
    named: Option<&X509>,
) -> Vec<(Endpoint, Answers)> {
    let family = named.map_or(KeyFamily::Any, family_of);
    let limit = target.policy.connection_limit();
    let mut asking = JoinSet::new();
    for (position, endpoint) in endpoints.into_iter().enumerate() {
        asking.spawn(async move {
            let mut answers = Vec::new();
            let result = match endpoint.resolve().await {
                Ok(addresses) => {
                    for address in addresses {
                        let mut seen = probe(address, &endpoint.name, family, limit).await;
                        if family != KeyFamily::Any && matches!(seen, Seen::Failed(_)) {
                            seen = probe(address, &endpoint.name, KeyFamily::Any, limit).await;
                        }
                        answers.push((address, seen));
                    }
                    Ok(answers)
                }
                Err(error) => Err(error),
            };
            (position, endpoint, result)
        });
    }
    let mut results = asking.join_all().await;
    results.sort_by_key(|(position, ..)| *position);
    results.into_iter().map(|(_, endpoint, answers)| (endpoint, answers)).collect()
}

/// A target that was reset answers plain HTTP, or nothing, and one whose certificate has expired may not start: that is
/// what the handover comes to mend.
fn expected(finding: Finding, recovery: Option<&Recovery>, inspection: &Inspection) -> Option<Finding> {
    let has_expired = inspection.leaf().is_some_and(|leaf| leaf.not_after() < clock::now());
    match finding.code.starts_with("endpoint-") {
        true if recovery.is_some() => None,
        true if has_expired && finding.severity == Severity::Error => {
            Some(Finding { severity: Severity::Warning, ..finding })
        }
        _ => Some(finding),
    }
}

/// What was reset comes back with the certificate that was reset with it, and that is the web server's.
fn waits_for_reset(target: &Target) -> Option<Finding> {
    let server = target.server().filter(|server| *server == ProductServer::Configuration)?;
    Some(Finding::error(
        "tls-reset",
        format!("TLS of {target} was reset and is not back yet: the {server} cannot be handed over alone"),
        format!("`baton tls on {target}`, or a handover of the whole target, puts it back"),
    ))
}

fn endpoint_missing(target: &Target) -> Finding {
    Finding::error(
        "endpoint-missing",
        format!("{:?} has no endpoint where it could be asked what it serves", target.name),
        "set endpoints = [\"HOST:PORT\"] of the target",
    )
}

fn judge(endpoint: &Endpoint, seen: &Seen, inspection: &Inspection) -> Option<Finding> {
    let assumed =
        if endpoint.assumed { " (the product's usual port; set `endpoints` if it is another)" } else { "" };
    match (seen, inspection.current) {
        (Seen::Served(handshake), Some(current)) if handshake.leaf.thumbprint() != current => {
            Some(Finding::warning(
                "endpoint-serves-other",
                format!("{endpoint} {seen}, and the settings name {current}"),
                "it was changed without a restart, or another server answers there",
            ))
        }
        (Seen::Served(_), _) => None,
        (Seen::PlainHttp, _) => Some(Finding::warning(
            seen.code(),
            format!("{endpoint} {seen}"),
            "it was switched to TLS without a restart, or another server answers there",
        )),
        // The first certificate of a server that is not up yet.
        (_, None) => None,
        (_, Some(_)) if inspection.tls == Tls::Off => None,
        (_, Some(_)) => Some(Finding::error(
            seen.code(),
            format!("{endpoint} {seen}{assumed}"),
            "start the server first, or correct `endpoints`: what was not seen before cannot be proven after",
        )),
    }
}

fn compare_with_hint(hint: Option<Thumbprint>, inspection: &Inspection) -> Option<Finding> {
    let hint = hint?;
    if inspection.current == Some(hint) {
        return None;
    }
    let truth = inspection.current.map_or_else(|| "no certificate".to_owned(), |current| current.to_string());
    Some(Finding::warning(
        "old-differs",
        format!("the target names {truth}, not {hint}; its own files are believed"),
        "the caller's OLD is a guess: ACME clients take it from their cache",
    ))
}
