//! The order under way, in a file: what a restart needs to take it up.

use std::path::{Path, PathBuf};

use baton_platform::{durable, sealed};
use baton_x509::{Name, PemContents, PrivateKey};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::AcmeError;
use super::challenge::Placed;

/// How long an order is worth being taken up: CAs keep them for about a week.
const LIFETIME: SignedDuration = SignedDuration::from_hours(7 * 24);

/// An order that was placed.
#[derive(Serialize, Deserialize)]
pub(super) struct KeptOrder {
    #[serde(skip)]
    path: PathBuf,
    /// The URL of the account that placed it.
    pub(super) account: String,
    /// The order's URL (RFC 8555, 7.1.3).
    pub(super) url: String,
    names: Vec<String>,
    profile: Option<String>,
    placed_at: Timestamp,
    /// PEM (RFC 7468).
    key: Zeroizing<String>,
    /// What was put in place for its challenges and is to be cleared away.
    pub(super) placed: Vec<Placed>,
}

/// What an order is for: one that was kept is taken up for the same only.
#[derive(Debug, Clone, Copy)]
pub(super) struct Purpose<'a> {
    pub(super) account: &'a str,
    pub(super) names: &'a [Name],
    pub(super) profile: Option<&'a str>,
}

impl KeptOrder {
    /// A new one, not yet written.
    pub(super) fn new(
        files: &Path,
        certificate: &str,
        purpose: Purpose<'_>,
        url: &str,
        key: &PrivateKey,
        now: Timestamp,
    ) -> Self {
        Self {
            path: path(files, certificate),
            account: purpose.account.to_owned(),
            url: url.to_owned(),
            names: texts(purpose.names),
            profile: purpose.profile.map(str::to_owned),
            placed_at: now,
            key: key.to_pem(),
            placed: Vec::new(),
        }
    }

    /// The order of a certificate that was interrupted, if there is one.
    pub(super) fn read(files: &Path, certificate: &str) -> Result<Option<Self>, AcmeError> {
        let path = path(files, certificate);
        durable::remove_leftovers_of(&path).map_err(|cause| files_error(&path, cause))?;
        let text = match sealed::read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(cause) => return Err(files_error(&path, cause)),
        };
        let mut kept: Self = serde_json::from_slice(&text).map_err(|error| damaged(&path, &error))?;
        kept.path = path;
        Ok(Some(kept))
    }

    /// Writes it down, durably.
    pub(super) fn write(&self) -> Result<(), AcmeError> {
        let text =
            Zeroizing::new(serde_json::to_vec_pretty(self).map_err(|error| damaged(&self.path, &error))?);
        sealed::replace(&self.path, &text).map_err(|cause| files_error(&self.path, cause))
    }

    /// Removes the order of a certificate; no fault when there is none.
    pub(super) fn remove(files: &Path, certificate: &str) -> Result<(), AcmeError> {
        let path = path(files, certificate);
        if !path.exists() {
            return Ok(());
        }
        durable::remove_file(&path).map_err(|cause| files_error(&path, cause))
    }

    /// The certificate's key, if this order serves the purpose still.
    pub(super) fn key_for(
        &self,
        purpose: Purpose<'_>,
        same: Option<&PrivateKey>,
        now: Timestamp,
    ) -> Option<PrivateKey> {
        let is_same = self.account == purpose.account
            && self.names == texts(purpose.names)
            && self.profile.as_deref() == purpose.profile
            && (SignedDuration::ZERO..LIFETIME).contains(&now.duration_since(self.placed_at));
        let key = PemContents::read(self.key.as_bytes()).ok()?.keys.into_iter().next()?;
        let is_wanted = match same {
            Some(same) => same.public_key().ok()? == key.public_key().ok()?,
            None => true,
        };
        (is_same && is_wanted).then_some(key)
    }
}

/// In an order of their own: the order of names in the settings does not matter.
fn texts(names: &[Name]) -> Vec<String> {
    let mut texts: Vec<String> = names.iter().map(Name::to_string).collect();
    texts.sort();
    texts.dedup();
    texts
}

fn path(files: &Path, certificate: &str) -> PathBuf {
    files.join(format!("order-{certificate}.json"))
}

fn files_error(path: &Path, cause: std::io::Error) -> AcmeError {
    AcmeError::Files { directory: path.parent().map(Path::to_owned).unwrap_or_default(), cause }
}

/// Only the place of the fault: the text around it may be the key.
fn damaged(path: &Path, error: &serde_json::Error) -> AcmeError {
    AcmeError::Damaged {
        path: path.to_owned(),
        reason: format!("line {}, column {}", error.line(), error.column()),
    }
}
