//! The pages as values, ready to be written.
//!
//! A page is a function of what [`Overview`](crate::Overview) told: the time on it is the time of that status, and
//! no clock is asked. Templates decide nothing but markup; they escape every text, as names and subjects come
//! from certificates of strangers.

mod attention;
mod certificate;
mod distinguished_name;
mod handover;
mod moment;
mod prose;
mod verdict;

use askama::Template;
use baton_handover::{Report, Status};
use jiff::Timestamp;

use certificate::CertificateRow;
use handover::HandoverRow;
use moment::Moment;
use prose::{Stretch, Trouble, stretches};
use verdict::Verdict;

/// Whether the page loads itself again. It does unless its reader asks it not to: what moves by itself is hard to
/// read for some (WCAG 2.2, success criterion 2.2.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refresh {
    On,
    Off,
}

/// How everything stands, and the last handovers.
#[derive(Template)]
#[template(path = "overview.html")]
pub(crate) struct OverviewPage {
    verdict: Verdict,
    /// When the status was put together; `None` when it could not be.
    at: Option<Moment>,
    rows: Vec<CertificateRow>,
    /// What is wrong beside the certificates.
    troubles: Vec<Trouble>,
    /// Else why they cannot be read.
    handovers: Result<Vec<HandoverRow>, Vec<Stretch>>,
    refresh: Refresh,
    /// Seconds until the page loads itself again.
    interval: u32,
}

/// There is no such page.
#[derive(Template)]
#[template(path = "missing.html")]
pub(crate) struct MissingPage;

impl OverviewPage {
    pub(crate) fn new(
        status: Result<Status, String>,
        handovers: Result<Vec<Report>, String>,
        refresh: Refresh,
    ) -> Self {
        let (verdict, at, rows, troubles, interval) = match status {
            Ok(status) => {
                let (rows, troubles) = (CertificateRow::all(&status), Trouble::all(&status.findings));
                (Verdict::of(&status), Some(Moment::new(status.at)), rows, troubles, interval(&status))
            }
            Err(reason) => (Verdict::unknown(&reason), None, Vec::new(), Vec::new(), CALM_INTERVAL),
        };
        let now = at.as_ref().map(|at| at.at);
        let handovers = match handovers {
            Ok(reports) => Ok(HandoverRow::all(&reports, now)),
            Err(reason) => Err(stretches(&reason)),
        };
        Self { verdict, at, rows, troubles, handovers, refresh, interval }
    }
}

const CALM_INTERVAL: u32 = 30;

/// For certificates that live for minutes, so that a renewal can be watched.
const QUICK_INTERVAL: u32 = 5;

const HOUR: i64 = 60 * 60;

fn interval(status: &Status) -> u32 {
    let served = status.rows.iter().filter_map(|row| row.served.as_ref());
    let shortest = served.map(|served| lifetime(served.not_before, served.not_after)).min();
    if shortest.is_some_and(|seconds| seconds < HOUR) { QUICK_INTERVAL } else { CALM_INTERVAL }
}

/// Seconds from the first to the last moment of validity; none when it ends before it begins.
fn lifetime(not_before: Timestamp, not_after: Timestamp) -> i64 {
    not_after.duration_since(not_before).as_secs().max(0)
}
