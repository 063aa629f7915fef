//! Certificates that a person asks for and brings: OpenSSL is the CA, nginx and the products' stand-in serve them.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use baton_testkit::condition::wait_until;
use baton_testkit::port::ReservedPort;
use baton_testkit::{Authority, IssuedCertificate, Nginx, TlsLoad, Webroot, fingerprint, openssl};
use serde_json::Value;

use crate::up::Up;
use crate::world::{Ran, World, list, quoted};

pub(crate) const HOST: &str = "www.example.com";

/// Runs OpenSSL in a directory.
#[track_caller]
fn run(directory: &Path, arguments: &[&str]) {
    let output = Command::new("openssl").current_dir(directory).args(arguments).output().unwrap();
    assert!(output.status.success(), "openssl {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// A CA of OpenSSL with a root and an intermediate, in a directory of its own.
pub(crate) struct Ca {
    directory: PathBuf,
}

impl Ca {
    pub(crate) fn new(directory: &Path, name: &str) -> Self {
        fs_err::create_dir(directory).unwrap();
        let ca = Self { directory: directory.to_owned() };
        let key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout"];
        let (root, intermediate) = (format!("/CN={name} Root"), format!("/CN={name} Issuing CA"));
        let days = ["-days", "3650"];
        let make = [&["req", "-x509"], &key[..], &["root.key", "-out", "root.pem", "-subj", &root], &days];
        run(directory, &make.concat());
        run(directory, &[&["req"], &key[..], &["ca.key", "-out", "ca.csr", "-subj", &intermediate]].concat());
        let extensions =
            "basicConstraints = critical, CA:TRUE, pathlen:0\nkeyUsage = critical, keyCertSign\n";
        ca.write("ca.ext", extensions);
        let sign =
            ["x509", "-req", "-in", "ca.csr", "-CA", "root.pem", "-CAkey", "root.key", "-extfile", "ca.ext"];
        run(directory, &[&sign[..], &["-set_serial", &serial(), "-out", "ca.pem"], &days].concat());
        ca
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    fn write(&self, name: &str, text: &str) {
        fs_err::write(self.path(name), text).unwrap();
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs_err::read_to_string(self.path(name)).unwrap()
    }

    /// Signs a request in PEM as it is: the leaf is `NAME.pem`, with the intermediate behind it `NAME-chain.pem`.
    pub(crate) fn sign(&self, request: &str, name: &str) {
        self.sign_with(request, name, "");
    }

    /// The same with more extensions.
    pub(crate) fn sign_with(&self, request: &str, name: &str, extensions: &str) {
        self.write("leaf.csr", request);
        self.write("leaf.ext", &format!("keyUsage = digitalSignature\n{extensions}"));
        let (leaf, serial) = (format!("{name}.pem"), serial());
        let sign =
            ["x509", "-req", "-in", "leaf.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-extfile", "leaf.ext"];
        // Whoever adds names of their own has none copied.
        let copied = if extensions.contains("subjectAltName") { "none" } else { "copy" };
        let more = ["-copy_extensions", copied, "-set_serial", &serial, "-days", "90", "-out", &leaf];
        run(&self.directory, &[&sign[..], &more].concat());
        self.write(&format!("{name}-chain.pem"), &format!("{}{}", self.read(&leaf), self.read("ca.pem")));
    }

    pub(crate) fn thumbprint(&self, file: &str) -> String {
        let arguments = ["x509", "-noout", "-fingerprint", "-sha1", "-in", file];
        let output = Command::new("openssl").current_dir(&self.directory).args(arguments).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        text.trim().rsplit('=').next().unwrap().replace(':', "")
    }
}

/// A serial number that no other certificate has.
fn serial() -> String {
    use std::hash::{BuildHasher as _, Hasher as _};
    format!("0x40{:016x}", std::hash::RandomState::new().build_hasher().finish())
}

/// A certificate of a person's, for a server or for none.
pub(crate) struct Scene {
    pub(crate) world: World,
    pub(crate) ca: Ca,
    pub(crate) nginx: Option<Nginx>,
}

impl Scene {
    /// Without a server: what is accepted is in the store, and that is all.
    fn without_target() -> Self {
        let world = World::new();
        let ca = Ca::new(&world.path("ca"), "Company");
        let scene = Self { world, ca, nginx: None };
        scene.write_settings("");
        scene
    }

    /// With nginx, which serves a certificate of the same CA.
    pub(crate) fn new() -> Self {
        let mut scene = Self::without_target();
        let tls = scene.world.path("tls");
        fs_err::create_dir(&tls).unwrap();
        let subject = format!("/CN={HOST}");
        let alternative = format!("subjectAltName=DNS:{HOST}");
        let key = ["-newkey", "rsa:2048", "-nodes", "-keyout", "site.key"];
        run(
            &tls,
            &[&["req"], &key[..], &["-out", "csr", "-subj", &subject, "-addext", &alternative]].concat(),
        );
        scene.ca.sign(&fs_err::read_to_string(tls.join("csr")).unwrap(), "first");
        fs_err::write(tls.join("site.pem"), scene.ca.read("first-chain.pem")).unwrap();
        scene.nginx = Some(Nginx::start(&tls.join("site.pem"), &tls.join("site.key")));
        scene.write_settings("");
        scene
    }

    /// `more` is in the `[[certificate]]`.
    pub(crate) fn write_settings(&self, more: &str) {
        let reload = self.nginx.as_ref().map(Nginx::reload_command).unwrap_or_default();
        self.write_settings_with(more, &reload);
    }

    fn write_settings_with(&self, more: &str, activate: &[String]) {
        let target = self.nginx.as_ref().map(|nginx| {
            format!(
                "[[target]]\nname = 'website'\ncertificate = {}\nkey = {}\ncheck = {}\nactivate = {}\n\
                 endpoints = [{{ address = '{}', name = '{HOST}' }}]\n\n",
                quoted(&self.world.path("tls/site.pem")),
                quoted(&self.world.path("tls/site.key")),
                list(&nginx.check_command()),
                list(activate),
                nginx.address(),
            )
        });
        let targets = if target.is_some() { "targets = ['website']\n" } else { "" };
        self.world.write_settings(&format!(
            "[proof]\nover = '200ms'\nquiet = '100ms'\ndeadline = '4s'\n\n\
             [[issuer]]\nname = 'company'\nkind = 'manual'\nroot = 'ca/root.pem'\n\n{}\
             [[certificate]]\nname = 'site'\nnames = ['{HOST}']\nissuer = 'company'\n{targets}{more}",
            target.unwrap_or_default()
        ));
    }

    pub(crate) fn baton(&self, arguments: &[&str]) -> Ran {
        self.world.baton(arguments)
    }

    /// A request in PEM.
    #[track_caller]
    pub(crate) fn request(&self, more: &[&str]) -> String {
        self.baton(&[&["request", "site"], more].concat()).expect(0).stdout
    }

    /// Asks, has the CA answer, and tells the thumbprint; the answer is `ca/NAME.pem` and `ca/NAME-chain.pem`.
    #[track_caller]
    fn answered(&self, name: &str, more: &[&str]) -> String {
        self.ca.sign(&self.request(more), name);
        self.ca.thumbprint(&format!("{name}.pem"))
    }

    pub(crate) fn served(&self) -> String {
        let address = self.nginx.as_ref().unwrap().address();
        openssl::served_certificate(address, HOST).unwrap().thumbprint
    }

    /// How many requests wait.
    pub(crate) fn pending(&self) -> usize {
        let list = self.baton(&["request", "list", "--json"]).expect(0).json();
        list["requests"].as_array().unwrap().len()
    }

    /// All that an answer could change, and that a refused one must not: store, requests, target, and what the state
    /// says of them. Of files, which hold keys, only the digest is ever shown.
    fn all(&self) -> Vec<(String, String)> {
        let kept = ["baton-data/certificates/", "baton-data/requests/", "tls/"];
        let files =
            self.world.listing().into_iter().filter(|name| kept.iter().any(|it| name.starts_with(it)));
        let digest = |name: &str| fingerprint(&fs_err::read(self.world.path(name)).unwrap_or_default());
        let mut all: Vec<(String, String)> = files.map(|name| (name.clone(), digest(&name))).collect();
        let mut status: Value = serde_json::from_str(&self.baton(&["status", "--json"]).stdout).unwrap();
        status["at"] = Value::Null;
        all.push(("status".to_owned(), status.to_string()));
        all.push(("history".to_owned(), self.baton(&["history", "--json"]).stdout));
        all
    }
}

/// The public keys that the store has private keys for, each once.
fn keys(scene: &Scene) -> usize {
    let listing = scene.world.listing();
    let keys = listing
        .iter()
        .filter(|name| name.starts_with("baton-data/certificates/") && name.ends_with("key.pem"));
    let contents: std::collections::HashSet<Vec<u8>> =
        keys.map(|name| fs_err::read(scene.world.path(name)).unwrap()).collect();
    contents.len()
}

#[test]
fn a_request_is_signed_accepted_and_served_by_nginx() {
    let scene = Scene::new();
    let before = scene.served();
    scene.baton(&["request", "site", "--template", "WebServer", "--out", "site.csr"]).expect(0);
    let request = fs_err::read_to_string(scene.world.path("site.csr")).unwrap();
    run(scene.world.root(), &["req", "-in", "site.csr", "-verify", "-noout"]);
    let codes = |expected: i32| {
        let status = scene.baton(&["status", "--json"]).expect(expected).json();
        let findings = status["rows"][0]["findings"].as_array().unwrap().clone();
        findings.iter().map(|finding| finding["code"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert!(codes(10).contains(&"request-pending".to_owned()));
    scene.ca.sign(&request, "answer");

    let plan = scene.baton(&["accept", "ca/answer-chain.pem", "--dry-run", "--json"]).expect(0).json();
    assert_eq!(plan["outcome"], "planned");
    assert_eq!((scene.served(), scene.pending(), keys(&scene)), (before, 1, 0), "a dry run changes nothing");
    let report = scene.baton(&["accept", "ca/answer-chain.pem", "--json"]).expect(0).json();

    assert_eq!(report["outcome"], "served");
    let new = scene.ca.thumbprint("answer.pem");
    assert_eq!((report["new"].as_str().unwrap(), scene.served().as_str()), (new.as_str(), new.as_str()));
    assert!(openssl::verify(scene.nginx.as_ref().unwrap().address(), HOST, &scene.ca.read("root.pem")));
    assert_eq!(scene.pending(), 0);
    assert_eq!(codes(0), Vec::<String>::new());
    // The same again is no mistake.
    let again = scene.baton(&["accept", "ca/answer-chain.pem", "--json"]).expect(0);
    assert_eq!(again.codes(), ["accepted-before"]);
    assert_eq!(again.json()["outcome"], "unchanged");
}

#[test]
fn an_answer_is_taken_in_every_form() {
    /// Makes the files of an answer; what `baton accept` is to be called with.
    type Form = fn(&Scene) -> Vec<String>;
    fn make(scene: &Scene, arguments: &[&str]) {
        run(&scene.ca.directory, arguments);
    }
    let forms: [(&str, Form); 8] = [
        ("PEM with its chain", |_| vec!["ca/a-chain.pem".to_owned()]),
        ("PEM and the chain beside it", |_| vec!["ca/ca.pem".to_owned(), "ca/a.pem".to_owned()]),
        ("DER as .cer", |scene| {
            make(scene, &["x509", "-in", "a.pem", "-outform", "DER", "-out", "a.cer"]);
            vec!["ca/a.cer".to_owned(), "ca/ca.pem".to_owned()]
        }),
        ("P7B in DER, with the root", |scene| {
            let files = ["-certfile", "root.pem", "-certfile", "a-chain.pem"];
            make(scene, &[&["crl2pkcs7", "-nocrl", "-outform", "DER", "-out", "a.p7b"], &files[..]].concat());
            vec!["ca/a.p7b".to_owned()]
        }),
        ("P7C in PEM", |scene| {
            make(scene, &["crl2pkcs7", "-nocrl", "-certfile", "a-chain.pem", "-out", "a.p7c"]);
            vec!["ca/a.p7c".to_owned()]
        }),
        ("P7B in Base64 as Windows labels it", |scene| {
            make(scene, &["crl2pkcs7", "-nocrl", "-certfile", "a-chain.pem", "-out", "a.p7b"]);
            let text = scene.ca.read("a.p7b").replace("PKCS7", "CERTIFICATE").replace('\n', "\r\n");
            scene.ca.write("a.cer", &text);
            vec!["ca/a.cer".to_owned()]
        }),
        ("PFX without a key", |scene| {
            scene.ca.write("password", "correct horse\n");
            let pack = ["pkcs12", "-export", "-nokeys", "-in", "a-chain.pem", "-out", "a.pfx", "-passout"];
            make(scene, &[&pack[..], &["file:password"]].concat());
            ["--password-file", "ca/password", "ca/a.pfx"].map(str::to_owned).to_vec()
        }),
        ("the leaf alone, its intermediate in the store", |scene| {
            scene.ca.sign(&scene.request(&["--template", "Other"]), "earlier");
            scene.baton(&["accept", "ca/earlier-chain.pem"]).expect(0);
            vec!["ca/a.pem".to_owned()]
        }),
    ];
    for (form, files) in forms {
        let scene = Scene::without_target();
        let new = scene.answered("a", &[]);
        let files = files(&scene);
        let files: Vec<&str> = files.iter().map(String::as_str).collect();
        let ran = scene.baton(&[&["accept", "--json"], &files[..]].concat());
        assert_eq!(ran.exit, 0, "{form}: {}", ran.stderr);
        assert_eq!(ran.json()["new"], new.as_str(), "{form}");
        let exported = scene.baton(&["store", "export", &new]).expect(0).stdout;
        assert_eq!(exported.matches("BEGIN CERTIFICATE").count(), 2, "{form}: leaf and intermediate");
        assert_eq!(
            scene.baton(&["store", "show", &new, "--json"]).expect(0).json()["has_key"],
            true,
            "{form}"
        );
        assert_eq!(scene.pending(), 0, "{form}");
    }
}

#[test]
fn asked_twice_it_is_the_same_request_unless_something_differs() {
    let scene = Scene::without_target();
    let first = scene.baton(&["request", "site"]).expect(0);
    let second = scene.baton(&["request", "site"]).expect(0);
    assert_eq!(first.stdout, second.stdout);
    assert!(first.stderr.contains("is pending: `baton accept FILE`"), "{}", first.stderr);
    assert!(second.stderr.contains("nothing differs"), "{}", second.stderr);
    let json = scene.baton(&["request", "site", "--json"]).expect(0).json();
    assert_eq!(
        (json["is_new"].as_bool(), json["request"].as_str()),
        (Some(false), Some(first.stdout.as_str()))
    );
    // DER is the same in another form, and a file that holds the request is no obstacle.
    for _ in 0..2 {
        scene.baton(&["request", "site", "--der", "--out", "site.der", "-q"]).expect(0);
    }
    run(scene.world.root(), &["req", "-in", "site.der", "-inform", "DER", "-verify", "-noout"]);
    let refused = scene.baton(&["request", "site", "--out", "site.der"]).expect(2);
    assert!(refused.stderr.contains("site.der") && refused.stderr.contains("hint:"), "{}", refused.stderr);
    assert_eq!(scene.pending(), 1);

    // A template, a kind of key, a name: each makes another one beside it.
    let template = scene.request(&["--template", "1.3.6.1.4.1.311.21.8.1.2.3"]);
    scene.write_settings("key = 'rsa-2048'\n");
    let rsa = scene.request(&[]);
    let settings = fs_err::read_to_string(scene.world.path("baton.toml")).unwrap();
    scene.world.write_settings(&settings.replace(&format!("['{HOST}']"), &format!("['{HOST}', '10.0.0.7']")));
    let named = scene.request(&[]);
    let all = std::collections::HashSet::from([&first.stdout, &template, &rsa, &named]);
    assert_eq!((all.len(), scene.pending()), (4, 4));

    // By its name it is unclear which one is meant.
    let unclear = scene.baton(&["request", "cancel", "site"]).expect(2);
    assert!(unclear.stderr.contains("4 requests are pending"), "{}", unclear.stderr);
    let id = scene.baton(&["request", "site", "--json"]).expect(0).json()["id"].as_str().unwrap().to_owned();
    scene.baton(&["request", "cancel", &id]).expect(0);
    assert_eq!(scene.pending(), 3);
    scene.baton(&["request", "cancel", &id]).expect(2);
    let table = scene.baton(&["request", "list"]).expect(0).stdout;
    assert!(!table.contains(&id) && table.contains("rsa-2048"), "{table}");
    assert!(!table.contains("PRIVATE KEY") && !first.stderr.contains("PRIVATE KEY"));
}

#[test]
fn what_is_no_answer_is_refused_and_changes_nothing() {
    let scene = Scene::new();
    // Two requests, so that a mistake could hit the other one; and one certificate that is served.
    scene.answered("first-answer", &[]);
    scene.baton(&["accept", "ca/first-answer-chain.pem"]).expect(0);
    let request = scene.request(&[]);
    scene.request(&["--template", "WebServer"]);
    scene.ca.sign(&request, "good");
    scene.ca.sign_with(&request, "names", "subjectAltName = DNS:other.example.com\n");
    let stranger = Ca::new(&scene.world.path("stranger"), "Stranger");
    stranger.sign(&request, "good");
    let with_root = format!("{}{}", stranger.read("good-chain.pem"), stranger.read("root.pem"));
    stranger.write("good-root.pem", &with_root);
    // A CA of the same names is another one all the same.
    let twin = Ca::new(&scene.world.path("twin"), "Company");
    twin.sign(&request, "good");
    let directory = &scene.ca.directory;
    let key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "strange.key"];
    let names = ["-subj", "/CN=x", "-addext", &format!("subjectAltName=DNS:{HOST}"), "-out", "strange.csr"];
    run(directory, &[&["req"], &key[..], &names].concat());
    scene.ca.sign(&scene.ca.read("strange.csr"), "strange");
    run(directory, &["ec", "-in", "strange.key", "-outform", "DER", "-out", "strange.key.der"]);
    run(directory, &["req", "-in", "strange.csr", "-outform", "DER", "-out", "strange.csr.der"]);
    let p7b = |files: &[&str], out: &str| {
        let files: Vec<&str> = files.iter().flat_map(|file| ["-certfile", file]).collect();
        run(directory, &[&["crl2pkcs7", "-nocrl", "-outform", "DER", "-out", out], &files[..]].concat());
    };
    p7b(&["ca.pem", "root.pem"], "without-leaf.p7b");
    p7b(&["good-chain.pem"], "good.p7b");
    let good = fs_err::read(scene.ca.path("good.p7b")).unwrap();
    fs_err::write(scene.ca.path("cut.p7b"), &good[..good.len() / 2]).unwrap();
    let pem = scene.ca.read("good-chain.pem");
    scene.ca.write("cut.pem", &pem[..pem.len() - 200]);
    fs_err::write(scene.ca.path("big.pem"), vec![b'\n'; 1024 * 1024 + 1]).unwrap();
    scene.ca.write("empty.pem", "");
    scene.ca.write("password", "correct horse\n");
    scene.ca.write("other-password", "wrong\n");
    run(
        directory,
        &[
            "pkcs12",
            "-export",
            "-nokeys",
            "-in",
            "good-chain.pem",
            "-out",
            "good.pfx",
            "-passout",
            "file:password",
        ],
    );
    let pfx = fs_err::read(scene.ca.path("good.pfx")).unwrap();
    fs_err::write(scene.ca.path("cut.pfx"), &pfx[..pfx.len() - 20]).unwrap();
    let (several, several_pfx) = several_keys(HOST);
    scene.ca.write("several.pem", &several);
    fs_err::write(scene.ca.path("several.pfx"), several_pfx).unwrap();
    expired(&scene);

    let before = scene.all();
    let password = ["--password-file", "ca/password"];
    let wrong = ["--password-file", "ca/other-password"];
    let cases: &[(&[&str], &str, &str)] = &[
        (&["ca/cut.pem"], "pem-damaged", "a section has no end line"),
        (&["ca/cut.p7b"], "p7b-unreadable", "cut.p7b"),
        (&["ca/cut.pfx", password[0], password[1]], "pfx-unreadable", "cut.pfx"),
        (&["ca/big.pem"], "file-too-large", "too large"),
        (&["ca/empty.pem"], "file-empty", "is empty"),
        (&["ca"], "file-unreadable", "is a directory"),
        (&["ca/nowhere.pem"], "file-unreadable", "nowhere.pem"),
        (&["ca/several.pem"], "several-certificates", "2 certificates with a private key"),
        (
            &["ca/several.pfx", password[0], password[1]],
            "several-certificates",
            "2 certificates with a private key",
        ),
        (&["ca/good.pfx", wrong[0], wrong[1]], "pfx-wrong-password", "does not open"),
        (&["ca/good.pfx"], "pfx-wrong-password", "does not open"),
        (&["ca/without-leaf.p7b"], "request-missing", "no request is pending for the key of"),
        (&["ca/strange-chain.pem"], "request-missing", "(CN=x)"),
        (&["ca/leaf.csr"], "request-given", "it is a certificate request"),
        (&["ca/strange.csr.der"], "request-given", "is a certificate request"),
        (&["ca/strange.key"], "certificate-missing", "there is a private key in"),
        (&["ca/strange.key.der"], "certificate-missing", "there is a private key in"),
        (&["ca/names-chain.pem"], "names-differ", "is for other.example.com, and not for www.example.com"),
        (&["ca/expired.pem"], "certificate-expired", "it has expired on"),
        (&["stranger/good-chain.pem"], "chain-incomplete", "CN=Stranger Root"),
        (&["stranger/good-root.pem"], "ca-unknown", "not known here: CN=Stranger Root"),
        (&["twin/good-chain.pem"], "chain-does-not-build", "does not lead to a known root"),
        (&["ca/names-chain.pem", "ca/first-answer-chain.pem", "ca/cut.pem"], "pem-damaged", "cut.pem"),
    ];
    for (files, code, told) in cases {
        let ran = scene.baton(&[&["accept", "--json"], *files].concat()).expect(3);
        let error = &ran.json()["error"];
        assert_eq!(error["code"], *code, "{files:?}: {}", ran.stderr);
        assert!(ran.stderr.contains(told), "{files:?}: {}", ran.stderr);
        assert_eq!(ran.stderr.matches("error:").count(), 1, "one clear error: {}", ran.stderr);
        assert_eq!(ran.stderr.matches("hint:").count(), 1, "{files:?}: {}", ran.stderr);
        assert!(!ran.stderr.contains("PRIVATE") && !ran.stderr.contains("correct horse"), "{}", ran.stderr);
        assert_eq!(scene.all(), before, "{files:?}");
    }
    // Nothing of it has hurt the request.
    scene.baton(&["accept", "ca/good-chain.pem"]).expect(0);
    assert_eq!(scene.served(), scene.ca.thumbprint("good.pem"));
}

/// Two certificates with their keys, in PEM, and as a PFX, of which OpenSSL makes none with two keys.
fn several_keys(host: &str) -> (String, Vec<u8>) {
    use p12_keystore::{Certificate, KeyStore, KeyStoreEntry, LocalKeyId, PrivateKey, PrivateKeyChain};
    use rustls_pki_types::pem::PemObject as _;
    use rustls_pki_types::{CertificateDer, PrivatePkcs8KeyDer};
    let authority = Authority::new("Other CA");
    let issued = [authority.issue(&[host]).sign(), authority.issue(&[host]).sign()];
    let mut store = KeyStore::new();
    for (number, certificate) in issued.iter().enumerate() {
        let der = CertificateDer::from_pem_slice(certificate.certificate_pem.as_bytes()).unwrap();
        let key = PrivatePkcs8KeyDer::from_pem_slice(certificate.key_pem.as_bytes()).unwrap();
        let id = LocalKeyId(vec![u8::try_from(number).unwrap()]);
        let key = PrivateKey::from_der(key.secret_pkcs8_der()).unwrap();
        let chain = PrivateKeyChain::new(id, key, vec![Certificate::from_der(&der).unwrap()]);
        store.add_entry(&format!("entry {number}"), KeyStoreEntry::PrivateKeyChain(chain));
    }
    let pem = issued.iter().map(|it| format!("{}{}", it.certificate_pem, it.key_pem)).collect();
    (pem, store.writer("correct horse").write().unwrap())
}

/// An answer that is of no use any more: for the key of the first request.
fn expired(scene: &Scene) {
    let requests = scene.world.path("baton-data/requests");
    let authority = Authority::new("Late CA");
    let model = authority.issue(&[HOST]).sign();
    let mut files = fs_err::read_dir(requests).unwrap().map(|entry| entry.unwrap().path());
    let request = files.find(|path| path.extension().is_some_and(|it| it == "json")).unwrap();
    let request: Value = serde_json::from_slice(&fs_err::read(request).unwrap()).unwrap();
    let key = IssuedCertificate { key_pem: request["key"].as_str().unwrap().to_owned(), ..model };
    let expired = authority.issue(&[HOST]).same_key_as(&key).expired().sign();
    scene.ca.write("expired.pem", &format!("{}{}", expired.chain_pem, authority.root_pem()));
}

/// A certificate that someone else has asked for comes with its key.
#[test]
fn a_pfx_with_its_own_key_is_taken_for_the_one_certificate_that_has_its_names() {
    let scene = Scene::new();
    let directory = &scene.ca.directory;
    let alternative = format!("subjectAltName=DNS:{HOST}");
    let key = ["-newkey", "rsa:2048", "-nodes", "-keyout", "theirs.key", "-out", "theirs.csr"];
    run(directory, &[&["req"], &key[..], &["-subj", "/CN=x", "-addext", &alternative]].concat());
    scene.ca.sign(&scene.ca.read("theirs.csr"), "theirs");
    scene.ca.write("password", "correct horse\n");
    let pack = ["pkcs12", "-export", "-in", "theirs-chain.pem", "-inkey", "theirs.key", "-out", "theirs.pfx"];
    run(directory, &[&pack[..], &["-passout", "file:password"]].concat());
    let accept = ["accept", "ca/theirs.pfx", "--password-file", "ca/password", "--json"];

    scene.baton(&["check"]).expect(0);
    // For a certificate of an issuer that needs no person, or of other names, or of two, it is not taken.
    let settings = fs_err::read_to_string(scene.world.path("baton.toml")).unwrap();
    let second = format!("\n[[certificate]]\nname = 'twin'\nnames = ['{HOST}']\nissuer = 'company'\n");
    for other in [
        settings.replace(&format!("names = ['{HOST}']"), "names = ['other.example.com']"),
        settings.replace("issuer = 'company'", "issuer = 'internal'"),
        format!("{settings}{second}"),
    ] {
        scene.world.write_settings(&other);
        let before = scene.all();
        let refused = scene.baton(&accept).expect(3);
        assert_eq!(refused.json()["error"]["code"], "certificate-unclear", "{}", refused.stderr);
        assert_eq!(scene.all(), before);
    }
    scene.world.write_settings(&settings);
    scene.baton(&[&accept[..], &["--dry-run"]].concat()).expect(0);
    assert_eq!((scene.pending(), keys(&scene)), (0, 0), "a dry run keeps no key");

    let report = scene.baton(&accept).expect(0).json();
    assert_eq!((report["outcome"].as_str(), report["certificate"].as_str()), (Some("served"), Some("site")));
    assert_eq!(scene.served(), scene.ca.thumbprint("theirs.pem"));
    assert_eq!(scene.pending(), 0);

    // One whose chain leads nowhere is refused, and its key does not stay.
    let stranger = Ca::new(&scene.world.path("stranger"), "Stranger");
    stranger.sign(&scene.ca.read("theirs.csr"), "theirs");
    let chain = [stranger.read("theirs-chain.pem"), scene.ca.read("theirs.key")].concat();
    scene.ca.write("strange.pem", &chain);
    let before = scene.all();
    let refused = scene.baton(&["accept", "ca/strange.pem", "--json"]).expect(3);
    assert_eq!(refused.json()["error"]["code"], "chain-incomplete");
    assert_eq!(scene.all(), before);
}

#[test]
fn a_handover_that_fails_keeps_the_certificate_for_the_next_try() {
    let scene = Scene::new();
    let before = scene.served();
    let new = scene.answered("answer", &[]);
    scene.write_settings_with("", &["true".to_owned()]);

    let ran = scene.baton(&["accept", "ca/answer-chain.pem", "--json"]).expect(6);
    assert_eq!(ran.json()["outcome"], "pending");
    assert_eq!(scene.served(), before);
    assert_eq!(scene.pending(), 0, "the certificate is kept with its key");
    let row = scene.baton(&["status", "--json"]).expect(10).json()["rows"][0].clone();
    assert_eq!((row["pending"].as_str(), row["due_reason"].as_str()), (Some(new.as_str()), Some("pending")));
    // The same answer again is another try.
    scene.baton(&["accept", "ca/answer-chain.pem"]).expect(6);

    scene.write_settings("");
    let ran = scene.baton(&["renew", "--json"]).expect(0);
    assert_eq!(ran.json()["new"], new.as_str());
    assert_eq!(scene.served(), new);
}

#[test]
fn a_running_up_takes_requests_and_answers_and_tries_again() {
    let scene = Scene::new();
    let up = Up::start(&scene.world, &[]);
    let request = scene.request(&["--template", "WebServer"]);
    assert_eq!(scene.request(&["--template", "WebServer"]), request);
    scene.ca.sign(&request, "answer");
    let stranger = Ca::new(&scene.world.path("stranger"), "Stranger");
    stranger.sign(&request, "answer");
    let refused = scene.baton(&["accept", "stranger/answer-chain.pem", "--json"]).expect(3);
    assert_eq!(refused.json()["error"]["code"], "chain-incomplete");
    // The file is read where the command runs, and not where `up` does.
    let elsewhere = World::new();
    fs_err::copy(scene.ca.path("answer-chain.pem"), elsewhere.path("answer.pem")).unwrap();
    let settings = scene.world.path("baton.toml").display().to_string();
    let report =
        elsewhere.baton(&["accept", "answer.pem", "--settings", &settings, "--json"]).expect(0).json();
    assert_eq!(report["outcome"], "served");
    assert_eq!(scene.served(), scene.ca.thumbprint("answer.pem"));
    assert_eq!(scene.pending(), 0);

    // Nobody orders anything for it; what is brought and fails is tried again by `up`.
    let new = scene.answered("next", &[]);
    let gate = scene.world.path("gate");
    let reload = scene.nginx.as_ref().unwrap().reload_command();
    let script = format!("test -e {} || exit 0; exec {}", gate.display(), reload.join(" "));
    scene.write_settings_with("", &["sh".to_owned(), "-c".to_owned(), script]);
    up.stop();
    let _up = Up::start(&scene.world, &[]);
    scene.baton(&["accept", "ca/next-chain.pem"]).expect(6);
    fs_err::write(&gate, "").unwrap();
    scene.baton(&["status"]).expect(10);
    // A person need not wait for the next try of `up`, which is a minute away.
    if crate::up::is_full() {
        wait_until("up has tried again", Duration::from_secs(180), || scene.served() == new);
    } else {
        scene.baton(&["renew", "site"]).expect(0);
        assert_eq!(scene.served(), new);
    }
    assert_eq!(scene.baton(&["request", "list", "--json"]).json()["requests"].as_array().unwrap().len(), 0);
}

#[test]
fn a_product_is_handed_over_to_the_answer() {
    use baton_testkit::Product;
    let scene = crate::products::Scene::new(Product::Yunio);
    let ca = Ca::new(&scene.world.path("ca"), "Company");
    scene.write_settings(&format!(
        "{}\n[[issuer]]\nname = 'company'\nkind = 'manual'\nroot = 'ca/root.pem'\n\n[[certificate]]\nname = 'site'\n\
         names = ['sap.example.com', 'other.example.com']\nissuer = 'company'\nkey = 'rsa-2048'\ntargets = ['sap']\n",
        scene.endpoints_setting()
    ));
    ca.sign(&scene.world.baton(&["request", "site"]).expect(0).stdout, "answer");
    let report = scene.world.baton(&["accept", "ca/answer.pem", "ca/ca.pem", "--json"]).expect(0).json();
    assert_eq!(report["outcome"], "served");
    for (_, address) in scene.tls_endpoints() {
        let served = openssl::served_certificate(address, crate::products::HOST).unwrap();
        assert_eq!(served.thumbprint, ca.thumbprint("answer.pem"));
    }
}

#[test]
fn a_missing_intermediate_is_fetched_only_when_that_is_wished() {
    for form in ["DER", "P7B"] {
        let scene = Scene::without_target();
        let port = ReservedPort::new();
        let webroot = Webroot::serve(port.address());
        let files = webroot.challenge_directory();
        let url = |name: &str| format!("http://{}/.well-known/acme-challenge/{name}", port.address());
        run(&scene.ca.directory, &["x509", "-in", "ca.pem", "-outform", "DER", "-out", "ca.cer"]);
        let p7b = ["crl2pkcs7", "-nocrl", "-certfile", "root.pem", "-certfile", "ca.pem", "-outform", "DER"];
        run(&scene.ca.directory, &[&p7b[..], &["-out", "ca.p7b"]].concat());
        let file = if form == "DER" { "ca.cer" } else { "ca.p7b" };
        let access =
            format!("authorityInfoAccess = OCSP;URI:http://ocsp.invalid/, caIssuers;URI:{}\n", url(file));
        scene.ca.sign_with(&scene.request(&[]), "answer", &access);

        let before = scene.all();
        let refused = scene.baton(&["accept", "ca/answer.pem", "--json"]).expect(3);
        assert_eq!(refused.json()["error"]["code"], "chain-incomplete");
        assert!(refused.stderr.contains("--fetch-chain"), "{}", refused.stderr);
        // Not there; then something else; then the certificate of another CA of that name.
        let twin = Ca::new(&scene.world.path("twin"), "Company");
        run(&twin.directory, &["x509", "-in", "ca.pem", "-outform", "DER", "-out", "ca.cer"]);
        let twin = fs_err::read(twin.path("ca.cer")).unwrap();
        for content in [None, Some(b"<html>".to_vec()), Some(vec![b'x'; 100_000]), Some(twin)] {
            if let Some(content) = content {
                fs_err::write(files.join(file), content).unwrap();
            }
            let refused = scene.baton(&["accept", "ca/answer.pem", "--fetch-chain", "--json"]).expect(3);
            let code = refused.json()["error"]["code"].as_str().unwrap().to_owned();
            assert!(
                ["chain-incomplete", "chain-does-not-build"].contains(&code.as_str()),
                "{}",
                refused.stderr
            );
        }
        assert_eq!(scene.all(), before);
        fs_err::copy(scene.ca.path(file), files.join(file)).unwrap();
        let report = scene.baton(&["accept", "ca/answer.pem", "--fetch-chain", "--json"]).expect(0).json();
        let exported = scene.baton(&["store", "export", report["new"].as_str().unwrap()]).expect(0).stdout;
        assert_eq!(exported.matches("BEGIN CERTIFICATE").count(), 2, "{form}");
    }
}

#[test]
fn settings_that_have_changed_since_the_request_refuse_its_answer() {
    let scene = Scene::without_target();
    let first = scene.answered("answer", &[]);
    let settings = fs_err::read_to_string(scene.world.path("baton.toml")).unwrap();
    scene.world.write_settings(&settings.replace(&format!("['{HOST}']"), "['new.example.com']"));
    let refused = scene.baton(&["accept", "ca/answer-chain.pem", "--json"]).expect(3);
    assert_eq!(refused.json()["error"]["code"], "request-outdated", "{}", refused.stderr);
    assert_eq!(scene.pending(), 1, "the request is kept");
    scene.world.write_settings(&settings);
    assert_eq!(
        scene.baton(&["accept", "ca/answer-chain.pem", "--json"]).expect(0).json()["new"],
        first.as_str()
    );
}

#[test]
fn renew_and_status_tell_a_person_what_to_do() {
    let scene = Scene::without_target();
    let refused = scene.baton(&["renew", "site", "--json"]).expect(3);
    assert_eq!(refused.json()["error"]["code"], "issuer-manual");
    assert!(refused.stderr.contains("`baton request site`"), "{}", refused.stderr);
    let findings = |exit: i32| {
        let status = scene.baton(&["status", "--json"]).expect(exit).json();
        status["rows"][0]["findings"].as_array().unwrap().clone()
    };
    let found = findings(10);
    assert_eq!(found[0]["code"], "not-issued");
    assert!(found[0]["hint"].as_str().unwrap().contains("baton request site"));
    scene.answered("answer", &[]);
    let found = findings(10);
    assert_eq!(found[0]["code"], "request-pending");
    assert!(found[0]["message"].as_str().unwrap().contains("is pending since 20"));
    assert!(found[0]["hint"].as_str().unwrap().contains("baton accept FILE"));
    scene.baton(&["accept", "ca/answer-chain.pem"]).expect(0);
    assert!(findings(0).is_empty());
    // Not due, and asked for all the same: worth knowing, and no more.
    scene.request(&[]);
    let found = findings(0);
    assert_eq!(
        (found[0]["code"].as_str(), found[0]["severity"].as_str()),
        (Some("request-pending"), Some("notice"))
    );
    scene.baton(&["request", "cancel", "site"]).expect(0);

    // One that ends soon is due.
    let authority = Authority::new("Short CA");
    fs_err::write(scene.ca.path("root.pem"), authority.root_pem()).unwrap();
    let short = authority.issue(&[HOST]).valid_for(Duration::from_secs(60)).sign();
    short.write_files(&scene.world.path("short.pem"), &scene.world.path("short.key"));
    let both = [&short.chain_pem, &short.key_pem].map(String::as_str).concat();
    fs_err::write(scene.world.path("short.pem"), both).unwrap();
    scene.baton(&["accept", "short.pem"]).expect(0);
    let codes: Vec<_> = findings(11).iter().map(|finding| finding["code"].clone()).collect();
    assert!(codes.contains(&"request-due".into()), "{codes:?}");
}

#[test]
fn the_same_key_is_kept_only_where_the_settings_say_so() {
    let scene = Scene::new();
    scene.answered("first-answer", &[]);
    scene.baton(&["accept", "ca/first-answer-chain.pem"]).expect(0);
    for arguments in
        [&["request", "site", "--same-key", "--json"][..], &["renew", "site", "--same-key", "--json"]]
    {
        let before = scene.all();
        let refused = scene.baton(arguments).expect(3);
        assert_eq!(refused.json()["error"]["code"], "same-key-not-allowed");
        assert!(refused.stderr.contains("allow-same-key = true"), "{}", refused.stderr);
        assert_eq!(scene.all(), before);
    }
    for settings in ["allow-same-key = true\n", "successor = 'same-key'\n"] {
        scene.write_settings(settings);
        let flag: &[&str] = if settings.starts_with("allow") { &["--same-key"] } else { &[] };
        let (old, keys_before) = (scene.served(), keys(&scene));
        let request = scene.request(flag);
        assert_eq!(scene.request(flag), request, "asked twice it is the same");
        let listed = scene.baton(&["request", "list", "--json"]).expect(0).json();
        assert_eq!(listed["requests"][0]["same_key"], true);
        scene.ca.sign(&request, "again");
        scene.baton(&["accept", "ca/again-chain.pem"]).expect(0);
        assert_ne!(scene.served(), old);
        assert_eq!(keys(&scene), keys_before, "no key is new");
        assert_eq!(scene.pending(), 0);
        // And a new one on wish, whatever the settings say.
        scene.answered("renewed", &["--new-key"]);
        scene.baton(&["accept", "ca/renewed-chain.pem"]).expect(0);
        assert_eq!(keys(&scene), keys_before + 1);
    }
}

#[test]
fn an_answer_for_the_key_in_use_is_taken_only_where_the_settings_say_so() {
    let scene = Scene::new();
    scene.answered("first-answer", &[]);
    scene.baton(&["accept", "ca/first-answer-chain.pem"]).expect(0);
    scene.write_settings("allow-same-key = true\nlongest-key-age = '1s'\n");
    let request = scene.request(&["--same-key"]);
    scene.ca.sign(&request, "again");
    scene.write_settings("");
    let before = scene.all();

    let refused = scene.baton(&["accept", "ca/again-chain.pem", "--json"]).expect(3);

    assert_eq!(refused.json()["error"]["code"], "same-key-not-allowed");
    assert_eq!(scene.all(), before, "and the request waits on");
    scene.write_settings("allow-same-key = true\nlongest-key-age = '1s'\n");
    std::thread::sleep(Duration::from_millis(1100));
    let accepted = scene.baton(&["accept", "ca/again-chain.pem", "--json"]).expect(0);
    assert!(accepted.codes().contains(&"key-old".to_owned()), "{}", accepted.stdout);
}

#[test]
fn an_old_key_and_a_compromised_one_are_warned_of() {
    let scene = Scene::without_target();
    let settings =
        |age: &str| scene.write_settings(&format!("successor = 'same-key'\nlongest-key-age = '{age}'\n"));
    settings("1s");
    scene.answered("answer", &[]);
    scene.baton(&["accept", "ca/answer-chain.pem"]).expect(0);
    wait_until("the key is older than a second", Duration::from_secs(20), || {
        let status = scene.baton(&["status", "--json"]);
        status.exit == 10 && status.stdout.contains("\"key-old\"")
    });
    let asked = scene.baton(&["request", "site", "--json"]).expect(0);
    assert_eq!(asked.codes(), ["key-old"]);
    assert!(asked.stderr.contains("--new-key"), "{}", asked.stderr);
    settings("730d");
    assert_eq!(scene.baton(&["request", "site", "--json"]).expect(0).codes(), Vec::<String>::new());
    assert_eq!(scene.baton(&["status", "--json"]).expect(0).json()["attention"], "fine");
}

/// Clients see no failed connection while nginx changes to a certificate with the key that it has.
#[test]
fn handshakes_succeed_throughout_a_change_with_the_same_key() {
    let scene = Scene::new();
    scene.write_settings("allow-same-key = true\n");
    scene.answered("first-answer", &[]);
    scene.baton(&["accept", "ca/first-answer-chain.pem"]).expect(0);
    let before = keys(&scene);
    let address = scene.nginx.as_ref().unwrap().address();
    let load = TlsLoad::start(address, HOST, &scene.ca.read("root.pem"), Duration::from_millis(2));
    let mut handed_over = Vec::new();
    for number in 0..if crate::up::is_full() { 10 } else { 3 } {
        let new = scene.answered(&format!("same-{number}"), &["--same-key"]);
        scene.baton(&["accept", &format!("ca/same-{number}-chain.pem")]).expect(0);
        assert_eq!(scene.served(), new);
        load.wait_for_handshakes(10);
        handed_over.push(new);
    }
    let report = load.stop();
    assert!(report.failures.is_empty(), "{:?}", report.failures);
    assert!(handed_over.iter().all(|new| report.seen(new).is_some_and(|seen| seen.count > 0)));
    assert_eq!(keys(&scene), before, "one key for all of them");
}
