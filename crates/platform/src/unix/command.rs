//! Processes and their groups.

use std::io;
use std::path::Path;

use tokio::process::Child;

use crate::command::Command;

/// The processes of one command, ended together: a process group.
#[derive(Debug)]
pub(crate) struct Processes;

impl Processes {
    /// Makes a command ready to be started as `settings` say. Fails with *permission denied*, here or when it is
    /// started, where files cannot be shown in place of others.
    pub(crate) fn prepare(command: &mut tokio::process::Command, settings: &Command) -> io::Result<Self> {
        command.process_group(0);
        #[cfg(target_os = "linux")]
        if settings.is_tied {
            super::leftover::tie(command);
        }
        #[cfg(target_os = "linux")]
        if !settings.bound.is_empty() {
            super::private_mounts::bind_in(command, &settings.bound)?;
        }
        Ok(Self)
    }

    /// The command has been started.
    pub(crate) fn started(&mut self, _child: &Child) -> io::Result<()> {
        Ok(())
    }

    /// Ends them all.
    pub(crate) fn end(&self, child: &Child) {
        if let Some(id) = child.id().and_then(|id| i32::try_from(id).ok()) {
            let group = nix::unistd::Pid::from_raw(id);
            let _ = nix::sys::signal::killpg(group, nix::sys::signal::Signal::SIGKILL);
        }
    }
}

/// Starts a program in a session of its own: it outlives this process and its terminal.
pub(crate) fn spawn_detached(command: &mut tokio::process::Command) -> io::Result<()> {
    // SAFETY: setsid(2) is async-signal-safe and touches no memory.
    #[expect(unsafe_code, reason = "what runs between fork and exec is the caller's promise")]
    unsafe {
        command.pre_exec(|| nix::unistd::setsid().map(drop).map_err(io::Error::from));
    }
    command.spawn().map(drop)
}

/// What the file of a program is called.
pub(crate) fn file_name(program: &str) -> String {
    program.to_owned()
}

/// Whether it is a file that can be started.
pub(crate) fn is_program(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    path.metadata().is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
}
