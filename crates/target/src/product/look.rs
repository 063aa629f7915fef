//! What a product's own files say, without a store and without asking it: for those who only look.

use std::net::SocketAddr;

use baton_finding::Finding;
use baton_textedit::Scalar;
use baton_x509::Thumbprint;

use crate::endpoint::{Endpoint, EndpointAddress};
use crate::inspection::{Reference, TargetError, Tls};
use crate::product::Product;
use crate::settings_file::{Place, SettingsFile};

/// What a product's settings files say.
#[derive(Debug)]
pub struct Look {
    /// The certificate in use.
    pub current: Option<Thumbprint>,
    /// The places that name it.
    pub references: Vec<Reference>,
    /// The one name of it that the settings repeat.
    pub name: Option<String>,
    /// Whether the product speaks TLS.
    pub tls: Tls,
    /// The ports that speak TLS while it is on, on this machine, to be asked for that name.
    pub endpoints: Vec<Endpoint>,
    /// What is worth telling.
    pub findings: Vec<Finding>,
}

impl Product {
    /// Reads the product's settings files.
    ///
    /// Fails when one of those that name the certificate cannot be read or understood.
    pub fn look(&self) -> Result<Look, TargetError> {
        let mut findings = Vec::new();
        let files = self.settings_files(&mut findings)?;
        let current = self.current(&files);
        let is_current = |place: &Place| current.is_some() && place.thumbprint == current;
        let files: Vec<(SettingsFile, Vec<Place>)> = files
            .into_iter()
            .map(|file| {
                let places = file.places().into_iter().filter(is_current).collect();
                (file, places)
            })
            .collect();
        let mut references = Vec::new();
        let mut name = None;
        for (file, places) in &files {
            for place in places {
                let text = format!("{}#{}", file.path.display(), place.field);
                references.push(Reference { place: text, names: place.thumbprint });
                name = name.or_else(|| file.name_beside(place));
            }
        }
        let host = name.as_deref().unwrap_or("localhost");
        let endpoint = |(port, assumed): (u16, bool)| Endpoint {
            address: EndpointAddress::from(SocketAddr::from(([127, 0, 0, 1], port))),
            name: host.to_owned(),
            assumed,
        };
        let endpoints = self.endpoints(&files)?.into_iter().map(endpoint).collect();
        Ok(Look { current, references, tls: self.tls(&files), endpoints, name, findings })
    }
}

impl SettingsFile {
    /// The name that stands beside a thumbprint.
    fn name_beside(&self, place: &Place) -> Option<String> {
        let name = self.value_beside(place, "subjectAltName").and_then(Scalar::as_str)?;
        (!name.is_empty()).then(|| name.to_owned())
    }
}
