//! What a handover does to a target, as data: journaled before it is done, repeatable, and undoable.
//!
//! Each action is idempotent both ways: doing it again, or undoing what was never done, changes nothing. So
//! after a crash it does not matter how far a list of them had come.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use baton_finding::{Explain, Finding, Retry};
use baton_platform::access_list::{AccessList, Account};
use baton_platform::command::{Command, CommandError};
use baton_platform::door::{Door, DoorError, Doorkeeper};
use baton_platform::durable::{self, Attributes};
use baton_store::{Imported, Store, StoreError};
use baton_textedit::{ConflictError, Patch};
use baton_x509::{Certificate, Fingerprint, Thumbprint};
use fs_err as fs;
use serde::{Deserialize, Serialize};

use crate::image::FileImage;
use crate::key_access;

/// The certificate file of a version directory.
pub(crate) const CERTIFICATE: &str = "certificate.pem";
/// The key file of a version directory.
pub(crate) const KEY: &str = "key.pem";

/// One thing that is done to a target.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "kebab-case")]
pub enum Action {
    /// Puts the successor into the target's store.
    Import {
        /// The successor.
        thumbprint: Thumbprint,
    },
    /// Lets the account of the target's service use the successor's key.
    GrantKey {
        /// The successor.
        thumbprint: Thumbprint,
        /// The certificate whose key's access list it gets too.
        like: Option<Thumbprint>,
        /// The account.
        account: Account,
        /// Who might use the key before; `None` for one that comes with the handover.
        before: Option<AccessList>,
    },
    /// Makes a directory.
    MakeDirectory {
        /// The directory.
        path: PathBuf,
        /// Owner and mode are those of this one.
        like: PathBuf,
    },
    /// Makes a version directory with the successor's files.
    MakeVersion {
        /// The directory.
        path: PathBuf,
        /// Owner and mode of the certificate file are those of this one, where it exists.
        certificate_like: PathBuf,
        /// Owner and mode of the key file are those of this one, where it exists.
        key_like: PathBuf,
    },
    /// Makes a version directory that keeps the files as they were found.
    KeepOriginal {
        /// The directory.
        path: PathBuf,
        /// The certificate file as it was found.
        certificate: PathBuf,
        /// The key file as it was found.
        key: PathBuf,
    },
    /// Makes a path a symbolic link.
    Link {
        /// The path.
        path: PathBuf,
        /// Where it leads from now on.
        to: PathBuf,
        /// What it was.
        before: Before,
    },
    /// Makes a file another name of one that stays; where that is not possible, a copy of it.
    Place {
        /// The file that is replaced.
        path: PathBuf,
        /// That one.
        from: PathBuf,
        /// What it was; never a link.
        before: Before,
    },
    /// Lets the server test its configuration with the staged files in place of the live ones.
    ConfigTest {
        /// The command; `{certificate}` and `{key}` stand for the staged files.
        argv: Vec<String>,
        /// How long it may run.
        time_limit: Duration,
        /// The staged certificate file, and where the server looks for it.
        certificate: (PathBuf, PathBuf),
        /// The staged key file, and where the server looks for it.
        key: (PathBuf, PathBuf),
    },
    /// Edits a settings file.
    Edit {
        /// The file itself, links followed.
        path: PathBuf,
        /// Digest of the whole file before.
        before: Fingerprint,
        /// Digest of the whole file after.
        after: Fingerprint,
        /// The bytes that change.
        patch: Patch,
        /// What changes, for people: `/certificate/thumbprint: old → new`.
        changes: Vec<String>,
    },
    /// Makes a settings file another one, or takes it away, or puts it back.
    SetFile {
        /// The file itself, links followed.
        path: PathBuf,
        /// What it is before; `None` for no file.
        before: Option<FileImage>,
        /// What it is after; `None` for no file.
        after: Option<FileImage>,
    },
    /// Puts a settings file back that was set aside or changed for a while, whatever the server has made in its
    /// place meanwhile. It has no way back: what comes before it is its state.
    PutBack {
        /// The file itself, links followed.
        path: PathBuf,
        /// What it is to be again.
        image: FileImage,
        /// What it was changed to meanwhile; `None` for no file.
        meanwhile: Option<FileImage>,
    },
    /// Closes ports to the outside; its undo opens them.
    CloseDoor {
        /// Whose ports they are.
        name: String,
        /// TCP ports.
        ports: Vec<u16>,
    },
}

/// What a path was before it became a link.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Before {
    /// Nothing.
    Absent,
    /// A link to there.
    Link(PathBuf),
    /// A file, kept under this path.
    File(PathBuf),
}

/// What actions work with.
#[derive(Debug, Clone, Copy)]
pub struct ActionContext<'a> {
    /// The target's store.
    pub store: &'a dyn Store,
    /// How ports are closed to the outside.
    pub doors: &'a Doorkeeper,
    /// The successor with its key; absent when an old plan is undone and the successor is gone.
    pub successor: Option<&'a Certificate>,
}

/// What an action has to tell.
#[derive(Debug, Default)]
pub struct ActionReport {
    /// Output of commands.
    pub output: String,
    /// What it found.
    pub findings: Vec<Finding>,
}

/// An action cannot be done or undone.
#[derive(Debug, thiserror::Error)]
pub enum ActionError {
    /// The file system refused.
    #[error("failed to {0}")]
    Io(String, #[source] std::io::Error),
    /// The store refused.
    #[error("the certificate cannot be put into the target's store")]
    Store(#[source] StoreError),
    /// The successor, or its key, is not at hand.
    #[error("the certificate {0} is not at hand with its private key")]
    NoSuccessor(String),
    /// The right was given, and is not there.
    #[error(
        "the account `{account}` cannot use the private key of {thumbprint}, although it was given the right to"
    )]
    KeyNotReadable {
        /// The successor.
        thumbprint: Thumbprint,
        /// The account of the service.
        account: String,
    },
    /// The server's own test of its configuration failed.
    #[error("the server refuses the staged certificate")]
    ConfigTest(#[source] CommandError),
    /// A settings file is neither as it was nor as it should be.
    #[error("`{}` was changed by someone else meanwhile", .0.display())]
    Changed(PathBuf),
    /// The ports of a target cannot be closed or opened.
    #[error(transparent)]
    Door(#[from] DoorError),
    /// The journaled edit does not fit the file.
    #[error("the edit does not fit `{}`", .0.display())]
    Conflict(PathBuf, #[source] ConflictError),
}

impl Explain for ActionError {
    fn code(&self) -> &'static str {
        match self {
            Self::Io(..) => "target-not-writable",
            Self::Store(error) => error.code(),
            Self::Door(error) => error.code(),
            Self::NoSuccessor(_) => "key-missing",
            Self::KeyNotReadable { .. } => "key-not-readable",
            Self::ConfigTest(_) => "config-test-failed",
            Self::Changed(_) | Self::Conflict(..) => "settings-changed",
        }
    }

    fn retry(&self) -> Retry {
        Retry::Backoff
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Io(_, error) if error.kind() == std::io::ErrorKind::PermissionDenied => {
                Some("run Baton as an account that may write there".to_owned())
            }
            Self::Io(..) => Some("see that the disk is writable and has room".to_owned()),
            Self::Store(error) => error.hint(),
            Self::Door(error) => error.hint(),
            Self::NoSuccessor(_) => {
                Some("import the certificate with its key into the store again".to_owned())
            }
            Self::KeyNotReadable { thumbprint, .. } => Some(format!(
                "an entry that denies goes before it: `baton store permissions {thumbprint}` shows them all"
            )),
            Self::ConfigTest(error) => error.hint(),
            Self::Changed(_) | Self::Conflict(..) => {
                Some("run the command again: it starts from the file as it is now".to_owned())
            }
        }
    }
}

impl ActionError {
    /// Whether it was refused before anything was touched.
    pub fn is_before_touching(&self) -> bool {
        matches!(self, Self::Changed(_) | Self::Conflict(..))
    }
}

impl Action {
    /// Does it; doing it again changes nothing.
    pub async fn apply(&self, context: ActionContext<'_>) -> Result<ActionReport, ActionError> {
        match self {
            Self::Import { thumbprint } => {
                let successor =
                    context.successor.ok_or_else(|| ActionError::NoSuccessor(thumbprint.to_string()))?;
                match context.store.import(successor).map_err(ActionError::Store)? {
                    Imported::Added | Imported::KeyAdded | Imported::Present => {}
                }
            }
            Self::GrantKey { thumbprint, like, account, .. } => {
                key_access::grant(context.store, *thumbprint, *like, account)?;
            }
            Self::MakeDirectory { path, like } => {
                if !path.is_dir() {
                    let make = || durable::create_directory_with(path, Attributes::of(like)?, &[]);
                    make().map_err(failed("make", path))?;
                }
            }
            Self::MakeVersion { path, certificate_like, key_like } => {
                if !path.is_dir() {
                    let successor = context.successor;
                    let missing = || ActionError::NoSuccessor(path.display().to_string());
                    let successor = successor.ok_or_else(missing)?;
                    make_version(path, successor, certificate_like, key_like)?;
                }
            }
            Self::KeepOriginal { path, certificate, key } => {
                if !path.is_dir() {
                    let originals: Vec<(&OsStr, &Path)> =
                        [(OsStr::new(CERTIFICATE), certificate.as_path()), (OsStr::new(KEY), key.as_path())]
                            .into_iter()
                            .filter(|(_, original)| original.exists())
                            .collect();
                    let like = path.parent().unwrap_or(path);
                    let keep = || durable::create_directory_of(path, Attributes::of(like)?, &originals);
                    keep().map_err(failed("keep the original files in", path))?;
                }
            }
            Self::Link { path, to, .. } => {
                if !leads_to(path, to) {
                    durable::replace_with_link(path, to).map_err(failed("link", path))?;
                }
            }
            Self::Place { path, from, .. } => {
                if !is_same(path, from) {
                    durable::put_back(path, from).map_err(failed("write", path))?;
                }
            }
            Self::ConfigTest { argv, time_limit, certificate, key } => {
                return config_test(argv, *time_limit, certificate, key).await;
            }
            Self::Edit { path, before, after, patch, .. } => edit(path, *before, *after, patch)?,
            Self::SetFile { path, before, after } => {
                set_file(path, before.as_ref(), after.as_ref(), Direction::Forward)?
            }
            Self::PutBack { path, image, meanwhile } => put_back(path, image, meanwhile.as_ref())?,
            Self::CloseDoor { name, ports } => Door { keeper: context.doors, name, ports }.close().await?,
        }
        Ok(ActionReport::default())
    }

    /// Undoes it; undoing what was never done changes nothing.
    pub async fn undo(&self, context: ActionContext<'_>) -> Result<(), ActionError> {
        match self {
            Self::Import { thumbprint } => {
                context.store.discard(*thumbprint).map_err(ActionError::Store)?;
                context.store.shred(*thumbprint).map_err(ActionError::Store)
            }
            Self::GrantKey { thumbprint, before, .. } => {
                key_access::take_back(context.store, *thumbprint, before.as_ref())
            }
            Self::MakeDirectory { path, .. }
            | Self::MakeVersion { path, .. }
            | Self::KeepOriginal { path, .. } => {
                if path.is_dir() {
                    durable::remove_directory(path).map_err(failed("remove", path))?;
                }
                Ok(())
            }
            Self::Link { path, to, before } => {
                if !leads_to(path, to) {
                    return Ok(());
                }
                match before {
                    Before::Absent => durable::remove_file(path),
                    Before::Link(before) => durable::replace_with_link(path, before),
                    Before::File(kept) => durable::put_back(path, kept),
                }
                .map_err(failed("put back", path))
            }
            Self::Place { path, from, before } => {
                // What someone else has written there meanwhile stays. Without any file, a replacement of it was broken off
                // in between, on systems where it takes two renames.
                let is_lost = matches!(before, Before::File(_)) && !path.exists();
                if !is_same(path, from) && !is_lost {
                    return Ok(());
                }
                match before {
                    Before::Absent => durable::remove_file(path),
                    Before::Link(before) => durable::replace_with_link(path, before),
                    Before::File(kept) => durable::put_back(path, kept),
                }
                .map_err(failed("put back", path))
            }
            Self::ConfigTest { .. } => Ok(()),
            Self::Edit { path, before, after, patch, .. } => edit(path, *after, *before, &patch.inverse()),
            Self::SetFile { path, before, after } => {
                set_file(path, after.as_ref(), before.as_ref(), Direction::Back)
            }
            Self::PutBack { .. } => Ok(()),
            Self::CloseDoor { name, ports } => Ok(Door { keeper: context.doors, name, ports }.open().await?),
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Direction {
    Forward,
    Back,
}

/// From one content to another. On the way back a file where there was none is the product's own, made at its start.
fn set_file(
    path: &Path,
    from: Option<&FileImage>,
    to: Option<&FileImage>,
    direction: Direction,
) -> Result<(), ActionError> {
    let present = FileImage::read(path).map_err(failed("read", path))?;
    let content = |image: Option<&FileImage>| image.map(|image| image.content().to_vec());
    let present = content(present.as_ref());
    if present == content(to) {
        return Ok(());
    }
    let is_own = direction == Direction::Back && from.is_none();
    if present != content(from) && !is_own {
        return Err(ActionError::Changed(path.to_owned()));
    }
    match to {
        Some(image) => image.write(path),
        None => durable::remove_file(path),
    }
    .map_err(failed("write", path))
}

/// While a file is set aside, the server may make one of its own in its place.
fn put_back(path: &Path, image: &FileImage, meanwhile: Option<&FileImage>) -> Result<(), ActionError> {
    let present = FileImage::read(path).map_err(failed("read", path))?;
    let present = present.as_ref().map(FileImage::content);
    if present == Some(image.content()) {
        return Ok(());
    }
    if meanwhile.is_some() && present != meanwhile.map(FileImage::content) {
        return Err(ActionError::Changed(path.to_owned()));
    }
    image.write(path).map_err(failed("put back", path))
}

fn failed(action: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> ActionError {
    let text = format!("{action} `{}`", path.display());
    move |error| ActionError::Io(text, error)
}

fn leads_to(path: &Path, to: &Path) -> bool {
    fs::read_link(path).is_ok_and(|present| present == to)
}

/// Whether both files are there, and hold the same.
fn is_same(path: &Path, other: &Path) -> bool {
    let read = |path: &Path| fs::read(path).ok().map(zeroize::Zeroizing::new);
    read(path).is_some_and(|content| read(other).is_some_and(|other| *other == *content))
}

fn make_version(
    path: &Path,
    successor: &Certificate,
    certificate_like: &Path,
    key_like: &Path,
) -> Result<(), ActionError> {
    let key =
        successor.key().ok_or_else(|| ActionError::NoSuccessor(successor.thumbprint().to_string()))?.to_pem();
    let text = successor.to_pem();
    let or = |path: &Path, new| if path.exists() { Attributes::of(path) } else { Ok(new) };
    let write = || {
        let files = [
            (OsStr::new(CERTIFICATE), text.as_bytes(), or(certificate_like, Attributes::public_file())?),
            (OsStr::new(KEY), key.as_bytes(), or(key_like, Attributes::private_file())?),
        ];
        durable::create_directory_with(path, Attributes::of(path.parent().unwrap_or(path))?, &files)
    };
    write().map_err(failed("write", path))
}

fn edit(path: &Path, from: Fingerprint, to: Fingerprint, patch: &Patch) -> Result<(), ActionError> {
    let content = fs::read(path).map_err(failed("read", path))?;
    let present = Fingerprint::of(&content);
    if present == to {
        return Ok(());
    }
    if present != from {
        return Err(ActionError::Changed(path.to_owned()));
    }
    let edited = patch.apply(&content).map_err(|cause| ActionError::Conflict(path.to_owned(), cause))?;
    if Fingerprint::of(&edited) != to {
        return Err(ActionError::Changed(path.to_owned()));
    }
    let replace = || durable::replace(path, &edited, Attributes::of(path)?);
    replace().map_err(failed("write", path))
}

/// Runs the server's own test: in private mounts where the system permits, else with placeholders, else on
/// what is live, which is then said.
async fn config_test(
    argv: &[String],
    time_limit: Duration,
    certificate: &(PathBuf, PathBuf),
    key: &(PathBuf, PathBuf),
) -> Result<ActionReport, ActionError> {
    let has_placeholder =
        |argument: &String| argument.contains("{certificate}") || argument.contains("{key}");
    let argv_with_paths: Vec<String> = argv
        .iter()
        .map(|argument| {
            argument
                .replace("{certificate}", &certificate.0.display().to_string())
                .replace("{key}", &key.0.display().to_string())
        })
        .collect();
    let mut command = Command::new(argv_with_paths, time_limit);
    let mut findings = Vec::new();
    if !argv.iter().any(has_placeholder) {
        if certificate.1.exists() && key.1.exists() {
            command.bound = vec![certificate.clone(), key.clone()];
        } else {
            findings.push(not_staged("the certificate or the key has no place yet"));
        }
    }
    let mut result = command.run().await;
    if matches!(result, Err(CommandError::NotBound { .. })) {
        findings.push(not_staged("private mounts are not permitted here"));
        command.bound.clear();
        result = command.run().await;
    }
    let outcome = result.map_err(ActionError::ConfigTest)?;
    Ok(ActionReport { output: outcome.output, findings })
}

fn not_staged(reason: &str) -> Finding {
    Finding::warning(
        "config-test-not-staged",
        format!("the server's own test ran on the live files, not on the staged ones: {reason}"),
        "use {certificate} and {key} in the arguments of `check`, or run Baton as root",
    )
}
