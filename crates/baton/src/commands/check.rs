//! `baton check`

use std::sync::Arc;

use baton_target::Target;

use crate::cli::{Check, Globals};
use crate::commands::target;
use crate::failure::{Exit, Failure};
use crate::output::{Output, tell};
use crate::place::Place;
use crate::settings::Settings;
use crate::wiring::App;

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
    let exit = target::check(&app, &targets, output).await;
    app.renewals.engine.state().leave().await;
    exit
}
