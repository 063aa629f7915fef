//! `baton status`

use baton_handover::Status;

use crate::cli::Globals;
use crate::failure::{Exit, Failure};
use crate::output::Output;
use crate::place::Place;
use crate::wiring::App;

pub(crate) async fn run(globals: &Globals, output: Output) -> Result<Exit, Failure> {
    let app = App::open(Place::find_existing(globals)?, None).await?;
    let status = app.renewals.engine.status(&app.subjects()).await;
    app.renewals.engine.state().leave().await;
    let status = status?;
    output.status(&status);
    Ok(exit(&status))
}

/// 10 and 11 tell monitoring systems how urgent it is.
pub(crate) fn exit(status: &Status) -> Exit {
    match status.attention.as_str() {
        "now" => Exit::Now,
        "soon" => Exit::Soon,
        _ => Exit::Done,
    }
}
