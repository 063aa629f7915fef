//! Changes to files that are either wholly there after a crash or not at all.
//!
//! A new content goes into a temporary file beside the old one, is synced, renamed over it, and then the
//! directory is synced: only after that last sync does a rename survive a power cut. Temporary files carry
//! the prefix [`TEMPORARY_PREFIX`] and end in the name that they were made for, so that what a crash left
//! behind can be told, from what others are doing in the same directory too, and removed.

use std::ffi::{OsStr, OsString};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use fs_err as fs;

use crate::system::durable as system;
pub use crate::system::durable::Attributes;

/// How the names of temporary files and directories begin.
pub const TEMPORARY_PREFIX: &str = ".baton-tmp-";

/// Replaces the content of `path`, or makes it, with the given attributes.
pub fn replace(path: &Path, content: &[u8], attributes: Attributes) -> io::Result<()> {
    let directory = parent(path)?;
    let temporary = filled(path, content, &attributes)?;
    system::persist(temporary.into_temp_path(), path, Some(&attributes))
        .map_err(|error| with_path(&error, "replace", path))?;
    system::sync_directory(directory)
}

/// Makes the file `path` with a content, as a whole or not at all. Fails when something of that name is there.
pub fn create(path: &Path, content: &[u8], attributes: Attributes) -> io::Result<()> {
    let directory = parent(path)?;
    let temporary = filled(path, content, &attributes)?;
    temporary.persist_noclobber(path).map_err(|error| with_path(&error.error, "make", path))?;
    system::sync_directory(directory)
}

/// A synced temporary file beside `path`, with its content and attributes.
fn filled(path: &Path, content: &[u8], attributes: &Attributes) -> io::Result<tempfile::NamedTempFile> {
    let directory = parent(path)?;
    let suffix = temporary_suffix(path);
    let mut temporary = system::temporary_file(&temporary_builder(&suffix), directory, Some(attributes))
        .map_err(|error| with_path(&error, "write in", directory))?;
    temporary.write_all(content).map_err(|error| with_path(&error, "write", path))?;
    attributes.set_on(temporary.path())?;
    temporary.as_file().sync_all().map_err(|error| with_path(&error, "sync", path))?;
    Ok(temporary)
}

/// An empty file beside `path`, for something that fills it by its name; see [`persist`].
pub fn temporary_for(path: &Path) -> io::Result<tempfile::TempPath> {
    let directory = parent(path)?;
    let suffix = temporary_suffix(path);
    let temporary = system::temporary_file(&temporary_builder(&suffix), directory, None)
        .map_err(|error| with_path(&error, "write in", directory))?;
    Ok(temporary.into_temp_path())
}

/// Syncs what was made by [`temporary_for`], and gives it the name it was made for.
pub fn persist(temporary: tempfile::TempPath, path: &Path) -> io::Result<()> {
    system::sync_file(&temporary)?;
    system::persist(temporary, path, None).map_err(|error| with_path(&error, "replace", path))?;
    system::sync_directory(parent(path)?)
}

/// Makes an empty file that nobody but its owner may read; one that is there stays as it is.
///
/// It needs no temporary file: whatever a crash leaves, the file is empty or absent.
pub fn create_private_file(path: &Path) -> io::Result<()> {
    match system::create_private_file(path) {
        Ok(file) => {
            file.sync_all()?;
            system::sync_directory(parent(path)?)
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error),
    }
}

/// Makes `directory` with all the given files at once: after a crash it is complete or absent.
///
/// Fails when it exists.
pub fn create_directory_with(
    directory: &Path,
    attributes: Attributes,
    files: &[(&OsStr, &[u8], Attributes)],
) -> io::Result<()> {
    create_directory(directory, attributes, |temporary| {
        for (name, content, attributes) in files {
            let path = temporary.join(name);
            let mut file = system::create_private_file(&path)?;
            file.write_all(content)?;
            attributes.set_on(&path)?;
            file.sync_all()?;
        }
        Ok(())
    })
}

/// Makes `directory` with further names of existing files: `(name, original)`. Owner, mode, times and
/// extended attributes stay, since they are the same files. Where the original is a link, or lies on another
/// file system, it is copied with owner and mode.
///
/// Fails when the directory exists.
pub fn create_directory_of(
    directory: &Path,
    attributes: Attributes,
    originals: &[(&OsStr, &Path)],
) -> io::Result<()> {
    create_directory(directory, attributes, |temporary| {
        for (name, original) in originals {
            let path = temporary.join(name);
            let is_link = fs::symlink_metadata(original)?.file_type().is_symlink();
            if is_link || std::fs::hard_link(original, &path).is_err() {
                replace(&path, &fs::read(original)?, Attributes::of(original)?)?;
            }
        }
        Ok(())
    })
}

fn create_directory(
    directory: &Path,
    attributes: Attributes,
    fill: impl FnOnce(&Path) -> io::Result<()>,
) -> io::Result<()> {
    let parent = parent(directory)?;
    let temporary = temporary_builder(&temporary_suffix(directory))
        .tempdir_in(parent)
        .map_err(|error| with_path(&error, "write in", parent))?;
    fill(temporary.path())?;
    attributes.set_on(temporary.path())?;
    system::sync_directory(temporary.path())?;
    system::rename(temporary.path(), directory)?;
    // The name it was made under is gone; nothing is left for the guard to remove.
    let _ = temporary.keep();
    system::sync_directory(parent)
}

/// Puts the file `kept` back to `path` in one step: as the same file where that is possible, else as a copy
/// with owner and mode.
pub fn put_back(path: &Path, kept: &Path) -> io::Result<()> {
    match replace_with_hard_link(path, kept) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            replace(path, &fs::read(kept)?, Attributes::of(kept)?)
        }
        done => done,
    }
}

/// Renames durably within one file system, replacing a file that is there.
pub fn rename(from: &Path, to: &Path) -> io::Result<()> {
    system::rename(from, to)?;
    let (source, target) = (parent(from)?, parent(to)?);
    if source != target {
        system::sync_directory(source)?;
    }
    system::sync_directory(target)
}

/// Whether every account that may write files here may make symbolic links too. Where it takes a right of its own, what
/// would be links are copies.
pub const HAS_LINKS: bool = system::HAS_LINKS;

/// Makes `link` a symbolic link to `to` in one step, whatever file or link was there.
pub fn replace_with_link(link: &Path, to: &Path) -> io::Result<()> {
    replace_by_rename(link, |temporary| system::symlink(to, temporary))
}

/// Makes `path` another name of the file `original` in one step, whatever file or link was there.
fn replace_with_hard_link(path: &Path, original: &Path) -> io::Result<()> {
    replace_by_rename(path, |temporary| std::fs::hard_link(original, temporary))
}

/// Removes a file or link; one that is absent already is no fault.
pub fn remove_file(path: &Path) -> io::Result<()> {
    match system::remove_file(path) {
        Ok(()) => system::sync_directory(parent(path)?),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

/// Removes a directory and all in it, so that a crash leaves the whole or nothing under its name.
pub fn remove_directory(path: &Path) -> io::Result<()> {
    let parent = parent(path)?;
    let grave = temporary_builder(&temporary_suffix(path))
        .tempdir_in(parent)
        .map_err(|error| with_path(&error, "write in", parent))?;
    match system::rename(path, &grave.path().join("removed")) {
        Ok(()) => system::sync_directory(parent)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    }
    grave.close().map_err(|error| with_path(&error, "remove", path))?;
    system::sync_directory(parent)
}

/// Makes a directory and its parents, 0700 where they are new, and syncs each parent.
pub fn create_private_directory(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    let above = parent(path)?;
    create_private_directory(above)?;
    match system::create_private_directory(path) {
        Ok(()) => system::sync_directory(above),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
        Err(error) => Err(with_path(&error, "make the directory", path)),
    }
}

/// Where a path leads, links followed, also where nothing is at their end.
pub fn followed(path: &Path) -> PathBuf {
    const LONGEST: usize = 40;
    let mut followed = path.to_owned();
    for _ in 0..LONGEST {
        let Ok(to) = std::fs::read_link(&followed) else { break };
        followed = parent(&followed).map(|parent| parent.join(&to)).unwrap_or(to);
    }
    let real = followed.parent().and_then(|parent| std::fs::canonicalize(parent).ok());
    match (real, followed.file_name()) {
        (Some(parent), Some(name)) => parent.join(name),
        _ => followed,
    }
}

/// Whether a path is what an interrupted change left, or one under way is about to rename.
pub fn is_temporary(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(TEMPORARY_PREFIX))
}

/// Removes what interrupted changes left in a directory. Call it only under the lock that guards the directory.
pub fn remove_leftovers(directory: &Path) -> io::Result<()> {
    remove_matching(directory, |name| name.starts_with(TEMPORARY_PREFIX))
}

/// Removes what interrupted changes of `path` left beside it. Call it only under the lock that guards `path`; what
/// others do in the same directory stays.
pub fn remove_leftovers_of(path: &Path) -> io::Result<()> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let is_of_path = |found: &str| {
        let unique = found.strip_prefix(TEMPORARY_PREFIX).and_then(|rest| rest.split_once('-'));
        unique.is_some_and(|(_, made_for)| made_for == name)
    };
    match remove_matching(parent(path)?, is_of_path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        done => done,
    }
}

fn remove_matching(directory: &Path, is_leftover: impl Fn(&str) -> bool) -> io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        if !is_leftover(&entry.file_name().to_string_lossy()) {
            continue;
        }
        if entry.file_type()?.is_dir() {
            fs::remove_dir_all(entry.path())?;
        } else {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

/// Whether the running account may write to a file or into a directory.
pub fn is_writable(path: &Path) -> bool {
    system::is_writable(path)
}

/// Whether nobody may use a file or directory but this account, and those that nobody can be kept out of; as it is read
/// back, whatever it was made with.
pub fn is_private(path: &Path) -> io::Result<bool> {
    system::is_private(path)
}

fn replace_by_rename(path: &Path, make: impl Fn(&Path) -> io::Result<()>) -> io::Result<()> {
    let directory = parent(path)?;
    // Unlike a file, a link cannot be opened before it has its name: make it under a free one.
    for attempt in 0_u32..64 {
        let mut name = OsString::from(TEMPORARY_PREFIX);
        name.push(format!("{}x{attempt}", std::process::id()));
        name.push(temporary_suffix(path));
        let temporary: PathBuf = directory.join(name);
        match make(&temporary) {
            Ok(()) => {
                if let Err(error) = system::rename(&temporary, path) {
                    let _ = fs::remove_file(&temporary);
                    return Err(error);
                }
                // Renaming one name of a file over another name of it does nothing: take the spare away.
                match fs::remove_file(&temporary) {
                    Ok(()) => {}
                    Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                    Err(error) => return Err(error),
                }
                return system::sync_directory(directory);
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(with_path(&error, "make a link at", &temporary)),
        }
    }
    Err(io::Error::new(
        io::ErrorKind::AlreadyExists,
        format!("no free temporary name in {}", directory.display()),
    ))
}

/// Between the prefix and this come letters and digits alone.
fn temporary_suffix(path: &Path) -> OsString {
    let mut suffix = OsString::from("-");
    suffix.push(path.file_name().unwrap_or_default());
    suffix
}

fn temporary_builder<'a>(suffix: &'a OsStr) -> tempfile::Builder<'static, 'a> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(TEMPORARY_PREFIX).suffix(suffix);
    builder
}

/// The directory that holds `path`; "." for a bare name.
fn parent(path: &Path) -> io::Result<&Path> {
    match path.parent() {
        Some(parent) if parent.as_os_str().is_empty() => Ok(Path::new(".")),
        Some(parent) => Ok(parent),
        None => Err(io::Error::new(io::ErrorKind::InvalidInput, format!("{} has no parent", path.display()))),
    }
}

pub(crate) fn with_path(error: &io::Error, action: &str, path: &Path) -> io::Error {
    io::Error::new(error.kind(), format!("failed to {action} `{}`: {error}", path.display()))
}
