use baton_finding::{Explain, Retry};
use baton_state::StateError;

/// The engine cannot go on. Whatever had begun is in the journal, and is finished or undone by the next start.
#[derive(Debug, thiserror::Error)]
pub enum HandoverError {
    /// The journal cannot be written or read: without it nothing may be changed.
    #[error("the journal cannot be used")]
    Journal(#[from] StateError),
    /// Another handover of the target does not end.
    #[error("another handover of {target:?} is under way")]
    Busy {
        /// The target.
        target: String,
    },
    /// What an interrupted change left cannot be removed.
    #[error("what an interrupted change left at {target:?} cannot be removed")]
    Leftovers {
        /// The target.
        target: String,
        /// What the system said.
        #[source]
        cause: std::io::Error,
    },
    /// A certificate cannot be removed.
    #[error("the certificate {thumbprint} cannot be retired")]
    Retire {
        /// The certificate.
        thumbprint: baton_x509::Thumbprint,
        /// Why.
        #[source]
        cause: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The lock file cannot be used.
    #[error("the lock of {target:?} cannot be taken")]
    Lock {
        /// The target.
        target: String,
        /// What the system said.
        #[source]
        cause: std::io::Error,
    },
    /// The journal's list of the settings that a recovery has kept cannot be read.
    #[error("the settings that `recover` has kept of {target:?} cannot be read")]
    Kept {
        /// The target.
        target: String,
        /// Why.
        #[source]
        cause: serde_json::Error,
    },
    /// The door of a target cannot be held.
    #[error(transparent)]
    Door(baton_platform::door::DoorError),
    /// The journal holds a plan that this version cannot read.
    #[error("the journal's plan of handover {id} cannot be read")]
    Plan {
        /// Which handover.
        id: baton_state::HandoverId,
        /// Why.
        #[source]
        cause: serde_json::Error,
    },
}

impl Explain for HandoverError {
    fn code(&self) -> &'static str {
        match self {
            Self::Journal(error) => error.code(),
            Self::Busy { .. } => "target-busy",
            Self::Leftovers { .. } => "leftovers",
            Self::Retire { .. } => "not-retired",
            Self::Lock { .. } => "lock-unusable",
            Self::Plan { .. } => "plan-unreadable",
            Self::Kept { .. } => "kept-settings-unreadable",
            Self::Door(error) => error.code(),
        }
    }

    fn retry(&self) -> Retry {
        match self {
            Self::Journal(error) => error.retry(),
            Self::Busy { .. }
            | Self::Lock { .. }
            | Self::Leftovers { .. }
            | Self::Retire { .. }
            | Self::Door(_) => Retry::Backoff,
            Self::Plan { .. } | Self::Kept { .. } => Retry::Never,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Journal(error) => error.hint(),
            Self::Busy { .. } => Some("wait for it; `baton history` shows how far it is".to_owned()),
            Self::Leftovers { .. } => {
                Some("run Baton as an account that may write where the target has its files".to_owned())
            }
            Self::Retire { .. } => {
                Some("run Baton as an account that may change the store and the target's files".to_owned())
            }
            Self::Lock { .. } => Some("run Baton as the account that owns the data directory".to_owned()),
            Self::Door(error) => error.hint(),
            Self::Plan { .. } | Self::Kept { .. } => {
                Some("run the version of Baton that wrote it".to_owned())
            }
        }
    }
}
