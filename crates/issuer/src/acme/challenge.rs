//! How control of a name is shown (RFC 8555, 8).

use std::path::PathBuf;
use std::sync::Arc;

use baton_dns::{DnsSolver, Published};
use instant_acme::{ChallengeType, Identifier, KeyAuthorization};
use serde::{Deserialize, Serialize};

use super::AcmeError;
use super::http_01::{self, HttpResponder};
use super::ports::Answer;
use super::tls_alpn_01::{self, TlsResponder};
use crate::text::plain;

/// How the challenges of an issuer are answered.
#[derive(Debug)]
pub enum Solver {
    /// http-01 (RFC 8555, 8.3) by a listener of our own.
    Http(Arc<HttpResponder>),
    /// http-01 by a file below the directory that another server serves.
    Webroot(PathBuf),
    /// tls-alpn-01 (RFC 8737).
    TlsAlpn(Arc<TlsResponder>),
    /// dns-01 (RFC 8555, 8.4).
    Dns(Box<DnsSolver>),
}

/// One challenge that the CA has set.
pub(super) struct Task {
    pub(super) identifier: Identifier,
    pub(super) token: String,
    pub(super) authorization: KeyAuthorization,
}

/// Something that was put in place for a challenge and outlives the process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Placed {
    /// A file in a webroot.
    File(PathBuf),
    /// A value in a TXT record.
    Record(Published),
}

/// An answer that is given as long as this is held.
#[expect(dead_code, reason = "it is held, not looked at")]
pub(super) enum Held {
    Answer(Answer),
    Placed,
}

impl Solver {
    /// The kind of challenge, as the protocol names it.
    pub(super) fn kind(&self) -> ChallengeType {
        match self {
            Self::Http(_) | Self::Webroot(_) => ChallengeType::Http01,
            Self::TlsAlpn(_) => ChallengeType::TlsAlpn01,
            Self::Dns(_) => ChallengeType::Dns01,
        }
    }

    /// The same for people.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Http(_) | Self::Webroot(_) => "http-01",
            Self::TlsAlpn(_) => "tls-alpn-01",
            Self::Dns(_) => "dns-01",
        }
    }

    /// Whether wildcards are validated this way (RFC 8555, 7.1.3, and the rules of CAs).
    pub(super) fn takes_wildcards(&self) -> bool {
        matches!(self, Self::Dns(_))
    }

    /// What answering a challenge leaves behind: written down before it is made.
    pub(super) async fn leaves(&self, task: &Task) -> Result<Option<Placed>, AcmeError> {
        Ok(match self {
            Self::Http(_) | Self::TlsAlpn(_) => None,
            Self::Webroot(webroot) => Some(Placed::File(http_01::file(webroot, &task.token)?)),
            Self::Dns(solver) => {
                let domain = shown(&task.identifier, false);
                Some(Placed::Record(solver.locate(&domain, &task.authorization.dns_value()).await?))
            }
        })
    }

    /// Makes the CA's next look find the answer. `placed` is what it [leaves](Self::leaves).
    pub(super) async fn answer(&self, task: &Task, placed: Option<&Placed>) -> Result<Held, AcmeError> {
        match self {
            Self::Http(responder) => {
                Ok(Held::Answer(responder.answer(&task.token, task.authorization.as_str()).await?))
            }
            Self::TlsAlpn(responder) => {
                let digest = task.authorization.digest();
                let certificate = tls_alpn_01::certificate(&task.identifier, digest.as_ref())?;
                let name = tls_alpn_01::server_name(&task.identifier)?;
                Ok(Held::Answer(responder.answer(name, certificate).await?))
            }
            Self::Webroot(webroot) => {
                http_01::place(webroot, &task.token, task.authorization.as_str())?;
                Ok(Held::Placed)
            }
            Self::Dns(solver) => {
                if let Some(Placed::Record(published)) = placed {
                    solver.add(published).await?;
                }
                Ok(Held::Placed)
            }
        }
    }

    /// Waits until the CA can be expected to find what was placed.
    pub(super) async fn wait(&self, placed: &[Placed]) -> Result<(), AcmeError> {
        let Self::Dns(solver) = self else { return Ok(()) };
        let record = |placed: &Placed| match placed {
            Placed::Record(published) => Some(published.clone()),
            Placed::File(_) => None,
        };
        let published: Vec<Published> = placed.iter().filter_map(record).collect();
        Ok(solver.wait_until_visible(&published, solver.deadline()).await?)
    }

    /// Clears away what was placed; no fault when it is gone.
    pub(super) async fn clear(&self, placed: &Placed) -> Result<(), AcmeError> {
        match (placed, self) {
            (Placed::File(path), _) => http_01::clear(path),
            (Placed::Record(published), Self::Dns(solver)) => Ok(solver.remove(published).await?),
            // The settings have changed since: nobody here may change that zone any more.
            (Placed::Record(published), _) => Err(AcmeError::RecordLeft { record: published.record.clone() }),
        }
    }
}

/// The name of an identifier, for people.
pub(super) fn shown(identifier: &Identifier, wildcard: bool) -> String {
    plain(&identifier.authorized(wildcard).to_string())
}

/// The name of a kind of challenge, for people.
pub(super) fn kind_shown(kind: &ChallengeType) -> String {
    match kind {
        ChallengeType::Http01 => "http-01".to_owned(),
        ChallengeType::Dns01 => "dns-01".to_owned(),
        ChallengeType::TlsAlpn01 => "tls-alpn-01".to_owned(),
        ChallengeType::Unknown(other) => plain(other),
        other => format!("{other:?}"),
    }
}
