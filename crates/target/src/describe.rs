//! What actions would do, for people who want to see it first.

use std::fmt;
use std::path::Path;

use baton_platform::durable::Attributes;
use baton_textedit::{Encoding, Patch};
use fs_err as fs;
use similar::TextDiff;

use crate::action::{Action, Before, CERTIFICATE, KEY};
use crate::image::FileImage;

/// Lines of context around a change.
const CONTEXT: usize = 2;

impl Action {
    /// What it would do now: files with their owners and modes, edits as unified diffs.
    pub fn describe(&self) -> String {
        match self {
            Self::MakeVersion { path, certificate_like, key_like } => {
                format!(
                    "{self}\n  {CERTIFICATE}: {}\n  {KEY}: {}",
                    permissions(certificate_like, Attributes::public_file()),
                    permissions(key_like, Attributes::private_file())
                ) + &format!(
                    "\n  directory: {}",
                    permissions(path.parent().unwrap_or(path), Attributes::private_directory())
                )
            }
            Self::Link { before, .. } | Self::Place { before, .. } => match before {
                Before::Absent => format!("{self} (nothing is there now)"),
                Before::Link(to) => format!("{self} (a link to `{}` now)", to.display()),
                Before::File(_) => format!("{self} (a file now; it is kept)"),
            },
            Self::Edit { path, patch, .. } => match diff(path, patch) {
                Some(diff) => format!(
                    "edit `{}`, {}\n{diff}",
                    path.display(),
                    permissions(path, Attributes::public_file())
                ),
                None => self.to_string(),
            },
            // What is set aside and what comes back as a whole is not shown: it may be access control.
            Self::SetFile { after: None, .. } | Self::SetFile { before: None, .. } => self.to_string(),
            Self::SetFile { path, .. } if path.ends_with("permission.json") => self.to_string(),
            Self::SetFile { path, before, after } => {
                let text = |image: &Option<FileImage>| image.as_ref().map(|image| image.content().to_vec());
                let diff =
                    text_diff(path, &text(before).unwrap_or_default(), &text(after).unwrap_or_default());
                diff.map_or_else(|| self.to_string(), |diff| format!("{self}\n{diff}"))
            }
            Self::CloseDoor { .. }
            | Self::PutBack { .. }
            | Self::Import { .. }
            | Self::GrantKey { .. }
            | Self::MakeDirectory { .. }
            | Self::KeepOriginal { .. }
            | Self::ConfigTest { .. } => self.to_string(),
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Import { thumbprint } => write!(f, "put {thumbprint} with its key into the target's store"),
            Self::GrantKey { thumbprint, account, .. } => {
                write!(f, "let the account `{}` use the private key of {thumbprint}", account.name)
            }
            Self::MakeDirectory { path, .. } => write!(f, "make the directory `{}`", path.display()),
            Self::MakeVersion { path, .. } => write!(f, "write certificate and key to `{}`", path.display()),
            Self::KeepOriginal { path, .. } => {
                write!(f, "keep the files as they are now in `{}`", path.display())
            }
            Self::Link { path, to, .. } => write!(f, "link `{}` to `{}`", path.display(), to.display()),
            Self::Place { path, from, .. } => {
                write!(f, "replace `{}` by `{}`", path.display(), from.display())
            }
            Self::ConfigTest { argv, .. } => write!(f, "run `{}` on the staged files", argv.join(" ")),
            Self::SetFile { path, after: None, .. } => write!(f, "set `{}` aside", path.display()),
            Self::SetFile { path, .. } => write!(f, "write `{}`", path.display()),
            Self::PutBack { path, .. } => write!(f, "put `{}` back as it was", path.display()),
            Self::CloseDoor { ports, .. } => write!(f, "close the ports {ports:?} to the outside"),
            Self::Edit { path, changes, .. } => {
                write!(f, "edit `{}`", path.display())?;
                changes.iter().try_for_each(|change| write!(f, "\n  {change}"))
            }
        }
    }
}

/// A unified diff of what a patch changes; `None` when the file is no text, or not as it was.
fn diff(path: &Path, patch: &Patch) -> Option<String> {
    let before = fs::read(path).ok()?;
    let after = patch.apply(&before).ok()?;
    text_diff(path, &before, &after)
}

fn text_diff(path: &Path, before: &[u8], after: &[u8]) -> Option<String> {
    let (_, before) = Encoding::decode(before).ok()?;
    let (_, after) = Encoding::decode(after).ok()?;
    let name = path.display().to_string();
    let diff = TextDiff::from_lines(&before, &after);
    let text = diff
        .unified_diff()
        .context_radius(CONTEXT)
        .missing_newline_hint(false)
        .header(&name, &name)
        .to_string();
    // Line ends of the file would garble a terminal.
    Some(text.replace('\r', "").trim_end().to_owned())
}

/// Those of a file that exists, or the running account's own.
fn permissions(like: &Path, new: Attributes) -> String {
    match Attributes::of(like) {
        Ok(attributes) => format!("{attributes} (as now)"),
        Err(_) => format!("{new} (new)"),
    }
}
