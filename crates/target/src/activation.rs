//! How a target takes up what was changed.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use baton_platform::command::{Command, CommandError};
use baton_platform::service::{Service, ServiceError};

use crate::node::NodeError;

/// A listener in this very process that can take up a new certificate without a pause.
pub trait HotSwap: fmt::Debug + Send + Sync {
    /// Reads certificate and key anew; the next handshake uses them.
    ///
    /// # Errors
    /// When they cannot be used: the listener keeps what it has.
    fn reload(&self) -> Result<(), String>;
}

/// How a target takes up what was changed.
#[derive(Debug, Clone)]
pub enum Activation {
    /// A command reloads or restarts the service.
    Command(Command),
    /// The system restarts the service by its name.
    Service(Service),
    /// The listener is our own.
    HotSwap(Arc<dyn HotSwap>),
    /// The server watches its files by itself.
    Watches,
}

/// The target was not brought to take up the change.
#[derive(Debug, thiserror::Error)]
pub enum ActivationError {
    /// The command failed.
    #[error(transparent)]
    Command(CommandError),
    /// The service was not restarted.
    #[error(transparent)]
    Service(ServiceError),
    /// Our own listener refused.
    #[error("the listener does not take the certificate: {0}")]
    HotSwap(String),
    /// Another node failed.
    #[error(transparent)]
    Node(#[from] NodeError),
}

impl Activation {
    /// A command with its time limit.
    pub fn command(argv: Vec<String>, time_limit: Duration) -> Self {
        Self::Command(Command::new(argv, time_limit))
    }

    /// Does it, and returns what the command wrote. Of a service `dependents` are started too, which ran before anything
    /// was changed.
    pub(crate) async fn run(&self, dependents: &[String]) -> Result<String, ActivationError> {
        match self {
            Self::Command(command) => {
                command.run().await.map(|outcome| outcome.output).map_err(ActivationError::Command)
            }
            Self::Service(service) => service.restart(dependents).await.map_err(ActivationError::Service),
            Self::HotSwap(listener) => {
                listener.reload().map(|()| String::new()).map_err(ActivationError::HotSwap)
            }
            Self::Watches => Ok(String::new()),
        }
    }
}

impl fmt::Display for Activation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Command(command) => write!(f, "run `{command}`"),
            Self::Service(service) => write!(f, "restart the service `{}`", service.name),
            Self::HotSwap(_) => f.write_str("swap the certificate of the running listener"),
            Self::Watches => f.write_str("nothing: the server watches its files"),
        }
    }
}

impl baton_finding::Explain for ActivationError {
    fn code(&self) -> &'static str {
        match self {
            Self::Command(error) => error.code(),
            Self::Service(error) => error.code(),
            Self::HotSwap(_) => "hot-swap-failed",
            Self::Node(error) => error.code(),
        }
    }

    fn retry(&self) -> baton_finding::Retry {
        baton_finding::Retry::Backoff
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Command(error) => error.hint(),
            Self::Service(error) => error.hint(),
            Self::HotSwap(_) => None,
            Self::Node(error) => error.hint(),
        }
    }
}
