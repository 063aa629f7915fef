//! Where a certificate is still in use, or kept: asked before it is removed, and by people.

use std::sync::Arc;

use baton_finding::Finding;
use baton_store::Store;
use baton_target::Target;
use baton_x509::Thumbprint;
use serde::{Deserialize, Serialize};

use crate::engine::Engine;
use crate::error::HandoverError;
use crate::report::SCHEMA;

/// Everywhere that a certificate was found.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Search {
    /// `baton/1`.
    pub schema: String,
    /// The certificate.
    pub thumbprint: Thumbprint,
    /// Where it is.
    pub places: Vec<Place>,
    /// What could not be searched: then the absence of a place proves nothing.
    pub findings: Vec<Finding>,
}

/// One place where a certificate was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// What it is there.
    pub kind: PlaceKind,
    /// The target that it belongs to.
    pub target: Option<String>,
    /// A file, a field, an address, a store.
    pub place: String,
}

/// What a certificate is at a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PlaceKind {
    /// A target names it.
    Reference,
    /// An endpoint serves it.
    Endpoint,
    /// A handover that is not finished is about it.
    Handover,
    /// A store holds it.
    Store,
    /// A target keeps a copy of it for a roll back.
    Copy,
}

impl PlaceKind {
    /// Whether the certificate is needed there.
    pub fn is_use(self) -> bool {
        matches!(self, Self::Reference | Self::Endpoint | Self::Handover)
    }
}

impl std::fmt::Display for PlaceKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            Self::Reference => "named by",
            Self::Endpoint => "served at",
            Self::Handover => "in the unfinished",
            Self::Store => "in the store",
            Self::Copy => "kept in",
        })
    }
}

/// Where to look.
#[derive(Debug, Clone, Copy)]
pub struct SearchIn<'a> {
    /// The store of the settings; each target's own is searched too.
    pub store: &'a dyn Store,
    /// The servers.
    pub targets: &'a [Arc<Target>],
}

impl Search {
    /// Whether it is needed somewhere, or that cannot be known.
    pub fn is_in_use(&self) -> bool {
        !self.findings.is_empty() || self.places.iter().any(|place| place.kind.is_use())
    }

    /// Why it stays: the first place that needs it, or what could not be searched.
    pub fn reason(&self) -> Option<String> {
        let place = self.places.iter().find(|place| place.kind.is_use());
        place
            .map(|place| format!("{} {}", place.kind, place.place))
            .or_else(|| self.findings.first().map(|finding| finding.message.clone()))
    }
}

impl Engine {
    /// Looks for a certificate in every target, now; at the endpoints as they were seen last.
    pub async fn find(&self, thumbprint: Thumbprint, place: SearchIn<'_>) -> Result<Search, HandoverError> {
        let mut search =
            Search { schema: SCHEMA.to_owned(), thumbprint, places: Vec::new(), findings: Vec::new() };
        let mut stores: Vec<String> = Vec::new();
        for target in place.targets {
            let of_target = |kind, place| Place { kind, target: Some(target.name.clone()), place };
            match target.mentions(thumbprint) {
                Ok(mentions) => {
                    search.places.extend(mentions.into_iter().map(|m| of_target(PlaceKind::Reference, m)));
                }
                Err(error) => search.findings.push(Finding::from_error(&error)),
            }
            for handover in self.state.open_handovers(&target.name).await? {
                if handover.begun.old == Some(thumbprint) || handover.begun.new == thumbprint {
                    let text = format!("handover {} of {target}", handover.id);
                    search.places.push(of_target(PlaceKind::Handover, text));
                }
            }
            let copies = target.copies(thumbprint).into_iter();
            search.places.extend(copies.map(|path| of_target(PlaceKind::Copy, path.display().to_string())));
        }
        for observation in self.state.observations().await? {
            if observation.served.is_some_and(|served| served.thumbprint == thumbprint) {
                search.places.push(Place {
                    kind: PlaceKind::Endpoint,
                    target: Some(observation.target),
                    place: format!("{} ({})", observation.endpoint, observation.address),
                });
            }
        }
        let all = place.targets.iter().map(|target| target.store.as_ref()).chain([place.store]);
        for store in all.filter(|store| store.contains(thumbprint)) {
            if !stores.contains(&store.location()) {
                stores.push(store.location());
            }
        }
        let in_store = |place| Place { kind: PlaceKind::Store, target: None, place };
        search.places.extend(stores.into_iter().map(in_store));
        Ok(search)
    }
}
