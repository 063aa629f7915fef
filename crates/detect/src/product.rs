//! Installed products: where their setups put them, where services of theirs are registered, and in named directories.

use std::path::{Path, PathBuf};
use std::time::Duration;

use baton_finding::{Explain as _, Finding, Severity};
use baton_platform::{clock, registered_service};
use baton_store::{Entry, Store, StoreError};
use baton_target::{KeyFamily, Look, Product, ProductKind, Tls, probe};
use baton_x509::{Thumbprint, X509};
use serde::Serialize;

use crate::nginx::FoundCertificate;
use crate::places::Places;

/// How long an endpoint may take to show its certificate.
const LIMIT: Duration = Duration::from_secs(3);

/// Why a directory was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum FoundBy {
    /// Its setup puts it there.
    DefaultDirectory,
    /// A registered service runs from there.
    Service,
    /// A person named the directory, or one above it.
    Directory,
}

/// An installed product.
#[derive(Debug, Clone, Serialize)]
pub struct FoundProduct {
    /// Which ones it may be: one, unless neither directory nor files tell them apart.
    pub kinds: Vec<ProductKind>,
    /// The directory that holds `config`.
    pub directory: PathBuf,
    /// Why it was looked at.
    pub found_by: FoundBy,
    /// Its service, where this system has it.
    pub service: Option<String>,
    /// Whether its settings say that it speaks TLS.
    pub tls: bool,
    /// The certificate that its settings name.
    pub thumbprint: Option<Thumbprint>,
    /// The fields that name it.
    pub references: Vec<String>,
    /// The name that its settings repeat.
    pub name: Option<String>,
    /// Where it is asked.
    pub endpoints: Vec<String>,
    /// The certificate, as one of its ports has shown it.
    pub served: Option<FoundCertificate>,
    /// The certificate, as the store has it.
    pub stored: Option<FoundCertificate>,
    /// Others in the store that could take its place: with their keys, for the same names, valid for longer.
    pub successors: Vec<FoundCertificate>,
    /// Why it cannot be handed over as it is, and what else is worth telling.
    pub findings: Vec<Finding>,
}

impl FoundProduct {
    /// Which one it is, where that is clear.
    pub fn kind(&self) -> Option<ProductKind> {
        match self.kinds.as_slice() {
            [kind] => Some(*kind),
            _ => None,
        }
    }

    /// Whether something speaks against handing it over as it is.
    pub fn is_obstructed(&self) -> bool {
        self.findings.iter().any(|finding| finding.severity == Severity::Error)
    }

    /// The names of the certificate in use, as far as they are known.
    pub fn names(&self) -> Vec<String> {
        let known = self.served.as_ref().or(self.stored.as_ref());
        known.map_or_else(|| self.name.iter().cloned().collect(), |certificate| certificate.names.clone())
    }
}

/// All products, each directory once; `store` is the one that they take their certificates from, where it is known.
pub(crate) async fn find(
    places: &Places,
    store: Option<&dyn Store>,
    findings: &mut Vec<Finding>,
) -> Vec<FoundProduct> {
    let mut candidates: Vec<(PathBuf, Vec<ProductKind>, FoundBy)> = Vec::new();
    for kind in ProductKind::ALL {
        if let Some(program) = registered_service::program(&kind.usual_service().name)
            && let Some(directory) = directory_of(&program)
        {
            candidates.push((directory, vec![kind], FoundBy::Service));
        }
        let usual = kind.default_directory().map(PathBuf::from);
        // On other systems it is no path.
        if let Some(directory) = usual.filter(|directory| directory.is_absolute() && directory.is_dir()) {
            candidates.push((directory, vec![kind], FoundBy::DefaultDirectory));
        }
    }
    candidates.extend(
        places.products.iter().map(|directory| (directory.clone(), kinds_of(directory), FoundBy::Directory)),
    );
    let mut found: Vec<FoundProduct> = Vec::new();
    for (directory, kinds, found_by) in candidates {
        if found.iter().any(|product| is_same(&product.directory, &directory)) {
            continue;
        }
        if directory.to_str().is_none() {
            findings.push(crate::not_text(&directory));
            continue;
        }
        let mut product = look_at(directory, kinds, found_by).await;
        if let Some(store) = store {
            look_into(store, &mut product);
        }
        found.push(product);
    }
    found
}

/// The directory of the product that a program belongs to: the program's own, or one further up.
fn directory_of(program: &Path) -> Option<PathBuf> {
    program
        .ancestors()
        .skip(1)
        .take(3)
        .find(|directory| directory.join("config").is_dir())
        .map(Path::to_owned)
}

fn is_same(one: &Path, other: &Path) -> bool {
    let real = |path: &Path| fs_err::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    one == other || real(one) == real(other)
}

/// What a directory holds, by what only one product has, else by the directory's own name.
fn kinds_of(directory: &Path) -> Vec<ProductKind> {
    let has = |path: &str| directory.join(path).exists();
    let mut kinds = Vec::new();
    if has("theobald.service.definition.json") {
        kinds.push(ProductKind::XtractCore);
    }
    if has("config/servers/permission.json") {
        kinds.push(ProductKind::Yunio);
    }
    if !kinds.is_empty() {
        return kinds;
    }
    let name = directory.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
    let name: String = name.chars().filter(char::is_ascii_alphanumeric).collect();
    let named = |kind: &ProductKind| name.contains(&kind.key().replace('-', ""));
    let named: Vec<ProductKind> = ProductKind::ALL.into_iter().filter(named).collect();
    if !named.is_empty() {
        return named;
    }
    // Only these two have a web server and a configuration server with files of their own.
    if has("config/server/web") || has("config/server/config") {
        return vec![ProductKind::XtractUniversal, ProductKind::BoardConnector];
    }
    vec![ProductKind::Yunio, ProductKind::XtractUniversal, ProductKind::BoardConnector]
}

async fn look_at(directory: PathBuf, kinds: Vec<ProductKind>, found_by: FoundBy) -> FoundProduct {
    let mut found = FoundProduct {
        kinds,
        directory,
        found_by,
        service: None,
        tls: false,
        thumbprint: None,
        references: Vec::new(),
        name: None,
        endpoints: Vec::new(),
        served: None,
        stored: None,
        successors: Vec::new(),
        findings: Vec::new(),
    };
    let Some(&first) = found.kinds.first() else { return found };
    // What the settings name does not depend on which product it is.
    let product = Product { kind: first, directory: found.directory.clone(), server: None };
    if found.kinds.len() > 1 {
        found.findings.push(Finding::error(
            "product-unclear",
            format!("`{}` may be {}", found.directory.display(), names_of(&found.kinds)),
            "name the product in `product`",
        ));
    }
    let look = match product.look() {
        Ok(look) => look,
        Err(error) => {
            found.findings.push(Finding::from_error(&error));
            return found;
        }
    };
    if found.kind().is_some() {
        let service = product.service().map(|service| service.name).unwrap_or_default();
        found.service = registered_service::program(&service).map(|_| service);
        found.endpoints = look.endpoints.iter().map(ToString::to_string).collect();
        found.served = served(&look).await;
    }
    if look.current.is_none() {
        found.findings.push(Finding::error(
            "reference-missing",
            format!(
                "no settings file below `{}` names a certificate",
                found.directory.join("config").display()
            ),
            "pick a certificate once in the product's own Designer",
        ));
    }
    found.tls = look.current.is_some() && look.tls == Tls::On;
    found.thumbprint = look.current;
    found.references = look.references.into_iter().map(|reference| reference.place).collect();
    found.name = look.name;
    found.findings.extend(look.findings);
    found
}

/// The certificate that the settings name, from the first port that shows it.
async fn served(look: &Look) -> Option<FoundCertificate> {
    let current = look.current.filter(|_| look.tls == Tls::On)?;
    for endpoint in &look.endpoints {
        for address in endpoint.resolve().await.unwrap_or_default() {
            let seen = probe(address, &endpoint.name, KeyFamily::Any, LIMIT).await;
            if let Some(handshake) =
                seen.handshake().filter(|handshake| handshake.leaf.thumbprint() == current)
            {
                return Some(FoundCertificate::of(&handshake.leaf));
            }
        }
    }
    None
}

/// What the store has for a product.
fn look_into(store: &dyn Store, product: &mut FoundProduct) {
    let Some(current) = product.thumbprint else { return };
    match store.find(current) {
        Ok(found) => product.stored = found.map(|certificate| FoundCertificate::of(certificate.leaf())),
        Err(error) => product.findings.push(unreadable(store, &error)),
    }
    let names = product.names();
    let known = product.served.as_ref().or(product.stored.as_ref());
    let end = known.map_or(clock::now(), |current| current.not_after);
    let is_successor = |leaf: &X509| {
        leaf.thumbprint() != current
            && leaf.not_after() > end
            && !names.is_empty()
            && names.iter().all(|name| leaf.covers(name) || leaf.names().contains(name))
    };
    match store.list() {
        Ok(entries) => product.successors.extend(entries.iter().filter_map(|entry| match entry {
            Entry::Certificate { leaf, has_key: true, .. } if is_successor(leaf) => {
                Some(FoundCertificate::of(leaf))
            }
            _ => None,
        })),
        Err(error) => product.findings.push(unreadable(store, &error)),
    }
}

fn unreadable(store: &dyn Store, error: &StoreError) -> Finding {
    Finding::warning(
        error.code(),
        format!("the store {} cannot be read: {}", store.location(), error.chain()),
        error.hint().unwrap_or_default(),
    )
}

fn names_of(kinds: &[ProductKind]) -> String {
    kinds.iter().map(|kind| kind.display_name()).collect::<Vec<_>>().join(" or ")
}
