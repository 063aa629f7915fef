//! A client under which a certificate is switched: a new, fully verified TLS connection every few milliseconds.
//!
//! It shows what a handover costs the server's users: whether a single connection failed, when the successor was
//! first served, and when the old certificate was last. Resumption is off, so that each connection is a full
//! handshake and shows a certificate.

use std::fmt;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rustls::client::Resumption;
use rustls::crypto::aws_lc_rs;
use rustls::{ClientConfig, ClientConnection, RootCertStore, Stream};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, ServerName};

use crate::condition::wait_until;
use crate::digest::thumbprint;

/// How long one connection may take at each step.
const LIMIT: Duration = Duration::from_secs(5);

/// What the clients of a server saw.
#[derive(Clone, Debug)]
pub struct LoadReport {
    /// When the load began; the times below count from here.
    pub started: Instant,
    /// Handshakes that were completed and verified.
    pub handshakes: u64,
    /// What went wrong, one line for each connection that failed: the time, the step, the error.
    pub failures: Vec<String>,
    /// The certificates that were served, in the order in which they were first seen.
    pub thumbprints: Vec<SeenThumbprint>,
}

/// A certificate that was served under load.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeenThumbprint {
    /// SHA-1 of the leaf's DER, 40 upper-case hex digits.
    pub thumbprint: String,
    /// When the first handshake with it was completed, counted from the start of the load.
    pub first: Duration,
    /// When the last handshake with it was completed, counted from the start of the load.
    pub last: Duration,
    /// How many handshakes showed it.
    pub count: u64,
}

impl LoadReport {
    /// What was seen of the certificate with this thumbprint, if it was served at all.
    pub fn seen(&self, thumbprint: &str) -> Option<&SeenThumbprint> {
        self.thumbprints.iter().find(|seen| seen.thumbprint == thumbprint)
    }
}

/// A running load on one endpoint. It ends when it is stopped or dropped.
#[derive(Debug)]
pub struct TlsLoad {
    report: Arc<Mutex<LoadReport>>,
    end: Option<Sender<()>>,
    client: Option<JoinHandle<()>>,
}

impl TlsLoad {
    /// Starts a thread that connects to `address`, verifies its certificate for `server_name` against `root_pem`
    /// alone, asks for `/`, reads the first bytes of the answer, closes, pauses for `pause`, and begins again.
    ///
    /// Panics when `server_name` or `root_pem` cannot be parsed.
    pub fn start(address: SocketAddr, server_name: &str, root_pem: &str, pause: Duration) -> Self {
        let config = client_config(root_pem);
        let name = ServerName::try_from(server_name.to_owned()).expect("a server name");
        let started = Instant::now();
        let empty = LoadReport { started, handshakes: 0, failures: Vec::new(), thumbprints: Vec::new() };
        let report = Arc::new(Mutex::new(empty));
        let (end, ended) = mpsc::channel();

        let shared = Arc::clone(&report);
        let client = thread::spawn(move || {
            loop {
                let outcome = connect(address, &config, &name, |leaf| locked(&shared).handshake(leaf));
                if let Err(failure) = outcome {
                    locked(&shared).failure(&failure);
                }
                match ended.recv_timeout(pause) {
                    Err(RecvTimeoutError::Timeout) => {}
                    Ok(()) | Err(RecvTimeoutError::Disconnected) => return,
                }
            }
        });
        Self { report, end: Some(end), client: Some(client) }
    }

    /// What was seen so far.
    pub fn report(&self) -> LoadReport {
        locked(&self.report).clone()
    }

    /// Waits until at least `count` more handshakes were completed; panics after half a minute.
    #[track_caller]
    pub fn wait_for_handshakes(&self, count: u64) {
        let goal = self.report().handshakes + count;
        wait_until("enough handshakes were completed under load", Duration::from_secs(30), || {
            locked(&self.report).handshakes >= goal
        });
    }

    /// Ends the load after the connection under way and answers all that was seen.
    pub fn stop(mut self) -> LoadReport {
        self.end();
        self.report()
    }

    fn end(&mut self) {
        self.end = None;
        if let Some(client) = self.client.take() {
            // A panic of the client shows in its own message; the report is still what was seen.
            let _ = client.join();
        }
    }
}

impl Drop for TlsLoad {
    fn drop(&mut self) {
        self.end();
    }
}

impl LoadReport {
    fn handshake(&mut self, leaf: &CertificateDer<'_>) {
        let (now, thumbprint) = (self.started.elapsed(), thumbprint(leaf));
        self.handshakes += 1;
        match self.thumbprints.iter_mut().find(|seen| seen.thumbprint == thumbprint) {
            Some(seen) => (seen.last, seen.count) = (now, seen.count + 1),
            None => self.thumbprints.push(SeenThumbprint { thumbprint, first: now, last: now, count: 1 }),
        }
    }

    fn failure(&mut self, failure: &Failure) {
        let line = format!("after {:.3} s: {failure}", self.started.elapsed().as_secs_f64());
        self.failures.push(line);
    }
}

/// The step of a connection that failed, and why.
struct Failure(&'static str, io::Error);

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.0, self.1)
    }
}

/// One connection: handshake, request, first bytes of the answer.
fn connect(
    address: SocketAddr,
    config: &Arc<ClientConfig>,
    name: &ServerName<'static>,
    handshake: impl FnOnce(&CertificateDer<'_>),
) -> Result<(), Failure> {
    let at = |step| move |error| Failure(step, error);
    let mut socket = TcpStream::connect_timeout(&address, LIMIT).map_err(at("connect"))?;
    let limits = [
        socket.set_nodelay(true),
        socket.set_read_timeout(Some(LIMIT)),
        socket.set_write_timeout(Some(LIMIT)),
    ];
    limits.into_iter().collect::<io::Result<()>>().map_err(at("prepare the socket"))?;

    let mut connection = ClientConnection::new(Arc::clone(config), name.clone())
        .map_err(|error| Failure("prepare the handshake", io::Error::other(error)))?;
    while connection.is_handshaking() {
        connection.complete_io(&mut socket).map_err(at("handshake"))?;
    }
    if let Some(leaf) = connection.peer_certificates().and_then(|chain| chain.first()) {
        handshake(leaf);
    }

    let mut stream = Stream::new(&mut connection, &mut socket);
    stream
        .write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        .map_err(at("request"))?;
    match stream.read(&mut [0; 64]).map_err(at("answer"))? {
        0 => Err(Failure("answer", io::ErrorKind::UnexpectedEof.into())),
        _ => Ok(()),
    }
}

fn client_config(root_pem: &str) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    for root in CertificateDer::pem_slice_iter(root_pem.as_bytes()) {
        roots.add(root.expect("a root as PEM")).expect("a certificate as root");
    }
    let mut config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("the provider's own protocol versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.resumption = Resumption::disabled();
    Arc::new(config)
}

fn locked(report: &Mutex<LoadReport>) -> MutexGuard<'_, LoadReport> {
    report.lock().unwrap_or_else(PoisonError::into_inner)
}
