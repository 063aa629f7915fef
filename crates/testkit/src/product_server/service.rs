//! A service manager in miniature: start, stop, restart.
//!
//! Beside the pid file `FILE` it keeps `FILE.ports` (what port 0 was turned into at the first start, so that a
//! restart comes back on the same ports), `FILE.ready` (the report) and `FILE.log` (standard error), unless the
//! command line names others.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::{self, ErrorKind};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use thiserror::Error;

use super::arguments::{ServerArguments, ServiceArguments};
use super::pid_file::{PidFileError, running_pid};
use super::report::ReadyReport;
use crate::condition::wait_for;
use crate::process;

/// How long a server may take to be ready.
const START_LIMIT: Duration = Duration::from_secs(120);

/// How long a server may take to end.
const STOP_LIMIT: Duration = Duration::from_secs(60);

/// A server was not started or not stopped.
#[derive(Debug, Error)]
pub enum ServiceError {
    /// The pid file cannot be used, or its server runs already.
    #[error(transparent)]
    PidFile(#[from] PidFileError),
    /// A file beside the pid file cannot be used, or the program cannot be started.
    #[error("cannot start the server")]
    Start {
        /// Why not.
        source: io::Error,
    },
    /// The remembered ports cannot be read.
    #[error("cannot parse {}", path.display())]
    Ports {
        /// The file of the ports.
        path: PathBuf,
        /// Where and why.
        source: serde_json::Error,
    },
    /// The server ended before it was ready.
    #[error("the server ended with {status}\n{said}")]
    Ended {
        /// How it ended.
        status: std::process::ExitStatus,
        /// Its standard error.
        said: String,
    },
    /// The server runs and does not become ready; it was ended.
    #[error("the server was not ready after {} s\n{said}", START_LIMIT.as_secs())]
    NotReady {
        /// Its standard error.
        said: String,
    },
    /// The server does not end.
    #[error("cannot end process {pid}")]
    Stop {
        /// The server's process id.
        pid: u32,
        /// Why not.
        source: io::Error,
    },
}

/// The path of a file beside the pid file: `FILE` with `.<extension>` added.
pub fn companion(pid_file: &Path, extension: &str) -> PathBuf {
    let mut path = OsString::from(pid_file);
    path.push(".");
    path.push(extension);
    path.into()
}

/// Starts a server in the background, waits until it is ready, and answers its report.
pub(super) fn start(arguments: &ServiceArguments) -> Result<String, ServiceError> {
    let pid_file = &arguments.pid_file;
    if running_pid(pid_file)?.is_some() {
        return Err(PidFileError::Running { path: pid_file.clone() }.into());
    }
    let failed = |source| ServiceError::Start { source };
    let ready = arguments.server.ready.clone().unwrap_or_else(|| companion(pid_file, "ready"));
    remove(&ready).map_err(failed)?;
    let log_path = arguments.log.clone().unwrap_or_else(|| companion(pid_file, "log"));
    let log = fs_err::OpenOptions::new().create(true).append(true).open(&log_path).map_err(failed)?;
    let already_said = log.metadata().map_err(failed)?.len();
    let ports = remembered_ports(&companion(pid_file, "ports"))?;

    let mut server = Command::new(std::env::current_exe().map_err(failed)?)
        .args(run_arguments(&arguments.server, &ports, &ready, pid_file))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log.into_file())
        .process_group(0) // not ours: a signal from the terminal is not for it
        .spawn()
        .map_err(failed)?;
    let said = || {
        let log = fs_err::read(&log_path).unwrap_or_default();
        let new = log.get(usize::try_from(already_said).unwrap_or(0)..).unwrap_or_default();
        String::from_utf8_lossy(new).trim_end().to_owned()
    };

    let ended = wait_for(START_LIMIT, || match server.try_wait() {
        Ok(None) => ready.exists().then_some(Ok(None)),
        outcome => Some(outcome),
    });
    match ended {
        Some(Ok(None)) => {}
        Some(Ok(Some(status))) => {
            remove(pid_file).map_err(failed)?;
            return Err(ServiceError::Ended { status, said: said() });
        }
        Some(Err(source)) => return Err(failed(source)),
        None => {
            server.kill().and_then(|()| server.wait()).map_err(failed)?;
            remove(pid_file).map_err(failed)?;
            return Err(ServiceError::NotReady { said: said() });
        }
    }

    let json = fs_err::read_to_string(&ready).map_err(failed)?;
    let report = ReadyReport::from_json(&json).map_err(io::Error::other).map_err(failed)?;
    remember_ports(&companion(pid_file, "ports"), &arguments.server, ports, &report).map_err(failed)?;
    Ok(report.to_json())
}

/// Ends the server and waits until it is gone and all its ports are closed; fine when it does not run.
///
/// Removes the pid file and the report, keeps the ports and the log.
pub fn stop(pid_file: &Path) -> Result<(), ServiceError> {
    let Some(pid) = running_pid(pid_file)? else {
        return remove(pid_file).map_err(|source| PidFileError::from(source).into());
    };
    let failed = |source| ServiceError::Stop { pid, source };
    process::terminate(pid).map_err(failed)?;
    wait_for(STOP_LIMIT, || process::is_gone(pid).then_some(())).ok_or_else(|| {
        failed(io::Error::new(ErrorKind::TimedOut, format!("it still runs after {} s", STOP_LIMIT.as_secs())))
    })?;
    remove(&companion(pid_file, "ready")).and_then(|()| remove(pid_file)).map_err(failed)
}

/// The command line of `run` that these arguments stand for.
fn run_arguments(
    server: &ServerArguments,
    ports: &BTreeMap<String, u16>,
    ready: &Path,
    pid_file: &Path,
) -> Vec<OsString> {
    let mut arguments: Vec<OsString> = ["run", "--product", server.product.key()].map(OsString::from).into();
    let mut add = |name: &str, value: OsString| arguments.extend([OsString::from(name), value]);
    add("--directory", server.directory.clone().into());
    add("--store", server.store.to_string().into());
    add("--ready", ready.into());
    add("--pid-file", pid_file.into());
    if let Some(address) = server.address {
        add("--address", address.to_string().into());
    }
    if let Some(end_after) = server.end_after {
        add("--end-after", end_after.as_secs().to_string().into());
    }
    for (name, number) in &server.ports {
        let number = if *number == 0 { ports.get(name).copied().unwrap_or(0) } else { *number };
        add("--port", format!("{name}={number}").into());
    }
    arguments
}

fn remembered_ports(path: &Path) -> Result<BTreeMap<String, u16>, ServiceError> {
    match fs_err::read(path) {
        Ok(json) => serde_json::from_slice(&json)
            .map_err(|source| ServiceError::Ports { path: path.to_owned(), source }),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(BTreeMap::new()),
        Err(source) => Err(ServiceError::Start { source }),
    }
}

/// Keeps what port 0 was turned into, for each port that was asked for as 0.
fn remember_ports(
    path: &Path,
    server: &ServerArguments,
    mut ports: BTreeMap<String, u16>,
    report: &ReadyReport,
) -> io::Result<()> {
    for (name, _) in server.ports.iter().filter(|(_, number)| *number == 0) {
        if let Some(&number) = report.ports.get(name) {
            ports.insert(name.clone(), number);
        }
    }
    if ports.is_empty() { Ok(()) } else { fs_err::write(path, serde_json::to_vec(&ports)?) }
}

fn remove(path: &Path) -> io::Result<()> {
    match fs_err::remove_file(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        outcome => outcome,
    }
}
