//! The journal: what a handover is about to do, and what it has done.

use std::fmt;
use std::str::FromStr;

use baton_finding::Finding;
use baton_x509::{Fingerprint, Thumbprint};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;

use crate::certificate::{self, Met};
use crate::database::{
    Batch, State, failed, from_json, parsed, parsed_optional, to_json, to_optional_time, to_time,
};
use crate::error::StateError;
use crate::observation::{self, Observation};
use crate::recovery::{self, Recovery};
use crate::retirement::{self, Replaced};

/// Which handover, counted from 1 on this machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct HandoverId(pub i64);

impl fmt::Display for HandoverId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// A word that is stored and shown by its name in lower case.
macro_rules! named {
    ($(#[$meta:meta])* $type:ident { $($(#[$doc:meta])* $variant:ident = $name:literal),+ $(,)? }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
        pub enum $type { $($(#[$doc])* #[serde(rename = $name)] $variant),+ }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(match self { $(Self::$variant => $name),+ })
            }
        }

        impl FromStr for $type {
            type Err = ();

            fn from_str(text: &str) -> Result<Self, ()> {
                match text { $($name => Ok(Self::$variant),)+ _ => Err(()) }
            }
        }
    };
}

named! {
    /// A step of the handover.
    Step {
        /// Is the successor sound, is the target sound?
        Check = "check",
        /// The target's ports closed to the outside.
        Close = "close",
        /// Successor and key to where the target finds them.
        Stage = "stage",
        /// TLS switched off, behind the closed door.
        TlsOff = "tls-off",
        /// The references, all as one.
        Switch = "switch",
        /// Reload, restart or hot swap.
        Activate = "activate",
        /// Handshakes until the successor is seen.
        Prove = "prove",
        /// The target's ports opened to the outside.
        Open = "open",
        /// Back to what was before.
        RollBack = "roll-back",
        /// The old certificate and its key into the trash.
        Retire = "retire",
    }
}

named! {
    /// How far a step has come.
    StepOutcome {
        /// Written down, and perhaps acted upon.
        Begun = "begun",
        /// Acted upon wholly.
        Done = "done",
        /// It could not be done.
        Failed = "failed",
    }
}

named! {
    /// How a handover ended.
    Outcome {
        /// The successor is proven to be served.
        Served = "served",
        /// The certificate was in use already: nothing was changed.
        Unchanged = "unchanged",
        /// The checks refused it: nothing was changed.
        Refused = "refused",
        /// It failed, and the state before is proven.
        RolledBack = "rolled-back",
        /// Issued and not handed over: it is kept and tried again.
        Pending = "pending",
        /// It failed and the state before is not proven: a person must look.
        Stuck = "stuck",
        /// A dry run: nothing was changed.
        Planned = "planned",
    }
}

/// What is known of a handover when it begins.
#[derive(Debug, Clone)]
pub struct NewHandover {
    /// Of the `[[certificate]]`, where there is one.
    pub certificate: Option<String>,
    /// The target's name.
    pub target: String,
    /// What the target named before.
    pub old: Option<Thumbprint>,
    /// Its fingerprint, where the certificate itself was found.
    pub old_fingerprint: Option<Fingerprint>,
    /// The successor.
    pub new: Thumbprint,
    /// Its fingerprint.
    pub new_fingerprint: Fingerprint,
    /// What repeats and undoes each step, as JSON.
    pub plan: String,
    /// What the check found.
    pub findings: Vec<Finding>,
    /// When the check began.
    pub started_at: Timestamp,
}

/// A handover as it is remembered.
#[derive(Debug, Clone)]
pub struct Handover {
    /// Which one.
    pub id: HandoverId,
    /// What was known when it began, and the findings since.
    pub begun: NewHandover,
    /// How it ended; `None` while it is open.
    pub outcome: Option<Outcome>,
    /// When it ended.
    pub finished_at: Option<Timestamp>,
    /// Whether it was open when the database was put back from a copy: the target may have moved on since.
    pub restored: bool,
}

/// A step as it is remembered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepRecord {
    /// Which step.
    pub step: Step,
    /// How far it came.
    pub outcome: StepOutcome,
    /// What happened, for people: the output of commands, the reason of a failure.
    pub detail: String,
    /// When it began.
    pub started_at: Timestamp,
    /// When it was done or failed.
    pub finished_at: Option<Timestamp>,
}

/// The handshakes that showed the successor at one endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProofRecord {
    /// The endpoint as the settings name it.
    pub endpoint: String,
    /// The address that was asked.
    pub address: String,
    /// What it served.
    pub thumbprint: Thumbprint,
    /// What it served.
    pub fingerprint: Fingerprint,
    /// The fingerprints of all certificates it sent, the leaf's first.
    pub chain: Vec<Fingerprint>,
    /// `TLSv1.3` or `TLSv1.2`.
    pub tls_version: String,
    /// How many milliseconds after the activation something else was still seen.
    pub stale_milliseconds: i64,
    /// When the last of the handshakes was made.
    pub at: Timestamp,
}

/// Which handovers are listed; all of them where nothing is said.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct HandoverFilter {
    /// Those before this one.
    pub before: Option<HandoverId>,
    /// Those of this target.
    pub target: Option<String>,
    /// Those of this `[[certificate]]`.
    pub certificate: Option<String>,
    /// Those that brought this certificate or took it away.
    pub thumbprint: Option<Thumbprint>,
}

/// What follows from the end of a handover.
#[derive(Debug, Clone, Default)]
pub struct Closing {
    /// The handshakes that showed the successor.
    pub proofs: Vec<ProofRecord>,
    /// What the endpoints of the target were seen to serve.
    pub observed: Option<(String, Vec<Observation>)>,
    /// A certificate that is in use, so it is not on its way out any more.
    pub in_use: Option<Fingerprint>,
    /// The certificate before, on its way out from now on.
    pub replaced: Option<Replaced>,
    /// What was reset, and waits to be put back.
    pub recovery: Option<Recovery>,
    /// The target, where nothing waits any more to be put back.
    pub recovered: Option<String>,
}

impl State {
    /// Writes down a handover that is about to act, the certificates it met, the steps that are done, and that
    /// `next` has begun: one transaction, durable when this returns.
    pub async fn open_handover(
        &self,
        handover: &NewHandover,
        met: &[Met<'_>],
        done: &[StepRecord],
        next: Step,
        now: Timestamp,
    ) -> Result<HandoverId, StateError> {
        let mut batch = Batch::default();
        met.iter().for_each(|met| certificate::write(&mut batch, met, now));
        insert_handover(&mut batch, handover, None, None);
        done.iter().for_each(|step| add_step(&mut batch, None, step));
        add_step(&mut batch, None, &StepRecord::begun(next, now));
        inserted(&batch.write(self, "open a handover").await?)
    }

    /// Writes down a handover that ended with its check: refused, or nothing to do.
    pub async fn record_ended_handover(
        &self,
        handover: &NewHandover,
        met: &[Met<'_>],
        steps: &[StepRecord],
        proofs: &[ProofRecord],
        outcome: Outcome,
        now: Timestamp,
    ) -> Result<HandoverId, StateError> {
        let mut batch = Batch::default();
        met.iter().for_each(|met| certificate::write(&mut batch, met, now));
        insert_handover(&mut batch, handover, Some(outcome), Some(now));
        steps.iter().for_each(|step| add_step(&mut batch, None, step));
        write_proofs(&mut batch, None, proofs);
        inserted(&batch.write(self, "record a handover").await?)
    }

    /// Writes down, in one transaction, how a step ended and that the next one has begun; durable when this returns,
    /// but for the proof after the activation.
    pub async fn advance(
        &self,
        id: HandoverId,
        ended: &StepRecord,
        next: Step,
        now: Timestamp,
    ) -> Result<(), StateError> {
        let mut batch = Batch::default();
        end_step(&mut batch, id, ended);
        add_step(&mut batch, Some(id), &StepRecord::begun(next, now));
        let action = "advance a handover";
        match (ended.step, next) {
            // To look changes nothing, and a look that is interrupted begins with the activation again.
            (Step::Activate, Step::Prove) => batch.write_without_waiting(self, action).await?,
            _ => batch.write(self, action).await?,
        };
        Ok(())
    }

    /// Writes down, in one transaction, how a handover ended and all that follows from it: the handover is closed.
    pub async fn close_handover(
        &self,
        id: HandoverId,
        last: &StepRecord,
        outcome: Outcome,
        findings: &[Finding],
        closing: &Closing,
        now: Timestamp,
    ) -> Result<(), StateError> {
        let mut batch = Batch::default();
        end_step(&mut batch, id, last);
        write_proofs(&mut batch, Some(id), &closing.proofs);
        if let Some((target, observations)) = &closing.observed {
            observation::write(&mut batch, target, observations);
        }
        if let Some(in_use) = closing.in_use {
            retirement::delete(&mut batch, in_use);
        }
        if let Some(replaced) = &closing.replaced {
            retirement::write(&mut batch, replaced, now);
        }
        if let Some(recovery) = &closing.recovery {
            recovery::write(&mut batch, recovery);
        }
        if let Some(target) = &closing.recovered {
            recovery::delete(&mut batch, target);
        }
        batch
            .add("UPDATE handover SET outcome = ?, findings = ?, finished_at = ? WHERE id = ?")
            .bind(outcome.to_string())
            .bind(to_json(&findings))
            .bind(now.as_millisecond())
            .bind(id.0);
        batch.write(self, "close a handover").await?;
        Ok(())
    }

    /// The last handovers, the newest first.
    pub async fn handovers(&self, limit: u32) -> Result<Vec<Handover>, StateError> {
        self.handovers_of(&HandoverFilter::default(), limit).await
    }

    /// The last of those handovers that pass a filter, the newest first.
    pub async fn handovers_of(
        &self,
        filter: &HandoverFilter,
        limit: u32,
    ) -> Result<Vec<Handover>, StateError> {
        sqlx::query(
            "SELECT * FROM handover
             WHERE (?1 IS NULL OR id < ?1)
               AND (?2 IS NULL OR target = ?2)
               AND (?3 IS NULL OR certificate = ?3)
               AND (?4 IS NULL OR old_thumbprint = ?4 OR new_thumbprint = ?4)
             ORDER BY id DESC LIMIT ?5",
        )
        .bind(filter.before.map(|id| id.0))
        .bind(&filter.target)
        .bind(&filter.certificate)
        .bind(filter.thumbprint.map(|thumbprint| thumbprint.to_string()))
        .bind(limit)
        .fetch_all(&mut *self.connection().await?)
        .await
        .map_err(failed("list the handovers"))?
        .iter()
        .map(handover)
        .collect()
    }

    /// One handover.
    pub async fn handover(&self, id: HandoverId) -> Result<Option<Handover>, StateError> {
        sqlx::query("SELECT * FROM handover WHERE id = ?")
            .bind(id.0)
            .fetch_optional(&mut *self.connection().await?)
            .await
            .map_err(failed("read a handover"))?
            .map(|row| handover(&row))
            .transpose()
    }

    /// The last handover whose successor was proven.
    pub async fn last_served(&self) -> Result<Option<Handover>, StateError> {
        sqlx::query("SELECT * FROM handover WHERE outcome = 'served' ORDER BY id DESC LIMIT 1")
            .fetch_optional(&mut *self.connection().await?)
            .await
            .map_err(failed("read the last handover"))?
            .map(|row| handover(&row))
            .transpose()
    }

    /// The handovers of a target that were interrupted, the oldest first.
    pub async fn open_handovers(&self, target: &str) -> Result<Vec<Handover>, StateError> {
        sqlx::query("SELECT * FROM handover WHERE outcome IS NULL AND target = ? ORDER BY id")
            .bind(target)
            .fetch_all(&mut *self.connection().await?)
            .await
            .map_err(failed("list the open handovers"))?
            .iter()
            .map(handover)
            .collect()
    }

    /// The targets whose last handover is stuck, with its number.
    pub async fn stuck_targets(&self) -> Result<Vec<(String, HandoverId)>, StateError> {
        let rows = sqlx::query(
            "SELECT target, id FROM handover
             WHERE outcome = 'stuck' AND id IN (SELECT max(id) FROM handover WHERE outcome <> 'refused' GROUP BY target)",
        )
        .fetch_all(&mut *self.connection().await?)
        .await
        .map_err(failed("list the stuck handovers"))?;
        Ok(rows.iter().map(|row| (row.get("target"), HandoverId(row.get("id")))).collect())
    }

    /// The last handover of each target that has begun and not ended, with the moment of its beginning.
    pub async fn targets_under_way(&self) -> Result<Vec<(String, HandoverId, Timestamp)>, StateError> {
        sqlx::query(
            "SELECT target, max(id) AS id, started_at FROM handover WHERE outcome IS NULL GROUP BY target",
        )
        .fetch_all(&mut *self.connection().await?)
        .await
        .map_err(failed("list the open handovers"))?
        .iter()
        .map(|row| Ok((row.get("target"), HandoverId(row.get("id")), to_time(row.get("started_at"))?)))
        .collect()
    }

    /// The steps of a handover in their order.
    pub async fn steps(&self, id: HandoverId) -> Result<Vec<StepRecord>, StateError> {
        sqlx::query("SELECT * FROM step WHERE handover = ? ORDER BY position")
            .bind(id.0)
            .fetch_all(&mut *self.connection().await?)
            .await
            .map_err(failed("list the steps of a handover"))?
            .iter()
            .map(|row| {
                Ok(StepRecord {
                    step: parsed("step", row.get("step"))?,
                    outcome: parsed("outcome of a step", row.get("outcome"))?,
                    detail: row.get("detail"),
                    started_at: to_time(row.get("started_at"))?,
                    finished_at: to_optional_time(row.get("finished_at"))?,
                })
            })
            .collect()
    }

    /// The proofs of a handover.
    pub async fn proofs(&self, id: HandoverId) -> Result<Vec<ProofRecord>, StateError> {
        sqlx::query("SELECT * FROM proof WHERE handover = ? ORDER BY rowid")
            .bind(id.0)
            .fetch_all(&mut *self.connection().await?)
            .await
            .map_err(failed("list the proofs of a handover"))?
            .iter()
            .map(|row| {
                Ok(ProofRecord {
                    endpoint: row.get("endpoint"),
                    address: row.get("address"),
                    thumbprint: parsed("thumbprint", row.get("thumbprint"))?,
                    fingerprint: parsed("fingerprint", row.get("fingerprint"))?,
                    chain: from_json("list of fingerprints", row.get("chain"))?,
                    tls_version: row.get("tls_version"),
                    stale_milliseconds: row.get("stale_milliseconds"),
                    at: to_time(row.get("at"))?,
                })
            })
            .collect()
    }
}

impl StepRecord {
    /// A step that is about to act.
    pub fn begun(step: Step, now: Timestamp) -> Self {
        Self { step, outcome: StepOutcome::Begun, detail: String::new(), started_at: now, finished_at: None }
    }

    /// A step that has ended.
    pub fn ended(
        step: Step,
        outcome: StepOutcome,
        detail: String,
        started_at: Timestamp,
        now: Timestamp,
    ) -> Self {
        Self { step, outcome, detail, started_at, finished_at: Some(now) }
    }
}

/// Adds a handover; the statement returns its number.
fn insert_handover(
    batch: &mut Batch,
    handover: &NewHandover,
    outcome: Option<Outcome>,
    finished_at: Option<Timestamp>,
) {
    batch
        .add(
            "INSERT INTO handover (certificate, target, old_thumbprint, old_fingerprint, new_thumbprint,
                                   new_fingerprint, plan, findings, outcome, started_at, finished_at)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id",
        )
        .bind(&handover.certificate)
        .bind(&handover.target)
        .bind(handover.old.map(|old| old.to_string()))
        .bind(handover.old_fingerprint.map(|old| old.to_string()))
        .bind(handover.new.to_string())
        .bind(handover.new_fingerprint.to_string())
        .bind(&handover.plan)
        .bind(to_json(&handover.findings))
        .bind(outcome.map(|outcome| outcome.to_string()))
        .bind(handover.started_at.as_millisecond())
        .bind(finished_at.map(|at| at.as_millisecond()));
}

/// The number that a batch with [`insert_handover`] returned.
fn inserted(rows: &[SqliteRow]) -> Result<HandoverId, StateError> {
    let row = rows.first().ok_or(sqlx::Error::RowNotFound).map_err(failed("number a handover"))?;
    Ok(HandoverId(row.get("id")))
}

/// Brings a step that has begun to its end; one that was never written down becomes the next one.
fn end_step(batch: &mut Batch, id: HandoverId, step: &StepRecord) {
    batch
        .add(
            "UPDATE step SET outcome = ?, detail = ?, finished_at = ?
             WHERE handover = ? AND step = ? AND outcome = 'begun'",
        )
        .bind(step.outcome.to_string())
        .bind(&step.detail)
        .bind(step.finished_at.map(|at| at.as_millisecond()))
        .bind(id.0)
        .bind(step.step.to_string());
    insert_step(batch, "WHERE changes() = 0", Some(id), step);
}

/// Writes a step down as the next one; without a number, of the handover that the batch has added.
fn add_step(batch: &mut Batch, id: Option<HandoverId>, step: &StepRecord) {
    insert_step(batch, "", id, step);
}

fn insert_step(batch: &mut Batch, condition: &'static str, id: Option<HandoverId>, step: &StepRecord) {
    batch
        .add(
            "INSERT INTO step (handover, position, step, outcome, detail, started_at, finished_at)
             SELECT id, (SELECT coalesce(max(position), 0) + 1 FROM step WHERE handover = id), ?, ?, ?, ?, ?
             FROM (SELECT coalesce(?, (SELECT max(id) FROM handover)) AS id)",
        )
        .and(condition)
        .bind(step.step.to_string())
        .bind(step.outcome.to_string())
        .bind(&step.detail)
        .bind(step.started_at.as_millisecond())
        .bind(step.finished_at.map(|at| at.as_millisecond()))
        .bind(id.map(|id| id.0));
}

/// Without a number: of the handover that the batch has added.
fn write_proofs(batch: &mut Batch, id: Option<HandoverId>, proofs: &[ProofRecord]) {
    for proof in proofs {
        batch
            .add(
                "INSERT INTO proof (handover, endpoint, address, thumbprint, fingerprint, chain, tls_version,
                                    stale_milliseconds, at)
                 VALUES (coalesce(?, (SELECT max(id) FROM handover)), ?, ?, ?, ?, ?, ?, ?, ?)",
            )
            .bind(id.map(|id| id.0))
            .bind(&proof.endpoint)
            .bind(&proof.address)
            .bind(proof.thumbprint.to_string())
            .bind(proof.fingerprint.to_string())
            .bind(to_json(&proof.chain))
            .bind(&proof.tls_version)
            .bind(proof.stale_milliseconds)
            .bind(proof.at.as_millisecond());
    }
}

fn handover(row: &SqliteRow) -> Result<Handover, StateError> {
    Ok(Handover {
        id: HandoverId(row.get("id")),
        begun: NewHandover {
            certificate: row.get("certificate"),
            target: row.get("target"),
            old: parsed_optional("thumbprint", row.get("old_thumbprint"))?,
            old_fingerprint: parsed_optional("fingerprint", row.get("old_fingerprint"))?,
            new: parsed("thumbprint", row.get("new_thumbprint"))?,
            new_fingerprint: parsed("fingerprint", row.get("new_fingerprint"))?,
            plan: row.get("plan"),
            findings: from_json("list of findings", row.get("findings"))?,
            started_at: to_time(row.get("started_at"))?,
        },
        outcome: parsed_optional("outcome", row.get("outcome"))?,
        finished_at: to_optional_time(row.get("finished_at"))?,
        restored: row.get("restored"),
    })
}
