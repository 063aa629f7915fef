//! What a CA answers, compared with what it was asked.

use baton_finding::Explain;
use baton_x509::{
    AssembleError, Certificate, InvalidCertificate, Name, P7bError, PemContents, PemError, UnusableKey, X509,
    build_chain, looks_like_p7b, read_p7b,
};
use jiff::Timestamp;

use crate::PendingKey;
use crate::text::plain;

/// The answer is not to what was asked.
#[derive(Debug, thiserror::Error)]
pub enum AnswerError {
    /// There is no certificate in it.
    #[error("there is no certificate in it")]
    Empty,
    /// None of its certificates has the key of the request.
    #[error("the certificate is for another key")]
    OtherKey,
    /// The certificate has other names.
    #[error("the certificate is for {}, and not for {}", .issued.join(", "), .asked.join(", "))]
    OtherNames {
        /// Those in it, without control characters.
        issued: Vec<String>,
        /// Those that were asked for.
        asked: Vec<String>,
    },
    /// The certificates beside it have not issued it.
    #[error("its chain is that of another certificate")]
    OtherChain,
    /// It is of no use any more.
    #[error("it has expired on {0}")]
    Expired(Timestamp),
    /// The key of the request cannot be used.
    #[error(transparent)]
    Key(#[from] UnusableKey),
    /// The pile is no certificate.
    #[error(transparent)]
    Assemble(#[from] AssembleError),
}

/// A file holds no certificates that can be read.
#[derive(Debug, thiserror::Error)]
pub enum AnswerFileError {
    /// It looks like PEM.
    #[error(transparent)]
    Pem(#[from] PemError),
    /// It looks like P7B.
    #[error(transparent)]
    P7b(#[from] P7bError),
    /// It looks like nothing else than DER.
    #[error(transparent)]
    Der(#[from] InvalidCertificate),
}

impl Explain for AnswerFileError {
    fn code(&self) -> &'static str {
        match self {
            Self::Pem(error) => error.code(),
            Self::P7b(error) => error.code(),
            Self::Der(error) => error.code(),
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Pem(error) => error.hint(),
            Self::P7b(error) => error.hint(),
            Self::Der(error) => error.hint(),
        }
    }
}

/// The certificates in a file that a CA has answered with: PEM, with whatever is around it, P7B, or DER.
pub fn certificates_of_file(content: &[u8]) -> Result<Vec<X509>, AnswerFileError> {
    if PemContents::is_pem(content) {
        // A key in it is none of ours: ours never left.
        return Ok(PemContents::read(content)?.certificates);
    }
    if looks_like_p7b(content) {
        return Ok(read_p7b(content)?);
    }
    Ok(vec![X509::from_der(content)?])
}

/// The certificates of an answer, with those of `known` that are missing between the leaf for `key` and its root.
pub(crate) fn completed(mut certificates: Vec<X509>, known: &[X509], key: &PendingKey) -> Vec<X509> {
    let public = key.public_key().unwrap_or_default();
    let Some(leaf) = certificates.iter().find(|leaf| leaf.public_key() == public).cloned() else {
        return certificates;
    };
    let pile: Vec<X509> = certificates.iter().chain(known).cloned().collect();
    for issuer in build_chain(&leaf, &pile) {
        if !issuer.is_self_issued() && !certificates.contains(&issuer) {
            certificates.push(issuer);
        }
    }
    certificates
}

/// The certificate that was asked for, out of those in the answer: for this key, for these names, still valid. In what
/// order they come does not matter.
pub fn certificate_of_answer(
    certificates: Vec<X509>,
    names: &[Name],
    key: &PendingKey,
    now: Timestamp,
) -> Result<Certificate, AnswerError> {
    if certificates.is_empty() {
        return Err(AnswerError::Empty);
    }
    let (count, public) = (certificates.len(), key.public_key()?);
    let leaf = certificates.iter().find(|leaf| leaf.public_key() == public).ok_or(AnswerError::OtherKey)?;
    let sorted = |mut names: Vec<String>| {
        names.sort();
        names.dedup();
        names
    };
    let asked = sorted(names.iter().map(Name::to_string).collect());
    let issued = sorted(leaf.names().iter().map(|name| plain(&name.to_ascii_lowercase())).collect());
    if asked != issued {
        return Err(AnswerError::OtherNames { issued, asked });
    }
    let certificate = match key {
        PendingKey::AtHand(key) => Certificate::assemble(certificates, vec![key.clone()])?,
        PendingKey::InStore(_) => key.certificate(leaf.clone(), build_chain(leaf, &certificates)),
    };
    if certificate.chain().is_empty() && count > 1 && !certificate.leaf().is_self_issued() {
        return Err(AnswerError::OtherChain);
    }
    if certificate.leaf().not_after() <= now {
        return Err(AnswerError::Expired(certificate.leaf().not_after()));
    }
    Ok(certificate)
}
