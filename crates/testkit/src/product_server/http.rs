//! One HTTP/1.1 exchange: a request is read to the end of its head, answered, and the connection is over.
//!
//! Hand-written, because a test wants to see what is on the wire: no keep-alive, no chunks, no compression.

use std::io::{self, ErrorKind, Read, Write};

use super::endpoint::{Product, WEB};
use super::settings::Access;

/// How long the head of a request may be.
const HEAD_LIMIT: usize = 16 * 1024;

/// The pages of one endpoint.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pages {
    pub(super) product: Product,
    pub(super) endpoint: &'static str,
    pub(super) access: Access,
}

impl Pages {
    /// Reads one request from `stream` and answers it. A client that goes away without one is left in peace.
    pub(super) fn exchange(&self, stream: &mut (impl Read + Write)) -> io::Result<()> {
        let answer = match read_head(stream)? {
            Head::None => return Ok(()),
            Head::Malformed => response("400 Bad Request", "text/plain", "", "not an HTTP request\n"),
            Head::Request { path } => self.answer(&path),
        };
        stream.write_all(answer.as_bytes())?;
        stream.flush()
    }

    fn answer(&self, path: &str) -> String {
        let challenge = match self.access {
            Access::Unrestricted => "",
            Access::AdUsers => "WWW-Authenticate: Negotiate\r\n",
            Access::CustomUsers => "WWW-Authenticate: Basic realm=\"product-server\"\r\n",
        };
        if !challenge.is_empty() {
            return response("401 Unauthorized", "text/plain", challenge, "Unauthorized\n");
        }
        match (self.product, self.endpoint, path) {
            (Product::XtractUniversal, WEB, "/version") => json(r#"{"version": "6.8.1.2"}"#),
            (Product::XtractUniversal, WEB, "/config/extractions") => json(
                r#"[{"name": "customers", "type": "Table", "latestRun": {"state": "FinishedNoErrors"}}]"#,
            ),
            (Product::XtractCore, _, "/v1/connections/") => json(r#"[{"name": "sap"}]"#),
            _ => response("200 OK", "text/html", "", "<!DOCTYPE html><title>OK</title><p>OK</p>\n"),
        }
    }
}

enum Head {
    None,
    Malformed,
    Request { path: String },
}

fn read_head(stream: &mut impl Read) -> io::Result<Head> {
    let (mut head, mut chunk) = (Vec::new(), [0; 1024]);
    loop {
        let length = match stream.read(&mut chunk) {
            Ok(0) => return Ok(Head::None),
            Ok(length) => length,
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        head.extend_from_slice(&chunk[..length]);
        if !head[0].is_ascii_uppercase() || head.len() > HEAD_LIMIT {
            return Ok(Head::Malformed);
        }
        if head.windows(4).any(|end| end == b"\r\n\r\n") {
            break;
        }
    }
    let text = String::from_utf8_lossy(&head);
    let mut words = text.lines().next().unwrap_or_default().split(' ');
    match (words.next(), words.next(), words.next()) {
        (Some(_), Some(target), Some(version)) if version.starts_with("HTTP/") => {
            let path = target.split('?').next().unwrap_or_default();
            Ok(Head::Request { path: path.to_owned() })
        }
        _ => Ok(Head::Malformed),
    }
}

fn json(body: &str) -> String {
    response("200 OK", "application/json", "", body)
}

fn response(status: &str, content_type: &str, more_headers: &str, body: &str) -> String {
    format!(
        "HTTP/1.1 {status}\r\nContent-Type: {content_type}\r\nContent-Length: {}\r\n{more_headers}\
         Connection: close\r\n\r\n{body}",
        body.len()
    )
}
