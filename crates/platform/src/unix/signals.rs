//! What asks a running program to stop, or to read its settings anew.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

/// What a person does who wants other settings taken up at once.
pub const RELOAD_HINT: &str = "send SIGHUP instead";

/// Requests to stop: Ctrl-C and SIGTERM.
#[derive(Debug)]
pub struct StopSignals {
    terminate: Signal,
    interrupt: Signal,
}

impl StopSignals {
    /// Listens from here on.
    pub fn listen() -> io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    /// Waits for one of them; which it was.
    pub async fn recv(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "Ctrl-C",
        }
    }
}

/// Requests to read the settings anew: SIGHUP.
#[derive(Debug)]
pub struct ReloadSignals(Signal);

impl ReloadSignals {
    /// Listens from here on.
    pub fn listen() -> io::Result<Self> {
        signal(SignalKind::hangup()).map(Self)
    }

    /// Waits for one.
    pub async fn recv(&mut self) {
        self.0.recv().await;
    }
}
