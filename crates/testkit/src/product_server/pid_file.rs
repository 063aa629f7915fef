//! The pid file: which process the server is, and whether it runs.
//!
//! A server keeps a lock on its pid file for as long as it lives. A number alone would lie after a crash, once the
//! system has given it to another process; the lock goes with its process.

use std::fs::TryLockError;
use std::io::{self, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use fs_err::{File, OpenOptions};
use thiserror::Error;

use crate::condition::wait_for;

/// How long a server may take from the lock to the number.
const LIMIT: Duration = Duration::from_secs(10);

/// How long someone who only asks may hold the lock.
const QUESTION: Duration = Duration::from_secs(2);

/// The pid file cannot be used.
#[derive(Debug, Error)]
pub enum PidFileError {
    /// The file cannot be opened, locked, read or written.
    #[error("cannot use the pid file")]
    Io {
        /// The I/O error, which names the path.
        source: io::Error,
    },
    /// Another server holds it.
    #[error("the server of {} is running already", path.display())]
    Running {
        /// The pid file.
        path: PathBuf,
    },
    /// It is locked, and no process id is written in it.
    #[error("{} is locked and holds no process id: {content:?}", path.display())]
    NoPid {
        /// The pid file.
        path: PathBuf,
        /// What it holds.
        content: String,
    },
}

impl From<io::Error> for PidFileError {
    fn from(source: io::Error) -> Self {
        Self::Io { source }
    }
}

/// The pid file of this process, locked until it ends.
#[derive(Debug)]
pub(super) struct PidFile {
    _locked: File,
}

impl PidFile {
    /// Locks the file and writes the id of this process into it.
    pub(super) fn take(path: &Path) -> Result<Self, PidFileError> {
        let mut file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)?;
        let free = wait_for(QUESTION, || match is_locked(&file) {
            Ok(true) => None,
            outcome => Some(outcome.map(drop)),
        });
        free.ok_or_else(|| PidFileError::Running { path: path.to_owned() })??;
        file.set_len(0)?;
        writeln!(file, "{}", std::process::id())?;
        Ok(Self { _locked: file })
    }
}

/// The process id of the server that was started with this pid file; none when it does not run.
pub fn running_pid(path: &Path) -> Result<Option<u32>, PidFileError> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let mut content = String::new();
    let seen = wait_for(LIMIT, || match is_locked(&file) {
        Ok(false) => Some(Ok(None)),
        Ok(true) => match read(path, &mut content) {
            Ok(()) => content.trim().parse().ok().map(|pid| Ok(Some(pid))),
            Err(error) => Some(Err(error.into())),
        },
        Err(error) => Some(Err(error.into())),
    });
    seen.unwrap_or_else(|| Err(PidFileError::NoPid { path: path.to_owned(), content }))
}

fn read(path: &Path, content: &mut String) -> io::Result<()> {
    content.clear();
    File::open(path)?.read_to_string(content).map(drop)
}

/// Whether another process holds the lock; when not, it is ours until the file is closed.
fn is_locked(file: &File) -> io::Result<bool> {
    match file.try_lock() {
        Ok(()) => Ok(false),
        Err(TryLockError::WouldBlock) => Ok(true),
        Err(TryLockError::Error(error)) => Err(error),
    }
}
