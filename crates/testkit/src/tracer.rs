//! A program that stops at each of its system calls, and is killed at one of them (ptrace(2)).
//!
//! One counter runs over all threads of the program, in the order in which the kernel reports them: a point is the
//! entry into a system call, which then has not happened, or the exit from it, when it has. Only calls that
//! [touch](Call::touches) files, sockets or processes are points.
//!
//! The threads of the program are traced. The processes that it starts are not: they run at full speed, and live on
//! when the program is killed, as they would without a tracer.
//!
//! Linux on x86-64, as the account that starts the program.

use std::collections::BTreeMap;
use std::io::{self, Read as _, Seek as _};
use std::process::{Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

use nix::errno::Errno;
use nix::libc;
use nix::sys::ptrace;
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;

pub use call::{Call, Moment};

mod call;

/// How long a traced program may run.
const LIMIT: Duration = Duration::from_secs(120);

/// Stops itself, and becomes the program once it is traced.
const STOP_THEN_RUN: &str = "kill -STOP $$; exec \"$@\"";

/// What becomes of the program at a point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It goes on.
    Continue,
    /// SIGKILL, to all of its threads.
    Kill,
}

/// How a traced program ended.
#[derive(Clone, Debug)]
pub struct Traced {
    /// Its exit code; none when a signal ended it.
    pub exit: Option<i32>,
    /// Standard output, with invalid UTF-8 replaced.
    pub stdout: String,
    /// Standard error, with invalid UTF-8 replaced.
    pub stderr: String,
}

/// Runs a program and asks `observe` at every point.
///
/// Of `command` the program, its arguments, the changes to its environment and its directory count; its input is
/// empty and its output is kept. Panics when the program cannot be traced, or runs for more than two minutes.
#[track_caller]
pub fn trace(command: &Command, observe: impl FnMut(&Call) -> Verdict + Send) -> Traced {
    // Only the thread that began it may trace, and what it waits for must be nobody else's child.
    let traced = std::thread::scope(|scope| scope.spawn(|| run(command, observe)).join());
    match traced {
        Ok(Ok(traced)) => traced,
        Ok(Err(error)) => panic!("{} cannot be traced: {error}", command.get_program().to_string_lossy()),
        Err(panic) => std::panic::resume_unwind(panic),
    }
}

fn run(command: &Command, observe: impl FnMut(&Call) -> Verdict) -> io::Result<Traced> {
    let (mut stdout, mut stderr) = (tempfile::tempfile()?, tempfile::tempfile()?);
    let mut shell = Command::new("/bin/sh");
    shell.args(["-c", STOP_THEN_RUN, "sh"]).arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => shell.env(name, value),
            None => shell.env_remove(name),
        };
    }
    if let Some(directory) = command.get_current_dir() {
        shell.current_dir(directory);
    }
    shell.stdin(Stdio::null()).stdout(stdout.try_clone()?).stderr(stderr.try_clone()?);
    let id = i32::try_from(shell.spawn()?.id()).map_err(io::Error::other)?;
    let program = Pid::from_raw(id);

    let (ended, watch) = mpsc::channel::<()>();
    let status = std::thread::scope(|scope| {
        scope.spawn(move || {
            if watch.recv_timeout(LIMIT) == Err(RecvTimeoutError::Timeout) {
                // It is a child that nobody has waited for yet, so the number is still its own.
                let _ = kill(program, Signal::SIGKILL);
            }
        });
        let status = follow(program, observe);
        drop(ended);
        status
    })?;
    let text = |file: &mut std::fs::File| -> io::Result<String> {
        let mut bytes = Vec::new();
        file.rewind()?;
        file.read_to_end(&mut bytes)?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    };
    let exit = match status {
        WaitStatus::Exited(_, code) => Some(code),
        _ => None,
    };
    Ok(Traced { exit, stdout: text(&mut stdout)?, stderr: text(&mut stderr)? })
}

/// Resumes every thread from stop to stop until none is left; answers how the program ended.
fn follow(program: Pid, mut observe: impl FnMut(&Call) -> Verdict) -> io::Result<WaitStatus> {
    waitpid(program, Some(WaitPidFlag::WUNTRACED | WaitPidFlag::__WALL))?;
    // Threads alone: a process that is forked off (its end is told by SIGCHLD) is none of TRACECLONE's.
    let options = ptrace::Options::PTRACE_O_TRACESYSGOOD
        | ptrace::Options::PTRACE_O_TRACECLONE
        | ptrace::Options::PTRACE_O_TRACEEXEC
        | ptrace::Options::PTRACE_O_EXITKILL;
    ptrace::seize(program, options)?;
    kill(program, Signal::SIGCONT)?;

    let mut has_begun = false;
    let mut is_killed = false;
    let mut entered: BTreeMap<Pid, Call> = BTreeMap::new();
    let mut end = None;
    loop {
        let flags = WaitPidFlag::__WALL | WaitPidFlag::__WNOTHREAD;
        let status = match waitpid(Pid::from_raw(-1), Some(flags)) {
            Ok(status) => status,
            Err(Errno::ECHILD) => {
                return end.ok_or_else(|| io::Error::other("its end was not seen"));
            }
            Err(Errno::EINTR) => continue,
            Err(errno) => return Err(errno.into()),
        };
        let (thread, signal) = match status {
            WaitStatus::Exited(thread, _) | WaitStatus::Signaled(thread, ..) => {
                if thread == program {
                    end = Some(status);
                }
                continue;
            }
            WaitStatus::PtraceEvent(thread, _, event) => {
                has_begun |= event == libc::PTRACE_EVENT_EXEC;
                (thread, None)
            }
            WaitStatus::PtraceSyscall(thread) => {
                // Threads that were stopped when the program was killed have nothing more to tell.
                if has_begun
                    && !is_killed
                    && let Some(call) = stopped_at(program, thread, &mut entered)
                    && call.touches()
                    && observe(&call) == Verdict::Kill
                {
                    kill(program, Signal::SIGKILL)?;
                    is_killed = true;
                }
                (thread, None)
            }
            WaitStatus::Stopped(thread, signal) => (thread, Some(signal)),
            _ => continue,
        };
        if is_killed {
            continue;
        }
        match ptrace::syscall(thread, signal) {
            // It was killed while it was stopped; its end is reported next.
            Ok(()) | Err(Errno::ESRCH) => {}
            Err(errno) => return Err(errno.into()),
        }
    }
}

/// The call that a thread is stopped at; none when the thread is gone, or its entry was not seen.
fn stopped_at(program: Pid, thread: Pid, entered: &mut BTreeMap<Pid, Call>) -> Option<Call> {
    let operation = ptrace::syscall_info(thread).ok()?.op;
    let registers = ptrace::getregs(thread).ok()?;
    match operation {
        libc::PTRACE_SYSCALL_INFO_ENTRY => {
            let call = Call::entered(program, thread, &registers);
            entered.insert(thread, call.clone());
            Some(call)
        }
        libc::PTRACE_SYSCALL_INFO_EXIT => Some(entered.remove(&thread)?.left(&registers)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn copy(from: &Path, to: &Path) -> Command {
        let mut command = Command::new("dd");
        command.arg(format!("if={}", from.display())).arg(format!("of={}", to.display()));
        command
    }

    #[test]
    fn a_call_has_not_happened_at_its_entry_and_has_at_its_exit() {
        let directory = tempfile::tempdir().unwrap();
        let (from, to) = (directory.path().join("from"), directory.path().join("to"));
        fs_err::write(&from, "content").unwrap();
        for (moment, expected) in [(Moment::Entry, ""), (Moment::Exit, "content")] {
            let traced = trace(&copy(&from, &to), |call| {
                // `dd` has made the file its standard output.
                let writes = call.number() == libc::SYS_write && call.number_argument(0) == 1;
                if writes && call.moment() == moment { Verdict::Kill } else { Verdict::Continue }
            });
            assert_eq!(traced.exit, None, "it was killed");
            assert_eq!(fs_err::read_to_string(&to).unwrap(), expected, "{moment:?}");
        }
    }

    #[test]
    fn what_a_call_names_is_read_and_what_the_program_starts_lives_on() {
        let directory = tempfile::tempdir().unwrap();
        let (from, to) = (directory.path().join("from"), directory.path().join("to"));
        fs_err::write(&from, "content").unwrap();
        let mut opened = Vec::new();
        let traced = trace(&copy(&from, &to), |call| {
            if call.number() == libc::SYS_openat && call.moment() == Moment::Entry {
                opened.extend(call.path(1));
            }
            Verdict::Continue
        });
        assert_eq!(traced.exit, Some(0), "{}", traced.stderr);
        assert!(opened.contains(&from) && opened.contains(&to), "{opened:?}");

        let mut shell = Command::new("sh");
        shell.args(["-c", "dd if=from of=child 2>/dev/null & wait"]).current_dir(directory.path());
        let traced = trace(&shell, |call| match call.number() {
            libc::SYS_wait4 => Verdict::Kill,
            _ => Verdict::Continue,
        });
        assert_eq!(traced.exit, None, "it was killed");
        let child = directory.path().join("child");
        crate::condition::wait_until("the child has written", Duration::from_secs(20), || {
            fs_err::read_to_string(&child).is_ok_and(|text| text == "content")
        });
    }
}
