//! Access lists of files, and the calls that make changes of them durable.
//!
//! A file is replaced by one rename (`MoveFileExW`): after a crash the old one is there or the new one. The new one has
//! been given the access list of the old one before. A file that someone holds open, in a way that permits it to be
//! deleted, cannot be renamed over so: then it is a rename with the semantics of POSIX, which Windows has since version
//! 1607 of Windows 10, and one step too. Where the file system has none (older systems, some shares) it is `ReplaceFileW`,
//! which is two renames. A file that is held open without that permission is tried again for a short while (virus
//! scanners, editors).
//!
//! What a replaced file loses are its further streams, and its time of creation. Names of a directory need no sync
//! of their own: the file system's own journal keeps them.

#![expect(
    unsafe_code,
    reason = "the standard library makes no file with an access list, and does not replace files"
)]

use std::io;
use std::os::windows::fs::OpenOptionsExt as _;
use std::os::windows::io::{FromRawHandle as _, RawHandle};
use std::path::Path;
use std::ptr::{null, null_mut};
use std::time::{Duration, Instant};

use fs_err as fs;
use serde::{Deserialize, Serialize};
use tempfile::{Builder, NamedTempFile, TempPath};
use windows_sys::Win32::Foundation::{
    ERROR_ACCESS_DENIED, ERROR_LOCK_VIOLATION, ERROR_SHARING_VIOLATION, ERROR_UNABLE_TO_MOVE_REPLACEMENT,
    ERROR_UNABLE_TO_MOVE_REPLACEMENT_2, ERROR_UNABLE_TO_REMOVE_REPLACED, ERROR_USER_MAPPED_FILE,
    GENERIC_READ, GENERIC_WRITE, INVALID_HANDLE_VALUE,
};
use windows_sys::Win32::Storage::FileSystem::{
    CREATE_NEW, CreateDirectoryW, CreateFileW, DELETE, FILE_ADD_FILE, FILE_ATTRIBUTE_NORMAL,
    FILE_FLAG_BACKUP_SEMANTICS, FILE_SHARE_DELETE, FILE_SHARE_READ, FILE_SHARE_WRITE,
    MOVEFILE_REPLACE_EXISTING, MOVEFILE_WRITE_THROUGH, MoveFileExW, ReplaceFileW,
};

use super::security::{self, Descriptor};
use super::{succeeded, wide_path};
use crate::durable::with_path;

/// Links take a right of their own, and many programs do not follow them.
pub(crate) const HAS_LINKS: bool = false;

/// How long a file that someone holds open is tried again.
const PATIENCE: Duration = Duration::from_secs(2);

/// How often.
const PAUSE: Duration = Duration::from_millis(20);

/// Who may do what with a file or directory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attributes {
    access: Access,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Access {
    /// What its directory hands down.
    Inherited,
    /// The running account, the administrators and the system; a directory hands that down.
    Private { is_directory: bool },
    /// An access list as text (SDDL).
    Listed(String),
}

impl Attributes {
    /// Those of an existing file or directory; links are followed.
    pub fn of(path: &Path) -> io::Result<Self> {
        let access =
            security::access(path).map_err(|error| with_path(&error, "read the access list of", path))?;
        Ok(Self { access: Access::Listed(access) })
    }

    /// Those of a file for the running account, the administrators and the system alone.
    pub fn private_file() -> Self {
        Self { access: Access::Private { is_directory: false } }
    }

    /// Those of a directory for the running account, the administrators and the system alone.
    pub fn private_directory() -> Self {
        Self { access: Access::Private { is_directory: true } }
    }

    /// Those of a file that is no secret: whoever may read in its directory may read it.
    pub fn public_file() -> Self {
        Self { access: Access::Inherited }
    }

    pub(crate) fn set_on(&self, path: &Path) -> io::Result<()> {
        let access = match &self.access {
            Access::Inherited => return Ok(()),
            Access::Private { is_directory } => &security::private_access(*is_directory)?,
            Access::Listed(access) => access,
        };
        security::set_access(path, access).map_err(|error| with_path(&error, "set the access list of", path))
    }
}

impl std::fmt::Display for Attributes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.access {
            Access::Inherited => f.write_str("access as its directory hands it down"),
            Access::Private { .. } => {
                f.write_str("access for this account, the administrators and the system")
            }
            Access::Listed(access) => write!(f, "access {access}"),
        }
    }
}

/// An empty temporary file: for the running account, the administrators and the system alone, unless it is meant for
/// attributes that are handed down.
pub(crate) fn temporary_file(
    builder: &Builder<'_, '_>,
    directory: &Path,
    meant_for: Option<&Attributes>,
) -> io::Result<NamedTempFile> {
    let is_inherited = meant_for.is_some_and(|attributes| attributes.access == Access::Inherited);
    builder.make_in(directory, |path| {
        if is_inherited {
            return std::fs::OpenOptions::new().read(true).write(true).create_new(true).open(path);
        }
        create_new_private(path)
    })
}

/// Makes a new file for the running account, the administrators and the system alone.
pub(crate) fn create_private_file(path: &Path) -> io::Result<fs::File> {
    match create_new_private(path) {
        Ok(file) => Ok(fs::File::from_parts(file, path)),
        Err(error) => Err(with_path(&error, "make", path)),
    }
}

fn create_new_private(path: &Path) -> io::Result<std::fs::File> {
    let descriptor = Descriptor::parse(&security::private_access(false)?)?;
    let (name, attributes) = (wide_path(path), descriptor.attributes());
    // SAFETY: the name ends in a zero, and the descriptor lives through the call.
    let handle = unsafe {
        CreateFileW(
            name.as_ptr(),
            GENERIC_READ | GENERIC_WRITE,
            FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE,
            &raw const attributes,
            CREATE_NEW,
            FILE_ATTRIBUTE_NORMAL,
            null_mut(),
        )
    };
    if handle == INVALID_HANDLE_VALUE {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the call has given a handle of a file, which nobody else has.
    Ok(unsafe { std::fs::File::from_raw_handle(handle as RawHandle) })
}

/// Opens the file of a lock; makes it where it is absent, with what its directory hands down.
pub(crate) fn open_lock_file(path: &Path) -> io::Result<std::fs::File> {
    let mut options = std::fs::OpenOptions::new();
    options.create(true).truncate(false).write(true);
    patiently(|| options.open(path)).map_err(|error| with_path(&error, "open", path))
}

/// Makes a directory for the running account, the administrators and the system alone.
pub(crate) fn create_private_directory(path: &Path) -> io::Result<()> {
    create_directory_with(path, &security::private_access(true)?)
}

/// Makes a directory with this access list, and with the owner that it may name.
pub(super) fn create_directory_with(path: &Path, access: &str) -> io::Result<()> {
    let descriptor = Descriptor::parse(access)?;
    let (name, attributes) = (wide_path(path), descriptor.attributes());
    // SAFETY: the name ends in a zero, and the descriptor lives through the call.
    succeeded(unsafe { CreateDirectoryW(name.as_ptr(), &raw const attributes) })
}

/// Syncs the content of a file. The system wants it opened for writing.
pub(crate) fn sync_file(path: &Path) -> io::Result<()> {
    fs::OpenOptions::new().write(true).open(path)?.sync_all()
}

/// Nothing: the file system's own journal keeps the names of a directory.
pub(crate) fn sync_directory(_path: &Path) -> io::Result<()> {
    Ok(())
}

/// Gives a temporary file its name, whatever file was there.
pub(crate) fn persist(temporary: TempPath, path: &Path, attributes: Option<&Attributes>) -> io::Result<()> {
    patiently(|| match move_file(&temporary, path) {
        Err(error) if is_held(&error) && may_be_deleted(path) => {
            if rename_over_open_file(&temporary, path).is_ok() {
                return Ok(());
            }
            replace_file(&temporary, path)?;
            // It was given the access list of the file before.
            attributes.map_or(Ok(()), |attributes| attributes.set_on(path))
        }
        done => done,
    })?;
    // Its name is gone; nothing is left for the guard to remove.
    let _ = temporary.keep();
    Ok(())
}

/// Renames in one step, whoever holds the file that is there; not everywhere.
fn rename_over_open_file(from: &Path, to: &Path) -> io::Result<()> {
    // The standard library takes the semantics of POSIX where the system has them.
    fs::rename(from, to)
}

/// Renames; a file that is there is replaced.
pub(crate) fn rename(from: &Path, to: &Path) -> io::Result<()> {
    patiently(|| move_file(from, to)).map_err(|error| {
        io::Error::new(
            error.kind(),
            format!("failed to rename `{}` to `{}`: {error}", from.display(), to.display()),
        )
    })
}

/// Removes a file or a link.
pub(crate) fn remove_file(path: &Path) -> io::Result<()> {
    patiently(|| {
        #[expect(clippy::disallowed_methods, reason = "the number of its error tells whether to try again")]
        std::fs::remove_file(path)
    })
    .map_err(|error| with_path(&error, "remove", path))
}

/// Makes a symbolic link to `to`. It takes a right of its own, which administrators have.
pub(crate) fn symlink(to: &Path, link: &Path) -> io::Result<()> {
    let is_directory = link.parent().is_some_and(|parent| parent.join(to).is_dir());
    if is_directory {
        std::os::windows::fs::symlink_dir(to, link)
    } else {
        std::os::windows::fs::symlink_file(to, link)
    }
}

/// Whether the running account may write to a file or into a directory: it is opened for that, and nothing written.
pub(crate) fn is_writable(path: &Path) -> bool {
    let mut options = std::fs::OpenOptions::new();
    if path.is_dir() {
        options.access_mode(FILE_ADD_FILE).custom_flags(FILE_FLAG_BACKUP_SEMANTICS);
    } else {
        options.write(true);
    }
    match options.open(path) {
        Ok(_) => true,
        Err(error) => code(&error) == Some(ERROR_SHARING_VIOLATION),
    }
}

/// Whether its access list is that of something private, to the letter.
pub(crate) fn is_private(path: &Path) -> io::Result<bool> {
    let private = Descriptor::parse(&security::private_access(path.is_dir())?)?.text()?;
    Ok(security::access(path)? == private)
}

fn move_file(from: &Path, to: &Path) -> io::Result<()> {
    // A directory is never renamed over another one.
    let replacing = if from.is_dir() { 0 } else { MOVEFILE_REPLACE_EXISTING };
    let (from, to) = (wide_path(from), wide_path(to));
    // SAFETY: both names end in a zero.
    succeeded(unsafe { MoveFileExW(from.as_ptr(), to.as_ptr(), replacing | MOVEFILE_WRITE_THROUGH) })
}

/// Whether a file exists, and all who hold it open permit that it is deleted. `ReplaceFileW` would leave files of its own
/// behind where they do not.
fn may_be_deleted(path: &Path) -> bool {
    path.is_file() && std::fs::OpenOptions::new().access_mode(DELETE).open(path).is_ok()
}

fn replace_file(from: &Path, to: &Path) -> io::Result<()> {
    let (from, to) = (wide_path(from), wide_path(to));
    // SAFETY: both names end in a zero, and what is null may be.
    succeeded(unsafe { ReplaceFileW(to.as_ptr(), from.as_ptr(), null(), 0, null(), null()) })
}

/// Tries again while someone holds the file.
fn patiently<T>(mut attempt: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    let patience_ends = Instant::now() + PATIENCE;
    loop {
        match attempt() {
            Err(error) if is_held(&error) && Instant::now() < patience_ends => std::thread::sleep(PAUSE),
            done => return done,
        }
    }
}

/// Whether it is an error of a file that someone holds open. A refusal looks like one of them.
fn is_held(error: &io::Error) -> bool {
    matches!(
        code(error),
        Some(
            ERROR_ACCESS_DENIED
                | ERROR_SHARING_VIOLATION
                | ERROR_LOCK_VIOLATION
                | ERROR_USER_MAPPED_FILE
                | ERROR_UNABLE_TO_REMOVE_REPLACED
                | ERROR_UNABLE_TO_MOVE_REPLACEMENT
                | ERROR_UNABLE_TO_MOVE_REPLACEMENT_2
        )
    )
}

fn code(error: &io::Error) -> Option<u32> {
    error.raw_os_error().map(i32::cast_unsigned)
}
