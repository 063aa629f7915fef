//! Where a successor comes from.
//!
//! An [`Issuer`] turns names and a key into a certificate. The [`InternalAuthority`] is a small CA of our own, for
//! machines that no public CA reaches; [`Acme`] speaks to any CA that automates by RFC 8555; a manual issuer is a
//! person, who brings the certificate by hand. For all others a program asks: a [`CommandAuthority`] is any CA by a
//! command, [`Adcs`] is Active Directory Certificate Services.

mod acme;
mod answer;
mod authority;
mod issuer_certificates;
mod kept_request;
mod key;
mod profile;
mod program;
mod renewal_info;
mod request;
mod text;

use std::path::PathBuf;
use std::sync::Arc;

use baton_finding::{Explain, Finding, Retry};
use baton_platform::sealed::SealedError;
use baton_x509::{Certificate, KeyAlgorithm, Name, PrivateKey, Signer, Thumbprint, X509};
use jiff::{SignedDuration, Timestamp};

pub use acme::{
    ACME_TLS, Acme, AcmeError, AcmeSettings, ExternalAccount, HttpResponder, Solver, TlsResponder,
};
pub use answer::{AnswerError, AnswerFileError, certificate_of_answer, certificates_of_file};
pub use authority::InternalAuthority;
pub use baton_http::Trusted;
pub use instant_acme::RevocationReason;
pub use issuer_certificates::{FetchError, fetch_issuers};
pub use kept_request::{KeptRequest, KeptRequestError, KeptRequests, PendingKey, request_id};
pub use key::new_key;
pub use program::{
    Adcs, AdcsSettings, AwaitingApproval, CommandAuthority, CommandSettings, ExchangeSettings, ProgramError,
};
pub use renewal_info::RenewalInfo;
pub use request::{CertificateRequest, Encoding, InvalidTemplate, RequestKey, Template};

/// Where a successor comes from.
#[derive(Debug)]
pub enum Issuer {
    /// Our own CA.
    Internal {
        /// The CA.
        authority: Arc<InternalAuthority>,
        /// How long what it issues lives.
        lifetime: SignedDuration,
    },
    /// A CA that speaks ACME.
    Acme(Box<Acme>),
    /// A CA that a command asks.
    Command(Box<CommandAuthority>),
    /// Active Directory Certificate Services.
    Adcs(Box<Adcs>),
    /// A person asks for it and brings it, with `baton request` and `baton accept`.
    Manual,
}

/// What a certificate is to be.
#[derive(Debug)]
pub struct Order<'a> {
    /// The name of the `[[certificate]]`: an order that is interrupted is kept under it.
    pub certificate: &'a str,
    /// Its names; the first DNS name is its common name too.
    pub names: &'a [Name],
    /// Its key.
    pub key: KeySource<'a>,
    /// The certificate that it comes in the place of.
    pub replaces: Option<&'a X509>,
}

/// Where the key comes from.
#[derive(Debug)]
pub enum KeySource<'a> {
    /// A new one of this kind (a re-key, RFC 3647, 4.7).
    New(KeyAlgorithm),
    /// The key of the certificate before (a renewal, RFC 3647, 4.6).
    Same(&'a PrivateKey),
    /// That key, in a store that does not give it out.
    Kept(&'a dyn Signer),
}

/// There is no certificate to be had.
#[derive(Debug, thiserror::Error)]
pub enum IssueError {
    /// The CA's files cannot be read or written.
    #[error("the internal CA in `{}` cannot be used", .directory.display())]
    Files {
        /// Its directory.
        directory: PathBuf,
        /// What the system said.
        #[source]
        cause: std::io::Error,
    },
    /// The CA's files are damaged.
    #[error("the internal CA in `{}` is damaged: {reason}", .directory.display())]
    Damaged {
        /// Its directory.
        directory: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// The CA's own name constraints forbid a name.
    #[error("the internal CA may not issue for {name}: it is limited to {}", .permitted.join(", "))]
    NameNotPermitted {
        /// The name.
        name: Name,
        /// What it is limited to.
        permitted: Vec<String>,
    },
    /// The certificate would outlive the CA's root.
    #[error("the root of the internal CA ends on {ends}, before the certificate would")]
    RootEnds {
        /// When.
        ends: Timestamp,
    },
    /// The library refused.
    #[error("the certificate cannot be made: {reason}")]
    Failed {
        /// What it said.
        reason: String,
    },
    /// The key does not leave its store, and the issuer wants to have it.
    #[error(
        "the private key of {thumbprint} does not leave its store, and this issuer does not work with it there"
    )]
    KeyStays {
        /// The certificate whose key was to be kept.
        thumbprint: Thumbprint,
    },
    /// The ACME server gave none.
    #[error(transparent)]
    Acme(#[from] AcmeError),
    /// The program that asks the CA gave none.
    #[error(transparent)]
    Program(#[from] ProgramError),
    /// The certificate is brought by hand.
    #[error("the issuer is a person: the certificate is brought by hand")]
    ByHand,
}

impl Explain for IssueError {
    fn code(&self) -> &'static str {
        match self {
            Self::Files { cause, .. } => SealedError::of(cause).map_or("ca-unusable", Explain::code),
            Self::Damaged { .. } => "ca-damaged",
            Self::NameNotPermitted { .. } => "name-not-permitted",
            Self::RootEnds { .. } => "ca-root-ends",
            Self::Failed { .. } => "not-issued",
            Self::KeyStays { .. } => "key-not-exportable",
            Self::Acme(error) => error.code(),
            Self::Program(error) => error.code(),
            Self::ByHand => "issuer-manual",
        }
    }

    fn retry(&self) -> Retry {
        match self {
            Self::Files { cause, .. } if SealedError::of(cause).is_some() => Retry::Never,
            Self::Files { .. } | Self::Failed { .. } => Retry::Backoff,
            Self::Acme(error) => error.retry(),
            Self::Program(error) => error.retry(),
            _ => Retry::Never,
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Files { cause, .. } if SealedError::of(cause).is_some() => {
                return SealedError::of(cause).and_then(Explain::hint);
            }
            Self::Files { .. } => "run Baton as the account that owns the data directory".to_owned(),
            Self::Damaged { directory, .. } => {
                format!(
                    "put `{}` back from a backup, or move it away: a new CA is then made",
                    directory.display()
                )
            }
            Self::NameNotPermitted { .. } => {
                "a CA's limits are set when it is made: add a second [[issuer]] of kind \"internal\" with \
                 permitted = [\"…\"] and let clients trust its root"
                    .to_owned()
            }
            Self::RootEnds { .. } => {
                "add a new [[issuer]] of kind \"internal\" and let clients trust its root".to_owned()
            }
            Self::Failed { .. } => return None,
            Self::KeyStays { .. } => {
                "renew it with `--new-key`; issuers of the kinds `adcs` and `command`, and `baton \
                                      request`, work with such keys"
                    .to_owned()
            }
            Self::Acme(error) => return error.hint(),
            Self::Program(error) => return error.hint(),
            Self::ByHand => {
                "ask for it with `baton request NAME`, and bring what the CA answers with `baton accept FILE`"
                    .to_owned()
            }
        })
    }
}

impl IssueError {
    /// What is waited for, where it is no failure: a person must approve the request at the CA.
    pub fn awaiting(&self) -> Option<&AwaitingApproval> {
        match self {
            Self::Program(ProgramError::Awaiting(awaiting)) => Some(awaiting),
            _ => None,
        }
    }
}

impl Issuer {
    /// Whether [`Issuer::issue`] can be expected to give a certificate at all.
    pub fn is_automatic(&self) -> bool {
        !matches!(self, Self::Manual)
    }

    /// What would keep it from being asked at all, as far as that can be seen without asking.
    pub fn check(&self) -> Option<Finding> {
        match self {
            Self::Command(authority) => authority.check(),
            Self::Adcs(adcs) => adcs.check(),
            Self::Internal { .. } | Self::Acme(_) | Self::Manual => None,
        }
    }

    /// Whether [`Issuer::issue`] costs nothing and leaves no trace, so that it can be tried.
    pub fn can_rehearse(&self) -> bool {
        matches!(self, Self::Internal { .. })
    }

    /// Gets a certificate with its chain and key. Nothing is stored: that is the caller's first act, and
    /// [`forget`](Self::forget) the second.
    pub async fn issue(&self, order: &Order<'_>, now: Timestamp) -> Result<Certificate, IssueError> {
        match self {
            Self::Internal { authority, lifetime } => {
                authority::issue_aside(Arc::clone(authority), order, *lifetime, now).await
            }
            Self::Acme(acme) => match order.key {
                KeySource::Kept(signer) => {
                    Err(IssueError::KeyStays { thumbprint: signer.certificate().thumbprint() })
                }
                KeySource::New(_) | KeySource::Same(_) => Ok(acme.issue(order).await?),
            },
            Self::Command(authority) => Ok(authority.issue(order).await?),
            Self::Adcs(adcs) => Ok(adcs.issue(order).await?),
            Self::Manual => Err(IssueError::ByHand),
        }
    }

    /// Forgets the order of a certificate: what it gave is durable elsewhere.
    pub fn forget(&self, certificate: &str) -> Result<(), IssueError> {
        match self {
            Self::Acme(acme) => Ok(acme.forget(certificate)?),
            Self::Command(authority) => Ok(authority.forget(certificate)?),
            Self::Adcs(adcs) => Ok(adcs.forget(certificate)?),
            Self::Internal { .. } | Self::Manual => Ok(()),
        }
    }

    /// Whether [`Issuer::renewal_info`] can be expected to suggest anything.
    pub fn suggests_renewal(&self) -> bool {
        matches!(self, Self::Acme(_))
    }

    /// What the issuer suggests for the renewal of a certificate that it has issued (RFC 9773); `None` where it
    /// suggests nothing.
    pub async fn renewal_info(&self, leaf: &X509) -> Result<Option<RenewalInfo>, IssueError> {
        match self {
            Self::Acme(acme) => Ok(acme.renewal_info(leaf).await?),
            Self::Internal { .. } | Self::Command(_) | Self::Adcs(_) | Self::Manual => Ok(None),
        }
    }
}
