//! How the listener ends.

use std::sync::Arc;
use std::time::Duration;

use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;
use tokio::sync::{Notify, Semaphore};
use tokio::time::Instant;

use crate::fixed::Fixed;
use crate::site::Site;

/// Answers when it is let.
fn slow(asked: &Arc<Notify>, answers: &Arc<Semaphore>) -> Fixed {
    Fixed { gate: Some((Arc::clone(asked), Arc::clone(answers))), ..Fixed::default() }
}

#[tokio::test]
async fn idle_connections_do_not_hold_it_up() {
    let site = Site::start().await;
    let address = site.address;
    // Connections are taken in their order: once the others are served, this one is taken too.
    let mut silent = TcpStream::connect(address).await.unwrap();
    let mut unused = site.client().await;
    let mut used = site.client().await;
    assert_eq!(used.get("/").await.code, 200);

    let start = Instant::now();
    site.shut_down().await.unwrap();
    assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
    assert!(used.is_closed().await);
    assert!(unused.is_closed().await);
    assert!(silent.read_u8().await.is_err());
    assert!(TcpStream::connect(address).await.is_err(), "the port is closed");
}

#[tokio::test]
async fn an_answer_under_way_is_given() {
    let (asked, answers) = (Arc::new(Notify::new()), Arc::new(Semaphore::new(0)));
    let site = Site::start_showing(slow(&asked, &answers)).await;
    let address = site.address;
    let mut client = site.client().await;
    client.write("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
    asked.notified().await;

    let served = site.shut_down();
    while TcpStream::connect(address).await.is_ok() {
        tokio::task::yield_now().await;
    }
    answers.add_permits(1);
    let answer = client.read(false).await.unwrap();
    assert_eq!((answer.code, answer.header("connection")), (200, Some("close")));
    assert!(client.is_closed().await);
    served.await.unwrap();
}

#[tokio::test]
async fn an_answer_that_does_not_come_is_cut_off_after_three_seconds() {
    let asked = Arc::new(Notify::new());
    let site = Site::start_showing(slow(&asked, &Arc::new(Semaphore::new(0)))).await;
    let mut client = site.client().await;
    client.write("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
    asked.notified().await;

    // From here on the clock runs on to the next time limit at once.
    tokio::time::pause();
    let start = Instant::now();
    site.shut_down().await.unwrap();
    assert_eq!(start.elapsed().as_secs(), 3);
    assert!(client.read(false).await.is_err());
}
