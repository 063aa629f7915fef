//! Baton: keeps the TLS certificate of a server fresh, and proves it.

mod cli;
mod commands;
mod draft;
mod failure;
mod guide;
mod local;
mod output;
mod place;
mod progress;
#[cfg(windows)]
mod service_log;
mod settings;
mod wiring;

use std::process::ExitCode;

use clap::Parser as _;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::{Layer as _, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::cli::{Cli, Color, Command, Globals};
use crate::failure::{Exit, Failure};
use crate::output::Output;

fn main() -> ExitCode {
    let cli = Cli::parse();
    match cli.globals.color {
        Color::Auto => {}
        Color::Always => anstream::ColorChoice::Always.write_global(),
        Color::Never => anstream::ColorChoice::Never.write_global(),
    }
    #[cfg(windows)]
    if matches!(cli.command, Command::Service(cli::Service::Run)) {
        return commands::service::run_as_service(cli);
    }
    #[cfg(windows)]
    if let Some(exit) = commands::selftest::as_service(&cli) {
        return exit;
    }
    set_up_logging(&cli);
    let output = Output { json: cli.globals.json };
    let result = runtime(&cli.command).and_then(|runtime| runtime.block_on(run(&cli, output)));
    match result {
        Ok(exit) => exit.into(),
        Err(failure) => {
            output.failure(&failure);
            failure.exit.into()
        }
    }
}

/// One thread for commands; `up` serves and renews side by side.
fn runtime(command: &Command) -> Result<tokio::runtime::Runtime, Failure> {
    let mut builder = match command {
        Command::Up(_) => tokio::runtime::Builder::new_multi_thread(),
        _ => tokio::runtime::Builder::new_current_thread(),
    };
    builder.worker_threads(2).enable_all().build().map_err(|error| {
        Failure::new(Exit::Failed, "runtime", error.to_string(), "see the limits of this account (ulimit -a)")
    })
}

async fn run(cli: &Cli, output: Output) -> Result<Exit, Failure> {
    let globals: &Globals = &cli.globals;
    match &cli.command {
        Command::Up(arguments) => commands::up::run(globals, arguments).await,
        Command::Init(arguments) => commands::init::run(globals, arguments, output).await,
        Command::Renew(arguments) => commands::renew::run(globals, arguments, output).await,
        Command::Request(arguments) => commands::by_hand::run(globals, arguments, output).await,
        Command::Accept(arguments) => commands::accept::run(globals, arguments, output).await,
        Command::Swap(arguments) => commands::swap::run(globals, arguments, output).await,
        Command::Hook(hook) => commands::hook::run(globals, hook, output).await,
        Command::Status => commands::status::run(globals, output).await,
        Command::History(arguments) => commands::history::run(globals, arguments, output).await,
        Command::Prove(arguments) => commands::prove::run(globals, arguments, output).await,
        Command::Resume(arguments) => commands::resume::run(globals, arguments, output).await,
        Command::Recover(arguments) => commands::recover::run(globals, arguments, output).await,
        Command::Tls(command) => commands::tls::run(globals, command, output).await,
        Command::Watchdog { target } => commands::watchdog::run(globals, target).await,
        Command::Rollback(arguments) => commands::rollback::run(globals, arguments, output).await,
        Command::Find { thumbprint } => commands::find::run(globals, thumbprint, output).await,
        Command::Retire(arguments) => commands::retire::run(globals, arguments, output).await,
        Command::Revoke(arguments) => commands::revoke::run(globals, arguments, output).await,
        Command::Account(command) => commands::account::run(globals, command, output).await,
        Command::Store(command) => commands::store::run(globals, command, output).await,
        Command::Target(command) => commands::target::run(globals, command, output).await,
        Command::Ca(command) => commands::ca::run(globals, command, output),
        Command::User(command) => commands::user::run(globals, command, output).await,
        Command::Token(command) => commands::token::run(globals, command, output).await,
        Command::Guide(arguments) => commands::guide::run(globals, arguments, output).await,
        Command::Service(command) => commands::service::run(globals, command).await,
        Command::Selftest(arguments) => commands::selftest::run(globals, arguments, output).await,
        Command::Check(arguments) => commands::check::run(globals, arguments, output).await,
        Command::Completions { shell } => commands::generate::completions(*shell),
        Command::Man => commands::generate::manual(),
    }
}

/// Standard error, as long lines without targets: a person reads them.
fn set_up_logging(cli: &Cli) {
    let is_up = matches!(cli.command, Command::Up(_));
    let level = match (cli.globals.quiet, cli.globals.verbose) {
        (true, _) => LevelFilter::ERROR,
        (false, 0) if is_up => LevelFilter::INFO,
        (false, 0) => LevelFilter::ERROR,
        (false, 1) => LevelFilter::INFO,
        (false, _) => LevelFilter::DEBUG,
    };
    let is_colour = anstream::AutoStream::choice(&std::io::stderr()) != anstream::ColorChoice::Never;
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .with_target(false)
        // When nobody reads standard error any more, that must not end the program.
        .log_internal_errors(false)
        .with_ansi(is_colour);
    tracing_subscriber::registry().with(lines.with_filter(log_filter(level))).init();
}

/// All of ours at a level, of others what is worth a warning.
fn log_filter(ours: LevelFilter) -> Targets {
    // Names of targets are compared by their beginning, and all our own crates begin alike.
    Targets::new().with_default(LevelFilter::WARN).with_target("baton", ours)
}
