//! Where a server is: an address or a name, with a port.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

use hickory_proto::rr::Name;

use crate::name;

/// The port of name servers (RFC 1035, section 4.2).
pub(crate) const DNS_PORT: u16 = 53;

/// A name server as people write it: `192.0.2.1`, `192.0.2.1:5353`, `[2001:db8::1]:53`, `ns1.example.com`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerAddress {
    pub(crate) host: Host,
    pub(crate) port: u16,
}

/// What stands before the port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Host {
    Ip(IpAddr),
    Name(Name),
}

impl FromStr for ServerAddress {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Ok(address) = text.parse::<SocketAddr>() {
            return Ok(Self { host: Host::Ip(address.ip()), port: address.port() });
        }
        let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
        if let Ok(ip) = bare.parse() {
            return Ok(Self { host: Host::Ip(ip), port: DNS_PORT });
        }
        let wrong = || format!("{text:?} is no server: write ns1.example.com, 192.0.2.1 or [2001:db8::1]:53");
        let (host, port) = match text.rsplit_once(':') {
            Some((host, port)) => (host, port.parse().map_err(|_| wrong())?),
            None => (text, DNS_PORT),
        };
        let host = name::parse(host).map_err(|_| wrong())?;
        Ok(Self { host: Host::Name(host), port })
    }
}

impl fmt::Display for ServerAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.host {
            Host::Ip(ip) => SocketAddr::new(*ip, self.port).fmt(f),
            Host::Name(host) => write!(f, "{}:{}", name::text(host), self.port),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_an_address_or_a_name_with_or_without_a_port() {
        for (text, shown) in [
            ("192.0.2.1", "192.0.2.1:53"),
            ("192.0.2.1:5353", "192.0.2.1:5353"),
            ("2001:db8::1", "[2001:db8::1]:53"),
            ("[2001:db8::1]", "[2001:db8::1]:53"),
            ("[2001:db8::1]:5353", "[2001:db8::1]:5353"),
            ("ns1.example.com", "ns1.example.com:53"),
            ("NS1.example.com.:5353", "ns1.example.com:5353"),
        ] {
            assert_eq!(text.parse::<ServerAddress>().unwrap().to_string(), shown, "{text}");
        }
        for text in ["", ":53", "ns1:port", "ns1:70000", "ns 1", "[ns1]", "a..b", "-x y"] {
            assert!(text.parse::<ServerAddress>().is_err(), "{text}");
        }
    }
}
