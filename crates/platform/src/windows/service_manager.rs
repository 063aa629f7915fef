//! What this program tells the service control manager, where that has started it as a service.

use std::ffi::OsStr;
use std::fmt;
use std::io;
use std::time::Duration;

use windows_service::service::ServiceState;
use windows_service::service_control_handler::ServiceStatusHandle;

use super::own_service;

/// The way to the service control manager.
pub struct ServiceManager(ServiceStatusHandle);

/// The environment variables of systemd's protocol, which children must not inherit.
pub const VARIABLES: [&str; 3] = ["NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"];

impl ServiceManager {
    /// The one that has started this process; `None` where somebody else has, whatever the variables say.
    pub fn new(_variables: [Option<&OsStr>; 3]) -> io::Result<Option<Self>> {
        Ok(own_service::handle().map(Self))
    }

    /// How long it waits for a sign of life before it takes the service for dead: it waits for none.
    pub fn watchdog(&self) -> Option<Duration> {
        None
    }

    /// The service is ready, for the first time or again.
    pub fn ready(&self) {
        own_service::tell(self.0, ServiceState::Running, 0);
    }

    /// The service reads its settings anew: it runs on meanwhile, and nobody is told.
    pub fn reloading(&self) {}

    /// The service ends.
    pub fn stopping(&self) {
        own_service::tell(self.0, ServiceState::StopPending, 0);
    }

    /// The service is alive: nobody asks.
    pub fn alive(&self) {}

    /// How the service stands: nobody asks.
    pub fn status(&self, _text: &str) {}
}

impl fmt::Debug for ServiceManager {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ServiceManager")
    }
}
