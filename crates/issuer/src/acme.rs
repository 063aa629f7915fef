//! ACME (RFC 8555): certificates from any CA that speaks it.
//!
//! ```text
//! <data>/acme/<issuer>/           0700
//!   account-<directory>.json      0600: account URL and account key, one for each directory URL
//!   order-<certificate>.json      0600: the order under way: its URL, the certificate's key, what is to be cleared away
//! ```
//!
//! **Nothing that was paid for is lost.** The account key is durable before the account is registered, the
//! certificate key and the order's URL before anything is validated. An order that was interrupted is taken up at the
//! state that the server tells, and is forgotten only when its certificate is durable elsewhere ([`Acme::forget`]).
//!
//! **One loop over the order's state** (RFC 8555, 7.1.6) does a first run and every resumption alike: whatever was
//! lost on the way, an answer or the whole process, the next look at the order tells what is to be done.

mod account;
mod challenge;
mod error;
mod http_01;
mod kept;
mod order;
mod patience;
mod ports;
mod tls_alpn_01;
mod transport;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use baton_http::{Client, Limits, Trusted};
use baton_platform::clock;
use baton_x509::{Certificate, X509};
use instant_acme::{CertificateIdentifier, RevocationReason, RevocationRequest};
use jiff::Timestamp;

pub use account::ExternalAccount;
pub use challenge::Solver;
pub use error::AcmeError;
pub use http_01::HttpResponder;
pub use tls_alpn_01::{ACME_TLS, TlsResponder};

use crate::acme::account::Accounts;
use crate::acme::kept::KeptOrder;
use crate::acme::patience::patiently;
use crate::acme::transport::Transport;
use crate::{Order, RenewalInfo};

/// The bounds of one request: directories and certificate chains are a few kilobytes.
const LIMITS: Limits = Limits { time: Duration::from_secs(45), body: 1024 * 1024 };

/// How an ACME server is used.
#[derive(Debug)]
pub struct AcmeSettings {
    /// The URL of its directory (RFC 8555, 7.1.1).
    pub directory_url: String,
    /// Whom to believe when it is asked.
    pub trusted: Trusted,
    /// Contact URLs (RFC 8555, 7.3), such as `mailto:admin@example.com`.
    pub contact: Vec<String>,
    /// The account of another kind that the CA binds ours to (RFC 8555, 7.3.4).
    pub external_account: Option<ExternalAccount>,
    /// The profile that certificates are ordered with (draft-ietf-acme-profiles).
    pub profile: Option<String>,
    /// How control of the names is shown.
    pub solver: Solver,
    /// How long an order may take in all; one that takes longer is taken up by the next try.
    pub patience: Duration,
}

/// An issuer that speaks ACME.
#[derive(Debug)]
pub struct Acme {
    files: PathBuf,
    settings: AcmeSettings,
    accounts: Accounts,
}

impl Acme {
    /// An issuer whose accounts and orders are kept in the directory `files`. Nothing is asked yet.
    pub fn open(files: PathBuf, settings: AcmeSettings) -> Result<Self, AcmeError> {
        let client = Client::secure(&settings.trusted, LIMITS)
            .map_err(|cause| AcmeError::Client { directory: settings.directory_url.clone(), cause })?;
        let accounts = Accounts::new(
            &files,
            settings.directory_url.clone(),
            Arc::new(Transport::new(client)),
            settings.contact.clone(),
            settings.external_account.clone(),
        );
        Ok(Self { files, settings, accounts })
    }

    /// Obtains a certificate; takes up the order that was interrupted where there is one for the same.
    pub(crate) async fn issue(&self, order: &Order<'_>) -> Result<Certificate, AcmeError> {
        let work = order::obtain(self, order);
        match tokio::time::timeout(self.settings.patience, work).await {
            Ok(result) => result,
            Err(_) => Err(AcmeError::Impatient {
                certificate: order.certificate.to_owned(),
                patience: self.settings.patience,
            }),
        }
    }

    /// Forgets the order of a certificate: what it gave is durable elsewhere.
    pub(crate) fn forget(&self, certificate: &str) -> Result<(), AcmeError> {
        KeptOrder::remove(&self.files, certificate)
    }

    /// When the CA wants a certificate to be renewed; `None` where it does not say, as it does not speak RFC 9773 or
    /// does not know the certificate.
    pub(crate) async fn renewal_info(&self, leaf: &X509) -> Result<Option<RenewalInfo>, AcmeError> {
        let Some(id) = renewal_id(leaf) else { return Ok(None) };
        let account = self.accounts.open().await?;
        let patience = self.accounts.patience("asking for renewal information");
        match patiently!(patience, account.renewal_info(&id)) {
            Ok((info, pause)) => {
                let moment = |at: time::OffsetDateTime| {
                    Timestamp::from_second(at.unix_timestamp()).unwrap_or(Timestamp::MAX)
                };
                Ok(Some(RenewalInfo {
                    start: moment(info.suggested_window.start),
                    end: moment(info.suggested_window.end),
                    explanation: info.explanation_url.as_deref().map(crate::text::plain),
                    ask_again: clock::now().checked_add(pause).unwrap_or(Timestamp::MAX),
                }))
            }
            Err(AcmeError::Unsupported { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Revokes a certificate that this account ordered (RFC 8555, 7.6); `reason` by RFC 5280, 5.3.1.
    pub async fn revoke(&self, leaf: &X509, reason: Option<RevocationReason>) -> Result<(), AcmeError> {
        let account = self.accounts.open().await?;
        let certificate = leaf.to_rustls();
        let request = RevocationRequest { certificate: &certificate, reason };
        match patiently!(self.accounts.patience("revoking the certificate"), account.revoke(&request)) {
            Err(AcmeError::Refused { kind, .. }) if kind.ends_with(":alreadyRevoked") => Ok(()),
            other => other,
        }
    }

    /// The account's URL (RFC 8555, 7.1.2); registers it where there is none yet.
    pub async fn account_url(&self) -> Result<String, AcmeError> {
        Ok(self.accounts.open().await?.id().to_owned())
    }

    /// Gives the account a new key (RFC 8555, 7.3.5).
    pub async fn roll_over_key(&self) -> Result<(), AcmeError> {
        self.accounts.roll_over_key().await
    }

    /// Deactivates the account for good (RFC 8555, 7.3.6); the next order registers a new one.
    pub async fn deactivate(&self) -> Result<(), AcmeError> {
        self.accounts.deactivate().await
    }
}

/// How RFC 9773, 4.1, names a certificate; `None` for one without an authority key identifier.
fn renewal_id(leaf: &X509) -> Option<CertificateIdentifier<'static>> {
    CertificateIdentifier::try_from(&leaf.to_rustls()).ok().map(CertificateIdentifier::into_owned)
}
