//! `baton completions` and `baton man`

use std::io::Write as _;

use clap::CommandFactory as _;

use crate::cli::Cli;
use crate::failure::{Exit, Failure};

pub(crate) fn completions(shell: clap_complete::Shell) -> Result<Exit, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "baton", &mut script);
    print(&script)
}

/// The page of `baton` and of each of its commands, one after the other.
pub(crate) fn manual() -> Result<Exit, Failure> {
    let mut page = Vec::new();
    let command = Cli::command().flatten_help(true);
    clap_mangen::Man::new(command).render(&mut page).map_err(|error| failed(&error))?;
    print(&page)
}

fn print(bytes: &[u8]) -> Result<Exit, Failure> {
    std::io::stdout().lock().write_all(bytes).map_err(|error| failed(&error))?;
    Ok(Exit::Done)
}

fn failed(error: &std::io::Error) -> Failure {
    Failure::new(Exit::Failed, "output-failed", error.to_string(), "write to a file or a terminal")
}
