//! `baton recover`

use baton_handover::{RecoverRequest, Report, Reset};
use baton_state::Outcome;

use crate::cli::{Globals, Recover};
use crate::commands::request::carry_out;
use crate::failure::{Exit, Failure};
use crate::local::{self, Answer, Request};
use crate::output::Output;
use crate::place::Place;
use crate::wiring::App;

pub(crate) async fn run(globals: &Globals, arguments: &Recover, output: Output) -> Result<Exit, Failure> {
    let request = RecoverRequest {
        reset: Reset::All,
        open: arguments.open,
        even_though_valid: arguments.even_though_valid,
        dry_run: arguments.dry_run,
    };
    ask(globals, &arguments.target, request, output).await
}

/// Has TLS of a target reset, and prints what became of it.
pub(crate) async fn ask(
    globals: &Globals,
    target: &str,
    request: RecoverRequest,
    output: Output,
) -> Result<Exit, Failure> {
    let asked = Request::Recover { target: target.to_owned(), request };
    let Answer::Reports { reports, .. } = carry_out(Place::find(globals)?, asked).await? else {
        return Err(local::unexpected());
    };
    reports.iter().for_each(|report| output.report(report));
    Ok(reports.iter().map(exit).fold(Exit::Done, Exit::worse))
}

/// Resets the TLS settings of a target whose certificate has expired.
pub(crate) async fn execute(app: &App, target: &str, request: RecoverRequest) -> Result<Report, Failure> {
    Ok(app.renewals.engine.recover(app.target(target)?, request).await?)
}

/// That TLS waits for the next certificate is what was asked for.
fn exit(report: &Report) -> Exit {
    match report.outcome {
        Some(Outcome::Pending) => Exit::Done,
        outcome => Exit::of(outcome),
    }
}
