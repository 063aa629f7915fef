//! The certificate that the settings name, taken from the store.

use std::convert::Infallible;
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::server::NoServerSessionStorage;
#[cfg(windows)]
use rustls::sign::SingleCertAndKey;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use thiserror::Error;

#[cfg(windows)]
use super::windows_store;

/// SHA-1 of a certificate's DER: 40 upper-case hex digits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Thumbprint(String);

impl Thumbprint {
    /// Takes blanks away and the case as equal; anything else than 40 hex digits names no certificate.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let digits: String = text.chars().filter(|&letter| letter != ' ').collect();
        let well_formed = digits.len() == 40 && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
        well_formed.then(|| Self(digits.to_ascii_uppercase()))
    }

    /// The SHA-1 itself.
    #[cfg(windows)]
    pub(super) fn bytes(&self) -> [u8; 20] {
        let mut bytes = [0; 20];
        data_encoding::HEXUPPER.decode_mut(self.0.as_bytes(), &mut bytes).expect("forty digits");
        bytes
    }

    /// The forty digits.
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Thumbprint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// Where a server takes its certificate from.
#[derive(Clone, Debug)]
pub enum StorePlace {
    /// Baton's directory store.
    Directory(PathBuf),
    /// A store of Local Machine, by its name.
    #[cfg(windows)]
    Windows(String),
}

impl FromStr for StorePlace {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        #[cfg(windows)]
        if let Some(name) = text.strip_prefix("windows:") {
            return Ok(Self::Windows(name.to_owned()));
        }
        Ok(Self::Directory(text.into()))
    }
}

impl fmt::Display for StorePlace {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Directory(path) => path.display().fmt(formatter),
            #[cfg(windows)]
            Self::Windows(name) => write!(formatter, "windows:{name}"),
        }
    }
}

/// The certificate of the settings cannot be served.
#[derive(Debug, Error)]
pub enum CertificateError {
    /// The certificate's file is absent, unreadable or no PEM with certificates.
    #[error("certificate {thumbprint}: cannot read {}", path.display())]
    Certificate {
        /// The certificate that the settings name.
        thumbprint: String,
        /// The file of leaf and chain.
        path: PathBuf,
        /// Why not.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The key's file is absent, unreadable or no PEM with a key.
    #[error("certificate {thumbprint}: cannot read its key {}", path.display())]
    Key {
        /// The certificate that the settings name.
        thumbprint: String,
        /// The file of the key.
        path: PathBuf,
        /// Why not.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The store holds another certificate under this thumbprint.
    #[error("certificate {thumbprint}: {} holds the certificate {found}", path.display())]
    AnotherCertificate {
        /// The certificate that the settings name.
        thumbprint: String,
        /// The file of leaf and chain.
        path: PathBuf,
        /// The thumbprint of the leaf in the file.
        found: String,
    },
    /// The store of Windows has no such certificate, or not its key.
    #[cfg(windows)]
    #[error("certificate {thumbprint}: cannot be taken from the store {store}")]
    Store {
        /// The certificate that the settings name.
        thumbprint: String,
        /// The store.
        store: String,
        /// Why not.
        source: std::io::Error,
    },
    /// The key belongs to another certificate.
    #[error("certificate {thumbprint}: the key {} does not match it", path.display())]
    Mismatch {
        /// The certificate that the settings name.
        thumbprint: String,
        /// The file of the key.
        path: PathBuf,
        /// What rustls says.
        source: rustls::Error,
    },
}

/// A certificate with its key, ready to be served.
#[derive(Clone, Debug)]
pub(super) struct Served {
    pub(super) thumbprint: Thumbprint,
    pub(super) config: Arc<ServerConfig>,
}

impl Served {
    /// Takes certificate and key with this thumbprint from the store.
    pub(super) fn load(store: &StorePlace, thumbprint: &Thumbprint) -> Result<Self, CertificateError> {
        let mut config = match store {
            StorePlace::Directory(path) => from_directory(path, thumbprint)?,
            #[cfg(windows)]
            StorePlace::Windows(name) => from_windows(name, thumbprint)?,
        };
        config.send_tls13_tickets = 0;
        config.session_storage = Arc::new(NoServerSessionStorage {});
        Ok(Self { thumbprint: thumbprint.clone(), config: Arc::new(config) })
    }
}

fn from_directory(store: &Path, thumbprint: &Thumbprint) -> Result<ServerConfig, CertificateError> {
    let directory = store.join(thumbprint.as_str());
    let name = || thumbprint.to_string();

    let path = directory.join("certificate.pem");
    let chain = match read_chain(&path) {
        Ok(chain) => chain,
        Err(source) => return Err(CertificateError::Certificate { thumbprint: name(), path, source }),
    };
    let found = crate::digest::thumbprint(&chain[0]);
    if found != thumbprint.as_str() {
        return Err(CertificateError::AnotherCertificate { thumbprint: name(), path, found });
    }

    let path = directory.join("key.pem");
    let key = match read_key(&path) {
        Ok(key) => key,
        Err(source) => return Err(CertificateError::Key { thumbprint: name(), path, source }),
    };
    ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("the provider's own protocol versions")
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(|source| CertificateError::Mismatch { thumbprint: name(), path, source })
}

#[cfg(windows)]
fn from_windows(store: &str, thumbprint: &Thumbprint) -> Result<ServerConfig, CertificateError> {
    let key = windows_store::load(store, thumbprint).map_err(|source| CertificateError::Store {
        thumbprint: thumbprint.to_string(),
        store: store.to_owned(),
        source,
    })?;
    Ok(ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_protocol_versions(&[&rustls::version::TLS12])
        .expect("a protocol version of the provider")
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(SingleCertAndKey::from(key))))
}

type BoxedError = Box<dyn std::error::Error + Send + Sync>;

/// The certificates of the file: at least one.
fn read_chain(path: &Path) -> Result<Vec<CertificateDer<'static>>, BoxedError> {
    let pem = fs_err::read(path)?;
    let chain = CertificateDer::pem_slice_iter(&pem).collect::<Result<Vec<_>, _>>()?;
    if chain.is_empty() { Err("no certificate in the file".into()) } else { Ok(chain) }
}

fn read_key(path: &Path) -> Result<PrivateKeyDer<'static>, BoxedError> {
    Ok(PrivateKeyDer::from_pem_slice(&fs_err::read(path)?)?)
}
