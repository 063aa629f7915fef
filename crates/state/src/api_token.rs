//! Programs that may use the interface for programs.

use jiff::Timestamp;
use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;

use crate::access_level::AccessLevel;
use crate::database::{Batch, State, failed, parsed, to_optional_time, to_time};
use crate::error::StateError;
use crate::principal::PrincipalName;
use crate::token_hash::TokenHash;

/// A token, without what it consists of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiToken {
    /// What it is called.
    pub name: PrincipalName,
    /// What it may be used for.
    pub level: AccessLevel,
    /// When it was made.
    pub created_at: Timestamp,
    /// Until when it is good.
    pub expires_at: Timestamp,
    /// When it was used last, to the minute.
    pub used_at: Option<Timestamp>,
}

impl State {
    /// All tokens, by name, those that are over too.
    pub async fn api_tokens(&self) -> Result<Vec<ApiToken>, StateError> {
        let rows = sqlx::query("SELECT * FROM api_token ORDER BY name")
            .fetch_all(&mut *self.connection().await?)
            .await;
        rows.map_err(failed("list the tokens"))?.iter().map(api_token).collect()
    }

    /// The token with this hash, whether it is still good or not.
    pub async fn api_token(&self, token: TokenHash) -> Result<Option<ApiToken>, StateError> {
        sqlx::query("SELECT * FROM api_token WHERE token_hash = ?")
            .bind(token.as_bytes())
            .fetch_optional(&mut *self.connection().await?)
            .await
            .map_err(failed("read a token"))?
            .map(|row| api_token(&row))
            .transpose()
    }

    /// Adds a token; `false`: there is one of that name, and nothing was changed.
    pub async fn add_api_token(
        &self,
        name: &PrincipalName,
        token: TokenHash,
        level: AccessLevel,
        now: Timestamp,
        expires_at: Timestamp,
    ) -> Result<bool, StateError> {
        let mut batch = Batch::default();
        batch
            .add(
                "INSERT INTO api_token (name, token_hash, level, created_at, expires_at) VALUES (?, ?, ?, ?, ?)
                 ON CONFLICT (name) DO NOTHING RETURNING name",
            )
            .bind(name.as_str())
            .bind(token.as_bytes())
            .bind(level.name())
            .bind(now.as_millisecond())
            .bind(expires_at.as_millisecond());
        Ok(!batch.write(self, "add a token").await?.is_empty())
    }

    /// Writes down that a token was used.
    pub async fn api_token_used(&self, name: &PrincipalName, now: Timestamp) -> Result<(), StateError> {
        let mut batch = Batch::default();
        batch.add("UPDATE api_token SET used_at = ? WHERE name = ?");
        batch.bind(now.as_millisecond()).bind(name.as_str());
        batch.write(self, "keep when a token was used").await?;
        Ok(())
    }

    /// Takes a token away; `false`: there is none of that name.
    pub async fn revoke_api_token(&self, name: &PrincipalName) -> Result<bool, StateError> {
        let mut batch = Batch::default();
        batch.add("DELETE FROM api_token WHERE name = ? RETURNING name").bind(name.as_str());
        Ok(!batch.write(self, "revoke a token").await?.is_empty())
    }
}

fn api_token(row: &SqliteRow) -> Result<ApiToken, StateError> {
    Ok(ApiToken {
        name: parsed("name of a token", row.get("name"))?,
        level: parsed("level", row.get("level"))?,
        created_at: to_time(row.get("created_at"))?,
        expires_at: to_time(row.get("expires_at"))?,
        used_at: to_optional_time(row.get("used_at"))?,
    })
}
