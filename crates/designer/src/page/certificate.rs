//! The rows of the first table: a certificate at an endpoint.

use baton_handover::{DueReason, ServedReport, StatusRow};
use baton_x509::Thumbprint;
use jiff::Timestamp;

use crate::language::Language;

use super::attention::Attention;
use super::moment::{Moment, RelativeMoment, words, words_after_preposition};
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
    /// Why then.
    pub(crate) due_reason: Option<&'static str>,
    pub(crate) probed: Option<RelativeMoment>,
    pub(crate) troubles: Vec<Trouble>,
    /// Clients are refused at this moment.
    pub(crate) is_expired: bool,
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
    pub(crate) fn new(row: &StatusRow, now: Timestamp, t: Language) -> Self {
        Self {
            attention: Attention::read(&row.attention),
            certificate: row.certificate.clone(),
            target: row.target.clone(),
            endpoint: row.endpoint.clone(),
            address: row.address.clone().filter(|address| {
                !row.endpoint.as_ref().is_some_and(|endpoint| endpoint.starts_with(address.as_str()))
            }),
            served: row.served.as_ref().map(ServedCell::new),
            left: match &row.served {
                Some(served) => Some(LeftCell::of_served(served, now, t)),
                None => row.days_left.map(|days| LeftCell::of_issued(days, t)),
            },
            due: row.due.map(|due| RelativeMoment::new(due, now, t)),
            due_reason: row.due_reason.map(|reason| match reason {
                DueReason::Ari => t.due_ari(),
                DueReason::Lifetime => t.due_lifetime(),
                DueReason::Retry => t.due_retry(),
                DueReason::Pending => t.due_pending(),
            }),
            is_expired: row.served.as_ref().is_some_and(|served| served.not_after < now),
            probed: row.probed_at.map(|at| RelativeMoment::new(at, now, t)),
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
    pub(crate) fn of_served(served: &ServedReport, now: Timestamp, t: Language) -> Self {
        Self::of_validity(served.not_before, served.not_after, now, t)
    }

    pub(crate) fn of_validity(
        not_before: Timestamp,
        not_after: Timestamp,
        now: Timestamp,
        t: Language,
    ) -> Self {
        let left = not_after.duration_since(now);
        let words = match left.is_negative() {
            true => t.expired_ago(words_after_preposition(left, t)),
            false => words(left, t),
        };
        Self {
            words,
            until: Some(Moment::new(not_after)),
            share: Some((left.as_secs().max(0), lifetime(not_before, not_after).max(1))),
        }
    }

    /// Nothing was seen at the endpoint: this is what was issued for it last.
    fn of_issued(days: i64, t: Language) -> Self {
        let words = match days {
            ..0 => t.expired().to_owned(),
            0 => t.less_than_a_day().to_owned(),
            1 => t.one_day().to_owned(),
            days => t.days(days).replace('\u{a0}', " "),
        };
        Self { words, until: None, share: None }
    }
}

/// The beginning of a thumbprint: enough to tell two apart at a glance, never to decide on.
pub(crate) fn beginning(thumbprint: &Thumbprint) -> String {
    thumbprint.to_string().chars().take(8).collect()
}
