//! Processes by their id: to end one, and to know when it is really gone.

use nix::errno::Errno;
use nix::sys::signal::{self, Signal};
use nix::unistd::Pid;

/// Sends SIGTERM to the process. A process that is already gone is no error.
pub fn terminate(pid: u32) -> std::io::Result<()> {
    send(pid, Signal::SIGTERM)
}

/// Sends `signal` to the process. A process that is already gone is no error.
pub fn send(pid: u32, signal: Signal) -> std::io::Result<()> {
    match signal::kill(process_id(pid)?, signal) {
        Ok(()) | Err(Errno::ESRCH) => Ok(()),
        Err(errno) => Err(errno.into()),
    }
}

/// True when the process does not exist any more, or is dead and only waits for its parent to notice.
///
/// Either way all its files and sockets are closed.
pub fn is_gone(pid: u32) -> bool {
    let Ok(id) = process_id(pid) else { return true };
    signal::kill(id, None) == Err(Errno::ESRCH) || is_zombie(pid)
}

/// True when every thread of the process is stopped by a signal.
pub fn is_stopped(pid: u32) -> bool {
    let Ok(threads) = fs_err::read_dir(format!("/proc/{pid}/task")) else { return false };
    threads.flatten().all(|thread| {
        // The state follows the program's name, which stands in parentheses (proc(5)).
        let status = fs_err::read_to_string(thread.path().join("stat")).unwrap_or_default();
        status.rsplit(") ").next().is_some_and(|fields| fields.starts_with('T'))
    })
}

/// Dead to its last thread. The main thread alone may be dead while others still hold files and sockets open.
fn is_zombie(pid: u32) -> bool {
    // The fields follow the program's name, which stands in parentheses and may hold anything (proc(5)).
    let Ok(status) = fs_err::read_to_string(format!("/proc/{pid}/stat")) else { return false };
    let fields: Vec<_> = status.rsplit(") ").next().unwrap_or_default().split(' ').collect();
    let (state, threads) = (fields.first(), fields.get(17).and_then(|number| number.parse::<u32>().ok()));
    matches!(state, Some(&("Z" | "X"))) && threads.is_some_and(|number| number <= 1)
}

/// Refuses what `kill` would take for a group of processes or for all of them.
fn process_id(pid: u32) -> std::io::Result<Pid> {
    match i32::try_from(pid) {
        Ok(id) if id > 1 => Ok(Pid::from_raw(id)),
        _ => {
            Err(std::io::Error::new(std::io::ErrorKind::InvalidInput, format!("{pid} is no process of ours")))
        }
    }
}
