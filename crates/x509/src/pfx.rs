//! PFX, also called PKCS #12 (RFC 7292): the container in which Windows moves certificates with their keys.

use baton_finding::Explain;
use p12_keystore::{
    EncryptionAlgorithm, KeyStore, KeyStoreEntry, LocalKeyId, MacAlgorithm, Pkcs12Archive, PrivateKeyChain,
};

use crate::certificate::Certificate;
use crate::key::{PrivateKey, UnusableKey};
use crate::x509::{InvalidCertificate, X509};

/// What a PFX held.
#[derive(Debug)]
pub struct PfxContents {
    /// All certificates, in the container's order.
    pub certificates: Vec<X509>,
    /// All private keys, in the container's order.
    pub keys: Vec<PrivateKey>,
}

/// The bytes are not the PFX that was expected.
#[derive(Debug, thiserror::Error)]
pub enum PfxError {
    /// The check sum over the container does not fit the password.
    #[error("the password does not open the PFX")]
    WrongPassword,
    /// The container is damaged, or no PFX at all.
    #[error("the bytes are no PFX that can be read: {reason}")]
    Unreadable {
        /// What the reader stumbled over.
        reason: String,
    },
    /// One of the certificates cannot be read.
    #[error("a certificate in the PFX cannot be read")]
    Certificate(#[source] InvalidCertificate),
}

impl Explain for PfxError {
    fn code(&self) -> &'static str {
        match self {
            Self::WrongPassword => "pfx-wrong-password",
            Self::Unreadable { .. } => "pfx-unreadable",
            Self::Certificate(_) => "certificate-unreadable",
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::WrongPassword => {
                "put the right password into a file and name it with --password-file".to_owned()
            }
            _ => "`openssl pkcs12 -info -in FILE` shows what is in the file".to_owned(),
        })
    }
}

impl PfxContents {
    /// Opens a container. An empty password and none at all are tried as the same.
    pub fn read(bytes: &[u8], password: &str) -> Result<Self, PfxError> {
        let archive = Pkcs12Archive::from_pkcs12(bytes, password).map_err(|error| match error {
            p12_keystore::error::Error::MacError(_)
            | p12_keystore::error::Error::UnpadError
            | p12_keystore::error::Error::Pkcs5Error(_) => PfxError::WrongPassword,
            other => PfxError::Unreadable { reason: other.to_string() },
        })?;
        let certificates = archive
            .certs
            .iter()
            .map(|bag| X509::from_der(bag.cert.as_der()))
            .collect::<Result<_, _>>()
            .map_err(PfxError::Certificate)?;
        let keys = archive.keys.iter().map(|bag| PrivateKey::from_pkcs8(bag.key.as_der().to_vec())).collect();
        Ok(Self { certificates, keys })
    }
}

/// A certificate cannot be put into a PFX.
#[derive(Debug, thiserror::Error)]
pub enum WritePfxError {
    /// There is no private key to put in.
    #[error("the certificate has no private key")]
    NoKey,
    /// The key cannot be read.
    #[error("the private key cannot be put into a PFX")]
    Key(#[source] UnusableKey),
    /// The library refused.
    #[error("the PFX cannot be made: {reason}")]
    Failed {
        /// What it said.
        reason: String,
    },
}

impl Explain for WritePfxError {
    fn code(&self) -> &'static str {
        "pfx-not-written"
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Key(cause) => cause.hint(),
            Self::NoKey | Self::Failed { .. } => None,
        }
    }
}

impl Certificate {
    /// Packs leaf, chain and key into a PFX under `password`, with AES-256 and HMAC-SHA-256.
    pub fn to_pfx(&self, password: &str) -> Result<Vec<u8>, WritePfxError> {
        let failed = |error: p12_keystore::error::Error| WritePfxError::Failed { reason: error.to_string() };
        let pkcs8 = self.key().ok_or(WritePfxError::NoKey)?.to_pkcs8().map_err(WritePfxError::Key)?;
        let key = p12_keystore::PrivateKey::from_der(&pkcs8).map_err(failed)?;
        let certificates = std::iter::once(self.leaf())
            .chain(self.chain())
            .map(|certificate| p12_keystore::Certificate::from_der(certificate.der()).map_err(failed))
            .collect::<Result<Vec<_>, _>>()?;
        let mut store = KeyStore::new();
        let chain = PrivateKeyChain::new(LocalKeyId(vec![1]), key, certificates);
        store.add_entry(
            self.leaf().common_name().unwrap_or("certificate"),
            KeyStoreEntry::PrivateKeyChain(chain),
        );
        store
            .writer(password)
            .encryption_algorithm(EncryptionAlgorithm::PbeWithHmacSha256AndAes256)
            .mac_algorithm(MacAlgorithm::HmacSha256)
            .write()
            .map_err(failed)
    }
}
