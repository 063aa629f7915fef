//! The socket by which commands reach a running `baton up`: for the same account only.

use std::io;
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use fs_err as fs;
use tokio::net::UnixListener;
pub use tokio::net::UnixStream as LocalStream;
pub use tokio::net::unix::{OwnedReadHalf as LocalReader, OwnedWriteHalf as LocalWriter};

/// The longest path that a socket address holds on every Unix (`sun_path`), with its closing zero.
const LONGEST_ADDRESS: usize = 100;

/// A listening socket; the file goes with it.
#[derive(Debug)]
pub struct LocalListener {
    listener: UnixListener,
    path: PathBuf,
}

impl LocalListener {
    /// Listens at `path`, 0600. A socket file whose owner is gone is replaced: call it only under the lock
    /// that says who may.
    pub fn bind(path: &Path) -> io::Result<Self> {
        match fs::remove_file(path) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        let listener = with_short_path(path, |short| UnixListener::bind(short))?;
        fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))?;
        Ok(Self { listener, path: path.to_owned() })
    }

    /// The next connection from this account or from root; others are turned away.
    pub async fn accept(&self) -> io::Result<LocalStream> {
        loop {
            let (stream, _) = self.listener.accept().await?;
            let peer = stream.peer_cred()?.uid();
            if peer == 0 || peer == nix::unistd::geteuid().as_raw() {
                return Ok(stream);
            }
            tracing::warn!("an account without the right to it asked at the local socket (user id {peer})");
        }
    }
}

impl Drop for LocalListener {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

/// Connects to the socket at `path`; `None` when nobody listens there.
pub async fn connect(path: &Path) -> io::Result<Option<LocalStream>> {
    if !path.exists() {
        return Ok(None);
    }
    let stream = with_short_path(path, |short| std::os::unix::net::UnixStream::connect(short));
    match stream {
        Ok(stream) => {
            stream.set_nonblocking(true)?;
            LocalStream::from_std(stream).map(Some)
        }
        Err(error) if matches!(error.kind(), io::ErrorKind::ConnectionRefused | io::ErrorKind::NotFound) => {
            Ok(None)
        }
        Err(error) => {
            Err(io::Error::new(error.kind(), format!("failed to connect to `{}`: {error}", path.display())))
        }
    }
}

/// A socket address holds about a hundred bytes; a longer path is reached through its open directory.
fn with_short_path<T>(path: &Path, act: impl FnOnce(&Path) -> io::Result<T>) -> io::Result<T> {
    if path.as_os_str().len() < LONGEST_ADDRESS {
        return act(path);
    }
    let directory = fs::File::open(path.parent().unwrap_or(Path::new(".")))?;
    let short = format!("/proc/self/fd/{}", directory.file().as_raw_fd());
    act(&Path::new(&short).join(path.file_name().unwrap_or_default()))
}
