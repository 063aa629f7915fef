//! Keys as the issuing library holds them.

use baton_x509::{KeyAlgorithm, PrivateKey, Signer};
use rcgen::{KeyPair, PublicKeyData, RsaKeySize, SignatureAlgorithm, SigningKey};

use crate::{IssueError, KeySource};

pub(crate) fn key_pair(source: &KeySource<'_>) -> Result<KeyPair, IssueError> {
    let pair = match source {
        KeySource::New(algorithm) => match algorithm {
            KeyAlgorithm::EcdsaP384 => KeyPair::generate_for(&rcgen::PKCS_ECDSA_P384_SHA384),
            KeyAlgorithm::Rsa2048 => KeyPair::generate_rsa_for(&rcgen::PKCS_RSA_SHA256, RsaKeySize::_2048),
            KeyAlgorithm::Rsa3072 => KeyPair::generate_rsa_for(&rcgen::PKCS_RSA_SHA256, RsaKeySize::_3072),
            KeyAlgorithm::Rsa4096 => KeyPair::generate_rsa_for(&rcgen::PKCS_RSA_SHA256, RsaKeySize::_4096),
            KeyAlgorithm::EcdsaP256 | KeyAlgorithm::Other => {
                KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256)
            }
        },
        KeySource::Same(key) => KeyPair::try_from(&key.to_rustls()),
        KeySource::Kept(signer) => {
            return Err(IssueError::KeyStays { thumbprint: signer.certificate().thumbprint() });
        }
    };
    pair.map_err(failed)
}

/// A new key. To find the primes of a large one takes a while.
pub async fn new_key(algorithm: KeyAlgorithm) -> Result<PrivateKey, IssueError> {
    let made = tokio::task::spawn_blocking(move || {
        key_pair(&KeySource::New(algorithm)).map(|pair| private_key(&pair))
    });
    made.await.map_err(|error| IssueError::Failed { reason: error.to_string() })?
}

pub(crate) fn private_key(pair: &KeyPair) -> PrivateKey {
    PrivateKey::from_pkcs8(pair.serialize_der())
}

pub(crate) fn failed(error: rcgen::Error) -> IssueError {
    IssueError::Failed { reason: error.to_string() }
}

/// A key that signs where it is, as the issuing library wants it.
pub(crate) struct KeptSigningKey<'a>(pub(crate) &'a dyn Signer);

impl PublicKeyData for KeptSigningKey<'_> {
    fn der_bytes(&self) -> &[u8] {
        self.0.certificate().public_key_bits()
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        match self.0.certificate().key_algorithm() {
            KeyAlgorithm::EcdsaP256 => &rcgen::PKCS_ECDSA_P256_SHA256,
            KeyAlgorithm::EcdsaP384 => &rcgen::PKCS_ECDSA_P384_SHA384,
            _ => &rcgen::PKCS_RSA_SHA256,
        }
    }
}

impl SigningKey for KeptSigningKey<'_> {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rcgen::Error> {
        self.0.sign(message).map_err(|error| {
            tracing::warn!(
                "the store does not sign with the key of {}: {error}",
                self.0.certificate().thumbprint()
            );
            rcgen::Error::RemoteKeyError
        })
    }
}
