//! The chain of a certificate that a person brings, and whether it comes from a CA that is known here.

use baton_finding::Finding;
use baton_x509::{Certificate, ChainError, Trust, X509, build_chain};
use jiff::Timestamp;

use crate::engine::Engine;

impl Engine {
    /// The certificates out of `pile` that issued `leaf`, from the leaf upward, each signature verified: up to a root of
    /// our issuers or of this machine, or to a certificate that one of those `in_use` was issued by. In which order the
    /// pile is, and what else is in it, does not matter.
    ///
    /// The finding says why there is none: the CA is not known, a certificate is missing, or one does not hold.
    pub fn known_chain(
        &self,
        leaf: &X509,
        pile: &[X509],
        in_use: &[Certificate],
        now: Timestamp,
    ) -> Result<Vec<X509>, Finding> {
        // Whether it is valid now is asked elsewhere; here it is about signatures and constraints.
        let moment = now.clamp(leaf.not_before(), leaf.not_after().max(leaf.not_before()));
        let found = |path: Vec<X509>| {
            let last = path.last().unwrap_or(leaf).clone();
            // What the path ends at is sent along, where it is no root, and is no part of the path.
            let rest = build_chain(&last, pile).into_iter().filter(|issuer| !path.contains(issuer));
            path.iter().cloned().chain(rest).collect()
        };
        let own_error = match self.roots.own().path(leaf, pile, moment) {
            Ok(path) => return Ok(found(path)),
            Err(error) => error,
        };
        let is_decided = |error: &ChainError| !error.is_unknown_issuer();
        if is_decided(&own_error) {
            return Err(Finding::from_error(&own_error));
        }
        match self.roots.system().path(leaf, pile, moment) {
            Ok(path) => return Ok(found(path)),
            Err(error) if is_decided(&error) => return Err(Finding::from_error(&error)),
            Err(_) => {}
        }
        let issuers: Vec<X509> = in_use.iter().flat_map(|certificate| certificate.chain().to_vec()).collect();
        for issuer in &issuers {
            let mut trusted_by_clients = Trust::default();
            trusted_by_clients.add(issuer.to_rustls());
            if let Ok(mut chain) = trusted_by_clients.path(leaf, pile, moment) {
                chain.push(issuer.clone());
                chain.extend(build_chain(issuer, &[issuers.as_slice(), pile].concat()));
                return Ok(chain);
            }
        }
        Err(unknown(leaf, pile))
    }
}

/// Why a chain leads to nothing that is known.
fn unknown(leaf: &X509, pile: &[X509]) -> Finding {
    let chain = build_chain(leaf, pile);
    let last = chain.last().unwrap_or(leaf);
    if last.is_self_issued() {
        return Finding::error(
            "ca-unknown",
            format!("{} was issued by a CA that is not known here: {}", leaf.thumbprint(), last.subject()),
            "if it is the right one, name the file of its root in `root = …` of the [[issuer]]",
        );
    }
    let hint = if last.ca_issuers().is_empty() {
        "give the file of the missing certificate too, or name the CA's root in `root = …` of the [[issuer]]"
    } else {
        "give the file of the missing certificate too, or let it be fetched with --fetch-chain; the CA's root is named \
         in `root = …` of the [[issuer]]"
    };
    Finding::error(
        "chain-incomplete",
        format!("the certificate of the issuer of {} is missing: {}", last.subject(), last.issuer()),
        hint,
    )
}
