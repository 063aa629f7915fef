//! One run of an external program: argument list in, exit status and output out, within a time limit.
//!
//! Output goes to unnamed temporary files and not to pipes: a program that leaves a server behind (as
//! `product-server start` does) would otherwise keep the pipe open and its caller waiting.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read, Seek, Write};
use std::process::{Command, ExitStatus, Stdio};
use std::time::Duration;

use crate::condition::wait_for;

/// How a run ended and what it said.
#[derive(Clone, Debug)]
pub struct Finished {
    /// The argument list that was run, blanks between the arguments: for messages.
    pub command: String,
    /// The exit status.
    pub status: ExitStatus,
    /// Standard output, with invalid UTF-8 replaced.
    pub stdout: String,
    /// Standard error, with invalid UTF-8 replaced.
    pub stderr: String,
}

impl Finished {
    /// True when the exit code is 0.
    pub fn succeeded(&self) -> bool {
        self.status.success()
    }

    /// The run itself when its exit code is 0; panics with everything it said when not.
    #[track_caller]
    pub fn expect_success(self) -> Self {
        if !self.succeeded() {
            panic!("`{}` failed: {}\n{}{}", self.command, self.status, self.stdout, self.stderr);
        }
        self
    }
}

/// Runs `arguments` (the program first) with nothing on standard input.
///
/// Fails when the program cannot be started, and with [`io::ErrorKind::TimedOut`] when it still runs after
/// `limit`; it is killed then.
pub fn run(arguments: &[impl AsRef<OsStr>], limit: Duration) -> io::Result<Finished> {
    run_with_input(arguments, b"", limit)
}

/// Like [`run`], with `input` on standard input.
pub fn run_with_input(
    arguments: &[impl AsRef<OsStr>],
    input: &[u8],
    limit: Duration,
) -> io::Result<Finished> {
    let command = describe(arguments);
    let (program, rest) = arguments.split_first().ok_or(io::ErrorKind::InvalidInput)?;
    let mut standard_input = tempfile::tempfile()?;
    standard_input.write_all(input)?;
    standard_input.rewind()?;
    let (mut stdout, mut stderr) = (tempfile::tempfile()?, tempfile::tempfile()?);

    let mut child = Command::new(program)
        .args(rest)
        .stdin(Stdio::from(standard_input))
        .stdout(stdout.try_clone()?)
        .stderr(stderr.try_clone()?)
        .spawn()
        .map_err(|error| io::Error::new(error.kind(), format!("cannot start `{command}`: {error}")))?;
    let status = wait_for(limit, || child.try_wait().transpose()).transpose()?;
    let Some(status) = status else {
        child.kill()?;
        child.wait()?;
        let said = text(&mut stderr)?;
        let message = format!("`{command}` still ran after {} s\n{said}", limit.as_secs_f64());
        return Err(io::Error::new(io::ErrorKind::TimedOut, message));
    };
    Ok(Finished { command, status, stdout: text(&mut stdout)?, stderr: text(&mut stderr)? })
}

fn describe(arguments: &[impl AsRef<OsStr>]) -> String {
    arguments.iter().map(|argument| argument.as_ref().to_string_lossy()).collect::<Vec<_>>().join(" ")
}

fn text(file: &mut File) -> io::Result<String> {
    let mut bytes = Vec::new();
    file.rewind()?;
    file.read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
