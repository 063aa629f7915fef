//! A client of HTTP/1.1 that sends exactly what it is told.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use rustls::crypto::aws_lc_rs;
use rustls::{ClientConfig, HandshakeKind, RootCertStore, SupportedProtocolVersion};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, ServerName};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::authority;

/// A TLS connection, verified for `localhost` against the authority of the tests.
pub(crate) struct Client {
    stream: BufReader<TlsStream<TcpStream>>,
    address: SocketAddr,
}

/// An answer as it came.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) code: u16,
    headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Client {
    pub(crate) async fn connect(address: SocketAddr) -> io::Result<Self> {
        Self::connect_with(address, configuration(rustls::ALL_VERSIONS)).await
    }

    pub(crate) async fn connect_with(
        address: SocketAddr,
        configuration: Arc<ClientConfig>,
    ) -> io::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        let name = ServerName::try_from("localhost").unwrap();
        let stream = TlsConnector::from(configuration).connect(name, stream).await?;
        Ok(Self { stream: BufReader::new(stream), address })
    }

    /// SHA-1 of the certificate that was shown.
    pub(crate) fn thumbprint(&self) -> String {
        let (_, connection) = self.stream.get_ref().get_ref();
        baton_testkit::thumbprint(&connection.peer_certificates().unwrap()[0])
    }

    pub(crate) fn handshake_kind(&self) -> HandshakeKind {
        let (_, connection) = self.stream.get_ref().get_ref();
        connection.handshake_kind().unwrap()
    }

    pub(crate) fn protocol(&self) -> Option<&[u8]> {
        let (_, connection) = self.stream.get_ref().get_ref();
        connection.alpn_protocol()
    }

    /// Asks for a page under `localhost` and keeps the connection.
    pub(crate) async fn get(&mut self, path: &str) -> Answer {
        self.request("GET", path).await
    }

    pub(crate) async fn request(&mut self, method: &str, path: &str) -> Answer {
        let host = format!("localhost:{}", self.address.port());
        self.send(&format!("{method} {path} HTTP/1.1\r\nHost: {host}\r\n\r\n")).await
    }

    /// Sends a form as a page of ours does.
    pub(crate) async fn post(&mut self, path: &str, content_type: &str, body: &str) -> Answer {
        let port = self.address.port();
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: localhost:{port}\r\nOrigin: https://localhost:{port}\r\n\
             Content-Type: {content_type}\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        self.send(&format!("{head}{body}")).await
    }

    /// Sends a request head as it stands and reads the answer to it.
    pub(crate) async fn send(&mut self, head: &str) -> Answer {
        self.write(head).await.unwrap();
        self.read(head.starts_with("HEAD ")).await.unwrap()
    }

    pub(crate) async fn write(&mut self, text: &str) -> io::Result<()> {
        self.stream.write_all(text.as_bytes()).await?;
        self.stream.flush().await
    }

    /// Reads an answer; one to HEAD ends with its head (RFC 9112, section 6.3).
    pub(crate) async fn read(&mut self, is_head: bool) -> io::Result<Answer> {
        let status = self.line().await?;
        let code = status.split(' ').nth(1).and_then(|code| code.parse().ok());
        let code = code.ok_or_else(|| io::Error::other(format!("no status line: {status:?}")))?;
        let mut answer = Answer { code, headers: Vec::new(), body: String::new() };
        loop {
            let line = self.line().await?;
            if line.is_empty() {
                break;
            }
            let (name, value) = line.split_once(": ").unwrap();
            answer.headers.push((name.to_ascii_lowercase(), value.to_owned()));
        }
        let length = answer.header("content-length").map_or(0, |length| length.parse().unwrap());
        if !is_head {
            let mut body = vec![0; length];
            self.stream.read_exact(&mut body).await?;
            answer.body = String::from_utf8(body).unwrap();
        }
        Ok(answer)
    }

    /// Whether the server has closed the connection, and sent nothing more; waits for either.
    pub(crate) async fn is_closed(&mut self) -> bool {
        matches!(self.stream.read_u8().await, Err(error) if error.kind() == io::ErrorKind::UnexpectedEof)
    }

    /// The next line, without its end; empty at the end of all.
    pub(crate) async fn line(&mut self) -> io::Result<String> {
        let mut line = String::new();
        self.stream.read_line(&mut line).await?;
        Ok(line.trim_end().to_owned())
    }
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut values =
            self.headers.iter().filter(|(known, _)| known == name).map(|(_, value)| value.as_str());
        let value = values.next();
        assert_eq!(values.next(), None, "{name} came twice");
        value
    }
}

/// A client that trusts the authority of the tests, offers HTTP/2 first, and would resume sessions.
pub(crate) fn configuration(versions: &[&'static SupportedProtocolVersion]) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(authority().root_pem().as_bytes()).unwrap()).unwrap();
    let mut configuration = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_protocol_versions(versions)
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    configuration.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Arc::new(configuration)
}
