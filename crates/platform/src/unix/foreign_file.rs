//! How a file of someone else is opened.

use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use fs_err as fs;
use nix::fcntl::OFlag;

/// Opens it for reading; fails for a link.
pub(crate) fn open(path: &Path) -> io::Result<fs::File> {
    let mut options = std::fs::OpenOptions::new();
    // To open a pipe would wait for whoever writes into it.
    options.read(true).custom_flags((OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK).bits());
    fs::OpenOptions::from_options(options).open(path)
}
