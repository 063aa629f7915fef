//! The internal CA, with OpenSSL as the judge of what it issues.

#![expect(clippy::unwrap_used, reason = "a test that cannot be set up is a failed test")]

use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use baton_finding::Explain as _;
use baton_issuer::{InternalAuthority, IssueError, Issuer, KeySource, Order};
use baton_x509::{Certificate, KeyAlgorithm, Name, PemContents, Trust, X509};
use jiff::{SignedDuration, Timestamp};
use rcgen::{CertificateParams, KeyPair};

const DAY: SignedDuration = SignedDuration::from_hours(24);

fn names(texts: &[&str]) -> Vec<Name> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

fn now() -> Timestamp {
    baton_platform::clock::now()
}

fn issuer(directory: &Path, permitted: &[&str], lifetime: SignedDuration) -> Issuer {
    let authority = InternalAuthority::open(directory, "test host", &names(permitted), now()).unwrap();
    Issuer::Internal { authority: Arc::new(authority), lifetime }
}

fn issue(issuer: &Issuer, order: &Order<'_>, now: Timestamp) -> Result<Certificate, IssueError> {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(issuer.issue(order, now))
}

fn order<'a>(names: &'a [Name], algorithm: KeyAlgorithm) -> Order<'a> {
    Order { certificate: "site", names, key: KeySource::New(algorithm), replaces: None }
}

/// What OpenSSL says of a chain.
fn openssl_verifies(directory: &Path, root: &str, certificate: &Certificate) -> bool {
    let path = |name: &str| directory.join(name);
    fs_err::write(path("root"), root).unwrap();
    fs_err::write(path("leaf"), certificate.leaf().to_pem()).unwrap();
    fs_err::write(path("chain"), certificate.chain()[0].to_pem()).unwrap();
    Command::new("openssl")
        .args(["verify", "-purpose", "sslserver", "-CAfile"])
        .args([path("root"), "-untrusted".into(), path("chain"), path("leaf")])
        .output()
        .unwrap()
        .status
        .success()
}

/// What OpenSSL reads in the leaf that was judged last.
fn openssl_text(directory: &Path) -> String {
    let leaf = directory.join("leaf");
    let text = Command::new("openssl").args(["x509", "-noout", "-text", "-in"]).arg(leaf).output().unwrap();
    String::from_utf8(text.stdout).unwrap()
}

#[test]
fn every_kind_of_key_is_issued_and_openssl_verifies_the_chain() {
    let directory = tempfile::tempdir().unwrap();
    let ca = directory.path().join("ca");
    let issuer = issuer(&ca, &["example.com", "127.0.0.1"], DAY * 47);
    let root = fs_err::read_to_string(ca.join("root.pem")).unwrap();
    let wanted = names(&["www.example.com", "*.example.com", "127.0.0.1"]);
    let mut serials = Vec::new();
    for (name, algorithm) in KeyAlgorithm::NAMED {
        let certificate = issue(&issuer, &order(&wanted, *algorithm), now()).unwrap();
        assert_eq!(certificate.leaf().key_algorithm(), *algorithm);
        assert_eq!(certificate.key().unwrap().public_key().unwrap(), certificate.leaf().public_key());
        assert!(openssl_verifies(directory.path(), &root, &certificate), "{name}");
        let text = openssl_text(directory.path());
        assert!(text.contains("TLS Web Server Authentication"), "{text}");
        assert!(text.contains("CA:FALSE"), "{text}");
        assert!(text.contains("DNS:www.example.com, DNS:*.example.com, IP Address:127.0.0.1"), "{text}");
        serials.push(certificate.leaf().serial().to_owned());
    }
    serials.dedup();
    assert_eq!(serials.len(), KeyAlgorithm::NAMED.len());
}

#[test]
fn names_beyond_the_limits_are_refused_by_the_ca_and_by_openssl() {
    let directory = tempfile::tempdir().unwrap();
    let ca = directory.path().join("ca");
    let limited = issuer(&ca, &["example.com"], DAY);
    for name in ["example.org", "badexample.com", "127.0.0.1"] {
        let error = issue(&limited, &order(&names(&[name]), KeyAlgorithm::EcdsaP256), now()).unwrap_err();
        assert!(matches!(error, IssueError::NameNotPermitted { .. }), "{name}: {error}");
    }
    let Issuer::Internal { authority, .. } = &limited else { unreachable!() };
    assert_eq!(authority.root().permitted_names(), names(&["example.com"]));
    // The limits are in the certificates, not only in our own check: who steals the CA's key gains no other name.
    let stolen = PemContents::read(&fs_err::read(ca.join("intermediate.pem")).unwrap()).unwrap();
    let key = KeyPair::try_from(&stolen.keys[0].to_rustls()).unwrap();
    let intermediate = stolen.certificates[0].clone();
    let thief = rcgen::Issuer::from_ca_cert_der(&intermediate.to_rustls(), key).unwrap();
    let root = fs_err::read_to_string(ca.join("root.pem")).unwrap();
    for (name, verifies) in [("a.example.com", true), ("a.example.org", false)] {
        let params = CertificateParams::new([name.to_owned()]).unwrap();
        let signed = params.signed_by(&KeyPair::generate().unwrap(), &thief).unwrap();
        let leaf = X509::from_der(signed.der()).unwrap();
        let certificate = Certificate::new(leaf, vec![intermediate.clone()], None);
        let mut trust = Trust::default();
        trust.add(authority.root().to_rustls());
        assert_eq!(trust.verify(certificate.leaf(), certificate.chain(), now()).is_ok(), verifies, "{name}");
        assert_eq!(openssl_verifies(directory.path(), &root, &certificate), verifies, "{name}");
    }
}

#[test]
fn the_same_key_gives_another_serial_and_thumbprint() {
    let directory = tempfile::tempdir().unwrap();
    let issuer = issuer(&directory.path().join("ca"), &["a.example"], DAY);
    let wanted = names(&["a.example"]);
    for algorithm in [KeyAlgorithm::EcdsaP256, KeyAlgorithm::Rsa2048] {
        let first = issue(&issuer, &order(&wanted, algorithm), now()).unwrap();
        let same =
            Order { key: KeySource::Same(first.key().unwrap()), ..order(&wanted, KeyAlgorithm::EcdsaP256) };
        let second = issue(&issuer, &same, now()).unwrap();
        assert_eq!(first.leaf().public_key(), second.leaf().public_key());
        assert_ne!(first.leaf().serial(), second.leaf().serial());
        assert_ne!(first.thumbprint(), second.thumbprint());
    }
}

#[test]
fn an_intermediate_that_would_end_before_the_leaf_is_replaced() {
    let directory = tempfile::tempdir().unwrap();
    let ca = directory.path().join("ca");
    let issuer = issuer(&ca, &["a.example"], DAY * 47);
    let wanted = names(&["a.example"]);
    let early = issue(&issuer, &order(&wanted, KeyAlgorithm::EcdsaP256), now()).unwrap();
    let later = now().checked_add(DAY * 700).unwrap();
    let late = issue(&issuer, &order(&wanted, KeyAlgorithm::EcdsaP256), later).unwrap();
    assert_ne!(early.chain()[0].fingerprint(), late.chain()[0].fingerprint());
    assert!(late.chain()[0].not_after() >= late.leaf().not_after());
    // The root stays: clients need not be told.
    let Issuer::Internal { authority, .. } = &issuer else { unreachable!() };
    let mut trust = Trust::default();
    trust.add(authority.root().to_rustls());
    trust.verify(late.leaf(), late.chain(), later).unwrap();
    let end = now().checked_add(DAY * 365 * 10).unwrap();
    let error = issue(&issuer, &order(&wanted, KeyAlgorithm::EcdsaP256), end).unwrap_err();
    assert!(matches!(error, IssueError::RootEnds { .. }), "{error}");
}

#[test]
fn a_damaged_ca_is_named_and_not_replaced() {
    let directory = tempfile::tempdir().unwrap();
    let ca = directory.path().join("ca");
    let first = issuer(&ca, &["a.example"], DAY);
    drop(first);
    fs_err::write(ca.join("intermediate.pem"), "rubbish").unwrap();
    let again = issuer(&ca, &["b.example"], DAY);
    let error = issue(&again, &order(&names(&["a.example"]), KeyAlgorithm::EcdsaP256), now()).unwrap_err();
    assert!(matches!(error, IssueError::Damaged { .. }), "{error}");
    // As it comes from the backup of a Windows machine.
    fs_err::write(ca.join("intermediate.pem"), "BATON SEALED 1\nby another machine").unwrap();
    let error = issue(&again, &order(&names(&["a.example"]), KeyAlgorithm::EcdsaP256), now()).unwrap_err();
    assert_eq!(error.code(), "secret-does-not-open", "{error}");
    assert!(error.chain().contains("intermediate.pem` is sealed, and does not open"), "{}", error.chain());
    assert!(error.hint().unwrap().contains("the whole directory"), "{error}");
    assert!(ca.join("root.key").exists());
}
