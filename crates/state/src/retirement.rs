use baton_x509::{Fingerprint, Thumbprint};
use jiff::{SignedDuration, Timestamp};
use sqlx::Row as _;

use crate::database::{Batch, State, failed, parsed, to_time};
use crate::error::StateError;

/// A certificate that a successor has replaced, on its way out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Retirement {
    /// SHA-256.
    pub fingerprint: Fingerprint,
    /// SHA-1.
    pub thumbprint: Thumbprint,
    /// The target that used it.
    pub target: String,
    /// Whether someone else than Baton brought it.
    pub foreign: bool,
    /// When it goes into the trash.
    pub discard_at: Timestamp,
    /// Whether it is in the trash.
    pub discarded: bool,
    /// When it is deleted for good.
    pub shred_at: Timestamp,
}

/// A certificate that a successor replaces now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replaced {
    /// SHA-256.
    pub fingerprint: Fingerprint,
    /// The target that used it.
    pub target: String,
    /// How long it stays, and again in the trash. One that lives less long than that is of no use for a roll back once
    /// it has expired, so it stays only as long as it lives.
    pub grace: SignedDuration,
}

impl State {
    /// Writes down that a certificate is to be retired, if it is one that is remembered. One that is used again later
    /// is taken off the list by [`State::cancel_retirement`].
    pub async fn record_replaced(&self, replaced: &Replaced, now: Timestamp) -> Result<(), StateError> {
        let mut batch = Batch::default();
        write(&mut batch, replaced, now);
        batch.write(self, "record a retirement").await?;
        Ok(())
    }

    /// Writes down that a certificate of the list is in the trash.
    pub async fn record_discarded(&self, fingerprint: Fingerprint) -> Result<(), StateError> {
        let mut batch = Batch::default();
        batch.add("UPDATE retirement SET discarded = 1 WHERE fingerprint = ?").bind(fingerprint.to_string());
        batch.write(self, "record a retirement").await?;
        Ok(())
    }

    /// Takes a certificate off the list: it is gone for good, or in use again.
    pub async fn cancel_retirement(&self, fingerprint: Fingerprint) -> Result<(), StateError> {
        let mut batch = Batch::default();
        delete(&mut batch, fingerprint);
        batch.write(self, "cancel a retirement").await?;
        Ok(())
    }

    /// All certificates on their way out, the next one first.
    pub async fn retirements(&self) -> Result<Vec<Retirement>, StateError> {
        sqlx::query(
            "SELECT retirement.*, coalesce(certificate.origin, 'found') = 'found' AS is_foreign
             FROM retirement LEFT JOIN certificate USING (fingerprint) ORDER BY discard_at",
        )
        .fetch_all(&mut *self.connection().await?)
        .await
        .map_err(failed("list the retirements"))?
        .iter()
        .map(|row| {
            Ok(Retirement {
                fingerprint: parsed("fingerprint", row.get("fingerprint"))?,
                thumbprint: parsed("thumbprint", row.get("thumbprint"))?,
                target: row.get("target"),
                foreign: row.get("is_foreign"),
                discard_at: to_time(row.get("discard_at"))?,
                discarded: row.get("discarded"),
                shred_at: to_time(row.get("shred_at"))?,
            })
        })
        .collect()
    }
}

/// Puts a certificate on the list, as a part of a transaction.
pub(crate) fn write(batch: &mut Batch, replaced: &Replaced, now: Timestamp) {
    let (now, last) = (now.as_millisecond(), Timestamp::MAX.as_millisecond());
    batch
        .add(
            "INSERT OR REPLACE INTO retirement (fingerprint, thumbprint, target, discard_at, discarded, shred_at)
             SELECT fingerprint, thumbprint, ?, min(? + grace, ?), 0, min(? + 2 * grace, ?)
             FROM (SELECT fingerprint, thumbprint, max(0, min(?, not_after - not_before)) AS grace
                   FROM certificate WHERE fingerprint = ?)",
        )
        .bind(&replaced.target)
        .bind(now)
        .bind(last)
        .bind(now)
        .bind(last)
        .bind(i64::try_from(replaced.grace.as_millis()).unwrap_or(last))
        .bind(replaced.fingerprint.to_string());
}

/// Takes a certificate off the list, as a part of a transaction.
pub(crate) fn delete(batch: &mut Batch, fingerprint: Fingerprint) {
    batch.add("DELETE FROM retirement WHERE fingerprint = ?").bind(fingerprint.to_string());
}
