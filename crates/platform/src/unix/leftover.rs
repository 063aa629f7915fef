//! Commands that must not outlive who started them.
//!
//! The system ends a tied command with this process, a SIGKILL included; what the command itself has started
//! it does not know. So such a command has a variable in its environment that is its own, which its children inherit,
//! and whoever comes next ends all that still have it ([`end`]).

#![expect(unsafe_code, reason = "code between fork and exec is unsafe by nature")]

use std::io;

use fs_err as fs;
use nix::sys::prctl::set_pdeathsig;
use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, getppid};

/// Makes the child end with the process that starts it (PR_SET_PDEATHSIG(2const)).
///
/// The system counts the thread that starts it, not the process: it must be one that lives as long.
pub(crate) fn tie(command: &mut tokio::process::Command) {
    let parent = Pid::this();
    let enter = move || -> io::Result<()> {
        set_pdeathsig(Signal::SIGKILL)?;
        // It may have ended before that was said.
        if getppid() == parent { Ok(()) } else { Err(io::Error::from(io::ErrorKind::BrokenPipe)) }
    };
    // SAFETY: between fork and exec only async-signal-safe calls are allowed. `enter` makes two system calls, and its
    // errors hold no memory of their own.
    unsafe {
        command.pre_exec(enter);
    }
}

/// How often all processes are looked through: one that is about to end may start another one.
const ROUNDS: usize = 10;

/// Ends every process whose environment has the variable with this value; whether there were any.
///
/// A process that hides its environment, or has changed it, is not found.
pub fn end(variable: &str, value: &str) -> io::Result<bool> {
    let wanted = format!("{variable}={value}").into_bytes();
    for round in 0..ROUNDS {
        let found = having(&wanted)?;
        if found.is_empty() {
            return Ok(round > 0);
        }
        for id in found {
            // It may be gone by itself, or be another account's.
            let _ = kill(id, Signal::SIGKILL);
        }
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    Ok(true)
}

fn having(wanted: &[u8]) -> io::Result<Vec<Pid>> {
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc")? {
        let Some(id) = entry?.file_name().to_str().and_then(|name| name.parse::<i32>().ok()) else {
            continue;
        };
        // What has ended and is not yet forgotten has no environment any more.
        let environment = fs::read(format!("/proc/{id}/environ")).unwrap_or_default();
        let id = Pid::from_raw(id);
        if id != Pid::this() && environment.split(|byte| *byte == 0).any(|entry| entry == wanted) {
            found.push(id);
        }
    }
    Ok(found)
}
