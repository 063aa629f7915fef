//! The Designer's own certificate, before, while and after it is swapped.

use std::time::Duration;

use baton_designer::{CertificateFiles, HotCertificate};
use baton_finding::Explain as _;
use baton_target::HotSwap as _;
use baton_testkit::condition::wait_until;
use baton_testkit::{IssuedCertificate, TlsLoad, openssl};
use fs_err as fs;
use rustls::HandshakeKind;

use crate::client::{Client, configuration};
use crate::site::Site;
use crate::{authority, issue};

fn replace(files: &CertificateFiles, certificate: &IssuedCertificate) {
    certificate.write_files(&files.certificate, &files.key);
}

#[tokio::test]
async fn the_first_handshake_after_a_reload_shows_the_new_certificate_and_open_connections_go_on() {
    let site = Site::start().await;
    let old = site.hot.thumbprint().unwrap().to_string();
    let mut open = site.client().await;
    assert_eq!(open.thumbprint(), old);
    assert_eq!(open.get("/").await.code, 200);

    let new = issue();
    replace(&site.files, &new);
    assert_eq!(site.client().await.thumbprint(), old, "the files alone change nothing");
    site.hot.reload().unwrap();

    assert_eq!(site.client().await.thumbprint(), new.thumbprint);
    assert_eq!(site.hot.thumbprint().unwrap().to_string(), new.thumbprint);
    let answer = open.get("/").await;
    assert_eq!((answer.code, open.thumbprint()), (200, old), "the connection from before goes on");
}

#[tokio::test]
async fn before_the_first_certificate_every_handshake_is_refused_at_once() {
    let site = Site::start_waiting().await;
    assert_eq!(site.hot.thumbprint(), None);
    let refused = Client::connect(site.address).await.map(|client| client.thumbprint()).unwrap_err();
    assert!(refused.to_string().contains("fatal alert"), "{refused}");
    site.hot.reload().expect_err("there are no files");

    let first = issue();
    replace(&site.files, &first);
    site.hot.reload().unwrap();
    assert_eq!(site.client().await.thumbprint(), first.thumbprint);
}

#[tokio::test]
async fn openssl_sees_the_whole_chain_and_verifies_it() {
    let site = Site::start().await;
    let address = site.address;
    let seen = tokio::task::spawn_blocking(move || {
        let served = openssl::served_certificate(address, "localhost").unwrap();
        (served, openssl::verify(address, "localhost", authority().root_pem()))
    });
    let (served, is_verified) = seen.await.unwrap();
    assert_eq!(served.thumbprint, site.hot.thumbprint().unwrap().to_string());
    assert_eq!(served.chain_len, 2);
    assert!(is_verified);
}

/// What is wrong with the files, and the code of that.
type Damage = (&'static str, fn(&CertificateFiles), &'static str);

const DAMAGES: &[Damage] = &[
    (
        "key of another certificate",
        |files| fs::write(&files.key, issue().key_pem).unwrap(),
        "key-does-not-match",
    ),
    (
        "certificate of another key",
        |files| fs::write(&files.certificate, issue().chain_pem).unwrap(),
        "key-does-not-match",
    ),
    (
        "intermediate before the leaf",
        |files| {
            let leaf = fs::read_to_string(&files.certificate).unwrap();
            fs::write(&files.certificate, format!("{}{leaf}", authority().intermediate_pem())).unwrap();
        },
        "key-does-not-match",
    ),
    ("no key", |files| fs::remove_file(&files.key).unwrap(), "file-unreadable"),
    ("no certificate", |files| fs::remove_file(&files.certificate).unwrap(), "file-unreadable"),
    ("empty key", |files| fs::write(&files.key, "").unwrap(), "pem-empty"),
    (
        "half a certificate",
        |files| {
            let text = fs::read(&files.certificate).unwrap();
            fs::write(&files.certificate, &text[..200]).unwrap();
        },
        "pem-damaged",
    ),
    (
        "a certificate for a key",
        |files| fs::write(&files.key, authority().intermediate_pem()).unwrap(),
        "key-missing",
    ),
    (
        "a key for a certificate",
        |files| {
            fs::copy(&files.key, &files.certificate).unwrap();
        },
        "certificate-missing",
    ),
    (
        "a key that is none",
        |files| {
            fs::write(&files.key, "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n").unwrap();
        },
        "key-unusable",
    ),
];

#[tokio::test]
async fn files_that_cannot_be_used_keep_what_is_served() {
    for (what, damage, code) in DAMAGES {
        let site = Site::start().await;
        let old = site.hot.thumbprint().unwrap().to_string();
        damage(&site.files);
        let told = site.hot.reload().expect_err(what);
        assert_eq!(site.client().await.thumbprint(), old, "{what}");

        let error = HotCertificate::load(site.files.clone()).expect_err(what);
        assert_eq!(error.code(), *code, "{what}: {told}");
        assert!(error.hint().is_some(), "{what}");
        assert_eq!(told, error.chain());

        let new = issue();
        replace(&site.files, &new);
        site.hot.reload().unwrap();
        assert_eq!(site.client().await.thumbprint(), new.thumbprint, "it recovers from: {what}");
    }
}

#[tokio::test]
async fn no_session_is_resumed() {
    let site = Site::start().await;
    for version in rustls::ALL_VERSIONS {
        let configuration = configuration(&[version]);
        for _ in 0..3 {
            let mut client = Client::connect_with(site.address, configuration.clone()).await.unwrap();
            // Tickets of TLS 1.3 come behind the handshake: an answer is read, so that they would have arrived.
            assert_eq!(client.get("/").await.code, 200);
            assert_eq!(client.handshake_kind(), HandshakeKind::Full, "{version:?}");
        }
    }
}

#[tokio::test]
async fn http_1_1_is_agreed_on_though_a_client_prefers_another() {
    let client = Site::start().await.client().await;
    assert_eq!(client.protocol(), Some(&b"http/1.1"[..]));
}

#[tokio::test(flavor = "multi_thread")]
async fn swaps_under_load_cost_no_connection() {
    let site = Site::start().await;
    let root = authority().root_pem();
    let load = TlsLoad::start(site.address, "localhost", root, Duration::from_millis(1));
    let certificates: Vec<_> = (0..10).map(|_| issue()).collect();
    for certificate in &certificates {
        replace(&site.files, certificate);
        site.hot.reload().unwrap();
        let is_seen = || load.report().seen(&certificate.thumbprint).is_some();
        tokio::task::block_in_place(|| {
            wait_until("the successor is served", Duration::from_secs(20), is_seen)
        });
    }
    let report = tokio::task::block_in_place(|| load.stop());
    assert_eq!(report.failures, Vec::<String>::new());
    let order: Vec<_> = report.thumbprints.iter().map(|seen| seen.thumbprint.as_str()).collect();
    let issued: Vec<_> = certificates.iter().map(|certificate| certificate.thumbprint.as_str()).collect();
    assert_eq!(&order[order.len() - issued.len()..], issued);
}

#[tokio::test]
async fn the_key_is_in_no_debug_output() {
    let site = Site::start().await;
    let key = fs::read_to_string(&site.files.key).unwrap();
    let shown = format!("{:?}", site.hot);
    assert!(shown.contains(&site.hot.thumbprint().unwrap().to_string()), "{shown}");
    assert!(key.lines().all(|line| !shown.contains(line)), "{shown}");
}
