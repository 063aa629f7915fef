use jiff::Timestamp;
use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;

use crate::database::{Batch, State, failed, from_json, to_json, to_time};
use crate::error::StateError;

/// A target whose TLS settings were reset because its certificate had expired.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recovery {
    /// The target's name.
    pub target: String,
    /// The settings as they were, as JSON.
    pub kept: String,
    /// The ports that were closed to the outside.
    pub ports: Vec<u16>,
    /// When.
    pub at: Timestamp,
}

impl State {
    /// What was reset at a target and waits to be put back.
    pub async fn recovery(&self, target: &str) -> Result<Option<Recovery>, StateError> {
        sqlx::query("SELECT * FROM recovery WHERE target = ?")
            .bind(target)
            .fetch_optional(&mut *self.connection().await?)
            .await
            .map_err(failed("read what was reset"))?
            .map(|row| recovery(&row))
            .transpose()
    }

    /// What was reset at any target and waits to be put back.
    pub async fn recoveries(&self) -> Result<Vec<Recovery>, StateError> {
        let rows = sqlx::query("SELECT * FROM recovery").fetch_all(&mut *self.connection().await?).await;
        rows.map_err(failed("list what was reset"))?.iter().map(recovery).collect()
    }
}

fn recovery(row: &SqliteRow) -> Result<Recovery, StateError> {
    Ok(Recovery {
        target: row.get("target"),
        kept: row.get("kept"),
        ports: from_json("list of ports", row.get("ports"))?,
        at: to_time(row.get("at"))?,
    })
}

/// Remembers what was reset, as a part of a transaction.
pub(crate) fn write(batch: &mut Batch, recovery: &Recovery) {
    batch
        .add("INSERT OR REPLACE INTO recovery (target, kept, ports, at) VALUES (?, ?, ?, ?)")
        .bind(&recovery.target)
        .bind(&recovery.kept)
        .bind(to_json(&recovery.ports))
        .bind(recovery.at.as_millisecond());
}

/// Forgets it: everything is back, as a part of a transaction.
pub(crate) fn delete(batch: &mut Batch, target: &str) {
    batch.add("DELETE FROM recovery WHERE target = ?").bind(target);
}
