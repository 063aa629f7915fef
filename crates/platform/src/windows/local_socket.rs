//! The pipe by which commands reach a running `baton up`: for the same account and administrators only.
//!
//! Its name is made of the data directory's. Everyone may look at the names of pipes, and whoever is first may take one:
//! so a listener takes no name that is there already, and a client talks to a pipe of its own account, of the
//! administrators or of the system alone.

#![expect(unsafe_code, reason = "an access list is given to the pipe as raw memory")]

use std::io;
use std::os::windows::io::AsRawHandle as _;
use std::path::Path;
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf, ReadHalf, WriteHalf};
use tokio::net::windows::named_pipe::{ClientOptions, NamedPipeClient, NamedPipeServer, ServerOptions};
use windows_sys::Win32::Foundation::ERROR_PIPE_BUSY;

use super::security::{self, Descriptor};

/// How long a client waits for an instance of the pipe that is free.
const PATIENCE: Duration = Duration::from_secs(10);

/// A connection.
#[derive(Debug)]
pub enum LocalStream {
    /// The end of the listener.
    Server(NamedPipeServer),
    /// The end of who has connected.
    Client(NamedPipeClient),
}

/// The half of a connection that is read.
pub type LocalReader = ReadHalf<LocalStream>;

/// The half of a connection that is written.
pub type LocalWriter = WriteHalf<LocalStream>;

impl LocalStream {
    /// Its two halves.
    pub fn into_split(self) -> (LocalReader, LocalWriter) {
        tokio::io::split(self)
    }
}

/// A listening pipe.
#[derive(Debug)]
pub struct LocalListener {
    name: String,
    /// The instance that the next client finds.
    next: Mutex<Option<NamedPipeServer>>,
}

impl LocalListener {
    /// Listens under the name that belongs to `path`, where nothing is made: pipes are no files.
    pub fn bind(path: &Path) -> io::Result<Self> {
        let name = pipe_name(path)?;
        let first = instance(&name, true)?;
        Ok(Self { name, next: Mutex::new(Some(first)) })
    }

    /// The next connection. The pipe lets nobody else in than this account, administrators and the system.
    pub async fn accept(&self) -> io::Result<LocalStream> {
        let waiting = self.next.lock().unwrap_or_else(PoisonError::into_inner).take();
        let waiting = match waiting {
            Some(waiting) => waiting,
            None => instance(&self.name, false)?,
        };
        waiting.connect().await?;
        // Without another one, the next client would find nobody.
        let next = instance(&self.name, false)?;
        *self.next.lock().unwrap_or_else(PoisonError::into_inner) = Some(next);
        Ok(LocalStream::Server(waiting))
    }
}

/// Connects to who listens for `path`; `None` when nobody does.
pub async fn connect(path: &Path) -> io::Result<Option<LocalStream>> {
    let name = pipe_name(path)?;
    let patience_ends = Instant::now() + PATIENCE;
    let client = loop {
        match ClientOptions::new().open(&name) {
            Ok(client) => break client,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error)
                if error.raw_os_error().map(i32::cast_unsigned) == Some(ERROR_PIPE_BUSY)
                    && Instant::now() < patience_ends =>
            {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            Err(error) => {
                return Err(io::Error::new(error.kind(), format!("failed to connect to `{name}`: {error}")));
            }
        }
    };
    let owner = security::owner_of_pipe(client.as_raw_handle())?;
    if owner != security::own_sid()? && owner != security::ADMINISTRATORS && owner != security::SYSTEM {
        return Err(io::Error::new(
            io::ErrorKind::PermissionDenied,
            format!("`{name}` belongs to another account ({owner})"),
        ));
    }
    Ok(Some(LocalStream::Client(client)))
}

fn instance(name: &str, is_first: bool) -> io::Result<NamedPipeServer> {
    let own = security::own_sid()?;
    let descriptor = Descriptor::parse(&format!("O:{own}{}", security::private_access(false)?))?;
    let mut attributes = descriptor.attributes();
    let mut options = ServerOptions::new();
    options.first_pipe_instance(is_first).reject_remote_clients(true);
    // SAFETY: it is a SECURITY_ATTRIBUTES, and the descriptor in it lives through the call.
    unsafe { options.create_with_security_attributes_raw(name, (&raw mut attributes).cast()) }
        .map_err(|error| io::Error::new(error.kind(), format!("failed to listen at `{name}`: {error}")))
}

/// The name of the pipe for a data directory: whoever names the same directory finds it. It must be no secret, and need
/// not be hard to guess: see above.
fn pipe_name(path: &Path) -> io::Result<String> {
    let directory = path.parent().unwrap_or(path);
    // Before the data directory is made, nobody listens for it either.
    let directory = std::fs::canonicalize(directory).or_else(|_| std::path::absolute(directory))?;
    let file = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let text = directory.to_string_lossy().to_lowercase();
    // FNV-1a: the same in all versions, unlike that of the standard library.
    let hash = text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    Ok(format!(r"\\.\pipe\{file}-{hash:016x}"))
}

impl AsyncRead for LocalStream {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Server(pipe) => Pin::new(pipe).poll_read(context, buffer),
            Self::Client(pipe) => Pin::new(pipe).poll_read(context, buffer),
        }
    }
}

impl AsyncWrite for LocalStream {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Server(pipe) => Pin::new(pipe).poll_write(context, bytes),
            Self::Client(pipe) => Pin::new(pipe).poll_write(context, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Server(pipe) => Pin::new(pipe).poll_flush(context),
            Self::Client(pipe) => Pin::new(pipe).poll_flush(context),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Server(pipe) => Pin::new(pipe).poll_shutdown(context),
            Self::Client(pipe) => Pin::new(pipe).poll_shutdown(context),
        }
    }
}
