//! Where certificates and keys live.
//!
//! A [`Store`] finds a certificate by its thumbprint, as the products do, and never hands out half of one:
//! after a crash an entry is wholly there or not at all. The [`DirectoryStore`] is a directory of plain
//! files; what it looks like is documented with it, since servers may read it too.

mod directory;
mod file;

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use baton_finding::{Explain, Retry};
use baton_x509::{AssembleError, Certificate, PemError, Thumbprint, X509};

pub use directory::DirectoryStore;
pub use file::{CertificateFile, FileContents, ReadFileError};

/// A store, shared by all who use it.
pub type SharedStore = Arc<dyn Store>;

/// Where certificates and keys live.
pub trait Store: fmt::Debug + Send + Sync {
    /// Where the store is, for people.
    fn location(&self) -> String;

    /// Writes something and takes it away again: whether a certificate could be put in, before one is paid for.
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
    /// There is nothing of that name in the trash.
    #[error("the trash of `{}` holds no certificate {thumbprint}", .store.display())]
    NotInTrash {
        /// The store's directory.
        store: PathBuf,
        /// What was looked for.
        thumbprint: Thumbprint,
    },
    /// The store is being changed by another process for too long.
    #[error("the certificate store at `{}` is locked by another process", .store.display())]
    Locked {
        /// The store's directory.
        store: PathBuf,
    },
}

impl Explain for StoreError {
    fn code(&self) -> &'static str {
        match self {
            Self::Io { .. } => "store-unusable",
            Self::Pem { .. } | Self::Assemble { .. } | Self::WrongName { .. } => "store-entry-damaged",
            Self::NotInTrash { .. } => "not-in-trash",
            Self::Locked { .. } => "store-locked",
        }
    }

    fn retry(&self) -> Retry {
        match self {
            Self::Io { .. } | Self::Locked { .. } => Retry::Backoff,
            _ => Retry::Never,
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Io { cause, .. } if cause.kind() == std::io::ErrorKind::PermissionDenied => {
                "run Baton as the account that owns the store, or name another with [store] path".to_owned()
            }
            Self::Io { .. } => "see that the path is a directory on a disk with room".to_owned(),
            Self::Pem { .. } | Self::Assemble { .. } | Self::WrongName { .. } => {
                "move the entry out of the store and import the certificate again".to_owned()
            }
            Self::NotInTrash { .. } => "`baton store list` shows what the store holds".to_owned(),
            Self::Locked { .. } => "wait for the other `baton` to end".to_owned(),
        })
    }
}
