//! The event log of the system.

#![expect(unsafe_code, reason = "the standard library knows no event log and no registry")]

use std::io;
use std::mem::offset_of;
use std::ptr::{null, null_mut};

use windows_sys::Win32::Foundation::{ERROR_HANDLE_EOF, ERROR_INSUFFICIENT_BUFFER, ERROR_SUCCESS, HANDLE};
use windows_sys::Win32::System::EventLog::{
    CloseEventLog, DeregisterEventSource, EVENTLOG_ERROR_TYPE, EVENTLOG_SEQUENTIAL_READ,
    EVENTLOG_WARNING_TYPE, EVENTLOGRECORD, OpenEventLogW, ReadEventLogW, RegisterEventSourceW, ReportEventW,
};
use windows_sys::Win32::System::Registry::{
    HKEY_LOCAL_MACHINE, REG_DWORD, REG_EXPAND_SZ, RegDeleteKeyW, RegSetKeyValueW,
};

use super::{succeeded, wide};

/// A program of the system that brings messages with nothing in them but the text of the event: we need no library of
/// our own for them.
const MESSAGES: &str = r"%SystemRoot%\System32\EventCreate.exe";

/// The latest event first (EVENTLOG_BACKWARDS_READ of winnt.h).
const BACKWARDS: u32 = 0x0008;

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
        Self::of(super::own_service::NAME)
    }

    /// Opens the log for a source.
    pub fn of(source: &str) -> io::Result<Self> {
        let source = wide(source);
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

/// Whether a source has written that text into the log of programs, as the log itself says: its latest events are read,
/// a few hundred kilobytes of them.
pub fn shows(source: &str, text: &str) -> io::Result<bool> {
    let name = wide("Application");
    // SAFETY: the name ends in a zero, and no server means this machine.
    let log = unsafe { OpenEventLogW(null(), name.as_ptr()) };
    if log.is_null() {
        return Err(io::Error::last_os_error());
    }
    let shown = read_back(log, &|record| says(record, source, text));
    // SAFETY: the handle is ours, and closed once.
    unsafe {
        CloseEventLog(log);
    }
    shown
}

/// Whether a record is of a source, and its first text that one.
fn says(record: &[u8], source: &str, text: &str) -> bool {
    let offset = record.get(offset_of!(EVENTLOGRECORD, StringOffset)..).and_then(|rest| rest.first_chunk());
    let offset = offset.map_or(0, |offset| u32::from_le_bytes(*offset) as usize);
    // The source is what follows the fixed part.
    text_in(record, size_of::<EVENTLOGRECORD>()) == source && text_in(record, offset) == text
}

/// The text that begins there in a record, up to its zero.
fn text_in(record: &[u8], offset: usize) -> String {
    let units = record.get(offset..).unwrap_or_default().as_chunks::<2>().0.iter();
    let units: Vec<u16> = units.map(|unit| u16::from_le_bytes(*unit)).take_while(|unit| *unit != 0).collect();
    String::from_utf16_lossy(&units)
}

/// Whether one of the latest records is meant.
fn read_back(log: HANDLE, is_meant: &dyn Fn(&[u8]) -> bool) -> io::Result<bool> {
    const MOST_READS: usize = 8;
    let mut room = vec![0_u8; 64 * 1024];
    for _ in 0..MOST_READS {
        let (mut count, mut needed) = (0, 0);
        // SAFETY: the log is open, and the place for the answer is as long as it says.
        let answer = succeeded(unsafe {
            ReadEventLogW(
                log,
                EVENTLOG_SEQUENTIAL_READ | BACKWARDS,
                0,
                room.as_mut_ptr().cast(),
                room.len() as u32,
                &raw mut count,
                &raw mut needed,
            )
        });
        match answer.map_err(|error| (error.raw_os_error().map(i32::cast_unsigned), error)) {
            Ok(()) => {}
            Err((Some(ERROR_HANDLE_EOF), _)) => return Ok(false),
            Err((Some(ERROR_INSUFFICIENT_BUFFER), _)) => {
                room = vec![0; needed as usize];
                continue;
            }
            Err((_, error)) => return Err(error),
        }
        let mut records = room.get(..count as usize).unwrap_or_default();
        while let Some((length, _)) = records.split_first_chunk::<4>() {
            let length = u32::from_le_bytes(*length) as usize;
            let Some((record, rest)) = records.split_at_checked(length) else { break };
            if record.is_empty() {
                break;
            }
            if is_meant(record) {
                return Ok(true);
            }
            records = rest;
        }
    }
    Ok(false)
}

/// Makes a source known, so that its events are shown with their text.
pub fn register(source: &str) -> io::Result<()> {
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
pub fn unregister(source: &str) {
    let key = wide(key(source));
    // SAFETY: the name ends in a zero. A key that stays is a source that writes nothing.
    unsafe {
        RegDeleteKeyW(HKEY_LOCAL_MACHINE, key.as_ptr());
    }
}

fn key(source: &str) -> String {
    format!(r"SYSTEM\CurrentControlSet\Services\EventLog\Application\{source}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_known_by_its_source_and_its_first_text() {
        // The form of the system: the fixed part, source, computer, then the texts.
        let wide = |text: &str| wide(text).iter().flat_map(|unit| unit.to_le_bytes()).collect::<Vec<_>>();
        let names = [wide("Baton"), wide("SERVER")].concat();
        let mut record = vec![0_u8; size_of::<EVENTLOGRECORD>()];
        let offset = u32::try_from(record.len() + names.len()).unwrap();
        record[offset_of!(EVENTLOGRECORD, StringOffset)..][..4].copy_from_slice(&offset.to_le_bytes());
        record.extend([names, wide("all is well"), wide("more")].concat());
        assert!(says(&record, "Baton", "all is well"));
        assert!(!says(&record, "Baton", "more") && !says(&record, "Bato", "all is well"));
        // What is cut off says nothing, wherever it is cut.
        assert!((0..offset as usize).all(|length| !says(&record[..length], "Baton", "all is well")));
    }
}
