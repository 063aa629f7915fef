//! How everything stands: one row for each certificate and endpoint.
//!
//! What is served comes from the last look at each endpoint, which the row dates; what the target names is read
//! from the target itself now. Where the two differ the row says so.

use std::collections::{HashMap, HashSet};

use baton_finding::Finding;
use baton_platform::clock;
use baton_schedule::{Attention, Lifetime, Reason, due};
use baton_state::{AlertChannel, HandoverId, IssuerUse, Observation, Recovery, Standing};
use baton_target::Target;
use baton_x509::{Fingerprint, Thumbprint, X509};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::engine::Engine;
use crate::error::HandoverError;
use crate::report::SCHEMA;
use crate::situation::situation;
use crate::trouble::{self, OpenHandover, Trouble};

/// A certificate of the settings, or none, with a target that uses it, or none.
#[derive(Debug, Clone, Copy, Default)]
pub struct Subject<'a> {
    /// The name of the `[[certificate]]`.
    pub certificate: Option<&'a str>,
    /// The name of its issuer.
    pub issuer: Option<&'a str>,
    /// Whether that issuer suggests when to renew.
    pub is_asked: bool,
    /// Whether that issuer is a person.
    pub is_by_hand: bool,
    /// Since when the oldest request for it waits for its answer, of those that a person carries.
    pub requested_at: Option<Timestamp>,
    /// How old its key is meant to become, where successors keep it.
    pub longest_key_age: Option<SignedDuration>,
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
    /// The most urgent of all rows and findings: `fine`, `soon` or `now`.
    pub attention: String,
    /// One for each certificate and endpoint.
    pub rows: Vec<StatusRow>,
    /// What is wrong beside the certificates.
    #[serde(default)]
    pub findings: Vec<Finding>,
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
    /// When its renewal is due: of one that failed, the next try.
    pub due: Option<Timestamp>,
    /// Why then.
    pub due_reason: Option<DueReason>,
    /// What its issuer suggests (ACME Renewal Information).
    pub renewal_window: Option<WindowReport>,
    /// A successor that is issued and not handed over.
    pub pending: Option<Thumbprint>,
    /// When the endpoint was last asked.
    pub probed_at: Option<Timestamp>,
    /// `fine`, `soon` or `now`.
    pub attention: String,
    /// What is wrong.
    pub findings: Vec<Finding>,
}

/// Why a renewal is due when it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DueReason {
    /// The issuer suggests it (ACME Renewal Information, RFC 9773).
    Ari,
    /// By the share of its lifetime that has passed.
    Lifetime,
    /// It failed before, or the issuer asked to be left alone until then.
    Retry,
    /// A successor is issued, and is to be handed over.
    Pending,
}

impl std::fmt::Display for DueReason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Ari => "ari",
            Self::Lifetime => "lifetime",
            Self::Retry => "retry",
            Self::Pending => "pending",
        })
    }
}

impl From<Reason> for DueReason {
    fn from(reason: Reason) -> Self {
        match reason {
            Reason::Ari => Self::Ari,
            Reason::Lifetime => Self::Lifetime,
            Reason::Retry => Self::Retry,
            Reason::Pending => Self::Pending,
        }
    }
}

/// When an issuer wants a certificate to be renewed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WindowReport {
    /// The first moment.
    pub start: Timestamp,
    /// The end.
    pub end: Timestamp,
    /// A page that tells why.
    pub explanation: Option<String>,
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
    issuers: HashMap<String, IssuerUse>,
    /// Targets whose last handover needs a person, with its number.
    stuck: HashMap<String, HandoverId>,
    /// The last handover of each target that has begun and not ended.
    open: HashMap<String, OpenHandover>,
    /// What was reset and waits to be put back.
    reset: HashMap<String, Recovery>,
    alerts: Vec<AlertChannel>,
    /// The certificates in force whose key others may have, and which one was revoked for it.
    compromised: HashMap<Fingerprint, Thumbprint>,
    /// Since when the keys of the certificates in force are used; read where it matters.
    keys_since: HashMap<Fingerprint, Timestamp>,
}

impl Engine {
    /// How the given certificates and targets stand, from the journal and the targets' own files. No endpoint
    /// is asked.
    pub async fn status(&self, subjects: &[Subject<'_>]) -> Result<Status, HandoverError> {
        Ok(self.look(subjects).await?.0)
    }

    /// The same, with each trouble by itself: one that several rows tell of is one.
    pub async fn look(&self, subjects: &[Subject<'_>]) -> Result<(Status, Vec<Trouble>), HandoverError> {
        let mut known = self.known().await?;
        if subjects.iter().any(|subject| subject.longest_key_age.is_some()) {
            known.keys_since = self.state.keys_since().await?;
        }
        let now = clock::now();
        let (mut rows, mut troubles) = (Vec::new(), Vec::new());
        for subject in subjects {
            for (row, own) in known.rows(*subject, now) {
                rows.push(row);
                troubles.extend(own);
            }
        }
        // A target that was renamed or taken out of the settings, with its door closed.
        let is_known =
            |name: &str| subjects.iter().any(|it| it.target.is_some_and(|target| target.name == name));
        let lost = known.reset.values().filter(|recovery| !is_known(&recovery.target));
        let lost: Vec<Trouble> = lost.map(trouble::of_lost).collect();
        let of_alerts: Vec<Trouble> = known.alerts.iter().filter_map(trouble::of_alert).collect();
        let findings = of_alerts.iter().chain(&lost).map(|trouble| trouble.finding.clone()).collect();
        troubles.extend(of_alerts.into_iter().chain(lost));
        let mut seen = HashSet::new();
        troubles.retain(|trouble| seen.insert(trouble.cause()));
        // What has expired comes first: clients are refused at this moment.
        rows.sort_by_key(|row| !row.findings.iter().any(trouble::is_expiry));
        troubles.sort_by_key(|trouble| !trouble::is_expiry(&trouble.finding));
        let status = Status {
            schema: SCHEMA.to_owned(),
            at: now,
            attention: worst(&troubles).name().to_owned(),
            rows,
            findings,
        };
        Ok((status, troubles))
    }

    async fn known(&self) -> Result<Known, HandoverError> {
        let mut observations: HashMap<String, Vec<Observation>> = HashMap::new();
        for observation in self.state.observations().await? {
            observations.entry(observation.target.clone()).or_default().push(observation);
        }
        let standings = self.state.standings().await?;
        let standings = standings.into_iter().map(|standing| (standing.name.clone(), standing)).collect();
        let issuers = self.state.issuer_uses().await?;
        let issuers = issuers.into_iter().map(|issuer| (issuer.name.clone(), issuer)).collect();
        let stuck = self.state.stuck_targets().await?.into_iter().collect();
        let open = self.state.targets_under_way().await?.into_iter();
        let open = open.map(|(target, id, started_at)| (target, OpenHandover { id, started_at })).collect();
        let alerts = self.state.alert_channels().await?;
        let reset = self.state.recoveries().await?.into_iter();
        let reset = reset.map(|recovery| (recovery.target.clone(), recovery)).collect();
        let compromised = self.state.compromised_in_force().await?;
        let keys_since = HashMap::new();
        Ok(Known { observations, standings, issuers, stuck, open, reset, alerts, compromised, keys_since })
    }
}

impl Known {
    /// The rows of a subject, each with its troubles.
    fn rows(&self, subject: Subject<'_>, now: Timestamp) -> Vec<(StatusRow, Vec<Trouble>)> {
        let standing = subject.certificate.and_then(|certificate| self.standings.get(certificate));
        let current = standing.and_then(|standing| standing.current.as_ref());
        let due = subject.certificate.and_then(|_| self.due(subject, standing, now));
        let mut common = Vec::new();
        let (mut named, mut open) = (None, None);
        if let Some(target) = subject.target {
            let inspection = target.inspect().map_err(|error| Finding::from_error(&error));
            named = inspection.as_ref().ok().and_then(|inspection| inspection.current);
            open = self.open.get(&target.name).copied();
            let stuck = self.stuck.get(&target.name).copied();
            common.extend(trouble::of_target(&target.name, &inspection, stuck, open, now));
            let seen = self.observations.get(&target.name).map(Vec::as_slice).unwrap_or_default();
            let expired = inspection.as_ref().ok();
            common.extend(expired.and_then(|it| trouble::of_named(&target.name, it, seen, now)));
            common.extend(self.reset.get(&target.name).map(trouble::of_reset));
            common.extend(trouble::of_reference(&target.name, named, standing, open, now));
        }
        if let Some(certificate) = subject.certificate {
            let is_due = due.is_none_or(|(at, _)| at <= now);
            common.extend(trouble::of_request(certificate, &subject, standing, is_due));
            if !subject.is_by_hand || standing.is_some_and(|standing| standing.pending.is_some()) {
                common.extend(trouble::of_certificate(certificate, standing));
            }
            if let Some(current) = current {
                let since = self.keys_since.get(&current.fingerprint).copied();
                let longest = subject.longest_key_age;
                let revoked = self.compromised.get(&current.fingerprint).copied();
                common.extend(trouble::of_key(certificate, since.zip(longest), revoked, now));
            }
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
            due: due.map(|(at, _)| at),
            due_reason: due.map(|(_, reason)| reason),
            renewal_window: standing.and_then(window),
            pending: standing
                .and_then(|standing| standing.pending.as_ref())
                .map(|pending| pending.thumbprint),
            probed_at: None,
            attention: String::new(),
            findings: Vec::new(),
        };
        let seen = subject.target.and_then(|target| self.observations.get(&target.name));
        let rows: Vec<(StatusRow, Vec<Trouble>)> = match seen {
            Some(observations) if !observations.is_empty() => observations
                .iter()
                .map(|observation| {
                    let mut troubles = common.clone();
                    troubles.extend(trouble::of_endpoint(observation, named, open, now));
                    (observed(&row, observation, now), troubles)
                })
                .collect(),
            _ => {
                if let (Some(current), Some(certificate)) = (current, subject.certificate) {
                    common.extend(trouble::of_issued(certificate, current, now));
                }
                vec![(row, common)]
            }
        };
        rows.into_iter().map(|(row, troubles)| (with_findings(row, &troubles), troubles)).collect()
    }
}

impl Known {
    /// When the renewal of a certificate is due, and why; `None` when it is under way, or was never begun.
    fn due(
        &self,
        subject: Subject<'_>,
        standing: Option<&Standing>,
        now: Timestamp,
    ) -> Option<(Timestamp, DueReason)> {
        let situation = situation(standing?, subject.is_asked, |_| true).settled(now);
        let (at, reason) = situation.renewal(now);
        let rest_until = subject.issuer.and_then(|issuer| self.issuers.get(issuer)?.rest_until);
        Some(match rest_until.filter(|until| *until > at.max(now)) {
            Some(until) if reason != Reason::Pending => (until, DueReason::Retry),
            _ if at == Timestamp::MIN => (now, reason.into()),
            _ => (at, reason.into()),
        })
    }
}

fn window(standing: &Standing) -> Option<WindowReport> {
    let suggestion = standing.suggestion.as_ref()?;
    let window = suggestion.window?;
    let explanation = suggestion.explanation.clone();
    Some(WindowReport { start: window.start, end: window.end, explanation })
}

fn with_findings(row: StatusRow, troubles: &[Trouble]) -> StatusRow {
    StatusRow {
        attention: worst(troubles).name().to_owned(),
        findings: troubles.iter().map(|trouble| trouble.finding.clone()).collect(),
        ..row
    }
}

fn worst(troubles: &[Trouble]) -> Attention {
    troubles.iter().map(|trouble| trouble.attention).max().unwrap_or(Attention::Fine)
}

fn observed(row: &StatusRow, observation: &Observation, now: Timestamp) -> StatusRow {
    let mut row = row.clone();
    row.endpoint = Some(observation.endpoint.clone());
    row.address = Some(observation.address.clone());
    row.probed_at = Some(observation.at);
    if let Some(served) = &observation.served {
        row.days_left = Some(days_left(served.not_after, now));
        if row.certificate.is_none() {
            let lifetime = Lifetime { not_before: served.not_before, not_after: served.not_after };
            row.due = Some(due(lifetime, served.fingerprint.as_bytes()));
            row.due_reason = Some(DueReason::Lifetime);
        }
        row.differs = row.named.is_some_and(|named| named != served.thumbprint);
        row.served = Some(ServedReport {
            thumbprint: served.thumbprint,
            fingerprint: served.fingerprint,
            subject: served.subject.clone(),
            issuer: served.issuer.clone(),
            not_before: served.not_before,
            not_after: served.not_after,
        });
    }
    row
}

fn days_left(not_after: Timestamp, now: Timestamp) -> i64 {
    not_after.duration_since(now).as_secs().div_euclid(24 * 60 * 60)
}
