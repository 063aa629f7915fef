use baton_x509::{Fingerprint, Thumbprint};
use jiff::Timestamp;
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

impl State {
    /// Writes down that a certificate is to be retired. One that is used again later is taken off the list
    /// by [`State::cancel_retirement`].
    pub async fn record_retirement(&self, retirement: &Retirement) -> Result<(), StateError> {
        let mut batch = Batch::default();
        write(&mut batch, retirement);
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
        .fetch_all(&self.pool)
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
pub(crate) fn write(batch: &mut Batch, retirement: &Retirement) {
    batch.add(
        "INSERT OR REPLACE INTO retirement (fingerprint, thumbprint, target, discard_at, discarded, shred_at)
         VALUES (?, ?, ?, ?, ?, ?)",
    )
    .bind(retirement.fingerprint.to_string())
    .bind(retirement.thumbprint.to_string())
    .bind(&retirement.target)
    .bind(retirement.discard_at.as_millisecond())
    .bind(retirement.discarded)
    .bind(retirement.shred_at.as_millisecond());
}

/// Takes a certificate off the list, as a part of a transaction.
pub(crate) fn delete(batch: &mut Batch, fingerprint: Fingerprint) {
    batch.add("DELETE FROM retirement WHERE fingerprint = ?").bind(fingerprint.to_string());
}
