//! What alerts were told to whom, and what waits to be told.
//!
//! A decision to tell something is durable together with the notices that follow from it; a notice is taken away
//! after its delivery. So a process that ends in between delivers once more at its next start, and forgets nothing.

use jiff::Timestamp;
use sqlx::Row as _;

use crate::database::{Batch, State, failed, to_optional_time, to_time};
use crate::error::StateError;

/// A cause that a channel was told of, and not yet of its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alert {
    /// The name of the `[[alert]]`.
    pub channel: String,
    /// What tells it from other alerts.
    pub cause: String,
    /// What was told last, as JSON.
    pub notice: String,
    /// When that was.
    pub told_at: Timestamp,
}

/// A notice that waits to be delivered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WaitingNotice {
    /// Its number: later ones have greater ones.
    pub id: i64,
    /// As JSON.
    pub notice: String,
}

/// How the delivery to a channel goes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AlertChannel {
    /// The name of the `[[alert]]`.
    pub name: String,
    /// How often in a row it failed.
    pub attempts: u32,
    /// Not to be tried again before.
    pub retry_at: Option<Timestamp>,
    /// Why it failed last.
    pub failure: Option<String>,
    /// When something was delivered last.
    pub delivered_at: Option<Timestamp>,
    /// How many notices wait.
    pub waiting: u32,
}

/// What follows from one look for one channel.
#[derive(Debug, Clone, Default)]
pub struct AlertChanges {
    /// Alerts that are new, or were told again.
    pub told: Vec<Alert>,
    /// The causes of alerts that are over.
    pub ended: Vec<String>,
    /// The notices to deliver, as JSON, in their order.
    pub notices: Vec<String>,
}

impl State {
    /// All alerts that are not over.
    pub async fn alerts(&self) -> Result<Vec<Alert>, StateError> {
        sqlx::query("SELECT * FROM alert ORDER BY channel, cause")
            .fetch_all(&mut *self.connection().await?)
            .await
            .map_err(failed("list the alerts"))?
            .iter()
            .map(|row| {
                Ok(Alert {
                    channel: row.get("channel"),
                    cause: row.get("cause"),
                    notice: row.get("notice"),
                    told_at: to_time(row.get("told_at"))?,
                })
            })
            .collect()
    }

    /// Writes down what is told to a channel, and the notices with it: one transaction, durable when this returns.
    pub async fn record_alerts(&self, channel: &str, changes: &AlertChanges) -> Result<(), StateError> {
        let mut batch = Batch::default();
        for alert in &changes.told {
            batch
                .add("INSERT OR REPLACE INTO alert (channel, cause, notice, told_at) VALUES (?, ?, ?, ?)")
                .bind(channel)
                .bind(&alert.cause)
                .bind(&alert.notice)
                .bind(alert.told_at.as_millisecond());
        }
        for cause in &changes.ended {
            batch.add("DELETE FROM alert WHERE channel = ? AND cause = ?").bind(channel).bind(cause);
        }
        for notice in &changes.notices {
            batch.add("INSERT INTO alert_notice (channel, notice) VALUES (?, ?)").bind(channel).bind(notice);
        }
        batch.write(self, "record alerts").await?;
        Ok(())
    }

    /// The first notices that wait for a channel, in their order.
    pub async fn waiting_notices(&self, channel: &str, limit: u32) -> Result<Vec<WaitingNotice>, StateError> {
        let rows = sqlx::query("SELECT id, notice FROM alert_notice WHERE channel = ? ORDER BY id LIMIT ?")
            .bind(channel)
            .bind(limit)
            .fetch_all(&mut *self.connection().await?)
            .await
            .map_err(failed("list the notices"))?;
        Ok(rows.iter().map(|row| WaitingNotice { id: row.get("id"), notice: row.get("notice") }).collect())
    }

    /// Takes away the notices of a channel up to `last`: they were delivered.
    pub async fn notices_delivered(
        &self,
        channel: &str,
        last: i64,
        now: Timestamp,
    ) -> Result<(), StateError> {
        let mut batch = Batch::default();
        batch.add("DELETE FROM alert_notice WHERE channel = ? AND id <= ?").bind(channel).bind(last);
        batch
            .add("INSERT OR REPLACE INTO alert_channel (name, attempts, delivered_at) VALUES (?, 0, ?)")
            .bind(channel)
            .bind(now.as_millisecond());
        batch.write(self, "record a delivery").await?;
        Ok(())
    }

    /// Counts a delivery that failed, and when it is tried again.
    pub async fn notices_undelivered(
        &self,
        channel: &str,
        failure: &str,
        retry_at: Timestamp,
    ) -> Result<(), StateError> {
        let mut batch = Batch::default();
        batch
            .add(
                "INSERT INTO alert_channel (name, attempts, retry_at, failure) VALUES (?, 1, ?, ?)
                 ON CONFLICT (name) DO UPDATE SET
                     attempts = attempts + 1, retry_at = excluded.retry_at, failure = excluded.failure",
            )
            .bind(channel)
            .bind(retry_at.as_millisecond())
            .bind(failure);
        batch.write(self, "record a delivery that failed").await?;
        Ok(())
    }

    /// How the deliveries go: every channel to which something was or is to be delivered.
    pub async fn alert_channels(&self) -> Result<Vec<AlertChannel>, StateError> {
        sqlx::query(
            "SELECT name, coalesce(attempts, 0) AS attempts, retry_at, failure, delivered_at,
                    coalesce(waiting, 0) AS waiting
             FROM (SELECT name FROM alert_channel UNION SELECT channel FROM alert_notice)
             LEFT JOIN alert_channel USING (name)
             LEFT JOIN (SELECT channel AS name, count(*) AS waiting FROM alert_notice GROUP BY channel) USING (name)
             ORDER BY name",
        )
        .fetch_all(&mut *self.connection().await?)
        .await
        .map_err(failed("list the deliveries of alerts"))?
        .iter()
        .map(|row| {
            Ok(AlertChannel {
                name: row.get("name"),
                attempts: row.get("attempts"),
                retry_at: to_optional_time(row.get("retry_at"))?,
                failure: row.get("failure"),
                delivered_at: to_optional_time(row.get("delivered_at"))?,
                waiting: row.get("waiting"),
            })
        })
        .collect()
    }

    /// Forgets a channel that the settings do not have any more, with all that waits for it.
    pub async fn forget_alert_channel(&self, channel: &str) -> Result<(), StateError> {
        let mut batch = Batch::default();
        batch.add("DELETE FROM alert WHERE channel = ?").bind(channel);
        batch.add("DELETE FROM alert_notice WHERE channel = ?").bind(channel);
        batch.add("DELETE FROM alert_channel WHERE name = ?").bind(channel);
        batch.write(self, "forget an alert").await?;
        Ok(())
    }
}
