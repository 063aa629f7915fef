//! Locks between processes, held by the system and gone with the process that held them.

use std::path::Path;

use crate::system;

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
}
