use std::io;
use std::time::Duration;

use baton_finding::{Explain, Retry};
use baton_http::{HttpError, StatusCode};
use baton_platform::command::CommandError;

/// A message was not delivered. What is secret is in none of the texts.
#[derive(Debug, thiserror::Error)]
pub enum DeliveryError {
    /// There is no answer.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// The receiver says no.
    #[error("{host} answers with the status {status}")]
    Status {
        /// Scheme, host and port.
        host: String,
        /// What it answered.
        status: StatusCode,
    },
    /// The file with the mail server's password cannot be read.
    #[error("the password for the mail server cannot be read")]
    Password(#[source] io::Error),
    /// A mail cannot be written.
    #[error("the mail cannot be written")]
    Letter(#[source] lettre::error::Error),
    /// The mail server cannot be spoken to, or refuses.
    #[error("the mail server {server} has not taken the mail")]
    Smtp {
        /// Host and port.
        server: String,
        /// Why.
        #[source]
        cause: lettre::transport::smtp::Error,
    },
    /// The mail server takes too long.
    #[error("the mail server {server} has not taken the mail in {} s", .limit.as_secs())]
    SmtpTimedOut {
        /// Host and port.
        server: String,
        /// How long it may take.
        limit: Duration,
    },
    /// The command has failed.
    #[error(transparent)]
    Command(#[from] CommandError),
}

impl Explain for DeliveryError {
    fn code(&self) -> &'static str {
        match self {
            Self::Http(cause) => cause.code(),
            Self::Status { .. } => "webhook-refused",
            Self::Password(_) => "file-unreadable",
            Self::Letter(_) => "mail-unwritable",
            Self::Smtp { .. } => "mail-refused",
            Self::SmtpTimedOut { .. } => "mail-timed-out",
            Self::Command(cause) => cause.code(),
        }
    }

    fn retry(&self) -> Retry {
        // Whatever it is, a person may mend it meanwhile: a notice is never given up.
        Retry::Backoff
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Http(cause) => cause.hint(),
            Self::Status { .. } => {
                Some("see that the URL is the right one, and the receiver's own log".to_owned())
            }
            Self::Password(_) => {
                Some("see that `password-file` is there and that this account may read it".to_owned())
            }
            Self::Letter(_) => Some("see `from` and `to`".to_owned()),
            Self::Smtp { .. } | Self::SmtpTimedOut { .. } => {
                Some("see `server`, `tls` and `user`, and the mail server's own log".to_owned())
            }
            Self::Command(cause) => cause.hint(),
        }
    }
}
