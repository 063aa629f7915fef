//! One system call of a traced program.

use std::fmt;
use std::io::{self, IoSliceMut};
use std::path::{Path, PathBuf};

use nix::libc;
use nix::sys::uio::{RemoteIoVec, process_vm_readv};
use nix::unistd::Pid;

/// Longest path that is read from the program (PATH_MAX).
const LONGEST_PATH: usize = 4096;

/// What is read from the program's memory at once: no read crosses a page, so that one beyond the end of a text
/// cannot fail for a page that is not there.
const PAGE: usize = 4096;

/// Whether a call is about to happen or has happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// It has not happened; a program that is killed here never makes it.
    Entry,
    /// It has happened, and the program does not know yet.
    Exit,
}

/// A system call that a thread is stopped at.
#[derive(Clone, Debug)]
pub struct Call {
    program: Pid,
    thread: Pid,
    number: i64,
    arguments: [u64; 6],
    result: Option<i64>,
}

impl Call {
    pub(super) fn entered(program: Pid, thread: Pid, registers: &libc::user_regs_struct) -> Self {
        let arguments =
            [registers.rdi, registers.rsi, registers.rdx, registers.r10, registers.r8, registers.r9];
        Self { program, thread, number: registers.orig_rax.cast_signed(), arguments, result: None }
    }

    pub(super) fn left(self, registers: &libc::user_regs_struct) -> Self {
        Self { result: Some(registers.rax.cast_signed()), ..self }
    }

    /// Before or after it.
    pub fn moment(&self) -> Moment {
        if self.result.is_none() { Moment::Entry } else { Moment::Exit }
    }

    /// The number of the system call (`libc::SYS_…`).
    pub fn number(&self) -> i64 {
        self.number
    }

    /// The process id of the program.
    pub fn program(&self) -> i32 {
        self.program.as_raw()
    }

    /// The thread that makes it.
    pub fn thread(&self) -> i32 {
        self.thread.as_raw()
    }

    /// One of its six arguments, as it is in the register.
    pub fn argument(&self, position: usize) -> u64 {
        self.arguments[position]
    }

    /// An argument that is a file descriptor or a flag: its lower half, with its sign.
    #[expect(clippy::cast_possible_truncation, reason = "the kernel looks at the lower half alone")]
    pub fn number_argument(&self, position: usize) -> i32 {
        self.arguments[position] as i32
    }

    /// What it returned; an error is negative. None at its entry.
    pub fn result(&self) -> Option<i64> {
        self.result
    }

    /// False for calls about memory, time, signals, scheduling and the program's own identity: nothing outside of
    /// the program is different after them.
    pub fn touches(&self) -> bool {
        match self.number {
            // A mapping of a file, and not of memory alone.
            libc::SYS_mmap => self.number_argument(4) >= 0,
            libc::SYS_munmap
            | libc::SYS_mprotect
            | libc::SYS_mremap
            | libc::SYS_madvise
            | libc::SYS_brk
            | libc::SYS_membarrier
            | libc::SYS_futex
            | libc::SYS_set_robust_list
            | libc::SYS_set_tid_address
            | libc::SYS_rseq
            | libc::SYS_arch_prctl
            | libc::SYS_prctl
            | libc::SYS_prlimit64
            | libc::SYS_getrlimit
            | libc::SYS_getrusage
            | libc::SYS_rt_sigaction
            | libc::SYS_rt_sigprocmask
            | libc::SYS_rt_sigreturn
            | libc::SYS_sigaltstack
            | libc::SYS_clock_gettime
            | libc::SYS_clock_getres
            | libc::SYS_clock_nanosleep
            | libc::SYS_nanosleep
            | libc::SYS_gettimeofday
            | libc::SYS_restart_syscall
            | libc::SYS_getrandom
            | libc::SYS_sched_yield
            | libc::SYS_sched_getaffinity
            | libc::SYS_getpid
            | libc::SYS_getppid
            | libc::SYS_gettid
            | libc::SYS_getuid
            | libc::SYS_geteuid
            | libc::SYS_getgid
            | libc::SYS_getegid
            | libc::SYS_uname
            | libc::SYS_sysinfo => false,
            _ => true,
        }
    }

    /// The path that an argument points to, as the program gave it: perhaps relative.
    pub fn path(&self, position: usize) -> io::Result<PathBuf> {
        use std::os::unix::ffi::OsStringExt as _;
        let mut bytes = Vec::new();
        let mut address = to_address(self.arguments[position])?;
        while bytes.len() < LONGEST_PATH {
            let page = self.memory(address, PAGE - address % PAGE)?;
            address += page.len();
            let end = page.iter().position(|&byte| byte == 0);
            bytes.extend_from_slice(&page[..end.unwrap_or(page.len())]);
            if end.is_some() {
                return Ok(std::ffi::OsString::from_vec(bytes).into());
            }
        }
        Err(io::Error::new(io::ErrorKind::InvalidData, "a path without an end"))
    }

    /// `length` bytes that an argument points to.
    pub fn bytes(&self, position: usize, length: usize) -> io::Result<Vec<u8>> {
        self.memory(to_address(self.arguments[position])?, length)
    }

    /// Bytes of the program's memory.
    pub fn memory(&self, address: usize, length: usize) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; length];
        let mut filled = 0;
        while filled < length {
            let remote = [RemoteIoVec { base: address + filled, len: length - filled }];
            match process_vm_readv(self.thread, &mut [IoSliceMut::new(&mut bytes[filled..])], &remote)? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                count => filled += count,
            }
        }
        Ok(bytes)
    }

    /// What a file descriptor of the program leads to; `AT_FDCWD` is its working directory.
    ///
    /// A file that has no name any more has ` (deleted)` behind the last one (proc_pid_fd(5)).
    pub fn descriptor(&self, descriptor: i32) -> io::Result<PathBuf> {
        let program = self.program;
        match descriptor {
            libc::AT_FDCWD => fs_err::read_link(format!("/proc/{program}/cwd")),
            _ => fs_err::read_link(format!("/proc/{program}/fd/{descriptor}")),
        }
    }

    /// The absolute path that a pair of directory descriptor and path stands for.
    pub fn absolute(&self, directory: i32, path: &Path) -> io::Result<PathBuf> {
        if path.is_absolute() { Ok(path.to_owned()) } else { Ok(self.descriptor(directory)?.join(path)) }
    }
}

fn to_address(argument: u64) -> io::Result<usize> {
    usize::try_from(argument).map_err(io::Error::other)
}

/// `entry into openat("/etc/hosts")`: for messages.
impl fmt::Display for Call {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let moment = if self.result.is_none() { "entry into" } else { "exit from" };
        write!(formatter, "{moment} {}", name(self.number))?;
        let subject = match self.number {
            libc::SYS_openat | libc::SYS_unlinkat | libc::SYS_newfstatat | libc::SYS_statx => self.path(1),
            libc::SYS_open
            | libc::SYS_stat
            | libc::SYS_lstat
            | libc::SYS_access
            | libc::SYS_mkdir
            | libc::SYS_rmdir
            | libc::SYS_unlink
            | libc::SYS_chmod
            | libc::SYS_chown
            | libc::SYS_readlink => self.path(0),
            libc::SYS_rename | libc::SYS_link | libc::SYS_symlink => self.path(1),
            libc::SYS_read
            | libc::SYS_write
            | libc::SYS_pread64
            | libc::SYS_pwrite64
            | libc::SYS_fsync
            | libc::SYS_fdatasync
            | libc::SYS_ftruncate
            | libc::SYS_fstat
            | libc::SYS_fcntl
            | libc::SYS_lseek => self.descriptor(self.number_argument(0)),
            _ => return Ok(()),
        };
        match subject {
            Ok(path) => write!(formatter, " {}", path.display()),
            Err(_) => Ok(()),
        }
    }
}

/// Names of the calls that programs make most; others are told by their number.
fn name(number: i64) -> String {
    const NAMES: [(i64, &str); 64] = [
        (libc::SYS_read, "read"),
        (libc::SYS_write, "write"),
        (libc::SYS_open, "open"),
        (libc::SYS_close, "close"),
        (libc::SYS_stat, "stat"),
        (libc::SYS_fstat, "fstat"),
        (libc::SYS_lstat, "lstat"),
        (libc::SYS_poll, "poll"),
        (libc::SYS_lseek, "lseek"),
        (libc::SYS_mmap, "mmap"),
        (libc::SYS_ioctl, "ioctl"),
        (libc::SYS_pread64, "pread64"),
        (libc::SYS_pwrite64, "pwrite64"),
        (libc::SYS_readv, "readv"),
        (libc::SYS_writev, "writev"),
        (libc::SYS_access, "access"),
        (libc::SYS_pipe2, "pipe2"),
        (libc::SYS_dup, "dup"),
        (libc::SYS_socket, "socket"),
        (libc::SYS_connect, "connect"),
        (libc::SYS_sendto, "sendto"),
        (libc::SYS_recvfrom, "recvfrom"),
        (libc::SYS_shutdown, "shutdown"),
        (libc::SYS_socketpair, "socketpair"),
        (libc::SYS_setsockopt, "setsockopt"),
        (libc::SYS_getsockopt, "getsockopt"),
        (libc::SYS_getpeername, "getpeername"),
        (libc::SYS_getsockname, "getsockname"),
        (libc::SYS_clone, "clone"),
        (libc::SYS_clone3, "clone3"),
        (libc::SYS_fork, "fork"),
        (libc::SYS_vfork, "vfork"),
        (libc::SYS_execve, "execve"),
        (libc::SYS_exit, "exit"),
        (libc::SYS_exit_group, "exit_group"),
        (libc::SYS_wait4, "wait4"),
        (libc::SYS_waitid, "waitid"),
        (libc::SYS_fcntl, "fcntl"),
        (libc::SYS_flock, "flock"),
        (libc::SYS_fsync, "fsync"),
        (libc::SYS_fdatasync, "fdatasync"),
        (libc::SYS_ftruncate, "ftruncate"),
        (libc::SYS_fallocate, "fallocate"),
        (libc::SYS_getdents64, "getdents64"),
        (libc::SYS_rename, "rename"),
        (libc::SYS_mkdir, "mkdir"),
        (libc::SYS_rmdir, "rmdir"),
        (libc::SYS_link, "link"),
        (libc::SYS_unlink, "unlink"),
        (libc::SYS_symlink, "symlink"),
        (libc::SYS_readlink, "readlink"),
        (libc::SYS_chmod, "chmod"),
        (libc::SYS_fchmod, "fchmod"),
        (libc::SYS_chown, "chown"),
        (libc::SYS_fchown, "fchown"),
        (libc::SYS_openat, "openat"),
        (libc::SYS_unlinkat, "unlinkat"),
        (libc::SYS_newfstatat, "newfstatat"),
        (libc::SYS_statx, "statx"),
        (libc::SYS_epoll_ctl, "epoll_ctl"),
        (libc::SYS_epoll_wait, "epoll_wait"),
        (libc::SYS_epoll_create1, "epoll_create1"),
        (libc::SYS_eventfd2, "eventfd2"),
        (libc::SYS_pidfd_open, "pidfd_open"),
    ];
    let known = NAMES.iter().find(|(known, _)| *known == number);
    known.map_or_else(|| format!("system call {number}"), |(_, name)| (*name).to_owned())
}
