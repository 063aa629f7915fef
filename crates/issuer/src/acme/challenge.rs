//! How control of a name is shown (RFC 8555, 8).

use std::path::PathBuf;
use std::sync::Arc;

use instant_acme::{ChallengeType, Identifier, KeyAuthorization};
use serde::{Deserialize, Serialize};

use super::http_01::{self, HttpResponder};
use super::ports::Answer;
use super::tls_alpn_01::{self, TlsResponder};
use super::{AcmeError, text};

/// How the challenges of an issuer are answered.
#[derive(Debug)]
pub enum Solver {
    /// http-01 (RFC 8555, 8.3) by a listener of our own.
    Http(Arc<HttpResponder>),
    /// http-01 by a file below the directory that another server serves.
    Webroot(PathBuf),
    /// tls-alpn-01 (RFC 8737).
    TlsAlpn(Arc<TlsResponder>),
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
        }
    }

    /// The same for people.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Http(_) | Self::Webroot(_) => "http-01",
            Self::TlsAlpn(_) => "tls-alpn-01",
        }
    }

    /// Whether wildcards are validated this way (RFC 8555, 7.1.3, and the rules of CAs).
    pub(super) fn takes_wildcards(&self) -> bool {
        false
    }

    /// What answering a challenge leaves behind: written down before it is made.
    pub(super) fn leaves(&self, task: &Task) -> Result<Option<Placed>, AcmeError> {
        match self {
            Self::Webroot(webroot) => Ok(Some(Placed::File(http_01::file(webroot, &task.token)?))),
            Self::Http(_) | Self::TlsAlpn(_) => Ok(None),
        }
    }

    /// Makes the CA's next look find the answer.
    pub(super) async fn answer(&self, task: &Task) -> Result<Held, AcmeError> {
        match self {
            Self::Http(responder) => responder.answer(&task.token, task.authorization.as_str()).await,
            Self::Webroot(webroot) => {
                return http_01::place(webroot, &task.token, task.authorization.as_str())
                    .map(|()| Held::Placed);
            }
            Self::TlsAlpn(responder) => {
                let certificate =
                    tls_alpn_01::certificate(&task.identifier, task.authorization.digest().as_ref())?;
                responder.answer(tls_alpn_01::server_name(&task.identifier)?, certificate).await
            }
        }
        .map(Held::Answer)
    }
}

impl Placed {
    /// Clears it away; no fault when it is gone.
    pub(super) fn clear(&self) -> Result<(), AcmeError> {
        match self {
            Self::File(path) => http_01::clear(path),
        }
    }
}

/// The name of an identifier, for people.
pub(super) fn shown(identifier: &Identifier, wildcard: bool) -> String {
    text::plain(&identifier.authorized(wildcard).to_string())
}

/// The name of a kind of challenge, for people.
pub(super) fn kind_shown(kind: &ChallengeType) -> String {
    match kind {
        ChallengeType::Http01 => "http-01".to_owned(),
        ChallengeType::Dns01 => "dns-01".to_owned(),
        ChallengeType::TlsAlpn01 => "tls-alpn-01".to_owned(),
        ChallengeType::Unknown(other) => text::plain(other),
        other => format!("{other:?}"),
    }
}
