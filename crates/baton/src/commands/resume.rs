//! `baton resume`

use baton_handover::Report;

use crate::cli::{Globals, Resume};
use crate::failure::{Exit, Failure};
use crate::local::{self, Answer, Request};
use crate::output::{Output, tell};
use crate::place::Place;
use crate::wiring::App;

pub(crate) async fn run(globals: &Globals, arguments: &Resume, output: Output) -> Result<Exit, Failure> {
    let place = Place::find_existing(globals)?;
    let request = Request::Resume { target: arguments.target.clone() };
    let reports = match local::ask(&place.socket(), &request).await? {
        Some(Answer::Reports { reports, .. }) => reports,
        Some(Answer::Failed { failure }) => return Err(failure.into()),
        Some(_) => return Err(local::unexpected()),
        None => {
            let app = App::open_thoroughly(place).await?;
            let reports = execute(&app, arguments.target.as_deref(), false).await;
            app.leave().await;
            reports?
        }
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
    let mut reports = Vec::new();
    for target in targets {
        target.store.remove_leftovers()?;
        reports.extend(app.renewals.engine.resume(target).await?);
    }
    Ok(reports)
}
