//! Where a target can be asked which certificate it serves.

use std::fmt;
use std::net::SocketAddr;
use std::str::FromStr;

use baton_finding::Explain;
use rustls_pki_types::ServerName;
use serde::{Deserialize, Serialize};

/// Host and port, as `www.example.com:443`, `10.0.0.7:443` or `[::1]:443`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct EndpointAddress {
    host: String,
    port: u16,
}

/// The text is no host with a port.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is no endpoint")]
pub struct InvalidEndpoint {
    text: String,
}

impl Explain for InvalidEndpoint {
    fn code(&self) -> &'static str {
        "endpoint-invalid"
    }

    fn hint(&self) -> Option<String> {
        Some("write HOST:PORT, for example www.example.com:443, 10.0.0.7:443 or [::1]:443".to_owned())
    }
}

impl EndpointAddress {
    /// The host without brackets: a DNS name or an address.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The TCP port.
    pub fn port(&self) -> u16 {
        self.port
    }
}

impl FromStr for EndpointAddress {
    type Err = InvalidEndpoint;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let invalid = || InvalidEndpoint { text: text.to_owned() };
        let (host, port) = text.rsplit_once(':').ok_or_else(invalid)?;
        let port: u16 = port.parse().map_err(|_| invalid())?;
        let host = match host.strip_prefix('[') {
            Some(address) => address.strip_suffix(']').ok_or_else(invalid)?,
            None if host.contains(':') => return Err(invalid()),
            None => host,
        };
        if port == 0 || ServerName::try_from(host).is_err() {
            return Err(invalid());
        }
        Ok(Self { host: host.to_owned(), port })
    }
}

impl From<SocketAddr> for EndpointAddress {
    fn from(address: SocketAddr) -> Self {
        Self { host: address.ip().to_string(), port: address.port() }
    }
}

impl TryFrom<String> for EndpointAddress {
    type Error = InvalidEndpoint;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<EndpointAddress> for String {
    fn from(address: EndpointAddress) -> Self {
        address.to_string()
    }
}

impl fmt::Display for EndpointAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

/// An address and the server name to ask it for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Endpoint {
    /// Where to connect.
    pub address: EndpointAddress,
    /// The name in the TLS handshake (SNI, RFC 6066, 3); an address is not sent.
    pub name: String,
    /// Whether nobody said so: the port is the product's usual one.
    pub assumed: bool,
}

impl Endpoint {
    /// The endpoint of an address, asked for its own host.
    pub fn of(address: EndpointAddress) -> Self {
        Self { name: address.host().to_owned(), address, assumed: false }
    }

    /// The addresses that its host stands for now.
    pub async fn resolve(&self) -> std::io::Result<Vec<SocketAddr>> {
        let mut addresses: Vec<SocketAddr> =
            tokio::net::lookup_host((self.address.host(), self.address.port())).await?.collect();
        addresses.sort();
        addresses.dedup();
        if addresses.is_empty() {
            return Err(std::io::Error::new(
                std::io::ErrorKind::NotFound,
                format!("`{}` has no address", self.address.host()),
            ));
        }
        Ok(addresses)
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.name == self.address.host() {
            fmt::Display::fmt(&self.address, f)
        } else {
            write!(f, "{} ({})", self.address, self.name)
        }
    }
}
