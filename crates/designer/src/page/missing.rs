//! There is no such page.

use askama::Template;

use crate::language::Language;

/// There is no such page.
#[derive(Template)]
#[template(path = "missing.html")]
pub(crate) struct MissingPage {
    t: Language,
    here: &'static str,
}

impl MissingPage {
    pub(crate) fn new(t: Language) -> Self {
        Self { t, here: "" }
    }
}
