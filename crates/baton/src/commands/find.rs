//! `baton find`

use baton_x509::Thumbprint;

use crate::cli::Globals;
use crate::failure::{Exit, Failure};
use crate::output::{Output, finding_lines};
use crate::place::Place;
use crate::wiring::App;

pub(crate) async fn run(globals: &Globals, thumbprint: &str, output: Output) -> Result<Exit, Failure> {
    let thumbprint: Thumbprint = thumbprint.parse().map_err(|error| Failure::with(Exit::Usage, &error))?;
    let app = App::open(Place::find(globals)?, None).await?;
    let engine = &app.renewals.engine;
    for target in app.targets_of_settings() {
        engine.observe(target).await?;
    }
    let search = engine.find(thumbprint, app.renewals.places()).await;
    engine.state().leave().await;
    let search = search?;
    if output.json {
        output.object(&search);
        return Ok(Exit::Done);
    }
    for place in &search.places {
        let target = place.target.as_ref().map(|target| format!("{target}: ")).unwrap_or_default();
        output.line(&format!("{target}{} {}", place.kind, place.place));
    }
    search.findings.iter().flat_map(finding_lines).for_each(|line| output.line(&line));
    if search.places.is_empty() && search.findings.is_empty() {
        output.line(&format!(
            "{thumbprint} is nowhere: no target names it, no endpoint serves it, no store holds it"
        ));
    }
    Ok(Exit::Done)
}
