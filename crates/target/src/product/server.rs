//! The two servers of Xtract Universal and Board Connector.
//!
//! Each has a certificate of its own choice in the older shape of the settings; with `tls.json` they share one. A
//! handover of the product takes along what names the certificate in use, which is usually both. One of a single server
//! leaves the other one as it is, and neither asks it nor says anything of it.

use std::fmt;
use std::path::Path;
use std::str::FromStr;

use baton_finding::Finding;
use baton_x509::Thumbprint;
use serde::{Deserialize, Serialize};

use crate::inspection::Tls;
use crate::product::{CONFIGURATION_SETTINGS, FoundSettings, Product, Protocol, WEB_SETTINGS, file_ending};
use crate::settings_file::{Place, SettingsFile};

/// One of the two servers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProductServer {
    /// The one that clients fetch data from.
    Web,
    /// The one that the product's Designer connects to.
    Configuration,
}

/// The text names no server of a product.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no server of a product: it is `web` or `configuration`")]
pub struct UnknownServer(String);

impl ProductServer {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Web, Self::Configuration];

    /// Its name on the command line.
    pub fn key(self) -> &'static str {
        match self {
            Self::Web => "web",
            Self::Configuration => "configuration",
        }
    }

    /// The other one.
    pub fn other(self) -> Self {
        match self {
            Self::Web => Self::Configuration,
            Self::Configuration => Self::Web,
        }
    }

    /// The one that a settings file belongs to.
    pub fn of_settings(path: &Path) -> Self {
        if path.ends_with(CONFIGURATION_SETTINGS) { Self::Configuration } else { Self::Web }
    }
}

impl fmt::Display for ProductServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Web => "Web Server",
            Self::Configuration => "Configuration Server",
        })
    }
}

impl FromStr for ProductServer {
    type Err = UnknownServer;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|server| server.key() == text)
            .ok_or_else(|| UnknownServer(text.to_owned()))
    }
}

impl FoundSettings {
    pub(crate) fn has_two_references(&self) -> bool {
        self.configuration.is_some()
    }
}

impl Product {
    /// Whether a settings file belongs to what is meant.
    pub(crate) fn is_meant(&self, path: &Path) -> bool {
        self.server.is_none_or(|server| server == ProductServer::of_settings(path))
    }

    /// Whether what is meant answers at a port. The configuration server does not, where it names another certificate.
    pub(crate) fn is_meant_at(&self, found: &FoundSettings, port: u16) -> bool {
        let is_configuration = found.configuration_port == Some(port);
        match self.server {
            None => !(is_configuration && found.differs),
            Some(server) => is_configuration == (server == ProductServer::Configuration),
        }
    }

    /// What the configuration server names by itself; `None` where it has no reference of its own.
    pub(crate) fn configuration(&self, files: &[SettingsFile]) -> Option<Option<Thumbprint>> {
        self.kind.configuration_port()?;
        let file = files.iter().find(|file| file.path.ends_with(CONFIGURATION_SETTINGS))?;
        file.places().first().map(|place| place.thumbprint)
    }

    /// Where the configuration server listens, and whether nobody told.
    pub(crate) fn configuration_port(&self, files: &[(SettingsFile, Vec<Place>)]) -> Option<(u16, bool)> {
        let usual = self.kind.configuration_port()?;
        let file = file_ending(files, CONFIGURATION_SETTINGS).map(|(file, _)| file);
        let told = file.and_then(|file| file.port_at("/httpsPort").or_else(|| file.port_at("/port")));
        Some((told.unwrap_or(usual), told.is_none()))
    }

    /// Switched off in `tls.json`, or by the protocol of the web server.
    pub(crate) fn tls(&self, files: &[(SettingsFile, Vec<Place>)]) -> Tls {
        if let Some((file, _)) = file_ending(files, "servers/tls.json") {
            return if file.bool_at("/tlsEnabled") == Some(false) { Tls::Off } else { Tls::On };
        }
        let protocol = file_ending(files, WEB_SETTINGS).and_then(|(file, _)| file.string_at("/protocol"));
        let is_off = protocol.is_some_and(|protocol| protocol.starts_with("HTTP "));
        if is_off && self.server != Some(ProductServer::Configuration) { Tls::Off } else { Tls::On }
    }

    /// The protocol that goes with TLS for a web server whose protocol switches it off: with the same access.
    pub(crate) fn protocol_with_tls(&self, found: &FoundSettings) -> Option<Protocol> {
        let is_off = found.protocol.as_deref() == Some(Protocol::Http.as_written());
        (is_off && self.server != Some(ProductServer::Configuration)).then_some(Protocol::Https)
    }

    /// That there is no protocol that could be chosen.
    pub(crate) fn protocol_missing(&self, found: &FoundSettings) -> Option<Finding> {
        let is_there = found.protocol.is_some() && self.server != Some(ProductServer::Configuration);
        (!is_there).then(|| {
            Finding::error(
                "protocol-missing",
                format!("the settings of {} have no protocol that could be chosen", self.kind.display_name()),
                "only the Web Server of Xtract Universal and Board Connector has one, in `web/general.json`",
            )
        })
    }

    /// That one server is meant alone; an error where the two share their reference.
    pub(crate) fn only_one(&self, has_two_references: bool) -> Option<Finding> {
        let server = self.server?;
        Some(if has_two_references {
            let other = server.other();
            Finding::notice(
                "one-server",
                format!("this is about the {server} alone; the {other} stays as it is"),
            )
        } else {
            Finding::error(
                "reference-shared",
                format!("the {server} of {} has no reference of its own", self.kind.display_name()),
                "hand the whole target over: all of it has one certificate",
            )
        })
    }
}
