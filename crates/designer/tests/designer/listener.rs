//! Who may listen where, and clients that say nothing.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use baton_designer::{Access, BindError, Listener};
use baton_finding::{Explain as _, Retry};
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};

use crate::fixed::Fixed;
use crate::site::Site;
use crate::{authority, sample};

#[tokio::test]
async fn an_address_that_others_can_reach_is_refused() {
    for address in ["0.0.0.0:0", "[::]:0", "192.0.2.1:8443", "[2001:db8::1]:0", "[::ffff:127.0.0.1]:0"] {
        let error = Listener::bind(address.parse().unwrap(), Access::Anonymous).await.unwrap_err();
        assert_eq!(error.code(), "designer-not-loopback", "{address}");
        assert_eq!(error.retry(), Retry::Never);
        assert!(error.to_string().contains(address), "{error}");
        assert!(error.hint().unwrap().contains("127.0.0.1"), "{:?}", error.hint());
    }
}

#[tokio::test]
async fn a_port_in_use_is_told_before_anything_is_served() {
    let first = Listener::bind((Ipv4Addr::LOCALHOST, 0).into(), Access::Anonymous).await.unwrap();
    let error = Listener::bind(first.local_address(), Access::Anonymous).await.unwrap_err();
    assert!(matches!(error, BindError::InUse { .. }), "{error:?}");
    assert_eq!((error.code(), error.retry()), ("designer-port-in-use", Retry::Backoff));
    assert!(error.hint().is_some());
}

#[tokio::test]
async fn it_listens_on_ipv6_too() {
    let certificate = authority().issue(&["localhost"]).sign();
    let overview =
        Fixed { status: Ok(sample::status(Vec::new())), handovers: Ok(Vec::new()), ..Fixed::default() };
    let site = Site::start_with(&certificate, overview, "[::1]:0").await;
    assert_eq!(site.get("/").await.code, 200);
}

#[tokio::test]
async fn clients_that_say_nothing_do_not_hold_up_others() {
    let site = Site::start().await;
    let mut silent = Vec::new();
    for _ in 0..100 {
        silent.push(TcpStream::connect(site.address).await.unwrap());
    }
    let mut shaken = Vec::new();
    for _ in 0..20 {
        shaken.push(site.client().await);
    }
    assert_eq!(site.get("/").await.code, 200);
}

/// The seconds that a client which says nothing more is borne. The clock is paused: it runs on to the listener's
/// time limit at once.
async fn patience(hung_up: impl Future) -> u64 {
    tokio::time::pause();
    let start = Instant::now();
    hung_up.await;
    let seconds = start.elapsed().as_secs_f64().round() as u64;
    tokio::time::resume();
    seconds
}

#[tokio::test]
async fn a_client_that_does_not_shake_hands_is_dropped_after_ten_seconds() {
    let site = Site::start().await;
    let mut stream = TcpStream::connect(site.address).await.unwrap();
    assert_eq!(patience(stream.read_u8()).await, 10);
}

#[tokio::test]
async fn a_client_that_does_not_finish_its_request_is_dropped_after_ten_seconds() {
    let site = Site::start().await;
    for beginning in ["", "GET / HTTP/1.1\r\nHost: localhost\r\n"] {
        let mut client = site.client().await;
        client.write(beginning).await.unwrap();
        assert_eq!(patience(client.is_closed()).await, 10, "{beginning:?}");
    }
    let mut client = site.client().await;
    assert_eq!(client.get("/").await.code, 200);
    assert_eq!(patience(client.is_closed()).await, 10, "after an answer");
}

#[tokio::test]
async fn a_request_head_of_any_size_is_not_taken() {
    let site = Site::start().await;
    let mut client = site.client().await;
    let head = format!("GET / HTTP/1.1\r\nHost: localhost\r\nX-Filler: {}\r\n\r\n", "a".repeat(64 * 1024));
    // The answer may come before the last byte is sent.
    let _ = client.write(&head).await;
    assert!(client.read(false).await.is_ok_and(|answer| answer.code == 431));
}

#[tokio::test]
async fn plain_http_is_no_way_in() {
    let site = Site::start().await;
    let answer = plain(site.address).await;
    assert!(!answer.contains("HTTP/1"), "{answer}");
}

async fn plain(address: SocketAddr) -> String {
    use tokio::io::AsyncWriteExt as _;
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn beyond_256_connections_clients_wait_for_their_turn() {
    let site = Site::start().await;
    let mut open = Vec::new();
    for _ in 0..256 {
        open.push(TcpStream::connect(site.address).await.unwrap());
    }
    let mut last = Box::pin(site.client());
    assert!(timeout(Duration::from_millis(500), &mut last).await.is_err(), "the 257th is not served");
    open.pop();
    let mut last = last.await;
    assert_eq!(last.get("/").await.code, 200);
}
