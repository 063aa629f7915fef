//! http-01 (RFC 8555, 8.3): the CA asks for `/.well-known/acme-challenge/TOKEN` over plain HTTP.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use baton_http::{Bytes, Request, Response, StatusCode, header};
use baton_platform::durable::{self, Attributes};
use fs_err as fs;
use http_body_util::Full;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use super::AcmeError;
use super::ports::{Answer, Answers, Ports};

const PREFIX: &str = "/.well-known/acme-challenge/";
const CHALLENGE: &str = "http-01";

/// The most bytes that are held of a request.
const BUFFER: usize = 16 * 1024;

/// A listener of our own, open while an order needs it; shared by all orders that use its port.
#[derive(Debug)]
pub struct HttpResponder {
    ports: Ports,
    answers: Arc<Answers<String>>,
}

impl HttpResponder {
    /// One that will listen on `addresses`.
    pub fn new(addresses: Vec<SocketAddr>) -> Self {
        Self { ports: Ports::new(CHALLENGE, addresses), answers: Arc::default() }
    }

    pub(super) async fn answer(&self, token: &str, authorization: &str) -> Result<Answer, AcmeError> {
        check(token)?;
        let answers = Arc::clone(&self.answers);
        let serve = move |stream| converse(stream, Arc::clone(&answers));
        self.ports.answer(&self.answers, token, authorization.to_owned(), serve).await
    }
}

async fn converse(stream: TcpStream, answers: Arc<Answers<String>>) {
    let respond = |request: Request<hyper::body::Incoming>| {
        let token = request.uri().path().strip_prefix(PREFIX);
        let found = token.and_then(|token| answers.find(token));
        let (status, body) = match found {
            Some(authorization) => (StatusCode::OK, Bytes::from(authorization.as_bytes().to_vec())),
            None => (StatusCode::NOT_FOUND, Bytes::new()),
        };
        let mut response = Response::new(Full::new(body));
        *response.status_mut() = status;
        let kind = header::HeaderValue::from_static("application/octet-stream");
        response.headers_mut().insert(header::CONTENT_TYPE, kind);
        std::future::ready(Ok::<_, Infallible>(response))
    };
    let connection = http1::Builder::new()
        .keep_alive(false)
        .max_buf_size(BUFFER)
        .serve_connection(TokioIo::new(stream), service_fn(respond));
    // What a client does wrong is its own matter.
    let _ = connection.await;
}

/// Where another server finds the answer.
pub(super) fn file(webroot: &Path, token: &str) -> Result<PathBuf, AcmeError> {
    check(token)?;
    Ok(webroot.join(PREFIX.trim_start_matches('/')).join(token))
}

/// Puts the answer below another server's document root, readable for it.
pub(super) fn place(webroot: &Path, token: &str, authorization: &str) -> Result<(), AcmeError> {
    let error = |cause| AcmeError::Place { challenge: CHALLENGE, cause };
    let file = file(webroot, token)?;
    // The root itself must be there: a mistyped one would be made and never be looked at.
    let own = fs::metadata(webroot).map_err(error)?;
    if !own.is_dir() {
        return Err(error(std::io::Error::new(
            std::io::ErrorKind::NotADirectory,
            format!("`{}` is no directory", webroot.display()),
        )));
    }
    if let Some(directory) = file.parent() {
        fs::create_dir_all(directory).map_err(error)?;
    }
    durable::replace(&file, authorization.as_bytes(), Attributes::public_file()).map_err(error)
}

/// Takes an answer away again; no fault when it is gone.
pub(super) fn clear(file: &Path) -> Result<(), AcmeError> {
    match fs::remove_file(file) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(AcmeError::Place { challenge: CHALLENGE, cause: error })
        }
        _ => {
            // What an interrupted attempt may have left beside it.
            let _ = durable::remove_leftovers_of(file);
            Ok(())
        }
    }
}

/// A token becomes part of a path: it must be what RFC 8555, 8.1, says, base64url.
fn check(token: &str) -> Result<(), AcmeError> {
    let is_sound = (16..=256).contains(&token.len())
        && token.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_');
    if is_sound {
        return Ok(());
    }
    Err(AcmeError::Nonsense {
        action: "reading the challenge",
        reason: format!("{:?} is no token", crate::text::plain(token)),
    })
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    const TOKEN: &str = "evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-PCt92wr-oA";

    async fn ask(address: SocketAddr, path: &str) -> std::io::Result<String> {
        let mut stream = TcpStream::connect(address).await?;
        stream.write_all(format!("GET {path} HTTP/1.1\r\nHost: a.example\r\n\r\n").as_bytes()).await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        Ok(answer)
    }

    #[tokio::test]
    async fn both_families_answer_while_an_order_runs_and_nobody_after_it() {
        let port = baton_testkit::port::ReservedPort::new();
        let on = |ip: IpAddr| SocketAddr::new(ip, port.number());
        let addresses = [on(Ipv4Addr::LOCALHOST.into()), on(Ipv6Addr::LOCALHOST.into())];
        let responder = HttpResponder::new(addresses.to_vec());
        let (first, second) = (format!("{TOKEN}1"), format!("{TOKEN}2"));
        let one = responder.answer(&first, "one").await.unwrap();
        let two = responder.answer(&second, "two").await.unwrap();
        for address in addresses {
            for (token, authorization) in [(&first, "one"), (&second, "two")] {
                let answer = ask(address, &format!("{PREFIX}{token}")).await.unwrap();
                assert!(answer.starts_with("HTTP/1.1 200 OK") && answer.ends_with(authorization), "{answer}");
            }
            for path in ["/", PREFIX, "/.well-known/acme-challenge/../x", "/.well-known/acme-challenge/other"]
            {
                let answer = ask(address, path).await.unwrap();
                assert!(answer.starts_with("HTTP/1.1 404"), "{path}: {answer}");
            }
        }
        drop(one);
        let answer = ask(addresses[0], &format!("{PREFIX}{first}")).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 404"), "the other order goes on: {answer}");
        drop(two);
        for address in addresses {
            let left = async {
                while TcpStream::connect(address).await.is_ok() {
                    tokio::time::sleep(std::time::Duration::from_millis(10)).await;
                }
            };
            tokio::time::timeout(std::time::Duration::from_secs(5), left).await.unwrap();
        }
    }

    #[test]
    fn a_token_never_leads_out_of_the_webroot() {
        let webroot = Path::new("/srv/www");
        assert!(file(webroot, "evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-PCt92wr-oA").is_ok());
        for token in
            ["", "../../../../etc/passwd", "a/b", "..", "AAAAAAAAAAAAAAAAAAAA/../x", "ÄÄÄÄÄÄÄÄÄÄÄÄÄÄÄÄÄÄ"]
        {
            assert!(file(webroot, token).is_err(), "{token:?}");
        }
    }
}
