//! The names that a certificate can be asked for.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use baton_finding::Explain;
use serde::{Deserialize, Serialize};

/// A DNS name, perhaps with a wildcard as its left-most label, or an IP address.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Name {
    /// In lower case, without a trailing dot.
    Dns(String),
    /// IPv4 or IPv6.
    Ip(IpAddr),
}

/// The text is neither a DNS name nor an IP address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is neither a DNS name nor an IP address")]
pub struct InvalidName {
    text: String,
}

impl Explain for InvalidName {
    fn code(&self) -> &'static str {
        "name-invalid"
    }

    fn hint(&self) -> Option<String> {
        Some(
            "write www.example.com, *.example.com, 10.0.0.7 or ::1; names beyond ASCII in their xn-- form"
                .to_owned(),
        )
    }
}

impl FromStr for Name {
    type Err = InvalidName;

    /// Host names by RFC 1123, 2.1, with the bounds of RFC 1035, 2.3.4.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Ok(address) = text.trim_matches(['[', ']']).parse() {
            return Ok(Self::Ip(address));
        }
        let name = text.strip_suffix('.').unwrap_or(text).to_ascii_lowercase();
        let host = name.strip_prefix("*.").unwrap_or(&name);
        let label_is_sound = |label: &str| {
            (1..=63).contains(&label.len())
                && !label.starts_with('-')
                && !label.ends_with('-')
                && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        };
        // Only digits in the last label: a mistyped address, not a name.
        let ends_in_letters =
            host.rsplit('.').next().is_some_and(|label| label.bytes().any(|byte| !byte.is_ascii_digit()));
        if name.len() > 253 || !host.split('.').all(label_is_sound) || !ends_in_letters {
            return Err(InvalidName { text: text.to_owned() });
        }
        Ok(Self::Dns(name))
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dns(name) => f.write_str(name),
            Self::Ip(address) => fmt::Display::fmt(address, f),
        }
    }
}

impl TryFrom<String> for Name {
    type Error = InvalidName;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Name> for String {
    fn from(name: Name) -> Self {
        name.to_string()
    }
}
