//! Waiting until a file is changed, by a look at its length and time every two seconds.

use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use fs_err as fs;

/// How often it is looked at.
const INTERVAL: Duration = Duration::from_secs(2);

/// Watches one file: written, replaced, made or removed.
#[derive(Debug)]
pub struct FileWatch {
    path: PathBuf,
    seen: Option<(u64, SystemTime)>,
}

impl FileWatch {
    /// Watches the file at `path`, which may be absent; its directory may not.
    pub fn new(path: &Path) -> io::Result<Self> {
        let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty());
        fs::metadata(directory.unwrap_or(Path::new(".")))?;
        Ok(Self { path: path.to_owned(), seen: look(path)? })
    }

    /// Waits until something has happened to the file.
    pub async fn changed(&mut self) -> io::Result<()> {
        loop {
            tokio::time::sleep(INTERVAL).await;
            let found = look(&self.path)?;
            if found != self.seen {
                self.seen = found;
                return Ok(());
            }
        }
    }
}

fn look(path: &Path) -> io::Result<Option<(u64, SystemTime)>> {
    match fs::metadata(path) {
        Ok(metadata) => Ok(Some((metadata.len(), metadata.modified()?))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}
