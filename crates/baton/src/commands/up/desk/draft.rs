//! What `baton init` finds, for those who begin without settings.

use std::path::{Path, PathBuf};

use baton_designer::{FoundServer, Problem, SettingsDraft};
use baton_platform::durable::{self, Attributes};

use super::file::fingerprint;
use crate::commands::init;
use crate::commands::up::pages::problem;
use crate::draft::text::one_line;
use crate::draft::{Draft, DraftTarget};
use crate::failure::{Exit, Failure};
use crate::place::Place;
use crate::settings::{FILE, Loaded};

/// A draft that was shown, and is written as it was shown.
pub(super) struct Shown {
    path: PathBuf,
    text: String,
    fingerprint: String,
}

/// Looks at this machine.
pub(super) async fn draft(place: &Place) -> Result<(SettingsDraft, Shown), Problem> {
    let path = std::path::absolute(FILE).unwrap_or_else(|_| PathBuf::from(FILE));
    refuse_existing(&path)?;
    let found = baton_detect::detect(&[], init::store(place).as_deref()).await;
    let draft = Draft::of(&found, &Loaded::default());
    let text = draft.file(&path);
    init::sound(&path, &text).map_err(problem)?;
    let shown = Shown { fingerprint: fingerprint(&text), path, text };
    let draft = SettingsDraft {
        path: shown.path.display().to_string(),
        text: shown.text.clone(),
        fingerprint: shown.fingerprint.clone(),
        servers: draft.targets.iter().map(server).collect(),
        findings: found.findings,
    };
    Ok((draft, shown))
}

fn server(target: &DraftTarget) -> FoundServer {
    let mut notes = target.notes.iter().map(|note| one_line(note));
    FoundServer {
        title: notes.next().unwrap_or_else(|| target.name.clone()),
        notes: notes.collect(),
        reasons: target.reasons.iter().map(|reason| one_line(reason)).collect(),
    }
}

/// Makes the file; one that is there stays.
pub(super) fn write(shown: Option<&Shown>, fingerprint: &str) -> Result<(PathBuf, String), Problem> {
    let unknown = || {
        let hint = "look at what is found once more, and write that";
        problem(Failure::new(
            Exit::Refused,
            "draft-unknown",
            "this is not the draft that was shown last",
            hint,
        ))
    };
    let Shown { path, text, .. } =
        shown.filter(|shown| shown.fingerprint == fingerprint).ok_or_else(unknown)?;
    refuse_existing(path)?;
    durable::create(path, text.as_bytes(), Attributes::public_file()).map_err(|error| {
        let hint = "see that this account may write there, or write it on the machine: `baton init`";
        problem(Failure::new(Exit::Failed, "settings-not-writable", error.to_string(), hint))
    })?;
    Ok((path.clone(), text.clone()))
}

fn refuse_existing(path: &Path) -> Result<(), Problem> {
    if path.symlink_metadata().is_err() {
        return Ok(());
    }
    Err(exists(path))
}

pub(super) fn exists(path: &Path) -> Problem {
    let message = format!("there are settings already, in `{}`", path.display());
    problem(Failure::new(
        Exit::Refused,
        "settings-exist",
        message,
        "change those: they are never written over",
    ))
}
