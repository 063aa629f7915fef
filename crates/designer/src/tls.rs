//! The Designer's own certificate, which can be swapped while it is served.
//!
//! The one module that knows rustls. Each handshake takes the certificate that is loaded at that moment, and an
//! open connection keeps the keys it has agreed on, so a swap disturbs nobody.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwapOption;
use baton_finding::Explain;
use baton_target::HotSwap;
use baton_x509::{PemContents, PemError, Thumbprint};
use fs_err as fs;
use rustls::crypto::aws_lc_rs;
use rustls::server::{ClientHello, NoServerSessionStorage, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{Error, ServerConfig};
use rustls_pki_types::CertificateDer;
use zeroize::Zeroizing;

/// Where the Designer's certificate is, both files in PEM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateFiles {
    /// The leaf, then its chain upward.
    pub certificate: PathBuf,
    /// The leaf's private key, without a passphrase.
    pub key: PathBuf,
}

/// The certificate that the Designer serves. [`HotSwap::reload`] reads its files anew.
///
/// The first handshake that begins after `reload` has returned sees the new certificate. Files that cannot be
/// used, such as a pair that does not match because it is being replaced just then, change nothing.
pub struct HotCertificate {
    files: CertificateFiles,
    current: ArcSwapOption<CertifiedKey>,
    /// Held from reading to storing. Without it, one that has read old files could store them after another
    /// has stored new ones and has returned.
    reloading: Mutex<()>,
}

/// The certificate cannot be taken from its files.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The file system refused.
    #[error("the Designer's certificate cannot be read")]
    Read(#[source] io::Error),
    /// A file is damaged, or its key is locked.
    #[error("`{}` cannot be read", .path.display())]
    Pem {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        cause: PemError,
    },
    /// There is no certificate in the file for it.
    #[error("there is no certificate in `{}`", .path.display())]
    CertificateMissing {
        /// The file.
        path: PathBuf,
    },
    /// There is no private key in the file for it.
    #[error("there is no private key in `{}`", .path.display())]
    KeyMissing {
        /// The file.
        path: PathBuf,
    },
    /// The two are no pair.
    #[error(
        "the private key in `{}` does not belong to the certificate {thumbprint} in `{}`",
        .files.key.display(),
        .files.certificate.display()
    )]
    Mismatch {
        /// The two files.
        files: CertificateFiles,
        /// The leaf.
        thumbprint: Thumbprint,
    },
    /// The key is of a kind that cannot sign a handshake, or is damaged.
    #[error("the private key in `{}` cannot be used", .path.display())]
    Key {
        /// The file.
        path: PathBuf,
        /// What the TLS library says; it never shows the key.
        #[source]
        cause: Error,
    },
}

impl Explain for LoadError {
    fn code(&self) -> &'static str {
        match self {
            Self::Read(_) => "file-unreadable",
            Self::Pem { cause, .. } => cause.code(),
            Self::CertificateMissing { .. } => "certificate-missing",
            Self::KeyMissing { .. } => "key-missing",
            Self::Mismatch { .. } => "key-does-not-match",
            Self::Key { .. } => "key-unusable",
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Read(_) => "see that the file is there and that this account may read it".to_owned(),
            Self::Pem { cause, .. } => return cause.hint(),
            Self::CertificateMissing { .. } => "the file needs the leaf, then its chain, in PEM".to_owned(),
            Self::KeyMissing { .. } => "the file needs the leaf's private key, in PEM".to_owned(),
            Self::Mismatch { .. } => "put back the key that the certificate was issued for".to_owned(),
            Self::Key { .. } => {
                "RSA from 2048 bits, ECDSA on P-256, P-384 or P-521, and Ed25519 are known".to_owned()
            }
        })
    }
}

impl HotCertificate {
    /// Reads the certificate for the first time.
    pub fn load(files: CertificateFiles) -> Result<Arc<Self>, LoadError> {
        let certificate = Self::waiting(files);
        certificate.current.store(Some(Arc::new(read(&certificate.files)?)));
        Ok(certificate)
    }

    /// A certificate that is yet to come: until the first `reload` that succeeds, every handshake is refused at
    /// once, so that whoever asks is told that nothing is served instead of being kept waiting.
    pub fn waiting(files: CertificateFiles) -> Arc<Self> {
        Arc::new(Self { files, current: ArcSwapOption::empty(), reloading: Mutex::new(()) })
    }

    /// What new connections are shown now.
    pub fn thumbprint(&self) -> Option<Thumbprint> {
        self.current.load().as_ref()?.cert.first().map(|leaf| Thumbprint::of(leaf))
    }

    /// TLS for a listener that serves this certificate.
    pub fn configuration(self: Arc<Self>) -> Arc<ServerConfig> {
        let mut configuration = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("aws-lc-rs has cipher suites for TLS 1.2 and 1.3")
            .with_no_client_auth()
            .with_cert_resolver(self);
        // Sessions are not resumed: neither by session id nor by ticket (a ticketer is off unless one is set).
        // A resumed session carries no certificate. A client would go on with the one it saw in its first
        // handshake, hours after the handover, and whoever looks at that client would take the old
        // certificate for served. A full handshake costs a local page nothing that anyone could notice.
        configuration.session_storage = Arc::new(NoServerSessionStorage {});
        configuration.send_tls13_tickets = 0;
        configuration.alpn_protocols = vec![b"http/1.1".to_vec()];
        Arc::new(configuration)
    }
}

impl HotSwap for HotCertificate {
    fn reload(&self) -> Result<(), String> {
        // The lock guards no data: what a panicking holder left behind is as good as before.
        let _reloading = self.reloading.lock().unwrap_or_else(PoisonError::into_inner);
        let certificate = read(&self.files).map_err(|error| error.chain())?;
        self.current.store(Some(Arc::new(certificate)));
        Ok(())
    }
}

impl ResolvesServerCert for HotCertificate {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.current.load_full()
    }
}

/// Names what is served, and keeps the key out of every log.
impl fmt::Debug for HotCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HotCertificate")
            .field("files", &self.files)
            .field("thumbprint", &self.thumbprint())
            .finish_non_exhaustive()
    }
}

fn read(files: &CertificateFiles) -> Result<CertifiedKey, LoadError> {
    let certificates = read_pem(&files.certificate)?.certificates;
    let Some(leaf) = certificates.first() else {
        return Err(LoadError::CertificateMissing { path: files.certificate.clone() });
    };
    let keys = read_pem(&files.key)?.keys;
    let Some(key) = keys.first() else {
        return Err(LoadError::KeyMissing { path: files.key.clone() });
    };
    let sent =
        certificates.iter().map(|certificate| CertificateDer::from(certificate.der().to_vec())).collect();
    CertifiedKey::from_der(sent, key.to_rustls(), &aws_lc_rs::default_provider()).map_err(|cause| match cause
    {
        Error::InconsistentKeys(_) => {
            LoadError::Mismatch { files: files.clone(), thumbprint: leaf.thumbprint() }
        }
        cause => LoadError::Key { path: files.key.clone(), cause },
    })
}

fn read_pem(path: &std::path::Path) -> Result<PemContents, LoadError> {
    let text = fs::read(path).map(Zeroizing::new).map_err(LoadError::Read)?;
    PemContents::read(&text).map_err(|cause| LoadError::Pem { path: path.to_owned(), cause })
}
