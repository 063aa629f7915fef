//! What another process of this program does for a line: who asks itself sees what it wants to see.

use std::path::Path;

use baton_platform::lock::FileLock;
use baton_platform::{local_socket, sealed};
use tokio::io::{AsyncBufReadExt as _, BufReader};

use crate::cli::SelftestTask;
use crate::failure::{Exit, Failure};
use crate::output::Output;

pub(super) async fn run(task: &SelftestTask, output: Output) -> Result<Exit, Failure> {
    let said = match task {
        SelftestTask::Lock { path } => lock(path),
        SelftestTask::Socket { path } => socket(path).await,
        SelftestTask::Sealed { path } => sealed::read(path).map(|secret| digest(&secret)),
        #[cfg(windows)]
        SelftestTask::Serve { .. } => Err(std::io::Error::other("only the service manager can start this")),
    };
    let said = said.map_err(|error| {
        Failure::new(Exit::Failed, "selftest-failed", error.to_string(), "`baton selftest` does it by itself")
    })?;
    output.line(&said);
    Ok(Exit::Done)
}

/// Whether a lock is free.
fn lock(path: &Path) -> std::io::Result<String> {
    Ok(if FileLock::try_acquire(path)?.is_some() { "free" } else { "held" }.to_owned())
}

/// What the listener of a local socket says.
async fn socket(path: &Path) -> std::io::Result<String> {
    let Some(stream) = local_socket::connect(path).await? else { return Ok("nobody listens".to_owned()) };
    let (reader, _writer) = stream.into_split();
    let mut said = String::new();
    BufReader::new(reader).read_line(&mut said).await?;
    Ok(said)
}

/// Tells a secret apart without showing it.
pub(super) fn digest(secret: &[u8]) -> String {
    baton_x509::Fingerprint::of(secret).to_string()
}
