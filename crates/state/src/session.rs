//! Who is signed in.

use jiff::{SignedDuration, Timestamp};
use sqlx::Row as _;

use crate::access_level::AccessLevel;
use crate::database::{Batch, State, failed, parsed, to_time};
use crate::error::StateError;
use crate::principal::PrincipalName;
use crate::token_hash::TokenHash;

/// How long the token before is still good: for answers under way, and pages that load in parallel.
const GRACE: SignedDuration = SignedDuration::from_mins(1);

/// Someone who is signed in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// Who.
    pub user: PrincipalName,
    /// What they may do at this moment.
    pub level: AccessLevel,
    /// When they signed in.
    pub started_at: Timestamp,
    /// Since when the session has this token.
    pub rotated_at: Timestamp,
    /// When it was written down last that they are there.
    pub seen_at: Timestamp,
}

impl State {
    /// The session of a token, or of one that has just been replaced. When it ends is the caller's to say.
    pub async fn session(&self, token: TokenHash, now: Timestamp) -> Result<Option<Session>, StateError> {
        sqlx::query(
            "SELECT session.*, user.level FROM session JOIN user ON user.name = session.user
             WHERE token_hash = ?1 OR (previous_hash = ?1 AND rotated_at > ?2)",
        )
        .bind(token.as_bytes())
        .bind((now - GRACE).as_millisecond())
        .fetch_optional(&mut *self.connection().await?)
        .await
        .map_err(failed("read a session"))?
        .map(|row| {
            Ok(Session {
                user: parsed("name of a user", row.get("user"))?,
                level: parsed("level", row.get("level"))?,
                started_at: to_time(row.get("started_at"))?,
                rotated_at: to_time(row.get("rotated_at"))?,
                seen_at: to_time(row.get("seen_at"))?,
            })
        })
        .transpose()
    }

    /// Begins a session, if the user still has the password that was looked at: `password_hash`; `false` otherwise.
    /// Takes away those that nobody has used since `stale`.
    pub async fn start_session(
        &self,
        token: TokenHash,
        user: &PrincipalName,
        password_hash: &str,
        now: Timestamp,
        stale: Timestamp,
    ) -> Result<bool, StateError> {
        let mut batch = Batch::default();
        batch.add("DELETE FROM session WHERE seen_at < ?").bind(stale.as_millisecond());
        batch
            .add(
                "INSERT INTO session (token_hash, user, started_at, rotated_at, seen_at)
                 SELECT ?, name, ?, ?, ? FROM user WHERE name = ? AND password = ? RETURNING user",
            )
            .bind(token.as_bytes())
            .bind(now.as_millisecond())
            .bind(now.as_millisecond())
            .bind(now.as_millisecond())
            .bind(user.as_str())
            .bind(password_hash);
        Ok(!batch.write(self, "begin a session").await?.is_empty())
    }

    /// Gives a session another token; `false`: another request has just done so.
    pub async fn rotate_session(
        &self,
        token: TokenHash,
        next: TokenHash,
        now: Timestamp,
    ) -> Result<bool, StateError> {
        let mut batch = Batch::default();
        batch
            .add(
                "UPDATE session SET token_hash = ?, previous_hash = token_hash, rotated_at = ?, seen_at = ?
                 WHERE token_hash = ? RETURNING user",
            )
            .bind(next.as_bytes())
            .bind(now.as_millisecond())
            .bind(now.as_millisecond())
            .bind(token.as_bytes());
        Ok(!batch.write(self, "rotate a session").await?.is_empty())
    }

    /// Writes down that someone is still there.
    pub async fn session_seen(&self, token: TokenHash, now: Timestamp) -> Result<(), StateError> {
        let mut batch = Batch::default();
        batch
            .add("UPDATE session SET seen_at = ? WHERE token_hash = ?")
            .bind(now.as_millisecond())
            .bind(token.as_bytes());
        batch.write(self, "keep a session").await?;
        Ok(())
    }

    /// Ends a session.
    pub async fn end_session(&self, token: TokenHash) -> Result<(), StateError> {
        let mut batch = Batch::default();
        batch
            .add("DELETE FROM session WHERE token_hash = ? OR previous_hash = ?")
            .bind(token.as_bytes())
            .bind(token.as_bytes());
        batch.write(self, "end a session").await?;
        Ok(())
    }
}
