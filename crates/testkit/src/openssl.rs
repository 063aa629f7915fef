//! Servers seen through OpenSSL's command line: a TLS client that shares no code with Baton.
//!
//! Every question opens a new connection (an old one would keep its worker and with it the old certificate) and
//! has a time limit; only an [`OpenConnection`] waits for as long as the server does. IP addresses are not sent as server names (RFC 6066, section 3).

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{IpAddr, SocketAddr};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;

use crate::invocation::{self, Finished};

/// How long a handshake may take.
const LIMIT: Duration = Duration::from_secs(20);

/// The certificate that a server showed in a handshake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServedCertificate {
    /// SHA-1 of the leaf's DER, 40 upper-case hex digits.
    pub thumbprint: String,
    /// SHA-256 of the leaf's DER, 64 lower-case hex digits.
    pub fingerprint: String,
    /// How many certificates the server sent, the leaf included.
    pub chain_len: usize,
}

/// Asks `address` for the certificate it serves under `server_name`, without judging it.
///
/// The error is what OpenSSL said: connection refused, plain HTTP on the port, a broken handshake, a time limit.
pub fn served_certificate(address: SocketAddr, server_name: &str) -> Result<ServedCertificate, String> {
    ask(address, server_name, &[])
}

/// The same as a client that can check signatures of these kinds alone, such as `ECDSA+SHA256` or `RSA-PSS+SHA256`: a
/// server with a certificate for each family of keys answers by it.
pub fn served_certificate_for(
    address: SocketAddr,
    server_name: &str,
    signatures: &str,
) -> Result<ServedCertificate, String> {
    ask(address, server_name, &["-sigalgs", signatures])
}

fn ask(address: SocketAddr, server_name: &str, more: &[&str]) -> Result<ServedCertificate, String> {
    let mut arguments = client_arguments(address, server_name);
    arguments.extend(more.iter().map(|&argument| argument.to_owned()));
    // Nobody asks whether the chain leads anywhere; to read the machine's own roots takes longer than all else.
    let options = ["-showcerts", "-no-CAfile", "-no-CApath", "-no-CAstore"];
    arguments.extend(options.map(str::to_owned));
    let finished = openssl(&arguments)?;
    let leaf = first_certificate(&finished.stdout)
        .ok_or_else(|| format!("no certificate from {address}: {}{}", finished.stdout, finished.stderr))?;
    let der = CertificateDer::from_pem_slice(leaf.as_bytes()).map_err(|error| error.to_string())?;
    Ok(ServedCertificate {
        thumbprint: crate::digest::thumbprint(&der),
        fingerprint: crate::digest::fingerprint(&der),
        chain_len: finished.stdout.matches(BEGIN).count(),
    })
}

/// True when `address` serves a certificate for `server_name` whose chain leads to `root_pem`, valid now.
///
/// The machine's own roots do not count.
pub fn verify(address: SocketAddr, server_name: &str, root_pem: &str) -> bool {
    let mut root = tempfile::NamedTempFile::new().expect("a temporary file");
    root.write_all(root_pem.as_bytes()).expect("the root in a temporary file");
    let root_path = root.path().to_string_lossy();
    let name_option = if is_ip_address(server_name) { "-verify_ip" } else { "-verify_hostname" };

    let mut arguments = client_arguments(address, server_name);
    let verification = ["-verify_return_error", "-no-CApath", "-no-CAstore", "-CAfile", &root_path];
    arguments
        .extend(verification.iter().chain(&[name_option, server_name]).map(|&argument| argument.to_owned()));
    openssl(&arguments)
        .is_ok_and(|finished| finished.succeeded() && finished.stdout.contains("Verify return code: 0 (ok)"))
}

/// A TLS connection that is open until it is used or dropped.
#[derive(Debug)]
pub struct OpenConnection {
    client: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl OpenConnection {
    /// Connects and completes the handshake.
    ///
    /// The error is what OpenSSL said when there was no handshake.
    pub fn open(address: SocketAddr, server_name: &str) -> Result<Self, String> {
        let mut client = Command::new("openssl")
            .args(client_arguments(address, server_name))
            .arg("-nocommands")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| format!("cannot start openssl: {error}"))?;
        let input = client.stdin.take().expect("standard input is piped");
        let output = BufReader::new(client.stdout.take().expect("standard output is piped"));
        let mut connection = Self { client, input, output };

        let mut said = String::new();
        while !said.contains("Verify return code") || !said.ends_with("---\n") {
            match connection.output.read_line(&mut said) {
                Ok(0) => return Err(format!("no handshake with {address}: {said}")),
                Ok(_) => {}
                Err(error) => return Err(format!("cannot read from openssl: {error}")),
            }
        }
        match said.contains("no peer certificate available") {
            true => Err(format!("no handshake with {address}: {said}")),
            false => Ok(connection),
        }
    }

    /// Asks for `path` and answers all that the server sent until it closed the connection.
    pub fn get(mut self, path: &str) -> Result<String, String> {
        let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        self.input
            .write_all(request.as_bytes())
            .map_err(|error| format!("cannot write to openssl: {error}"))?;
        let mut answer = String::new();
        self.output
            .read_to_string(&mut answer)
            .map_err(|error| format!("cannot read from openssl: {error}"))?;
        Ok(answer)
    }
}

impl Drop for OpenConnection {
    fn drop(&mut self) {
        // The client may have ended by itself; then there is nothing to kill and nothing to report.
        let _ = self.client.kill();
        let _ = self.client.wait();
    }
}

const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
const END: &str = "-----END CERTIFICATE-----";

fn client_arguments(address: SocketAddr, server_name: &str) -> Vec<String> {
    let address = address.to_string();
    let mut arguments = vec!["s_client", "-connect", &address];
    match is_ip_address(server_name) {
        true => arguments.push("-noservername"),
        false => arguments.extend(["-servername", server_name]),
    }
    arguments.into_iter().map(str::to_owned).collect()
}

fn is_ip_address(name: &str) -> bool {
    name.parse::<IpAddr>().is_ok()
}

fn openssl(arguments: &[String]) -> Result<Finished, String> {
    let mut command = vec!["openssl".to_owned()];
    command.extend_from_slice(arguments);
    invocation::run(&command, LIMIT).map_err(|error| error.to_string())
}

fn first_certificate(text: &str) -> Option<&str> {
    let start = text.find(BEGIN)?;
    let length = text[start..].find(END)? + END.len();
    Some(&text[start..start + length])
}
