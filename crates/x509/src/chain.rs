//! Which certificates issued a leaf, and whether they lead to a root that is known (RFC 5280, 6).

use std::collections::BTreeSet;

use baton_finding::Explain;
use jiff::Timestamp;
use rustls_pki_types::{CertificateDer, TrustAnchor, UnixTime};
use webpki::{EndEntityCert, KeyUsage};

use crate::x509::X509;

/// The certificates out of a pile that issued `leaf`, from the leaf upward: by name, and of several with the name that
/// one whose key is called so.
pub fn build_chain(leaf: &X509, pile: &[X509]) -> Vec<X509> {
    let mut chain: Vec<X509> = Vec::new();
    let mut last = leaf;
    while !last.is_self_issued() {
        let is_next = |c: &&X509| last.is_named_issuer(c) && *c != leaf && !chain.contains(c);
        let issuers = || pile.iter().filter(is_next);
        match issuers().find(|issuer| last.names_key_of(issuer)).or_else(|| issuers().next()) {
            Some(issuer) => {
                chain.push(issuer.clone());
                last = issuer;
            }
            None => break,
        }
    }
    chain
}

/// A set of roots.
#[derive(Debug, Clone, Default)]
pub struct Trust {
    roots: Vec<CertificateDer<'static>>,
    known: BTreeSet<Vec<u8>>,
}

/// A leaf and its intermediates do not lead to a root of the set.
#[derive(Debug, thiserror::Error)]
#[error("{subject} does not lead to a known root: {reason}")]
pub struct ChainError {
    subject: String,
    reason: webpki::Error,
}

impl ChainError {
    /// Whether the only fault is that the way up ends before a known root.
    pub fn is_unknown_issuer(&self) -> bool {
        matches!(self.reason, webpki::Error::UnknownIssuer | webpki::Error::CaUsedAsEndEntity)
    }
}

impl Explain for ChainError {
    fn code(&self) -> &'static str {
        "chain-does-not-build"
    }

    fn hint(&self) -> Option<String> {
        Some(match self.reason {
            webpki::Error::UnknownIssuer => {
                "add the missing intermediates behind the leaf, or name the root in `root = …` of an [[issuer]]"
                    .to_owned()
            }
            webpki::Error::NameConstraintViolation => {
                "the CA may not issue for these names: see its name constraints".to_owned()
            }
            _ => "`openssl verify -untrusted CHAIN -CAfile ROOT LEAF` tells more".to_owned(),
        })
    }
}

impl Trust {
    /// Adds a root. One that is no certificate at all never matches, so it is left out.
    pub fn add(&mut self, root: CertificateDer<'static>) {
        if self.known.insert(root.to_vec()) {
            self.roots.push(root);
        }
    }

    /// Checks that `leaf` leads through `intermediates` to one of the roots, each signature and constraint
    /// on the way included, for a TLS server at the moment `now`.
    pub fn verify(&self, leaf: &X509, intermediates: &[X509], now: Timestamp) -> Result<(), ChainError> {
        self.path(leaf, intermediates, now).map(|_| ())
    }

    /// The same, with the way that was found: the certificates out of `pile` that issued `leaf`, from the leaf upward,
    /// without the one of the set that it ends at. In which order the pile is, and what else is in it, does not matter.
    pub fn path(&self, leaf: &X509, pile: &[X509], now: Timestamp) -> Result<Vec<X509>, ChainError> {
        let error = |reason| ChainError { subject: leaf.subject().to_owned(), reason };
        let leaf_der = leaf.to_rustls();
        let end_entity = EndEntityCert::try_from(&leaf_der).map_err(error)?;
        let anchors: Vec<TrustAnchor<'_>> =
            self.roots.iter().filter_map(|root| webpki::anchor_from_trusted_cert(root).ok()).collect();
        let intermediates: Vec<CertificateDer<'static>> = pile.iter().map(X509::to_rustls).collect();
        let seconds = u64::try_from(now.as_second()).unwrap_or(0);
        let time = UnixTime::since_unix_epoch(std::time::Duration::from_secs(seconds));
        let path = end_entity
            .verify_for_usage(
                webpki::ALL_VERIFICATION_ALGS,
                &anchors,
                &intermediates,
                time,
                KeyUsage::server_auth(),
                None,
                None,
            )
            .map_err(error)?;
        let found = path.intermediate_certificates().filter_map(|issuer| {
            let der = issuer.der();
            pile.iter().find(|certificate| certificate.der() == der.as_ref()).cloned()
        });
        Ok(found.collect())
    }
}
