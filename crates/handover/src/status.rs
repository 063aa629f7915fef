//! How everything stands: one row for each certificate and endpoint.
//!
//! What is served comes from the last look at each endpoint, which the row dates; what the target names is read
//! from the target itself now. Where the two differ the row says so.

use std::collections::HashMap;

use baton_finding::{Finding, Severity};
use baton_platform::clock;
use baton_schedule::{Attention, Lifetime, attention, due};
use baton_state::{HandoverId, Observation, Standing};
use baton_target::{Target, Tls};
use baton_x509::{Fingerprint, Thumbprint, X509};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::engine::Engine;
use crate::error::HandoverError;
use crate::report::SCHEMA;

/// A certificate of the settings, or none, with a target that uses it, or none.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    /// The name of the `[[certificate]]`.
    pub certificate: Option<&'a str>,
    /// The target.
    pub target: Option<&'a Target>,
}

/// How everything stands.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Status {
    /// `baton/1`.
    pub schema: String,
    /// When this was put together.
    pub at: Timestamp,
    /// The most urgent of all rows: `fine`, `soon` or `now`.
    pub attention: String,
    /// One for each certificate and endpoint.
    pub rows: Vec<StatusRow>,
}

/// How one certificate stands at one endpoint.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct StatusRow {
    /// The `[[certificate]]` of the settings, where there is one.
    pub certificate: Option<String>,
    /// The target; `None` for a certificate without one.
    pub target: Option<String>,
    /// The endpoint as the settings name it.
    pub endpoint: Option<String>,
    /// The address that was asked.
    pub address: Option<String>,
    /// What it served when it was last asked.
    pub served: Option<ServedReport>,
    /// What the target names now.
    pub named: Option<Thumbprint>,
    /// Whether what is served differs from what the target names.
    pub differs: bool,
    /// Whole days until what is served (else what was issued last) ends; negative once it has.
    pub days_left: Option<i64>,
    /// When its renewal is due.
    pub due: Option<Timestamp>,
    /// A successor that is issued and not handed over.
    pub pending: Option<Thumbprint>,
    /// When the endpoint was last asked.
    pub probed_at: Option<Timestamp>,
    /// `fine`, `soon` or `now`.
    pub attention: String,
    /// What is wrong.
    pub findings: Vec<Finding>,
}

/// A certificate as an endpoint served it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ServedReport {
    /// SHA-1.
    pub thumbprint: Thumbprint,
    /// SHA-256.
    pub fingerprint: Fingerprint,
    /// As .NET prints it.
    pub subject: String,
    /// As .NET prints it.
    pub issuer: String,
    /// First moment of validity.
    pub not_before: Timestamp,
    /// Last moment of validity.
    pub not_after: Timestamp,
}

impl From<&X509> for ServedReport {
    fn from(leaf: &X509) -> Self {
        Self {
            thumbprint: leaf.thumbprint(),
            fingerprint: leaf.fingerprint(),
            subject: leaf.subject().to_owned(),
            issuer: leaf.issuer().to_owned(),
            not_before: leaf.not_before(),
            not_after: leaf.not_after(),
        }
    }
}

struct Known {
    observations: HashMap<String, Vec<Observation>>,
    standings: HashMap<String, Standing>,
    /// Targets whose last handover needs a person, with its number.
    stuck: HashMap<String, HandoverId>,
}

impl Engine {
    /// How the given certificates and targets stand, from the journal and the targets' own files. No endpoint
    /// is asked.
    pub async fn status(&self, subjects: &[Subject<'_>]) -> Result<Status, HandoverError> {
        let mut observations: HashMap<String, Vec<Observation>> = HashMap::new();
        for observation in self.state.observations().await? {
            observations.entry(observation.target.clone()).or_default().push(observation);
        }
        let standings = self.state.standings().await?;
        let standings = standings.into_iter().map(|standing| (standing.name.clone(), standing)).collect();
        let stuck = self.state.stuck_targets().await?.into_iter().collect();
        let known = Known { observations, standings, stuck };
        let now = clock::now();
        let mut worst = Attention::Fine;
        let mut rows = Vec::new();
        for subject in subjects {
            for (row, attention) in known.rows(*subject, now) {
                worst = worst.max(attention);
                rows.push(row);
            }
        }
        Ok(Status { schema: SCHEMA.to_owned(), at: now, attention: name(worst).to_owned(), rows })
    }
}

impl Known {
    fn rows(&self, subject: Subject<'_>, now: Timestamp) -> Vec<(StatusRow, Attention)> {
        let mut findings = Vec::new();
        let mut worst = Attention::Fine;
        let mut named = None;
        if let Some(target) = subject.target {
            match target.inspect() {
                Ok(inspection) => {
                    named = inspection.current;
                    // How a target is activated matters when something is handed over.
                    let errors =
                        inspection.findings.iter().filter(|finding| finding.severity == Severity::Error);
                    let errors: Vec<Finding> =
                        errors.filter(|f| f.code != "activation-unknown").cloned().collect();
                    if !errors.is_empty() {
                        worst = Attention::Soon;
                    }
                    findings.extend(errors);
                    if inspection.tls == Tls::Off {
                        findings
                            .push(Finding::notice("tls-off", "TLS is switched off in the target's settings"));
                    }
                }
                Err(error) => {
                    findings.push(Finding::from_error(&error));
                    worst = Attention::Soon;
                }
            }
        }
        let standing = subject.certificate.and_then(|certificate| self.standings.get(certificate));
        let current = standing.and_then(|standing| standing.current);
        let pending = standing.and_then(|standing| standing.pending);
        if let Some(id) = subject.target.and_then(|target| self.stuck.get(&target.name)) {
            findings.push(Finding::error(
                "handover-stuck",
                format!("handover {id} failed, and what was served before is not proven"),
                format!("`baton history {id}` tells why; mend it, then hand over again"),
            ));
            worst = Attention::Now;
        }
        if let (Some(named), Some(current)) = (named, current)
            && named != current.thumbprint
            && pending.is_none()
        {
            findings.push(Finding::warning(
                "other-certificate-named",
                format!("the target names {named}, and {} was handed over to it last", current.thumbprint),
                "`baton renew` hands it over again; `baton swap` makes another one count",
            ));
            worst = worst.max(Attention::Soon);
        }
        let failure = standing.and_then(|standing| standing.failure.as_ref());
        // Without a failure it is under way at this moment.
        if let (Some(pending), Some(reason)) = (pending, failure) {
            findings.push(Finding::warning(
                "not-handed-over",
                format!("{pending} is issued and not handed over: {reason}"),
                "mend the cause; `baton renew` then hands it over without a new order",
            ));
            worst = worst.max(Attention::Soon);
        }
        if let (Some(certificate), true) = (subject.certificate, current.is_none() && pending.is_none()) {
            findings.push(Finding::warning(
                "not-issued",
                format!("{certificate:?} has not been handed over yet"),
                "run `baton up`, or `baton renew`",
            ));
            worst = worst.max(Attention::Soon);
        }
        let row = StatusRow {
            certificate: subject.certificate.map(str::to_owned),
            target: subject.target.map(|target| target.name.clone()),
            endpoint: None,
            address: None,
            served: None,
            named,
            differs: false,
            days_left: current.map(|current| days_left(current.not_after, now)),
            due: current.map(|c| due_at(c.not_before, c.not_after, c.fingerprint)),
            pending,
            probed_at: None,
            attention: String::new(),
            findings,
        };
        let seen = subject.target.and_then(|target| self.observations.get(&target.name));
        match seen {
            Some(observations) if !observations.is_empty() => {
                observations.iter().map(|observation| observed(&row, worst, observation, now)).collect()
            }
            _ => {
                if let Some(current) = current {
                    let lifetime = Lifetime { not_before: current.not_before, not_after: current.not_after };
                    worst = worst.max(attention(lifetime, now));
                }
                vec![(StatusRow { attention: name(worst).to_owned(), ..row }, worst)]
            }
        }
    }
}

fn observed(
    row: &StatusRow,
    mut worst: Attention,
    observation: &Observation,
    now: Timestamp,
) -> (StatusRow, Attention) {
    let mut row = row.clone();
    row.endpoint = Some(observation.endpoint.clone());
    row.address = Some(observation.address.clone());
    row.probed_at = Some(observation.at);
    match &observation.served {
        Some(served) => {
            let lifetime = Lifetime { not_before: served.not_before, not_after: served.not_after };
            worst = worst.max(attention(lifetime, now));
            row.days_left = Some(days_left(served.not_after, now));
            row.due = Some(due_at(served.not_before, served.not_after, served.fingerprint));
            row.differs = row.named.is_some_and(|named| named != served.thumbprint);
            row.served = Some(ServedReport {
                thumbprint: served.thumbprint,
                fingerprint: served.fingerprint,
                subject: served.subject.clone(),
                issuer: served.issuer.clone(),
                not_before: served.not_before,
                not_after: served.not_after,
            });
            if let (true, Some(named)) = (row.differs, row.named) {
                row.findings.push(Finding::warning(
                    "served-differs",
                    format!(
                        "{} serves {}, and the settings name {named}",
                        observation.endpoint, served.thumbprint
                    ),
                    "it was changed without a restart: restart the server, or run `baton swap`",
                ));
                worst = worst.max(Attention::Soon);
            }
            if served.not_after < now {
                row.findings.push(Finding::error(
                    "served-expired",
                    format!("{} serves a certificate that has expired", observation.endpoint),
                    "run `baton renew`, or `baton swap` with a certificate that is valid",
                ));
            }
        }
        None => {
            if let Some((code, message)) = &observation.trouble {
                row.findings.push(Finding::error(code, message.clone(), "see the service's own log"));
            }
            worst = Attention::Now;
        }
    }
    row.attention = name(worst).to_owned();
    (row, worst)
}

fn due_at(not_before: Timestamp, not_after: Timestamp, fingerprint: Fingerprint) -> Timestamp {
    due(Lifetime { not_before, not_after }, fingerprint.as_bytes())
}

fn days_left(not_after: Timestamp, now: Timestamp) -> i64 {
    not_after.duration_since(now).as_secs().div_euclid(24 * 60 * 60)
}

fn name(attention: Attention) -> &'static str {
    match attention {
        Attention::Fine => "fine",
        Attention::Soon => "soon",
        Attention::Now => "now",
    }
}
