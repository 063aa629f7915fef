//! A child process that sees some files in place of others, while nobody else does (mount_namespaces(7)).

#![expect(unsafe_code, reason = "code between fork and exec is unsafe by nature")]

use std::ffi::CString;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};

/// Makes the child enter a mount namespace of its own before it starts its program, with each `(source,
/// place)` bound. Needs CAP_SYS_ADMIN: without it the spawn fails with *permission denied*.
pub(crate) fn bind_in(command: &mut tokio::process::Command, bound: &[(PathBuf, PathBuf)]) -> io::Result<()> {
    let text = |path: &Path| {
        CString::new(path.as_os_str().as_bytes())
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))
    };
    let binds: Vec<(CString, CString)> =
        bound.iter().map(|(source, place)| Ok((text(source)?, text(place)?))).collect::<io::Result<_>>()?;
    let enter = move || -> io::Result<()> {
        const NONE: Option<&str> = None;
        unshare(CloneFlags::CLONE_NEWNS)?;
        // Without this the binds would spread to the namespace that all others live in.
        mount(NONE, c"/", NONE, MsFlags::MS_REC | MsFlags::MS_PRIVATE, NONE)?;
        for (source, place) in &binds {
            mount(Some(source.as_c_str()), place.as_c_str(), NONE, MsFlags::MS_BIND, NONE)?;
        }
        Ok(())
    };
    // SAFETY: between fork and exec only async-signal-safe calls are allowed. `enter` makes system calls
    // alone: the strings were made before, and none of the calls allocates or takes a lock.
    unsafe {
        command.pre_exec(enter);
    }
    Ok(())
}
