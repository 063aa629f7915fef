//! Requests that wait for their answer, in files: the key is durable before anyone sees the request.
//!
//! ```text
//! <data>/requests/                        0700
//!   <certificate>-<id>.json               0600: names, key, request, template, and what the CA calls it
//!   .lock                                 held while one of them is changed
//! ```
//!
//! On Windows they are sealed for the machine.
//!
//! A request is known by its key: the id is the beginning of the SHA-256 of the public key, and the answer is found by
//! the key in it, whatever its file is called.

use std::path::{Path, PathBuf};
use std::time::Duration;

use baton_finding::Explain;
use baton_platform::durable;
use baton_platform::lock::FileLock;
use baton_platform::sealed::{self, SealedError};
use baton_x509::{
    Certificate, Fingerprint, KeptKey, KeyAlgorithm, Name, PemContents, PrivateKey, UnusableKey, X509,
};
use fs_err as fs;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::{CertificateRequest, Template};

/// How many digits of the public key's digest make an id.
const ID_DIGITS: usize = 12;
/// The lock that guards changes.
const LOCK: &str = ".lock";
/// How long to wait for it: a change is a few milliseconds.
const LOCK_PATIENCE: Duration = Duration::from_secs(20);

/// The directory of requests that wait for their answer.
#[derive(Debug, Clone)]
pub struct KeptRequests {
    directory: PathBuf,
}

/// The private key of a request.
#[derive(Debug, Clone)]
pub enum PendingKey {
    /// It is kept with the request.
    AtHand(PrivateKey),
    /// It is in a store that does not give it out; its public key (SubjectPublicKeyInfo in DER).
    InStore(Vec<u8>),
}

impl From<PrivateKey> for PendingKey {
    fn from(key: PrivateKey) -> Self {
        Self::AtHand(key)
    }
}

impl PendingKey {
    /// The SubjectPublicKeyInfo in DER.
    pub fn public_key(&self) -> Result<Vec<u8>, UnusableKey> {
        match self {
            Self::AtHand(key) => key.public_key(),
            Self::InStore(public_key) => Ok(public_key.clone()),
        }
    }

    /// A certificate that was issued for it.
    pub fn certificate(&self, leaf: X509, chain: Vec<X509>) -> Certificate {
        match self {
            Self::AtHand(key) => Certificate::new(leaf, chain, Some(key.clone())),
            Self::InStore(_) => Certificate::with_kept_key(leaf, chain, KeptKey::NotExportable),
        }
    }
}

/// A request that waits for its answer.
#[derive(Debug, Clone)]
pub struct KeptRequest {
    /// How people name it, where a certificate has several.
    pub id: String,
    /// The `[[certificate]]` of the settings that it is for.
    pub certificate: String,
    /// The name of the issuer that was asked.
    pub issuer: String,
    /// The names that were asked for.
    pub names: Vec<Name>,
    /// Whether its key is that of the certificate before.
    pub is_same_key: bool,
    /// The kind of its key.
    pub algorithm: KeyAlgorithm,
    /// The template of Active Directory Certificate Services that it names.
    pub template: Option<Template>,
    /// Whether a person carries it to the CA, and not the issuer itself.
    pub is_by_hand: bool,
    /// Its key.
    pub key: PendingKey,
    /// The request itself.
    pub request: CertificateRequest,
    /// When it was made.
    pub made_at: Timestamp,
    /// What the CA calls it, once it has taken it.
    pub ca_id: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct Written {
    certificate: String,
    issuer: String,
    names: Vec<Name>,
    is_same_key: bool,
    algorithm: KeyAlgorithm,
    #[serde(default)]
    template: Option<Template>,
    #[serde(default)]
    is_by_hand: bool,
    /// PEM (RFC 7468); empty where the key is in a store.
    key: Zeroizing<String>,
    /// The public key of one that is in a store.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    public_key: Option<Vec<u8>>,
    request: Vec<u8>,
    made_at: Timestamp,
    ca_id: Option<String>,
}

/// Requests cannot be kept.
#[derive(Debug, thiserror::Error)]
pub enum KeptRequestError {
    /// The file system refused.
    #[error("requests cannot be kept in `{}`", .directory.display())]
    Files {
        /// Their directory.
        directory: PathBuf,
        /// What the system said, with the path.
        #[source]
        cause: std::io::Error,
    },
    /// A file of ours cannot be understood.
    #[error("`{}` is damaged: {reason}", .path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
}

impl Explain for KeptRequestError {
    fn code(&self) -> &'static str {
        match self {
            Self::Files { cause, .. } => SealedError::of(cause).map_or("requests-not-kept", Explain::code),
            Self::Damaged { .. } => "request-damaged",
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Files { cause, .. } if SealedError::of(cause).is_some() => {
                return SealedError::of(cause).and_then(Explain::hint);
            }
            Self::Files { .. } => {
                "see that the disk has room, and run Baton as the account that owns the data directory"
                    .to_owned()
            }
            Self::Damaged { path, .. } => {
                format!("put `{}` back from a backup, or move it away and ask anew", path.display())
            }
        })
    }
}

/// How a public key (SubjectPublicKeyInfo in DER) is named.
pub fn request_id(public_key: &[u8]) -> String {
    Fingerprint::of(public_key).to_string().chars().take(ID_DIGITS).collect()
}

impl KeptRequests {
    /// Those in a directory, which is made with the first of them.
    pub fn new(directory: PathBuf) -> Self {
        Self { directory }
    }

    /// Keeps one, durably; another one for the same key takes its place.
    pub fn keep(&self, request: &KeptRequest) -> Result<(), KeptRequestError> {
        let path = self.path(request);
        let (key, public_key) = match &request.key {
            PendingKey::AtHand(key) => (key.to_pem(), None),
            PendingKey::InStore(public_key) => (Zeroizing::default(), Some(public_key.clone())),
        };
        let written = Written {
            certificate: request.certificate.clone(),
            issuer: request.issuer.clone(),
            names: request.names.clone(),
            is_same_key: request.is_same_key,
            algorithm: request.algorithm,
            template: request.template.clone(),
            is_by_hand: request.is_by_hand,
            key,
            public_key,
            request: request.request.der().to_vec(),
            made_at: request.made_at,
            ca_id: request.ca_id.clone(),
        };
        let text = serde_json::to_vec_pretty(&written).map(Zeroizing::new);
        let text = text
            .map_err(|error| KeptRequestError::Damaged { path: path.clone(), reason: error.to_string() })?;
        durable::create_private_directory(&self.directory).map_err(|cause| self.files(cause))?;
        self.change(|| sealed::replace(&path, &text))
    }

    /// All of them, the oldest first. One that cannot be read is an error of its own, and hides none of the others.
    pub fn list(&self) -> Result<Vec<Result<KeptRequest, KeptRequestError>>, KeptRequestError> {
        if !self.directory.is_dir() {
            return Ok(Vec::new());
        }
        self.remove_leftovers().map_err(|cause| self.files(cause))?;
        let mut requests = Vec::new();
        for entry in fs::read_dir(&self.directory).map_err(|cause| self.files(cause))? {
            let path = entry.map_err(|cause| self.files(cause))?.path();
            if path.extension().is_some_and(|extension| extension == "json") {
                requests.extend(self.read(&path).transpose());
            }
        }
        requests.sort_by_key(|request| {
            request.as_ref().map_or((Timestamp::MAX, String::new()), |it| (it.made_at, it.id.clone()))
        });
        Ok(requests)
    }

    /// Those of a certificate, the oldest first; one of another certificate that cannot be read does not matter.
    pub fn of(&self, certificate: &str) -> Result<Vec<KeptRequest>, KeptRequestError> {
        let readable = self.list()?.into_iter().filter_map(Result::ok);
        Ok(readable.filter(|request| request.certificate == certificate).collect())
    }

    /// Forgets one, with its key; no fault when there is none.
    pub fn forget(&self, request: &KeptRequest) -> Result<(), KeptRequestError> {
        let path = self.path(request);
        if !path.exists() {
            return Ok(());
        }
        self.change(|| durable::remove_file(&path))
    }

    /// Runs a change as the only one who changes them; what a crash left behind, keys among it, is removed first.
    fn change(&self, act: impl FnOnce() -> std::io::Result<()>) -> Result<(), KeptRequestError> {
        let run = || {
            let lock = FileLock::acquire(&self.directory.join(LOCK), LOCK_PATIENCE)?;
            let _lock = lock.ok_or_else(|| std::io::Error::other("another process holds its lock"))?;
            durable::remove_leftovers(&self.directory)?;
            act()
        };
        run().map_err(|cause| self.files(cause))
    }

    /// Removes what a crash left behind, keys among it, unless someone is at it.
    fn remove_leftovers(&self) -> std::io::Result<()> {
        match FileLock::try_acquire(&self.directory.join(LOCK))? {
            Some(_lock) => durable::remove_leftovers(&self.directory),
            None => Ok(()),
        }
    }

    /// One of them; `None` when it has been forgotten meanwhile.
    fn read(&self, path: &Path) -> Result<Option<KeptRequest>, KeptRequestError> {
        let damaged = |reason: String| KeptRequestError::Damaged { path: path.to_owned(), reason };
        let text = match sealed::read(path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(cause) => return Err(self.files(cause)),
        };
        let written: Written = serde_json::from_slice(&text).map_err(|error| damaged(error.to_string()))?;
        let key = match written.public_key {
            Some(public_key) => PendingKey::InStore(public_key),
            None => {
                let read = PemContents::read(written.key.as_bytes());
                let keys = read.map_err(|error| damaged(error.to_string()))?.keys;
                let key = keys.into_iter().next().ok_or_else(|| damaged("it holds no key".to_owned()))?;
                PendingKey::AtHand(key)
            }
        };
        let public = key.public_key().map_err(|error| damaged(error.to_string()))?;
        Ok(Some(KeptRequest {
            id: request_id(&public),
            certificate: written.certificate,
            issuer: written.issuer,
            names: written.names,
            is_same_key: written.is_same_key,
            algorithm: written.algorithm,
            template: written.template,
            is_by_hand: written.is_by_hand,
            key,
            request: CertificateRequest::from_der(written.request),
            made_at: written.made_at,
            ca_id: written.ca_id,
        }))
    }

    fn path(&self, request: &KeptRequest) -> PathBuf {
        self.directory.join(format!("{}-{}.json", request.certificate, request.id))
    }

    fn files(&self, cause: std::io::Error) -> KeptRequestError {
        KeptRequestError::Files { directory: self.directory.clone(), cause }
    }
}
