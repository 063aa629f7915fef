//! `baton init`: looks for servers, and writes settings for them.

mod show;
mod take_over;

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use baton_detect::Found;
use baton_platform::durable::{self, Attributes};
use baton_store::{SharedStore, WindowsPlace};
use serde::Serialize;
use similar::TextDiff;

use crate::cli::{Globals, Init};
use crate::draft::Draft;
use crate::failure::{Exit, Failure};
use crate::output::{Output, tell};
use crate::place::Place;
use crate::settings::store::StoreChoice;
use crate::settings::{self, FILE, Loaded};

/// What was found and written, as `--json` prints it.
#[derive(Serialize)]
struct InitObject<'a> {
    schema: &'static str,
    outcome: &'static str,
    path: String,
    #[serde(flatten)]
    found: &'a Found,
    /// The whole new file, or what would be added to the one that is there.
    settings: String,
}

pub(crate) async fn run(globals: &Globals, arguments: &Init, output: Output) -> Result<Exit, Failure> {
    for directory in &arguments.directories {
        if !directory.is_dir() {
            return Err(Failure::new(
                Exit::Usage,
                "directory-missing",
                format!("`{}` is no directory", directory.display()),
                "name directories of products, of nginx or of ACME clients",
            ));
        }
    }
    if let Some(renewal) = &arguments.take_over {
        return take_over::run(globals, arguments, renewal, output);
    }
    let path = arguments.write.clone().or(globals.settings.clone()).unwrap_or_else(|| PathBuf::from(FILE));
    let path = std::path::absolute(&path).unwrap_or(path);
    let is_there = path.symlink_metadata().is_ok();
    let known = if is_there {
        Loaded::read(Some(&path)).map_err(|error| Failure::with(Exit::Usage, &error))?
    } else {
        Loaded::default()
    };
    let place = Place::of(globals, known);
    let found = baton_detect::detect(&arguments.directories, store(&place).as_deref()).await;
    let draft = Draft::of(&found, &place.loaded);
    if !output.json {
        show::found(&found, output);
    }
    let (outcome, settings) = if is_there {
        add(&path, &draft, arguments.dry_run, output)?
    } else {
        write(&path, &draft, arguments.dry_run, output)?
    };
    if output.json {
        let path = path.display().to_string();
        let outcome = outcome.name();
        output.object(&InitObject { schema: baton_handover::SCHEMA, outcome, path, found: &found, settings });
    }
    Ok(outcome.exit())
}

/// The store that products take their certificates from: on Windows that of the services, elsewhere the one of settings
/// that are there. None is made.
pub(crate) fn store(place: &Place) -> Option<SharedStore> {
    let choice = if cfg!(windows) {
        StoreChoice::Windows(WindowsPlace::of_services())
    } else {
        settings::store::own(&place.loaded).ok()?
    };
    place.existing_store(&choice).ok()
}

/// What became of the settings.
#[derive(Clone, Copy, PartialEq, Eq)]
enum WriteOutcome {
    /// The file was made.
    Written,
    /// It would be made, or something would be added.
    Planned,
    /// All that was found is in it already.
    Unchanged,
    /// There is a file, and it lacks something.
    Refused,
}

impl WriteOutcome {
    fn name(self) -> &'static str {
        match self {
            Self::Written => "written",
            Self::Planned => "planned",
            Self::Unchanged => "unchanged",
            Self::Refused => "refused",
        }
    }

    fn exit(self) -> Exit {
        if self == Self::Refused { Exit::Refused } else { Exit::Done }
    }
}

fn write(
    path: &Path,
    draft: &Draft,
    is_dry_run: bool,
    output: Output,
) -> Result<(WriteOutcome, String), Failure> {
    let text = draft.file(path);
    sound(path, &text)?;
    if is_dry_run {
        if !output.json {
            output.line(&format!("\n{} would be:\n\n{text}", path.display()));
        }
        return Ok((WriteOutcome::Planned, text));
    }
    durable::create(path, text.as_bytes(), Attributes::public_file()).map_err(|error| {
        let hint = match error.kind() {
            ErrorKind::AlreadyExists => "run the command again: it shows what it would add",
            ErrorKind::NotFound => "make the directory first, or name another file with --write",
            _ => "name another file with --write",
        };
        Failure::new(Exit::Refused, "settings-not-writable", error.to_string(), hint)
    })?;
    let (all, live) = (draft.targets.len(), draft.live());
    tell(&format!("\nwrote {}: {all} targets, {live} ready to use", path.display()));
    tell(if live < all {
        "read what it says of the others, then run `baton check`"
    } else {
        "now: `baton check`"
    });
    Ok((WriteOutcome::Written, text))
}

/// A file that is there belongs to the person who wrote it.
fn add(
    path: &Path,
    draft: &Draft,
    is_dry_run: bool,
    output: Output,
) -> Result<(WriteOutcome, String), Failure> {
    if draft.targets.is_empty() {
        tell(&format!("\n{} has all that was found", path.display()));
        return Ok((WriteOutcome::Unchanged, String::new()));
    }
    let before = fs_err::read_to_string(path).map_err(|error| {
        Failure::new(Exit::Usage, "settings-unreadable", error.to_string(), "name another file with --write")
    })?;
    let added = draft.targets();
    let line_end = if before.is_empty() || before.ends_with('\n') { "" } else { "\n" };
    let after = format!("{before}{line_end}{added}");
    sound(path, &after)?;
    if !output.json {
        let name = path.display().to_string();
        let diff = TextDiff::from_lines(before.as_str(), &after);
        output.line(&format!("\n{}", diff.unified_diff().context_radius(2).header(&name, &name)));
    }
    if is_dry_run {
        return Ok((WriteOutcome::Planned, added));
    }
    tell(&format!("error: {} is there, and is not changed [settings-exist]", path.display()));
    tell("  hint: add what you want of this by hand, or write another file with --write");
    Ok((WriteOutcome::Refused, added))
}

/// What is written can always be read back.
pub(crate) fn sound(path: &Path, text: &str) -> Result<(), Failure> {
    Draft::check(path, text).map_err(|reason| {
        Failure::new(
            Exit::Failed,
            "settings-wrong",
            format!("what was found cannot be written as settings: {reason}"),
            "write the settings by hand: docs/settings.md; nothing was written",
        )
    })
}
