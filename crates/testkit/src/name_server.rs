//! Real authoritative name servers: BIND 9 and Knot, with zones that take dynamic updates signed with TSIG.
//!
//! BIND listens at 127.0.0.1 and a port of its own: it takes addresses of the machine's interfaces only. For root, Knot
//! listens at an address of its own of the loopback network, drawn by lot, and at port 53: an answer about the servers of
//! a zone names addresses without a port, and so a client under test can find them by itself.
//!
//! The programs run as copies in the fixture's directory: a profile of AppArmor is for a program at its usual path, and
//! would forbid that directory.

use std::collections::BTreeSet;
use std::collections::hash_map::RandomState;
use std::fmt::Write as _;
use std::hash::{BuildHasher as _, Hasher as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use nix::sys::signal::Signal;
use tempfile::TempDir;

use crate::condition::wait_until;
use crate::port::ReservedPort;
use crate::server::{self, Server};
use crate::{invocation, process};

mod bind;
mod knot;

/// How long one question may take.
const LIMIT: Duration = Duration::from_secs(10);

/// How often a place is drawn.
const ATTEMPTS: usize = 20;

/// Whose server it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Software {
    /// BIND 9: `named`.
    Bind,
    /// Knot DNS: `knotd`.
    Knot,
}

/// A key of TSIG (RFC 8945).
#[derive(Clone, Debug)]
pub struct TransferKey {
    /// Its name, without the dot at the end.
    pub name: String,
    /// Its algorithm, as BIND writes it.
    pub algorithm: String,
    /// Its secret, in base64.
    pub secret: String,
}

impl TransferKey {
    /// A new key.
    pub fn new(name: &str, algorithm: &str) -> Self {
        // Hexadecimal digits are base64 too.
        let secret = (0..8).map(|_| format!("{:016x}", random())).collect();
        Self { name: name.to_owned(), algorithm: algorithm.to_owned(), secret }
    }

    /// The key file, as `tsig-keygen` writes it.
    pub fn file(&self) -> String {
        let Self { name, algorithm, secret } = self;
        format!("key \"{name}\" {{\n\talgorithm {algorithm};\n\tsecret \"{secret}\";\n}};\n")
    }
}

/// A zone that a server has.
#[derive(Clone, Debug)]
pub enum Zone {
    /// Its records are changed here.
    Primary {
        /// Its name, without the dot at the end.
        name: String,
        /// Its records beside the SOA, one a line, as in a zone file: at least an NS.
        records: String,
        /// The key that may change TXT records; without one nobody may.
        key: Option<TransferKey>,
        /// The servers that are told of changes.
        secondaries: Vec<SocketAddr>,
    },
    /// A copy of another server's.
    Secondary {
        /// Its name, without the dot at the end.
        name: String,
        /// Where it is copied from.
        primary: SocketAddr,
    },
}

impl Zone {
    fn name(&self) -> &str {
        match self {
            Self::Primary { name, .. } | Self::Secondary { name, .. } => name,
        }
    }
}

/// What a server is to be.
#[derive(Debug)]
pub struct Options {
    /// Whose it is.
    pub software: Software,
    /// Where it listens.
    pub place: Place,
    /// What it has.
    pub zones: Vec<Zone>,
    /// How long BIND waits after it has told its secondaries of a change, before it tells them of the next one.
    pub notify_delay: Duration,
}

/// A running name server; ended by its process id when dropped.
#[derive(Debug)]
pub struct NameServer {
    // The server first: it is ended before its directory goes.
    server: Server,
    place: Place,
    software: Software,
    directory: TempDir,
}

/// Where one name server listens, and nobody else.
#[derive(Debug)]
pub struct Place {
    address: SocketAddr,
    _reserved: Option<ReservedPort>,
}

impl Place {
    /// A free place for a server of `software`.
    #[track_caller]
    pub fn new(software: Software) -> Self {
        if software == Software::Bind || !have_usual_port() {
            let reserved = ReservedPort::for_tcp_and_udp();
            return Self { address: reserved.address(), _reserved: Some(reserved) };
        }
        for _ in 0..ATTEMPTS {
            let [a, b, c, ..] = random().to_be_bytes();
            // Not 127.0.0.0/16, where everything else is, and no address that ends with 0 or 255.
            let address = SocketAddr::from((Ipv4Addr::new(127, a | 1, b, c % 254 + 1), 53));
            if UdpSocket::bind(address).is_ok() && TcpListener::bind(address).is_ok() {
                return Self { address, _reserved: None };
            }
        }
        panic!("no free place for a name server");
    }

    /// The address with its port.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

/// True when Knot has the usual port here, so that a client can find it by a zone's NS records.
pub fn have_usual_port() -> bool {
    nix::unistd::geteuid().is_root()
}

impl NameServer {
    /// Starts a server and waits until it answers for all its zones.
    ///
    /// Panics with the server's words when it does not start.
    #[track_caller]
    pub fn start(options: Options) -> Self {
        Self::start_ahead(options, Duration::ZERO)
    }

    /// Like [`start`](Self::start), with a clock that is ahead.
    #[track_caller]
    pub fn start_ahead(options: Options, ahead: Duration) -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let path = directory.path();
        for zone in &options.zones {
            if let Zone::Primary { name, records, .. } = zone {
                fs_err::write(path.join(format!("{name}.zone")), zone_file(name, records))
                    .expect("a zone file");
            }
        }
        let (program, configuration, arguments) = match options.software {
            Software::Bind => ("named", bind::configuration(&options), bind::ARGUMENTS),
            Software::Knot => ("knotd", knot::configuration(&options, path), knot::ARGUMENTS),
        };
        fs_err::write(path.join("server.conf"), configuration).expect("a configuration");
        let mut command = Command::new(copied(program, path));
        command.args(arguments);
        if !ahead.is_zero() {
            command.env("LD_PRELOAD", fake_time()).env("FAKETIME", format!("+{}s", ahead.as_secs()));
            command.env("FAKETIME_DONT_FAKE_MONOTONIC", "1").env("FAKETIME_NO_CACHE", "1");
        }
        let mut server = Server::start(program, path, command).unwrap_or_else(|message| panic!("{message}"));
        let address = options.place.address();
        let ready = || options.zones.iter().all(|zone| has_zone(address, zone.name()));
        server.wait_until_ready(path, ready).unwrap_or_else(|message| panic!("{message}"));
        Self { server, place: options.place, software: options.software, directory }
    }

    /// Where it answers, over UDP and TCP.
    pub fn address(&self) -> SocketAddr {
        self.place.address()
    }

    /// The values of a TXT record here, as `dig` shows them; none when there is no such record.
    #[track_caller]
    pub fn txt(&self, name: &str) -> BTreeSet<String> {
        let (address, port) = (format!("@{}", self.address().ip()), self.address().port().to_string());
        let arguments =
            ["dig", &address, "-p", &port, "+norecurse", "+short", "+tcp", "+tries=1", name, "TXT"];
        match invocation::run(&arguments, LIMIT) {
            Ok(finished) => {
                let answer = finished.expect_success().stdout;
                answer.lines().map(|line| line.replace("\" \"", "").trim_matches('"').to_owned()).collect()
            }
            Err(error) => panic!("{name} cannot be asked for: {error}"),
        }
    }

    /// Stops it in its tracks: it takes questions and does not answer, until it is [woken](Self::wake).
    #[track_caller]
    pub fn suspend(&self) {
        process::send(self.server.id(), Signal::SIGSTOP).expect("the server can be stopped");
        // The signal is on its way: until it has reached every thread, one may still answer.
        wait_until("every thread of the server is stopped", LIMIT, || process::is_stopped(self.server.id()));
    }

    /// Lets it go on.
    #[track_caller]
    pub fn wake(&self) {
        process::send(self.server.id(), Signal::SIGCONT).expect("the server can be woken");
    }

    /// All that it has logged.
    pub fn log(&self) -> String {
        let program = match self.software {
            Software::Bind => "named",
            Software::Knot => "knotd",
        };
        server::log_of(self.directory.path(), program)
    }
}

impl Drop for NameServer {
    fn drop(&mut self) {
        // One that is stopped would not notice that it is to end.
        let _ = process::send(self.server.id(), Signal::SIGCONT);
    }
}

impl Options {
    /// All keys, each once.
    fn keys(&self) -> Vec<&TransferKey> {
        let mut keys: Vec<&TransferKey> = Vec::new();
        for zone in &self.zones {
            if let Zone::Primary { key: Some(key), .. } = zone
                && !keys.iter().any(|known| known.name == key.name)
            {
                keys.push(key);
            }
        }
        keys
    }
}

fn zone_file(name: &str, records: &str) -> String {
    let mut text = format!("$ORIGIN {name}.\n$TTL 60\n@ IN SOA ns1 hostmaster 1 3600 600 86400 5\n");
    for record in records.lines() {
        let _ = writeln!(text, "{}", record.trim_end());
    }
    text
}

/// The library that shifts a program's clock.
#[track_caller]
fn fake_time() -> PathBuf {
    let directories = fs_err::read_dir("/usr/lib").expect("the system's libraries").flatten();
    let mut libraries = directories.map(|entry| entry.path().join("faketime/libfaketime.so.1"));
    match libraries.find(|library| library.exists()) {
        Some(library) => library,
        None => panic!("libfaketime is not installed: scripts/test installs it"),
    }
}

/// A copy of the program in `directory`.
#[track_caller]
fn copied(program: &str, directory: &Path) -> PathBuf {
    let found = ["/usr/sbin", "/usr/local/sbin", "/usr/bin"]
        .iter()
        .map(|directory| Path::new(directory).join(program))
        .find(|path| path.exists());
    let Some(found) = found else { panic!("{program} is not installed: scripts/test installs it") };
    let copy = directory.join(program);
    fs_err::copy(found, &copy).expect("a copy of the program");
    copy
}

/// True when the server answers with authority for the zone's SOA.
fn has_zone(server: SocketAddr, zone: &str) -> bool {
    // One question (RFC 1035, section 4.1): id 1, no recursion, SOA of the zone.
    let mut question = b"\0\x01\0\0\0\x01\0\0\0\0\0\0".to_vec();
    for label in zone.split('.') {
        question.push(u8::try_from(label.len()).expect("a label of at most 63 bytes"));
        question.extend_from_slice(label.as_bytes());
    }
    question.extend_from_slice(b"\0\0\x06\0\x01");
    let ask = || {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
        socket.set_read_timeout(Some(Duration::from_millis(500)))?;
        socket.connect(server)?;
        socket.send(&question)?;
        let mut answer = [0; 512];
        socket.recv(&mut answer).map(|_| answer)
    };
    // An authoritative answer (AA) with the code NOERROR and one record.
    ask().is_ok_and(|answer| answer[2] & 0x04 != 0 && answer[3] & 0x0f == 0 && answer[7] == 1)
}

/// A random number: each `RandomState` has another key.
fn random() -> u64 {
    RandomState::new().build_hasher().finish()
}
