//! ACME against a real server: Pebble, in all its moods.

#![expect(clippy::unwrap_used, reason = "a test that cannot be set up is a failed test")]

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use baton_finding::Explain as _;
use baton_issuer::{
    Acme, AcmeSettings, HttpResponder, IssueError, Issuer, KeySource, Order, Solver, TlsResponder, Trusted,
};
use baton_testkit::{Pebble, PebbleOptions};
use baton_x509::{Certificate, KeyAlgorithm, Name, PemContents, Trust};
use rustls_pki_types::pem::PemObject as _;

fn names(texts: &[&str]) -> Vec<Name> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

fn settings(pebble: &Pebble, solver: Solver) -> AcmeSettings {
    let root = fs_err::read(pebble.directory_root()).unwrap();
    AcmeSettings {
        directory_url: pebble.directory_url(),
        trusted: Trusted::Only(vec![rustls_pki_types::CertificateDer::from_pem_slice(&root).unwrap()]),
        contact: vec!["mailto:admin@example.com".to_owned()],
        external_account: None,
        profile: None,
        solver,
        patience: Duration::from_secs(60),
    }
}

fn http(pebble: &Pebble) -> Solver {
    Solver::Http(Arc::new(HttpResponder::new(vec![pebble.http_address()])))
}

fn open(directory: &Path, settings: AcmeSettings) -> Issuer {
    Issuer::Acme(Box::new(Acme::open(directory.join("acme"), settings).unwrap()))
}

async fn obtain(
    issuer: &Issuer,
    wanted: &[&str],
    algorithm: KeyAlgorithm,
) -> Result<Certificate, IssueError> {
    let wanted = names(wanted);
    let order = Order { certificate: "site", names: &wanted, key: KeySource::New(algorithm), replaces: None };
    let issued = issuer.issue(&order, baton_platform::clock::now()).await?;
    issuer.forget("site")?;
    Ok(issued)
}

fn verify(pebble: &Pebble, certificate: &Certificate) {
    let mut trust = Trust::default();
    for root in PemContents::read(pebble.root_pem().as_bytes()).unwrap().certificates {
        trust.add(root.to_rustls());
    }
    trust.verify(certificate.leaf(), certificate.chain(), baton_platform::clock::now()).unwrap();
}

#[tokio::test]
async fn every_kind_of_key_is_obtained_by_http_01() {
    let pebble = Pebble::with(&PebbleOptions { strict: true, ..PebbleOptions::default() });
    let directory = tempfile::tempdir().unwrap();
    let issuer = open(directory.path(), settings(&pebble, http(&pebble)));
    for (name, algorithm) in KeyAlgorithm::NAMED {
        let certificate =
            obtain(&issuer, &["www.example.com", "example.com", "127.0.0.1"], *algorithm).await.unwrap();
        assert_eq!(certificate.leaf().key_algorithm(), *algorithm, "{name}");
        verify(&pebble, &certificate);
    }
}

#[tokio::test]
async fn tls_alpn_01_answers_for_names_and_addresses() {
    let pebble = Pebble::with(&PebbleOptions { strict: true, ..PebbleOptions::default() });
    let directory = tempfile::tempdir().unwrap();
    let solver = Solver::TlsAlpn(Arc::new(TlsResponder::new(vec![pebble.tls_address()])));
    let issuer = open(directory.path(), settings(&pebble, solver));
    let certificate =
        obtain(&issuer, &["www.example.com", "127.0.0.1"], KeyAlgorithm::EcdsaP256).await.unwrap();
    verify(&pebble, &certificate);
}

#[tokio::test]
async fn half_of_all_nonces_refused_is_no_reason_to_fail() {
    for percent in [20, 50] {
        let pebble =
            Pebble::with(&PebbleOptions { nonce_reject_percent: percent, ..PebbleOptions::default() });
        let directory = tempfile::tempdir().unwrap();
        let issuer = open(directory.path(), settings(&pebble, http(&pebble)));
        for _ in 0..5 {
            verify(&pebble, &obtain(&issuer, &["www.example.com"], KeyAlgorithm::EcdsaP256).await.unwrap());
        }
    }
}

#[tokio::test]
async fn a_ca_in_any_mood_gives_certificates() {
    let moods = [
        PebbleOptions { authorization_reuse_percent: 100, strict: true, ..PebbleOptions::default() },
        PebbleOptions { sleep_seconds: Some(2), ..PebbleOptions::default() },
        PebbleOptions { alternate_roots: 2, ..PebbleOptions::default() },
        PebbleOptions {
            authorization_reuse_percent: 100,
            sleep_seconds: Some(1),
            alternate_roots: 1,
            nonce_reject_percent: 20,
            ..PebbleOptions::default()
        },
    ];
    for mood in moods {
        let pebble = Pebble::with(&mood);
        let directory = tempfile::tempdir().unwrap();
        let issuer = open(directory.path(), settings(&pebble, http(&pebble)));
        for _ in 0..3 {
            let names = ["www.example.com", "example.com"];
            verify(&pebble, &obtain(&issuer, &names, KeyAlgorithm::EcdsaP256).await.unwrap());
        }
    }
}

#[tokio::test]
async fn what_nobody_answers_is_told_with_the_cas_words() {
    let pebble = Pebble::start();
    let directory = tempfile::tempdir().unwrap();
    // A webroot that no server serves.
    let issuer = open(directory.path(), settings(&pebble, Solver::Webroot(directory.path().to_owned())));
    let error = obtain(&issuer, &["www.example.com"], KeyAlgorithm::EcdsaP256).await.unwrap_err();
    assert_eq!(error.code(), "acme-validation", "{}", error.chain());
    assert!(error.to_string().contains("www.example.com"), "{error}");
    let left: Vec<_> =
        fs_err::read_dir(directory.path().join(".well-known/acme-challenge")).unwrap().collect();
    assert!(left.is_empty(), "{left:?}");
}
