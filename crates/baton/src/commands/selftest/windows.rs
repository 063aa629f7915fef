//! What only Windows has.

mod event_log;
mod programs;
mod schannel;
pub(super) mod service;
mod store;

use tokio::runtime::Handle;

use super::line::Line;

pub(super) fn lines() -> Vec<Line> {
    let mut lines = store::lines();
    lines.push(service::line());
    lines.push(event_log::line());
    lines.push(programs::line());
    lines
}

/// Removes what a run of that name has made outside of its directory.
pub(super) fn clear_away(name: &str, runtime: &Handle) -> std::io::Result<()> {
    service::clear_away(name, runtime)?;
    event_log::clear_away(name);
    store::clear_away(name)
}
