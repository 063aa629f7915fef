//! The pages as values, ready to be written.
//!
//! A page is a function of what [`Overview`](crate::Overview) told: the time on it is the time of that status, and
//! no clock is asked. Templates decide nothing but markup; they escape every text, as names and subjects come
//! from certificates of strangers.

mod access;
mod attention;
mod certificate;
mod change;
mod distinguished_name;
mod handover;
mod history;
mod listing;
mod managed;
mod missing;
mod moment;
mod operation;
mod overview;
mod problem;
mod prose;
mod server;
mod settings;
mod store;
mod target;
mod timeline;
mod verdict;

use baton_handover::Status;
use jiff::Timestamp;

pub(crate) use access::{AccountPage, AuditPage, FirstUserPage, SignInPage};
pub(crate) use change::PlanPage;
pub(crate) use history::{HandoverPage, HistoryPage};
pub(crate) use listing::Listing;
pub(crate) use managed::ManagedPage;
pub(crate) use missing::MissingPage;
pub(crate) use operation::{CourseView, OperationPage};
pub(crate) use overview::OverviewPage;
pub(crate) use problem::ProblemPage;
pub(crate) use settings::{DraftPage, SettingsFormPage, SettingsPage, SettingsPlanPage, SettingsSavedPage};
pub(crate) use store::{StorePage, StoredPage};
pub(crate) use target::TargetPage;
pub(crate) use timeline::TimelinePage;

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
