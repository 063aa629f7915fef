//! What the store holds, and one certificate of it.

use askama::Template;
use baton_handover::Place;
use baton_x509::{Fingerprint, Thumbprint};
use jiff::Timestamp;

use super::certificate::{self, LeftCell};
use super::distinguished_name::short;
use super::handover::HandoverRow;
use super::moment::Moment;
use super::prose::Trouble;
use super::target::left;
use crate::language::Language;
use crate::look::{CertificateLook, StoreLook, StoredCertificate};

/// The store.
#[derive(Template)]
#[template(path = "store.html")]
pub(crate) struct StorePage {
    t: Language,
    here: &'static str,
    location: String,
    certificates: Vec<StoreRow>,
    unreadable: Vec<String>,
}

struct StoreRow {
    thumbprint: Thumbprint,
    names: String,
    issuer: String,
    left: LeftCell,
    has_key: bool,
}

impl StorePage {
    pub(crate) fn new(look: StoreLook, t: Language) -> Self {
        let mut certificates = look.certificates;
        certificates.sort_by_key(|stored| std::cmp::Reverse(stored.leaf.not_after()));
        Self {
            t,
            here: "/store",
            location: look.location,
            certificates: certificates.iter().map(|stored| StoreRow::new(stored, look.at, t)).collect(),
            unreadable: look.unreadable,
        }
    }
}

impl StoreRow {
    fn new(stored: &StoredCertificate, now: Timestamp, t: Language) -> Self {
        Self {
            thumbprint: stored.leaf.thumbprint(),
            names: stored.leaf.names().join(", "),
            issuer: short(stored.leaf.issuer()),
            left: left(&stored.leaf, now, t),
            has_key: stored.has_key,
        }
    }
}

/// One certificate.
#[derive(Template)]
#[template(path = "stored.html")]
pub(crate) struct StoredPage {
    t: Language,
    here: &'static str,
    thumbprint: Thumbprint,
    fingerprint: Fingerprint,
    subject: String,
    issuer: String,
    names: String,
    serial: String,
    key: String,
    has_key: bool,
    not_before: Moment,
    not_after: Moment,
    left: LeftCell,
    chain: Vec<(String, Thumbprint)>,
    places: Vec<Place>,
    troubles: Vec<Trouble>,
    handovers: Vec<HandoverRow>,
}

impl StoredPage {
    pub(crate) fn new(look: CertificateLook, t: Language) -> Self {
        let leaf = &look.certificate.leaf;
        Self {
            t,
            here: "/store",
            thumbprint: leaf.thumbprint(),
            fingerprint: leaf.fingerprint(),
            subject: leaf.subject().to_owned(),
            issuer: leaf.issuer().to_owned(),
            names: leaf.names().join(", "),
            serial: leaf.serial().to_owned(),
            key: leaf.key_algorithm().to_string(),
            has_key: look.certificate.has_key,
            not_before: Moment::new(leaf.not_before()),
            not_after: Moment::new(leaf.not_after()),
            left: left(leaf, look.at, t),
            chain: look
                .chain
                .iter()
                .map(|issuer| (issuer.subject().to_owned(), issuer.thumbprint()))
                .collect(),
            places: look.search.places,
            troubles: Trouble::all(&look.search.findings),
            handovers: HandoverRow::all(&look.handovers, Some(look.at), t),
        }
    }
}
