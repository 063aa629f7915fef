//! The rows of the first table: a certificate at an endpoint.

use std::cmp::Reverse;

use baton_handover::{ServedReport, Status, StatusRow};
use baton_x509::Thumbprint;
use jiff::Timestamp;

use super::attention::Attention;
use super::moment::{Moment, RelativeMoment, words};
use super::prose::Trouble;
use super::{distinguished_name, lifetime};

/// A certificate at an endpoint.
pub(crate) struct CertificateRow {
    pub(crate) attention: Attention,
    pub(crate) certificate: Option<String>,
    pub(crate) target: Option<String>,
    pub(crate) endpoint: Option<String>,
    /// The address that was asked, where the endpoint does not say it already.
    pub(crate) address: Option<String>,
    pub(crate) served: Option<ServedCell>,
    pub(crate) left: Option<LeftCell>,
    pub(crate) due: Option<RelativeMoment>,
    pub(crate) probed: Option<RelativeMoment>,
    pub(crate) troubles: Vec<Trouble>,
}

/// What an endpoint served when it was last asked.
pub(crate) struct ServedCell {
    /// `None` for a certificate that has its names in the extension alone.
    pub(crate) common_name: Option<String>,
    pub(crate) subject: String,
    pub(crate) thumbprint: Thumbprint,
    pub(crate) issuer_short: String,
    pub(crate) issuer: String,
}

/// How long it is still valid.
pub(crate) struct LeftCell {
    pub(crate) words: String,
    /// The last moment of validity.
    pub(crate) until: Option<Moment>,
    /// Seconds left and seconds in all; `None` where it is known in whole days only.
    pub(crate) share: Option<(i64, i64)>,
}

impl CertificateRow {
    /// The rows of a status, the most urgent first, else in their order.
    pub(crate) fn all(status: &Status) -> Vec<Self> {
        let mut rows: Vec<Self> = status.rows.iter().map(|row| Self::new(row, status.at)).collect();
        rows.sort_by_key(|row| Reverse(row.attention));
        rows
    }

    fn new(row: &StatusRow, now: Timestamp) -> Self {
        Self {
            attention: Attention::read(&row.attention),
            certificate: row.certificate.clone(),
            target: row.target.clone(),
            endpoint: row.endpoint.clone(),
            address: row.address.clone().filter(|address| row.endpoint.as_ref() != Some(address)),
            served: row.served.as_ref().map(ServedCell::new),
            left: match &row.served {
                Some(served) => Some(LeftCell::of_served(served, now)),
                None => row.days_left.map(LeftCell::of_issued),
            },
            due: row.due.map(|due| RelativeMoment::new(due, now)),
            probed: row.probed_at.map(|at| RelativeMoment::new(at, now)),
            troubles: Trouble::all(&row.findings),
        }
    }
}

impl ServedCell {
    fn new(served: &ServedReport) -> Self {
        Self {
            common_name: distinguished_name::common_name(&served.subject),
            subject: served.subject.clone(),
            thumbprint: served.thumbprint,
            issuer_short: distinguished_name::short(&served.issuer),
            issuer: served.issuer.clone(),
        }
    }
}

impl LeftCell {
    fn of_served(served: &ServedReport, now: Timestamp) -> Self {
        let left = served.not_after.duration_since(now);
        let words = words(left);
        Self {
            words: if left.is_negative() { format!("expired {words} ago") } else { words },
            until: Some(Moment::new(served.not_after)),
            share: Some((left.as_secs().max(0), lifetime(served.not_before, served.not_after).max(1))),
        }
    }

    /// Nothing was seen at the endpoint: this is what was issued for it last.
    fn of_issued(days: i64) -> Self {
        let words = match days {
            ..0 => "expired".to_owned(),
            0 => "less than a day".to_owned(),
            1 => "1 day".to_owned(),
            days => format!("{days} days"),
        };
        Self { words, until: None, share: None }
    }
}

/// The beginning of a thumbprint: enough to tell two apart at a glance, never to decide on.
pub(crate) fn beginning(thumbprint: &Thumbprint) -> String {
    thumbprint.to_string().chars().take(8).collect()
}
