//! PEM (RFC 7468): certificates and keys, in any order, with whatever text between them.

use baton_finding::Explain;
use rustls_pki_types::PrivateKeyDer;
use rustls_pki_types::pem::{self, PemObject as _, SectionKind};

use zeroize::Zeroizing;

use crate::key::PrivateKey;
use crate::p7b;
use crate::x509::{InvalidCertificate, X509};

/// What a PEM text held.
#[derive(Debug, Default)]
pub struct PemContents {
    /// The certificates in their order.
    pub certificates: Vec<X509>,
    /// The private keys in their order.
    pub keys: Vec<PrivateKey>,
}

/// The text is not the PEM that was expected.
#[derive(Debug, thiserror::Error)]
pub enum PemError {
    /// A section is damaged: its end is missing, or what it holds is not base64.
    #[error("the PEM text is damaged: {reason}")]
    Damaged {
        /// What the reader stumbled over.
        reason: String,
    },
    /// A CERTIFICATE section holds something else.
    #[error("certificate {position} of the PEM text cannot be read")]
    Certificate {
        /// Which one, counted from 1.
        position: usize,
        /// Why.
        #[source]
        cause: InvalidCertificate,
    },
    /// The key is locked with a passphrase.
    #[error("the private key is encrypted with a passphrase")]
    EncryptedKey,
    /// It is a request for a certificate (RFC 2986), and not the answer to one.
    #[error("it is a certificate request, and no certificate")]
    Request,
    /// There is no section that this reader knows.
    #[error("the text holds neither a certificate nor a private key")]
    Empty,
}

impl Explain for PemError {
    fn code(&self) -> &'static str {
        match self {
            Self::Damaged { .. } => "pem-damaged",
            Self::Certificate { .. } => "certificate-unreadable",
            Self::EncryptedKey => "key-encrypted",
            Self::Request => "request-given",
            Self::Empty => "pem-empty",
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::EncryptedKey => {
                "take the passphrase off with `openssl pkey -in KEY -out NEW`, or give a PFX".to_owned()
            }
            Self::Request => {
                "give the request to the CA; the file that it answers with holds the certificate".to_owned()
            }
            _ => "a PEM file has lines like -----BEGIN CERTIFICATE-----".to_owned(),
        })
    }
}

impl PemContents {
    /// Reads every certificate and private key of a PEM text, those of a P7B too; other sections are passed over.
    pub fn read(text: &[u8]) -> Result<Self, PemError> {
        if memory_contains(text, b"-----BEGIN ENCRYPTED PRIVATE KEY-----")
            || memory_contains(text, b"Proc-Type: 4,ENCRYPTED")
        {
            return Err(PemError::EncryptedKey);
        }
        let mut contents = Self::default();
        let (text, mut has_request) = (known_labels(text), false);
        for section in <(SectionKind, Vec<u8>)>::pem_slice_iter(&text) {
            let (kind, der) = section.map_err(|error| PemError::Damaged { reason: describe(&error) })?;
            if let Some(key) = PrivateKeyDer::from_pem(kind, der.clone()) {
                contents.keys.push(PrivateKey::from_rustls(&key));
            } else if kind == SectionKind::Certificate {
                let position = contents.certificates.len() + 1;
                match (X509::from_der(&der), p7b::read(&der)) {
                    (Ok(certificate), _) => contents.certificates.push(certificate),
                    (_, Ok(certificates)) => contents.certificates.extend(certificates),
                    (Err(cause), _) => return Err(PemError::Certificate { position, cause }),
                }
            } else if kind == SectionKind::Csr {
                has_request = true;
            }
        }
        if has_request && contents.certificates.is_empty() {
            return Err(PemError::Request);
        }
        if contents.certificates.is_empty() && contents.keys.is_empty() {
            return Err(PemError::Empty);
        }
        Ok(contents)
    }

    /// Whether the bytes look like PEM at all, and not like DER.
    pub fn is_pem(bytes: &[u8]) -> bool {
        memory_contains(bytes, b"-----BEGIN ")
    }
}

/// The same with other labels for the same things by one label: a P7B stands under several names, on Windows under that
/// of a certificate too.
fn known_labels(text: &[u8]) -> Zeroizing<Vec<u8>> {
    const OTHERS: [(&[u8], &[u8]); 4] = [
        (b"PKCS7-----", b"CERTIFICATE-----"),
        (b"PKCS #7 SIGNED DATA-----", b"CERTIFICATE-----"),
        (b"CMS-----", b"CERTIFICATE-----"),
        (b"NEW CERTIFICATE REQUEST-----", b"CERTIFICATE REQUEST-----"),
    ];
    // As long as the longest it can become, so that no copy of a key stays behind in freed memory.
    let mut known = Zeroizing::new(Vec::with_capacity(text.len() * 2));
    let mut rest = text;
    while let Some((first, behind)) = rest.split_first() {
        let other = [b"-----BEGIN ".as_slice(), b"-----END "].into_iter().find_map(|mark| {
            let line = rest.strip_prefix(mark)?;
            OTHERS.iter().find_map(|(other, label)| Some((mark, *label, line.strip_prefix(*other)?)))
        });
        match other {
            Some((mark, label, behind)) => {
                known.extend_from_slice(mark);
                known.extend_from_slice(label);
                rest = behind;
            }
            None => {
                known.push(*first);
                rest = behind;
            }
        }
    }
    known
}

/// The library shows the line it stumbled over; that line may be part of a key, so only its kind is told.
fn describe(error: &pem::Error) -> String {
    match error {
        pem::Error::MissingSectionEnd { .. } => "a section has no end line".to_owned(),
        pem::Error::IllegalSectionStart { .. } => "a section's first line is not well formed".to_owned(),
        pem::Error::Base64Decode(_) => "a section is not base64".to_owned(),
        _ => "it cannot be read".to_owned(),
    }
}

fn memory_contains(text: &[u8], needle: &[u8]) -> bool {
    text.windows(needle.len()).any(|window| window == needle)
}

/// One PEM section (RFC 7468) with lines of 64 characters.
pub fn encode(label: &str, der: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    // The capacity is reserved at once, so that no partial copy of a key stays behind in freed memory.
    let mut text = String::with_capacity(der.len() / 3 * 4 + der.len() / 48 + 2 * label.len() + 64);
    text.push_str("-----BEGIN ");
    text.push_str(label);
    text.push_str("-----\n");
    for line in der.chunks(48) {
        for group in line.chunks(3) {
            let byte = |index: usize| u32::from(group.get(index).copied().unwrap_or(0));
            let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
            for index in 0..4 {
                let symbol = ALPHABET[(bits >> (18 - 6 * index) & 63) as usize];
                text.push(if index > group.len() { '=' } else { char::from(symbol) });
            }
        }
        text.push('\n');
    }
    text.push_str("-----END ");
    text.push_str(label);
    text.push_str("-----\n");
    text
}

impl X509 {
    /// The certificate in PEM.
    pub fn to_pem(&self) -> String {
        encode("CERTIFICATE", self.der())
    }
}
