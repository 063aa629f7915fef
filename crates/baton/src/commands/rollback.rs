//! `baton rollback`

use baton_handover::{Purpose, Report, Request as HandoverRequest};
use baton_platform::clock;
use baton_state::{HandoverId, Outcome};

use crate::cli::{Globals, Rollback};
use crate::commands::history;
use crate::commands::request::carry_out;
use crate::failure::{Exit, Failure};
use crate::local::{self, Answer, Request};
use crate::output::Output;
use crate::place::Place;
use crate::wiring::App;

pub(crate) async fn run(globals: &Globals, arguments: &Rollback, output: Output) -> Result<Exit, Failure> {
    let place = Place::find_existing(globals)?;
    let request = Request::Rollback { id: arguments.id, dry_run: arguments.dry_run };
    let Answer::Reports { reports, .. } = carry_out(place, request).await? else {
        return Err(local::unexpected());
    };
    reports.iter().for_each(|report| output.report(report));
    Ok(reports.iter().map(|report| Exit::of(report.outcome)).fold(Exit::Done, Exit::worse))
}

/// Hands the target of a handover over to the certificate before.
pub(crate) async fn execute(app: &App, id: Option<i64>, dry_run: bool) -> Result<Report, Failure> {
    let engine = &app.renewals.engine;
    let handover = match id {
        Some(id) => history::handover(engine.state(), HandoverId(id)).await?,
        None => engine.state().last_served().await?.ok_or_else(|| {
            Failure::new(
                Exit::Refused,
                "nothing-to-roll-back",
                "no handover was ever served",
                "`baton history` shows the handovers",
            )
        })?,
    };
    let begun = &handover.begun;
    let target = &engine.part_of(&handover, app.target(&begun.target)?)?;
    let certificate = begun.certificate.as_deref();
    let previous = match engine.previous(&handover, target, app.renewals.store.as_ref()) {
        Ok(previous) => previous,
        Err(finding) => {
            let mut report =
                Report::without_handover("", &target.name, Outcome::Refused, vec![finding], clock::now());
            report.certificate = begun.certificate.clone();
            return Ok(report);
        }
    };
    let request = HandoverRequest {
        certificate,
        target,
        successor: &previous,
        old: Some(begun.new),
        purpose: Purpose::Swap,
        enable_tls: false,
        protocol: None,
        guarded: false,
        dry_run,
    };
    let report = engine.hand_over(&request).await?;
    app.renewals.adopt_swapped(std::slice::from_ref(&report)).await?;
    Ok(report)
}
