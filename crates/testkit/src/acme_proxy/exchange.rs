//! One HTTP exchange over TLS on either side. HTTP/1.0 towards Pebble, so that the answer ends with the connection and
//! comes without chunks.

use std::io::{self, BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustls::crypto::aws_lc_rs;
use rustls::{ClientConfig, ClientConnection, RootCertStore, ServerConfig, ServerConnection, StreamOwned};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName};

/// Where Pebble has its directory.
pub(super) const DIRECTORY: &str = "/dir";

/// How long one step of an exchange may take.
const LIMIT: Duration = Duration::from_secs(20);

/// What a client asks.
#[derive(Clone, Debug)]
pub(super) struct Question {
    pub(super) method: String,
    pub(super) path: String,
    /// The `Host` header, from which Pebble makes its URLs.
    pub(super) host: String,
    content_type: String,
    pub(super) body: Vec<u8>,
}

impl Question {
    pub(super) fn get(path: &str, host: &str) -> Self {
        Self {
            method: "GET".to_owned(),
            path: path.to_owned(),
            host: host.to_owned(),
            content_type: String::new(),
            body: Vec::new(),
        }
    }

    pub(super) fn is_get(&self) -> bool {
        self.method == "GET"
    }

    pub(super) fn url(&self) -> String {
        format!("https://{}{}", self.host, self.path)
    }
}

/// What is answered.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    /// All but those that belong to the connection.
    headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
}

impl Answer {
    pub(super) fn new(status: u16, content_type: &str, body: String) -> Self {
        let headers = vec![("Content-Type".to_owned(), content_type.to_owned())];
        Self { status, headers, body: body.into_bytes() }
    }

    pub(super) fn with_header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(super) fn header(&self, wanted: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted));
        found.map(|(_, value)| value.as_str())
    }
}

/// The way to Pebble.
#[derive(Debug)]
pub(super) struct Upstream {
    address: SocketAddr,
    tls: Arc<ClientConfig>,
}

impl Upstream {
    pub(super) fn new(address: SocketAddr, root: &Path) -> Self {
        let mut roots = RootCertStore::empty();
        let root = CertificateDer::from_pem_file(root).expect("the root of the directory");
        roots.add(root).expect("a certificate as root");
        let tls = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("the provider's own protocol versions")
            .with_root_certificates(roots)
            .with_no_client_auth();
        Self { address, tls: Arc::new(tls) }
    }

    pub(super) fn ask(&self, question: &Question) -> io::Result<Answer> {
        let name = ServerName::try_from("localhost").map_err(io::Error::other)?;
        let connection = ClientConnection::new(Arc::clone(&self.tls), name).map_err(io::Error::other)?;
        let mut stream = StreamOwned::new(connection, limited(TcpStream::connect(self.address)?)?);
        let Question { method, path, host, content_type, body } = question;
        let mut head = format!("{method} {path} HTTP/1.0\r\nHost: {host}\r\nUser-Agent: acme-proxy\r\n");
        if !content_type.is_empty() {
            head += &format!("Content-Type: {content_type}\r\nContent-Length: {}\r\n", body.len());
        }
        stream.write_all(format!("{head}\r\n").as_bytes())?;
        stream.write_all(body)?;
        stream.flush()?;
        read_answer(stream)
    }
}

pub(super) fn server_config(certificate: &Path, key: &Path) -> Arc<ServerConfig> {
    let chain = CertificateDer::pem_file_iter(certificate).expect("a certificate for the proxy");
    let chain = chain.collect::<Result<Vec<_>, _>>().expect("a certificate for the proxy");
    let key = PrivateKeyDer::from_pem_file(key).expect("a key for the proxy");
    let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("the provider's own protocol versions")
        .with_no_client_auth()
        .with_single_cert(chain, key);
    Arc::new(config.expect("a key that belongs to the certificate"))
}

/// Reads a question, and answers it; 502 where Pebble does not.
pub(super) fn serve(
    stream: TcpStream,
    tls: Arc<ServerConfig>,
    answer: impl FnOnce(&Question) -> io::Result<Answer>,
) -> io::Result<()> {
    let connection = ServerConnection::new(tls).map_err(io::Error::other)?;
    let mut reader = BufReader::new(StreamOwned::new(connection, limited(stream)?));
    let question = read_question(&mut reader)?;
    let mut stream = reader.into_inner();
    let answer = answer(&question)
        .unwrap_or_else(|error| Answer::new(502, "text/plain", format!("pebble did not answer: {error}\n")));
    let mut head = format!("HTTP/1.1 {} -\r\n", answer.status);
    for (name, value) in &answer.headers {
        head += &format!("{name}: {value}\r\n");
    }
    head += &format!("Content-Length: {}\r\nConnection: close\r\n\r\n", answer.body.len());
    stream.write_all(head.as_bytes())?;
    if question.method != "HEAD" {
        stream.write_all(&answer.body)?;
    }
    stream.conn.send_close_notify();
    stream.flush()
}

fn limited(stream: TcpStream) -> io::Result<TcpStream> {
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(LIMIT))?;
    stream.set_write_timeout(Some(LIMIT))?;
    Ok(stream)
}

fn read_question(reader: &mut impl BufRead) -> io::Result<Question> {
    let (first, headers) = read_head(reader)?;
    let mut words = first.split(' ');
    let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let header = |wanted: &str| {
        let found = headers.iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted));
        found.map(|(_, value)| value.clone()).unwrap_or_default()
    };
    let mut body = vec![0; header("Content-Length").parse().unwrap_or(0)];
    reader.read_exact(&mut body)?;
    Ok(Question {
        method: method.to_owned(),
        path: path.to_owned(),
        host: header("Host"),
        content_type: header("Content-Type"),
        body,
    })
}

fn read_answer(stream: impl Read) -> io::Result<Answer> {
    const OF_THE_CONNECTION: [&str; 2] = ["content-length", "connection"];
    let mut reader = BufReader::new(stream);
    let (first, mut headers) = read_head(&mut reader)?;
    headers.retain(|(name, _)| !OF_THE_CONNECTION.contains(&name.to_ascii_lowercase().as_str()));
    let status = first.split(' ').nth(1).and_then(|status| status.parse().ok());
    let status = status.ok_or_else(|| io::Error::new(ErrorKind::InvalidData, first))?;
    let mut body = Vec::new();
    reader.read_to_end(&mut body)?;
    Ok(Answer { status, headers, body })
}

/// The first line, and the headers.
fn read_head(reader: &mut impl BufRead) -> io::Result<(String, Vec<(String, String)>)> {
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        let line = line.trim_end_matches(['\r', '\n']);
        if line.is_empty() {
            break;
        }
        lines.push(line.to_owned());
    }
    let headers = lines.iter().skip(1).filter_map(|line| line.split_once(':'));
    let headers = headers.map(|(name, value)| (name.trim().to_owned(), value.trim().to_owned())).collect();
    Ok((lines.into_iter().next().unwrap_or_default(), headers))
}
