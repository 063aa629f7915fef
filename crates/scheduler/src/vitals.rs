//! What is known of the loop while it runs, and of no use after.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;

/// When the loop last turned, and which renewals failed since its start.
#[derive(Debug, Default)]
pub struct Vitals {
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    last_turn: Option<Timestamp>,
    failures: BTreeMap<&'static str, u64>,
}

impl Vitals {
    /// When the loop last turned; it does so every ten minutes at the least.
    pub fn last_turn(&self) -> Option<Timestamp> {
        self.with(|known| known.last_turn)
    }

    /// How many renewals failed since the start before anything was handed over, by the code of the error.
    pub fn failures(&self) -> BTreeMap<&'static str, u64> {
        self.with(|known| known.failures.clone())
    }

    pub(crate) fn turned(&self, now: Timestamp) {
        self.with(|known| known.last_turn = Some(now));
    }

    pub(crate) fn failed(&self, code: &'static str) {
        self.with(|known| *known.failures.entry(code).or_default() += 1);
    }

    fn with<T>(&self, act: impl FnOnce(&mut Known) -> T) -> T {
        // Counters: a holder that panicked has left nothing half done.
        act(&mut self.known.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
