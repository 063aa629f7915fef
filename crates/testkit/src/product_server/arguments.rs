//! The command line of `product-server`.
//!
//! Data (the report of a server that is ready) goes to standard output, everything else to standard error. Exit
//! codes: 0 done, 1 failed, 2 usage.

use std::io::Write;
use std::net::IpAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};

use super::certificate::StorePlace;
use super::endpoint::Product;
use super::server;
#[cfg(unix)]
use super::service;
#[cfg(windows)]
use super::windows_service;

/// A stand-in for the four server products, for tests.
#[derive(Debug, Parser)]
#[command(name = "product-server", version, about, disable_help_subcommand = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve until ended by a signal
    Run {
        #[command(flatten)]
        server: ServerArguments,
        /// Where to write the process id; locked while the server runs
        #[arg(long, value_name = "FILE")]
        pid_file: Option<PathBuf>,
    },
    /// Serve as the service control manager says, which starts this
    #[cfg(windows)]
    Service(WindowsServiceArguments),
    /// Start a server in the background and wait until it is ready
    #[cfg(unix)]
    Start(ServiceArguments),
    /// End the server and wait until it is gone
    #[cfg(unix)]
    Stop {
        /// The pid file that the server was started with
        #[arg(long, value_name = "FILE")]
        pid_file: PathBuf,
    },
    /// Stop, then start
    #[cfg(unix)]
    Restart(ServiceArguments),
}

/// What a server is and where its files are.
#[derive(Args, Clone, Debug)]
pub(super) struct ServerArguments {
    /// Which of the four products
    #[arg(long)]
    pub(super) product: Product,
    /// The product's directory, which holds `config`
    #[arg(long, value_name = "DIR")]
    pub(super) directory: PathBuf,
    /// The store: a directory with one directory for each thumbprint, or on Windows `windows:NAME` of Local Machine
    #[arg(long, value_name = "DIR")]
    pub(super) store: StorePlace,
    /// The address to listen on [default: 127.0.0.1, or what the mode of xtract-core says]
    #[arg(long, value_name = "IP")]
    pub(super) address: Option<IpAddr>,
    /// Another port than the settings or the product's default; 0 for any that is free
    #[arg(long = "port", value_name = "NAME=N", value_parser = parse_port)]
    pub(super) ports: Vec<(String, u16)>,
    /// Where to write the report, in one piece, once all endpoints accept connections
    #[arg(long, value_name = "FILE")]
    pub(super) ready: Option<PathBuf>,
    /// End by itself after this many seconds, so that a killed test leaves nothing behind
    #[arg(long, value_name = "SECONDS", value_parser = parse_seconds)]
    pub(super) end_after: Option<Duration>,
}

/// What a Windows service is told by whoever made it.
#[cfg(windows)]
#[derive(Args, Debug)]
pub(super) struct WindowsServiceArguments {
    #[command(flatten)]
    pub(super) server: ServerArguments,
    /// The name of the service
    #[arg(long)]
    pub(super) name: String,
    /// Where is appended what the server has to say
    #[arg(long, value_name = "FILE")]
    pub(super) log: PathBuf,
}

#[cfg(unix)]
#[derive(Args, Debug)]
pub(super) struct ServiceArguments {
    #[command(flatten)]
    pub(super) server: ServerArguments,
    /// Where the process id is; the files .ports, .ready and .log are beside it
    #[arg(long, value_name = "FILE")]
    pub(super) pid_file: PathBuf,
    /// Where the server's standard error is appended [default: the pid file with .log added]
    #[arg(long, value_name = "FILE")]
    pub(super) log: Option<PathBuf>,
}

/// Reads the command line and does what it says: all of the program `product-server`.
pub fn main() -> ExitCode {
    let outcome = match Arguments::parse().command {
        Command::Run { server, pid_file } => server::run(&server, pid_file.as_deref()).map_err(describe),
        #[cfg(windows)]
        Command::Service(service) => windows_service::run(service),
        #[cfg(unix)]
        Command::Start(service) => {
            service::start(&service).map_err(describe).and_then(|report| print(&report))
        }
        #[cfg(unix)]
        Command::Stop { pid_file } => service::stop(&pid_file).map_err(describe),
        #[cfg(unix)]
        Command::Restart(service) => service::stop(&service.pid_file)
            .and_then(|()| service::start(&service))
            .map_err(describe)
            .and_then(|report| print(&report)),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            complain(&format!("error: {message}"));
            ExitCode::FAILURE
        }
    }
}

/// One line to standard output.
pub(super) fn print(line: &str) -> Result<(), String> {
    writeln!(std::io::stdout().lock(), "{line}")
        .map_err(|error| format!("cannot write to standard output: {error}"))
}

/// One line to standard error.
pub(crate) fn complain(line: &str) {
    // Nobody is left to hear that standard error is gone.
    let _ = writeln!(std::io::stderr().lock(), "{line}");
}

/// The error and what caused it, on one line each.
pub(super) fn describe(error: impl std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(&format!("\ncaused by: {error}"));
        cause = error.source();
    }
    text
}

fn parse_port(argument: &str) -> Result<(String, u16), String> {
    let (name, number) = argument.split_once('=').ok_or("not of the form NAME=N")?;
    let number = number.parse().map_err(|error| format!("the port {number:?}: {error}"))?;
    Ok((name.to_owned(), number))
}

fn parse_seconds(argument: &str) -> Result<Duration, std::num::ParseIntError> {
    argument.parse().map(Duration::from_secs)
}
