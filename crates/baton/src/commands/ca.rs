//! `baton ca`

use baton_issuer::InternalAuthority;
use baton_platform::clock;

use crate::cli::{Ca, Globals};
use crate::failure::{Exit, Failure};
use crate::output::Output;
use crate::place::Place;

pub(crate) fn run(globals: &Globals, command: &Ca, output: Output) -> Result<Exit, Failure> {
    let Ca::Root { issuer } = command;
    let place = Place::find_existing(globals)?;
    let known = place.authorities();
    let hint = || format!("name one with --issuer; there are: {}", known.join(", "));
    let name = match (issuer, known.as_slice()) {
        (Some(issuer), known) if known.contains(issuer) => issuer,
        (Some(issuer), _) => {
            let message = format!("there is no internal CA named {issuer:?}");
            return Err(Failure::new(Exit::Usage, "issuer-unknown", message, hint()));
        }
        (None, [only]) => only,
        (None, []) => {
            return Err(Failure::new(
                Exit::Usage,
                "issuer-unknown",
                format!("there is no internal CA in `{}` yet", place.data.display()),
                "`baton up` makes it",
            ));
        }
        (None, _) => {
            let message = "there are several internal CAs";
            return Err(Failure::new(Exit::Usage, "issuer-unknown", message, hint()));
        }
    };
    let authority = InternalAuthority::open(&place.authority(name), "", &[], clock::now())?;
    output.line(&authority.root().to_pem());
    Ok(Exit::Done)
}
