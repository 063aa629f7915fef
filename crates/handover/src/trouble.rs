//! What is wrong now, each thing by itself: what `status` prints in its rows, and what alerts tell of.
//!
//! A trouble has a cause that stays the same while its words change: a server that is refused at one look and silent
//! at the next is one trouble, not two.

use std::fmt;

use baton_finding::Finding;
use baton_schedule::{Attention, Lifetime, attention};
use baton_state::{AlertChannel, Awaiting, HandoverId, InForce, Observation, Recovery, Standing};
use baton_target::{Inspection, Tls};
use baton_x509::Thumbprint;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::key_age::{key_compromised, key_old};
use crate::status::Subject;

/// From this failure in a row on, a person is told: the second attempt follows the first within minutes.
const FAILURES_TOLD: u32 = 2;

/// A handover that has not ended for so long is not under way any more.
const LONGEST_HANDOVER: SignedDuration = SignedDuration::from_hours(1);

/// What a trouble is about.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum About {
    /// A `[[certificate]]` of the settings.
    Certificate(String),
    /// A target.
    Target(String),
    /// One address of an endpoint of a target.
    Endpoint {
        /// The target's name.
        target: String,
        /// The endpoint as the settings name it.
        endpoint: String,
        /// The address that was asked.
        address: String,
    },
    /// An `[[alert]]` of the settings.
    Alert(String),
}

impl fmt::Display for About {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Certificate(name) => write!(f, "certificate {name}"),
            Self::Target(name) => write!(f, "target {name}"),
            Self::Endpoint { target, endpoint, address } => {
                write!(f, "target {target}, endpoint {endpoint}, address {address}")
            }
            Self::Alert(name) => write!(f, "alert {name}"),
        }
    }
}

/// How sure it is that a trouble lasts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Certainty {
    /// It does not go away by itself.
    Lasting,
    /// It was seen at this moment, and may be gone at the next look: a server that is restarted by someone.
    Seen(Timestamp),
    /// Work is under way that is expected to end it.
    UnderWay,
}

/// One thing that is wrong now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    /// The stable name of its kind; `finding.code` may change while it lasts.
    pub kind: String,
    /// What it is about.
    pub about: About,
    /// How urgent it is.
    pub attention: Attention,
    /// Whether it will last.
    pub certainty: Certainty,
    /// What to tell.
    pub finding: Finding,
}

impl Trouble {
    /// What tells it from every other trouble, however its words change.
    pub fn cause(&self) -> String {
        format!("{}: {}", self.kind, self.about)
    }

    fn new(about: About, attention: Attention, certainty: Certainty, finding: Finding) -> Self {
        Self { kind: finding.code.clone(), about, attention, certainty, finding }
    }

    fn of_kind(self, kind: &str) -> Self {
        Self { kind: kind.to_owned(), ..self }
    }
}

/// A handover that has begun and not ended.
#[derive(Debug, Clone, Copy)]
pub(crate) struct OpenHandover {
    pub(crate) id: HandoverId,
    pub(crate) started_at: Timestamp,
}

impl OpenHandover {
    pub(crate) fn is_under_way(&self, now: Timestamp) -> bool {
        now.duration_since(self.started_at) < LONGEST_HANDOVER
    }
}

/// What is wrong with a target itself: its files, and what its last handover left.
pub(crate) fn of_target(
    name: &str,
    inspection: &Result<Inspection, Finding>,
    stuck: Option<HandoverId>,
    open: Option<OpenHandover>,
    now: Timestamp,
) -> Vec<Trouble> {
    let about = || About::Target(name.to_owned());
    let certainty = certainty(open, now, now);
    // How a target is activated matters when something is handed over.
    let is_told = |finding: &&Finding| {
        finding.severity == baton_finding::Severity::Error && finding.code != "activation-unknown"
    };
    let mut troubles: Vec<Trouble> = match inspection {
        Ok(inspection) => inspection
            .findings
            .iter()
            .filter(is_told)
            .map(|finding| Trouble::new(about(), Attention::Soon, certainty, finding.clone()))
            .collect(),
        Err(finding) => vec![Trouble::new(about(), Attention::Soon, certainty, finding.clone())],
    };
    if inspection.as_ref().is_ok_and(|inspection| inspection.tls == Tls::Off) {
        let finding = Finding::notice("tls-off", "TLS is switched off in the target's settings");
        troubles.push(Trouble::new(about(), Attention::Fine, certainty, finding));
    }
    if let Some(id) = stuck {
        let finding = Finding::error(
            "handover-stuck",
            format!("handover {id} failed, and what was served before is not proven"),
            format!("`baton history {id}` tells why; mend it, then hand over again"),
        );
        troubles.push(Trouble::new(about(), Attention::Now, Certainty::Lasting, finding));
    }
    if let Some(open) = open.filter(|open| !open.is_under_way(now)) {
        let finding = Finding::error(
            "handover-open",
            format!("handover {} began at {:.0} and has not ended", open.id, open.started_at),
            "`baton resume` finishes or undoes it, and tells what hinders it",
        );
        troubles.push(Trouble::new(about(), Attention::Soon, Certainty::Lasting, finding));
    }
    troubles
}

/// What is wrong with the renewal of a certificate.
pub(crate) fn of_certificate(name: &str, standing: Option<&Standing>) -> Vec<Trouble> {
    let about = About::Certificate(name.to_owned());
    let pending = standing.and_then(|standing| standing.pending.as_ref()).map(|pending| pending.thumbprint);
    // Each half of a renewal has tries of its own.
    let tried =
        standing.map(|standing| if pending.is_some() { &standing.handover } else { &standing.issuing });
    let attempts = tried.map_or(0, |tried| tried.failed);
    let certainty = if attempts < FAILURES_TOLD { Certainty::UnderWay } else { Certainty::Lasting };
    let failure = tried.and_then(|tried| tried.failure.as_deref());
    let current = standing.and_then(|standing| standing.current.as_ref());
    if let Some(awaiting) = standing.and_then(|standing| standing.awaiting.as_ref())
        && pending.is_none()
        && failure.is_none()
    {
        let finding = awaiting_approval(name, awaiting);
        return vec![Trouble::new(about, Attention::Fine, Certainty::UnderWay, finding)];
    }
    let because = failure.map_or_else(String::new, |failure| format!(": {failure}"));
    let (attention, finding) = match (current, pending, failure) {
        (_, Some(pending), Some(reason)) => (
            Attention::Soon,
            Finding::warning(
                "not-handed-over",
                format!("{pending} is issued and not handed over: {reason}"),
                "mend the cause; `baton renew` then hands it over without a new order",
            ),
        ),
        // Without a failure it is under way at this moment.
        (_, Some(_), None) => return Vec::new(),
        (None, None, _) => (
            Attention::Soon,
            Finding::warning(
                "not-issued",
                format!("{name:?} has not been handed over yet{because}"),
                "run `baton up`, or `baton renew`",
            ),
        ),
        (Some(_), None, Some(reason)) if attempts < FAILURES_TOLD => (
            Attention::Fine,
            Finding::notice(
                "renewal-failing",
                format!("the renewal of {name:?} has failed once, and is tried again: {reason}"),
            ),
        ),
        (Some(_), None, Some(reason)) => (
            Attention::Soon,
            Finding::warning(
                "renewal-failing",
                format!("the renewal of {name:?} has failed {attempts} times in a row: {reason}"),
                "mend the cause; `baton renew` tries at once",
            ),
        ),
        (Some(_), None, None) => return Vec::new(),
    };
    vec![Trouble::new(about, attention, certainty, finding)]
}

/// That a target names a certificate which has expired: a server that runs serves it on, and does not start again. Where
/// it was seen to serve it, that is told instead.
pub(crate) fn of_named(
    target: &str,
    inspection: &Inspection,
    seen: &[Observation],
    now: Timestamp,
) -> Option<Trouble> {
    let leaf = inspection.leaf().filter(|leaf| leaf.not_after() < now && inspection.tls == Tls::On)?;
    let is_served = |seen: &Observation| {
        seen.served.as_ref().is_some_and(|served| served.thumbprint == leaf.thumbprint())
    };
    if seen.iter().any(is_served) {
        return None;
    }
    let finding = Finding::error(
        "named-expired",
        format!("the settings of {target} name a certificate that has expired at {:.0}", leaf.not_after()),
        format!(
            "`baton renew --force` brings it back; `baton recover {target}` lets a product answer without TLS until then"
        ),
    );
    // The next look at its endpoints may tell more.
    Some(Trouble::new(About::Target(target.to_owned()), Attention::Now, Certainty::Seen(now), finding))
}

/// TLS was reset at a target, and waits for the next handover.
pub(crate) fn of_reset(recovery: &Recovery) -> Trouble {
    let door = match recovery.ports.is_empty() {
        true => "its ports are open to the outside",
        false => "its ports are closed to the outside",
    };
    if recovery.kept == "[]" {
        let finding = Finding::error(
            "door-closed",
            format!(
                "the ports of {} are closed to the outside since {:.0}: that it is as before is not proven",
                recovery.target, recovery.at
            ),
            "mend the cause, then hand it over again: that opens them when it is proven",
        );
        let about = About::Target(recovery.target.clone());
        return Trouble::new(about, Attention::Now, Certainty::Lasting, finding);
    }
    let finding = Finding::error(
        "tls-reset",
        format!("TLS of {} was reset at {:.0}, and {door}", recovery.target, recovery.at),
        "`baton renew --force` or `baton swap` hands it over to a new certificate and puts everything back; `baton tls \
         on` puts it back as it was",
    );
    Trouble::new(About::Target(recovery.target.clone()), Attention::Now, Certainty::Lasting, finding)
}

/// A target that waits for the next handover, and is not in the settings any more.
pub(crate) fn of_lost(recovery: &Recovery) -> Trouble {
    let name = &recovery.target;
    let finding = Finding::error(
        "target-lost",
        format!(
            "TLS of {name} was reset at {:.0}, and the settings have no target of that name any more",
            recovery.at
        ),
        format!("give it its name {name:?} back in baton.toml: the next handover then puts everything back"),
    );
    Trouble::new(About::Target(name.clone()), Attention::Now, Certainty::Lasting, finding)
}

/// Whether it tells of a certificate that has expired.
pub(crate) fn is_expiry(finding: &Finding) -> bool {
    matches!(finding.code.as_str(), "served-expired" | "named-expired")
}

/// That a person must approve the successor of a certificate at its CA: nothing that failed.
pub fn awaiting_approval(name: &str, awaiting: &Awaiting) -> Finding {
    let Awaiting { request, since } = awaiting;
    let message = format!(
        "the successor of {name:?} waits for its approval at the CA since {since:.0}: request {request}"
    );
    Finding {
        hint: "approve it at the CA; `baton up` asks for it, and so does `baton renew`".to_owned(),
        ..Finding::notice("awaiting-approval", message)
    }
}

/// What a person has to do for the renewal of a certificate.
pub(crate) fn of_request(
    name: &str,
    subject: &Subject<'_>,
    standing: Option<&Standing>,
    is_due: bool,
) -> Option<Trouble> {
    if standing.is_some_and(|standing| standing.pending.is_some()) {
        return None;
    }
    let is_first = standing.is_none_or(|standing| standing.current.is_none());
    let is_needed = subject.is_by_hand && (is_first || is_due);
    let accept = "`baton accept FILE` takes what the CA answers";
    let ask = format!("`baton request {name}` makes the request for its CA");
    let finding = match subject.requested_at {
        Some(at) if is_needed => Finding::warning(
            "request-pending",
            format!("a request for {name:?} is pending since {at:.0}"),
            accept,
        ),
        Some(at) => Finding {
            hint: accept.to_owned(),
            ..Finding::notice("request-pending", format!("a request for {name:?} is pending since {at:.0}"))
        },
        None if !is_needed => return None,
        None if is_first => {
            Finding::warning("not-issued", format!("{name:?} has not been handed over yet"), ask)
        }
        None => Finding::warning(
            "request-due",
            format!("{name:?} is due, and its issuer is a person: nobody has asked for a successor yet"),
            ask,
        ),
    };
    let attention = if is_needed { Attention::Soon } else { Attention::Fine };
    Some(Trouble::new(About::Certificate(name.to_owned()), attention, Certainty::Lasting, finding))
}

/// What is wrong with the key of the certificate in force. `age` is since when it is used, and how long it is meant to
/// be; `revoked` the certificate that was revoked because others may have the key.
pub(crate) fn of_key(
    name: &str,
    age: Option<(Timestamp, SignedDuration)>,
    revoked: Option<Thumbprint>,
    now: Timestamp,
) -> Vec<Trouble> {
    let about = || About::Certificate(name.to_owned());
    let old = age.and_then(|(since, longest)| key_old(name, since, longest, now));
    let old = old.map(|finding| Trouble::new(about(), Attention::Soon, Certainty::Lasting, finding));
    let compromised = revoked.map(|revoked| {
        let finding = Finding { severity: baton_finding::Severity::Error, ..key_compromised(name, revoked) };
        Trouble::new(about(), Attention::Now, Certainty::Lasting, finding)
    });
    old.into_iter().chain(compromised).collect()
}

/// Whether the target names what was handed over to it last.
pub(crate) fn of_reference(
    target: &str,
    named: Option<Thumbprint>,
    standing: Option<&Standing>,
    open: Option<OpenHandover>,
    now: Timestamp,
) -> Option<Trouble> {
    let (named, current) = (named?, standing?.current.as_ref()?);
    if named == current.thumbprint || standing?.pending.is_some() {
        return None;
    }
    let finding = Finding::warning(
        "other-certificate-named",
        format!("the target names {named}, and {} was handed over to it last", current.thumbprint),
        "`baton renew` hands it over again; `baton swap` makes another one count",
    );
    let about = About::Target(target.to_owned());
    Some(Trouble::new(about, Attention::Soon, certainty(open, now, now), finding))
}

/// What is wrong with what one address serves.
pub(crate) fn of_endpoint(
    observation: &Observation,
    named: Option<Thumbprint>,
    open: Option<OpenHandover>,
    now: Timestamp,
) -> Vec<Trouble> {
    let about = About::Endpoint {
        target: observation.target.clone(),
        endpoint: observation.endpoint.clone(),
        address: observation.address.clone(),
    };
    let certainty = certainty(open, observation.at, now);
    let endpoint = &observation.endpoint;
    let Some(served) = &observation.served else {
        let (code, message) = observation
            .trouble
            .clone()
            .unwrap_or_else(|| ("endpoint-tls-failed".to_owned(), format!("{endpoint} serves nothing")));
        let finding = Finding::error(&code, message, "see the service's own log");
        return vec![Trouble::new(about, Attention::Now, certainty, finding).of_kind("not-served")];
    };
    let mut troubles = Vec::new();
    if let Some(named) = named.filter(|named| *named != served.thumbprint) {
        let finding = Finding::warning(
            "served-differs",
            format!("{endpoint} serves {}, and the settings name {named}", served.thumbprint),
            "it was changed without a restart: restart the server, or run `baton swap`",
        );
        troubles.push(Trouble::new(about.clone(), Attention::Soon, certainty, finding));
    }
    let lifetime = Lifetime { not_before: served.not_before, not_after: served.not_after };
    troubles.extend(of_lifetime(about, &format!("{endpoint} serves a certificate that"), lifetime, now));
    troubles
}

/// Whether a certificate that nobody was seen to serve yet ends soon.
pub(crate) fn of_issued(name: &str, current: &InForce, now: Timestamp) -> Option<Trouble> {
    let lifetime = Lifetime { not_before: current.not_before, not_after: current.not_after };
    of_lifetime(About::Certificate(name.to_owned()), &format!("the certificate of {name:?}"), lifetime, now)
}

/// Whether alerts arrive.
pub(crate) fn of_alert(channel: &AlertChannel) -> Option<Trouble> {
    let failure = channel.failure.as_ref().filter(|_| channel.attempts >= FAILURES_TOLD)?;
    let finding = Finding::warning(
        "alert-undelivered",
        format!(
            "{} notices wait for the alert {:?}, which has failed {} times in a row: {failure}",
            channel.waiting, channel.name, channel.attempts
        ),
        "mend the cause: it is tried again",
    );
    Some(Trouble::new(About::Alert(channel.name.clone()), Attention::Soon, Certainty::Lasting, finding))
}

fn of_lifetime(about: About, subject: &str, lifetime: Lifetime, now: Timestamp) -> Option<Trouble> {
    let attention = attention(lifetime, now);
    if attention == Attention::Fine {
        return None;
    }
    let (end, hint) =
        (lifetime.not_after, "run `baton renew`, or `baton swap` with a certificate that is valid");
    let finding = if end < now {
        Finding::error("served-expired", format!("{subject} has expired at {end:.0}"), hint)
    } else if attention == Attention::Now {
        Finding::error("ends-soon", format!("{subject} ends at {end:.0}"), hint)
    } else {
        Finding::warning("ends-soon", format!("{subject} ends at {end:.0}, and is not renewed"), hint)
    };
    Some(Trouble::new(about, attention, Certainty::Lasting, finding).of_kind("ends-soon"))
}

fn certainty(open: Option<OpenHandover>, seen_at: Timestamp, now: Timestamp) -> Certainty {
    match open {
        Some(open) if open.is_under_way(now) => Certainty::UnderWay,
        _ => Certainty::Seen(seen_at),
    }
}
