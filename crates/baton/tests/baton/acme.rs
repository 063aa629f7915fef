//! Certificates by ACME from Pebble, handed over to nginx and to the product stand-in; OpenSSL is the witness.

use std::net::Ipv6Addr;
use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use baton_testkit::condition::wait_until;
use baton_testkit::name_server::{NameServer, Options, Place, Software, TransferKey, Zone};
use baton_testkit::port::ReservedPort;
use baton_testkit::{
    AcmeProxy, Authority, Nginx, Pebble, PebbleOptions, Product, ProductFixture, RenewalAnswer, Webroot,
    invocation, openssl,
};

use crate::network::{INSIDE, Network};
use crate::up::{Up, is_full};
use crate::world::{Ran, World, list, quoted};

pub(crate) const HOST: &str = "www.example.com";

/// A CA and a web server that is to get its certificates.
pub(crate) struct Scene {
    pub(crate) world: World,
    pub(crate) pebble: Pebble,
    pub(crate) nginx: Nginx,
    /// Where the CA must come for http-01: not part of the settings, so that nothing but the port is shared.
    first: String,
}

impl Scene {
    pub(crate) fn new(options: &PebbleOptions) -> Self {
        Self::of(Pebble::with(options))
    }

    fn of(pebble: Pebble) -> Self {
        let world = World::new();
        let first = Authority::new("Old CA").issue(&[HOST]).sign();
        fs_err::create_dir(world.path("tls")).unwrap();
        let (certificate, key) = (world.path("tls/site.pem"), world.path("tls/site.key"));
        first.write_files(&certificate, &key);
        let nginx = Nginx::start(&certificate, &key);
        let roots =
            format!("{}{}", fs_err::read_to_string(pebble.directory_root()).unwrap(), pebble.root_pem());
        fs_err::write(world.path("ca.pem"), roots).unwrap();
        let scene = Self { world, pebble, nginx, first: first.thumbprint };
        scene.write_settings(&scene.http_01());
        scene
    }

    /// The part of the issuer that says how challenges are answered.
    pub(crate) fn http_01(&self) -> String {
        let port = self.pebble.http_address().port();
        format!("challenge = 'http-01'\nhttp-port = {port}\nchallenge-addresses = ['127.0.0.1']\n")
    }

    pub(crate) fn write_settings(&self, challenge: &str) {
        self.write_settings_of(&self.pebble.directory_url(), challenge);
    }

    pub(crate) fn write_settings_of(&self, directory: &str, challenge: &str) {
        self.world.write_settings(&format!(
            "[proof]\nover = '200ms'\nquiet = '100ms'\ndeadline = '5s'\n\n\
             [[issuer]]\nname = 'ca'\nkind = 'acme'\ndirectory = '{directory}'\n\
             contact = 'admin@example.com'\nroot = 'ca.pem'\n{challenge}\n\
             [[target]]\nname = 'website'\nkind = 'files'\ncertificate = {}\nkey = {}\n\
             check = {}\nactivate = {}\nendpoints = [{{ address = '{}', name = '{HOST}' }}]\n\n\
             [[certificate]]\nname = 'site'\nnames = ['{HOST}']\nissuer = 'ca'\ntargets = ['website']\n",
            quoted(&self.world.path("tls/site.pem")),
            quoted(&self.world.path("tls/site.key")),
            list(&self.nginx.check_command()),
            list(&self.nginx.reload_command()),
            self.nginx.address(),
        ));
    }

    pub(crate) fn renew(&self) -> Ran {
        self.world.baton(&["renew", "site", "--force", "--json"])
    }

    pub(crate) fn served(&self) -> String {
        openssl::served_certificate(self.nginx.address(), HOST).unwrap().thumbprint
    }

    /// Renews, and looks at what is served then.
    #[track_caller]
    fn renews(&self, before: &str) -> String {
        let report = self.renew().expect(0).json();
        assert_eq!((report["outcome"].as_str(), report["old"].as_str()), (Some("served"), Some(before)));
        let served = self.served();
        assert_eq!(report["new"], served.as_str());
        assert_ne!(served, before);
        assert!(openssl::verify(self.nginx.address(), HOST, self.pebble.root_pem()));
        served
    }

    /// What the CA says of a certificate that is in the store.
    fn status(&self, thumbprint: &str) -> String {
        let file = self.world.path("baton-data/certificates").join(thumbprint).join("certificate.pem");
        let file = file.display().to_string();
        let serial =
            invocation::run(&["openssl", "x509", "-noout", "-serial", "-in", &file], Duration::from_secs(20));
        let serial = serial.unwrap().expect_success().stdout;
        self.pebble.certificate_status(serial.trim().trim_start_matches("serial=").trim_start_matches('0'))
    }

    /// The files that ACME keeps, with their modes.
    fn kept(&self) -> Vec<(String, u32)> {
        let mut kept: Vec<_> = fs_err::read_dir(self.world.path("baton-data/acme/ca"))
            .unwrap()
            .map(|entry| entry.unwrap())
            .filter(|entry| entry.path().extension().is_none_or(|extension| extension != "lock"))
            .map(|entry| {
                let mode = entry.metadata().unwrap().permissions().mode() & 0o777;
                (entry.file_name().into_string().unwrap(), mode)
            })
            .collect();
        kept.sort();
        kept
    }
}

#[test]
fn a_certificate_is_obtained_by_http_01_handed_over_proven_and_renewed_again() {
    let scene = Scene::new(&PebbleOptions { strict: true, ..PebbleOptions::default() });
    let first = scene.renews(&scene.first);
    let kept = scene.kept();
    assert_eq!(kept.len(), 1, "the account and no order: {kept:?}");
    assert!(kept[0].0.starts_with("account-") && kept[0].1 == 0o600, "{kept:?}");
    scene.renews(&first);
    assert_eq!(scene.kept(), kept, "the same account");
    scene.world.baton(&["renew", "site"]).expect(0);
    assert!(scene.world.baton(&["status"]).expect(0).stdout.contains("site"));
}

/// The names have no IPv4 address at all, so every look of the CA comes over IPv6.
#[test]
fn a_ca_validates_over_ipv6() {
    let options = PebbleOptions { every_name: Ipv6Addr::LOCALHOST.into(), ..PebbleOptions::default() };
    let scene = Scene::new(&options);
    let http = format!("http-port = {}", scene.pebble.http_address().port());
    let tls = format!("tls-port = {}", scene.pebble.tls_address().port());
    let mut before = scene.first.clone();
    for (kind, port) in [("http-01", http), ("tls-alpn-01", tls)] {
        let settings =
            |address| format!("challenge = '{kind}'\n{port}\nchallenge-addresses = ['{address}']\n");
        scene.write_settings(&settings("127.0.0.1"));
        let refused = scene.renew().expect(1);
        let told = format!("{}{}", refused.stdout, refused.stderr);
        assert!(told.contains("[::1]"), "{told}");
        assert_eq!(scene.served(), before);
        scene.write_settings(&settings("::1"));
        before = scene.renews(&before);
    }
}

#[test]
fn another_server_answers_http_01_from_a_webroot_that_is_left_as_it_was() {
    let scene = Scene::new(&PebbleOptions::default());
    let webroot = Webroot::serve(scene.pebble.http_address());
    let challenges = webroot.challenge_directory();
    let root = challenges.ancestors().nth(2).unwrap();
    scene.write_settings(&format!("challenge = 'http-01'\nwebroot = {}\n", quoted(root)));
    scene.renews(&scene.first);
    assert_eq!(fs_err::read_dir(&challenges).unwrap().count(), 0);
}

#[test]
fn a_product_gets_its_certificates_by_tls_alpn_01() {
    let pebble = Pebble::start();
    let fixture = ProductFixture::new(Product::XtractCore);
    let old = Authority::new("Old CA").issue(&[HOST]).sign();
    fixture.enable_tls(&old);
    fixture.start();
    let world = World::new();
    let roots = format!("{}{}", fs_err::read_to_string(pebble.directory_root()).unwrap(), pebble.root_pem());
    fs_err::write(world.path("ca.pem"), roots).unwrap();
    world.write_settings(&format!(
        "[store]\npath = {}\n\n[proof]\nover = '200ms'\nquiet = '100ms'\ndeadline = '5s'\n\n\
         [[issuer]]\nname = 'ca'\nkind = 'acme'\ndirectory = '{}'\nroot = 'ca.pem'\n\
         challenge = 'tls-alpn-01'\ntls-port = {}\nchallenge-addresses = ['127.0.0.1']\n\n\
         [[target]]\nname = 'sap'\nproduct = 'xtract-core'\ndirectory = {}\nactivate = {}\n\n\
         [[certificate]]\nname = 'core'\nnames = ['{HOST}']\nissuer = 'ca'\nkey = 'rsa-2048'\ntargets = ['sap']\n",
        quoted(&fixture.store()),
        pebble.directory_url(),
        pebble.tls_address().port(),
        quoted(&fixture.directory()),
        list(&fixture.restart_command()),
    ));
    let mut before = old.thumbprint;
    for _ in 0..2 {
        let report = world.baton(&["renew", "core", "--force", "--json"]).expect(0).json();
        assert_eq!((report["outcome"].as_str(), report["old"].as_str()), (Some("served"), Some(&*before)));
        before = report["new"].as_str().unwrap().to_owned();
        for (_, address) in fixture.endpoints().into_iter().filter(|(name, _)| name.ends_with("-tls")) {
            assert_eq!(openssl::served_certificate(address, HOST).unwrap().thumbprint, before);
        }
    }
}

#[test]
fn the_designers_own_port_answers_tls_alpn_01() {
    let scene = Scene::new(&PebbleOptions::default());
    scene.write_settings(&format!(
        "challenge = 'tls-alpn-01'\ntls-port = {}\n",
        scene.pebble.tls_address().port()
    ));
    let designer = scene.pebble.tls_address();
    let _up = Up::start_at(&scene.world, designer, &[]);
    let report = scene.renew().expect(0);
    let reports: Vec<serde_json::Value> =
        report.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(reports.len(), 1, "{}", report.stdout);
    assert!(openssl::verify(scene.nginx.address(), HOST, scene.pebble.root_pem()));
    assert!(openssl::served_certificate(designer, "localhost").is_ok(), "pages are served as before");
}

#[test]
fn whoever_comes_from_elsewhere_sees_no_page_on_the_designers_port() {
    let network = Network::enter();
    let world = World::with_settings(
        "[[issuer]]\nname = 'ca'\nkind = 'acme'\ndirectory = 'https://127.0.0.1:9/dir'\n\
         challenge = 'tls-alpn-01'\ntls-port = 443\n",
    );
    let up = Up::start_at(&world, ([127, 0, 0, 1], 443).into(), &[]);
    let page = |url: &str| {
        ["curl", "-sk", "--max-time", "5", "-w", "%{http_code}", "-o", "/dev/null", url].map(str::to_owned)
    };
    let text = |output: std::process::Output| String::from_utf8(output.stdout).unwrap();
    let inside = page("https://127.0.0.1/");
    let ran = std::process::Command::new(&inside[0]).args(&inside[1..]).output().unwrap();
    assert_eq!(text(ran), "200");
    let outside = page(&format!("https://{INSIDE}/"));
    let outside: Vec<&str> = outside.iter().map(String::as_str).collect();
    assert_eq!(text(network.outside(&outside)), "000");
    // Nor a certificate: neither the Designer's, nor one of a challenge that is not under way.
    for protocol in ["http/1.1", "acme-tls/1"] {
        let address = format!("{INSIDE}:443");
        let shown = text(network.outside(&[
            "openssl",
            "s_client",
            "-connect",
            &address,
            "-servername",
            HOST,
            "-alpn",
            protocol,
        ]));
        assert!(shown.contains("no peer certificate available"), "{protocol}: {shown}");
    }
    assert_eq!(up.stop(), 0);
}

#[test]
fn an_account_is_bound_to_the_external_one_that_the_ca_asks_for() {
    let (id, key) = ("kid-1", "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W");
    let options =
        PebbleOptions { external_account: Some((id.to_owned(), key.to_owned())), ..PebbleOptions::default() };
    let scene = Scene::new(&options);
    let refused = scene.renew().expect(1);
    assert!(refused.stderr.contains("external-account = {"), "{}", refused.stderr);
    fs_err::write(scene.world.path("eab.key"), format!("{key}\n")).unwrap();
    let external = format!("external-account = {{ key-id = '{id}', key-file = 'eab.key' }}\n");
    scene.write_settings(&(scene.http_01() + &external));
    scene.renews(&scene.first);
    let everything = fs_err::read_to_string(scene.world.path("baton.toml")).unwrap();
    assert!(!everything.contains(key));
}

#[test]
fn a_certificate_in_use_is_not_revoked_and_the_one_before_is() {
    let scene = Scene::new(&PebbleOptions::default());
    let first = scene.renews(&scene.first);
    let refused = scene.world.baton(&["revoke", &first, "--reason", "superseded"]).expect(3);
    assert!(refused.stderr.contains("still in use (named by"), "{}", refused.stderr);
    let second = scene.renews(&first);
    let revoked = scene.world.baton(&["revoke", &first, "--reason", "superseded", "--json"]).expect(0).json();
    assert_eq!((revoked["thumbprint"].as_str(), revoked["issuer"].as_str()), (Some(&*first), Some("ca")));
    assert_eq!((scene.status(&first).as_str(), scene.status(&second).as_str()), ("Revoked", "Valid"));
    // Twice is no fault.
    scene.world.baton(&["revoke", &first]).expect(0);
    assert_eq!(scene.served(), second);
    scene.world.baton(&["revoke", &"0".repeat(40)]).expect(2);
    scene.world.baton(&["revoke", &second, "--reason", "key-compromise", "--in-use"]).expect(0);
}

#[test]
fn an_account_changes_its_contact_and_its_key_and_is_closed() {
    let scene = Scene::new(&PebbleOptions::default());
    let first = scene.renews(&scene.first);
    let url = scene.world.baton(&["account", "show"]).expect(0).stdout;
    assert!(url.starts_with("https://127.0.0.1:"), "{url}");
    let path = scene.world.path("baton-data/acme/ca").join(&scene.kept()[0].0);
    let read = || -> serde_json::Value { serde_json::from_slice(&fs_err::read(&path).unwrap()).unwrap() };
    let before = read();
    assert_eq!(before["contact"][0], "mailto:admin@example.com");

    scene.write_settings(&scene.http_01());
    let text = fs_err::read_to_string(scene.world.path("baton.toml")).unwrap();
    scene.world.write_settings(&text.replace("admin@example.com", "mailto:other@example.com"));
    let second = scene.renews(&first);
    assert_eq!(read()["contact"][0], "mailto:other@example.com");
    assert_eq!(read()["url"], before["url"]);

    scene.world.baton(&["account", "roll-over"]).expect(0);
    assert_ne!(read()["key"], before["key"]);
    assert_eq!(read()["url"], before["url"]);
    let third = scene.renews(&second);

    scene.world.baton(&["account", "deactivate", "ca"]).expect(0);
    assert!(!path.exists());
    scene.renews(&third);
    assert_ne!(read()["url"], before["url"], "a new account");
    scene.world.baton(&["account", "show", "nobody"]).expect(2);
}

#[test]
fn a_port_in_use_and_a_ca_that_is_not_there_are_told_and_change_nothing() {
    let scene = Scene::new(&PebbleOptions::default());
    let before = scene.served();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    scene.write_settings(&format!(
        "challenge = 'http-01'\nhttp-port = {port}\nchallenge-addresses = ['127.0.0.1']\n"
    ));
    let ran = scene.renew().expect(1);
    assert!(
        ran.stderr.contains(&format!("127.0.0.1:{port}")) && ran.stderr.contains("webroot"),
        "{}",
        ran.stderr
    );
    let nobody = ReservedPort::new();
    scene.write_settings_of(&format!("https://127.0.0.1:{}/dir", nobody.number()), &scene.http_01());
    let ran = scene.renew().expect(1);
    assert!(ran.stderr.contains("cannot be reached"), "{}", ran.stderr);
    assert_eq!(scene.served(), before);
}

#[test]
fn every_challenge_serves_a_web_server_and_a_product_and_the_key_may_stay() {
    let key = TransferKey::new("baton.key", "hmac-sha256");
    let zone = Zone::Primary {
        name: "example.com".to_owned(),
        records: "@ IN NS ns1\nns1 IN A 127.0.0.1\nwww IN A 127.0.0.1\n".to_owned(),
        key: Some(key.clone()),
        secondaries: Vec::new(),
    };
    let (software, place) = (Software::Bind, Place::new(Software::Bind));
    let server =
        NameServer::start(Options { software, place, zones: vec![zone], notify_delay: Duration::ZERO });
    let at = server.address();
    let scene =
        Scene::new(&PebbleOptions { name_server: Some(at), strict: true, ..PebbleOptions::default() });
    fs_err::write(scene.world.path("tsig.key"), key.file()).unwrap();
    let fixture = ProductFixture::new(Product::XtractCore);
    let old = Authority::new("Old CA").issue(&[HOST]).sign();
    fixture.enable_tls(&old);
    fixture.start();
    let tls: Vec<_> = fixture.endpoints().into_iter().filter(|(name, _)| name.ends_with("-tls")).collect();
    let tls_port = scene.pebble.tls_address().port();
    let alpn =
        format!("challenge = 'tls-alpn-01'\ntls-port = {tls_port}\nchallenge-addresses = ['127.0.0.1']\n");
    let dns = format!(
        "challenge = 'dns-01'\n[issuer.dns]\nkind = 'rfc2136'\nserver = '{at}'\nkey = 'tsig.key'\n\
         resolver = ['{at}']\nauthoritative = ['{at}']\n"
    );
    for challenge in [scene.http_01(), alpn, dns] {
        scene.write_settings(&challenge);
        let text = fs_err::read_to_string(scene.world.path("baton.toml")).unwrap();
        let product = format!(
            "[[target]]\nname = 'sap'\nproduct = 'xtract-core'\ndirectory = {}\nstore = {}\nactivate = {}\n\n\
             [[certificate]]",
            quoted(&fixture.directory()),
            quoted(&fixture.store()),
            list(&fixture.restart_command()),
        );
        let text = text.replace("targets = ['website']", "targets = ['website', 'sap']");
        let text = text
            .replace("targets = ['website', 'sap']", "targets = ['website', 'sap']\nallow-same-key = true");
        scene.world.write_settings(&text.replace("[[certificate]]", &product));
        let mut keys = Vec::new();
        for arguments in [["--new-key", "--force"], ["--same-key", "--force"]] {
            let ran = scene.world.baton(&["renew", "site", arguments[0], arguments[1], "--json"]).expect(0);
            let reports: Vec<serde_json::Value> =
                ran.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
            assert_eq!(reports.len(), 2, "{}", ran.stdout);
            assert!(reports.iter().all(|report| report["outcome"] == "served"), "{}", ran.stdout);
            let new = reports[0]["new"].as_str().unwrap().to_owned();
            assert_eq!(scene.served(), new);
            for (_, address) in &tls {
                assert_eq!(openssl::served_certificate(*address, HOST).unwrap().thumbprint, new);
            }
            let entry = scene.world.path("baton-data/certificates").join(&new);
            keys.push(fs_err::read(entry.join("key.pem")).unwrap());
        }
        assert_eq!(keys[0], keys[1], "--same-key keeps it");
    }
}

#[test]
fn a_key_that_was_given_up_is_told_wherever_it_is_kept() {
    let scene = Scene::new(&PebbleOptions::default());
    let settings = fs_err::read_to_string(scene.world.path("baton.toml")).unwrap();
    scene.world.write_settings(&format!("{settings}successor = 'same-key'\n"));
    let first = scene.renew().expect(0).json()["new"].as_str().unwrap().to_owned();
    let second = scene.renew().expect(0);
    assert_eq!(second.codes(), Vec::<String>::new());
    // The one before is revoked; the one in use has the same key.
    scene.world.baton(&["revoke", &first, "--reason", "key-compromise"]).expect(0);

    let status = scene.world.baton(&["status", "--json"]).expect(11).json();
    let findings = status["rows"][0]["findings"].as_array().unwrap();
    assert_eq!(findings[0]["code"], "key-compromised");
    assert!(findings[0]["message"].as_str().unwrap().contains(&first));
    let third = scene.renew().expect(0);
    assert_eq!(third.codes(), ["key-compromised"]);
    let asked = scene.world.baton(&["request", "site", "--json"]).expect(0);
    assert_eq!(asked.codes(), ["key-compromised"]);
    assert!(asked.stderr.contains("--new-key"), "{}", asked.stderr);

    scene.world.baton(&["renew", "site", "--force", "--new-key"]).expect(0);
    let status = scene.world.baton(&["status", "--json"]).expect(0);
    assert!(!status.stdout.contains("key-compromised"), "{}", status.stdout);
}

#[test]
fn nothing_is_ordered_that_the_store_could_not_keep() {
    let scene = Scene::new(&PebbleOptions::default());
    let before = scene.renews(&scene.first);
    let orders = || scene.pebble.log().matches("Added order").count();
    let taken = orders();
    let store = scene.world.path("baton-data/certificates");
    // Root writes where it may not, but not on what is mounted read-only.
    let path = store.display().to_string();
    let run = |command: &[&str]| {
        invocation::run(command, Duration::from_secs(20)).unwrap().expect_success();
    };
    run(&["mount", "--bind", &path, &path]);
    run(&["mount", "-o", "remount,bind,ro", &path]);
    let ran = scene.renew();
    run(&["umount", &path]);
    let ran = ran.expect(1);
    assert!(ran.stderr.contains("the certificate store at"), "{}", ran.stderr);
    assert_eq!(orders(), taken, "no order was placed");
    assert_eq!(scene.served(), before);
}

/// How many certificates are obtained from a CA that refuses nonces: the short form, and that of `scripts/acceptance`.
const RUNS: usize = 10;
const ALL_RUNS: usize = 200;

#[test]
fn every_run_gets_its_certificate_from_a_ca_that_refuses_every_fifth_nonce() {
    let refusing = PebbleOptions { nonce_reject_percent: 20, ..PebbleOptions::default() };
    let scene = Scene::new(&refusing);
    let text = fs_err::read_to_string(scene.world.path("baton.toml")).unwrap();
    scene.world.write_settings(&text.replace("targets = ['website']", "targets = []"));
    let runs = if is_full() { ALL_RUNS } else { RUNS };
    let mut obtained = std::collections::BTreeSet::new();
    for _ in 0..runs {
        let report = scene.renew().expect(0).json();
        obtained.insert(report["new"].as_str().unwrap().to_owned());
    }
    assert_eq!(obtained.len(), runs);
    println!("{runs} runs at 20 % refused nonces: {} certificates", obtained.len());
}

#[test]
fn a_rate_limit_sets_the_next_try_by_the_cas_own_word() {
    let proxy = AcmeProxy::start(Pebble::start());
    let world = World::new();
    let roots = fs_err::read_to_string(proxy.directory_root()).unwrap() + proxy.pebble().root_pem();
    fs_err::write(world.path("ca.pem"), roots).unwrap();
    world.write_settings(&format!(
        "[[issuer]]\nname = 'ca'\nkind = 'acme'\ndirectory = '{}'\nroot = 'ca.pem'\nprofile = 'shortlived'\n\
         challenge = 'http-01'\nhttp-port = {}\nchallenge-addresses = ['127.0.0.1']\n\n\
         [[certificate]]\nname = 'site'\nnames = ['{HOST}']\nissuer = 'ca'\n",
        proxy.directory_url(),
        proxy.pebble().http_address().port(),
    ));
    proxy.set_profiles(&["classic", "shortlived"]);
    proxy.refuse_orders(Some(Duration::from_secs(7200)));
    let planned = world.baton(&["renew", "site", "--dry-run"]).expect(0);
    assert!(planned.stdout.contains("issue a certificate for www.example.com"), "{}", planned.stdout);
    assert!(proxy.orders().is_empty(), "a dry run orders nothing");
    let before = baton_platform::clock::now();
    let refused = world.baton(&["renew", "site", "--json"]).expect(1);
    assert!(refused.stdout.contains("acme-rate-limited"), "{}", refused.stdout);
    let database = in_state(&world, "SELECT rest_until FROM renewal WHERE name = 'site'");
    let retry_at = jiff::Timestamp::from_millisecond(database.trim().parse().unwrap()).unwrap();
    let pause = retry_at.duration_since(before).as_secs();
    assert!((7190..7300).contains(&pause), "{pause} s");

    proxy.refuse_orders(None);
    let resting = world.baton(&["renew", "site", "--json"]).expect(3);
    assert!(resting.stdout.contains("issuer-resting"), "{}", resting.stdout);
    assert_eq!(proxy.orders().len(), 1, "the CA is left alone");
    world.baton(&["renew", "site", "--force"]).expect(0);
    let orders = proxy.orders();
    assert!(orders.iter().all(|order| order.profile.as_deref() == Some("shortlived")), "{orders:?}");
    world.baton(&["renew", "site", "--force"]).expect(0);
    let replaces: Vec<_> = proxy.orders().into_iter().map(|order| order.replaces).collect();
    let issued = proxy.issued();
    assert_eq!(replaces.last().unwrap().as_ref(), issued.first(), "{replaces:?} {issued:?}");
    proxy.set_profiles(&["classic"]);
    let refused = world.baton(&["renew", "site", "--force"]).expect(1);
    assert!(refused.stderr.contains("profile"), "{}", refused.stderr);
}

/// A CA that suggests, and one certificate without a target.
fn suggesting() -> (AcmeProxy, World) {
    let proxy = AcmeProxy::start(Pebble::start());
    let world = World::new();
    let roots = fs_err::read_to_string(proxy.directory_root()).unwrap() + proxy.pebble().root_pem();
    fs_err::write(world.path("ca.pem"), roots).unwrap();
    world.write_settings(&format!(
        "[[issuer]]\nname = 'ca'\nkind = 'acme'\ndirectory = '{}'\nroot = 'ca.pem'\n\
         challenge = 'http-01'\nhttp-port = {}\nchallenge-addresses = ['127.0.0.1']\n\n\
         [[certificate]]\nname = 'site'\nnames = ['{HOST}']\nissuer = 'ca'\n",
        proxy.directory_url(),
        proxy.pebble().http_address().port(),
    ));
    (proxy, world)
}

fn row_of_site(world: &World) -> serde_json::Value {
    let status = world.baton(&["status", "--json"]).json();
    let rows = status["rows"].as_array().unwrap();
    rows.iter().find(|row| row["certificate"] == "site").unwrap().clone()
}

#[test]
fn what_the_ca_suggests_is_followed_and_remembered() {
    let (proxy, world) = suggesting();
    world.baton(&["renew", "site"]).expect(0);
    let first = proxy.issued()[0].clone();
    let long_ago = std::time::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
    proxy.set_renewal_info(
        &first,
        RenewalAnswer::Window {
            start: long_ago,
            end: long_ago + Duration::from_secs(3600),
            explanation: Some("https://ca.example/incident".to_owned()),
            retry_after: Some(Duration::from_secs(21_600)),
        },
    );

    // It is about to be revoked: the window is in the past, so it is replaced at once, and the CA is told what by.
    let up = Up::start(&world, &[]);
    wait_until("the certificate is replaced", Duration::from_secs(60), || {
        row_of_site(&world)["renewal_window"].is_object() && proxy.issued().len() == 2
    });
    assert_eq!(proxy.orders().last().unwrap().replaces.as_ref(), Some(&first));
    let second = proxy.issued()[1].clone();
    wait_until("the CA was asked about the new one", Duration::from_secs(60), || {
        proxy.renewal_questions().last() == Some(&second)
    });
    wait_until("what it says is kept", Duration::from_secs(20), || {
        row_of_site(&world)["due_reason"] == "ari"
    });
    let row = row_of_site(&world);
    let moment = |field: &serde_json::Value| field.as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
    let (due, window) = (moment(&row["due"]), &row["renewal_window"]);
    assert!(due >= moment(&window["start"]) && due < moment(&window["end"]), "{row}");
    assert_eq!(up.stop(), 0);

    // The chosen moment, and when to ask again, outlive a restart.
    let questions = proxy.renewal_questions().len();
    let up = Up::start(&world, &[]);
    world.baton(&["prove"]);
    assert_eq!(row_of_site(&world)["due"], row["due"]);
    assert_eq!(proxy.renewal_questions().len(), questions, "it is not asked again before its time");
    assert_eq!(up.stop(), 0);
}

#[test]
fn a_renewal_tells_what_it_waits_for() {
    let (_proxy, world) = suggesting();
    let told = world.baton(&["renew", "site"]).expect(0).stderr;
    let told: Vec<&str> = told.lines().collect();
    let validating = format!("site: validating {HOST}");
    assert_eq!(told, ["site: authorizing", &validating, "site: finalizing", "site: downloading"]);
}

#[test]
fn nonsense_about_the_renewal_is_taken_for_none() {
    let (proxy, world) = suggesting();
    world.baton(&["renew", "site"]).expect(0);
    let now = std::time::UNIX_EPOCH;
    let backwards = RenewalAnswer::Window {
        start: now + Duration::from_secs(60),
        end: now,
        explanation: None,
        retry_after: Some(Duration::from_secs(60)),
    };
    proxy.set_renewal_info(&proxy.issued()[0], backwards);
    let up = Up::start(&world, &[]);
    wait_until("the CA was asked", Duration::from_secs(60), || !proxy.renewal_questions().is_empty());
    world.baton(&["prove"]);
    let row = row_of_site(&world);
    assert_eq!((&row["due_reason"], &row["renewal_window"]), (&"lifetime".into(), &serde_json::Value::Null));
    assert_eq!(proxy.issued().len(), 1);
    assert_eq!(up.stop(), 0);
}

/// What the state database holds, by the library that Python comes with.
fn in_state(world: &World, query: &str) -> String {
    let script =
        "import sqlite3, sys; print(sqlite3.connect(sys.argv[1]).execute(sys.argv[2]).fetchone()[0])";
    let database = world.path("baton-data/state.db").display().to_string();
    let finished =
        invocation::run(&["python3", "-c", script, &database, query], Duration::from_secs(20)).unwrap();
    finished.expect_success().stdout
}

#[test]
fn a_wildcard_is_obtained_by_dns_01_from_a_zone_with_a_late_secondary_by_way_of_an_alias() {
    let key = TransferKey::new("baton.key", "hmac-sha256");
    let (first, second) = (Place::new(Software::Bind), Place::new(Software::Bind));
    let (one, two) = (first.address(), second.address());
    // The record that the CA asks for is an alias of another one in the zone.
    let alias = "@ IN NS ns1\nns1 IN A 127.0.0.1\n_acme-challenge IN CNAME proof.challenges\n";
    let zones = vec![Zone::Primary {
        name: "example.com".to_owned(),
        records: alias.to_owned(),
        key: Some(key.clone()),
        secondaries: vec![two],
    }];
    let options = |place, zones| Options {
        software: Software::Bind,
        place,
        zones,
        notify_delay: Duration::from_secs(1),
    };
    let primary = NameServer::start(options(first, zones));
    let copy = Zone::Secondary { name: "example.com".to_owned(), primary: one };
    let secondary = NameServer::start(options(second, vec![copy]));
    // The CA asks the late one.
    let pebble = PebbleOptions { name_server: Some(two), ..PebbleOptions::default() };
    let scene = Scene::new(&pebble);
    fs_err::write(scene.world.path("tsig.key"), key.file()).unwrap();
    scene.write_settings(&format!(
        "challenge = 'dns-01'\n[issuer.dns]\nkind = 'rfc2136'\nserver = '{one}'\nkey = 'tsig.key'\n\
         resolver = ['{one}']\nauthoritative = ['{one}', '{two}']\n"
    ));
    let text = fs_err::read_to_string(scene.world.path("baton.toml")).unwrap();
    let text = text.replace("names = ['www.example.com']", "names = ['example.com', '*.example.com']");
    scene.world.write_settings(&text);
    let first = scene.renews(&scene.first);
    scene.renews(&first);
    let record = "proof.challenges.example.com";
    assert!(primary.txt(record).is_empty(), "{:?}", primary.txt(record));
    drop(secondary);
}

#[test]
fn a_command_answers_dns_01_and_a_wildcard_without_dns_01_is_refused() {
    let key = TransferKey::new("baton.key", "hmac-sha256");
    let place = Place::new(Software::Bind);
    let zone = Zone::Primary {
        name: "example.com".to_owned(),
        records: "@ IN NS ns1\nns1 IN A 127.0.0.1\n".to_owned(),
        key: Some(key.clone()),
        secondaries: Vec::new(),
    };
    let options =
        Options { software: Software::Bind, place, zones: vec![zone], notify_delay: Duration::ZERO };
    let server = NameServer::start(options);
    let (ip, port) = (server.address().ip(), server.address().port());
    let scene =
        Scene::new(&PebbleOptions { name_server: Some(server.address()), ..PebbleOptions::default() });
    fs_err::write(scene.world.path("tsig.key"), key.file()).unwrap();
    let script = format!(
        "printf 'server {ip} {port}\\nupdate %s %s 60 TXT %s\\nsend\\n' \"$1\" \"$BATON_RECORD\" \"$BATON_VALUE\" | \
         nsupdate -k {}\n",
        scene.world.path("tsig.key").display()
    );
    fs_err::write(scene.world.path("hook.sh"), script).unwrap();
    let hook = scene.world.path("hook.sh").display().to_string();
    let dns = |publish: &str| {
        format!(
            "challenge = 'dns-01'\n[issuer.dns]\nkind = 'command'\nresolver = ['{ip}:{port}']\n\
             authoritative = ['{ip}:{port}']\ndeadline = '20s'\nremove = ['sh', '{hook}', 'delete']\n\
             publish = {publish}\n"
        )
    };
    scene.write_settings(&dns(&format!("['sh', '{hook}', 'add']")));
    scene.renews(&scene.first);
    assert!(server.txt("_acme-challenge.www.example.com").is_empty());
    let served = scene.served();

    scene.write_settings(&dns("['sh', '-c', 'echo no such zone >&2; exit 3']"));
    let failed = scene.renew().expect(1);
    assert!(failed.stderr.contains("no such zone"), "{}", failed.stderr);
    scene.write_settings(&scene.http_01());
    let text = fs_err::read_to_string(scene.world.path("baton.toml")).unwrap();
    scene.world.write_settings(&text.replace("names = ['www.example.com']", "names = ['*.example.com']"));
    let refused = scene.renew().expect(3);
    assert!(refused.stderr.contains("dns-01"), "{}", refused.stderr);
    assert_eq!(scene.served(), served);
}
