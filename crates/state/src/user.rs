//! People who may use the Designer, and the link by which the first of them comes in.

use jiff::Timestamp;
use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;

use crate::access_level::AccessLevel;
use crate::database::{Batch, State, failed, parsed, to_time};
use crate::error::StateError;
use crate::principal::PrincipalName;
use crate::sign_in_attempt;
use crate::token_hash::TokenHash;

/// A person who may use the Designer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// Who.
    pub name: PrincipalName,
    /// What they may do.
    pub level: AccessLevel,
    /// When the user was added.
    pub created_at: Timestamp,
    /// Since when the user has this password.
    pub password_at: Timestamp,
}

impl State {
    /// All users, by name.
    pub async fn users(&self) -> Result<Vec<User>, StateError> {
        let rows =
            sqlx::query("SELECT * FROM user ORDER BY name").fetch_all(&mut *self.connection().await?).await;
        rows.map_err(failed("list the users"))?.iter().map(user).collect()
    }

    /// Whether there is any user.
    pub async fn has_users(&self) -> Result<bool, StateError> {
        sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM user)")
            .fetch_one(&mut *self.connection().await?)
            .await
            .map_err(failed("look for users"))
    }

    /// The user of that name, with the hash of the password.
    pub async fn user(&self, name: &PrincipalName) -> Result<Option<(User, String)>, StateError> {
        sqlx::query("SELECT * FROM user WHERE name = ?")
            .bind(name.as_str())
            .fetch_optional(&mut *self.connection().await?)
            .await
            .map_err(failed("read a user"))?
            .map(|row| Ok((user(&row)?, row.get("password"))))
            .transpose()
    }

    /// Adds a user; `false`: there is one of that name, and nothing was changed.
    pub async fn add_user(
        &self,
        name: &PrincipalName,
        level: AccessLevel,
        password_hash: &str,
        now: Timestamp,
    ) -> Result<bool, StateError> {
        let mut batch = Batch::default();
        batch
            .add(
                "INSERT INTO user (name, level, password, created_at, password_at) VALUES (?, ?, ?, ?, ?)
                 ON CONFLICT (name) DO NOTHING RETURNING name",
            )
            .bind(name.as_str())
            .bind(level.name())
            .bind(password_hash)
            .bind(now.as_millisecond())
            .bind(now.as_millisecond());
        // From here on the link is of no use to anyone.
        batch.add("DELETE FROM first_link");
        Ok(!batch.write(self, "add a user").await?.is_empty())
    }

    /// Gives a user another level, which holds from the next request on; `false`: there is no such user.
    pub async fn set_level(&self, name: &PrincipalName, level: AccessLevel) -> Result<bool, StateError> {
        let mut batch = Batch::default();
        batch.add("UPDATE user SET level = ? WHERE name = ? RETURNING name");
        batch.bind(level.name()).bind(name.as_str());
        Ok(!batch.write(self, "set the level of a user").await?.is_empty())
    }

    /// Gives a user another password, ends all their sessions, and forgets the tries that failed; `false`: there is
    /// no such user.
    pub async fn set_password(
        &self,
        name: &PrincipalName,
        password_hash: &str,
        now: Timestamp,
    ) -> Result<bool, StateError> {
        let mut batch = Batch::default();
        batch
            .add("UPDATE user SET password = ?, password_at = ? WHERE name = ? RETURNING name")
            .bind(password_hash)
            .bind(now.as_millisecond())
            .bind(name.as_str());
        batch.add("DELETE FROM session WHERE user = ?").bind(name.as_str());
        sign_in_attempt::forget_user(&mut batch, name);
        Ok(!batch.write(self, "set the password of a user").await?.is_empty())
    }

    /// Gives a user another password in place of the one that was looked at, `old_hash`, and ends all their sessions;
    /// `false`: it is another one by now, or there is no such user, and nothing was changed.
    pub async fn replace_password(
        &self,
        name: &PrincipalName,
        old_hash: &str,
        new_hash: &str,
        now: Timestamp,
    ) -> Result<bool, StateError> {
        let mut batch = Batch::default();
        batch
            .add("UPDATE user SET password = ?, password_at = ? WHERE name = ? AND password = ? RETURNING name")
            .bind(new_hash)
            .bind(now.as_millisecond())
            .bind(name.as_str())
            .bind(old_hash);
        // A hash has a salt of its own: it is there by the line above, or not at all.
        batch
            .add("DELETE FROM session WHERE user IN (SELECT name FROM user WHERE name = ? AND password = ?)")
            .bind(name.as_str())
            .bind(new_hash);
        Ok(!batch.write(self, "set the password of a user").await?.is_empty())
    }

    /// Removes a user and all their sessions; `false`: there is no such user.
    pub async fn remove_user(&self, name: &PrincipalName) -> Result<bool, StateError> {
        let mut batch = Batch::default();
        batch.add("DELETE FROM user WHERE name = ? RETURNING name").bind(name.as_str());
        Ok(!batch.write(self, "remove a user").await?.is_empty())
    }

    /// Keeps the hash of the link by which the first user comes in, in place of any before.
    pub async fn keep_first_link(&self, token: TokenHash, expires_at: Timestamp) -> Result<(), StateError> {
        let mut batch = Batch::default();
        batch
            .add("INSERT OR REPLACE INTO first_link (id, token_hash, expires_at) VALUES (1, ?, ?)")
            .bind(token.as_bytes())
            .bind(expires_at.as_millisecond());
        batch.write(self, "keep the link for the first user").await?;
        Ok(())
    }

    /// Whether this is the link for the first user, and still good.
    pub async fn is_first_link(&self, token: TokenHash, now: Timestamp) -> Result<bool, StateError> {
        sqlx::query_scalar(
            "SELECT EXISTS (SELECT 1 FROM first_link WHERE token_hash = ? AND expires_at > ?)
                AND NOT EXISTS (SELECT 1 FROM user)",
        )
        .bind(token.as_bytes())
        .bind(now.as_millisecond())
        .fetch_one(&mut *self.connection().await?)
        .await
        .map_err(failed("read the link for the first user"))
    }

    /// Uses the link up and adds the first user, a Server Admin; `false`: the link is used, too old or another one,
    /// and nothing was changed.
    pub async fn add_first_user(
        &self,
        token: TokenHash,
        name: &PrincipalName,
        password_hash: &str,
        now: Timestamp,
    ) -> Result<bool, StateError> {
        let mut batch = Batch::default();
        batch
            .add(
                "INSERT INTO user (name, level, password, created_at, password_at)
                 SELECT ?, ?, ?, ?, ?
                 WHERE EXISTS (SELECT 1 FROM first_link WHERE token_hash = ? AND expires_at > ?)
                    AND NOT EXISTS (SELECT 1 FROM user)
                 RETURNING name",
            )
            .bind(name.as_str())
            .bind(AccessLevel::ServerAdmin.name())
            .bind(password_hash)
            .bind(now.as_millisecond())
            .bind(now.as_millisecond())
            .bind(token.as_bytes())
            .bind(now.as_millisecond());
        batch.add("DELETE FROM first_link WHERE EXISTS (SELECT 1 FROM user)");
        Ok(!batch.write(self, "add the first user").await?.is_empty())
    }
}

fn user(row: &SqliteRow) -> Result<User, StateError> {
    Ok(User {
        name: parsed("name of a user", row.get("name"))?,
        level: parsed("level", row.get("level"))?,
        created_at: to_time(row.get("created_at"))?,
        password_at: to_time(row.get("password_at"))?,
    })
}
