//! Private keys that sign where they are.

use std::fmt;
use std::io;

use aws_lc_rs::digest::{SHA256, SHA384};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1, ECDSA_P384_SHA384_ASN1, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey,
    VerificationAlgorithm,
};
use der::Encode as _;
use der::asn1::UintRef;

use crate::key::KeyAlgorithm;
use crate::x509::X509;

/// The private key of a certificate, in a store that does not give it out.
pub trait Signer: fmt::Debug + Send + Sync {
    /// The certificate that it belongs to.
    fn certificate(&self) -> &X509;

    /// Signs a message: RSASSA-PKCS1-v1_5 with SHA-256 (RFC 8017, 8.2), or ECDSA with SHA-256, for P-384 with SHA-384, as
    /// X.509 writes it (RFC 3279, 2.2.3).
    ///
    /// # Errors
    /// When the store cannot use the key, or the account may not.
    fn sign(&self, message: &[u8]) -> io::Result<Vec<u8>>;
}

/// An ECDSA signature as X.509 writes it (RFC 3279, 2.2.3), of two numbers of the same length; `None` for what is none.
pub fn ecdsa_signature(numbers: &[u8]) -> Option<Vec<u8>> {
    let (r, s) = numbers.split_at_checked(numbers.len() / 2)?;
    if r.is_empty() || r.len() != s.len() {
        return None;
    }
    [UintRef::new(r).ok()?, UintRef::new(s).ok()?].to_der().ok()
}

/// Whether it is the signature of a message by the private key of a certificate, in the form that [`Signer::sign`] gives.
pub fn is_signature(certificate: &X509, message: &[u8], signature: &[u8]) -> bool {
    let algorithm: &dyn VerificationAlgorithm = match certificate.key_algorithm() {
        KeyAlgorithm::EcdsaP256 => &ECDSA_P256_SHA256_ASN1,
        KeyAlgorithm::EcdsaP384 => &ECDSA_P384_SHA384_ASN1,
        _ => &RSA_PKCS1_2048_8192_SHA256,
    };
    UnparsedPublicKey::new(algorithm, certificate.public_key_bits()).verify(message, signature).is_ok()
}

/// The digest of a message that is signed with such a key.
pub fn message_digest(algorithm: KeyAlgorithm, message: &[u8]) -> Vec<u8> {
    let digest = match algorithm {
        KeyAlgorithm::EcdsaP384 => &SHA384,
        _ => &SHA256,
    };
    aws_lc_rs::digest::digest(digest, message).as_ref().to_vec()
}
