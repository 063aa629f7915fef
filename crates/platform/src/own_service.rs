//! This program as a service of the system: installed, removed, started, stopped.

use std::path::PathBuf;

use baton_finding::Explain;

use crate::command::CommandError;
use crate::service::ServiceError;
pub use crate::system::own_service::{default_data, install, start, stop, uninstall};
#[cfg(windows)]
pub use crate::system::own_service::{dispatch, install_temporary, uninstall_temporary};

/// What the system starts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnService {
    /// The program by its full path, and its arguments.
    pub command: Vec<String>,
    /// The data directory.
    pub data: PathBuf,
}

/// The service was not installed, removed, started or stopped.
#[derive(Debug, thiserror::Error)]
pub enum OwnServiceError {
    /// The system has no service manager that is known.
    #[error("this machine is not run by systemd")]
    NoManager,
    /// The account may not.
    #[error("this account may not install or remove services")]
    NotPermitted,
    /// There is one.
    #[error("Baton is a service of this machine already")]
    Installed,
    /// There is none.
    #[error("Baton is no service of this machine")]
    Missing,
    /// Somebody has started what only the service manager starts.
    #[error("only the service manager can start this")]
    NotStarted,
    /// The service does not start or stop.
    #[error(transparent)]
    Service(ServiceError),
    /// The system's own command fails.
    #[error(transparent)]
    Command(CommandError),
    /// A file, a directory or an entry of the system cannot be made or removed.
    #[error("{what} cannot be changed")]
    Io {
        /// Which.
        what: String,
        /// Why not.
        #[source]
        cause: std::io::Error,
    },
}

impl OwnServiceError {
    /// Whether it was refused before anything was changed.
    pub fn is_refused(&self) -> bool {
        matches!(
            self,
            Self::NoManager | Self::NotPermitted | Self::Installed | Self::Missing | Self::NotStarted
        )
    }
}

impl Explain for OwnServiceError {
    fn code(&self) -> &'static str {
        match self {
            Self::NoManager => "service-manager-missing",
            Self::NotPermitted => "administrator-needed",
            Self::Installed => "service-installed",
            Self::Missing => "service-not-installed",
            Self::NotStarted => "service-manager-needed",
            Self::Service(error) => error.code(),
            Self::Command(error) => error.code(),
            Self::Io { .. } => "service-not-changed",
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::NoManager => Some("start `baton up` by what starts the services here".to_owned()),
            Self::NotPermitted => Some("run it as administrator, or as root".to_owned()),
            Self::Installed => Some("remove it first: baton service uninstall".to_owned()),
            Self::Missing => Some("install it first: baton service install".to_owned()),
            Self::NotStarted => Some("start the service: baton service start".to_owned()),
            Self::Service(error) => error.hint(),
            Self::Command(error) => error.hint(),
            Self::Io { .. } => None,
        }
    }
}
