//! `baton guide`

use std::io::IsTerminal as _;

use crate::cli::{Globals, Guide};
use crate::failure::{Exit, Failure};
use crate::guide::{Facts, for_terminal, render};
use crate::output::Output;
use crate::place::Place;
use crate::wiring::App;

pub(crate) async fn run(globals: &Globals, arguments: &Guide, output: Output) -> Result<Exit, Failure> {
    let facts = match (&arguments.target, arguments.product) {
        (Some(target), _) => of_target(globals, target).await?,
        (None, Some(product)) => Facts::of_product(product),
        (None, None) => {
            return Err(Failure::new(
                Exit::Usage,
                "target-unclear",
                "there is no target to tell about",
                "name one of the settings, or a product with --product",
            ));
        }
    };
    if output.json {
        output.object(&facts);
        return Ok(Exit::Done);
    }
    let article = render(&facts)?;
    if arguments.markdown || !std::io::stdout().is_terminal() {
        output.line(&article);
    } else {
        output.line(&for_terminal(&article));
    }
    Ok(Exit::Done)
}

async fn of_target(globals: &Globals, name: &str) -> Result<Facts, Failure> {
    let app = App::open(Place::find(globals)?, None).await?;
    let facts = match app.target(name) {
        Ok(target) => Ok(Facts::of_target(&app, target).await),
        Err(failure) => Err(failure),
    };
    app.renewals.engine.state().leave().await;
    facts
}
