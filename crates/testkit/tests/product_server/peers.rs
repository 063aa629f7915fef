//! The other witnesses: the certificate maker as OpenSSL sees it, nginx, Pebble, a webroot, and the load.

use std::time::Duration;

use baton_testkit::condition::wait_until;
use baton_testkit::invocation::run;
use baton_testkit::port::ReservedPort;
use baton_testkit::{Nginx, Pebble, PebbleOptions, Product, ProductFixture, TlsLoad, Webroot, process};

use crate::*;

const LIMIT: Duration = Duration::from_secs(30);

/// What `openssl x509` says of a certificate for these options.
fn x509(certificate: &IssuedCertificate, options: &[&str]) -> String {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("certificate.pem");
    fs_err::write(&path, &certificate.certificate_pem).unwrap();
    let mut arguments = vec!["openssl", "x509", "-in", text(&path), "-noout"];
    arguments.extend(options);
    run(&arguments, LIMIT).unwrap().expect_success().stdout
}

#[test]
fn openssl_agrees_with_the_certificate_maker() {
    let names = ["SAP.example.com", "other.example.com", "192.0.2.7"];
    let certificate = authority().issue(&names).sign();
    let digest = |option| x509(&certificate, &["-fingerprint", option]).trim().replace(':', "");
    assert_eq!(digest("-sha1"), format!("sha1 Fingerprint={}", certificate.thumbprint));
    assert_eq!(digest("-sha256").to_lowercase(), format!("sha256 fingerprint={}", certificate.fingerprint));
    let alternative = x509(&certificate, &["-ext", "subjectAltName"]);
    assert!(
        alternative.contains("DNS:SAP.example.com, DNS:other.example.com, IP Address:192.0.2.7"),
        "{alternative}"
    );
    assert_eq!(certificate.subject_alternative_name, "SAP.example.com");
    assert_eq!(x509(&certificate, &["-subject"]), "subject=CN = SAP.example.com\n");
    // .NET prints the components from the last to the first.
    let issuer = x509(&certificate, &["-issuer", "-nameopt", "RFC2253"]);
    assert_eq!(issuer.trim().replace(',', ", "), format!("issuer={}", certificate.issuer));
    let end = x509(&certificate, &["-enddate", "-dateopt", "iso_8601"]);
    let end = end.trim().trim_start_matches("notAfter=").replace(['-', ':'], "").replace(' ', "T");
    assert_eq!(certificate.not_after_text(), end.replace('Z', ".000Z"));

    let serial = |certificate| x509(certificate, &["-serial"]);
    let renewed = authority().issue(&names).same_key_as(&certificate).sign();
    assert_eq!(x509(&certificate, &["-pubkey"]), x509(&renewed, &["-pubkey"]));
    assert_ne!(serial(&certificate), serial(&renewed));
    assert_ne!(certificate.thumbprint, renewed.thumbprint);
    let unnamed = authority().issue(&names).without_common_name().sign();
    assert_eq!(x509(&unnamed, &["-subject"]), "subject=\n");
}

#[test]
fn openssl_verifies_what_is_good_and_nothing_else() {
    let fixture = ProductFixture::new(Product::XtractCore);
    let address = fixture.address("listener-tls");
    let (root, foreign_root) = (authority().root_pem(), Authority::new("Foreign"));
    let week = Duration::from_secs(7 * 24 * 60 * 60);
    let serve = |certificate: &IssuedCertificate| {
        fixture.enable_tls(certificate);
        fixture.restart();
        assert_eq!(served(address), certificate.thumbprint);
    };

    for good in [
        authority().issue(&[NAME, "127.0.0.1"]).sign(),
        authority().issue(&[NAME, "127.0.0.1"]).valid_for(week).rsa2048().sign(),
        authority().issue(&[NAME, "127.0.0.1"]).without_common_name().p256().sign(),
    ] {
        serve(&good);
        assert!(openssl::verify(address, NAME, root));
        assert!(openssl::verify(address, "127.0.0.1", root));
        assert!(!openssl::verify(address, "other.example.com", root));
        assert!(!openssl::verify(address, "127.0.0.2", root));
        assert!(!openssl::verify(address, NAME, foreign_root.root_pem()));
    }
    for bad in [
        authority().issue(&[NAME]).expired().sign(),
        authority().issue(&[NAME]).not_yet_valid().sign(),
        foreign_root.issue(&[NAME]).sign(),
    ] {
        serve(&bad);
        assert!(!openssl::verify(address, NAME, root));
    }
}

#[test]
fn nginx_starts_reloads_checks_and_ends() {
    let directory = tempfile::tempdir().unwrap();
    let (certificate_path, key_path) = (directory.path().join("site.pem"), directory.path().join("site.key"));
    let (old, new) = (certificate(), certificate());
    old.write_files(&certificate_path, &key_path);
    let nginx = Nginx::start(&certificate_path, &key_path);
    assert_eq!(openssl::served_certificate(nginx.address(), NAME).unwrap().fingerprint, old.fingerprint);
    assert!(openssl::verify(nginx.address(), NAME, authority().root_pem()));
    assert!(tls_get(nginx.address(), "/").contains("\r\n\r\nok\n"));
    run(&nginx.check_command(), LIMIT).unwrap().expect_success();

    new.write_files(&certificate_path, &key_path);
    assert_eq!(served(nginx.address()), old.thumbprint);
    run(&nginx.check_command(), LIMIT).unwrap().expect_success();
    run(&nginx.reload_command(), LIMIT).unwrap().expect_success();
    wait_until("nginx serves the new certificate", LIMIT, || served(nginx.address()) == new.thumbprint);

    fs_err::write(&key_path, &old.key_pem).unwrap();
    let check = run(&nginx.check_command(), LIMIT).unwrap();
    assert!(!check.succeeded() && check.stderr.contains("key values mismatch"), "{check:?}");

    let (pid, address) = (nginx.pid(), nginx.address());
    drop(nginx);
    assert!(process::is_gone(pid));
    assert!(is_closed(address), "the workers are gone too");
}

#[test]
fn several_nginx_run_side_by_side() {
    let directory = tempfile::tempdir().unwrap();
    let (certificate_path, key_path) = (directory.path().join("site.pem"), directory.path().join("site.key"));
    let certificate = certificate();
    certificate.write_files(&certificate_path, &key_path);
    let servers: Vec<_> = (0..3).map(|_| Nginx::start(&certificate_path, &key_path)).collect();
    for server in &servers {
        assert_eq!(served(server.address()), certificate.thumbprint);
    }
}

#[test]
fn nginx_that_cannot_start_says_why() {
    let absent = Path::new("/nonexistent/site.pem");
    let panic = std::panic::catch_unwind(|| Nginx::start(absent, absent)).unwrap_err();
    let said = panic.downcast_ref::<String>().unwrap();
    assert!(said.contains("/nonexistent/site.pem"), "{said}");
}

#[test]
fn the_load_sees_a_switch_and_no_failure_when_nginx_reloads() {
    let directory = tempfile::tempdir().unwrap();
    let (certificate_path, key_path) = (directory.path().join("site.pem"), directory.path().join("site.key"));
    let (old, new) = (certificate(), certificate());
    old.write_files(&certificate_path, &key_path);
    let nginx = Nginx::start(&certificate_path, &key_path);
    let load = TlsLoad::start(nginx.address(), NAME, authority().root_pem(), Duration::from_millis(2));
    load.wait_for_handshakes(10);
    new.write_files(&certificate_path, &key_path);
    run(&nginx.reload_command(), LIMIT).unwrap().expect_success();
    wait_until("the load sees the successor", LIMIT, || load.report().seen(&new.thumbprint).is_some());
    load.wait_for_handshakes(10);

    let report = load.stop();
    assert_eq!(report.failures, [] as [&str; 0]);
    let order: Vec<_> = report.thumbprints.iter().map(|seen| &seen.thumbprint).collect();
    assert_eq!(order, [&old.thumbprint, &new.thumbprint]);
    assert_eq!(report.thumbprints.iter().map(|seen| seen.count).sum::<u64>(), report.handshakes);
    assert!(report.thumbprints.iter().all(|seen| seen.first <= seen.last));
    assert!(report.thumbprints[0].first < report.thumbprints[1].first);
}

#[test]
fn the_load_reports_a_server_that_was_down_and_one_that_cannot_be_trusted() {
    let (fixture, certificate) = (ProductFixture::new(Product::Yunio), certificate());
    fixture.enable_tls(&certificate);
    fixture.start();
    let address = fixture.address("services-tls");
    let load = TlsLoad::start(address, NAME, authority().root_pem(), Duration::from_millis(2));
    load.wait_for_handshakes(5);
    fixture.stop();
    wait_until("the load sees that the server is down", LIMIT, || !load.report().failures.is_empty());
    fixture.start();
    load.wait_for_handshakes(5);
    let report = load.stop();
    assert!(report.failures.iter().any(|failure| failure.contains("connect: ")), "{:?}", report.failures);
    assert_eq!(report.thumbprints.len(), 1);

    let load = TlsLoad::start(address, "other.example.com", authority().root_pem(), Duration::from_millis(2));
    wait_until("the load sees the wrong name", LIMIT, || !load.report().failures.is_empty());
    let report = load.stop();
    assert_eq!(report.handshakes, 0);
    assert!(report.failures[0].contains("handshake: "), "{:?}", report.failures);
}

#[test]
fn pebble_comes_with_roots_of_its_own_behaves_as_asked_and_goes() {
    let options = PebbleOptions { nonce_reject_percent: 20, strict: true, ..PebbleOptions::default() };
    let (one, two) = (Pebble::with(&options), Pebble::start());
    assert_ne!(one.root_pem(), two.root_pem());
    assert!(one.root_pem().starts_with("-----BEGIN CERTIFICATE-----"));
    assert!(one.log().contains("reject 20% of good nonces"), "{}", one.log());
    assert!(two.log().contains("reject 0% of good nonces"), "{}", two.log());

    let url = one.directory_url();
    let ask = |root: &Path| {
        let curl = ["curl", "--silent", "--noproxy", "*", "--cacert", text(root), &url];
        run(&curl, LIMIT).unwrap()
    };
    let directory = ask(&one.directory_root());
    assert!(directory.stdout.contains("\"newOrder\": \"https://127.0.0.1:"), "{}", directory.stdout);
    assert!(!ask(&two.directory_root()).succeeded(), "the root of another directory");
    assert!(is_closed(one.http_address()) && is_closed(one.tls_address()), "these are the client's");

    let address = url.trim_start_matches("https://").trim_end_matches("/dir").parse().unwrap();
    assert!(!is_closed(address));
    drop(one);
    assert!(is_closed(address));
}

#[cfg(target_os = "linux")]
#[test]
fn pebble_asks_the_name_server_that_it_is_given() {
    use baton_testkit::NameServer;
    use baton_testkit::name_server::{Options, Place, Software, TransferKey, Zone};

    for software in [Software::Bind, Software::Knot] {
        let key = TransferKey::new("lego.key", "hmac-sha256");
        let place = Place::new(software);
        let zone = Zone::Primary {
            name: "example.test".to_owned(),
            records: format!("@ IN NS ns1\nns1 IN A {}", place.address().ip()),
            key: Some(key.clone()),
            secondaries: Vec::new(),
        };
        let names =
            NameServer::start(Options { software, place, zones: vec![zone], notify_delay: Duration::ZERO });
        let address = names.address();
        let pebble = Pebble::with(&PebbleOptions { name_server: Some(address), ..PebbleOptions::default() });
        let directory = tempfile::tempdir().unwrap();
        let variables = [
            format!("LEGO_CA_CERTIFICATES={}", text(&pebble.directory_root())),
            format!("RFC2136_NAMESERVER={address}"),
            format!("RFC2136_TSIG_KEY={}.", key.name),
            format!("RFC2136_TSIG_ALGORITHM={}.", key.algorithm),
            format!("RFC2136_TSIG_SECRET={}", key.secret),
        ];
        let (url, resolver) = (pebble.directory_url(), address.to_string());
        let lego =
            ["lego", "--accept-tos", "--email", "a@example.test", "--server", &url, "--dns", "rfc2136"];
        let names_asked = ["--domains", "*.example.test"];
        let rest =
            ["--dns.disable-cp", "--dns.resolvers", &resolver, "--path", text(directory.path()), "run"];
        let mut arguments = vec!["env"];
        arguments.extend(variables.iter().map(String::as_str));
        arguments.extend(lego.iter().chain(&names_asked).chain(&rest));
        run(&arguments, LIMIT).unwrap().expect_success();
        assert!(directory.path().join("certificates/_.example.test.crt").exists());
        assert!(names.txt("_acme-challenge.example.test").is_empty());
    }
}

#[test]
fn a_webroot_serves_what_is_in_it_and_nothing_else() {
    let port = ReservedPort::new();
    let webroot = Webroot::serve(port.address());
    fs_err::write(webroot.challenge_directory().join("token"), "answer").unwrap();

    let found = plain_get(port.address(), "/.well-known/acme-challenge/token");
    assert!(found.starts_with("HTTP/1.1 200") && found.ends_with("\r\n\r\nanswer"), "{found}");
    for path in ["/absent", "/", "//etc/passwd", "/../../etc/passwd"] {
        assert!(plain_get(port.address(), path).starts_with("HTTP/1.1 404"), "{path}");
    }
    drop(webroot);
    assert!(is_closed(port.address()));
}
