//! What is on this machine that Baton can keep fresh: servers, their certificates, and who renews them now.
//!
//! Everything is found by looking: at the places where setups put things, at the configuration that a server prints
//! of itself, at the files of ACME clients, and in directories that a person names. Nothing is changed, but for
//! [`TakeOver::write`], which lets a renewal of win-acme or simple-acme call Baton. What cannot be read is a
//! [`Finding`], and the rest is found all the same.

use std::path::{Path, PathBuf};

use baton_finding::Finding;
use baton_store::Store;
use serde::Serialize;

pub use nginx::{FoundCertificate, FoundEndpoint, FoundServer};
pub use product::{FoundBy, FoundProduct};
pub use renewal::{Client, Renewal, Step};
pub use take_over::{BatonCall, TakeOver, TakeOverError};

mod nginx;
mod places;
mod product;
mod renewal;
mod take_over;

/// What was found.
#[derive(Debug, Default, Serialize)]
pub struct Found {
    /// Installed products.
    pub products: Vec<FoundProduct>,
    /// Servers with PEM files.
    pub servers: Vec<FoundServer>,
    /// Certificates that an ACME client renews.
    pub renewals: Vec<Renewal>,
    /// What could not be looked at.
    pub findings: Vec<Finding>,
}

/// Looks at this machine, and at `directories` with what is in them. `store` is the one that products take their
/// certificates from, where it is known.
pub async fn detect(directories: &[PathBuf], store: Option<&dyn Store>) -> Found {
    let mut findings = Vec::new();
    let places = places::walk(directories, &mut findings);
    let products = product::find(&places, store, &mut findings).await;
    let servers = nginx::find(&places.nginx, &mut findings).await;
    let renewals = renewal::find(&places, &servers, &mut findings);
    Found { products, servers, renewals, findings }
}

/// The renewals below directories and at the clients' own places, without a look at any server.
pub fn renewals(directories: &[PathBuf]) -> (Vec<Renewal>, Vec<Finding>) {
    let mut findings = Vec::new();
    let places = places::walk(directories, &mut findings);
    let renewals = renewal::find(&places, &[], &mut findings);
    (renewals, findings)
}

impl Found {
    /// Who renews the certificate of a product.
    pub fn renewal_of_product(&self, product: &FoundProduct) -> Option<&Renewal> {
        self.renewals.iter().find(|renewal| renewal.is_of_product(product))
    }

    /// Who renews the certificate of a server.
    pub fn renewal_of_server(&self, server: &FoundServer) -> Option<&Renewal> {
        // Whose files are read counts before whose names are alike.
        let reads = self.renewals.iter().find(|renewal| renewal.writes(&server.certificate));
        reads.or_else(|| self.renewals.iter().find(|renewal| renewal.is_of_server(server)))
    }
}

/// Settings are text: other paths cannot stand in them.
fn not_text(path: &Path) -> Finding {
    Finding::error(
        "path-not-text",
        format!("the path {path:?} is no text, and cannot stand in settings"),
        "give it a name in UTF-8",
    )
}
