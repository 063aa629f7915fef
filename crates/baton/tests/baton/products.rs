//! The four products, by the stand-in over real TLS; OpenSSL is the witness of what is served.

use baton_testkit::product_server::Faults;
use baton_testkit::{Authority, IssuedCertificate, Product, ProductFixture, SettingsShape, openssl};

use crate::world::{Ran, World, list, quoted};

const PRODUCTS: [Product; 4] =
    [Product::Yunio, Product::XtractUniversal, Product::BoardConnector, Product::XtractCore];

pub(crate) const HOST: &str = "Sap.example.com";

/// A product that serves `old`, with `new` in its store, and settings for Baton.
pub(crate) struct Scene {
    pub(crate) world: World,
    pub(crate) fixture: ProductFixture,
    pub(crate) old: IssuedCertificate,
    pub(crate) new: IssuedCertificate,
}

impl Scene {
    pub(crate) fn new(product: Product) -> Self {
        Self::with_shape(product, SettingsShape::TlsJson)
    }

    pub(crate) fn with_shape(product: Product, shape: SettingsShape) -> Self {
        let authority = Authority::new("Test CA");
        let old = authority.issue(&[HOST, "other.example.com"]).sign();
        let new = authority.issue(&[HOST, "other.example.com"]).sign();
        let fixture = ProductFixture::with_shape(product, shape);
        fixture.enable_tls(&old);
        fixture.install(&new);
        fixture.start();
        let world = World::new();
        fs_err::write(world.path("root.pem"), authority.root_pem()).unwrap();
        let scene = Self { world, fixture, old, new };
        scene.write_settings(&scene.endpoints_setting());
        scene
    }

    /// yunIO has no settings file with ports, so its endpoints are named. The others tell theirs where they can.
    pub(crate) fn endpoints_setting(&self) -> String {
        if self.fixture.product() == Product::XtractCore || !self.fixture.tls_json().exists() {
            return String::new();
        }
        let endpoints: Vec<String> =
            self.tls_endpoints().iter().map(|(_, address)| format!("'{address}'")).collect();
        format!("endpoints = [{}]", endpoints.join(", "))
    }

    pub(crate) fn write_settings(&self, more: &str) {
        self.world.write_settings(&format!(
            "[store]\npath = {}\n\n[proof]\nover = '200ms'\nquiet = '100ms'\ndeadline = '5s'\n\n\
             [[issuer]]\nname = 'house'\nkind = 'manual'\nroot = 'root.pem'\n\n\
             [[target]]\nname = 'sap'\nproduct = '{}'\ndirectory = {}\nactivate = {}\n{more}\n",
            quoted(&self.fixture.store()),
            self.fixture.product().key(),
            quoted(&self.fixture.directory()),
            list(&self.fixture.restart_command()),
        ));
    }

    /// The ports that speak TLS; in the older shape the configuration server does too.
    pub(crate) fn tls_endpoints(&self) -> Vec<(String, std::net::SocketAddr)> {
        let is_old_shape = !self.fixture.tls_json().exists();
        let is_tls = |name: &str| name.ends_with("-tls") || (name == "configuration" && is_old_shape);
        self.fixture.endpoints().into_iter().filter(|(name, _)| is_tls(name)).collect()
    }

    pub(crate) fn swap(&self, old: &str, new: &str) -> Ran {
        self.world.baton(&["swap", old, new, "--json"])
    }

    pub(crate) fn files(&self) -> Vec<(std::path::PathBuf, Vec<u8>)> {
        let mut paths = self.fixture.reference_files();
        paths.push(self.fixture.bystander_file());
        paths.into_iter().map(|path| (path.clone(), fs_err::read(&path).unwrap())).collect()
    }

    /// Asks every TLS port with OpenSSL.
    #[track_caller]
    pub(crate) fn assert_served(&self, certificate: &IssuedCertificate) {
        let endpoints = self.tls_endpoints();
        assert!(!endpoints.is_empty());
        for (name, address) in endpoints {
            let served = openssl::served_certificate(address, HOST).unwrap();
            assert_eq!(served.fingerprint, certificate.fingerprint, "at {name}");
        }
    }
}

/// The settings with the four fields of one certificate in place of those of the other, done as text.
pub(crate) fn handed_over(content: &[u8], old: &IssuedCertificate, new: &IssuedCertificate) -> Vec<u8> {
    let text = String::from_utf8(content.to_vec()).unwrap();
    text.replace(&old.thumbprint, &new.thumbprint)
        .replace(&old.not_after_text(), &new.not_after_text())
        .replace(&old.issuer, &new.issuer)
        .into_bytes()
}

#[test]
fn every_product_is_handed_over() {
    for product in PRODUCTS {
        let scene = Scene::new(product);
        let before = scene.files();
        scene.assert_served(&scene.old);

        let ran = scene.swap(&scene.old.thumbprint, &scene.new.thumbprint).expect(0);

        let report = ran.json();
        assert_eq!(report["outcome"], "served", "{product:?}");
        assert_eq!(report["target"], "sap");
        assert_eq!(report["old"], scene.old.thumbprint.as_str());
        assert_eq!(report["new"], scene.new.thumbprint.as_str());
        let steps: Vec<&str> =
            report["steps"].as_array().unwrap().iter().map(|step| step["step"].as_str().unwrap()).collect();
        assert_eq!(steps, ["check", "stage", "switch", "activate", "prove"]);
        let proofs = report["proof"].as_array().unwrap();
        assert_eq!(proofs.len(), scene.tls_endpoints().len());
        assert!(proofs.iter().all(|proof| proof["fingerprint"] == scene.new.fingerprint.as_str()));
        scene.assert_served(&scene.new);
        let bystander = scene.fixture.bystander_file();
        for (path, content) in before {
            let expected = if path == bystander {
                content.clone()
            } else {
                handed_over(&content, &scene.old, &scene.new)
            };
            let present = fs_err::read(&path).unwrap();
            assert_eq!(
                String::from_utf8_lossy(&present),
                String::from_utf8_lossy(&expected),
                "{}",
                path.display()
            );
            assert_eq!(present == content, path == bystander, "{}", path.display());
        }
    }
}

#[test]
fn both_references_of_the_older_shape_are_handed_over() {
    for product in [Product::XtractUniversal, Product::BoardConnector] {
        let scene = Scene::with_shape(product, SettingsShape::GeneralJson);
        let before = scene.files();

        let ran = scene.swap(&scene.old.thumbprint, &scene.new.thumbprint).expect(0);

        assert_eq!(ran.json()["proof"].as_array().unwrap().len(), 2, "web server and configuration server");
        scene.assert_served(&scene.new);
        for (path, content) in before.iter().filter(|(path, _)| *path != scene.fixture.bystander_file()) {
            let present = fs_err::read(path).unwrap();
            assert_eq!(present, handed_over(content, &scene.old, &scene.new), "{}", path.display());
        }
        assert!(!scene.fixture.tls_json().exists(), "no file is created");
    }
}

#[test]
fn a_product_that_refuses_the_successor_is_rolled_back() {
    for product in PRODUCTS {
        let scene = Scene::new(product);
        let before = scene.files();
        scene.fixture.set_faults(&Faults {
            refuse_thumbprint: Some(scene.new.thumbprint.clone()),
            ..Faults::default()
        });

        let ran = scene.swap(&scene.old.thumbprint, &scene.new.thumbprint).expect(4);

        assert_eq!(ran.json()["outcome"], "rolled-back", "{product:?}");
        assert!(ran.codes().contains(&"command-failed".to_owned()));
        assert_eq!(scene.files(), before, "identical to the bit");
        scene.assert_served(&scene.old);
    }
}

#[test]
fn a_product_that_serves_the_old_or_a_third_one_on_is_rolled_back() {
    let authority = Authority::new("Other CA");
    let third = authority.issue(&[HOST]).sign();
    for (instead, code) in [("old", "endpoint-serves-old"), ("third", "endpoint-serves-other")] {
        let scene = Scene::new(Product::XtractCore);
        scene.fixture.install(&third);
        let before = scene.files();
        let served = if instead == "old" { &scene.old } else { &third };
        // From the restart on; the roll back then proves what was served before, so the third one stays wrong.
        scene
            .fixture
            .set_faults(&Faults { serve_instead: Some(served.thumbprint.clone()), ..Faults::default() });

        let ran = scene.swap(&scene.old.thumbprint, &scene.new.thumbprint);

        assert_eq!(ran.exit, if instead == "old" { 4 } else { 5 }, "{}", ran.stderr);
        assert!(ran.codes().contains(&code.to_owned()), "{:?}", ran.codes());
        assert_eq!(scene.files(), before, "identical to the bit");
    }
}

#[test]
fn plain_http_on_the_tls_port_is_told_as_such() {
    let scene = Scene::new(Product::XtractUniversal);
    let before = scene.files();
    scene.fixture.set_faults(&Faults { plain_on_tls_port: true, ..Faults::default() });

    let ran = scene.swap(&scene.old.thumbprint, &scene.new.thumbprint).expect(5);

    assert!(ran.codes().contains(&"endpoint-plain-http".to_owned()), "{:?}", ran.codes());
    assert_eq!(ran.json()["outcome"], "stuck");
    let status = scene.world.baton(&["status", "--json"]).expect(11);
    assert!(status.stdout.contains("handover-stuck"), "{}", status.stdout);
    assert_eq!(scene.files(), before, "identical to the bit");
}

#[test]
fn the_certificate_in_use_is_proven_and_nothing_changes() {
    let scene = Scene::new(Product::Yunio);
    let before = scene.files();
    let pid = scene.fixture.pid();

    let ran = scene.swap(&scene.old.thumbprint, &scene.old.thumbprint).expect(0);

    assert_eq!(ran.json()["outcome"], "unchanged");
    assert_eq!(ran.json()["proof"].as_array().unwrap().len(), 3);
    assert_eq!(scene.files(), before);
    assert_eq!(scene.fixture.pid(), pid, "no restart");
}

#[test]
fn the_target_is_believed_and_not_the_caller() {
    let scene = Scene::new(Product::BoardConnector);
    let stranger = "0C32EEE1053DA57E88E6AE22832DFB13775250F9";

    let ran = scene.swap(stranger, &scene.new.thumbprint).expect(0);

    assert!(ran.codes().contains(&"old-differs".to_owned()));
    assert_eq!(ran.json()["old"], scene.old.thumbprint.as_str());
    scene.assert_served(&scene.new);
    // An ACME client passes an empty OLD at its first issue, and Windows PowerShell can only pass a blank on.
    scene.swap(" ", &scene.old.thumbprint).expect(0);
    scene.assert_served(&scene.old);
}

#[test]
fn a_file_is_imported_and_its_thumbprint_may_be_typed_as_windows_shows_it() {
    let scene = Scene::new(Product::XtractCore);
    let authority = Authority::new("Test CA");
    let third = authority.issue(&[HOST]).sign();
    fs_err::write(scene.world.path("root.pem"), authority.root_pem()).unwrap();
    third.write_files(&scene.world.path("third.pem"), &scene.world.path("third.key"));
    let old = format!("\u{200E}{}", scene.old.thumbprint.to_lowercase());

    let ran = scene.swap(&old, "third.pem").expect(0);

    assert_eq!(ran.json()["new"], third.thumbprint.as_str());
    assert!(!ran.codes().contains(&"old-differs".to_owned()));
    scene.assert_served(&third);
}

#[test]
fn a_dry_run_prints_the_plan_and_changes_nothing() {
    let scene = Scene::new(Product::Yunio);
    let before = scene.files();
    let pid = scene.fixture.pid();

    let ran = scene.world.baton(&["swap", "", &scene.new.thumbprint, "--dry-run"]).expect(0);

    let (old, new) = (&scene.old.thumbprint, &scene.new.thumbprint);
    for line in [
        format!("would switch: edit `{}`, owner 0:0, mode 0644 (as now)", scene.fixture.tls_json().display()),
        format!("-\"thumbprint\": \"{old}\""),
        format!("+\"thumbprint\": \"{new}\""),
        format!("would activate: run `{}`", scene.fixture.restart_command().join(" ")),
        format!("would prove: ask {}", scene.tls_endpoints()[0].1),
    ] {
        // Blanks of the file are the file's own matter.
        assert!(ran.stdout.replace(['\t'], "").contains(&line), "no {line} in\n{}", ran.stdout);
    }
    assert_eq!((scene.files(), scene.fixture.pid()), (before, pid));
    scene.assert_served(&scene.old);
}

#[test]
fn an_unfit_successor_is_refused_with_all_its_faults() {
    let scene = Scene::new(Product::XtractUniversal);
    let authority = Authority::new("Stranger CA");
    let expired = authority.issue(&["elsewhere.example.com"]).expired().sign();
    let entry = scene.fixture.install(&expired);
    fs_err::remove_file(entry.join("key.pem")).unwrap();
    let before = scene.files();
    let pid = scene.fixture.pid();

    let ran = scene.swap(&scene.old.thumbprint, &expired.thumbprint).expect(3);

    let codes = ran.codes();
    for code in ["certificate-expired", "key-missing", "chain-incomplete", "names-dropped"] {
        assert!(codes.contains(&code.to_owned()), "{code} is not in {codes:?}");
    }
    assert_eq!((scene.files(), scene.fixture.pid()), (before, pid), "nothing was touched");
}

#[test]
fn tls_that_is_off_stays_off_unless_it_is_asked_for() {
    let scene = Scene::new(Product::XtractCore);
    scene.fixture.disable_tls(&scene.old);
    scene.fixture.restart();

    let ran = scene.swap(&scene.old.thumbprint, &scene.new.thumbprint).expect(0);

    assert!(ran.codes().contains(&"tls-off".to_owned()));
    assert_eq!(ran.json()["outcome"], "pending", "nothing is served that could be proven");
    let text = fs_err::read_to_string(scene.fixture.tls_json()).unwrap();
    assert!(text.contains(&scene.new.thumbprint) && text.contains("\"tlsEnabled\": false"), "{text}");

    let enable = ["swap", "", &scene.new.thumbprint, "--enable-tls", "--json"];
    let ran = scene.world.baton(&enable).expect(0);
    assert_eq!(ran.json()["outcome"], "served");
    scene.assert_served(&scene.new);
}

/// Owner, mode, extended attributes and an ACL, as an administrator may have set them.
#[test]
fn a_settings_file_keeps_its_owner_mode_attributes_and_acl() {
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
    // Version 2; user rw-, user 65534 r--, group r--, mask r--, other ---: acl(5), linux/posix_acl_xattr.h.
    const ACL: &[u8] = &[
        2, 0, 0, 0, 1, 0, 6, 0, 255, 255, 255, 255, 2, 0, 4, 0, 254, 255, 0, 0, 4, 0, 4, 0, 255, 255, 255,
        255, 16, 0, 4, 0, 255, 255, 255, 255, 32, 0, 0, 0, 255, 255, 255, 255,
    ];
    let scene = Scene::new(Product::XtractCore);
    let path = scene.fixture.tls_json();
    let text = fs_err::read_to_string(&path).unwrap();
    // With a byte order mark, line ends of Windows and no final newline, as Windows programs write.
    let text = format!("\u{FEFF}{}", text.trim_end().replace('\n', "\r\n"));
    fs_err::write(&path, &text).unwrap();
    std::os::unix::fs::chown(&path, Some(65534), Some(65534)).unwrap();
    fs_err::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
    xattr::set(&path, "user.note", b"ours").unwrap();
    xattr::set(&path, "system.posix_acl_access", ACL).unwrap();
    let attributes = || {
        let metadata = fs_err::metadata(&path).unwrap();
        let get = |name| xattr::get(&path, name).unwrap();
        (metadata.uid(), metadata.gid(), metadata.mode(), get("user.note"), get("system.posix_acl_access"))
    };
    let before = attributes();

    scene.swap("", &scene.new.thumbprint).expect(0);

    assert_eq!(attributes(), before);
    assert_eq!(fs_err::read(&path).unwrap(), handed_over(text.as_bytes(), &scene.old, &scene.new));
    scene
        .fixture
        .set_faults(&Faults { refuse_thumbprint: Some(scene.old.thumbprint.clone()), ..Faults::default() });
    let handed = fs_err::read(&path).unwrap();
    scene.swap("", &scene.old.thumbprint).expect(4);
    assert_eq!((attributes(), fs_err::read(&path).unwrap()), (before, handed), "and back, to the bit");
}

/// What cannot be edited to the bit is refused, with line and column, and nothing is touched.
#[test]
fn a_settings_file_with_a_comment_is_refused_with_line_and_column() {
    let scene = Scene::new(Product::XtractCore);
    let path = scene.fixture.tls_json();
    let text = fs_err::read_to_string(&path).unwrap().replacen('{', "{\n  // TLS of the gateway", 1);
    fs_err::write(&path, &text).unwrap();

    let ran = scene.swap("", &scene.new.thumbprint).expect(3);

    assert!(ran.stdout.contains("line 2") || ran.stdout.contains("2:3"), "{}", ran.stdout);
    assert_eq!(fs_err::read_to_string(&path).unwrap(), text);
}

#[test]
fn a_weak_successor_is_refused() {
    let scene = Scene::new(Product::XtractCore);
    let before = scene.files();
    let (subject, names) = (format!("/CN={HOST}"), format!("subjectAltName=DNS:{HOST}"));
    let openssl = |arguments: &[&str]| {
        let mut command = std::process::Command::new("openssl");
        let made = command.args(arguments).current_dir(scene.world.root()).output().unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    };
    let weak_key = ["req", "-x509", "-newkey", "rsa:1024", "-nodes", "-days", "30", "-keyout", "weak.key"];
    openssl(&[&weak_key[..], &["-out", "weak.pem", "-subj", &subject, "-addext", &names]].concat());
    openssl(&[
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-keyout",
        "ca.key",
        "-out",
        "ca.pem",
        "-subj",
        "/CN=Old CA",
    ]);
    let request =
        ["req", "-newkey", "rsa:2048", "-nodes", "-keyout", "old.key", "-out", "old.csr", "-subj", &subject];
    openssl(&[&request[..], &["-addext", &names]].concat());
    let sign =
        ["x509", "-req", "-in", "old.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-sha1", "-days", "30"];
    openssl(&[&sign[..], &["-copy_extensions", "copy", "-out", "old.pem"]].concat());

    let of_the_key = scene.swap("", "weak.pem").expect(3);
    let of_the_signature = scene.swap("", "old.pem").expect(3);

    assert_eq!(of_the_key.codes(), ["key-unusable"]);
    assert!(of_the_signature.codes().contains(&"certificate-weak".to_owned()), "{}", of_the_signature.stdout);
    assert_eq!(scene.files(), before);
    scene.assert_served(&scene.old);
}

/// Whatever a newer product might write, it is not edited by half.
#[test]
fn a_settings_file_of_a_newer_form_is_refused_and_left_as_it_is() {
    let scene = Scene::new(Product::Yunio);
    let path = scene.fixture.tls_json();
    let today = fs_err::read_to_string(&path).unwrap();
    let old = &scene.old;
    let cases = [
        (today.replace("\"tlsEnabled\": true", "\"tlsEnabled\": \"strict\""), "/tlsEnabled"),
        (
            today.replace(
                "\"thumbprint\":",
                &format!("\"sha256\": \"{}\",\n\t\"thumbprint\":", old.fingerprint),
            ),
            "/certificate/sha256",
        ),
        (today.replace(&format!("\"{}\"", old.thumbprint), "17"), "/certificate/thumbprint"),
        (
            today.replace(
                &format!("\"{}\"", old.thumbprint),
                &format!("{{\"sha1\": \"{}\", \"sha256\": \"{}\"}}", old.thumbprint, old.fingerprint),
            ),
            "/certificate/thumbprint/sha256",
        ),
    ];
    for (text, field) in cases {
        assert_ne!(text, today, "{field}");
        fs_err::write(&path, &text).unwrap();

        let ran = scene.swap(&old.thumbprint, &scene.new.thumbprint).expect(3);

        let codes = ran.codes();
        assert!(codes.contains(&"settings-format-unknown".to_owned()), "{field}: {codes:?}");
        assert!(ran.stdout.contains(&format!("tls.json#{field} ")), "{field}: {}", ran.stdout);
        assert_eq!(fs_err::read_to_string(&path).unwrap(), text);
    }
    // What it does not know and what says nothing of the certificate stays, and is no obstacle.
    fs_err::write(&path, today.replace("\"revision\"", "\"minimumVersion\": \"1.3\",\n\t\"revision\""))
        .unwrap();
    scene.swap(&old.thumbprint, &scene.new.thumbprint).expect(0);
}
