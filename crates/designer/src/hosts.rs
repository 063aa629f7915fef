//! The names that the Designer answers to.
//!
//! A stranger's page can give its own name the address 127.0.0.1 and then read what is served there as if it were
//! its own (DNS rebinding). The browser still sends that name with each request, and here it is refused.
//! Addresses cannot be given away like that.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use axum::http::Request;
use axum::http::header::HOST;

/// The names that the Designer answers to, as they stand in a `Host` header without the port.
#[derive(Debug)]
pub(crate) struct Hosts {
    names: Vec<String>,
    /// `:` and the listener's port.
    port: String,
}

/// The address of this machine that a client has come to: it may be named by that.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ReachedAddress(pub(crate) IpAddr);

/// What a request says of the host it wants.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// One that the Designer is.
    Ours,
    /// One that it is not.
    Other,
    /// None, or several: RFC 9112, section 3.2, asks to refuse that as a bad request.
    Unclear,
}

impl Hosts {
    /// Those of the loopback interface, the listener's own address, and `named`.
    pub(crate) fn new(address: SocketAddr, named: Vec<String>) -> Self {
        let mut names = ["localhost", "127.0.0.1", "[::1]"].map(str::to_owned).to_vec();
        names.extend(std::iter::once(address.ip().to_string()).chain(named).map(in_brackets));
        Self { names, port: format!(":{}", address.port()) }
    }

    /// Looks at the `Host` header, and at the request line where that names a host too (RFC 9112, section
    /// 3.2.2): both have to be ours.
    pub(crate) fn wanted<B>(&self, request: &Request<B>) -> Wanted {
        let mut headers = request.headers().get_all(HOST).iter();
        let (Some(header), None) = (headers.next(), headers.next()) else {
            return Wanted::Unclear;
        };
        let reached = request.extensions().get().map(|ReachedAddress(ip)| in_brackets(ip.to_string()));
        let reached = reached.as_deref();
        let in_header = header.to_str().is_ok_and(|host| self.contain(host, reached));
        let in_line =
            request.uri().authority().is_none_or(|authority| self.contain(authority.as_str(), reached));
        if in_header && in_line { Wanted::Ours } else { Wanted::Other }
    }

    /// Whether this is one of the names, or the address that was reached, with the listener's port or without one.
    fn contain(&self, authority: &str, reached: Option<&str>) -> bool {
        let host = authority.strip_suffix(&self.port).unwrap_or(authority);
        let mut names = self.names.iter().map(String::as_str).chain(reached);
        names.any(|name| name.eq_ignore_ascii_case(host))
    }
}

/// An IPv6 address as it stands in a `Host` header (RFC 3986, section 3.2.2).
fn in_brackets(name: String) -> String {
    if name.parse::<Ipv6Addr>().is_ok() { format!("[{name}]") } else { name }
}
