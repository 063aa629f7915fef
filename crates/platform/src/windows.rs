//! The calls of Windows.

pub(crate) mod command;
pub(crate) mod durable;
pub mod file_watch;
pub(crate) mod foreign_file;
pub mod host;
pub mod leftover;
pub(crate) mod listener;
pub mod local_socket;
mod security;
pub mod service_manager;
pub mod signals;

/// Text as the system takes it: UTF-16 with a closing zero.
fn wide(text: impl AsRef<std::ffi::OsStr>) -> Vec<u16> {
    use std::os::windows::ffi::OsStrExt as _;
    text.as_ref().encode_wide().chain(std::iter::once(0)).collect()
}

/// What a call says that answers with 0 when it has failed.
fn succeeded(answer: i32) -> std::io::Result<()> {
    if answer == 0 { Err(std::io::Error::last_os_error()) } else { Ok(()) }
}
