//! Refusals in the audit log: those of one principal within an hour are one entry with a count.
//!
//! The weakest token could else push everything out of the log that anyone has done. The count is written when it
//! doubles, so that trying costs the disk little.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use baton_finding::Explain as _;
use baton_state::{NewAuditEntry, State};
use jiff::{SignedDuration, Timestamp};

/// How long further ones are counted with the first.
const TOGETHER: SignedDuration = SignedDuration::from_hours(1);

/// The refusals that are counted now, by name and by how it is known.
#[derive(Debug, Default)]
pub(crate) struct Refusals(Mutex<HashMap<(String, &'static str), Counted>>);

#[derive(Debug, Clone, Copy)]
struct Counted {
    since: Timestamp,
    count: u64,
    /// The entry of the log; `None` until it is written.
    entry: Option<i64>,
}

impl Refusals {
    /// Writes a refusal down. Nothing was done, so a log that cannot be written holds nothing up.
    pub(crate) async fn note(&self, state: &State, entry: NewAuditEntry, outcome: &str) {
        let key = (entry.who.clone(), entry.via);
        let counted = self.count(&key, entry.at);
        let written = match counted.entry {
            None if counted.count == 1 => match state.begin_audit(&entry).await {
                Ok(id) => {
                    self.is_entry(&key, id);
                    state.end_audit(id, outcome).await
                }
                Err(error) => Err(error),
            },
            Some(id) if counted.count.is_power_of_two() => {
                let outcome =
                    format!("{outcome}; {} within an hour, of which this is the first", counted.count);
                state.end_audit(id, &outcome).await
            }
            _ => Ok(()),
        };
        if let Err(error) = written {
            tracing::error!("a refusal is missing in the audit log: {}", error.chain());
        }
    }

    fn count(&self, key: &(String, &'static str), now: Timestamp) -> Counted {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        counts.retain(|_, counted| now.duration_since(counted.since).abs() < TOGETHER);
        let new = Counted { since: now, count: 0, entry: None };
        let counted = counts.entry(key.clone()).or_insert(new);
        counted.count += 1;
        *counted
    }

    fn is_entry(&self, key: &(String, &'static str), id: i64) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(counted) = counts.get_mut(key) {
            counted.entry = Some(id);
        }
    }
}
