//! Files that another program has written: read only if they are what they should be.

use std::io::{self, Read as _};
use std::path::Path;

use crate::system;

/// Reads a file of at most `most` bytes.
///
/// Fails for a link, which may lead anywhere; for a directory, a pipe or a device, which may never end; and for a file
/// that is longer.
pub fn read(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    let wrong =
        |what: &str| io::Error::new(io::ErrorKind::InvalidData, format!("`{}` is {what}", path.display()));
    let file = match system::foreign_file::open(path) {
        Ok(file) => file,
        Err(_) if path.is_symlink() => return Err(wrong("a link, and no file")),
        Err(error) => return Err(error),
    };
    if !file.metadata()?.is_file() {
        return Err(wrong("no file"));
    }
    let mut content = Vec::new();
    file.take(most.saturating_add(1)).read_to_end(&mut content)?;
    if u64::try_from(content.len()).unwrap_or(u64::MAX) > most {
        return Err(wrong(&format!("longer than {most} bytes")));
    }
    Ok(content)
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::symlink;

    use fs_err as fs;
    use nix::sys::stat::Mode;

    use super::*;

    #[test]
    fn nothing_but_a_file_of_bounded_length_is_read() {
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name);
        fs::write(path("file"), "12345").unwrap();
        assert_eq!(read(&path("file"), 5).unwrap(), b"12345");
        let told = |name: &str| read(&path(name), 4).unwrap_err().to_string();
        assert!(told("file").ends_with("is longer than 4 bytes"), "{}", told("file"));
        symlink("/etc/shadow", path("link")).unwrap();
        assert!(told("link").ends_with("is a link, and no file"), "{}", told("link"));
        symlink("file", path("near")).unwrap();
        assert!(told("near").ends_with("is a link, and no file"), "{}", told("near"));
        fs::create_dir(path("directory")).unwrap();
        assert!(told("directory").ends_with("is no file"), "{}", told("directory"));
        nix::unistd::mkfifo(&path("pipe"), Mode::S_IRUSR | Mode::S_IWUSR).unwrap();
        assert!(told("pipe").ends_with("is no file"), "{}", told("pipe"));
        assert_eq!(read(&path("absent"), 4).unwrap_err().kind(), io::ErrorKind::NotFound);
    }
}
