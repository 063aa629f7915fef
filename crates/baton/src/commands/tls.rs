//! `baton tls`

use baton_handover::{RecoverRequest, Report, Reset};

use crate::cli::{Globals, TlsCommand};
use crate::commands::recover;
use crate::commands::request::carry_out;
use crate::failure::{Exit, Failure};
use crate::local::{self, Answer, Request};
use crate::output::Output;
use crate::place::Place;
use crate::wiring::App;

pub(crate) async fn run(globals: &Globals, command: &TlsCommand, output: Output) -> Result<Exit, Failure> {
    match command {
        TlsCommand::Off(arguments) => {
            let request = RecoverRequest {
                reset: Reset::SwitchOff,
                open: arguments.open,
                even_though_valid: true,
                dry_run: arguments.dry_run,
            };
            recover::ask(globals, &arguments.target, request, output).await
        }
        TlsCommand::On { target, dry_run } => {
            let asked = Request::TlsOn { target: target.clone(), dry_run: *dry_run };
            let Answer::Reports { reports, .. } = carry_out(Place::find(globals)?, asked).await? else {
                return Err(local::unexpected());
            };
            reports.iter().for_each(|report| output.report(report));
            Ok(reports.iter().map(|report| Exit::of(report.outcome)).fold(Exit::Done, Exit::worse))
        }
    }
}

/// Switches TLS on again.
pub(crate) async fn execute(app: &App, target: &str, dry_run: bool) -> Result<Report, Failure> {
    Ok(app.renewals.engine.switch_tls_on(app.target(target)?, dry_run).await?)
}
