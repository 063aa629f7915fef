use std::path::PathBuf;
use std::time::Duration;

use baton_dns::DnsError;
use baton_finding::{Explain, Retry};
use baton_http::HttpError;
use baton_platform::sealed::SealedError;
use baton_x509::Name;
use instant_acme::{Error, Problem};
use jiff::Timestamp;

use crate::text::plain;

/// The ACME server gave no certificate. What it said is shown without control characters.
#[derive(Debug, thiserror::Error)]
pub enum AcmeError {
    /// Accounts and orders cannot be kept.
    #[error("ACME accounts and orders cannot be kept in `{}`", .directory.display())]
    Files {
        /// Their directory.
        directory: PathBuf,
        /// What the system said, with the path.
        #[source]
        cause: std::io::Error,
    },
    /// A file of ours cannot be understood.
    #[error("`{}` is damaged: {reason}", .path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// The client cannot be made.
    #[error("{directory} cannot be asked")]
    Client {
        /// The URL of the server's directory.
        directory: String,
        /// Why.
        #[source]
        cause: HttpError,
    },
    /// The server cannot be reached, or broke off.
    #[error("{action} failed")]
    Transport {
        /// What was being done.
        action: &'static str,
        /// Why.
        #[source]
        cause: HttpError,
    },
    /// The server refused (RFC 8555, 6.7).
    #[error("{action} was refused: {detail} ({kind})")]
    Refused {
        /// What was being done.
        action: &'static str,
        /// The problem's type.
        kind: String,
        /// The problem's words.
        detail: String,
    },
    /// The server wants fewer requests.
    #[error("{action} was refused for the CA's rate limits: {detail}")]
    RateLimited {
        /// What was being done.
        action: &'static str,
        /// The problem's words.
        detail: String,
        /// When to come back, if it says so.
        until: Option<Timestamp>,
    },
    /// The CA could not see that a name is ours.
    #[error("the CA could not validate {name}: {detail} ({kind})")]
    Validation {
        /// The name.
        name: String,
        /// The problem's type.
        kind: String,
        /// The problem's words.
        detail: String,
    },
    /// The CA does not offer the kind of challenge that the settings ask for.
    #[error("the CA does not offer {wanted} for {name}, only {}", .offered.join(", "))]
    NoChallenge {
        /// The name.
        name: String,
        /// The kind of challenge in the settings.
        wanted: &'static str,
        /// What it offers.
        offered: Vec<String>,
    },
    /// A wildcard needs dns-01.
    #[error("{name} is a wildcard, which no CA validates by {challenge}")]
    Wildcard {
        /// The name.
        name: Name,
        /// The kind of challenge in the settings.
        challenge: &'static str,
    },
    /// The server speaks no ACME.
    #[error("{action} failed: the server's answer makes no sense: {reason}")]
    Nonsense {
        /// What was being done.
        action: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// The server lacks a feature.
    #[error("the ACME server does not support {feature}")]
    Unsupported {
        /// Which.
        feature: String,
    },
    /// The certificate is not what was ordered.
    #[error("the CA issued something else than was ordered: {reason}")]
    WrongCertificate {
        /// How it differs.
        reason: String,
    },
    /// The order ended without a certificate.
    #[error("the order became invalid: {detail}")]
    Invalid {
        /// What the server says.
        detail: String,
    },
    /// It takes too long.
    #[error("the order for {certificate:?} is not complete after {} s", .patience.as_secs())]
    Impatient {
        /// The certificate's name.
        certificate: String,
        /// How long an order may take.
        patience: Duration,
    },
    /// The port for challenges cannot be had.
    #[error("{challenge} cannot be answered on {address}")]
    Port {
        /// The kind of challenge.
        challenge: &'static str,
        /// Where.
        address: std::net::SocketAddr,
        /// What the system said.
        #[source]
        cause: std::io::Error,
    },
    /// The answer to a challenge cannot be put where it is to be found.
    #[error("the answer to {challenge} cannot be put in place")]
    Place {
        /// The kind of challenge.
        challenge: &'static str,
        /// What the system said, with the path.
        #[source]
        cause: std::io::Error,
    },
    /// The record of dns-01 cannot be published, seen or removed.
    #[error(transparent)]
    Dns(Box<DnsError>),
    /// A record of dns-01 stays, as the settings no longer say who may change its zone.
    #[error("the TXT record {record} stays: the settings no longer say who changes its zone")]
    RecordLeft {
        /// Its name.
        record: String,
    },
    /// A key or request cannot be made.
    #[error("{what} cannot be made: {reason}")]
    Make {
        /// What.
        what: &'static str,
        /// What the library said.
        reason: String,
    },
}

impl From<DnsError> for AcmeError {
    fn from(error: DnsError) -> Self {
        Self::Dns(Box::new(error))
    }
}

impl AcmeError {
    /// What the library says, in our words.
    pub(super) fn of(action: &'static str, error: Error, retry_at: Option<Timestamp>) -> Self {
        match error {
            Error::Api(problem) => Self::of_problem(action, &problem, retry_at),
            Error::Other(cause) => match cause.downcast::<HttpError>() {
                Ok(cause) => Self::Transport { action, cause: *cause },
                Err(cause) => Self::Nonsense { action, reason: plain(&cause.to_string()) },
            },
            Error::Unsupported(feature) => Self::Unsupported { feature: feature.to_owned() },
            other => Self::Nonsense { action, reason: plain(&other.to_string()) },
        }
    }

    fn of_problem(action: &'static str, problem: &Problem, retry_at: Option<Timestamp>) -> Self {
        let (kind, detail) = words(problem);
        if kind.ends_with(":rateLimited") || problem.status == Some(429) {
            return Self::RateLimited { action, detail, until: retry_at };
        }
        Self::Refused { action, kind, detail }
    }

    /// Whether the very same request is worth another try within seconds: a stale nonce, a connection that broke, a
    /// server that stumbled.
    pub(super) fn is_transient(&self) -> bool {
        match self {
            Self::Transport { cause, .. } => {
                cause.retry() == Retry::Backoff && !matches!(cause, HttpError::TooLarge { .. })
            }
            Self::Refused { kind, .. } => kind.ends_with(":serverInternal"),
            _ => false,
        }
    }

    /// A nonce that the server no longer takes (RFC 8555, 6.5).
    pub(super) fn is_bad_nonce(&self) -> bool {
        matches!(self, Self::Refused { kind, .. } if kind.ends_with(":badNonce"))
    }
}

/// A problem's type and words, with those of its subproblems (RFC 8555, 6.7.1).
pub(super) fn words(problem: &Problem) -> (String, String) {
    let kind = plain(problem.r#type.as_deref().unwrap_or("about:blank"));
    let mut detail = problem.detail.clone().unwrap_or_else(|| "no reason given".to_owned());
    for sub in problem.subproblems.iter().take(10) {
        let name = sub.identifier.as_ref().map(|name| format!("{}: ", name.authorized(false)));
        detail.push_str(&format!("; {}{}", name.unwrap_or_default(), sub.detail.as_deref().unwrap_or("")));
    }
    (kind, plain(&detail))
}

impl Explain for AcmeError {
    fn code(&self) -> &'static str {
        match self {
            Self::Files { cause, .. } => SealedError::of(cause).map_or("acme-files", Explain::code),
            Self::Damaged { .. } => "acme-files",
            Self::Client { cause, .. } | Self::Transport { cause, .. } => cause.code(),
            Self::Refused { .. } => "acme-refused",
            Self::RateLimited { .. } => "acme-rate-limited",
            Self::Validation { .. } => "acme-validation",
            Self::NoChallenge { .. } | Self::Wildcard { .. } => "acme-no-challenge",
            Self::Nonsense { .. } => "acme-nonsense",
            Self::Unsupported { .. } => "acme-unsupported",
            Self::WrongCertificate { .. } => "acme-wrong-certificate",
            Self::Invalid { .. } => "acme-order-invalid",
            Self::Impatient { .. } => "acme-slow",
            Self::Port { .. } => "challenge-port",
            Self::Place { .. } => "challenge-not-placed",
            Self::Dns(error) => error.code(),
            Self::RecordLeft { .. } => "dns-record-left",
            Self::Make { .. } => "not-issued",
        }
    }

    fn retry(&self) -> Retry {
        match self {
            Self::RateLimited { until: Some(until), .. } => Retry::At(*until),
            Self::Wildcard { .. } => Retry::Never,
            Self::Dns(error) => error.retry(),
            _ => Retry::Backoff,
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Files { cause, .. } if SealedError::of(cause).is_some() => {
                return SealedError::of(cause).and_then(Explain::hint);
            }
            Self::Files { .. } => "run Baton as the account that owns the data directory".to_owned(),
            Self::Damaged { path, .. } => {
                format!("put `{}` back from a backup, or move it away: a new one is then made", path.display())
            }
            Self::Client { cause, .. } | Self::Transport { cause, .. } => return cause.hint(),
            Self::Refused { kind, .. } if kind.ends_with(":externalAccountRequired") => {
                "this CA needs external-account = { key-id = \"…\", key-file = \"…\" } with what it gave you"
                    .to_owned()
            }
            Self::Refused { kind, .. } if kind.ends_with(":invalidProfile") => {
                "the CA's directory lists the profiles that it has: correct profile = \"…\"".to_owned()
            }
            Self::Refused { .. } | Self::Invalid { .. } => {
                "the CA's words say why; nothing was changed on any server".to_owned()
            }
            Self::RateLimited { .. } => "it is tried again when the CA allows it".to_owned(),
            Self::Validation { kind, .. } if kind.ends_with(":connection") => {
                "the CA must reach this machine: see the name's address, the firewall and the port".to_owned()
            }
            Self::Validation { kind, .. } if kind.ends_with(":dns") => {
                "see that the name resolves in the public DNS, and its CAA records".to_owned()
            }
            Self::Validation { .. } => {
                "another server may have answered in our place: see where the name leads".to_owned()
            }
            Self::NoChallenge { .. } => "choose another challenge = \"…\" for this issuer".to_owned(),
            Self::Wildcard { .. } => "use an issuer with challenge = \"dns-01\" for it".to_owned(),
            Self::Nonsense { .. } => {
                "see that directory = \"…\" is the URL of an ACME directory (RFC 8555)".to_owned()
            }
            Self::Unsupported { .. } => "take the setting away that asks for it".to_owned(),
            Self::WrongCertificate { .. } => {
                "it was thrown away; tell the CA, and see that directory = \"…\" is the right one".to_owned()
            }
            Self::Impatient { .. } => "the order is kept and taken up by the next try".to_owned(),
            Self::Port { cause, .. } if cause.kind() == std::io::ErrorKind::AddrInUse => {
                "another server has the port: give webroot = \"…\", or let it pass requests on and set another \
                 port"
                    .to_owned()
            }
            Self::Port { .. } => "ports below 1024 need rights: run Baton as root, or set another port".to_owned(),
            Self::Place { .. } => "see that the directory exists and that this account may write there".to_owned(),
            Self::Dns(error) => return error.hint(),
            Self::RecordLeft { .. } => "remove it by hand".to_owned(),
            Self::Make { .. } => return None,
        })
    }
}
