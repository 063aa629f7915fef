//! The stand-in for the four server products as a program; see `baton_testkit::product_server`.

use std::process::ExitCode;

#[cfg(unix)]
fn main() -> ExitCode {
    baton_testkit::product_server::main()
}

#[cfg(not(unix))]
fn main() -> ExitCode {
    ExitCode::FAILURE
}
