//! Tries to sign in, counted so that passwords cannot be guessed.
//!
//! A try is counted as failed before its password is looked at, and taken back when it succeeds. So many tries at
//! once are no way around the count, and neither is a restart.
//!
//! Failures are counted by name and network together, so that what strangers do keeps nobody out who comes from
//! somewhere else. Two more counts bound what can be guessed from many names or many networks: that of a network, and
//! that of a name over all networks. Neither holds for a user at a network where they have signed in before.

use std::net::IpAddr;

use jiff::{SignedDuration, Timestamp};

use crate::database::{Batch, State, failed, to_time};
use crate::error::StateError;
use crate::principal::PrincipalName;

/// After how long without a further try the failures are forgotten.
const MEMORY: SignedDuration = SignedDuration::from_hours(24);

/// How long a network stays familiar after a user has signed in from it.
const FAMILIAR: SignedDuration = SignedDuration::from_hours(90 * 24);

/// How many failures from one network count for a name over all networks: a single stranger weighs no more.
const OF_ONE_NETWORK: u32 = 5;

/// What failures are counted for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AttemptSubject {
    /// A user name, whether there is such a user or not, from one network.
    NameFromNetwork,
    /// A network, with whatever names: an IPv4 address, or a /64 of IPv6, of which one machine has all addresses.
    Network,
    /// A user name from all networks together.
    Name,
}

/// A try to sign in.
#[derive(Debug, Clone, Copy)]
pub struct SignInAttempt<'a> {
    /// The name that was given; `None` where it is no name.
    pub name: Option<&'a PrincipalName>,
    /// Where it comes from.
    pub address: IpAddr,
    /// Whether it is known to be the user's own browser.
    pub is_known: bool,
}

/// Whether a password may be looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AttemptVerdict {
    /// Yes; the try is counted.
    Allowed,
    /// Not before.
    Wait(Timestamp),
}

fn network(address: IpAddr) -> String {
    match address.to_canonical() {
        // Whoever is on this machine has all of them.
        address if address.is_loopback() => "loopback".to_owned(),
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
        }
    }
}

impl State {
    /// Counts a try, unless it has to wait: then nothing is counted. `pause` says how long one waits after so many
    /// failures in a row.
    pub async fn begin_sign_in(
        &self,
        attempt: SignInAttempt<'_>,
        now: Timestamp,
        pause: impl Fn(AttemptSubject, u32) -> SignedDuration,
    ) -> Result<AttemptVerdict, StateError> {
        let error = failed("count a try to sign in");
        let network = network(attempt.address);
        let name = attempt.name.map_or("", PrincipalName::as_str);
        let mut transaction = self.begin_writing("count a try to sign in").await?;
        sqlx::query("DELETE FROM sign_in_attempt WHERE last_at < ?")
            .bind((now - MEMORY).as_millisecond())
            .execute(&mut transaction.connection)
            .await
            .map_err(&error)?;
        let is_familiar: bool = sqlx::query_scalar(
            "SELECT EXISTS (SELECT 1 FROM familiar_network WHERE user = ? AND network = ? AND signed_in_at > ?)",
        )
        .bind(name)
        .bind(&network)
        .bind((now - FAMILIAR).as_millisecond())
        .fetch_one(&mut transaction.connection)
        .await
        .map_err(&error)?;
        // Rows of one network each; of a name, those of all networks.
        let counts = [
            (AttemptSubject::NameFromNetwork, name, Some(&network), u32::MAX),
            (AttemptSubject::Network, "", Some(&network), u32::MAX),
            (AttemptSubject::Name, name, None, OF_ONE_NETWORK),
        ];
        let mut wait = None;
        for (subject, user, network, most) in counts {
            let is_spared = is_familiar || attempt.is_known;
            if subject != AttemptSubject::NameFromNetwork && is_spared
                || subject != AttemptSubject::Network && name.is_empty()
            {
                continue;
            }
            let (failures, last_at): (u32, Option<i64>) = sqlx::query_as(
                "SELECT coalesce(sum(min(failures, ?3)), 0), max(last_at) FROM sign_in_attempt
                 WHERE user = ?1 AND (?2 IS NULL OR network = ?2)",
            )
            .bind(user)
            .bind(network)
            .bind(most)
            .fetch_one(&mut transaction.connection)
            .await
            .map_err(&error)?;
            let Some(last_at) = last_at else { continue };
            // The clock may have been set back: nobody waits longer than their pause.
            let until = to_time(last_at)?.min(now) + pause(subject, failures);
            wait = wait.max((until > now).then_some(until));
        }
        if let Some(until) = wait {
            transaction.roll_back().await?;
            return Ok(AttemptVerdict::Wait(until));
        }
        for user in [name, ""].into_iter().skip(usize::from(name.is_empty())) {
            sqlx::query(
                "INSERT INTO sign_in_attempt (user, network, failures, last_at) VALUES (?, ?, 1, ?)
                 ON CONFLICT (user, network) DO UPDATE SET failures = failures + 1, last_at = excluded.last_at",
            )
            .bind(user)
            .bind(&network)
            .bind(now.as_millisecond())
            .execute(&mut transaction.connection)
            .await
            .map_err(&error)?;
        }
        transaction.commit().await?;
        Ok(AttemptVerdict::Allowed)
    }

    /// Takes the count of a try back that has succeeded, and remembers where it came from. The network keeps its other
    /// failures: whoever has one account could else guess at those of others without end.
    pub async fn sign_in_succeeded(
        &self,
        name: &PrincipalName,
        address: IpAddr,
        now: Timestamp,
    ) -> Result<(), StateError> {
        let network = network(address);
        let mut batch = Batch::default();
        batch
            .add("DELETE FROM sign_in_attempt WHERE user = ? AND network = ?")
            .bind(name.as_str())
            .bind(network.as_str());
        batch
            .add("UPDATE sign_in_attempt SET failures = failures - 1 WHERE user = '' AND network = ?")
            .bind(network.as_str());
        batch
            .add("DELETE FROM familiar_network WHERE signed_in_at < ?")
            .bind((now - FAMILIAR).as_millisecond());
        batch
            .add("INSERT OR REPLACE INTO familiar_network SELECT name, ?, ? FROM user WHERE name = ?")
            .bind(network.as_str())
            .bind(now.as_millisecond())
            .bind(name.as_str());
        batch.write(self, "count a try to sign in").await?;
        Ok(())
    }
}

/// Forgets the failures of a user, and where they have signed in from, as a part of a transaction.
pub(crate) fn forget_user(batch: &mut Batch, name: &PrincipalName) {
    batch.add("DELETE FROM sign_in_attempt WHERE user = ?").bind(name.as_str());
    batch.add("DELETE FROM familiar_network WHERE user = ?").bind(name.as_str());
}
