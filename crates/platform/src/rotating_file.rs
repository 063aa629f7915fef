//! A file that is written for ever and does not grow for ever.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use fs_err as fs;

use crate::durable;

/// How large a file may become.
const LARGEST: u64 = 4 * 1024 * 1024;

/// How many files there are beside the one that is written.
const KEPT: u32 = 4;

/// A log: `baton.log`, and beside it what came before, `baton.log.1` to `baton.log.4`. For this account and the
/// administrators alone.
#[derive(Debug)]
pub struct RotatingFile {
    path: PathBuf,
    file: fs::File,
    length: u64,
    largest: u64,
}

impl RotatingFile {
    /// Opens the file, and goes on where it ends; makes it where it is absent.
    pub fn open(path: &Path) -> io::Result<Self> {
        Self::open_with(path, LARGEST)
    }

    fn open_with(path: &Path, largest: u64) -> io::Result<Self> {
        if !path.exists() {
            durable::create_private_file(path)?;
        }
        let file = fs::OpenOptions::new().append(true).open(path)?;
        let length = file.metadata()?.len();
        Ok(Self { path: path.to_owned(), file, length, largest })
    }

    fn rotate(&mut self) -> io::Result<()> {
        let numbered = |number: u32| {
            let mut name = self.path.clone().into_os_string();
            if number > 0 {
                name.push(format!(".{number}"));
            }
            PathBuf::from(name)
        };
        for number in (0..KEPT).rev() {
            match durable::rename(&numbered(number), &numbered(number + 1)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        *self = Self::open_with(&self.path, self.largest)?;
        Ok(())
    }
}

impl Write for RotatingFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.length > 0 && self.length + bytes.len() as u64 > self.largest {
            // Where that is not possible, the file grows: no line is lost for it.
            let _ = self.rotate();
        }
        let written = self.file.write(bytes)?;
        self.length += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_file_is_put_aside_and_the_oldest_goes() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("baton.log");
        for line in 0..14 {
            // As several starts of a program do it.
            let mut file = RotatingFile::open_with(&path, 20).unwrap();
            writeln!(file, "line {line:03}").unwrap();
        }
        let read = |name: &str| fs::read_to_string(directory.path().join(name)).unwrap();
        assert_eq!(read("baton.log"), "line 012\nline 013\n");
        assert_eq!(read("baton.log.1"), "line 010\nline 011\n");
        assert_eq!(read("baton.log.4"), "line 004\nline 005\n");
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 5);
    }
}
