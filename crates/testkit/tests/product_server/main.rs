//! The stand-in and the other peers of Baton's tests, checked from outside: TLS with OpenSSL's command line, plain
//! HTTP over a bare socket. One module for each part of the table in `baton_testkit::product_server`.

#![cfg(unix)]
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "what these functions of tests cannot do is a failed test"
)]

mod acme_proxy;
mod connections;
mod endpoints;
mod faults;
mod general_json;
mod peers;
mod service;
mod start;
mod xtract_core;

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::Output;
use std::sync::OnceLock;
use std::time::Duration;

use baton_testkit::openssl::{self, OpenConnection};
use baton_testkit::{Authority, IssuedCertificate, program};

/// The name on all certificates here.
const NAME: &str = "sap.example.com";

/// One authority for the whole test program.
fn authority() -> &'static Authority {
    static AUTHORITY: OnceLock<Authority> = OnceLock::new();
    AUTHORITY.get_or_init(|| Authority::new("Stand-in Test"))
}

fn certificate() -> IssuedCertificate {
    authority().issue(&[NAME]).sign()
}

/// The thumbprint that `address` serves to a new connection.
#[track_caller]
fn served(address: SocketAddr) -> String {
    match openssl::served_certificate(address, NAME) {
        Ok(certificate) => certificate.thumbprint,
        Err(error) => panic!("no certificate from {address}: {error}"),
    }
}

/// Nobody listens at `address`.
fn is_closed(address: SocketAddr) -> bool {
    TcpStream::connect(address).is_err_and(|error| error.kind() == ErrorKind::ConnectionRefused)
}

/// The whole answer to a request for `path` in plain HTTP.
#[track_caller]
fn plain_get(address: SocketAddr, path: &str) -> String {
    exchange(address, &format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n"))
}

/// The whole answer to a request for `path` over TLS.
#[track_caller]
fn tls_get(address: SocketAddr, path: &str) -> String {
    OpenConnection::open(address, NAME).unwrap().get(path).unwrap()
}

/// All that comes back for `request` on a bare socket.
#[track_caller]
fn exchange(address: SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}

/// Runs `product-server` to its end.
fn product_server(arguments: &[&str]) -> Output {
    std::process::Command::new(program("product-server")).args(arguments).output().unwrap()
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}
