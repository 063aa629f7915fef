//! What a look at a target shows, and why a look or a plan can fail.

use std::path::PathBuf;

use baton_finding::{Explain, Finding};
use baton_textedit::{EditError, ParseError};
use baton_x509::{Certificate, Thumbprint, X509};

use crate::action::Action;

/// Whether the target speaks TLS at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tls {
    /// It does, or always would.
    On,
    /// It is switched off in the target's settings.
    Off,
}

/// One place in the target that names a certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// Where: a file, or a file and the field in it.
    pub place: String,
    /// What it names; `None` when it is empty or absent.
    pub names: Option<Thumbprint>,
}

/// What a look at a target has shown. Nothing was changed.
#[derive(Debug)]
pub struct Inspection {
    /// The places that name a certificate, found in the target itself.
    pub references: Vec<Reference>,
    /// What the target names now.
    pub current: Option<Thumbprint>,
    /// The certificate of that name with its chain, where it was found.
    pub certificate: Option<Certificate>,
    /// Whether the target speaks TLS.
    pub tls: Tls,
    /// The services that run now, and depend on the one that is restarted.
    pub dependents: Vec<String>,
    /// What is worth telling, or refuses a handover.
    pub findings: Vec<Finding>,
    pub(crate) found: Found,
}

impl Inspection {
    /// The leaf of the certificate in use, where it was found.
    pub fn leaf(&self) -> Option<&X509> {
        self.certificate.as_ref().map(Certificate::leaf)
    }

    /// The protocol of a product's web server, as its settings say it; `None` where they say none.
    pub fn protocol(&self) -> Option<&str> {
        match &self.found {
            Found::Product(found) => found.protocol.as_deref(),
            Found::Files(_) => None,
        }
    }

    /// Whether the two servers of a product have a reference each.
    pub fn has_two_references(&self) -> bool {
        matches!(&self.found, Found::Product(found) if found.has_two_references())
    }
}

/// What each kind of target needs again for its plan.
pub(crate) enum Found {
    Files(crate::files::FoundFiles),
    Product(crate::product::FoundSettings),
}

impl std::fmt::Debug for Found {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Files(_) => "Files(…)",
            Self::Product(_) => "Product(…)",
        })
    }
}

/// The actions of a handover, by step.
#[derive(Debug, Default)]
pub(crate) struct Actions {
    pub(crate) stage: Vec<Action>,
    pub(crate) switch: Vec<Action>,
}

/// The target cannot be looked at.
#[derive(Debug, thiserror::Error)]
pub enum TargetError {
    /// The file system refused.
    #[error("the target cannot be read")]
    Io(#[source] std::io::Error),
    /// The directory of the product is not there.
    #[error("the directory `{}` does not exist", .0.display())]
    NoDirectory(PathBuf),
    /// A settings file is damaged, or of a form that this version does not know.
    #[error("the settings file `{}` cannot be read", .path.display())]
    Settings {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        cause: ParseError,
    },
}

impl Explain for TargetError {
    fn code(&self) -> &'static str {
        match self {
            Self::Io(_) => "target-unreadable",
            Self::NoDirectory(_) => "target-directory-missing",
            Self::Settings { .. } => "settings-unreadable",
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Io(_) => Some("run Baton as an account that may read the target's files".to_owned()),
            Self::NoDirectory(_) => Some(
                "set `directory` of a product, or `certificate` and `key`, to where the server has them"
                    .to_owned(),
            ),
            Self::Settings { cause, .. } => cause.hint(),
        }
    }
}

/// A handover cannot be planned.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// The file system refused.
    #[error("the target cannot be read")]
    Io(#[source] std::io::Error),
    /// A field cannot be edited.
    #[error("`{}` cannot be edited", .path.display())]
    Edit {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        cause: EditError,
    },
    /// A file changed between the look and the plan.
    #[error("`{}` was changed by someone else meanwhile", .path.display())]
    Changed {
        /// The file.
        path: PathBuf,
    },
}

impl Explain for PlanError {
    fn code(&self) -> &'static str {
        match self {
            Self::Io(_) => "target-unreadable",
            Self::Edit { .. } => "settings-not-editable",
            Self::Changed { .. } => "settings-changed",
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Changed { .. } => Some("run the command again".to_owned()),
            Self::Edit { cause, .. } => cause.hint(),
            Self::Io(_) => None,
        }
    }
}

/// The finding that the private key of a certificate is not at hand.
pub(crate) fn key_missing(certificate: &Certificate) -> Finding {
    Finding::error(
        "key-missing",
        format!("the private key of {} is not in the store", certificate.thumbprint()),
        "import the certificate with its key: a PFX, or PEM files with --key",
    )
}
