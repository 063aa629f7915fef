//! ACME servers that mean ill, or are none: one clear error, in bounded time and memory, and nothing else.

#![expect(clippy::unwrap_used, reason = "a test that cannot be set up is a failed test")]

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use baton_finding::Explain as _;
use baton_issuer::{
    Acme, AcmeSettings, HttpResponder, IssueError, Issuer, KeySource, Order, Solver, Trusted,
};
use baton_testkit::Authority;
use baton_x509::{KeyAlgorithm, Name};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// A TLS server that gives the same answer to every request.
fn server(
    answer: impl Fn(&mut dyn std::io::Write) + Send + Sync + 'static,
) -> (String, CertificateDer<'static>) {
    let directory = tempfile::tempdir().unwrap();
    let authority = Authority::new("Hostile");
    let (certificate, key) = (directory.path().join("c.pem"), directory.path().join("k.pem"));
    authority.issue(&["localhost", "127.0.0.1"]).sign().write_files(&certificate, &key);
    let chain = CertificateDer::pem_file_iter(&certificate).unwrap().map(Result::unwrap).collect();
    let key = PrivateKeyDer::from_pem_file(&key).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap();
    let config = Arc::new(config);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://{}/dir", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(stream) = stream else { return };
            let connection = rustls::ServerConnection::new(Arc::clone(&config)).unwrap();
            let mut tls = rustls::StreamOwned::new(connection, stream);
            if tls.read(&mut [0; 8192]).is_ok() {
                answer(&mut tls);
                let _ = tls.flush();
            }
        }
    });
    let root = CertificateDer::from_pem_slice(authority.root_pem().as_bytes()).unwrap();
    (url, root)
}

fn response(
    status: &str,
    headers: &str,
    body: &str,
) -> impl Fn(&mut dyn std::io::Write) + Send + Sync + 'static {
    let text = format!(
        "HTTP/1.1 {status}\r\n{headers}Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    );
    move |stream| {
        let _ = stream.write_all(text.as_bytes());
    }
}

/// The error of an order there, and how long it took.
async fn error_of(server: (String, CertificateDer<'static>)) -> (IssueError, Duration) {
    let directory = tempfile::tempdir().unwrap();
    let settings = AcmeSettings {
        directory_url: server.0,
        trusted: Trusted::Only(vec![server.1]),
        contact: Vec::new(),
        external_account: None,
        profile: None,
        solver: Solver::Http(Arc::new(HttpResponder::new(vec!["127.0.0.1:0".parse().unwrap()]))),
        patience: Duration::from_secs(60),
    };
    let issuer = Issuer::Acme(Box::new(Acme::open(directory.path().join("acme"), settings).unwrap()));
    let names: Vec<Name> = vec!["www.example.com".parse().unwrap()];
    let key = KeySource::New(KeyAlgorithm::EcdsaP256);
    let order = Order { certificate: "site", names: &names, key, replaces: None };
    let began = std::time::Instant::now();
    let error = issuer.issue(&order, baton_platform::clock::now()).await.unwrap_err();
    (error, began.elapsed())
}

#[tokio::test]
async fn a_server_that_speaks_no_acme_is_told_as_such() {
    for (status, headers, body) in [
        ("200 OK", "", "<html>It works!</html>"),
        ("200 OK", "", "{}"),
        ("200 OK", "", "[[[[[[[[[[[[[[["),
        ("302 Found", "Location: /dir\r\n", ""),
        ("404 Not Found", "", "nothing here"),
        ("200 OK", "", "{\"newNonce\": 1, \"newAccount\": {}, \"newOrder\": null}"),
    ] {
        let (error, _) = error_of(server(response(status, headers, body))).await;
        assert_eq!(error.code(), "acme-nonsense", "{status} {body}: {}", error.chain());
        assert!(error.hint().unwrap().contains("directory = "), "{body}");
    }
}

#[tokio::test]
async fn a_hundred_megabytes_and_a_directory_nested_without_end_are_refused() {
    let flood = server(|stream| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n");
        for _ in 0..1600 {
            if stream.write_all(&[b'{'; 65536]).is_err() {
                return;
            }
        }
    });
    let (error, took) = error_of(flood).await;
    assert_eq!(error.code(), "answer-too-large", "{}", error.chain());
    assert!(took < Duration::from_secs(20), "it was not tried again and again: {took:?}");
    let (error, _) = error_of(server(response("200 OK", "", &"[".repeat(500_000)))).await;
    assert_eq!(error.code(), "acme-nonsense");
}

#[tokio::test]
async fn words_of_the_server_reach_nobodys_terminal_as_they_are() {
    let problem = "{\"type\":\"urn:ietf:params:acme:error:\\u001b[31m\",\"detail\":\"\\u001b]0;owned\\u0007\\r\\n\u{202e}x\"}";
    let urls = "{\"newNonce\":\"URL\",\"newAccount\":\"URL\",\"newOrder\":\"URL\"}";
    // The directory leads back to the same server, which now refuses everything.
    let listener = std::sync::Mutex::new(0);
    let own = Arc::new(std::sync::OnceLock::<String>::new());
    let known = Arc::clone(&own);
    let server = server(move |stream| {
        let mut count = listener.lock().unwrap();
        *count += 1;
        let url = known.get().cloned().unwrap_or_default();
        match *count {
            1 => response("200 OK", "", &urls.replace("URL", &url))(stream),
            2 => response("200 OK", "Replay-Nonce: abcdefgh\r\n", "")(stream),
            _ => response("403 Forbidden", "Replay-Nonce: abcdefgh\r\n", problem)(stream),
        }
    });
    own.set(server.0.clone()).unwrap();
    let (error, _) = error_of(server).await;
    let text = error.chain();
    assert_eq!(error.code(), "acme-refused", "{text}");
    assert!(!text.chars().any(|c| c.is_control() || c == '\u{202e}'), "{text:?}");
}
