//! What the service manager is told: that we are ready, how we stand, and that the loop goes round.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use baton_platform::service_manager::{ServiceManager, VARIABLES};
use baton_scheduler::Supervisor;

/// The service manager that has started this process, if any.
#[derive(Debug)]
pub(super) struct Supervision {
    manager: ServiceManager,
    /// What it was told last: the loop goes round more often than there is news.
    told: Mutex<String>,
    /// What is wrong beside, until it is mended.
    trouble: Mutex<Option<String>>,
}

impl Supervision {
    pub(super) fn from_environment() -> Option<Arc<Self>> {
        #[expect(
            clippy::disallowed_methods,
            reason = "the service manager's own protocol: no settings of ours"
        )]
        let values = VARIABLES.map(std::env::var_os);
        let manager = ServiceManager::new(values.each_ref().map(Option::as_deref));
        let manager = manager.unwrap_or_else(|error| {
            tracing::warn!("the service manager cannot be told anything: {error}");
            None
        })?;
        Some(Arc::new(Self { manager, told: Mutex::default(), trouble: Mutex::default() }))
    }

    pub(super) fn reloading(&self) {
        self.manager.reloading();
    }

    /// The settings were read anew; `refused` is why they are not used.
    pub(super) fn reloaded(&self, refused: Option<&str>) {
        *self.trouble.lock().unwrap_or_else(PoisonError::into_inner) =
            refused.map(|reason| format!("the new settings are refused, the old ones hold: {reason}"));
        self.manager.ready();
    }

    pub(super) fn stopping(&self) {
        self.manager.stopping();
    }
}

impl Supervisor for Supervision {
    fn interval(&self) -> Option<Duration> {
        // Twice as often as it must be, as systemd advises.
        self.manager.watchdog().map(|limit| limit / 2)
    }

    fn ready(&self) {
        self.manager.ready();
    }

    fn alive(&self) {
        self.manager.alive();
    }

    fn status(&self, text: &str) {
        let trouble = self.trouble.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let text = trouble.unwrap_or_else(|| text.to_owned());
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if *told != text {
            self.manager.status(&text);
            *told = text;
        }
    }
}
