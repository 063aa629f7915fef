//! Processes and their jobs.

#![expect(unsafe_code, reason = "the standard library knows no jobs")]

use std::io;
use std::os::windows::io::{AsRawHandle as _, FromRawHandle as _, OwnedHandle, RawHandle};
use std::path::Path;
use std::ptr::null;

use tokio::process::Child;
use windows_sys::Win32::Foundation::{ERROR_ACCESS_DENIED, HANDLE, INVALID_HANDLE_VALUE};
use windows_sys::Win32::System::Diagnostics::ToolHelp::{
    CreateToolhelp32Snapshot, TH32CS_SNAPTHREAD, THREADENTRY32, Thread32First, Thread32Next,
};
use windows_sys::Win32::System::JobObjects::{
    AssignProcessToJobObject, CreateJobObjectW, JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE,
    JOBOBJECT_EXTENDED_LIMIT_INFORMATION, JobObjectExtendedLimitInformation, SetInformationJobObject,
    TerminateJobObject,
};
use windows_sys::Win32::System::Threading::{
    CREATE_BREAKAWAY_FROM_JOB, CREATE_NEW_PROCESS_GROUP, CREATE_SUSPENDED, DETACHED_PROCESS, OpenThread,
    ResumeThread, THREAD_SUSPEND_RESUME,
};

use super::succeeded;
use crate::command::Command;

/// The exit code of processes that are ended at their time limit.
const ENDED: u32 = 1;

/// The processes of one command, ended together: a job. Where the command is tied to this process, whatever is left of
/// the job ends with it, and at the latest when the command has ended.
#[derive(Debug)]
pub(crate) struct Processes {
    job: OwnedHandle,
}

impl Processes {
    /// Makes a command ready to be started as `settings` say. Fails with *permission denied* where files shall be shown
    /// in place of others: this system cannot do that.
    pub(crate) fn prepare(command: &mut tokio::process::Command, settings: &Command) -> io::Result<Self> {
        if !settings.bound.is_empty() {
            return Err(io::Error::from(io::ErrorKind::PermissionDenied));
        }
        // Of a group of its own, so that a Ctrl-C meant for us does not end it. It waits until it is in the job.
        command.creation_flags(CREATE_NEW_PROCESS_GROUP | CREATE_SUSPENDED);
        // SAFETY: a job without a name and with the usual access takes neither.
        let job = unsafe { CreateJobObjectW(null(), null()) };
        if job.is_null() {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the call has given a handle, which nobody else has.
        let job = unsafe { OwnedHandle::from_raw_handle(job as RawHandle) };
        if settings.is_tied {
            end_with_handle(&job)?;
        }
        Ok(Self { job })
    }

    /// The command has been started, and is let go.
    pub(crate) fn started(&mut self, child: &Child) -> io::Result<()> {
        let (Some(process), Some(id)) = (child.raw_handle(), child.id()) else {
            return Err(io::Error::from(io::ErrorKind::NotFound));
        };
        // SAFETY: both handles are open: the one is ours, the other the child's.
        succeeded(unsafe {
            AssignProcessToJobObject(self.job.as_raw_handle() as HANDLE, process as HANDLE)
        })?;
        resume(id)
    }

    /// Ends them all.
    pub(crate) fn end(&self, _child: &Child) {
        // SAFETY: the handle is ours, and open.
        unsafe {
            TerminateJobObject(self.job.as_raw_handle() as HANDLE, ENDED);
        }
    }
}

/// The last handle of the job is ours: when it is closed, by whatever, all processes of the job end.
fn end_with_handle(job: &OwnedHandle) -> io::Result<()> {
    let mut limits = JOBOBJECT_EXTENDED_LIMIT_INFORMATION::default();
    limits.BasicLimitInformation.LimitFlags = JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE;
    // SAFETY: the handle is open, and the limits are as long as they say.
    succeeded(unsafe {
        SetInformationJobObject(
            job.as_raw_handle() as HANDLE,
            JobObjectExtendedLimitInformation,
            (&raw const limits).cast(),
            size_of_val(&limits) as u32,
        )
    })
}

/// Lets a process go that was started suspended: it has one thread. The standard library keeps the handle of that
/// to itself, so it is looked for among all threads.
fn resume(process: u32) -> io::Result<()> {
    // SAFETY: the call takes numbers alone.
    let snapshot = unsafe { CreateToolhelp32Snapshot(TH32CS_SNAPTHREAD, 0) };
    if snapshot == INVALID_HANDLE_VALUE {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the call has given a handle, which nobody else has.
    let snapshot = unsafe { OwnedHandle::from_raw_handle(snapshot as RawHandle) };
    let mut entry = THREADENTRY32 { dwSize: size_of::<THREADENTRY32>() as u32, ..THREADENTRY32::default() };
    // SAFETY: the handle is open, and the place for the answer is as long as it says.
    let mut answer = unsafe { Thread32First(snapshot.as_raw_handle() as HANDLE, &raw mut entry) };
    while answer != 0 {
        if entry.th32OwnerProcessID == process {
            return resume_thread(entry.th32ThreadID);
        }
        // SAFETY: as above.
        answer = unsafe { Thread32Next(snapshot.as_raw_handle() as HANDLE, &raw mut entry) };
    }
    Err(io::Error::new(io::ErrorKind::NotFound, "the thread of a new process is not found"))
}

fn resume_thread(id: u32) -> io::Result<()> {
    // SAFETY: the call takes numbers alone.
    let thread = unsafe { OpenThread(THREAD_SUSPEND_RESUME, 0, id) };
    if thread.is_null() {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the call has given a handle, which nobody else has.
    let thread = unsafe { OwnedHandle::from_raw_handle(thread as RawHandle) };
    // SAFETY: the handle is open.
    match unsafe { ResumeThread(thread.as_raw_handle() as HANDLE) } {
        u32::MAX => Err(io::Error::last_os_error()),
        _ => Ok(()),
    }
}

/// Starts a program without a console, in a group of its own, and outside of a job that we are in, where that is
/// permitted.
pub(crate) fn spawn_detached(command: &mut tokio::process::Command) -> io::Result<()> {
    let flags = DETACHED_PROCESS | CREATE_NEW_PROCESS_GROUP;
    match command.creation_flags(flags | CREATE_BREAKAWAY_FROM_JOB).spawn() {
        Err(error) if error.raw_os_error().map(i32::cast_unsigned) == Some(ERROR_ACCESS_DENIED) => {
            command.creation_flags(flags).spawn().map(drop)
        }
        started => started.map(drop),
    }
}

/// What the file of a program is called.
pub(crate) fn file_name(program: &str) -> String {
    match Path::new(program).extension() {
        Some(_) => program.to_owned(),
        None => format!("{program}{}", std::env::consts::EXE_SUFFIX),
    }
}

/// Whether it is a file that can be started.
pub(crate) fn is_program(path: &Path) -> bool {
    path.is_file()
}
