//! The service control manager.

#![expect(
    unsafe_code,
    reason = "windows-service neither lists dependents nor tells the process of a service that stops"
)]

use std::io;
use std::os::windows::io::{AsRawHandle as _, FromRawHandle as _, OwnedHandle, RawHandle};
use std::time::Duration;

use windows_service::Error;
use windows_service::service::{Service, ServiceAccess};
use windows_service::service_manager::{ServiceManager, ServiceManagerAccess};
use windows_sys::Win32::Foundation::{
    ERROR_ACCESS_DENIED, ERROR_INVALID_NAME, ERROR_MORE_DATA, ERROR_SERVICE_ALREADY_RUNNING,
    ERROR_SERVICE_CANNOT_ACCEPT_CTRL, ERROR_SERVICE_DISABLED, ERROR_SERVICE_DOES_NOT_EXIST,
    ERROR_SERVICE_MARKED_FOR_DELETE, ERROR_SERVICE_NOT_ACTIVE, ERROR_SERVICE_REQUEST_TIMEOUT,
    ERROR_SERVICE_SPECIFIC_ERROR, HANDLE,
};
use windows_sys::Win32::System::Services::{
    ENUM_SERVICE_STATUSW, EnumDependentServicesW, QueryServiceStatusEx, SC_STATUS_PROCESS_INFO,
    SERVICE_ACTIVE, SERVICE_ENUMERATE_DEPENDENTS, SERVICE_RUNNING, SERVICE_START_PENDING,
    SERVICE_STATUS_PROCESS, SERVICE_STOP_PENDING, SERVICE_STOPPED, SERVICE_WIN32_OWN_PROCESS,
};
use windows_sys::Win32::System::Threading::{OpenProcess, PROCESS_TERMINATE, TerminateProcess};

use super::security::text_at;
use super::succeeded;
use crate::service::{Exit, Refusal, ServiceError, Services, State, Status};

/// Whether this system restarts services by their names.
pub const IS_AVAILABLE: bool = true;

/// What a restart needs; who has less is told so before anything is stopped.
const ACCESS: ServiceAccess = ServiceAccess::QUERY_STATUS
    .union(ServiceAccess::START)
    .union(ServiceAccess::STOP)
    .union(ServiceAccess::from_bits_retain(SERVICE_ENUMERATE_DEPENDENTS));

/// The exit code of processes that are ended because their service does not stop.
const ENDED: u32 = 1;

/// The service control manager of this machine. Its handles stay on the thread that opened them, and one that is kept
/// keeps a service from being deleted: so each call opens its own.
pub(crate) struct SystemServices(());

impl SystemServices {
    pub(crate) fn open(_name: &str) -> Result<Self, ServiceError> {
        Ok(Self(()))
    }
}

fn service(name: &str) -> Result<Service, Refusal> {
    let manager = ServiceManager::local_computer(None::<&str>, ServiceManagerAccess::CONNECT);
    manager.and_then(|manager| manager.open_service(name, ACCESS)).map_err(refusal)
}

impl Services for SystemServices {
    fn status(&self, name: &str) -> Result<Status, Refusal> {
        let service = service(name)?;
        let mut status = SERVICE_STATUS_PROCESS::default();
        let mut needed = 0;
        // SAFETY: the handle is open, and the place for the answer is as long as it says.
        let answer = unsafe {
            QueryServiceStatusEx(
                service.raw_handle(),
                SC_STATUS_PROCESS_INFO,
                (&raw mut status).cast(),
                size_of_val(&status) as u32,
                &raw mut needed,
            )
        };
        succeeded(answer).map_err(Refusal::Other)?;
        Ok(Status {
            state: match status.dwCurrentState {
                SERVICE_STOPPED => State::Stopped,
                SERVICE_START_PENDING => State::Starting,
                SERVICE_RUNNING => State::Running,
                SERVICE_STOP_PENDING => State::Stopping,
                _ => State::Paused,
            },
            exit: match status.dwWin32ExitCode {
                ERROR_SERVICE_SPECIFIC_ERROR => Exit::Own(status.dwServiceSpecificExitCode),
                code => Exit::System(code),
            },
            wait_hint: Duration::from_millis(status.dwWaitHint.into()),
            process: (status.dwServiceType & SERVICE_WIN32_OWN_PROCESS != 0 && status.dwProcessId != 0)
                .then_some(status.dwProcessId),
        })
    }

    fn stop(&self, name: &str) -> Result<(), Refusal> {
        service(name)?.stop().map(drop).map_err(refusal)
    }

    fn start(&self, name: &str) -> Result<(), Refusal> {
        service(name)?.start::<&str>(&[]).map_err(refusal)
    }

    fn running_dependents(&self, name: &str) -> Result<Vec<String>, Refusal> {
        let service = service(name)?;
        // Aligned as the entries need it. As long as the system asked for the last time.
        let mut room: Vec<u64> = Vec::new();
        loop {
            let (mut needed, mut count) = (0, 0);
            // SAFETY: the handle is open, and the place for the answer is as long as it says.
            let answer = unsafe {
                EnumDependentServicesW(
                    service.raw_handle(),
                    SERVICE_ACTIVE,
                    room.as_mut_ptr().cast(),
                    size_of_val(room.as_slice()) as u32,
                    &raw mut needed,
                    &raw mut count,
                )
            };
            if answer != 0 {
                let entries: *const ENUM_SERVICE_STATUSW = room.as_ptr().cast();
                // SAFETY: the call has filled in as many entries, and their names are texts in the same memory.
                let name = |position| unsafe { text_at((*entries.add(position)).lpServiceName) };
                return Ok((0..count as usize).map(name).collect());
            }
            match io::Error::last_os_error() {
                error if code(&error) == Some(ERROR_MORE_DATA) => room = vec![0; needed as usize / 8 + 1],
                error => return Err(Refusal::Other(error)),
            }
        }
    }

    fn end(&self, process: u32) -> Result<(), Refusal> {
        // SAFETY: the call takes numbers alone.
        let process = unsafe { OpenProcess(PROCESS_TERMINATE, 0, process) };
        if process.is_null() {
            return Err(refused(io::Error::last_os_error()));
        }
        // SAFETY: the call has given a handle, which nobody else has.
        let process = unsafe { OwnedHandle::from_raw_handle(process as RawHandle) };
        // SAFETY: the handle is open.
        succeeded(unsafe { TerminateProcess(process.as_raw_handle() as HANDLE, ENDED) }).map_err(refused)
    }
}

fn refusal(error: Error) -> Refusal {
    match error {
        Error::Winapi(error) => refused(error),
        // A name with a zero in it is nobody's.
        Error::ArgumentHasNulByte(_) => Refusal::Missing,
        error => Refusal::Other(io::Error::other(error)),
    }
}

fn refused(error: io::Error) -> Refusal {
    match code(&error) {
        Some(ERROR_SERVICE_DOES_NOT_EXIST | ERROR_INVALID_NAME | ERROR_SERVICE_MARKED_FOR_DELETE) => {
            Refusal::Missing
        }
        Some(ERROR_ACCESS_DENIED) => Refusal::Denied,
        Some(ERROR_SERVICE_DISABLED) => Refusal::Disabled,
        Some(ERROR_SERVICE_NOT_ACTIVE | ERROR_SERVICE_ALREADY_RUNNING) => Refusal::Already,
        Some(ERROR_SERVICE_CANNOT_ACCEPT_CTRL) => Refusal::NotNow,
        Some(code @ ERROR_SERVICE_REQUEST_TIMEOUT) => Refusal::NoAnswer(code),
        _ => Refusal::Other(error),
    }
}

fn code(error: &io::Error) -> Option<u32> {
    error.raw_os_error().map(i32::cast_unsigned)
}
