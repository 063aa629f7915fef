//! The settings file, read as a whole: as settings, as text with places, and as bytes that are written back.

use std::path::{Path, PathBuf};

use baton_designer::Problem;
use baton_platform::durable::{self, Attributes};
use baton_textedit::{Patch, TomlDocument};
use baton_x509::Fingerprint;
use fs_err as fs;

use super::shown::not_editable;
use crate::commands::up::pages::problem;
use crate::failure::{Exit, Failure};
use crate::settings::Loaded;

/// A file that can be read as settings.
pub(super) struct SettingsFile {
    /// As it was named.
    pub(super) path: PathBuf,
    pub(super) fingerprint: String,
    pub(super) document: TomlDocument,
    pub(super) loaded: Loaded,
}

/// What stands in a file, and what that is known by.
pub(super) struct Content {
    pub(super) text: String,
    pub(super) fingerprint: String,
}

impl Content {
    pub(super) fn read(path: &Path) -> Result<Self, Problem> {
        let text = fs::read_to_string(path).map_err(|error| {
            let hint =
                "see that the file is there, that it is text in UTF-8, and that this account may read it";
            problem(Failure::new(Exit::Failed, "settings-not_editable", error.to_string(), hint))
        })?;
        Ok(Self { fingerprint: fingerprint(&text), text })
    }
}

impl SettingsFile {
    pub(super) fn of(path: &Path, content: Content) -> Result<Self, Problem> {
        let Content { text, fingerprint } = content;
        let loaded = Loaded::of_text(path.to_owned(), text)
            .map_err(|error| problem(Failure::with(Exit::Usage, &error)))?;
        let document = TomlDocument::parse(loaded.text.as_bytes()).map_err(|error| not_editable(&error))?;
        Ok(Self { path: path.to_owned(), fingerprint, document, loaded })
    }

    /// The text with a patch.
    pub(super) fn patched(&self, patch: &Patch) -> Result<String, Problem> {
        let after = patch.apply(self.loaded.text.as_bytes()).map_err(|error| not_editable(&error))?;
        Ok(String::from_utf8_lossy(&after).into_owned())
    }

    /// Replaces the file, links followed; owner, mode and the other attributes stay.
    pub(super) fn write(&self, text: &str) -> Result<(), Problem> {
        let written = fs::canonicalize(&self.path).and_then(|path| {
            let attributes = Attributes::of(&path)?;
            durable::replace(&path, text.as_bytes(), attributes)
        });
        written.map_err(|error| {
            let hint = "see that this account may write the file and its directory; the file is as it was";
            problem(Failure::new(Exit::Failed, "settings-not-writable", error.to_string(), hint))
        })
    }
}

/// SHA-256.
pub(super) fn fingerprint(text: &str) -> String {
    Fingerprint::of(text.as_bytes()).to_string()
}
