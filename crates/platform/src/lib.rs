//! What differs by system or touches it: durable files, locks, child processes, the local socket, the clock.
//!
//! The only crate that may hold `unsafe`. Everything above speaks of files that survive a crash and of
//! commands with a time limit, and does not know how a system provides them.

pub mod clock;
pub mod command;
pub mod door;
pub mod durable;
#[cfg(target_os = "linux")]
pub mod file_watch;
pub mod foreign_file;
pub mod host;
pub mod local_socket;
pub mod lock;
pub mod progress;
pub mod service_manager;

#[cfg(target_os = "linux")]
mod private_mounts;
