use baton_x509::{Fingerprint, Thumbprint, X509};
use jiff::Timestamp;
use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;

use crate::database::{Batch, State, failed, from_json, parsed, to_json, to_time};
use crate::error::StateError;

/// How a certificate came to be known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// Issued on Baton's request.
    Issued,
    /// Imported into the store by Baton.
    Imported,
    /// Found in a target, put there by someone else.
    Found,
}

impl Origin {
    fn name(self) -> &'static str {
        match self {
            Self::Issued => "issued",
            Self::Imported => "imported",
            Self::Found => "found",
        }
    }
}

/// A certificate that is known, without its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateRecord {
    /// SHA-256.
    pub fingerprint: Fingerprint,
    /// SHA-1.
    pub thumbprint: Thumbprint,
    /// Of the `[[certificate]]` it was issued for.
    pub name: Option<String>,
    /// As .NET prints it.
    pub issuer: String,
    /// DNS names and addresses.
    pub names: Vec<String>,
    /// First moment of validity.
    pub not_before: Timestamp,
    /// Last moment of validity.
    pub not_after: Timestamp,
    /// Whether Baton itself brought it.
    pub foreign: bool,
}

/// A certificate that Baton meets, and how.
#[derive(Debug, Clone, Copy)]
pub struct Met<'a> {
    /// The certificate.
    pub certificate: &'a X509,
    /// The `[[certificate]]` of the settings that it is for.
    pub name: Option<&'a str>,
    /// Where it comes from.
    pub origin: Origin,
}

impl State {
    /// Remembers a certificate. Known ones stay as they are, but that a name is added where there was none,
    /// and that one found in a target becomes Baton's own when Baton brings it.
    pub async fn record_certificate(&self, met: &Met<'_>, now: Timestamp) -> Result<(), StateError> {
        let mut batch = Batch::default();
        write(&mut batch, met, now);
        batch.write(self, "record a certificate").await?;
        Ok(())
    }

    /// A certificate by its fingerprint.
    pub async fn certificate(
        &self,
        fingerprint: Fingerprint,
    ) -> Result<Option<CertificateRecord>, StateError> {
        sqlx::query("SELECT * FROM certificate WHERE fingerprint = ?")
            .bind(fingerprint.to_string())
            .fetch_optional(&mut *self.connection().await?)
            .await
            .map_err(failed("read a certificate"))?
            .map(|row| record(&row))
            .transpose()
    }
}

/// Writes a certificate down in the transaction of another record, or on its own.
pub(crate) fn write(batch: &mut Batch, met: &Met<'_>, now: Timestamp) {
    let certificate = met.certificate;
    batch
        .add(
            "INSERT INTO certificate (fingerprint, thumbprint, name, subject, issuer, names, key_algorithm,
                                  not_before, not_after, origin, added_at, public_key)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
         ON CONFLICT (fingerprint) DO UPDATE SET
             name = coalesce(certificate.name, excluded.name),
             public_key = excluded.public_key,
             origin = CASE certificate.origin WHEN 'found' THEN excluded.origin ELSE certificate.origin END
         WHERE certificate.name IS NOT coalesce(certificate.name, excluded.name)
            OR (certificate.origin = 'found' AND excluded.origin <> 'found')
            OR certificate.public_key IS NULL",
        )
        .bind(certificate.fingerprint().to_string())
        .bind(certificate.thumbprint().to_string())
        .bind(met.name)
        .bind(certificate.subject())
        .bind(certificate.issuer())
        .bind(to_json(&certificate.names()))
        .bind(certificate.key_algorithm().to_string())
        .bind(certificate.not_before().as_millisecond())
        .bind(certificate.not_after().as_millisecond())
        .bind(met.origin.name())
        .bind(now.as_millisecond())
        .bind(Fingerprint::of(certificate.public_key()).to_string());
}

fn record(row: &SqliteRow) -> Result<CertificateRecord, StateError> {
    Ok(CertificateRecord {
        fingerprint: parsed("fingerprint", row.get("fingerprint"))?,
        thumbprint: parsed("thumbprint", row.get("thumbprint"))?,
        name: row.get("name"),
        issuer: row.get("issuer"),
        names: from_json("list of names", row.get("names"))?,
        not_before: to_time(row.get("not_before"))?,
        not_after: to_time(row.get("not_after"))?,
        foreign: row.get::<&str, _>("origin") == "found",
    })
}
