//! The command line as a user meets it, against real servers: nginx, the products' stand-in, OpenSSL as client.

#![cfg(unix)]
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test that cannot be set up is a failed test, and one that takes samples says which"
)]

mod access;
mod acme;
mod adcs;
mod afterwards;
mod alarm;
mod api;
mod bad_input;
mod by_hand;
mod command_ca;
mod command_line;
#[cfg(target_os = "linux")]
mod designer;
mod documents;
mod faults;
mod guard;
mod guide;
mod hooks;
mod init;
mod monitoring;
mod network;
mod nginx;
mod nodes;
mod products;
mod recover;
#[cfg(target_os = "linux")]
mod selftest;
mod servers;
#[cfg(target_os = "linux")]
mod service;
mod settings;
mod status;
#[cfg(unix)]
mod stopping;
mod store;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod sweep;
mod up;
mod world;
