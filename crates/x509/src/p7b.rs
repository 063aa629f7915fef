//! P7B, also called P7C: PKCS #7 in which nothing is signed, and which holds certificates alone (RFC 5652, 5;
//! RFC 2797, 2.1 calls it *certs-only*). So Windows hands out a certificate with its chain.
//!
//! Only what leads to the certificates is read: who would have signed what does not matter here.

use baton_finding::Explain;
use der::asn1::{AnyRef, ObjectIdentifier};
use der::{Decode as _, Reader as _, SliceReader, Tag, TagNumber, Tagged as _};

use crate::x509::{InvalidCertificate, X509};

/// `id-signedData` (RFC 5652, 5.1).
const SIGNED_DATA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.2");

/// The bytes are no P7B that can be read.
#[derive(Debug, thiserror::Error)]
pub enum P7bError {
    /// It is damaged, or something else.
    #[error("the bytes are no P7B that can be read: {reason}")]
    Unreadable {
        /// What the reader stumbled over.
        reason: String,
    },
    /// There is no certificate in it.
    #[error("the P7B holds no certificate")]
    Empty,
    /// One of the certificates cannot be read.
    #[error("a certificate in the P7B cannot be read")]
    Certificate(#[source] InvalidCertificate),
}

impl Explain for P7bError {
    fn code(&self) -> &'static str {
        match self {
            Self::Unreadable { .. } => "p7b-unreadable",
            Self::Empty => "p7b-empty",
            Self::Certificate(_) => "certificate-unreadable",
        }
    }

    fn hint(&self) -> Option<String> {
        Some("`openssl pkcs7 -print_certs -inform DER -in FILE` shows what is in the file".to_owned())
    }
}

/// The certificates of a P7B in DER, in its order.
pub fn read(bytes: &[u8]) -> Result<Vec<X509>, P7bError> {
    let unreadable = |error: der::Error| P7bError::Unreadable { reason: error.to_string() };
    let mut certificates = Vec::new();
    for der in certificates_of(bytes).map_err(unreadable)? {
        certificates.push(X509::from_der(der).map_err(P7bError::Certificate)?);
    }
    if certificates.is_empty() { Err(P7bError::Empty) } else { Ok(certificates) }
}

/// Whether the bytes begin as a P7B does: as signed data.
pub fn looks_like(bytes: &[u8]) -> bool {
    // The content type is the first thing in the outer sequence, behind one to five bytes of its length.
    let start = &bytes[..bytes.len().min(24)];
    bytes.first() == Some(&0x30)
        && start.windows(SIGNED_DATA.as_bytes().len()).any(|window| window == SIGNED_DATA.as_bytes())
}

/// The DER of each certificate; certificates of other kinds (attribute certificates) are passed over.
fn certificates_of(bytes: &[u8]) -> der::Result<Vec<&[u8]>> {
    let content_info = AnyRef::from_der(bytes)?;
    content_info.tag().assert_eq(Tag::Sequence)?;
    let mut inside = SliceReader::new(content_info.value())?;
    let content_type = ObjectIdentifier::decode(&mut inside)?;
    if content_type != SIGNED_DATA {
        return Err(der::ErrorKind::OidUnknown { oid: content_type }.into());
    }
    let content = AnyRef::decode(&mut inside)?;
    content.tag().assert_eq(context_specific())?;
    let signed_data = AnyRef::from_der(content.value())?;
    signed_data.tag().assert_eq(Tag::Sequence)?;
    let mut fields = SliceReader::new(signed_data.value())?;
    let mut certificates = Vec::new();
    while !fields.is_finished() {
        let field = AnyRef::decode(&mut fields)?;
        if field.tag() != context_specific() {
            continue;
        }
        let mut set = SliceReader::new(field.value())?;
        while !set.is_finished() {
            let before = usize::try_from(set.position())?;
            let is_certificate = AnyRef::decode(&mut set)?.tag() == Tag::Sequence;
            let after = usize::try_from(set.position())?;
            certificates.extend(field.value().get(before..after).filter(|_| is_certificate));
        }
    }
    Ok(certificates)
}

/// `[0]`: the content of the outer structure, and the certificates of the inner one.
fn context_specific() -> Tag {
    Tag::ContextSpecific { constructed: true, number: TagNumber(0) }
}
