//! The first page where there are no settings: what was found, and the file that would be written.

use askama::Template;

use super::super::prose::Trouble;
use crate::language::Language;
use crate::settings::{FoundServer, SettingsDraft};

/// What was found on this machine.
#[derive(Template)]
#[template(path = "first_run.html")]
pub(crate) struct DraftPage {
    t: Language,
    here: &'static str,
    path: String,
    text: String,
    fingerprint: String,
    servers: Vec<FoundServer>,
    troubles: Vec<Trouble>,
}

impl DraftPage {
    pub(crate) fn new(draft: SettingsDraft, t: Language) -> Self {
        Self {
            t,
            here: "/settings",
            troubles: Trouble::all(&draft.findings),
            path: draft.path,
            text: draft.text,
            fingerprint: draft.fingerprint,
            servers: draft.servers,
        }
    }
}
