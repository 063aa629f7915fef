//! Tries to sign in, counted so that passwords cannot be guessed.
//!
//! A try is counted as failed before its password is looked at, and taken back when it succeeds. So many tries at
//! once are no way around the count, and neither is a restart.

use std::net::IpAddr;

use jiff::{SignedDuration, Timestamp};

use crate::database::{Batch, State, failed, to_time};
use crate::error::StateError;
use crate::principal::PrincipalName;

/// After how long without a further try the failures are forgotten.
const MEMORY: SignedDuration = SignedDuration::from_hours(24);

/// What tries are counted for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AttemptSubject {
    /// The user name that was given, whether there is such a user or not.
    User(PrincipalName),
    /// Where it comes from: an IPv4 address, or a /64 of IPv6, of which one machine has all addresses.
    Address(IpAddr),
}

/// Whether a password may be looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AttemptVerdict {
    /// Yes; the try is counted.
    Allowed,
    /// Not before.
    Wait(Timestamp),
}

impl AttemptSubject {
    fn key(&self) -> String {
        match self {
            Self::User(name) => format!("user:{name}"),
            Self::Address(address) => match address.to_canonical() {
                // Whoever is on this machine has all of them.
                address if address.is_loopback() => "address:loopback".to_owned(),
                IpAddr::V4(address) => format!("address:{address}"),
                IpAddr::V6(address) => {
                    let [a, b, c, d, ..] = address.segments();
                    format!("address:{a:x}:{b:x}:{c:x}:{d:x}::/64")
                }
            },
        }
    }
}

impl State {
    /// Counts a try for all subjects, unless one of them has to wait: then nothing is counted. `pause` says how long a
    /// subject waits after so many failures in a row.
    pub async fn begin_sign_in(
        &self,
        subjects: &[AttemptSubject],
        now: Timestamp,
        pause: impl Fn(&AttemptSubject, u32) -> SignedDuration,
    ) -> Result<AttemptVerdict, StateError> {
        let error = failed("count a try to sign in");
        let mut transaction = self.pool.begin_with("BEGIN IMMEDIATE").await.map_err(&error)?;
        sqlx::query("DELETE FROM sign_in_attempt WHERE last_at < ?")
            .bind((now - MEMORY).as_millisecond())
            .execute(&mut *transaction)
            .await
            .map_err(&error)?;
        let mut wait = None;
        for subject in subjects {
            let row: Option<(u32, i64)> =
                sqlx::query_as("SELECT failures, last_at FROM sign_in_attempt WHERE subject = ?")
                    .bind(subject.key())
                    .fetch_optional(&mut *transaction)
                    .await
                    .map_err(&error)?;
            let Some((failures, last_at)) = row else { continue };
            // The clock may have been set back: nobody waits longer than their pause.
            let until = to_time(last_at)?.min(now) + pause(subject, failures);
            wait = wait.max((until > now).then_some(until));
        }
        if let Some(until) = wait {
            return Ok(AttemptVerdict::Wait(until));
        }
        for subject in subjects {
            sqlx::query(
                "INSERT INTO sign_in_attempt (subject, failures, last_at) VALUES (?, 1, ?)
                 ON CONFLICT (subject) DO UPDATE SET failures = failures + 1, last_at = excluded.last_at",
            )
            .bind(subject.key())
            .bind(now.as_millisecond())
            .execute(&mut *transaction)
            .await
            .map_err(&error)?;
        }
        transaction.commit().await.map_err(&error)?;
        Ok(AttemptVerdict::Allowed)
    }

    /// Takes the count of a try back that has succeeded. An address keeps its other failures: whoever has one account
    /// could else guess at those of others without end.
    pub async fn sign_in_succeeded(&self, subjects: &[AttemptSubject]) -> Result<(), StateError> {
        let mut batch = Batch::default();
        for subject in subjects {
            match subject {
                AttemptSubject::User(name) => forget_user(&mut batch, name),
                AttemptSubject::Address(_) => {
                    batch
                        .add("UPDATE sign_in_attempt SET failures = failures - 1 WHERE subject = ?")
                        .bind(subject.key());
                }
            }
        }
        batch.write(self, "count a try to sign in").await?;
        Ok(())
    }
}

/// Forgets the failures of a user, as a part of a transaction.
pub(crate) fn forget_user(batch: &mut Batch, name: &PrincipalName) {
    batch.add("DELETE FROM sign_in_attempt WHERE subject = ?");
    batch.bind(AttemptSubject::User(name.clone()).key());
}
