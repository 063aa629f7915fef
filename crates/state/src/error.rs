use std::path::PathBuf;

use baton_finding::{Explain, Retry};

/// The state database cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// Its directory or file cannot be made or opened.
    #[error("the state database `{}` cannot be opened", .path.display())]
    Open {
        /// The database's file.
        path: PathBuf,
        /// What the system said.
        #[source]
        cause: std::io::Error,
    },
    /// SQLite cannot open the file.
    #[error("the state database `{}` cannot be used", .path.display())]
    Connect {
        /// The database's file.
        path: PathBuf,
        /// What SQLite said.
        #[source]
        cause: sqlx::Error,
    },
    /// The file is of a newer or damaged form.
    #[error("the state database `{}` does not have the form that this version knows", .path.display())]
    Migrate {
        /// The database's file.
        path: PathBuf,
        /// What the migration said.
        #[source]
        cause: sqlx::migrate::MigrateError,
    },
    /// A read or write failed.
    #[error("failed to {action} in the state database")]
    Query {
        /// What was being done.
        action: &'static str,
        /// What SQLite said.
        #[source]
        cause: sqlx::Error,
    },
    /// A row holds something that this version cannot read.
    #[error("the state database holds a {what} that cannot be read: {value:?}")]
    Value {
        /// What it should be.
        what: &'static str,
        /// What it is.
        value: String,
    },
}

impl Explain for StateError {
    fn code(&self) -> &'static str {
        match self {
            Self::Open { .. } | Self::Connect { .. } => "state-unusable",
            Self::Migrate { .. } => "state-form-unknown",
            Self::Query { .. } => "state-query-failed",
            Self::Value { .. } => "state-damaged",
        }
    }

    fn retry(&self) -> Retry {
        match self {
            Self::Query { .. } => Retry::Backoff,
            _ => Retry::Never,
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Open { .. } | Self::Connect { .. } => {
                "run Baton as the account that owns the data directory, or name another with --data"
                    .to_owned()
            }
            Self::Migrate { .. } => "run the version of Baton that wrote it, or a newer one".to_owned(),
            Self::Query { .. } => {
                "see that the disk has room and that no other program holds the file".to_owned()
            }
            Self::Value { .. } => "run the version of Baton that wrote it".to_owned(),
        })
    }
}
