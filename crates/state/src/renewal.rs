use baton_x509::{Fingerprint, Thumbprint};
use jiff::Timestamp;
use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;

use crate::database::{State, failed, parsed, parsed_optional, to_optional_time, to_time};
use crate::error::StateError;

/// Where a `[[certificate]]` of the settings stands.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Renewal {
    /// Its name in the settings.
    pub name: String,
    /// The certificate that was last handed over to all its targets.
    pub current: Option<Fingerprint>,
    /// A successor that is issued and not handed over to all of them.
    pub pending: Option<Fingerprint>,
    /// How often in a row it failed since the last success.
    pub attempts: u32,
    /// Not to be tried again before.
    pub retry_at: Option<Timestamp>,
    /// Why it failed last.
    pub failure: Option<String>,
}

/// Where a certificate stands, with what is known of the certificates themselves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// Its name in the settings.
    pub name: String,
    /// The certificate that was last handed over to all its targets.
    pub current: Option<InForce>,
    /// A successor that is issued and not handed over to all of them.
    pub pending: Option<Thumbprint>,
    /// How often in a row it failed since the last success.
    pub attempts: u32,
    /// Why it failed last.
    pub failure: Option<String>,
}

/// A certificate that is in force.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InForce {
    /// SHA-256.
    pub fingerprint: Fingerprint,
    /// SHA-1.
    pub thumbprint: Thumbprint,
    /// First moment of validity.
    pub not_before: Timestamp,
    /// Last moment of validity.
    pub not_after: Timestamp,
}

impl State {
    /// Where a certificate stands; a new one starts with nothing.
    pub async fn renewal(&self, name: &str) -> Result<Renewal, StateError> {
        let row = sqlx::query("SELECT * FROM renewal WHERE name = ?")
            .bind(name)
            .fetch_optional(&self.pool)
            .await
            .map_err(failed("read a renewal"))?;
        row.map_or_else(|| Ok(Renewal { name: name.to_owned(), ..Renewal::default() }), |row| renewal(&row))
    }

    /// Where all certificates stand, with what `status` tells of them. One query with columns by position: this is
    /// read for thousands of certificates at once.
    pub async fn standings(&self) -> Result<Vec<Standing>, StateError> {
        let rows = sqlx::query(
            "SELECT renewal.name, current.fingerprint, current.thumbprint, current.not_before, current.not_after,
                    pending.thumbprint, renewal.failure, renewal.attempts
             FROM renewal
             LEFT JOIN certificate AS current ON current.fingerprint = renewal.current
             LEFT JOIN certificate AS pending ON pending.fingerprint = renewal.pending",
        )
        .fetch_all(&self.pool)
        .await
        .map_err(failed("list the renewals"))?;
        rows.iter()
            .map(|row| {
                let current = match row.get::<Option<&str>, _>(1) {
                    None => None,
                    Some(fingerprint) => Some(InForce {
                        fingerprint: parsed("fingerprint", fingerprint)?,
                        thumbprint: parsed("thumbprint", row.get(2))?,
                        not_before: to_time(row.get(3))?,
                        not_after: to_time(row.get(4))?,
                    }),
                };
                let pending = parsed_optional("thumbprint", row.get(5))?;
                Ok(Standing { name: row.get(0), current, pending, attempts: row.get(7), failure: row.get(6) })
            })
            .collect()
    }

    /// Writes down where a certificate stands.
    pub async fn record_renewal(&self, renewal: &Renewal) -> Result<(), StateError> {
        sqlx::query(
            "INSERT OR REPLACE INTO renewal (name, current, pending, attempts, retry_at, failure)
             VALUES (?, ?, ?, ?, ?, ?)",
        )
        .bind(&renewal.name)
        .bind(renewal.current.map(|fingerprint| fingerprint.to_string()))
        .bind(renewal.pending.map(|fingerprint| fingerprint.to_string()))
        .bind(renewal.attempts)
        .bind(renewal.retry_at.map(|at| at.as_millisecond()))
        .bind(&renewal.failure)
        .execute(&self.pool)
        .await
        .map_err(failed("record a renewal"))?;
        Ok(())
    }
}

fn renewal(row: &SqliteRow) -> Result<Renewal, StateError> {
    Ok(Renewal {
        name: row.get("name"),
        current: parsed_optional("fingerprint", row.get("current"))?,
        pending: parsed_optional("fingerprint", row.get("pending"))?,
        attempts: row.get("attempts"),
        retry_at: to_optional_time(row.get("retry_at"))?,
        failure: row.get("failure"),
    })
}
