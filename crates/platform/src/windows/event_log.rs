//! The event log of the system.

#![expect(unsafe_code, reason = "the standard library knows no event log and no registry")]

use std::io;
use std::ptr::{null, null_mut};

use windows_sys::Win32::Foundation::{ERROR_SUCCESS, HANDLE};
use windows_sys::Win32::System::EventLog::{
    DeregisterEventSource, EVENTLOG_ERROR_TYPE, EVENTLOG_WARNING_TYPE, RegisterEventSourceW, ReportEventW,
};
use windows_sys::Win32::System::Registry::{
    HKEY_LOCAL_MACHINE, REG_DWORD, REG_EXPAND_SZ, RegDeleteKeyW, RegSetKeyValueW,
};

use super::{succeeded, wide};

/// A program of the system that brings messages with nothing in them but the text of the event: we need no library of
/// our own for them.
const MESSAGES: &str = r"%SystemRoot%\System32\EventCreate.exe";

/// The number of such a message.
const MESSAGE: u32 = 1;

/// The log of one source.
#[derive(Debug)]
pub struct EventLog(HANDLE);

// SAFETY: the handle stands for a connection to the log, which any thread may use.
unsafe impl Send for EventLog {}
// SAFETY: as above, also several at once.
unsafe impl Sync for EventLog {}

impl EventLog {
    /// Opens the log for this program's service.
    pub fn open() -> io::Result<Self> {
        let source = wide(super::own_service::NAME);
        // SAFETY: the name ends in a zero, and no server means this machine.
        let handle = unsafe { RegisterEventSourceW(null(), source.as_ptr()) };
        if handle.is_null() { Err(io::Error::last_os_error()) } else { Ok(Self(handle)) }
    }

    /// Writes an error, or else a warning.
    pub fn report(&self, is_error: bool, text: &str) -> io::Result<()> {
        let kind = if is_error { EVENTLOG_ERROR_TYPE } else { EVENTLOG_WARNING_TYPE };
        let text = wide(text);
        let texts = [text.as_ptr()];
        // SAFETY: the handle is open, and the one text ends in a zero and lives through the call.
        succeeded(unsafe { ReportEventW(self.0, kind, 0, MESSAGE, null_mut(), 1, 0, texts.as_ptr(), null()) })
    }
}

impl Drop for EventLog {
    fn drop(&mut self) {
        // SAFETY: the handle is ours, and closed once.
        unsafe {
            DeregisterEventSource(self.0);
        }
    }
}

/// Makes a source known, so that its events are shown with their text.
pub(super) fn register(source: &str) -> io::Result<()> {
    let kinds = u32::from(EVENTLOG_ERROR_TYPE | EVENTLOG_WARNING_TYPE).to_le_bytes();
    set(
        source,
        "EventMessageFile",
        REG_EXPAND_SZ,
        &wide(MESSAGES).iter().flat_map(|unit| unit.to_le_bytes()).collect::<Vec<_>>(),
    )?;
    set(source, "TypesSupported", REG_DWORD, &kinds)
}

fn set(source: &str, name: &str, kind: u32, value: &[u8]) -> io::Result<()> {
    let (key, name) = (wide(key(source)), wide(name));
    // SAFETY: both names end in a zero, and the value is as long as it says.
    let answer = unsafe {
        RegSetKeyValueW(
            HKEY_LOCAL_MACHINE,
            key.as_ptr(),
            name.as_ptr(),
            kind,
            value.as_ptr().cast(),
            value.len() as u32,
        )
    };
    if answer == ERROR_SUCCESS { Ok(()) } else { Err(io::Error::from_raw_os_error(answer.cast_signed())) }
}

/// Forgets a source. What it has written stays.
pub(super) fn unregister(source: &str) {
    let key = wide(key(source));
    // SAFETY: the name ends in a zero. A key that stays is a source that writes nothing.
    unsafe {
        RegDeleteKeyW(HKEY_LOCAL_MACHINE, key.as_ptr());
    }
}

fn key(source: &str) -> String {
    format!(r"SYSTEM\CurrentControlSet\Services\EventLog\Application\{source}")
}
