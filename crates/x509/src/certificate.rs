//! A certificate as the house means the word: leaf, chain, and the key that belongs to it.

use baton_finding::Explain;

use crate::chain::build_chain;
use crate::key::{PrivateKey, UnusableKey};
use crate::thumbprint::{Fingerprint, Thumbprint};
use crate::x509::X509;

/// Leaf, chain and key. The key matches the leaf where there is one: that is checked on the way in.
#[derive(Debug, Clone)]
pub struct Certificate {
    leaf: X509,
    chain: Vec<X509>,
    key: Key,
}

/// The private key, as far as it is at hand.
#[derive(Debug, Clone)]
enum Key {
    Absent,
    AtHand(PrivateKey),
    Kept(KeptKey),
}

/// Why a private key stays where it is: servers use it there, and nobody can take it out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeptKey {
    /// Its store does not give it out.
    NotExportable,
    /// It is on a smart card.
    OnDevice,
}

/// A pile of certificates and keys does not make one certificate.
#[derive(Debug, thiserror::Error)]
pub enum AssembleError {
    /// There is no certificate in the pile.
    #[error("there is no certificate, only {keys} private key(s)")]
    NoCertificate {
        /// How many keys there were.
        keys: usize,
    },
    /// None of the keys belongs to any of the certificates.
    #[error("the private key does not belong to the certificate {thumbprint} ({subject})")]
    KeyDoesNotMatch {
        /// The first certificate of the pile.
        thumbprint: Thumbprint,
        /// Its subject.
        subject: String,
    },
    /// Two or more certificates have their keys in the pile.
    #[error("there are {count} certificates with a private key, and only one can be taken")]
    SeveralLeaves {
        /// How many.
        count: usize,
    },
    /// A key cannot be read.
    #[error("the private key cannot be taken")]
    Key(#[source] UnusableKey),
}

impl Explain for AssembleError {
    fn code(&self) -> &'static str {
        match self {
            Self::NoCertificate { .. } => "certificate-missing",
            Self::KeyDoesNotMatch { .. } => "key-does-not-match",
            Self::SeveralLeaves { .. } => "several-certificates",
            Self::Key(_) => "key-unusable",
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::NoCertificate { .. } => {
                "give the file that holds the certificate; name the key with --key".to_owned()
            }
            Self::KeyDoesNotMatch { .. } => "look for the key that the request was made with".to_owned(),
            Self::SeveralLeaves { .. } => "export the certificates into one file each".to_owned(),
            Self::Key(cause) => return cause.hint(),
        })
    }
}

impl Certificate {
    /// A certificate of parts that are known to fit, as an issuer has them.
    pub fn new(leaf: X509, chain: Vec<X509>, key: Option<PrivateKey>) -> Self {
        Self { leaf, chain, key: key.map_or(Key::Absent, Key::AtHand) }
    }

    /// A certificate whose private key stays where it is.
    pub fn with_kept_key(leaf: X509, chain: Vec<X509>, key: KeptKey) -> Self {
        Self { leaf, chain, key: Key::Kept(key) }
    }

    /// Finds leaf, chain and key in a pile, as files and containers hold it.
    ///
    /// With keys, the leaf is the certificate that one of them belongs to; without, it is the first that
    /// none of the others was issued by. The chain is put into order from the leaf upward; certificates that
    /// do not belong to it are left out.
    pub fn assemble(certificates: Vec<X509>, keys: Vec<PrivateKey>) -> Result<Self, AssembleError> {
        let Some(first) = certificates.first() else {
            return Err(AssembleError::NoCertificate { keys: keys.len() });
        };
        let mut pairs: Vec<(X509, PrivateKey)> = Vec::new();
        for key in &keys {
            let public_key = key.public_key().map_err(AssembleError::Key)?;
            for certificate in certificates.iter().filter(|c| c.public_key() == public_key) {
                if !pairs.iter().any(|(known, _)| known == certificate) {
                    pairs.push((certificate.clone(), key.clone()));
                }
            }
        }
        if pairs.len() > 1 {
            return Err(AssembleError::SeveralLeaves { count: pairs.len() });
        }
        let (leaf, key) = match pairs.pop() {
            Some((leaf, key)) => (leaf, Some(key)),
            None if keys.is_empty() => (likely_leaf(&certificates).unwrap_or(first).clone(), None),
            None => {
                return Err(AssembleError::KeyDoesNotMatch {
                    thumbprint: first.thumbprint(),
                    subject: first.subject().to_owned(),
                });
            }
        };
        let chain = build_chain(&leaf, &certificates);
        Ok(Self::new(leaf, chain, key))
    }

    /// The same without its key.
    #[must_use]
    pub fn without_key(self) -> Self {
        Self { key: Key::Absent, ..self }
    }

    /// The uppermost certificate at hand: the end of the chain, or the leaf itself.
    pub fn top(&self) -> &X509 {
        self.chain.last().unwrap_or(&self.leaf)
    }

    /// The leaf.
    pub fn leaf(&self) -> &X509 {
        &self.leaf
    }

    /// The issuing certificates from the leaf upward, without the leaf.
    pub fn chain(&self) -> &[X509] {
        &self.chain
    }

    /// The private key, where it is at hand.
    pub fn key(&self) -> Option<&PrivateKey> {
        match &self.key {
            Key::AtHand(key) => Some(key),
            Key::Absent | Key::Kept(_) => None,
        }
    }

    /// Why the private key cannot be taken, where there is one all the same.
    pub fn kept_key(&self) -> Option<KeptKey> {
        match self.key {
            Key::Kept(kept) => Some(kept),
            Key::Absent | Key::AtHand(_) => None,
        }
    }

    /// Whether there is a private key, at hand or kept where it is.
    pub fn has_key(&self) -> bool {
        !matches!(self.key, Key::Absent)
    }

    /// The leaf's thumbprint.
    pub fn thumbprint(&self) -> Thumbprint {
        self.leaf.thumbprint()
    }

    /// The leaf's fingerprint.
    pub fn fingerprint(&self) -> Fingerprint {
        self.leaf.fingerprint()
    }

    /// Leaf and chain in PEM, as nginx and its like take them: the leaf first, no self-issued root at the
    /// end (a client has it or does not trust it; RFC 8446, 4.4.2).
    pub fn to_pem(&self) -> String {
        let sent = self.chain.iter().filter(|certificate| !certificate.is_self_issued());
        std::iter::once(&self.leaf).chain(sent).map(X509::to_pem).collect()
    }
}

/// The first certificate that issued none of the others.
fn likely_leaf(certificates: &[X509]) -> Option<&X509> {
    certificates
        .iter()
        .find(|candidate| !certificates.iter().any(|c| c != *candidate && c.is_named_issuer(candidate)))
}
