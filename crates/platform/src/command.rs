//! Commands of the administrator: argv without a shell, a time limit, and their output kept.
//!
//! Exit code 0 is reported and never taken for more than it is. The output goes into a file, not a pipe: a
//! service that the command starts may keep its end open, and must neither hold us up nor be killed by our
//! closing the other end.

use std::ffi::OsString;
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use baton_finding::Explain;

use crate::system::command::{self as system, Processes};
#[cfg(any(target_os = "linux", windows))]
pub use crate::system::leftover;

/// How much of a command's output is kept unless more was asked for: the end of it, which tells why it failed.
const KEPT_OUTPUT: u64 = 16 * 1024;

/// A program with its arguments, and how it is run.
#[derive(Debug, Clone)]
pub struct Command {
    /// The program and its arguments.
    pub argv: Vec<String>,
    /// How long it may run.
    pub time_limit: Duration,
    /// Variables that its environment has beside those of this process.
    pub environment: Vec<(&'static str, String)>,
    /// Files that it shall see in place of others: (what is there, where it shall be seen).
    pub bound: Vec<(PathBuf, PathBuf)>,
    /// What it reads from its standard input.
    pub input: Vec<u8>,
    /// Its working directory; `None` for that of this process.
    pub directory: Option<PathBuf>,
    /// Whether it ends when this process ends, however that comes about. Its own children do not: see
    /// [`leftover::end`].
    pub is_tied: bool,
    /// How many bytes of its output are kept, counted from the end.
    pub kept_output: u64,
}

/// What a command did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// The exit code; `None` when a signal ended it. On Windows it may be an HRESULT, which is negative.
    pub exit_code: Option<i32>,
    /// The end of what it wrote to standard output and standard error.
    pub output: String,
}

/// A command did not do its work.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// The list of arguments is empty.
    #[error("the command is empty")]
    Empty,
    /// The program cannot be started.
    #[error("`{program}` cannot be started")]
    NotStarted {
        /// The program.
        program: String,
        /// What the system said.
        #[source]
        cause: std::io::Error,
    },
    /// The files cannot be shown to it in place of others.
    #[error("`{program}` cannot be shown the staged files: private mounts are not permitted here")]
    NotBound {
        /// The program.
        program: String,
    },
    /// It ended with an exit code other than 0, or by a signal.
    #[error("`{command}` failed with {how}{}", output_suffix(.output))]
    Failed {
        /// The whole command.
        command: String,
        /// "exit code 1", "a signal".
        how: String,
        /// The end of its output.
        output: String,
    },
    /// It was still running at the time limit, and was ended with all its children.
    #[error("`{command}` was still running after {} s and was ended{}", .limit.as_secs(), output_suffix(.output))]
    TimedOut {
        /// The whole command.
        command: String,
        /// The limit.
        limit: Duration,
        /// The end of its output.
        output: String,
    },
}

impl Explain for CommandError {
    fn code(&self) -> &'static str {
        match self {
            Self::Empty => "command-empty",
            Self::NotStarted { .. } => "command-not-started",
            Self::NotBound { .. } => "config-test-not-staged",
            Self::Failed { .. } => "command-failed",
            Self::TimedOut { .. } => "command-timed-out",
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::NotStarted { .. } => Some("give the program's full path in the settings".to_owned()),
            Self::Failed { .. } | Self::TimedOut { .. } => {
                Some("run the command by hand, as the account that runs Baton".to_owned())
            }
            _ => None,
        }
    }
}

/// Where a program is, as it would be found when it is started; `None` when it is nowhere.
#[expect(clippy::disallowed_methods, reason = "the system itself looks there, and no setting says otherwise")]
pub fn find(program: &str) -> Option<PathBuf> {
    let file = PathBuf::from(system::file_name(program));
    let is_program = |path: &PathBuf| system::is_program(path);
    if program.contains(std::path::is_separator) {
        return Some(file).filter(is_program);
    }
    std::env::split_paths(&std::env::var_os("PATH")?).map(|directory| directory.join(&file)).find(is_program)
}

fn output_suffix(output: &str) -> String {
    let output = output.trim();
    if output.is_empty() { String::new() } else { format!(": {output}") }
}

impl Command {
    /// A command with the environment of this process, without staged files, and with nothing to read.
    pub fn new(argv: Vec<String>, time_limit: Duration) -> Self {
        Self {
            argv,
            time_limit,
            environment: Vec::new(),
            bound: Vec::new(),
            input: Vec::new(),
            directory: None,
            is_tied: false,
            kept_output: KEPT_OUTPUT,
        }
    }

    /// Runs it to its end, or to its time limit; an end other than exit code 0 is an error.
    pub async fn run(&self) -> Result<Outcome, CommandError> {
        let outcome = self.run_to_end().await?;
        match outcome.exit_code {
            Some(0) => Ok(outcome),
            _ => Err(CommandError::Failed {
                command: self.to_string(),
                how: outcome.how(),
                output: outcome.output,
            }),
        }
    }

    /// Runs it to whatever end, or to its time limit.
    pub async fn run_to_end(&self) -> Result<Outcome, CommandError> {
        let (program, arguments) = self.argv.split_first().ok_or(CommandError::Empty)?;
        let not_started = |cause| CommandError::NotStarted { program: program.clone(), cause };
        let mut output = tempfile::tempfile().map_err(not_started)?;
        let stdout = output.try_clone().map_err(not_started)?;
        let stderr = output.try_clone().map_err(not_started)?;
        let mut command = tokio::process::Command::new(program);
        command
            .args(arguments.iter().map(OsString::from))
            .envs(self.environment.iter().map(|(name, value)| (*name, value)))
            .stdin(self.stdin().map_err(not_started)?)
            .stdout(Stdio::from(stdout))
            .stderr(Stdio::from(stderr))
            .kill_on_drop(true);
        for name in crate::service_manager::VARIABLES {
            command.env_remove(name);
        }
        if let Some(directory) = &self.directory {
            command.current_dir(directory);
        }
        let not_bound = |cause: std::io::Error| {
            if !self.bound.is_empty() && cause.kind() == std::io::ErrorKind::PermissionDenied {
                CommandError::NotBound { program: program.clone() }
            } else {
                not_started(cause)
            }
        };
        let mut processes = Processes::prepare(&mut command, self).map_err(not_bound)?;
        let mut child = command.spawn().map_err(not_bound)?;
        processes.started(&child).map_err(not_started)?;
        let Ok(status) = tokio::time::timeout(self.time_limit, child.wait()).await else {
            processes.end(&child);
            let _ = child.wait().await;
            let output = kept(&mut output, self.kept_output);
            return Err(CommandError::TimedOut { command: self.to_string(), limit: self.time_limit, output });
        };
        let status = status.map_err(not_started)?;
        Ok(Outcome { exit_code: status.code(), output: kept(&mut output, self.kept_output) })
    }
}

impl Outcome {
    /// "exit code 1", "a signal".
    pub fn how(&self) -> String {
        self.exit_code.map_or_else(|| "a signal".to_owned(), |code| format!("exit code {code}"))
    }
}

impl Command {
    /// A file and not a pipe: a command that reads nothing must not hold us up.
    fn stdin(&self) -> std::io::Result<Stdio> {
        if self.input.is_empty() {
            return Ok(Stdio::null());
        }
        let mut file = tempfile::tempfile()?;
        file.write_all(&self.input)?;
        file.rewind()?;
        Ok(Stdio::from(file))
    }
}

/// Starts a program that goes on by itself, in a session of its own: it outlives this process and its terminal.
pub fn start_detached(argv: &[String]) -> Result<(), CommandError> {
    let (program, arguments) = argv.split_first().ok_or(CommandError::Empty)?;
    let mut command = tokio::process::Command::new(program);
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    for name in crate::service_manager::VARIABLES {
        command.env_remove(name);
    }
    let started = system::spawn_detached(&mut command);
    started.map_err(|cause| CommandError::NotStarted { program: program.clone(), cause })
}

impl std::fmt::Display for Command {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.argv.join(" "))
    }
}

fn kept(output: &mut std::fs::File, most: u64) -> String {
    let mut bytes = Vec::new();
    let length = output.seek(SeekFrom::End(0)).unwrap_or(0);
    if output.seek(SeekFrom::Start(length.saturating_sub(most))).is_ok() {
        // What cannot be read back is only a lost explanation.
        let _ = std::io::Read::by_ref(output).take(most).read_to_end(&mut bytes);
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
