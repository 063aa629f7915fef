//! What a service tells its manager: nothing. The protocol of `sd_notify(3)` is systemd's.

use std::convert::Infallible;
use std::ffi::OsStr;
use std::io;
use std::time::Duration;

/// The way to a service manager that wants to be told something. On this system there is none.
#[derive(Debug)]
pub struct ServiceManager(Infallible);

/// The environment variables of the protocol, which children must not inherit.
pub const VARIABLES: [&str; 3] = ["NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"];

impl ServiceManager {
    /// `None`, whatever the variables say.
    pub fn new(_variables: [Option<&OsStr>; 3]) -> io::Result<Option<Self>> {
        Ok(None)
    }

    /// How long it waits for a sign of life before it takes the service for dead.
    pub fn watchdog(&self) -> Option<Duration> {
        match self.0 {}
    }

    /// The service is ready, for the first time or again.
    pub fn ready(&self) {
        match self.0 {}
    }

    /// The service reads its settings anew; [`ready`](Self::ready) ends it.
    pub fn reloading(&self) {
        match self.0 {}
    }

    /// The service ends.
    pub fn stopping(&self) {
        match self.0 {}
    }

    /// The service is alive.
    pub fn alive(&self) {
        match self.0 {}
    }

    /// How the service stands, in one line for people.
    pub fn status(&self, _text: &str) {
        match self.0 {}
    }
}
