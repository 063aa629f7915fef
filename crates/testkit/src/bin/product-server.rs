//! The stand-in for the four server products as a program; see `baton_testkit::product_server`.

use std::process::ExitCode;

fn main() -> ExitCode {
    baton_testkit::product_server::main()
}
