//! What asks a running program to stop.

use std::io;

use super::own_service;
use tokio::signal::windows::{
    CtrlBreak, CtrlC, CtrlClose, CtrlShutdown, ctrl_break, ctrl_c, ctrl_close, ctrl_shutdown,
};

/// What a person does who wants other settings taken up at once.
pub const RELOAD_HINT: &str = "stop `baton up` and start it again instead";

/// Requests to stop: Ctrl-C, Ctrl-Break, the closed console, the end of the system, and the service control manager.
#[derive(Debug)]
pub struct StopSignals {
    interrupt: CtrlC,
    interrupt_group: CtrlBreak,
    console: CtrlClose,
    shutdown: CtrlShutdown,
}

impl StopSignals {
    /// Listens from here on.
    pub fn listen() -> io::Result<Self> {
        Ok(Self {
            interrupt: ctrl_c()?,
            interrupt_group: ctrl_break()?,
            console: ctrl_close()?,
            shutdown: ctrl_shutdown()?,
        })
    }

    /// Waits for one of them; which it was.
    pub async fn recv(&mut self) -> &'static str {
        tokio::select! {
            _ = self.interrupt.recv() => "Ctrl-C",
            _ = self.interrupt_group.recv() => "Ctrl-Break",
            _ = self.console.recv() => "the console is closed",
            _ = self.shutdown.recv() => "the system is shut down",
            () = own_service::told_to_stop() => "the service is told to stop",
        }
    }
}

/// Requests to read the settings anew: on this system there are none, besides the change of their file.
#[derive(Debug)]
pub struct ReloadSignals(());

impl ReloadSignals {
    /// Listens from here on.
    pub fn listen() -> io::Result<Self> {
        Ok(Self(()))
    }

    /// Waits for one: for ever.
    pub async fn recv(&mut self) {
        std::future::pending().await
    }
}
