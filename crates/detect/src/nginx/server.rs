//! The servers of nginx that speak TLS: where they listen, for which names, with which files.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};

use baton_target::EndpointAddress;

use super::dump::{Dump, Placed};

/// A `server` block with a port that speaks TLS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TlsServer {
    /// File and line of the block, for people.
    pub(super) place: String,
    /// Where its ports that speak TLS are reached from this machine.
    pub(super) addresses: Vec<EndpointAddress>,
    /// Its names that a client can ask for as they stand: no wildcards, no patterns.
    pub(super) names: Vec<String>,
    /// The pairs of files, one for each kind of key, as the configuration writes them.
    pub(super) pairs: Vec<(String, String)>,
}

/// What a block hands down to the blocks in it.
#[derive(Debug, Clone, Default)]
struct Inherited {
    certificates: Vec<String>,
    keys: Vec<String>,
}

/// All servers that speak TLS, in the order of the configuration.
pub(super) fn tls_servers(dump: &Dump) -> Vec<TlsServer> {
    let mut servers = Vec::new();
    for placed in dump.top() {
        // `http`, `stream` and `mail` hold servers alike.
        if placed.directive.block.is_some() {
            let inside = dump.inside(&placed);
            let inherited = Inherited::default().with(&inside);
            let blocks =
                inside.iter().filter(|it| it.directive.name() == "server" && it.directive.block.is_some());
            servers.extend(blocks.filter_map(|block| tls_server(dump, block, &inherited)));
        }
    }
    servers
}

impl Inherited {
    /// Directives of a block take the place of all of that name further out.
    fn with(&self, directives: &[Placed<'_>]) -> Self {
        let all = |name: &str, inherited: &[String]| {
            let own = directives.iter().filter(|it| it.directive.name() == name);
            let own: Vec<String> = own.flat_map(|it| it.directive.arguments().first().cloned()).collect();
            if own.is_empty() { inherited.to_vec() } else { own }
        };
        Self {
            certificates: all("ssl_certificate", &self.certificates),
            keys: all("ssl_certificate_key", &self.keys),
        }
    }
}

fn tls_server(dump: &Dump, block: &Placed<'_>, inherited: &Inherited) -> Option<TlsServer> {
    let inside = dump.inside(block);
    let arguments = |name: &'static str| {
        inside.iter().filter(move |it| it.directive.name() == name).map(|it| it.directive.arguments())
    };
    // `ssl on;` of versions before 1.25 is for every port of the server.
    let is_all = arguments("ssl").any(|arguments| arguments == ["on"]);
    let mut addresses: Vec<EndpointAddress> = arguments("listen")
        .filter(|arguments| is_all || arguments.iter().skip(1).any(|word| word == "ssl"))
        .filter_map(|arguments| address(arguments.first()?))
        .collect();
    addresses.dedup();
    if addresses.is_empty() {
        return None;
    }
    let names = arguments("server_name").flatten().filter_map(|name| plain_name(name)).collect();
    let files = inherited.with(&inside);
    Some(TlsServer {
        place: format!("{}:{}", block.file.display(), block.directive.line),
        addresses,
        names,
        pairs: files.certificates.into_iter().zip(files.keys).collect(),
    })
}

/// A name as a client asks for it; `.example.com` stands for `example.com` too.
fn plain_name(name: &str) -> Option<String> {
    let name = name.strip_prefix('.').unwrap_or(name);
    let is_plain = name.contains('.')
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte))
        && format!("{name}:443").parse::<EndpointAddress>().is_ok();
    is_plain.then(|| name.to_owned())
}

/// Where a port is reached from this machine; `None` for a socket of the file system.
fn address(listen: &str) -> Option<EndpointAddress> {
    const DEFAULT_PORT: u16 = 80;
    if listen.starts_with("unix:") {
        return None;
    }
    if let Ok(port) = listen.parse::<u16>() {
        return Some(SocketAddr::from((Ipv4Addr::LOCALHOST, port)).into());
    }
    if let Some(port) = listen.strip_prefix("*:") {
        return Some(SocketAddr::from((Ipv4Addr::LOCALHOST, port.parse().ok()?)).into());
    }
    if let Ok(address) = listen.parse::<SocketAddr>() {
        return Some(reachable(address).into());
    }
    if let Ok(ip) = listen.trim_matches(['[', ']']).parse::<IpAddr>() {
        return Some(reachable(SocketAddr::from((ip, DEFAULT_PORT))).into());
    }
    listen.parse().or_else(|_| format!("{listen}:{DEFAULT_PORT}").parse()).ok()
}

/// Who listens at all addresses listens at the loopback one.
fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    SocketAddr::from((ip, address.port()))
}

/// A path as nginx finds it; `None` for what is no file (variables, `data:`, `engine:`).
pub(super) fn path(directory: &Path, text: &str) -> Option<PathBuf> {
    let is_file =
        !text.contains('$') && !["data:", "engine:", "store:"].iter().any(|it| text.starts_with(it));
    is_file.then(|| directory.join(text))
}
