//! `baton selftest`: what this machine can do, proven with the same functions that a handover calls.
//!
//! Every line does a thing and reads its effect back by a new handle, a new connection or another process; no exit code
//! is believed. What the account may not do, and what Wine cannot, is *ignored* with its reason, never *passed*. A new
//! line is a function that takes a [`Bench`], and an entry in the table of its module.

mod bench;
mod directory_store;
mod files;
mod firewall;
mod line;
#[cfg(target_os = "linux")]
mod linux;
mod peer;
mod report;
mod tls;
#[cfg(windows)]
mod windows;

#[cfg(windows)]
use std::process::ExitCode;

use baton_platform::host;

use self::bench::Bench;
use self::line::{Line, Machine};
use self::report::Report;
#[cfg(windows)]
use crate::cli::{Cli, Command, SelftestTask};
use crate::cli::{Globals, Selftest};
use crate::failure::{Exit, Failure};
use crate::output::{Output, tell};
use crate::place::Place;

pub(crate) async fn run(globals: &Globals, arguments: &Selftest, output: Output) -> Result<Exit, Failure> {
    if let Some(task) = &arguments.task {
        return peer::run(task, output).await;
    }
    let place = Place::find(globals)?;
    place.check_owner()?;
    let runtime = tokio::runtime::Handle::current();
    let proving = tokio::task::spawn_blocking(move || prove(&place, runtime));
    let report = proving
        .await
        .map_err(|error| Failure::new(Exit::Failed, "selftest-failed", error.to_string(), "report it"))??;
    report.print(output);
    Ok(if report.has_failed() { Exit::Failed } else { Exit::Done })
}

/// Everything on a thread of its own: a line may wait for the system.
fn prove(place: &Place, runtime: tokio::runtime::Handle) -> Result<Report, Failure> {
    let bench = Bench::set_up(&place.data, runtime)?;
    if bench.removed > 0 {
        tell(&format!("what {} before has left behind is removed", runs(bench.removed)));
    }
    let machine = Machine { is_administrator: host::is_administrator(), wine: host::wine_version() };
    let results = lines().iter().map(|line| line.run(&bench, &machine)).collect();
    let report = Report::new(&machine, results);
    bench.clear_away()?;
    Ok(report)
}

fn runs(count: usize) -> String {
    if count == 1 { "a run".to_owned() } else { format!("{count} runs") }
}

/// All lines, in their order.
fn lines() -> Vec<Line> {
    let mut lines = files::lines();
    lines.extend(directory_store::lines());
    lines.extend(tls::lines());
    #[cfg(target_os = "linux")]
    lines.extend(linux::lines());
    #[cfg(windows)]
    lines.extend(windows::lines());
    lines.extend(firewall::lines());
    lines
}

/// The temporary service of a run, where it is that which is to be started.
#[cfg(windows)]
pub(crate) fn as_service(cli: &Cli) -> Option<ExitCode> {
    match &cli.command {
        Command::Selftest(Selftest { task: Some(SelftestTask::Serve { directory }) }) => {
            Some(windows::service::run_as_service(cli, directory.clone()))
        }
        _ => None,
    }
}
