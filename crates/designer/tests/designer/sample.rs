//! What there may be to show. Times are fixed; the status is as of noon on the first of December 2026.

use baton_designer::Measurements;
use baton_finding::Finding;
use baton_handover::{DueReason, ProofReport, Report, SCHEMA, ServedReport, Status, StatusRow, StepReport};
use baton_state::{AlertChannel, HandoverId, HandoverTimes, Measures, Outcome, Step, StepOutcome};
use baton_x509::{Fingerprint, Thumbprint};
use jiff::{SignedDuration, Timestamp};

pub(crate) const MINUTE: SignedDuration = SignedDuration::from_mins(1);
pub(crate) const HOUR: SignedDuration = SignedDuration::from_hours(1);
pub(crate) const DAY: SignedDuration = SignedDuration::from_hours(24);

/// The time of the status.
pub(crate) fn noon() -> Timestamp {
    "2026-12-01T12:00:00Z".parse().unwrap()
}

pub(crate) fn status(rows: Vec<StatusRow>) -> Status {
    let words = ["now", "soon", "fine"];
    let attention = words.into_iter().find(|word| rows.iter().any(|row| row.attention == *word));
    Status {
        schema: SCHEMA.to_owned(),
        at: noon(),
        attention: attention.unwrap_or("fine").to_owned(),
        rows,
        findings: Vec::new(),
    }
}

/// A certificate for 90 days with 62 of them left, in order.
pub(crate) fn row(certificate: &str) -> StatusRow {
    let served = served(28 * DAY, 62 * DAY);
    StatusRow {
        certificate: Some(certificate.to_owned()),
        target: Some("sap-gateway".to_owned()),
        endpoint: Some("sap.example.com:8175".to_owned()),
        address: Some("127.0.0.1:8175".to_owned()),
        named: Some(served.thumbprint),
        served: Some(served),
        differs: false,
        days_left: Some(62),
        due: Some(noon() + 31 * DAY),
        due_reason: Some(DueReason::Lifetime),
        renewal_window: None,
        pending: None,
        probed_at: Some(noon() - SignedDuration::from_secs(12)),
        attention: "fine".to_owned(),
        findings: Vec::new(),
    }
}

/// A certificate that began so long ago and ends so soon.
pub(crate) fn served(past: SignedDuration, left: SignedDuration) -> ServedReport {
    ServedReport {
        thumbprint: Thumbprint::of(b"served"),
        fingerprint: Fingerprint::of(b"served"),
        subject: "CN=sap.example.com".to_owned(),
        issuer: "CN=R11, O=\"Let's Encrypt, \"\"LE\"\"\", C=US".to_owned(),
        not_before: noon() - past,
        not_after: noon() + left,
    }
}

/// A row that needs a person.
pub(crate) fn troubled(certificate: &str, attention: &str, finding: Finding) -> StatusRow {
    StatusRow { attention: attention.to_owned(), findings: vec![finding], ..row(certificate) }
}

/// A handover that went well.
pub(crate) fn report() -> Report {
    let step =
        |step, seconds| StepReport { step, outcome: StepOutcome::Done, seconds, detail: String::new() };
    let proof = |address: &str| ProofReport {
        endpoint: "sap.example.com:8175".to_owned(),
        address: address.to_owned(),
        thumbprint: Thumbprint::of(b"new"),
        fingerprint: Fingerprint::of(b"new"),
        chain: Vec::new(),
        tls_version: "TLSv1.3".to_owned(),
        stale_seconds: 0.0,
        at: noon() - HOUR,
    };
    Report {
        schema: SCHEMA.to_owned(),
        id: Some(HandoverId(17)),
        certificate: Some("sap".to_owned()),
        target: "sap-gateway".to_owned(),
        old: Some(Thumbprint::of(b"old")),
        new: Some(Thumbprint::of(b"new")),
        outcome: Some(Outcome::Served),
        started_at: noon() - 28 * DAY,
        steps: vec![
            step(Step::Check, 0.2),
            step(Step::Activate, 1.1),
            step(Step::Prove, 1.4),
            step(Step::Retire, 9.0),
        ],
        proof: vec![proof("127.0.0.1:8175"), proof("[::1]:8175")],
        findings: Vec::new(),
        plan: Vec::new(),
    }
}

/// Numbers for a status.
pub(crate) fn measurements(status: Status) -> Measurements {
    let at = noon();
    Measurements {
        version: "1.2.3",
        status,
        measures: Measures {
            last_served: vec![(Some("sap".to_owned()), "sap-gateway".to_owned(), at)],
            last_proven: vec![(
                "sap-gateway".to_owned(),
                "sap:8175".to_owned(),
                "127.0.0.1:8175".to_owned(),
                at,
            )],
            failures: vec![("sap-gateway".to_owned(), "endpoint-serves-old".to_owned(), 3)],
            times: vec![HandoverTimes {
                target: "sap-gateway".to_owned(),
                count: 4,
                seconds: 512.5,
                within: [0, 2, 1, 0, 0, 0, 0, 0],
            }],
        },
        alerts: vec![AlertChannel {
            name: "ops".to_owned(),
            attempts: 2,
            waiting: 5,
            ..AlertChannel::default()
        }],
        last_turn: Some(at),
        renewal_failures: [("issuer-refused", 7)].into(),
    }
}
