//! Listening sockets and the workers behind them.
//!
//! A connection belongs to its worker from the first byte to the last, with the certificate that the worker began
//! with. Every wait of a worker is bounded by [`IDLE_LIMIT`].

use std::io::{self, ErrorKind, Read};
use std::net::{IpAddr, Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use rustls::{ServerConfig, ServerConnection, StreamOwned};

use super::arguments::complain;
use super::http::Pages;
use crate::condition::wait_for;

/// How long a client may be silent.
const IDLE_LIMIT: Duration = Duration::from_secs(10);

/// How long to wait, after the answer, for a client to close its side: an early close could cost it the answer.
const LINGER_LIMIT: Duration = Duration::from_secs(1);

/// How long a port may stay taken: by what is left of connections of the server that was stopped just before.
const BIND_LIMIT: Duration = Duration::from_secs(5);

/// An open port and what is spoken there.
#[derive(Debug)]
pub(super) struct Listener {
    pub(super) socket: TcpListener,
    pub(super) pages: Pages,
    /// TLS when it is there, plain HTTP otherwise.
    pub(super) tls: Option<Arc<ServerConfig>>,
}

/// Opens a port; 0 takes any that is free. Tries again for a while when the port is taken.
pub(super) fn bind(address: IpAddr, port: u16) -> io::Result<TcpListener> {
    let mut last = io::Error::from(ErrorKind::AddrInUse);
    let bound = wait_for(BIND_LIMIT, || match TcpListener::bind((address, port)) {
        Err(error) if error.kind() == ErrorKind::AddrInUse => {
            last = error;
            None
        }
        outcome => Some(outcome),
    });
    bound.unwrap_or(Err(last))
}

/// The address at which this machine reaches a socket: loopback where it listens on every address.
pub(super) fn reachable_address(socket: &TcpListener) -> io::Result<SocketAddr> {
    let mut address = socket.local_addr()?;
    if address.ip() == IpAddr::V4(Ipv4Addr::UNSPECIFIED) {
        address.set_ip(IpAddr::V4(Ipv4Addr::LOCALHOST));
    }
    Ok(address)
}

impl Listener {
    /// Accepts connections on a thread of its own, for the life of the process.
    pub(super) fn accept_in_background(self) -> io::Result<()> {
        let name = format!("accept {}", self.pages.endpoint);
        thread::Builder::new().name(name).spawn(move || self.accept()).map(drop)
    }

    fn accept(self) {
        for connection in self.socket.incoming() {
            let (pages, tls) = (self.pages, self.tls.clone());
            let worker = |stream| {
                let work = move || serve(stream, pages, tls);
                thread::Builder::new().name("worker".to_owned()).spawn(work)
            };
            if let Err(error) = connection.and_then(worker) {
                complain(&format!("warning: a connection was not served: {error}"));
                thread::park_timeout(Duration::from_millis(50)); // out of files or threads: let some end first
            }
        }
    }
}

/// A worker's life: one connection.
fn serve(stream: TcpStream, pages: Pages, tls: Option<Arc<ServerConfig>>) {
    // Errors here are the client's doing (it went away, it distrusts the certificate) and the client's to report.
    let _ = match tls {
        Some(config) => serve_tls(stream, pages, config),
        None => serve_plain(stream, pages),
    };
}

fn serve_plain(mut stream: TcpStream, pages: Pages) -> io::Result<()> {
    limit(&stream, IDLE_LIMIT)?;
    pages.exchange(&mut stream)?;
    linger(stream)
}

fn serve_tls(stream: TcpStream, pages: Pages, config: Arc<ServerConfig>) -> io::Result<()> {
    limit(&stream, IDLE_LIMIT)?;
    let connection = ServerConnection::new(config).map_err(io::Error::other)?;
    let mut stream = StreamOwned::new(connection, stream);
    pages.exchange(&mut stream)?;
    stream.conn.send_close_notify();
    io::Write::flush(&mut stream)?;
    linger(stream.sock)
}

fn limit(stream: &TcpStream, limit: Duration) -> io::Result<()> {
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(limit))?;
    stream.set_write_timeout(Some(limit))
}

/// Says that there is no more to come, and reads what the client still sends until it closes too.
fn linger(mut stream: TcpStream) -> io::Result<()> {
    stream.shutdown(Shutdown::Write)?;
    stream.set_read_timeout(Some(LINGER_LIMIT))?;
    let mut rest = [0; 256];
    while stream.read(&mut rest)? > 0 {}
    Ok(())
}
