//! The calls of Unix systems, and of Linux where only it has them.

pub(crate) mod command;
pub(crate) mod durable;
#[cfg(target_os = "linux")]
pub mod file_watch;
pub(crate) mod foreign_file;
pub mod host;
#[cfg(target_os = "linux")]
pub mod leftover;
pub(crate) mod listener;
pub mod local_socket;
pub(crate) mod own_service;
#[cfg(target_os = "linux")]
pub(crate) mod private_mounts;
pub mod registered_service;
pub(crate) mod sealed;
pub(crate) mod service;
pub mod service_account;
pub mod service_manager;
pub mod signals;
