//! The audit log: what was changed or tried in the Designer, by whom.

use jiff::Timestamp;
use sqlx::Row as _;

use crate::database::{Batch, State, failed, to_time};
use crate::error::StateError;

/// How many entries are kept.
const MOST_ENTRIES: i64 = 100_000;

/// What someone is about to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewAuditEntry {
    /// When.
    pub at: Timestamp,
    /// The name of the user or the token; on the command line the account of the system.
    pub who: String,
    /// How they are known: `session`, `token`, `anonymous`, `command-line`, `nobody`.
    pub via: &'static str,
    /// Where the request came from.
    pub address: Option<String>,
    /// What is done: the method of a request, a command.
    pub action: String,
    /// To what: the path of a request, a name.
    pub object: String,
}

/// An entry of the audit log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditEntry {
    /// Its number: later ones have greater ones.
    pub id: i64,
    /// When.
    pub at: Timestamp,
    /// Who.
    pub who: String,
    /// How they were known.
    pub via: String,
    /// Where the request came from.
    pub address: Option<String>,
    /// What was done.
    pub action: String,
    /// To what.
    pub object: String,
    /// How it ended; `None`: it is under way, or Baton ended before it did.
    pub outcome: Option<String>,
}

impl State {
    /// Writes down what is about to be done, before it is; returns the entry's number.
    pub async fn begin_audit(&self, entry: &NewAuditEntry) -> Result<i64, StateError> {
        let mut batch = Batch::default();
        batch.add("DELETE FROM audit WHERE id <= (SELECT max(id) FROM audit) - ?").bind(MOST_ENTRIES);
        batch
            .add("INSERT INTO audit (at, who, via, address, action, object) VALUES (?, ?, ?, ?, ?, ?) RETURNING id")
            .bind(entry.at.as_millisecond())
            .bind(&entry.who)
            .bind(entry.via)
            .bind(&entry.address)
            .bind(&entry.action)
            .bind(&entry.object);
        let rows = batch.write(self, "write the audit log").await?;
        Ok(rows.first().map_or(0, |row| row.get(0)))
    }

    /// Writes down how it ended.
    pub async fn end_audit(&self, id: i64, outcome: &str) -> Result<(), StateError> {
        let mut batch = Batch::default();
        batch.add("UPDATE audit SET outcome = ? WHERE id = ?").bind(outcome).bind(id);
        batch.write(self, "write the audit log").await?;
        Ok(())
    }

    /// The entries before `before`, or the last ones; the latest first.
    pub async fn audit(&self, before: Option<i64>, limit: u32) -> Result<Vec<AuditEntry>, StateError> {
        let rows = sqlx::query("SELECT * FROM audit WHERE id < ? ORDER BY id DESC LIMIT ?")
            .bind(before.unwrap_or(i64::MAX))
            .bind(limit)
            .fetch_all(&mut *self.connection().await?)
            .await
            .map_err(failed("read the audit log"))?;
        rows.iter()
            .map(|row| {
                Ok(AuditEntry {
                    id: row.get("id"),
                    at: to_time(row.get("at"))?,
                    who: row.get("who"),
                    via: row.get("via"),
                    address: row.get("address"),
                    action: row.get("action"),
                    object: row.get("object"),
                    outcome: row.get("outcome"),
                })
            })
            .collect()
    }
}
