//! Locks between processes, held by the system and gone with the process that held them.

use std::path::Path;
use std::time::{Duration, Instant};

use crate::system;

/// How long between two looks at a lock that another holds.
const BETWEEN_LOOKS: Duration = Duration::from_millis(5);

/// An exclusive lock on a file of its own; released when dropped, and by the system when the process ends.
#[derive(Debug)]
pub struct FileLock {
    _file: std::fs::File,
}

impl FileLock {
    /// Takes the lock if it is free; `None` if another process, or another part of this one, holds it.
    ///
    /// The file is made where it is absent and is never removed: removing a lock file lets two holders in.
    pub fn try_acquire(path: &Path) -> std::io::Result<Option<Self>> {
        let file = system::durable::open_lock_file(path)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Self { _file: file })),
            Err(std::fs::TryLockError::WouldBlock) => Ok(None),
            Err(std::fs::TryLockError::Error(error)) => Err(error),
        }
    }

    /// Takes the lock, waiting for another holder; `None` if it holds on for longer than `patience`.
    pub fn acquire(path: &Path, patience: Duration) -> std::io::Result<Option<Self>> {
        let patience_ends = Instant::now() + patience;
        loop {
            match Self::try_acquire(path)? {
                Some(lock) => return Ok(Some(lock)),
                None if Instant::now() > patience_ends => return Ok(None),
                None => std::thread::sleep(BETWEEN_LOOKS),
            }
        }
    }
}
