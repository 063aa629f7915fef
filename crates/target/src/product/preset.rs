//! What is known of each product before its files are read (the vendor's documentation, state of April 2025).

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// One of the four server products.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProductKind {
    /// yunIO.
    Yunio,
    /// Xtract Universal.
    XtractUniversal,
    /// Board Connector.
    BoardConnector,
    /// Xtract Core.
    XtractCore,
}

/// The text names no product.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no product")]
pub struct UnknownProduct(String);

impl ProductKind {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Yunio, Self::XtractUniversal, Self::BoardConnector, Self::XtractCore];

    /// Its key in the settings.
    pub fn key(self) -> &'static str {
        match self {
            Self::Yunio => "yunio",
            Self::XtractUniversal => "xtract-universal",
            Self::BoardConnector => "board-connector",
            Self::XtractCore => "xtract-core",
        }
    }

    /// Its name for people.
    pub fn display_name(self) -> &'static str {
        match self {
            Self::Yunio => "yunIO",
            Self::XtractUniversal => "Xtract Universal",
            Self::BoardConnector => "Board Connector",
            Self::XtractCore => "Xtract Core",
        }
    }

    /// Where its setup puts it on Windows; Xtract Core is a zip that is unpacked anywhere.
    pub fn default_directory(self) -> Option<&'static str> {
        match self {
            Self::Yunio => Some(r"C:\Program Files\Theobald Software\yunIO"),
            Self::XtractUniversal => Some(r"C:\Program Files\XtractUniversal"),
            Self::BoardConnector => Some(r"C:\Program Files\BOARDConnector"),
            Self::XtractCore => None,
        }
    }

    /// The ports that speak TLS while TLS is on, where the settings do not tell others.
    pub(crate) fn tls_ports(self) -> &'static [u16] {
        match self {
            Self::Yunio => &[8175, 8177, 8176],
            Self::XtractUniversal => &[8165],
            // 8098, the API, never speaks TLS.
            Self::BoardConnector => &[8197],
            Self::XtractCore => &[1338],
        }
    }

    /// The ports that answer instead of those while TLS is off.
    pub(crate) fn plain_ports(self) -> &'static [u16] {
        match self {
            Self::Yunio => &[8075, 8077, 8076],
            Self::XtractUniversal => &[8065],
            Self::BoardConnector => &[8097],
            Self::XtractCore => &[1337],
        }
    }

    /// Ports that never speak TLS.
    pub fn other_ports(self) -> &'static [u16] {
        match self {
            Self::BoardConnector => &[8098],
            Self::Yunio | Self::XtractUniversal | Self::XtractCore => &[],
        }
    }

    /// The file below `config/servers` that holds who may use the server. With it TLS cannot be switched off: yunIO
    /// allows that only while anonymous access is allowed.
    pub fn access_file(self) -> Option<&'static str> {
        match self {
            Self::Yunio => Some("permission.json"),
            Self::XtractUniversal | Self::BoardConnector | Self::XtractCore => None,
        }
    }

    /// The configuration server's port; it has a certificate of its own in the older shape of the settings.
    pub fn configuration_port(self) -> Option<u16> {
        match self {
            Self::XtractUniversal => Some(8064),
            Self::BoardConnector => Some(8096),
            Self::Yunio | Self::XtractCore => None,
        }
    }
}

impl fmt::Display for ProductKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.key())
    }
}

impl FromStr for ProductKind {
    type Err = UnknownProduct;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|kind| kind.key() == text).ok_or_else(|| UnknownProduct(text.to_owned()))
    }
}
