//! Waiting until a file is changed, without looking at it again and again.

use std::ffi::OsString;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::path::Path;

use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify};
use tokio::io::unix::AsyncFd;

/// Watches one file: written, replaced, made or removed. Editors and tools for configuration replace a file rather
/// than write it, so it is the directory that is watched.
#[derive(Debug)]
pub struct FileWatch {
    inotify: AsyncFd<Descriptor>,
    name: OsString,
}

impl FileWatch {
    /// Watches the file at `path`, which may be absent; its directory may not.
    pub fn new(path: &Path) -> io::Result<Self> {
        let invalid = || io::Error::from(io::ErrorKind::InvalidInput);
        let name = path.file_name().ok_or_else(invalid)?.to_owned();
        let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty());
        let inotify = Inotify::init(InitFlags::IN_CLOEXEC | InitFlags::IN_NONBLOCK)?;
        let events = AddWatchFlags::IN_CLOSE_WRITE
            | AddWatchFlags::IN_MOVED_TO
            | AddWatchFlags::IN_MOVED_FROM
            | AddWatchFlags::IN_DELETE;
        inotify.add_watch(directory.unwrap_or(Path::new(".")), events)?;
        #[expect(unsafe_code, reason = "the runtime cannot know whose descriptor it is")]
        // SAFETY: the descriptor belongs to the value that is registered: it is open, and the same, as long as that is.
        let inotify = unsafe { AsyncFd::register(Descriptor(inotify)) }?;
        Ok(Self { inotify, name })
    }

    /// Waits until something has happened to the file.
    pub async fn changed(&mut self) -> io::Result<()> {
        loop {
            let mut ready = self.inotify.readable_mut().await?;
            let events = ready.try_io(|inotify| inotify.get_ref().0.read_events().map_err(io::Error::from));
            match events {
                // Without a name there were more events than could be kept: the file may be among them.
                Ok(Ok(events))
                    if events.iter().any(|it| it.name.as_ref().is_none_or(|it| *it == self.name)) =>
                {
                    return Ok(());
                }
                Ok(Err(error)) => return Err(error),
                Ok(Ok(_)) | Err(_) => {}
            }
        }
    }
}

/// What the runtime waits for.
#[derive(Debug)]
struct Descriptor(Inotify);

impl AsFd for Descriptor {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl AsRawFd for Descriptor {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_fd().as_raw_fd()
    }
}
