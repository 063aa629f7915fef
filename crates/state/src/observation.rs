use baton_x509::{Fingerprint, Thumbprint};
use jiff::Timestamp;
use sqlx::Row as _;

use crate::database::{Batch, State, failed, parsed, parsed_optional, to_optional_time, to_time};
use crate::error::StateError;

/// What an endpoint served when it was last asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observation {
    /// The target's name.
    pub target: String,
    /// The endpoint as the settings name it.
    pub endpoint: String,
    /// The address that was asked.
    pub address: String,
    /// The certificate it served, if any.
    pub served: Option<Served>,
    /// Code and message when something was wrong.
    pub trouble: Option<(String, String)>,
    /// When it was asked.
    pub at: Timestamp,
}

/// A certificate as an endpoint served it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Served {
    /// SHA-256.
    pub fingerprint: Fingerprint,
    /// SHA-1.
    pub thumbprint: Thumbprint,
    /// As .NET prints it.
    pub subject: String,
    /// As .NET prints it.
    pub issuer: String,
    /// First moment of validity.
    pub not_before: Timestamp,
    /// Last moment of validity.
    pub not_after: Timestamp,
}

impl State {
    /// Remembers the last look at all endpoints of a target, in one transaction; what was seen at endpoints
    /// that it no longer has is forgotten.
    pub async fn record_observations(
        &self,
        target: &str,
        observations: &[Observation],
    ) -> Result<(), StateError> {
        let mut batch = Batch::default();
        write(&mut batch, target, observations);
        batch.write(self, "record what endpoints serve").await?;
        Ok(())
    }

    /// The last look at every endpoint, by target and endpoint.
    pub async fn observations(&self) -> Result<Vec<Observation>, StateError> {
        sqlx::query("SELECT * FROM observation ORDER BY target, endpoint, address")
            .fetch_all(&mut *self.connection().await?)
            .await
            .map_err(failed("list what endpoints serve"))?
            .iter()
            .map(|row| {
                let served = match parsed_optional("fingerprint", row.get("fingerprint"))? {
                    None => None,
                    Some(fingerprint) => Some(Served {
                        fingerprint,
                        thumbprint: parsed("thumbprint", row.get("thumbprint"))?,
                        subject: row.get("subject"),
                        issuer: row.get("issuer"),
                        not_before: to_time(row.get("not_before"))?,
                        not_after: to_time(row.get("not_after"))?,
                    }),
                };
                let code: Option<String> = row.get("code");
                Ok(Observation {
                    target: row.get("target"),
                    endpoint: row.get("endpoint"),
                    address: row.get("address"),
                    served,
                    trouble: code.zip(row.get("message")),
                    at: to_optional_time(row.get("at"))?.unwrap_or_default(),
                })
            })
            .collect()
    }
}

/// Replaces what was seen at a target, as a part of a transaction.
pub(crate) fn write(batch: &mut Batch, target: &str, observations: &[Observation]) {
    batch.add("DELETE FROM observation WHERE target = ?").bind(target);
    for observation in observations {
        let served = observation.served.as_ref();
        batch
            .add(
                "INSERT OR REPLACE INTO observation
                 (target, endpoint, address, fingerprint, thumbprint, subject, issuer, not_before, not_after,
                  code, message, at)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            )
            .bind(target)
            .bind(&observation.endpoint)
            .bind(&observation.address)
            .bind(served.map(|served| served.fingerprint.to_string()))
            .bind(served.map(|served| served.thumbprint.to_string()))
            .bind(served.map(|served| served.subject.as_str()))
            .bind(served.map(|served| served.issuer.as_str()))
            .bind(served.map(|served| served.not_before.as_millisecond()))
            .bind(served.map(|served| served.not_after.as_millisecond()))
            .bind(observation.trouble.as_ref().map(|(code, _)| code))
            .bind(observation.trouble.as_ref().map(|(_, message)| message))
            .bind(observation.at.as_millisecond());
    }
}
