//! A server that a fixture starts, and ends by its process id.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::condition::wait_for;
use crate::process;

/// How long it may take to start or to end.
const LIMIT: Duration = Duration::from_secs(20);

/// A server of ours, whose words go to `<name>.log`.
#[derive(Debug)]
pub(crate) struct Server {
    name: &'static str,
    child: Child,
}

impl Server {
    /// Starts `command` in `directory`, with nothing on its standard input.
    pub(crate) fn start(name: &'static str, directory: &Path, mut command: Command) -> Result<Self, String> {
        let log = fs_err::File::create(log_path(directory, name)).expect("a file for the log").into_file();
        command
            .current_dir(directory)
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a second handle of the log"))
            .stderr(log);
        let child = command.spawn().map_err(|error| format!("cannot start {name}: {error}"))?;
        Ok(Self { name, child })
    }

    /// Its process id.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits until it answers; fails with its words when it ends before or takes too long.
    pub(crate) fn wait_until_ready(
        &mut self,
        directory: &Path,
        ready: impl Fn() -> bool,
    ) -> Result<(), String> {
        let outcome = wait_for(LIMIT, || match self.child.try_wait() {
            Ok(Some(status)) => Some(Err(format!("{} ended with {status}", self.name))),
            Ok(None) => ready().then_some(Ok(())),
            Err(error) => Some(Err(error.to_string())),
        });
        let late = || Err(format!("{} does not answer after {} s", self.name, LIMIT.as_secs()));
        outcome
            .unwrap_or_else(late)
            .map_err(|message| format!("{message}:\n{}", log_of(directory, self.name)))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let asked = process::terminate(self.child.id());
        let ended = wait_for(LIMIT, || self.child.try_wait().transpose());
        if asked.is_err() || ended.is_none() {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

fn log_path(directory: &Path, name: &str) -> PathBuf {
    directory.join(format!("{name}.log"))
}

/// All that the server `name` in `directory` has written.
pub(crate) fn log_of(directory: &Path, name: &str) -> String {
    fs_err::read_to_string(log_path(directory, name)).unwrap_or_default()
}
