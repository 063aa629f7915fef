//! Certificates, keys, PEM, PFX and P7B as values: bytes in, values out.
//!
//! This crate opens no file or socket and asks no clock. It holds the words of the house: a
//! [`Certificate`] is the leaf, its chain and the key that belongs to it; a single X.509 structure
//! (RFC 5280) is an [`X509`]. People name a certificate by its [`Thumbprint`] (SHA-1, as Windows shows
//! it); whether two are the same is decided on the [`Fingerprint`] (SHA-256).

mod certificate;
mod chain;
mod distinguished_name;
mod key;
mod key_blob;
mod name;
mod p7b;
mod pem;
mod pfx;
mod signer;
mod thumbprint;
mod x509;

pub use certificate::{AssembleError, Certificate, KeptKey};
pub use chain::{ChainError, Trust, build_chain};
pub use key::{KeyAlgorithm, PrivateKey, UnknownKeyAlgorithm, UnusableKey};
pub use name::{InvalidName, Name};
pub use p7b::{P7bError, looks_like as looks_like_p7b, read as read_p7b};
pub use pem::{PemContents, PemError, encode as to_pem};
pub use pfx::{PfxContents, PfxError, WritePfxError};
pub use signer::{Signer, ecdsa_signature, is_signature, message_digest};
pub use thumbprint::{Fingerprint, InvalidThumbprint, Thumbprint};
pub use x509::{InvalidCertificate, X509};
