//! How a file of someone else is opened.

use std::io;
use std::os::windows::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;

use fs_err as fs;
use windows_sys::Win32::Storage::FileSystem::{FILE_ATTRIBUTE_REPARSE_POINT, FILE_FLAG_OPEN_REPARSE_POINT};

/// Opens it for reading; fails for a link.
pub(crate) fn open(path: &Path) -> io::Result<fs::File> {
    let mut options = std::fs::OpenOptions::new();
    // The link itself is opened, and not where it leads.
    options.read(true).custom_flags(FILE_FLAG_OPEN_REPARSE_POINT);
    let file = match fs::OpenOptions::from_options(options).open(path) {
        // A directory cannot be opened like this.
        Err(_) if path.is_dir() => return Err(wrong(path, "no file")),
        opened => opened?,
    };
    if file.metadata()?.file_attributes() & FILE_ATTRIBUTE_REPARSE_POINT != 0 {
        return Err(wrong(path, "a link, and no file"));
    }
    Ok(file)
}

fn wrong(path: &Path, what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("`{}` is {what}", path.display()))
}
