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
    /// A check of the whole file found a fault.
    #[error("the state database `{}` is damaged: {found}", .path.display())]
    Damaged {
        /// The database's file.
        path: PathBuf,
        /// What SQLite found first.
        found: String,
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

/// SQLite's result codes, of which the lowest byte tells the kind: <https://sqlite.org/rescode.html>.
const BUSY: i32 = 5;
const LOCKED: i32 = 6;
const CORRUPT: i32 = 11;
const NOT_A_DATABASE: i32 = 26;

impl StateError {
    /// Whether the file is damaged, so that no retry helps.
    pub fn is_damaged(&self) -> bool {
        matches!(self, Self::Damaged { .. }) || matches!(self.sqlite(), Some(CORRUPT | NOT_A_DATABASE))
    }

    fn is_locked(&self) -> bool {
        matches!(self.sqlite(), Some(BUSY | LOCKED))
    }

    fn sqlite(&self) -> Option<i32> {
        let cause = match self {
            Self::Connect { cause, .. } | Self::Query { cause, .. } => cause,
            Self::Migrate { cause: sqlx::migrate::MigrateError::Execute(cause), .. } => cause,
            _ => return None,
        };
        let code: i32 = cause.as_database_error()?.code()?.parse().ok()?;
        Some(code & 0xff)
    }
}

impl Explain for StateError {
    fn code(&self) -> &'static str {
        match self {
            error if error.is_locked() => "state-locked",
            error if error.is_damaged() => "state-damaged",
            Self::Query { .. } => "state-query-failed",
            Self::Open { .. } | Self::Connect { .. } => "state-unusable",
            Self::Migrate { .. } => "state-form-unknown",
            Self::Damaged { .. } | Self::Value { .. } => "state-damaged",
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
            error if error.is_locked() => {
                "another program writes to it for a long time: see which one with `fuser`".to_owned()
            }
            error if error.is_damaged() => {
                "stop `baton up`, then run `baton resume`: it puts the last good copy in its place".to_owned()
            }
            Self::Open { .. } | Self::Connect { .. } => {
                "run Baton as the account that owns the data directory, or name another with --data"
                    .to_owned()
            }
            Self::Migrate { .. } => "run the version of Baton that wrote it, or a newer one".to_owned(),
            Self::Query { .. } => {
                "see that the disk has room and that no other program holds the file".to_owned()
            }
            Self::Damaged { .. } | Self::Value { .. } => "run the version of Baton that wrote it".to_owned(),
        })
    }
}
