//! The end of a service's log, for the error that it explains.

use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use fs_err as fs;

/// How much of it is read.
const BYTES: u64 = 8 * 1024;
/// How many lines of that are told.
const LINES: usize = 15;

/// The end of a log, as it follows the message of an error; empty where there is nothing to tell.
pub(super) fn end_of(log: Option<&Path>) -> String {
    let Some(log) = log else { return String::new() };
    match youngest(log).and_then(|file| Ok((last_lines(&file)?, file))) {
        Ok((lines, _)) if lines.is_empty() => String::new(),
        Ok((lines, file)) => format!("; the end of `{}`:\n{lines}", file.display()),
        // The error itself is what matters; that its log is out of reach is worth a word.
        Err(error) => format!("; its log cannot be read: {error}"),
    }
}

fn youngest(log: &Path) -> std::io::Result<PathBuf> {
    if !log.is_dir() {
        return Ok(log.to_owned());
    }
    let mut files = Vec::new();
    for entry in fs::read_dir(log)? {
        let entry = entry?;
        let metadata = entry.metadata()?;
        if metadata.is_file() {
            files.push((metadata.modified()?, entry.path()));
        }
    }
    let nothing =
        || std::io::Error::new(std::io::ErrorKind::NotFound, format!("no file in `{}`", log.display()));
    files.into_iter().max().map(|(_, path)| path).ok_or_else(nothing)
}

fn last_lines(path: &Path) -> std::io::Result<String> {
    let mut file = fs::File::open(path)?;
    let length = file.seek(SeekFrom::End(0))?;
    file.seek(SeekFrom::Start(length.saturating_sub(BYTES)))?;
    let mut bytes = Vec::new();
    file.take(BYTES).read_to_end(&mut bytes)?;
    let text = String::from_utf8_lossy(&bytes);
    let lines: Vec<&str> = text.lines().map(str::trim_end).filter(|line| !line.is_empty()).collect();
    Ok(lines[lines.len().saturating_sub(LINES)..].join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_lines_of_the_youngest_file_are_told() {
        let directory = tempfile::tempdir().unwrap();
        let old = directory.path().join("old.log");
        fs::write(&old, "long ago\n").unwrap();
        let before = std::time::SystemTime::UNIX_EPOCH;
        std::fs::File::options().write(true).open(&old).unwrap().set_modified(before).unwrap();
        let lines: Vec<String> = (0..10_000).map(|number| format!("line {number}")).collect();
        fs::write(directory.path().join("new.log"), lines.join("\r\n")).unwrap();
        let told = end_of(Some(directory.path()));
        assert!(told.contains("new.log`:\nline 9985\n") && told.ends_with("\nline 9999"), "{told}");
        assert!(end_of(Some(&directory.path().join("none.log"))).contains("cannot be read"));
        assert_eq!(end_of(None), "");
    }
}
