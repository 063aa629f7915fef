//! The directory store: plain files, one directory an entry.
//!
//! ```text
//! <store>/                                      0700
//!   0C32EEE1053DA57E88E6AE22832DFB13775250F9/   0700, named by the leaf's thumbprint
//!     certificate.pem                           0600, the leaf, then the certificates that issued it
//!     key.pem                                   0600, the private key; absent where it is not at hand
//!   trash/                                      0700, entries that were retired, in the same form
//!   .lock                                       held while the store is changed
//! ```
//!
//! An entry appears and disappears by one rename, after its files are synced.

use std::ffi::OsStr;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use baton_platform::durable::{self, Attributes};
use baton_platform::lock::FileLock;
use baton_x509::{Certificate, PemContents, Thumbprint};
use fs_err as fs;

use crate::{Entry, Imported, Store, StoreError};

const CERTIFICATE: &str = "certificate.pem";
const KEY: &str = "key.pem";
const TRASH: &str = "trash";
const LOCK: &str = ".lock";

/// How many bytes a rehearsal writes: as many as a large certificate with its chain and key.
const REHEARSED: usize = 32 * 1024;

/// How long a change waits for another process to finish its own.
const LOCK_PATIENCE: Duration = Duration::from_secs(20);

/// A directory of certificates and keys; see the module's text for its form.
#[derive(Debug, Clone)]
pub struct DirectoryStore {
    path: PathBuf,
}

impl DirectoryStore {
    /// Opens the store at `path`, and makes the directory where it is absent.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let store = Self { path: path.to_owned() };
        durable::create_private_directory(path).map_err(|cause| store.io(cause))?;
        // Tells now, with the path, what would otherwise fail at the worst time.
        fs::read_dir(path).map_err(|cause| store.io(cause))?;
        Ok(store)
    }

    fn entry(&self, thumbprint: Thumbprint) -> PathBuf {
        self.path.join(thumbprint.to_string())
    }

    fn trashed(&self, thumbprint: Thumbprint) -> PathBuf {
        self.path.join(TRASH).join(thumbprint.to_string())
    }

    fn io(&self, cause: std::io::Error) -> StoreError {
        StoreError::Io { store: self.path.clone(), cause }
    }

    /// Runs a change as the only one who changes the store; what a crash left behind is removed first.
    fn change<T>(&self, act: impl FnOnce() -> Result<T, StoreError>) -> Result<T, StoreError> {
        let lock = FileLock::acquire(&self.path.join(LOCK), LOCK_PATIENCE).map_err(|cause| self.io(cause))?;
        let _lock = lock.ok_or_else(|| StoreError::Locked { store: self.location() })?;
        for directory in [&self.path, &self.path.join(TRASH)] {
            if directory.is_dir() {
                durable::remove_leftovers(directory).map_err(|cause| self.io(cause))?;
            }
        }
        act()
    }
}

impl Store for DirectoryStore {
    fn location(&self) -> String {
        self.path.display().to_string()
    }

    fn rehearse(&self) -> Result<(), StoreError> {
        self.change(|| {
            let temporary =
                durable::temporary_for(&self.path.join("rehearsal")).map_err(|cause| self.io(cause))?;
            let written = fs::OpenOptions::new().write(true).open(&temporary).and_then(|mut file| {
                file.write_all(&[0; REHEARSED])?;
                file.sync_all()
            });
            written.map_err(|cause| self.io(cause))
        })
    }

    fn import(&self, certificate: &Certificate) -> Result<Imported, StoreError> {
        self.change(|| {
            let entry = self.entry(certificate.thumbprint());
            let key = certificate.key().map(|key| key.to_pem());
            if let Some(present) = self.find(certificate.thumbprint())? {
                return match key {
                    Some(key) if present.key().is_none() => {
                        durable::replace(&entry.join(KEY), key.as_bytes(), Attributes::private_file())
                            .map_err(|cause| self.io(cause))?;
                        Ok(Imported::KeyAdded)
                    }
                    _ => Ok(Imported::Present),
                };
            }
            let mut text = certificate.leaf().to_pem();
            certificate.chain().iter().for_each(|issuer| text.push_str(&issuer.to_pem()));
            let mut files = vec![(OsStr::new(CERTIFICATE), text.as_bytes(), Attributes::private_file())];
            if let Some(key) = &key {
                files.push((OsStr::new(KEY), key.as_bytes(), Attributes::private_file()));
            }
            durable::create_directory_with(&entry, Attributes::private_directory(), &files)
                .map_err(|cause| self.io(cause))?;
            Ok(Imported::Added)
        })
    }

    fn find(&self, thumbprint: Thumbprint) -> Result<Option<Certificate>, StoreError> {
        let entry = self.entry(thumbprint);
        if !self.contains(thumbprint) {
            return Ok(None);
        }
        let read = |name: &str| -> Result<Option<PemContents>, StoreError> {
            let path = entry.join(name);
            let text = match fs::read(&path) {
                Ok(text) => zeroize::Zeroizing::new(text),
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
                Err(cause) => return Err(self.io(cause)),
            };
            PemContents::read(&text).map(Some).map_err(|cause| StoreError::Pem { path, cause })
        };
        let mut contents = read(CERTIFICATE)?.unwrap_or_default();
        if let Some(key) = read(KEY)? {
            contents.keys.extend(key.keys);
        }
        let certificate = Certificate::assemble(contents.certificates, contents.keys)
            .map_err(|cause| StoreError::Assemble { path: entry.clone(), cause })?;
        if certificate.thumbprint() != thumbprint {
            return Err(StoreError::WrongName { path: entry, found: certificate.thumbprint() });
        }
        Ok(Some(certificate))
    }

    fn contains(&self, thumbprint: Thumbprint) -> bool {
        self.entry(thumbprint).is_dir()
    }

    fn list(&self) -> Result<Vec<Entry>, StoreError> {
        let mut thumbprints: Vec<Thumbprint> = Vec::new();
        for entry in fs::read_dir(&self.path).map_err(|cause| self.io(cause))? {
            let name = entry.map_err(|cause| self.io(cause))?.file_name();
            thumbprints.extend(name.to_str().and_then(|name| name.parse::<Thumbprint>().ok()));
        }
        thumbprints.sort();
        let entry = |thumbprint| match self.find(thumbprint) {
            Ok(Some(certificate)) => Some(Entry::Certificate {
                chain: certificate.chain().len(),
                has_key: certificate.key().is_some(),
                leaf: Box::new(certificate.leaf().clone()),
            }),
            Ok(None) => None,
            Err(error) => Some(Entry::Unreadable { path: self.entry(thumbprint), error }),
        };
        Ok(thumbprints.into_iter().filter_map(entry).collect())
    }

    fn discard(&self, thumbprint: Thumbprint) -> Result<(), StoreError> {
        self.change(|| {
            if !self.contains(thumbprint) {
                return Ok(());
            }
            let trashed = self.trashed(thumbprint);
            durable::create_private_directory(&self.path.join(TRASH)).map_err(|cause| self.io(cause))?;
            durable::remove_directory(&trashed).map_err(|cause| self.io(cause))?;
            durable::rename(&self.entry(thumbprint), &trashed).map_err(|cause| self.io(cause))
        })
    }

    fn restore(&self, thumbprint: Thumbprint) -> Result<(), StoreError> {
        self.change(|| {
            let trashed = self.trashed(thumbprint);
            if self.contains(thumbprint) {
                return Ok(());
            }
            if !trashed.is_dir() {
                return Err(StoreError::NotInTrash { store: self.location(), thumbprint });
            }
            durable::rename(&trashed, &self.entry(thumbprint)).map_err(|cause| self.io(cause))
        })
    }

    fn remove_leftovers(&self) -> Result<(), StoreError> {
        self.change(|| Ok(()))
    }

    fn shred(&self, thumbprint: Thumbprint) -> Result<(), StoreError> {
        self.change(|| {
            let trashed = self.trashed(thumbprint);
            if trashed.is_dir() {
                durable::remove_directory(&trashed).map_err(|cause| self.io(cause))?;
            }
            Ok(())
        })
    }
}
