//! Connections and their workers.

use std::net::SocketAddr;
use std::time::Duration;

use baton_testkit::condition::wait_until;
use baton_testkit::{Product, ProductFixture};

use crate::*;

#[cfg(target_os = "linux")]
fn workers(pid: u32) -> usize {
    let tasks = fs_err::read_dir(format!("/proc/{pid}/task")).unwrap();
    let names = tasks.filter_map(|task| fs_err::read_to_string(task.unwrap().path().join("comm")).ok());
    names.filter(|name| name.trim_end() == "worker").count()
}

#[cfg(target_os = "linux")]
#[test]
fn every_connection_has_a_worker_of_its_own_from_beginning_to_end() {
    let (fixture, old, new) = (ProductFixture::new(Product::Yunio), certificate(), certificate());
    fixture.enable_tls(&old);
    let pid = fixture.start().pid;
    let address: SocketAddr = fixture.address("services-tls");

    let open: Vec<_> = (0..5).map(|_| OpenConnection::open(address, NAME).unwrap()).collect();
    assert_eq!(workers(pid), 5);
    fixture.enable_tls(&new);
    assert_eq!(served(address), old.thumbprint, "others are served while five are open");
    for connection in open {
        let answer = connection.get("/").unwrap();
        assert!(answer.contains("HTTP/1.1 200 OK\r\n"), "{answer}");
    }
    wait_until("all workers are gone", Duration::from_secs(20), || workers(pid) == 0);
}

#[test]
fn a_silent_client_is_dropped_after_ten_seconds() {
    let fixture = ProductFixture::new(Product::Yunio);
    fixture.start();
    let start = std::time::Instant::now();
    assert_eq!(exchange(fixture.address("services"), "GET / HT"), "");
    assert!(start.elapsed() >= Duration::from_secs(9), "dropped after {:?}", start.elapsed());
}

#[test]
fn plain_http_on_a_tls_port_is_no_answer_and_tls_on_a_plain_port_is_a_plain_one() {
    let (fixture, certificate) = (ProductFixture::new(Product::BoardConnector), certificate());
    fixture.enable_tls(&certificate);
    fixture.start();
    let answer = plain_get(fixture.address("web-tls"), "/");
    assert!(!answer.contains("HTTP"), "{answer}");
    let answer = exchange(fixture.address("api"), "\x16\x03\x01 the beginning of a handshake");
    assert!(answer.starts_with("HTTP/1.1 400 Bad Request\r\n"), "{answer}");
}

#[test]
fn no_session_is_resumed() {
    let (fixture, certificate) = (ProductFixture::new(Product::XtractCore), certificate());
    fixture.enable_tls(&certificate);
    fixture.start();
    let address = fixture.address("listener-tls").to_string();
    for version in ["-tls1_2", "-tls1_3"] {
        let output = std::process::Command::new("openssl")
            .args(["s_client", "-reconnect", version, "-connect", &address])
            .stdin(std::process::Stdio::null())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(said.contains("New, TLSv1."), "{said}");
        assert!(!said.contains("Reused, "), "{said}");
    }
}
