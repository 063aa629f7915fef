//! What can be done from a page, and who does it.

use std::fmt;
use std::sync::Arc;

use baton_handover::Report;
use baton_platform::progress::Progress;
use baton_state::HandoverId;
use baton_target::Protocol;
use baton_x509::Thumbprint;
use zeroize::Zeroizing;

use crate::look::PendingRequest;
use crate::overview::{BoxFuture, Overview};
use crate::problem::Problem;

/// Something that is done to servers: it can be planned first, and watched while it is done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// Hand a target over to a certificate of the store.
    Swap {
        /// The target.
        target: String,
        /// The certificate.
        new: Thumbprint,
        /// That of the configuration server, where a product has one with a reference of its own: `new` is then the web
        /// server's. Without it all references go along that name the certificate in use.
        configuration: Option<Thumbprint>,
        /// Switch TLS on along the way.
        enable_tls: bool,
        /// What the web server of a product is to speak.
        protocol: Option<Protocol>,
    },
    /// Get a successor now, due or not, and hand it over.
    Renew {
        /// The `[[certificate]]` of the settings.
        certificate: String,
        /// Whose key.
        key: SuccessorKey,
    },
    /// Hand over what the CA has answered to a request.
    Accept {
        /// The certificate and those that issued it, in PEM.
        certificates: String,
    },
    /// Put the certificate before back.
    RollBack {
        /// The handover that it is about.
        handover: HandoverId,
    },
    /// Reset the TLS settings of a target whose certificate has expired.
    Recover {
        /// The target.
        target: String,
    },
    /// Switch TLS off.
    TlsOff {
        /// The target.
        target: String,
    },
    /// Switch TLS on again, with what it had.
    TlsOn {
        /// The target.
        target: String,
    },
}

/// In a few words, for the audit log.
impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Swap { target, new, configuration, enable_tls, protocol } => {
                write!(f, "swap {target} to {new}")?;
                if let Some(configuration) = configuration.filter(|configuration| configuration != new) {
                    write!(f, ", its configuration server to {configuration}")?;
                }
                if let Some(protocol) = protocol {
                    write!(f, ", with the protocol {}", protocol.as_written())?;
                }
                if *enable_tls { f.write_str(", with TLS on") } else { Ok(()) }
            }
            Self::Renew { certificate, key } => match key {
                SuccessorKey::AsSettled => write!(f, "renew {certificate}"),
                SuccessorKey::New => write!(f, "renew {certificate} with a new key"),
                SuccessorKey::Same => write!(f, "renew {certificate} with the same key"),
            },
            Self::Accept { .. } => f.write_str("accept the answer to a request"),
            Self::RollBack { handover } => write!(f, "roll back handover {handover}"),
            Self::Recover { target } => write!(f, "recover {target}"),
            Self::TlsOff { target } => write!(f, "switch TLS of {target} off"),
            Self::TlsOn { target } => write!(f, "switch TLS of {target} on"),
        }
    }
}

/// Whether a successor has a key of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SuccessorKey {
    /// As the settings say.
    #[default]
    AsSettled,
    /// A new one.
    New,
    /// That of the certificate before.
    Same,
}

/// What became of a change, or would.
#[derive(Debug, Clone, Default)]
pub struct Done {
    /// One for each handover.
    pub reports: Vec<Report>,
    /// What failed beside them.
    pub problem: Option<Problem>,
}

/// A file that someone has sent, and what opens it.
pub struct Upload {
    /// What it was called there: for people, and never a path of this machine.
    pub name: String,
    /// Its content, which may be a private key.
    pub content: Zeroizing<Vec<u8>>,
    /// What opens a PFX.
    pub password: Option<Zeroizing<String>>,
}

/// What the pages do; implemented by the binary with the very functions that the command line uses.
pub trait Actions: Overview {
    /// What a change would do; changes nothing.
    fn plan(&self, change: Change) -> BoxFuture<'_, Result<Done, Problem>>;

    /// Does it, while `progress` is told how far it has come.
    fn carry_out(&self, change: Change, progress: Arc<dyn Progress>) -> BoxFuture<'_, Result<Done, Problem>>;

    /// Makes a request for a successor, or finds the one that waits already.
    fn request(
        &self,
        certificate: String,
        key: SuccessorKey,
    ) -> BoxFuture<'_, Result<PendingRequest, Problem>>;

    /// Forgets a request, with its key.
    fn cancel_request(&self, id: String) -> BoxFuture<'_, Result<PendingRequest, Problem>>;

    /// The certificates of a file that a CA has answered with, in PEM; changes nothing.
    fn read_answer(&self, upload: Upload) -> BoxFuture<'_, Result<String, Problem>>;

    /// Puts a certificate with its key into the store.
    fn import(&self, upload: Upload) -> BoxFuture<'_, Result<Thumbprint, Problem>>;
}

impl fmt::Debug for Upload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Upload").field("name", &self.name).field("length", &self.content.len()).finish()
    }
}
