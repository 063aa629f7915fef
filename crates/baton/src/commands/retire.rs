//! `baton retire`

use baton_handover::{Kept, Retired, SCHEMA};
use serde::Serialize;

use crate::cli::{Globals, Retire};
use crate::commands::request::carry_out;
use crate::failure::{Exit, Failure};
use crate::local::{self, Answer, Request};
use crate::output::Output;
use crate::place::Place;
use crate::wiring::App;

/// What `--json` prints.
#[derive(Serialize)]
struct RetireObject {
    schema: &'static str,
    dry_run: bool,
    retired: Vec<Retired>,
    kept: Vec<Kept>,
}

pub(crate) async fn run(globals: &Globals, arguments: &Retire, output: Output) -> Result<Exit, Failure> {
    let place = Place::find_existing(globals)?;
    let (foreign, dry_run) = (arguments.foreign, arguments.dry_run);
    let Answer::Retired { retired, kept } = carry_out(place, Request::Retire { foreign, dry_run }).await?
    else {
        return Err(local::unexpected());
    };
    if output.json {
        output.object(&RetireObject { schema: SCHEMA, dry_run, retired, kept });
        return Ok(Exit::Done);
    }
    let would = if dry_run { "would be " } else { "" };
    for Retired { thumbprint, target, deleted } in &retired {
        let done = if *deleted { "deleted for good" } else { "put into the trash, with its key" };
        output.line(&format!("{thumbprint} ({target}) {would}{done}"));
    }
    for Kept { thumbprint, target, reason, .. } in &kept {
        output.line(&format!("{thumbprint} ({target}) stays: {reason}"));
    }
    if retired.is_empty() && kept.is_empty() {
        output.line("no certificate waits to be retired");
    }
    Ok(Exit::Done)
}

/// Looks at every endpoint, then retires what is due and not in use.
pub(crate) async fn execute(
    app: &App,
    foreign: bool,
    dry_run: bool,
) -> Result<(Vec<Retired>, Vec<Kept>), Failure> {
    let engine = &app.renewals.engine;
    for target in app.targets_of_settings() {
        engine.observe(target).await?;
    }
    Ok(engine.retire_due(app.renewals.places(), foreign, dry_run).await?)
}
