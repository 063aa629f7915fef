//! What the web server of Xtract Universal and Board Connector speaks, and with whom.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A protocol of the web server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Protocol {
    /// Without TLS.
    Http,
    /// With TLS, for everyone.
    Https,
    /// With TLS, for users of the domain that may read in the Designer (Kerberos).
    HttpsAdUsers,
    /// With TLS, for users of the product's own that may read in the Designer (HTTP Basic).
    HttpsCustomUsers,
}

/// The text names no protocol of a web server.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no protocol of a web server")]
pub struct UnknownProtocol(String);

impl Protocol {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Http, Self::Https, Self::HttpsAdUsers, Self::HttpsCustomUsers];

    /// Those with TLS.
    pub const WITH_TLS: [Self; 3] = [Self::Https, Self::HttpsAdUsers, Self::HttpsCustomUsers];

    /// Its name on the command line and in forms.
    pub fn key(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
            Self::HttpsAdUsers => "https-ad-users",
            Self::HttpsCustomUsers => "https-custom-users",
        }
    }

    /// What the product's settings and dialogs call it.
    pub fn as_written(self) -> &'static str {
        match self {
            Self::Http => "HTTP - Unrestricted",
            Self::Https => "HTTPS - Unrestricted",
            Self::HttpsAdUsers => "HTTPS - Restricted to AD users with Designer read access",
            Self::HttpsCustomUsers => "HTTPS - Restricted to custom users with Designer read access",
        }
    }
}

impl FromStr for Protocol {
    type Err = UnknownProtocol;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|protocol| protocol.key() == text)
            .ok_or_else(|| UnknownProtocol(text.to_owned()))
    }
}
