//! The calls of Windows.

pub mod certificate_store;
pub(crate) mod command;
pub(crate) mod durable;
pub mod event_log;
pub mod file_watch;
pub(crate) mod foreign_file;
pub mod host;
pub mod key_container;
pub mod leftover;
pub(crate) mod listener;
pub mod local_socket;
pub(crate) mod own_service;
pub mod registered_service;
mod registry;
pub mod schannel;
pub(crate) mod sealed;
mod security;
pub(crate) mod service;
pub mod service_account;
pub mod service_manager;
pub mod signals;

/// Text as the system takes it: UTF-16 with a closing zero.
fn wide(text: impl AsRef<std::ffi::OsStr>) -> Vec<u16> {
    use std::os::windows::ffi::OsStrExt as _;
    text.as_ref().encode_wide().chain(std::iter::once(0)).collect()
}

/// How long a path may be for the calls that take it as it is: that of a directory, which must leave room for a name.
const USUAL_PATH: usize = 247;

/// A path as the calls for files take it: a long one in the form that knows no limit.
fn wide_path(path: &std::path::Path) -> Vec<u16> {
    use std::path::{Component, Prefix};
    let Ok(absolute) = std::path::absolute(path) else { return wide(path) };
    let text = wide(&absolute);
    if text.len() <= USUAL_PATH {
        return wide(path);
    }
    let start = match absolute.components().next() {
        Some(Component::Prefix(prefix)) => prefix.kind(),
        _ => return text,
    };
    match start {
        Prefix::Disk(_) => [r"\\?\".encode_utf16().collect(), text].concat(),
        // The two backslashes before the server's name are in the beginning.
        Prefix::UNC(..) => [r"\\?\UNC\".encode_utf16().collect(), text[2..].to_vec()].concat(),
        _ => text,
    }
}

/// What a call says that answers with 0 when it has failed.
fn succeeded(answer: i32) -> std::io::Result<()> {
    if answer == 0 { Err(std::io::Error::last_os_error()) } else { Ok(()) }
}

/// What a call says that answers with an HRESULT.
fn refused(answer: windows_sys::core::HRESULT) -> std::io::Result<()> {
    /// An error of the system proper, carried along.
    const OF_SYSTEM: u32 = 0x8007_0000;
    let code = answer.cast_unsigned();
    match code & 0xFFFF_0000 {
        _ if answer >= 0 => Ok(()),
        OF_SYSTEM => Err(std::io::Error::from_raw_os_error((code & 0xFFFF).cast_signed())),
        _ => Err(std::io::Error::from_raw_os_error(answer)),
    }
}
