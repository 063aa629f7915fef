//! Programs of the system that Baton calls.

use baton_platform::command;

use super::super::bench::Bench;
use super::super::line::{Line, Proven, ensure};

pub(super) fn line() -> Line {
    Line::new("certreq", certreq).not_under_wine("Wine has no certreq")
}

/// What asks Active Directory Certificate Services is there. Whether a CA answers is for the CA of the settings to say.
fn certreq(_bench: &Bench) -> Proven {
    ensure(command::find("certreq").is_some(), || "certreq.exe is nowhere in the search path".to_owned())?;
    Ok("it is there; no CA was asked".to_owned())
}
