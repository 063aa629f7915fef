use std::path::PathBuf;
use std::time::Duration;

use baton_finding::{Explain, Retry};
use baton_platform::command::CommandError;
use baton_x509::ChainError;
use jiff::Timestamp;

use crate::{AnswerError, KeptRequestError};

/// A program that asks a CA gave no certificate. What it wrote is shown in one line, without control characters.
#[derive(Debug, thiserror::Error)]
pub enum ProgramError {
    /// The request cannot be kept, so nobody is asked.
    #[error(transparent)]
    Kept(#[from] KeptRequestError),
    /// The directory that the program works in cannot be made.
    #[error("requests cannot be handed out in `{}`", .directory.display())]
    Files {
        /// The directory.
        directory: PathBuf,
        /// What the system said, with the path.
        #[source]
        cause: std::io::Error,
    },
    /// The key or the request cannot be made.
    #[error("the request cannot be made: {reason}")]
    Make {
        /// What the library said.
        reason: String,
    },
    /// The program cannot be started.
    #[error("the CA cannot be asked")]
    NotStarted(#[source] CommandError),
    /// `certreq` is not there.
    #[error("the CA cannot be asked: `certreq` is not there")]
    NoCertreq(#[source] CommandError),
    /// It was still running at the time limit, and was ended with all its children.
    #[error("`{program}` was still running after {} s and was ended{}", .limit.as_secs(), suffix(.said))]
    TimedOut {
        /// The program.
        program: String,
        /// The limit.
        limit: Duration,
        /// The end of what it wrote.
        said: String,
    },
    /// It ended badly, and left no certificate that could be taken.
    #[error("`{program}` failed with {how}{}", suffix(.said))]
    Failed {
        /// The program.
        program: String,
        /// "exit code 1", "a signal", "0x800706BA".
        how: String,
        /// The end of what it wrote.
        said: String,
    },
    /// It ended well, and there is no certificate.
    #[error("`{program}` ended without a failure and left no certificate{}", suffix(.said))]
    NoCertificate {
        /// The program.
        program: String,
        /// The end of what it wrote.
        said: String,
    },
    /// What it left is no certificate.
    #[error("what `{program}` left is no certificate: {reason}{}", suffix(.said))]
    Unreadable {
        /// The program.
        program: String,
        /// What is wrong with it.
        reason: String,
        /// The end of what it wrote.
        said: String,
    },
    /// The certificate is not what was asked for.
    #[error("the CA issued something else than was asked for")]
    Wrong(#[source] AnswerError),
    /// The certificate does not lead to the issuer's root.
    #[error("the CA issued a certificate that does not lead to the issuer's root")]
    Untrusted(#[source] ChainError),
    /// A person must approve the request at the CA.
    #[error("request {} waits for its approval at the CA", .0.request)]
    Awaiting(AwaitingApproval),
    /// The CA refused the request for good.
    #[error("the CA denied request {request}{}", suffix(.said))]
    Denied {
        /// What the CA calls it.
        request: String,
        /// The end of what the program wrote: the CA's reason.
        said: String,
    },
    /// The CA does not know the request any more.
    #[error("the CA does not know request {request}{}", suffix(.said))]
    Unknown {
        /// What the CA called it.
        request: String,
        /// The end of what the program wrote.
        said: String,
    },
    /// The program said something else than is known of it.
    #[error("it is not clear what `{program}` has done{}", suffix(.said))]
    NotUnderstood {
        /// The program.
        program: String,
        /// The end of what it wrote.
        said: String,
    },
}

/// A request that was handed in, and that a person must approve. No failure: it is asked for again, not handed in again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AwaitingApproval {
    /// What the CA calls it, and which CA.
    pub request: String,
    /// Since when it waits.
    pub since: Timestamp,
    /// When to ask again.
    pub until: Timestamp,
}

fn suffix(said: &str) -> String {
    if said.is_empty() { String::new() } else { format!(": {said}") }
}

impl Explain for ProgramError {
    fn code(&self) -> &'static str {
        match self {
            Self::Kept(cause) => cause.code(),
            Self::Files { .. } => "exchange-unusable",
            Self::Make { .. } => "not-issued",
            Self::NotStarted(cause) => cause.code(),
            Self::NoCertreq(_) => "certreq-missing",
            Self::TimedOut { .. } => "command-timed-out",
            Self::Failed { .. } => "command-failed",
            Self::NoCertificate { .. } => "certificate-not-left",
            Self::Unreadable { .. } => "answer-unreadable",
            Self::Wrong(_) => "answer-wrong",
            Self::Untrusted(_) => "answer-untrusted",
            Self::Awaiting(_) => "awaiting-approval",
            Self::Denied { .. } => "request-denied",
            Self::Unknown { .. } => "request-unknown",
            Self::NotUnderstood { .. } => "answer-not-understood",
        }
    }

    fn retry(&self) -> Retry {
        match self {
            // Not `Retry::At`: that would hold up all other certificates of the issuer.
            Self::Awaiting(_) => Retry::Never,
            _ => Retry::Backoff,
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Kept(cause) => return cause.hint(),
            Self::Make { .. } => return None,
            Self::NotStarted(cause) => return cause.hint(),
            Self::NoCertreq(_) => {
                "`certreq` is a part of Windows: run Baton there, with it on PATH".to_owned()
            }
            Self::Files { .. } => {
                "see that the disk has room, and run Baton as the account that owns the data \
                                   directory"
                    .to_owned()
            }
            Self::TimedOut { .. } | Self::Failed { .. } => {
                "run it by hand, as the account that runs Baton; the request is kept, and used again"
                    .to_owned()
            }
            Self::NoCertificate { .. } | Self::Unreadable { .. } => {
                "it must write the certificate in PEM, DER or P7B to the path that it is given".to_owned()
            }
            Self::Wrong(_) => {
                "see what the CA or its template makes of the names and the key of a request".to_owned()
            }
            Self::Untrusted(_) => {
                "add the missing intermediates, or the right root, to the file in `root`".to_owned()
            }
            Self::Awaiting(_) => {
                "approve it at the CA; `baton up` asks for it, and so does `baton renew`".to_owned()
            }
            Self::Denied { .. } => "mend what the CA says; the next try makes a new request".to_owned(),
            Self::Unknown { .. } => "it is handed in again by the next try".to_owned(),
            Self::NotUnderstood { .. } => {
                "run the program by hand, as the account that runs Baton, and see what it writes".to_owned()
            }
        })
    }
}
