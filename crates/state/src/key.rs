use std::collections::HashMap;

use baton_x509::{Fingerprint, Thumbprint, X509};
use jiff::Timestamp;
use sqlx::Row as _;

use crate::database::{Batch, State, failed, parsed, parsed_optional, to_optional_time, to_time};
use crate::error::StateError;

/// What is known of the key of a certificate; never the key itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct KeyRecord {
    /// The first moment of validity of the oldest certificate with this key.
    pub since: Option<Timestamp>,
    /// The certificate that was revoked because someone else may have the key.
    pub compromised: Option<Thumbprint>,
}

impl State {
    /// What is known of the key of a certificate.
    pub async fn key_of(&self, certificate: Fingerprint) -> Result<KeyRecord, StateError> {
        let row = sqlx::query(
            "SELECT (SELECT min(not_before) FROM certificate AS other WHERE other.public_key = certificate.public_key),
                    compromised_key.thumbprint
             FROM certificate
             LEFT JOIN compromised_key ON compromised_key.public_key = certificate.public_key
             WHERE certificate.fingerprint = ?",
        )
        .bind(certificate.to_string())
        .fetch_optional(&mut *self.connection().await?)
        .await
        .map_err(failed("read what is known of a key"))?;
        row.map_or(Ok(KeyRecord::default()), |row| {
            Ok(KeyRecord {
                since: to_optional_time(row.get(0))?,
                compromised: parsed_optional("thumbprint", row.get(1))?,
            })
        })
    }

    /// Since when the keys of the certificates in force are used: the first moment of the oldest certificate with each.
    pub async fn keys_since(&self) -> Result<HashMap<Fingerprint, Timestamp>, StateError> {
        let rows = sqlx::query(
            "SELECT renewal.current, min(other.not_before)
             FROM renewal
             JOIN certificate ON certificate.fingerprint = renewal.current
             JOIN certificate AS other ON other.public_key = certificate.public_key
             GROUP BY renewal.current",
        )
        .fetch_all(&mut *self.connection().await?)
        .await
        .map_err(failed("list the ages of keys"))?;
        rows.iter().map(|row| Ok((parsed("fingerprint", row.get(0))?, to_time(row.get(1))?))).collect()
    }

    /// Which certificates in force have a key that someone else may have, and for which certificate it was given up.
    pub async fn compromised_in_force(&self) -> Result<HashMap<Fingerprint, Thumbprint>, StateError> {
        let rows = sqlx::query(
            "SELECT certificate.fingerprint, compromised_key.thumbprint
             FROM compromised_key
             JOIN certificate ON certificate.public_key = compromised_key.public_key
             JOIN renewal ON renewal.current = certificate.fingerprint",
        )
        .fetch_all(&mut *self.connection().await?)
        .await
        .map_err(failed("list the compromised keys"))?;
        rows.iter()
            .map(|row| Ok((parsed("fingerprint", row.get(0))?, parsed("thumbprint", row.get(1))?)))
            .collect()
    }

    /// Remembers that someone else may have the key of a certificate.
    pub async fn record_compromised(&self, certificate: &X509, now: Timestamp) -> Result<(), StateError> {
        let public_key = Fingerprint::of(certificate.public_key()).to_string();
        let mut batch = Batch::default();
        // It may have been met before keys were remembered.
        batch
            .add("UPDATE certificate SET public_key = ? WHERE fingerprint = ?")
            .bind(&public_key)
            .bind(certificate.fingerprint().to_string());
        batch
            .add("INSERT OR IGNORE INTO compromised_key (public_key, thumbprint, at) VALUES (?, ?, ?)")
            .bind(&public_key)
            .bind(certificate.thumbprint().to_string())
            .bind(now.as_millisecond());
        batch.write(self, "record a compromised key").await?;
        Ok(())
    }
}
