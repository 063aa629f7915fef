use baton_x509::Fingerprint;
use jiff::Timestamp;
use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;

use crate::database::{State, failed, parsed, to_optional_time, to_time};
use crate::error::StateError;

/// What an issuer said about the renewal of a certificate (RFC 9773), and when it is asked again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SuggestionRecord {
    /// The certificate that it was asked about.
    pub certificate: Fingerprint,
    /// The window; `None` when it suggests none, or has not answered yet.
    pub window: Option<SuggestedWindow>,
    /// A page that tells people why.
    pub explanation: Option<String>,
    /// When it is asked again.
    pub ask_at: Timestamp,
    /// How many questions in a row had no answer.
    pub attempts: u32,
}

/// A window, and the moment that was chosen in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SuggestedWindow {
    /// Its first moment.
    pub start: Timestamp,
    /// Its end.
    pub end: Timestamp,
    /// When the certificate is to be renewed.
    pub chosen: Timestamp,
}

impl SuggestionRecord {
    /// Out of seven columns; `None` where there are none.
    pub(crate) fn read(row: &SqliteRow, first: usize) -> Result<Option<Self>, StateError> {
        let Some(certificate) = row.get::<Option<&str>, _>(first) else { return Ok(None) };
        let time = |position: usize| to_optional_time(row.get(first + position));
        let window = match (time(1)?, time(2)?, time(3)?) {
            (Some(start), Some(end), Some(chosen)) => Some(SuggestedWindow { start, end, chosen }),
            _ => None,
        };
        Ok(Some(Self {
            certificate: parsed("fingerprint", certificate)?,
            window,
            explanation: row.get(first + 4),
            ask_at: to_time(row.get(first + 5))?,
            attempts: row.get(first + 6),
        }))
    }
}

impl State {
    /// Keeps what an issuer said about the certificate of a `[[certificate]]`.
    pub async fn record_suggestion(
        &self,
        name: &str,
        suggestion: &SuggestionRecord,
    ) -> Result<(), StateError> {
        let window = suggestion.window;
        sqlx::query(
            "INSERT OR REPLACE INTO suggestion
             (name, fingerprint, starts_at, ends_at, chosen_at, explanation, ask_at, attempts)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        )
        .bind(name)
        .bind(suggestion.certificate.to_string())
        .bind(window.map(|window| window.start.as_millisecond()))
        .bind(window.map(|window| window.end.as_millisecond()))
        .bind(window.map(|window| window.chosen.as_millisecond()))
        .bind(&suggestion.explanation)
        .bind(suggestion.ask_at.as_millisecond())
        .bind(suggestion.attempts)
        .execute(&mut *self.connection().await?)
        .await
        .map_err(failed("record what an issuer suggests"))?;
        Ok(())
    }
}
