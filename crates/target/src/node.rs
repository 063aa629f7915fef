//! The other machines of a product whose settings lie on a share: load-balanced servers that read one `config`.
//!
//! What is changed there changes for all of them at once, while each has a certificate store of its own. So each node is
//! asked for the certificate before anything is changed, and each is restarted after. A node is reached by commands of
//! the administrator (ssh, PowerShell remoting); Baton knows no network of its own.

use std::time::Duration;

use baton_finding::{Explain, Finding, Retry};
use baton_platform::command::{Command, CommandError};
use baton_x509::Thumbprint;
use serde::Deserialize;

/// Stands for the thumbprint of the successor in the arguments of a node's check.
pub const THUMBPRINT: &str = "{thumbprint}";

/// One of the other machines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// Its name in the settings.
    pub name: String,
    /// Prints whether its store has a certificate: `baton store show {thumbprint} --json`, run there.
    pub check: Vec<String>,
    /// Restarts the product there.
    pub activate: Vec<String>,
    /// How long each of the two may run.
    pub time_limit: Duration,
}

/// Why a node cannot be handed over.
#[derive(Debug, thiserror::Error)]
pub enum NodeError {
    /// A command of it failed.
    #[error("node {name:?}")]
    Command {
        /// Which node.
        name: String,
        /// What happened.
        #[source]
        cause: CommandError,
    },
    /// Its check did not tell of the certificate.
    #[error("node {name:?} did not say that its store has {thumbprint}: {said}")]
    Lacks {
        /// Which node.
        name: String,
        /// The successor.
        thumbprint: Thumbprint,
        /// What it said.
        said: String,
    },
    /// The store of the node has the certificate, and not its key.
    #[error("the store of node {name:?} has {thumbprint} without its private key")]
    LacksKey {
        /// Which node.
        name: String,
        /// The successor.
        thumbprint: Thumbprint,
    },
}

impl Explain for NodeError {
    fn code(&self) -> &'static str {
        match self {
            Self::Command { .. } => "node-unreachable",
            Self::Lacks { .. } => "node-lacks-certificate",
            Self::LacksKey { .. } => "node-lacks-key",
        }
    }

    fn retry(&self) -> Retry {
        Retry::Backoff
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Command { cause, .. } => return cause.hint(),
            Self::Lacks { .. } => {
                "import the certificate with its key there first; `check` of the node must print its \
                                   thumbprint, as `baton store show {thumbprint} --json` does"
                    .to_owned()
            }
            Self::LacksKey { .. } => "import it there with its private key".to_owned(),
        })
    }
}

/// What `baton store show --json` says of a certificate.
#[derive(Deserialize)]
struct Shown {
    thumbprint: Thumbprint,
    has_key: bool,
}

impl Node {
    /// Whether the store of the node has a certificate with its key. That the command ends with 0 is not enough.
    pub(crate) async fn check(&self, thumbprint: Thumbprint) -> Result<(), NodeError> {
        let argv = self.check.iter().map(|argument| argument.replace(THUMBPRINT, &thumbprint.to_string()));
        let output = self.run(argv.collect()).await?;
        match output.lines().find_map(|line| serde_json::from_str::<Shown>(line).ok()) {
            Some(shown) if shown.thumbprint == thumbprint && !shown.has_key => {
                Err(NodeError::LacksKey { name: self.name.clone(), thumbprint })
            }
            Some(shown) if shown.thumbprint == thumbprint => Ok(()),
            None if output.to_ascii_uppercase().contains(&thumbprint.to_string()) => Ok(()),
            _ => {
                Err(NodeError::Lacks { name: self.name.clone(), thumbprint, said: output.trim().to_owned() })
            }
        }
    }

    /// Restarts the product on the node; returns what the command wrote.
    pub(crate) async fn activate(&self) -> Result<String, NodeError> {
        self.run(self.activate.clone()).await
    }

    async fn run(&self, argv: Vec<String>) -> Result<String, NodeError> {
        let ran = Command::new(argv, self.time_limit).run().await;
        ran.map(|outcome| outcome.output)
            .map_err(|cause| NodeError::Command { name: self.name.clone(), cause })
    }

    /// What its activation does, for people.
    pub(crate) fn describe(&self) -> String {
        format!("on node {:?}: run `{}`", self.name, Command::new(self.activate.clone(), self.time_limit))
    }
}

/// Asks all nodes side by side for a certificate.
pub(crate) async fn check_all(nodes: &[Node], thumbprint: Thumbprint) -> Vec<Finding> {
    let answers = futures_util::future::join_all(nodes.iter().map(|node| node.check(thumbprint))).await;
    answers.into_iter().filter_map(Result::err).map(|error| Finding::from_error(&error)).collect()
}
