use jiff::Timestamp;
use sqlx::Row as _;

use crate::database::{State, failed, to_optional_time};
use crate::error::StateError;

/// How much an issuer was asked for, for all certificates together.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct IssuerUse {
    /// Its name in the settings.
    pub name: String,
    /// When all orders that were counted have come back.
    pub full_at: Option<Timestamp>,
    /// Not to be asked before, as it said itself.
    pub rest_until: Option<Timestamp>,
}

impl State {
    /// How much each issuer was asked that something is known of.
    pub async fn issuer_uses(&self) -> Result<Vec<IssuerUse>, StateError> {
        let rows = sqlx::query("SELECT name, full_at, rest_until FROM issuer")
            .fetch_all(&mut *self.connection().await?)
            .await;
        let rows = rows.map_err(failed("read what the issuers were asked"))?;
        rows.iter()
            .map(|row| {
                Ok(IssuerUse {
                    name: row.get(0),
                    full_at: to_optional_time(row.get(1))?,
                    rest_until: to_optional_time(row.get(2))?,
                })
            })
            .collect()
    }

    /// How much an issuer was asked; a new one starts with nothing.
    pub async fn issuer_use(&self, name: &str) -> Result<IssuerUse, StateError> {
        let known = self.issuer_uses().await?.into_iter().find(|known| known.name == name);
        Ok(known.unwrap_or_else(|| IssuerUse { name: name.to_owned(), ..IssuerUse::default() }))
    }

    /// Writes down how much an issuer was asked.
    pub async fn record_issuer_use(&self, used: &IssuerUse) -> Result<(), StateError> {
        sqlx::query("INSERT OR REPLACE INTO issuer (name, full_at, rest_until) VALUES (?, ?, ?)")
            .bind(&used.name)
            .bind(used.full_at.map(|at| at.as_millisecond()))
            .bind(used.rest_until.map(|at| at.as_millisecond()))
            .execute(&mut *self.connection().await?)
            .await
            .map_err(failed("record what an issuer was asked"))?;
        Ok(())
    }
}
