//! What a server may do to us: nothing that costs more than the limits allow.

#![expect(clippy::unwrap_used, reason = "a test that cannot be set up is a failed test")]

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use baton_finding::Explain as _;
use baton_http::{Bytes, Client, HttpError, Limits, Request, Trusted};

const LIMITS: Limits = Limits { time: Duration::from_millis(1500), body: 64 * 1024 };

/// A server that reads a request and then does as `answer` says, for each connection.
fn server(answer: impl Fn(TcpStream) + Send + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let _ = stream.read(&mut [0; 4096]);
            answer(stream);
        }
    });
    address
}

async fn ask(url: &str) -> Result<baton_http::Response<Bytes>, HttpError> {
    let client = Client::plain_too(&Trusted::Only(Vec::new()), LIMITS).unwrap();
    client.send(Request::get(url).body(Bytes::new()).unwrap()).await
}

fn body_of(length: usize, announced: bool) -> impl Fn(TcpStream) {
    move |mut stream| {
        let head = if announced { format!("Content-Length: {length}\r\n") } else { String::new() };
        let _ = stream.write_all(format!("HTTP/1.1 200 OK\r\n{head}Connection: close\r\n\r\n").as_bytes());
        let block = [b'x'; 65536];
        let mut sent = 0;
        while sent < length {
            match stream.write(&block[..block.len().min(length - sent)]) {
                Ok(count) => sent += count,
                Err(_) => return,
            }
        }
    }
}

#[tokio::test]
async fn an_answer_within_the_limits_comes_whole() {
    let address = server(body_of(64 * 1024, true));
    let answer = ask(&format!("http://{address}/")).await.unwrap();
    assert_eq!((answer.status().as_u16(), answer.body().len()), (200, 64 * 1024));
}

#[tokio::test]
async fn a_hundred_megabytes_are_not_read() {
    for announced in [true, false] {
        let address = server(body_of(100 * 1024 * 1024, announced));
        let error = ask(&format!("http://{address}/")).await.unwrap_err();
        assert_eq!(error.code(), "answer-too-large");
    }
}

#[tokio::test]
async fn where_the_status_says_all_the_body_is_not_waited_for() {
    let endless = server(body_of(100 * 1024 * 1024, true));
    let stalling = server(|mut stream| {
        let _ = stream.write_all(b"HTTP/1.1 202 Accepted\r\nContent-Length: 1000\r\n\r\n");
        std::thread::sleep(Duration::from_secs(30));
    });
    let silent = server(|stream| {
        std::thread::sleep(Duration::from_secs(30));
        drop(stream);
    });
    let client = Client::plain_too(&Trusted::Only(Vec::new()), LIMITS).unwrap();
    let deliver = async |address: SocketAddr| {
        client.deliver(Request::post(format!("http://{address}/")).body(Bytes::from("{}")).unwrap()).await
    };
    assert_eq!(deliver(endless).await.unwrap().as_u16(), 200);
    assert_eq!(deliver(stalling).await.unwrap().as_u16(), 202);
    assert_eq!(deliver(silent).await.unwrap_err().code(), "server-timed-out");
}

#[tokio::test]
async fn a_server_that_says_nothing_or_drips_is_left_in_time() {
    let silent = server(|stream| {
        std::thread::sleep(Duration::from_secs(30));
        drop(stream);
    });
    let dripping = server(|mut stream| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n");
        for _ in 0..300 {
            std::thread::sleep(Duration::from_millis(100));
            let _ = stream.write_all(b"x");
        }
    });
    for address in [silent, dripping] {
        let error = ask(&format!("http://{address}/")).await.unwrap_err();
        assert_eq!(error.code(), "server-timed-out");
    }
}

#[tokio::test]
async fn a_redirect_is_an_answer_and_is_not_followed() {
    let address = server(|mut stream| {
        let _ = stream
            .write_all(b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n");
    });
    assert_eq!(ask(&format!("http://{address}/")).await.unwrap().status().as_u16(), 302);
}

#[tokio::test]
async fn what_is_no_http_is_told_as_such() {
    let address = server(|mut stream| {
        let _ = stream.write_all(b"SSH-2.0-OpenSSH_9.2\r\n");
    });
    assert_eq!(ask(&format!("http://{address}/")).await.unwrap_err().code(), "answer-broken");
}

#[tokio::test]
async fn errors_do_not_show_what_may_be_secret() {
    let error = ask("http://user:password@127.0.0.1:1/hook/token?key=secret").await.unwrap_err();
    let text = format!("{} {error:?}", error.chain());
    assert_eq!(error.code(), "server-unreachable");
    for secret in ["password", "token", "secret"] {
        assert!(!text.contains(secret), "{text}");
    }
}

#[tokio::test]
async fn a_client_for_https_asks_nothing_else() {
    let client = Client::secure(&Trusted::Only(Vec::new()), LIMITS).unwrap();
    for url in ["http://127.0.0.1:1/", "ftp://127.0.0.1/", "/path"] {
        let error = client.send(Request::get(url).body(Bytes::new()).unwrap()).await.unwrap_err();
        assert_eq!(error.code(), "url-unusable", "{url}");
    }
}

#[tokio::test]
async fn a_private_server_is_believed_by_its_own_root_alone() {
    let pebble = baton_testkit::Pebble::start();
    let url = pebble.directory_url();
    let root = fs_err::read(pebble.directory_root()).unwrap();
    let root = rustls_pki_types::pem::PemObject::from_pem_slice(&root).unwrap();
    let request = || Request::get(&url).body(Bytes::new()).unwrap();
    let client = Client::secure(&Trusted::Only(vec![root]), LIMITS).unwrap();
    assert_eq!(client.send(request()).await.unwrap().status().as_u16(), 200);
    let error = Client::secure(&Trusted::System, LIMITS).unwrap().send(request()).await.unwrap_err();
    assert_eq!(error.code(), "server-unreachable");
    assert!(error.hint().unwrap().contains("root = "), "{}", error.chain());
}
