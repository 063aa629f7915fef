//! What a service tells systemd: the protocol of `sd_notify(3)`, over the socket that it names in the environment.

use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;

use nix::time::{ClockId, clock_gettime};

/// The way to the service manager that has started this process.
#[derive(Debug)]
pub struct ServiceManager {
    socket: UnixDatagram,
    address: SocketAddr,
    watchdog: Option<Duration>,
}

/// The environment variables of the protocol, which children must not inherit: what they would tell is not meant to
/// be ours.
pub const VARIABLES: [&str; 3] = ["NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"];

impl ServiceManager {
    /// Takes what the environment variables say, in the order of [`VARIABLES`]. `None` without a socket: nobody wants
    /// to hear anything.
    ///
    /// A socket whose name begins with `@` is an abstract one. A watchdog that is meant for another process is none.
    pub fn new(variables: [Option<&OsStr>; 3]) -> io::Result<Option<Self>> {
        let [socket, microseconds, pid] = variables;
        let Some(name) = socket.filter(|name| !name.is_empty()) else { return Ok(None) };
        let address = address(name)?;
        let number = |text: Option<&OsStr>| text.and_then(OsStr::to_str)?.parse::<u64>().ok();
        let is_ours = pid.is_none() || number(pid) == Some(u64::from(std::process::id()));
        let watchdog = number(microseconds).filter(|_| is_ours).filter(|it| *it > 0);
        let socket = UnixDatagram::unbound()?;
        // What is lost is lost: nobody is to wait for a service manager that does not listen.
        socket.set_nonblocking(true)?;
        Ok(Some(Self { socket, address, watchdog: watchdog.map(Duration::from_micros) }))
    }

    /// How long it waits for a sign of life before it takes the service for dead; `None` when it does not.
    pub fn watchdog(&self) -> Option<Duration> {
        self.watchdog
    }

    /// The service is ready, for the first time or again.
    pub fn ready(&self) {
        self.tell("READY=1");
    }

    /// The service reads its settings anew; [`ready`](Self::ready) ends it.
    pub fn reloading(&self) {
        // The moment tells systemd which of several reloads this is.
        let now = clock_gettime(ClockId::CLOCK_MONOTONIC).map(Duration::from).unwrap_or_default();
        self.tell(&format!("RELOADING=1\nMONOTONIC_USEC={}", now.as_micros()));
    }

    /// The service ends.
    pub fn stopping(&self) {
        self.tell("STOPPING=1");
    }

    /// The service is alive.
    pub fn alive(&self) {
        if self.watchdog.is_some() {
            self.tell("WATCHDOG=1");
        }
    }

    /// How the service stands, in one line for people.
    pub fn status(&self, text: &str) {
        self.tell(&format!("STATUS={}", text.replace(['\n', '\r'], " ")));
    }

    fn tell(&self, state: &str) {
        if let Err(error) = self.socket.send_to_addr(state.as_bytes(), &self.address) {
            tracing::debug!("the service manager was not told: {error}");
        }
    }
}

#[cfg(target_os = "linux")]
fn address(name: &OsStr) -> io::Result<SocketAddr> {
    use std::os::linux::net::SocketAddrExt as _;
    match name.as_bytes() {
        [b'@', name @ ..] => SocketAddr::from_abstract_name(name),
        _ => SocketAddr::from_pathname(name),
    }
}

#[cfg(not(target_os = "linux"))]
fn address(name: &OsStr) -> io::Result<SocketAddr> {
    SocketAddr::from_pathname(name)
}
