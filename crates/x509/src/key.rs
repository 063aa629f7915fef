//! Private keys: held, matched, never shown.

use std::fmt;
use std::str::FromStr;

use baton_finding::Explain;
use der::asn1::{AnyRef, UintRef};
use der::{Decode as _, Encode as _, SliceReader, Tag};
use rustls_pki_types::PrivateKeyDer;
use serde::{Deserialize, Serialize};
use x509_parser::public_key::PublicKey;
use x509_parser::x509::SubjectPublicKeyInfo;
use zeroize::Zeroizing;

/// A private key in DER. Its bytes are wiped when it is dropped, and `Debug` does not show them.
#[derive(Clone)]
pub struct PrivateKey {
    encoding: Encoding,
    der: Zeroizing<Vec<u8>>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Encoding {
    /// RFC 5958.
    Pkcs8,
    /// RFC 8017.
    Pkcs1,
    /// RFC 5915.
    Sec1,
}

/// The key is of a kind that no TLS server here could use, or its bytes are damaged.
#[derive(Debug, thiserror::Error)]
#[error("the private key cannot be used")]
pub struct UnusableKey {
    #[source]
    cause: rustls::Error,
}

impl Explain for UnusableKey {
    fn code(&self) -> &'static str {
        "key-unusable"
    }

    fn hint(&self) -> Option<String> {
        Some("RSA from 2048 bits, ECDSA on P-256, P-384 or P-521, and Ed25519 are known".to_owned())
    }
}

impl PrivateKey {
    /// Takes a key in PKCS#8 DER (RFC 5958).
    pub fn from_pkcs8(der: Vec<u8>) -> Self {
        Self { encoding: Encoding::Pkcs8, der: Zeroizing::new(der) }
    }

    /// Takes a key in DER that tells its own form; `None` for anything else. Of a key that is damaged, only its use
    /// tells.
    pub fn from_der(der: &[u8]) -> Option<Self> {
        let key = Self::from_rustls(&PrivateKeyDer::try_from(der).ok()?);
        key.public_key().is_ok().then_some(key)
    }

    pub(crate) fn from_rustls(key: &PrivateKeyDer<'_>) -> Self {
        let encoding = match key {
            PrivateKeyDer::Pkcs1(_) => Encoding::Pkcs1,
            PrivateKeyDer::Sec1(_) => Encoding::Sec1,
            _ => Encoding::Pkcs8,
        };
        Self { encoding, der: Zeroizing::new(key.secret_der().to_vec()) }
    }

    /// The key as the TLS library takes it. The copy wipes itself too.
    pub fn to_rustls(&self) -> PrivateKeyDer<'static> {
        let der = self.der.to_vec();
        match self.encoding {
            Encoding::Pkcs8 => PrivateKeyDer::Pkcs8(der.into()),
            Encoding::Pkcs1 => PrivateKeyDer::Pkcs1(der.into()),
            Encoding::Sec1 => PrivateKeyDer::Sec1(der.into()),
        }
    }

    /// The SubjectPublicKeyInfo (RFC 5280, 4.1.2.7) in DER that belongs to this key.
    pub fn public_key(&self) -> Result<Vec<u8>, UnusableKey> {
        let key = rustls::crypto::aws_lc_rs::sign::any_supported_type(&self.to_rustls())
            .map_err(|cause| UnusableKey { cause })?;
        let public = key.public_key().ok_or_else(|| UnusableKey {
            cause: rustls::Error::General("the key does not tell its public half".to_owned()),
        })?;
        Ok(public.to_vec())
    }

    /// The key in PEM (RFC 7468). Whoever holds this text must wipe it: it does so itself when dropped.
    pub fn to_pem(&self) -> Zeroizing<String> {
        let label = match self.encoding {
            Encoding::Pkcs8 => "PRIVATE KEY",
            Encoding::Pkcs1 => "RSA PRIVATE KEY",
            Encoding::Sec1 => "EC PRIVATE KEY",
        };
        Zeroizing::new(crate::pem::encode(label, &self.der))
    }

    /// The key in PKCS#8 DER (RFC 5958), whatever form it came in.
    pub fn to_pkcs8(&self) -> Result<Zeroizing<Vec<u8>>, UnusableKey> {
        if self.encoding == Encoding::Pkcs8 {
            return Ok(self.der.clone());
        }
        let unusable = |error: der::Error| UnusableKey { cause: rustls::Error::General(error.to_string()) };
        let wrap = |public_key: &[u8]| -> der::Result<Zeroizing<Vec<u8>>> {
            // The algorithm is named as it is with the public key.
            let public_key = AnyRef::from_der(public_key)?;
            let algorithm = AnyRef::decode(&mut SliceReader::new(public_key.value())?)?;
            let key = Zeroizing::new(AnyRef::new(Tag::OctetString, &self.der)?.to_der()?);
            let mut content = Zeroizing::new(Vec::with_capacity(key.len() + 64));
            content.extend_from_slice(&UintRef::new(&[0])?.to_der()?);
            content.extend_from_slice(&algorithm.to_der()?);
            content.extend_from_slice(&key);
            Ok(Zeroizing::new(AnyRef::new(Tag::Sequence, &content)?.to_der()?))
        };
        wrap(&self.public_key()?).map_err(unusable)
    }
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PrivateKey(…)")
    }
}

/// The kinds of key that certificates are made with, by their names in the settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum KeyAlgorithm {
    /// ECDSA on the curve P-256.
    EcdsaP256,
    /// ECDSA on the curve P-384.
    EcdsaP384,
    /// RSA with a modulus of 2048 bits.
    #[serde(rename = "rsa-2048")]
    Rsa2048,
    /// RSA with a modulus of 3072 bits.
    #[serde(rename = "rsa-3072")]
    Rsa3072,
    /// RSA with a modulus of 4096 bits.
    #[serde(rename = "rsa-4096")]
    Rsa4096,
    /// Any other: read and handed over, never made.
    Other,
}

impl KeyAlgorithm {
    /// The kinds that can be made, with their names.
    pub const NAMED: &[(&str, Self)] = &[
        ("ecdsa-p256", Self::EcdsaP256),
        ("ecdsa-p384", Self::EcdsaP384),
        ("rsa-2048", Self::Rsa2048),
        ("rsa-3072", Self::Rsa3072),
        ("rsa-4096", Self::Rsa4096),
    ];

    pub(crate) fn of(public_key: &SubjectPublicKeyInfo<'_>) -> Self {
        let curve = || public_key.algorithm.parameters.as_ref().and_then(|p| p.as_oid().ok());
        match public_key.parsed() {
            Ok(PublicKey::RSA(rsa)) => match rsa.key_size() {
                2048 => Self::Rsa2048,
                3072 => Self::Rsa3072,
                4096 => Self::Rsa4096,
                _ => Self::Other,
            },
            Ok(PublicKey::EC(_)) => match curve().map(|oid| oid.to_id_string()).as_deref() {
                Some("1.2.840.10045.3.1.7") => Self::EcdsaP256,
                Some("1.3.132.0.34") => Self::EcdsaP384,
                _ => Self::Other,
            },
            _ => Self::Other,
        }
    }
}

impl fmt::Display for KeyAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = Self::NAMED.iter().find(|(_, kind)| kind == self).map_or("other", |(name, _)| name);
        f.write_str(name)
    }
}

/// The text names no kind of key that can be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no kind of key")]
pub struct UnknownKeyAlgorithm(String);

impl FromStr for KeyAlgorithm {
    type Err = UnknownKeyAlgorithm;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::NAMED
            .iter()
            .find(|(name, _)| *name == text)
            .map(|(_, kind)| *kind)
            .ok_or_else(|| UnknownKeyAlgorithm(text.to_owned()))
    }
}
