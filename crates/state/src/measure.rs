//! What the journal amounts to in numbers, counted by the database: for monitoring.

use jiff::Timestamp;
use sqlx::Row as _;

use crate::database::{State, failed, to_time};
use crate::error::StateError;

/// Upper bounds of the durations of handovers that are counted apart, in seconds. A proof takes a second at the
/// least, and a minute by default at the most.
pub const HANDOVER_SECONDS: [f64; 8] = [1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0];

/// How long the served handovers of a target took.
#[derive(Debug, Clone, PartialEq)]
pub struct HandoverTimes {
    /// The target's name.
    pub target: String,
    /// How many there were.
    pub count: u64,
    /// All of them together.
    pub seconds: f64,
    /// How many took up to each of [`HANDOVER_SECONDS`] and longer than the one before; the rest took longer.
    pub within: [u64; HANDOVER_SECONDS.len()],
}

/// What the journal amounts to.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Measures {
    /// When each certificate (where there is one) was last proven to be served by each target.
    pub last_served: Vec<(Option<String>, String, Timestamp)>,
    /// When each address was last proven: target, endpoint, address.
    pub last_proven: Vec<(String, String, String, Timestamp)>,
    /// How many handovers of each target have failed, by the code of what has failed.
    pub failures: Vec<(String, String, u64)>,
    /// How long handovers took.
    pub times: Vec<HandoverTimes>,
}

impl State {
    /// What the journal amounts to.
    pub async fn measures(&self) -> Result<Measures, StateError> {
        Ok(Measures {
            last_served: self.last_served_of_all().await?,
            last_proven: self.last_proven().await?,
            failures: self.failures().await?,
            times: self.handover_times().await?,
        })
    }

    async fn last_served_of_all(&self) -> Result<Vec<(Option<String>, String, Timestamp)>, StateError> {
        sqlx::query(
            "SELECT certificate, target, max(finished_at) AS at FROM handover
             WHERE outcome IN ('served', 'unchanged') AND finished_at IS NOT NULL GROUP BY certificate, target",
        )
        .fetch_all(&mut *self.connection().await?)
        .await
        .map_err(failed("list the last handovers"))?
        .iter()
        .map(|row| Ok((row.get("certificate"), row.get("target"), to_time(row.get("at"))?)))
        .collect()
    }

    async fn last_proven(&self) -> Result<Vec<(String, String, String, Timestamp)>, StateError> {
        sqlx::query(
            "SELECT target, endpoint, address, max(at) AS at FROM proof
             JOIN handover ON handover.id = proof.handover GROUP BY target, endpoint, address",
        )
        .fetch_all(&mut *self.connection().await?)
        .await
        .map_err(failed("list the last proofs"))?
        .iter()
        .map(|row| Ok((row.get("target"), row.get("endpoint"), row.get("address"), to_time(row.get("at"))?)))
        .collect()
    }

    async fn failures(&self) -> Result<Vec<(String, String, u64)>, StateError> {
        let rows = sqlx::query(
            "SELECT target, json_extract(finding.value, '$.code') AS code, count(DISTINCT handover.id) AS failures
             FROM handover, json_each(handover.findings) AS finding
             WHERE outcome IN ('refused', 'rolled-back', 'pending', 'stuck')
               AND json_extract(finding.value, '$.severity') = 'error'
             GROUP BY target, code",
        )
        .fetch_all(&mut *self.connection().await?)
        .await
        .map_err(failed("count the handovers that failed"))?;
        Ok(rows.iter().map(|row| (row.get("target"), row.get("code"), row.get("failures"))).collect())
    }

    async fn handover_times(&self) -> Result<Vec<HandoverTimes>, StateError> {
        let rows = sqlx::query(
            "SELECT target, count(*), sum(took),
                    sum(took <= 1), sum(took > 1 AND took <= 2), sum(took > 2 AND took <= 5),
                    sum(took > 5 AND took <= 10), sum(took > 10 AND took <= 30), sum(took > 30 AND took <= 60),
                    sum(took > 60 AND took <= 120), sum(took > 120 AND took <= 300)
             FROM (SELECT target, (finished_at - started_at) / 1000.0 AS took FROM handover
                   WHERE outcome = 'served' AND finished_at IS NOT NULL)
             GROUP BY target",
        )
        .fetch_all(&mut *self.connection().await?)
        .await
        .map_err(failed("measure the handovers"))?;
        let times = |row: &sqlx::sqlite::SqliteRow| HandoverTimes {
            target: row.get(0),
            count: row.get(1),
            seconds: row.get(2),
            within: std::array::from_fn(|position| row.get(position + 3)),
        };
        Ok(rows.iter().map(times).collect())
    }
}
