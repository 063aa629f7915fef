//! `baton resume`

use baton_handover::Report;

use crate::cli::{Globals, Resume};
use crate::commands::request::carry_out;
use crate::failure::{Exit, Failure};
use crate::local::{self, Answer, Request};
use crate::output::{Output, tell};
use crate::place::Place;
use crate::wiring::App;

pub(crate) async fn run(globals: &Globals, arguments: &Resume, output: Output) -> Result<Exit, Failure> {
    let place = Place::find_existing(globals)?;
    let request = Request::Resume { target: arguments.target.clone() };
    let Answer::Reports { reports, .. } = carry_out(place, request).await? else {
        return Err(local::unexpected());
    };
    if reports.is_empty() {
        tell("nothing was interrupted");
    }
    reports.iter().for_each(|report| output.report(report));
    Ok(reports.iter().map(|report| Exit::of(report.outcome)).fold(Exit::Done, Exit::worse))
}

/// Finishes or undoes what was interrupted, and removes what it left behind.
pub(crate) async fn execute(app: &App, target: Option<&str>, is_up: bool) -> Result<Vec<Report>, Failure> {
    let targets: Vec<_> = match target {
        Some(name) => vec![app.target(name)?],
        None => app.targets_at_hand(is_up).collect(),
    };
    app.renewals.store.remove_leftovers()?;
    app.renewals.engine.state().remove_leftovers()?;
    let mut reports = Vec::new();
    for target in targets {
        target.store.remove_leftovers()?;
        reports.extend(app.renewals.engine.resume(target).await?);
    }
    Ok(reports)
}
