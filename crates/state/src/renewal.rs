use baton_x509::{Fingerprint, Thumbprint};
use jiff::Timestamp;
use sqlx::sqlite::SqliteRow;
use sqlx::{AssertSqlSafe, Row as _};

use crate::database::{State, failed, from_json, parsed, parsed_optional, to_optional_time, to_time};
use crate::error::StateError;
use crate::suggestion::SuggestionRecord;

/// Where a `[[certificate]]` of the settings stands.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Renewal {
    /// Its name in the settings.
    pub name: String,
    /// The certificate that was last handed over to all its targets.
    pub current: Option<Fingerprint>,
    /// A successor that is issued and not handed over to all of them.
    pub pending: Option<Fingerprint>,
    /// What went wrong with getting a successor.
    pub issuing: Attempts,
    /// Not to be ordered before, as the issuer said.
    pub rest_until: Option<Timestamp>,
    /// What went wrong with handing the pending successor over.
    pub handover: Attempts,
    /// The request for a successor that waits for its approval at the CA.
    pub awaiting: Option<Awaiting>,
}

/// A request that was handed in, and that a person must approve at the CA.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Awaiting {
    /// What the CA calls it.
    pub request: String,
    /// Since when it waits.
    pub since: Timestamp,
}

/// What was tried in vain since the last success.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Attempts {
    /// How often in a row.
    pub failed: u32,
    /// Not to be tried again before.
    pub retry_at: Option<Timestamp>,
    /// Why it failed last.
    pub failure: Option<String>,
}

/// Where a certificate stands, with what is known of the certificates themselves.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Standing {
    /// Its name in the settings.
    pub name: String,
    /// The certificate that was last handed over to all its targets.
    pub current: Option<InForce>,
    /// A successor that is issued and not handed over to all of them.
    pub pending: Option<InForce>,
    /// What went wrong with getting a successor.
    pub issuing: Attempts,
    /// Not to be ordered before, as the issuer said.
    pub rest_until: Option<Timestamp>,
    /// What went wrong with handing the pending successor over.
    pub handover: Attempts,
    /// What the issuer said about the renewal of `current`.
    pub suggestion: Option<SuggestionRecord>,
    /// The request for a successor that waits for its approval at the CA.
    pub awaiting: Option<Awaiting>,
}

/// A certificate that is in force, or about to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InForce {
    /// SHA-256.
    pub fingerprint: Fingerprint,
    /// SHA-1.
    pub thumbprint: Thumbprint,
    /// DNS names and addresses.
    pub names: Vec<String>,
    /// First moment of validity.
    pub not_before: Timestamp,
    /// Last moment of validity.
    pub not_after: Timestamp,
}

/// One row for each renewal, by position.
const STANDINGS: &str = "
    SELECT renewal.name,
           current.fingerprint, current.thumbprint, current.names, current.not_before, current.not_after,
           pending.fingerprint, pending.thumbprint, pending.names, pending.not_before, pending.not_after,
           renewal.attempts, renewal.retry_at, renewal.failure,
           renewal.handover_attempts, renewal.handover_retry_at, renewal.handover_failure,
           suggestion.fingerprint, suggestion.starts_at, suggestion.ends_at, suggestion.chosen_at,
           suggestion.explanation, suggestion.ask_at, suggestion.attempts, renewal.rest_until,
           renewal.awaiting, renewal.awaiting_since
    FROM renewal
    LEFT JOIN certificate AS current ON current.fingerprint = renewal.current
    LEFT JOIN certificate AS pending ON pending.fingerprint = renewal.pending
    LEFT JOIN suggestion ON suggestion.name = renewal.name AND suggestion.fingerprint = renewal.current";

/// The first of the columns above: all there is to tell of most certificates.
const AT_REST: &str = "
    SELECT renewal.name,
           current.fingerprint, current.thumbprint, current.names, current.not_before, current.not_after
    FROM renewal
    LEFT JOIN certificate AS current ON current.fingerprint = renewal.current";

/// Whether there is nothing to tell but the certificate in force.
const IS_AT_REST: &str = "
    renewal.pending IS NULL AND renewal.rest_until IS NULL AND renewal.awaiting IS NULL
    AND renewal.attempts = 0 AND renewal.retry_at IS NULL AND renewal.failure IS NULL
    AND renewal.handover_attempts = 0 AND renewal.handover_retry_at IS NULL AND renewal.handover_failure IS NULL
    AND NOT EXISTS (SELECT 1 FROM suggestion WHERE suggestion.name = renewal.name)";

impl State {
    /// Where a certificate stands; a new one starts with nothing.
    pub async fn renewal(&self, name: &str) -> Result<Renewal, StateError> {
        let row = sqlx::query("SELECT * FROM renewal WHERE name = ?")
            .bind(name)
            .fetch_optional(&mut *self.connection().await?)
            .await
            .map_err(failed("read a renewal"))?;
        row.map_or_else(|| Ok(Renewal { name: name.to_owned(), ..Renewal::default() }), |row| renewal(&row))
    }

    /// Where all certificates stand that something is known of.
    ///
    /// This is read for thousands of certificates at once, and each column of a row costs as much as its value, also
    /// where there is none. So most rows are read without those that have none; in one transaction, as a renewal may
    /// come to rest meanwhile.
    pub async fn standings(&self) -> Result<Vec<Standing>, StateError> {
        let error = failed("list the renewals");
        let mut transaction = self.begin_reading("list the renewals").await?;
        // Nothing but literals is in them.
        let (at_rest, others) =
            (format!("{AT_REST} WHERE {IS_AT_REST}"), format!("{STANDINGS} WHERE NOT ({IS_AT_REST})"));
        let at_rest = sqlx::query(AssertSqlSafe(at_rest))
            .fetch_all(&mut transaction.connection)
            .await
            .map_err(&error)?;
        let others = sqlx::query(AssertSqlSafe(others))
            .fetch_all(&mut transaction.connection)
            .await
            .map_err(&error)?;
        transaction.commit().await?;
        let resting = |row: &SqliteRow| {
            Ok(Standing { name: row.get(0), current: in_force(row, 1)?, ..Standing::default() })
        };
        at_rest.iter().map(resting).chain(others.iter().map(standing)).collect()
    }

    /// Where one certificate stands; a new one starts with nothing.
    pub async fn standing(&self, name: &str) -> Result<Standing, StateError> {
        let query = format!("{STANDINGS} WHERE renewal.name = ?");
        // Nothing but two literals is in it.
        let row =
            sqlx::query(AssertSqlSafe(query)).bind(name).fetch_optional(&mut *self.connection().await?).await;
        let row = row.map_err(failed("read a renewal"))?;
        row.map_or_else(
            || Ok(Standing { name: name.to_owned(), ..Standing::default() }),
            |row| standing(&row),
        )
    }

    /// Writes down where a certificate stands.
    pub async fn record_renewal(&self, renewal: &Renewal) -> Result<(), StateError> {
        let (issuing, handover) = (&renewal.issuing, &renewal.handover);
        sqlx::query(
            "INSERT OR REPLACE INTO renewal
             (name, current, pending, attempts, retry_at, failure, handover_attempts, handover_retry_at,
              handover_failure, rest_until, awaiting, awaiting_since)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        )
        .bind(&renewal.name)
        .bind(renewal.current.map(|fingerprint| fingerprint.to_string()))
        .bind(renewal.pending.map(|fingerprint| fingerprint.to_string()))
        .bind(issuing.failed)
        .bind(issuing.retry_at.map(|at| at.as_millisecond()))
        .bind(&issuing.failure)
        .bind(handover.failed)
        .bind(handover.retry_at.map(|at| at.as_millisecond()))
        .bind(&handover.failure)
        .bind(renewal.rest_until.map(|at| at.as_millisecond()))
        .bind(renewal.awaiting.as_ref().map(|awaiting| &awaiting.request))
        .bind(renewal.awaiting.as_ref().map(|awaiting| awaiting.since.as_millisecond()))
        .execute(&mut *self.connection().await?)
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
        issuing: Attempts {
            failed: row.get("attempts"),
            retry_at: to_optional_time(row.get("retry_at"))?,
            failure: row.get("failure"),
        },
        handover: Attempts {
            failed: row.get("handover_attempts"),
            retry_at: to_optional_time(row.get("handover_retry_at"))?,
            failure: row.get("handover_failure"),
        },
        rest_until: to_optional_time(row.get("rest_until"))?,
        awaiting: awaiting(row.get("awaiting"), row.get("awaiting_since"))?,
    })
}

fn standing(row: &SqliteRow) -> Result<Standing, StateError> {
    Ok(Standing {
        name: row.get(0),
        current: in_force(row, 1)?,
        pending: in_force(row, 6)?,
        issuing: attempts(row, 11)?,
        handover: attempts(row, 14)?,
        suggestion: SuggestionRecord::read(row, 17)?,
        rest_until: to_optional_time(row.get(24))?,
        awaiting: awaiting(row.get(25), row.get(26))?,
    })
}

fn awaiting(request: Option<String>, since: Option<i64>) -> Result<Option<Awaiting>, StateError> {
    Ok(request.zip(to_optional_time(since)?).map(|(request, since)| Awaiting { request, since }))
}

/// Of five columns.
fn in_force(row: &SqliteRow, first: usize) -> Result<Option<InForce>, StateError> {
    let Some(fingerprint) = row.get::<Option<&str>, _>(first) else { return Ok(None) };
    Ok(Some(InForce {
        fingerprint: parsed("fingerprint", fingerprint)?,
        thumbprint: parsed("thumbprint", row.get(first + 1))?,
        names: from_json("list of names", row.get(first + 2))?,
        not_before: to_time(row.get(first + 3))?,
        not_after: to_time(row.get(first + 4))?,
    }))
}

/// Of three columns.
fn attempts(row: &SqliteRow, first: usize) -> Result<Attempts, StateError> {
    Ok(Attempts {
        failed: row.get(first),
        retry_at: to_optional_time(row.get(first + 1))?,
        failure: row.get(first + 2),
    })
}
