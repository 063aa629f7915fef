//! Keys that do not leave their store: OpenSSL signs in its stead, as the certificate store of Windows does.

#![expect(clippy::unwrap_used, reason = "a test that cannot be set up is a failed test")]

use std::io;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;

use baton_issuer::{
    Adcs, AdcsSettings, ExchangeSettings, InternalAuthority, IssueError, Issuer, KeptRequests, KeySource,
    Order,
};
use baton_testkit::certreq::{AUTHORITY, Certreq, Manner};
use baton_x509::{Certificate, Name, PemContents, Signer, X509};
use jiff::{SignedDuration, Timestamp};
use tempfile::TempDir;

const HOST: &str = "www.example.com";

/// The certificate before, and its key in a file that only OpenSSL reads.
#[derive(Debug)]
struct OpensslSigner {
    certificate: X509,
    directory: TempDir,
}

impl OpensslSigner {
    fn new(kind: &[&str]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let subject = format!("/CN={HOST}");
        let output = Command::new("openssl")
            .current_dir(directory.path())
            .args(["req", "-x509", "-nodes", "-keyout", "key", "-out", "certificate", "-days", "30", "-subj"])
            .args([&subject, "-newkey"])
            .args(kind)
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let pem = fs_err::read(directory.path().join("certificate")).unwrap();
        let certificate = PemContents::read(&pem).unwrap().certificates.remove(0);
        Self { certificate, directory }
    }
}

impl Signer for OpensslSigner {
    fn certificate(&self) -> &X509 {
        &self.certificate
    }

    fn sign(&self, message: &[u8]) -> io::Result<Vec<u8>> {
        let path = |name: &str| self.directory.path().join(name);
        fs_err::write(path("message"), message)?;
        let digest = ["dgst", "-sha256", "-sign"];
        let ran = Command::new("openssl")
            .args(digest)
            .args([path("key"), "-out".into(), path("signature"), path("message")])
            .output()?;
        if !ran.status.success() {
            return Err(io::Error::other(String::from_utf8_lossy(&ran.stderr).into_owned()));
        }
        fs_err::read(path("signature"))
    }
}

struct Scene {
    certreq: Certreq,
    issuer: Issuer,
    data: TempDir,
}

impl Scene {
    fn new() -> Self {
        let (certreq, data) = (Certreq::new(), tempfile::tempdir().unwrap());
        let authority = certreq.authority();
        let pem = format!("{}{}", authority.root_pem(), authority.intermediate_pem());
        let adcs = AdcsSettings {
            program: certreq.program_directory().join("certreq"),
            authority: AUTHORITY.to_owned(),
            poll: SignedDuration::from_mins(5),
        };
        let exchange = ExchangeSettings {
            issuer: "house".to_owned(),
            requests: KeptRequests::new(data.path().join("requests")),
            directory: data.path().join("exchange"),
            roots: PemContents::read(pem.as_bytes()).unwrap().certificates,
            template: Some("WebServer".parse().unwrap()),
        };
        Self { issuer: Issuer::Adcs(Box::new(Adcs::new(adcs, exchange))), certreq, data }
    }

    fn requests(&self) -> Vec<PathBuf> {
        let Ok(entries) = fs_err::read_dir(self.data.path().join("requests")) else { return Vec::new() };
        let paths = entries.map(|entry| entry.unwrap().path());
        paths.filter(|path| path.extension().is_some_and(|it| it == "json")).collect()
    }
}

fn issue(issuer: &Issuer, key: KeySource<'_>) -> Result<Certificate, IssueError> {
    let names: Vec<Name> = vec![HOST.parse().unwrap()];
    let order = Order { certificate: "site", names: &names, key, replaces: None };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(issuer.issue(&order, now()))
}

fn now() -> Timestamp {
    baton_platform::clock::now()
}

fn assert_keeps(certificate: &Certificate, signer: &OpensslSigner) {
    assert_eq!(certificate.leaf().public_key(), signer.certificate.public_key());
    assert!(certificate.has_key() && certificate.key().is_none(), "it is there, and not at hand");
    assert_eq!(certificate.leaf().names(), [HOST]);
    assert!(!certificate.chain().is_empty());
}

#[test]
fn a_request_is_signed_where_the_key_is() {
    for kind in [&["rsa:2048"][..], &["ec", "-pkeyopt", "ec_paramgen_curve:P-256"]] {
        let (scene, signer) = (Scene::new(), OpensslSigner::new(kind));

        let certificate = issue(&scene.issuer, KeySource::Kept(&signer)).unwrap();

        assert_keeps(&certificate, &signer);
        assert_eq!(scene.certreq.verbs(), ["-submit"], "the CA has verified the request with OpenSSL");
    }
}

#[test]
fn a_request_that_waits_for_its_approval_knows_its_key_by_the_public_one() {
    let (scene, signer) = (Scene::new(), OpensslSigner::new(&["rsa:2048"]));
    scene.certreq.set(Manner::Approve);
    for _ in 0..2 {
        let error = issue(&scene.issuer, KeySource::Kept(&signer)).unwrap_err();
        assert!(error.awaiting().is_some(), "{error}");
    }
    let [file] = &scene.requests()[..] else { panic!("one request: {:?}", scene.requests()) };
    assert!(!fs_err::read_to_string(file).unwrap().contains("PRIVATE"), "there is no key to be kept");

    scene.certreq.approve(42);
    assert_keeps(&issue(&scene.issuer, KeySource::Kept(&signer)).unwrap(), &signer);
    assert_eq!(scene.certreq.verbs(), ["-submit", "-retrieve", "-retrieve"]);
    scene.issuer.forget("site").unwrap();
    assert_eq!(scene.requests(), Vec::<PathBuf>::new());

    // Another key is another request.
    scene.certreq.set(Manner::Issue);
    let other = OpensslSigner::new(&["rsa:2048"]);
    assert_keeps(&issue(&scene.issuer, KeySource::Kept(&other)).unwrap(), &other);
}

#[test]
fn a_store_that_does_not_sign_is_told() {
    let (scene, signer) = (Scene::new(), OpensslSigner::new(&["rsa:2048"]));
    fs_err::remove_file(signer.directory.path().join("key")).unwrap();

    let error = issue(&scene.issuer, KeySource::Kept(&signer)).unwrap_err();

    assert!(error.to_string().contains("Remote key"), "{error}");
    assert_eq!(scene.certreq.calls(), Vec::<String>::new());
}

#[test]
fn the_internal_ca_needs_the_public_key_alone() {
    let (directory, signer) = (tempfile::tempdir().unwrap(), OpensslSigner::new(&["rsa:2048"]));
    let permitted = [HOST.parse().unwrap()];
    let authority =
        InternalAuthority::open(&directory.path().join("ca"), "test host", &permitted, now()).unwrap();
    let lifetime = SignedDuration::from_hours(24);
    let issuer = Issuer::Internal { authority: Arc::new(authority), lifetime };
    fs_err::remove_file(signer.directory.path().join("key")).unwrap();

    assert_keeps(&issue(&issuer, KeySource::Kept(&signer)).unwrap(), &signer);
}
