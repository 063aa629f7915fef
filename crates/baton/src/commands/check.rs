//! `baton check`

use std::sync::Arc;

use baton_finding::Finding;
use baton_target::Target;
use serde::Serialize;

use crate::cli::{Check, Globals};
use crate::commands::target;
use crate::failure::{Exit, Failure};
use crate::output::{Output, finding_lines, tell};
use crate::place::Place;
use crate::settings::Settings;
use crate::wiring::App;

/// An issuer that cannot be asked, as `--json` prints it.
#[derive(Serialize)]
struct IssuerObject<'a> {
    schema: &'static str,
    issuer: &'a str,
    findings: [Finding; 1],
}

pub(crate) async fn run(globals: &Globals, arguments: &Check, output: Output) -> Result<Exit, Failure> {
    if arguments.schema {
        let schema = schemars::schema_for!(Settings);
        output.line(&serde_json::to_string_pretty(&schema).unwrap_or_default());
        return Ok(Exit::Done);
    }
    let place = Place::find(globals)?;
    match &place.loaded.path {
        Some(path) => tell(&format!("settings: {}", path.display())),
        None => tell("settings: none, the defaults hold"),
    }
    let app = App::open(place, None).await?;
    tell(&format!("data directory: {}", app.place.data.display()));
    tell(&format!("store: {}", app.renewals.store.location()));
    let targets: Vec<&Arc<Target>> = app.targets_of_settings().collect();
    let exit =
        target::check(&app, &targets, output).await.map(|exit| exit.worse(check_issuers(&app, output)));
    app.renewals.engine.state().leave().await;
    exit
}

/// Tells of the issuers that could not be asked; the others are not asked either.
fn check_issuers(app: &App, output: Output) -> Exit {
    let mut exit = Exit::Done;
    for (issuer, finding) in app.issuers.iter().filter_map(|(name, issuer)| Some((name, issuer.check()?))) {
        exit = Exit::Refused;
        if output.json {
            output.object(&IssuerObject { schema: baton_handover::SCHEMA, issuer, findings: [finding] });
        } else {
            output.line(&format!("issuer {issuer}: refused"));
            finding_lines(&finding).iter().for_each(|line| output.line(line));
        }
    }
    exit
}
