//! How far a renewal has come, told while it is under way.
//!
//! Whoever works tells ([`report`]); whoever has asked for the work listens ([`listened`]). The two do not know each
//! other: between them may be an engine, an issuer, or a socket. Where nobody listens nothing is told.

use std::future::Future;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// What begins now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Stage {
    /// The issuer is asked what it wants to be shown.
    Authorizing,
    /// The issuer looks whether a name is ours.
    Validating {
        /// The name.
        name: String,
    },
    /// The certificate is asked for.
    Finalizing,
    /// The certificate is fetched.
    Downloading,
    /// Another change is under way, and its end is waited for: nothing was begun yet.
    Wait,
    /// The successor and the target are checked.
    Check,
    /// The successor is put to where the target finds it.
    Stage,
    /// Its ports are closed to the outside.
    Close,
    /// TLS is switched off, behind the closed door.
    TlsOff,
    /// The references are changed.
    Switch,
    /// The server is told.
    Activate,
    /// The endpoints are asked.
    Prove,
    /// Its ports are opened to the outside.
    Open,
    /// What was done is undone.
    RollBack,
}

impl std::fmt::Display for Stage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Authorizing => "authorizing",
            Self::Validating { name } => return write!(f, "validating {name}"),
            Self::Finalizing => "finalizing",
            Self::Downloading => "downloading",
            Self::Wait => "wait for another change",
            Self::Check => "check",
            Self::Stage => "stage",
            Self::Close => "close",
            Self::TlsOff => "tls off",
            Self::Switch => "switch",
            Self::Activate => "activate",
            Self::Prove => "prove",
            Self::Open => "open",
            Self::RollBack => "roll back",
        })
    }
}

/// A stage, and what it is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// What begins.
    #[serde(flatten)]
    pub stage: Stage,
    /// The `[[certificate]]` of the settings, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate: Option<String>,
    /// The target, where it is about one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
}

/// Who listens. Called in the midst of the work: it must not wait for anything.
pub trait Progress: Send + Sync {
    /// A stage begins.
    fn reached(&self, event: Event);
}

tokio::task_local! {
    static LISTENER: Arc<dyn Progress>;
}

/// Does the work while `listener` is told how far it has come. What the work hands to other tasks is not heard.
pub async fn listened<F: Future>(listener: Arc<dyn Progress>, work: F) -> F::Output {
    LISTENER.scope(listener, work).await
}

/// Tells that a stage begins.
pub fn report(stage: Stage, certificate: Option<&str>, target: Option<&str>) {
    // Nobody listens: the loop of `up` works for no one at a terminal.
    let _ = LISTENER.try_with(|listener| {
        let (certificate, target) = (certificate.map(str::to_owned), target.map(str::to_owned));
        listener.reached(Event { stage, certificate, target });
    });
}
