//! Where certificates and keys live.
//!
//! A [`Store`] finds a certificate by its thumbprint, as the products do, and never hands out half of one:
//! after a crash an entry is wholly there or not at all. The [`DirectoryStore`] is a directory of plain
//! files; what it looks like is documented with it, since servers may read it too. On Windows a [`WindowsPlace`] opens
//! one of the system's own stores.

mod directory;
mod file;
#[cfg(not(windows))]
mod no_windows;
#[cfg(windows)]
mod windows;
mod windows_place;

#[cfg(not(windows))]
use no_windows as system;
#[cfg(windows)]
use windows as system;

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use baton_finding::{Explain, Retry};
use baton_platform::access_list::AccessList;
use baton_x509::{
    AssembleError, Certificate, InvalidCertificate, KeyAlgorithm, PemError, Signer, Thumbprint, X509,
};

pub use directory::DirectoryStore;
pub use file::{CertificateFile, FileContents, ReadFileError};
pub use windows_place::{InvalidStoreName, Location, Provider, StoreName, WindowsPlace};

/// A private key that signs where it is, shared by all who use it.
pub type SharedSigner = Arc<dyn Signer>;

/// A store, shared by all who use it.
pub type SharedStore = Arc<dyn Store>;

/// Where certificates and keys live.
pub trait Store: fmt::Debug + Send + Sync {
    /// Where the store is, for people.
    fn location(&self) -> String;

    /// Whether a certificate could be put in, before one is paid for; nothing is left behind by it.
    fn rehearse(&self) -> Result<(), StoreError>;

    /// Puts a certificate in, durably. A certificate that is there already stays as it is, but for a key
    /// that was missing, which is added.
    fn import(&self, certificate: &Certificate) -> Result<Imported, StoreError>;

    /// The certificate with that thumbprint, its key included where the store has it.
    fn find(&self, thumbprint: Thumbprint) -> Result<Option<Certificate>, StoreError>;

    /// Whether the store has an entry of that name, without reading it.
    fn contains(&self, thumbprint: Thumbprint) -> bool;

    /// All certificates, by thumbprint. Entries that cannot be read are listed as such.
    fn list(&self) -> Result<Vec<Entry>, StoreError>;

    /// Puts a certificate and its key into the store's trash; no fault when it is absent.
    fn discard(&self, thumbprint: Thumbprint) -> Result<(), StoreError>;

    /// Takes a certificate and its key back out of the trash.
    fn restore(&self, thumbprint: Thumbprint) -> Result<(), StoreError>;

    /// Deletes a certificate and its key from the trash for good; no fault when it is absent.
    fn shred(&self, thumbprint: Thumbprint) -> Result<(), StoreError>;

    /// Removes what an interrupted change left behind.
    fn remove_leftovers(&self) -> Result<(), StoreError>;

    /// What signs with the private key of a certificate, where that does not leave the store; `None` where it does, or
    /// there is none.
    fn signer(&self, _thumbprint: Thumbprint) -> Result<Option<SharedSigner>, StoreError> {
        Ok(None)
    }

    /// Whether keys of the store have access lists: those of Windows do, files have owners and modes.
    fn has_access_lists(&self) -> bool {
        false
    }

    /// Who may use the private key of a certificate; `None` where the keys of the store have no access lists, and for a
    /// certificate that is not there or has no key.
    fn key_access(&self, _thumbprint: Thumbprint) -> Result<Option<AccessList>, StoreError> {
        Ok(None)
    }

    /// Says who may use the private key of a certificate, which must be one with an access list.
    fn set_key_access(&self, thumbprint: Thumbprint, _list: &AccessList) -> Result<(), StoreError> {
        Err(StoreError::NoKey { thumbprint })
    }
}

/// What an import did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Imported {
    /// The certificate is new in the store.
    Added,
    /// The certificate was there without its key, which has been added.
    KeyAdded,
    /// It was there already.
    Present,
}

/// One entry of a store's list.
#[derive(Debug)]
pub enum Entry {
    /// A certificate.
    Certificate {
        /// The leaf.
        leaf: Box<X509>,
        /// How many issuing certificates come with it.
        chain: usize,
        /// Whether its private key is in the store.
        has_key: bool,
    },
    /// An entry that cannot be read.
    Unreadable {
        /// Where it is.
        path: PathBuf,
        /// Why.
        error: StoreError,
    },
}

/// The store cannot do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The file system refused.
    #[error("the certificate store at `{}` cannot be used", .store.display())]
    Io {
        /// The store's directory.
        store: PathBuf,
        /// What the system said, with the path.
        #[source]
        cause: std::io::Error,
    },
    /// An entry's certificate file is damaged.
    #[error("`{}` cannot be read", .path.display())]
    Pem {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        cause: PemError,
    },
    /// An entry's certificate cannot be read.
    #[error("the entry `{}` cannot be read", .path.display())]
    Unreadable {
        /// The entry.
        path: PathBuf,
        /// Why.
        #[source]
        cause: InvalidCertificate,
    },
    /// An entry's files do not fit each other.
    #[error("the entry `{}` is damaged", .path.display())]
    Assemble {
        /// The entry.
        path: PathBuf,
        /// Why.
        #[source]
        cause: AssembleError,
    },
    /// An entry holds another certificate than its name says.
    #[error("the entry `{}` holds the certificate {found}", .path.display())]
    WrongName {
        /// The entry.
        path: PathBuf,
        /// What it holds.
        found: Thumbprint,
    },
    /// The system refused.
    #[error("failed to {action} in the certificate store `{store}`")]
    System {
        /// The store.
        store: String,
        /// What was to be done.
        action: &'static str,
        /// What the system said.
        #[source]
        cause: std::io::Error,
    },
    /// The account that runs Baton has no right to it, or a policy forbids it.
    #[error("the certificate store `{store}` cannot be changed: failed to {action}")]
    Denied {
        /// The store.
        store: String,
        /// What was to be done.
        action: &'static str,
        /// What the system said.
        #[source]
        cause: std::io::Error,
    },
    /// What was changed is not there when it is looked for anew.
    #[error("the certificate store `{store}` took a change of {thumbprint} and does not show it")]
    ChangeLost {
        /// The store.
        store: String,
        /// The certificate.
        thumbprint: Thumbprint,
    },
    /// The private key stays in the store that has it.
    #[error("the private key of {thumbprint} cannot be taken out of the store that has it")]
    KeyKept {
        /// The certificate.
        thumbprint: Thumbprint,
    },
    /// There is no private key.
    #[error("the certificate {thumbprint} has no private key whose permissions could be changed")]
    NoKey {
        /// The certificate.
        thumbprint: Thumbprint,
    },
    /// The provider takes no key of that kind.
    #[error("the provider `capi` takes no {algorithm} key")]
    KeyNotForProvider {
        /// The kind of key.
        algorithm: KeyAlgorithm,
    },
    /// The store is one of another system.
    #[error("the certificate store `{store}` is one of Windows")]
    NotHere {
        /// The store.
        store: String,
    },
    /// There is nothing of that name in the trash.
    #[error("the trash of `{store}` holds no certificate {thumbprint}")]
    NotInTrash {
        /// The store.
        store: String,
        /// What was looked for.
        thumbprint: Thumbprint,
    },
    /// The store is being changed by another process for too long.
    #[error("the certificate store `{store}` is locked by another process")]
    Locked {
        /// The store.
        store: String,
    },
}

impl StoreError {
    /// Whether nothing was changed, and a person must decide: not a failure of the machine.
    pub fn is_refusal(&self) -> bool {
        matches!(
            self,
            Self::Denied { .. }
                | Self::KeyKept { .. }
                | Self::NoKey { .. }
                | Self::KeyNotForProvider { .. }
                | Self::NotInTrash { .. }
        )
    }
}

impl Explain for StoreError {
    fn code(&self) -> &'static str {
        match self {
            Self::Io { .. } | Self::System { .. } => "store-unusable",
            Self::Denied { .. } => "store-access-denied",
            Self::ChangeLost { .. } => "store-change-lost",
            Self::KeyKept { .. } => "key-not-exportable",
            Self::NoKey { .. } => "key-missing",
            Self::KeyNotForProvider { .. } => "key-not-for-provider",
            Self::NotHere { .. } => "store-not-here",
            Self::Pem { .. } | Self::Unreadable { .. } | Self::Assemble { .. } | Self::WrongName { .. } => {
                "store-entry-damaged"
            }
            Self::NotInTrash { .. } => "not-in-trash",
            Self::Locked { .. } => "store-locked",
        }
    }

    fn retry(&self) -> Retry {
        match self {
            Self::Io { .. } | Self::System { .. } | Self::Locked { .. } => Retry::Backoff,
            _ => Retry::Never,
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Io { cause, .. } if cause.kind() == std::io::ErrorKind::PermissionDenied => {
                "run Baton as the account that owns the store, or name another with [store] path".to_owned()
            }
            Self::Io { .. } => "see that the path is a directory on a disk with room".to_owned(),
            Self::Pem { .. } | Self::Unreadable { .. } | Self::Assemble { .. } | Self::WrongName { .. } => {
                "move the entry out of the store and import the certificate again".to_owned()
            }
            Self::System { .. } => "see whether certlm.msc (Local Machine) or certmgr.msc can do it".to_owned(),
            Self::Denied { .. } => "run Baton as an administrator or as a service; where that is done already, a policy \
                                    of the domain keeps the store"
                .to_owned(),
            Self::ChangeLost { .. } => {
                "see whether a policy or another program takes the change back, and run the command again".to_owned()
            }
            Self::KeyKept { .. } => {
                "import it again as exportable (`exportable = true` of the store), or give its PFX or key file"
                    .to_owned()
            }
            Self::NoKey { .. } => "`baton store show` tells whether the certificate has a key".to_owned(),
            Self::KeyNotForProvider { .. } => {
                "set `provider = \"cng\"` of the store, or take an RSA key".to_owned()
            }
            Self::NotHere { .. } => "set `kind = \"directory\"` of the store".to_owned(),
            Self::NotInTrash { .. } => "`baton store list` shows what the store holds".to_owned(),
            Self::Locked { .. } => "wait for the other `baton` to end".to_owned(),
        })
    }
}
