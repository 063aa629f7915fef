//! What differs by system or touches it: durable files, locks, child processes, the local socket, the clock.
//!
//! The only crate that may hold `unsafe`. Everything above speaks of files that survive a crash and of
//! commands with a time limit, and does not know how a system provides them.

pub mod access_list;
pub mod clock;
pub mod command;
pub mod door;
pub mod durable;
pub mod foreign_file;
mod host_name;
pub mod listener;
pub mod lock;
pub mod memory;
pub mod own_service;
pub mod progress;
pub mod rotating_file;
pub mod sealed;
pub mod service;

#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

#[cfg(unix)]
use unix as system;
#[cfg(windows)]
use windows as system;

#[cfg(any(target_os = "linux", windows))]
pub use system::file_watch;
#[cfg(windows)]
pub use system::{certificate_store, event_log, key_container, schannel};
pub use system::{host, local_socket, registered_service, service_account, service_manager, signals};
