//! A real ACME server (RFC 8555) on free ports of the loopback interface: Pebble, with its challenge test server
//! as the name server that answers every name with one address, or with a [`crate::name_server`] for dns-01.
//!
//! Each start makes a new root and a new intermediate, so a certificate of one fixture is nothing to another. Three
//! certificates must be told apart: what the directory is served with leads to [`Pebble::directory_root`], what is
//! issued leads to [`Pebble::root_pem`], and neither root is known to the machine.
//!
//! Validation comes to 127.0.0.1, or to the same ports of [`PebbleOptions::every_name`]: for http-01 to [`Pebble::http_address`], for tls-alpn-01 to
//! [`Pebble::tls_address`]. Both ports are reserved and nobody listens there before the client under test does.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::json;
use tempfile::TempDir;

use crate::authority::Authority;
use crate::invocation;
use crate::port::ReservedPort;
use crate::server::{self, Server};

/// How long the two servers may take to start or to end.
const LIMIT: Duration = Duration::from_secs(20);

/// How long one answer may take.
const ANSWER_LIMIT: Duration = Duration::from_millis(500);

/// How often a start is tried: the UDP port of the name server cannot be reserved.
const ATTEMPTS: usize = 3;

/// How the ACME server behaves.
#[derive(Clone, Debug)]
pub struct PebbleOptions {
    /// How many of a hundred good nonces are refused with `badNonce`; Pebble's own default is 5.
    pub nonce_reject_percent: u8,
    /// How many of a hundred authorizations that are still valid are used again for a new order, so that nothing
    /// is validated; Pebble's own default is 50.
    pub authorization_reuse_percent: u8,
    /// How many further roots sign the same certificates, offered as alternate chains (RFC 8555, section 7.4.2).
    pub alternate_roots: u8,
    /// How long the certificates live.
    pub validity: Duration,
    /// An external account that every new account must be bound to (RFC 8555, section 7.3.4): its key identifier,
    /// and its MAC key in base64url.
    pub external_account: Option<(String, String)>,
    /// Whether it takes up to so many seconds to look at a challenge, as real CAs do; without any it looks at once.
    pub sleep_seconds: Option<u8>,
    /// Pebble's `-strict`: refuses what future versions of the protocol's servers will refuse.
    pub strict: bool,
    /// The name server that is asked for every name; `None`: the challenge test server.
    pub name_server: Option<SocketAddr>,
    /// The one address of every name, as the challenge test server tells it.
    pub every_name: IpAddr,
}

impl Default for PebbleOptions {
    /// No nonce refused, nothing used again, one root, 90 days, every name at 127.0.0.1.
    fn default() -> Self {
        Self {
            nonce_reject_percent: 0,
            authorization_reuse_percent: 0,
            alternate_roots: 0,
            validity: Duration::from_secs(90 * 24 * 60 * 60),
            external_account: None,
            sleep_seconds: None,
            strict: false,
            name_server: None,
            every_name: IpAddr::V4(Ipv4Addr::LOCALHOST),
        }
    }
}

/// A running Pebble with its name server; both ended by their process ids when dropped.
#[derive(Debug)]
pub struct Pebble {
    // Servers first: they are ended before their directory and their ports go.
    _acme: Server,
    _names: Server,
    ports: Ports,
    directory: TempDir,
    root_pem: String,
}

#[derive(Debug)]
struct Ports {
    acme: ReservedPort,
    management: ReservedPort,
    http: ReservedPort,
    tls: ReservedPort,
    names: ReservedPort,
    names_management: ReservedPort,
}

impl Pebble {
    /// Starts an obliging ACME server and waits until it answers.
    ///
    /// Panics with the words of the two servers when they do not start.
    #[track_caller]
    pub fn start() -> Self {
        Self::with(&PebbleOptions::default())
    }

    /// Starts an ACME server that behaves as `options` say, and waits until it answers.
    ///
    /// Panics with the words of the two servers when they do not start.
    #[track_caller]
    pub fn with(options: &PebbleOptions) -> Self {
        let mut said = String::new();
        for _ in 0..ATTEMPTS {
            match Self::attempt(options) {
                Ok(pebble) => return pebble,
                Err(message) => said = message,
            }
        }
        panic!("pebble did not start: {said}");
    }

    /// The URL of the directory (RFC 8555, section 7.1.1), which clients take as their server.
    pub fn directory_url(&self) -> String {
        format!("https://{}/dir", self.ports.acme.address())
    }

    /// Where the ACME server listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.ports.acme.address()
    }

    /// The certificate and the key that the directory is served with.
    pub(crate) fn own_certificate(&self) -> (PathBuf, PathBuf) {
        (self.directory.path().join("certificate.pem"), self.directory.path().join("key.pem"))
    }

    /// A PEM file with the root that the directory's own certificate leads to: what an ACME client must trust.
    pub fn directory_root(&self) -> PathBuf {
        self.directory.path().join("directory-root.pem")
    }

    /// The root that the issued certificates lead to, as PEM: what a client of the server under test must trust.
    pub fn root_pem(&self) -> &str {
        &self.root_pem
    }

    /// Where http-01 is validated (RFC 8555, section 8.3): the client's own server or a webroot listens here.
    pub fn http_address(&self) -> SocketAddr {
        self.ports.http.address()
    }

    /// Where tls-alpn-01 is validated (RFC 8737).
    pub fn tls_address(&self) -> SocketAddr {
        self.ports.tls.address()
    }

    /// The management interface of the name server: a `POST` of `{"host": "_acme-challenge.NAME.", "value": "…"}`
    /// to `/set-txt` there makes the record that dns-01 asks for (RFC 8555, section 8.4).
    pub fn names_management_url(&self) -> String {
        format!("http://{}", self.ports.names_management.address())
    }

    /// What the CA says of a certificate that it has issued, by its serial number in hexadecimal digits: `Valid` or
    /// `Revoked`.
    pub fn certificate_status(&self, serial: &str) -> String {
        let management = self.ports.management.address();
        let text = ask(&self.directory_root(), management, &format!("cert-status-by-serial/{serial}"));
        let answer: serde_json::Value = serde_json::from_str(&text).expect("JSON from pebble");
        answer["Status"].as_str().unwrap_or_default().to_owned()
    }

    /// All that the ACME server has logged.
    pub fn log(&self) -> String {
        server::log_of(self.directory.path(), "pebble")
    }

    fn attempt(options: &PebbleOptions) -> Result<Self, String> {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let ports = Ports {
            acme: ReservedPort::new(),
            management: ReservedPort::new(),
            http: ReservedPort::new(),
            tls: ReservedPort::new(),
            names: ReservedPort::new(),
            names_management: ReservedPort::new(),
        };
        let path = |name: &str| directory.path().join(name);
        let authority = Authority::new("Pebble Directory");
        let own = authority.issue(&["localhost", "127.0.0.1"]).sign();
        own.write_files(&path("certificate.pem"), &path("key.pem"));
        fs_err::write(path("directory-root.pem"), authority.root_pem()).expect("the root in a file");
        fs_err::write(path("pebble.json"), configuration(&ports, options).to_string())
            .expect("a configuration for pebble");

        let mut names = Command::new("pebble-challtestsrv");
        names.args(["-http01", "", "-https01", "", "-tlsalpn01", ""]);
        let every_name = options.every_name.to_string();
        let (v4, v6) = if options.every_name.is_ipv4() { (&*every_name, "") } else { ("", &*every_name) };
        names.args(["-defaultIPv4", v4, "-defaultIPv6", v6]);
        names.args(["-dns01", &ports.names.address().to_string()]);
        names.args(["-management", &ports.names_management.address().to_string()]);
        let mut names = Server::start("pebble-challtestsrv", directory.path(), names)?;
        let mut acme = Command::new("pebble");
        let name_server = options.name_server.unwrap_or_else(|| ports.names.address());
        acme.args(["-config", "pebble.json", "-dnsserver", &name_server.to_string()]);
        if options.strict {
            acme.arg("-strict");
        }
        acme.env("PEBBLE_VA_NOSLEEP", "1")
            .env_remove("PEBBLE_VA_ALWAYS_VALID")
            .env("PEBBLE_WFE_NONCEREJECT", options.nonce_reject_percent.to_string())
            .env("PEBBLE_AUTHZREUSE", options.authorization_reuse_percent.to_string())
            .env("PEBBLE_ALTERNATE_ROOTS", options.alternate_roots.to_string());
        let mut acme = Server::start("pebble", directory.path(), acme)?;
        names.wait_until_ready(directory.path(), || {
            accepts(ports.names_management.address()) && resolves(ports.names.address())
        })?;
        acme.wait_until_ready(directory.path(), || {
            accepts(ports.acme.address()) && accepts(ports.management.address())
        })?;
        let root_pem = issuing_root(&path("directory-root.pem"), ports.management.address());
        Ok(Self { _acme: acme, _names: names, ports, directory, root_pem })
    }
}

fn configuration(ports: &Ports, options: &PebbleOptions) -> serde_json::Value {
    let external: serde_json::Map<_, _> =
        options.external_account.iter().map(|(id, key)| (id.clone(), json!(key))).collect();
    json!({"pebble": {
        "listenAddress": ports.acme.address().to_string(),
        "managementListenAddress": ports.management.address().to_string(),
        "certificate": "certificate.pem",
        "privateKey": "key.pem",
        "httpPort": ports.http.number(),
        "tlsPort": ports.tls.number(),
        "ocspResponderURL": "",
        "externalAccountBindingRequired": options.external_account.is_some(),
        "externalAccountMACKeys": external,
        "certificateValidityPeriod": options.validity.as_secs(),
    }})
}

/// The first root, from Pebble's management interface.
fn issuing_root(directory_root: &Path, management: SocketAddr) -> String {
    ask(directory_root, management, "roots/0")
}

/// Asks the management interface.
fn ask(directory_root: &Path, management: SocketAddr, path: &str) -> String {
    let url = format!("https://{management}/{path}");
    let directory_root = directory_root.to_string_lossy();
    let arguments =
        ["curl", "--silent", "--show-error", "--fail", "--noproxy", "*", "--cacert", &directory_root, &url];
    match invocation::run(&arguments, LIMIT) {
        Ok(finished) => finished.expect_success().stdout,
        Err(error) => panic!("pebble cannot be asked for {path}: {error}"),
    }
}

fn accepts(address: SocketAddr) -> bool {
    TcpStream::connect_timeout(&address, ANSWER_LIMIT).is_ok()
}

/// True when the name server answers over UDP, which Pebble's resolver asks first.
fn resolves(name_server: SocketAddr) -> bool {
    // One question (RFC 1035, section 4.1): id 1, recursion desired, A of `ready.test`.
    const QUESTION: &[u8] = b"\0\x01\x01\0\0\x01\0\0\0\0\0\0\x05ready\x04test\0\0\x01\0\x01";
    let ask = || {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
        socket.set_read_timeout(Some(ANSWER_LIMIT))?;
        socket.connect(name_server)?;
        socket.send(QUESTION)?;
        socket.recv(&mut [0; 512])
    };
    ask().is_ok_and(|length| length >= QUESTION.len())
}
