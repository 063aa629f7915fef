//! Which port answers, and how, for each product.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use baton_testkit::{Product, ProductFixture};

use crate::*;

/// The ports that are open with TLS off and with TLS on, as the product facts have them.
fn ports(product: Product) -> (&'static [&'static str], &'static [&'static str]) {
    match product {
        Product::Yunio => {
            (&["services", "designer", "websockets"], &["services-tls", "designer-tls", "websockets-tls"])
        }
        Product::XtractUniversal => (&["web", "configuration"], &["web-tls", "configuration"]),
        Product::BoardConnector => (&["web", "configuration", "api"], &["web-tls", "configuration", "api"]),
        Product::XtractCore => (&["listener"], &["listener-tls"]),
    }
}

/// Opens nothing but these ports.
#[track_caller]
fn assert_open(fixture: &ProductFixture, open: &[&str]) {
    for name in fixture.product().port_names() {
        let address = fixture.address(&name);
        assert_eq!(is_closed(address), !open.contains(&name.as_str()), "{name} of {:?}", fixture.product());
    }
    assert_eq!(fixture.endpoints().len(), open.len());
}

fn with_tls_off(product: Product) {
    let fixture = ProductFixture::new(product);
    let report = fixture.start();
    assert!(!report.tls);
    assert_eq!(report.thumbprint, None);
    let (open, _) = ports(product);
    assert_open(&fixture, open);
    for name in open {
        let answer = plain_get(fixture.address(name), "/");
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{name}: {answer}");
    }
}

fn with_tls_on(product: Product) {
    let (fixture, certificate) = (ProductFixture::new(product), certificate());
    fixture.enable_tls(&certificate);
    let report = fixture.start();
    assert!(report.tls);
    assert_eq!(report.thumbprint.as_deref(), Some(&*certificate.thumbprint));
    let (_, open) = ports(product);
    assert_open(&fixture, open);
    for name in open {
        let address = fixture.address(name);
        if *name == "api" {
            assert!(plain_get(address, "/").starts_with("HTTP/1.1 200 OK\r\n"));
            assert!(openssl::served_certificate(address, NAME).is_err(), "the API never speaks TLS");
        } else {
            let seen = openssl::served_certificate(address, NAME).unwrap();
            assert_eq!(seen.thumbprint, certificate.thumbprint);
            assert_eq!(seen.fingerprint, certificate.fingerprint);
            assert_eq!(seen.chain_len, 2);
            assert!(openssl::verify(address, NAME, authority().root_pem()));
            assert!(tls_get(address, "/").contains("HTTP/1.1 200 OK\r\n"));
        }
    }
}

#[test]
fn yunio_answers_on_its_plain_ports_with_tls_off() {
    with_tls_off(Product::Yunio);
}

#[test]
fn yunio_answers_on_its_tls_ports_instead_with_tls_on() {
    with_tls_on(Product::Yunio);
}

#[test]
fn xtract_universal_answers_on_its_plain_ports_with_tls_off() {
    with_tls_off(Product::XtractUniversal);
}

#[test]
fn xtract_universal_answers_on_its_tls_ports_instead_with_tls_on() {
    with_tls_on(Product::XtractUniversal);
}

#[test]
fn board_connector_answers_on_its_plain_ports_with_tls_off() {
    with_tls_off(Product::BoardConnector);
}

#[test]
fn board_connector_answers_on_its_tls_ports_instead_with_tls_on() {
    with_tls_on(Product::BoardConnector);
}

#[test]
fn xtract_core_answers_on_its_plain_port_with_tls_off() {
    with_tls_off(Product::XtractCore);
}

#[test]
fn xtract_core_answers_on_its_tls_port_instead_with_tls_on() {
    with_tls_on(Product::XtractCore);
}

/// Starts the product without a word about ports, on a loopback address that nobody else uses.
fn default_ports(product: Product, certificate: Option<&IssuedCertificate>) -> Vec<(String, u16)> {
    let fixture = ProductFixture::new(product);
    if let Some(certificate) = certificate {
        fixture.enable_tls(certificate);
    }
    if product == Product::XtractCore {
        // In mode Localhost it would listen on 127.0.0.1 only.
        fs_err::write(fixture.directory().join("listener.json"), r#"{"mode": "Any"}"#).unwrap();
    }
    let [_, second, third, fourth] = std::process::id().to_be_bytes();
    let address = IpAddr::from([127, 128 + second % 100, third, fourth.clamp(1, 254)]);
    let (directory, store) = (fixture.directory(), fixture.store());
    let mut arguments = vec!["start", "--product", product.key(), "--directory", text(&directory)];
    let (address_text, pid_file) = (address.to_string(), fixture.pid_file());
    let rest = ["--store", text(&store), "--address", &address_text, "--pid-file", text(&pid_file)];
    arguments.extend(rest);
    let output = product_server(&arguments);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let open = fixture.endpoints().into_iter().map(|(name, endpoint)| {
        assert_eq!(endpoint.ip(), address);
        assert!(!is_closed(endpoint));
        (name, endpoint.port())
    });
    open.collect()
}

#[test]
fn the_default_ports_are_those_of_the_product_facts() {
    let certificate = certificate();
    let ports = |product, with: Option<_>| {
        let ports = default_ports(product, with);
        ports.iter().map(|(name, port)| format!("{name} {port}")).collect::<Vec<_>>().join(", ")
    };
    let tls = Some(&certificate);
    assert_eq!(ports(Product::Yunio, None), "designer 8077, services 8075, websockets 8076");
    assert_eq!(ports(Product::Yunio, tls), "designer-tls 8177, services-tls 8175, websockets-tls 8176");
    assert_eq!(ports(Product::XtractUniversal, None), "configuration 8064, web 8065");
    assert_eq!(ports(Product::XtractUniversal, tls), "configuration 8064, web-tls 8165");
    assert_eq!(ports(Product::BoardConnector, None), "api 8098, configuration 8096, web 8097");
    assert_eq!(ports(Product::BoardConnector, tls), "api 8098, configuration 8096, web-tls 8197");
    assert_eq!(ports(Product::XtractCore, None), "listener 1337");
    assert_eq!(ports(Product::XtractCore, tls), "listener-tls 1338");
}

#[test]
fn the_known_pages_answer_and_everything_else_is_ok() {
    let fixture = ProductFixture::new(Product::XtractUniversal);
    fixture.start();
    let web = fixture.address("web");
    assert!(plain_get(web, "/version").ends_with("\r\n\r\n{\"version\": \"6.8.1.2\"}"));
    let extractions = plain_get(web, "/config/extractions?destinationType=Unknown");
    assert!(extractions.contains(r#""latestRun": {"state": "FinishedNoErrors"}"#), "{extractions}");
    assert!(plain_get(web, "/anything").contains("<p>OK</p>"));
    assert!(plain_get(fixture.address("configuration"), "/version").contains("<p>OK</p>"));

    let fixture = ProductFixture::new(Product::XtractCore);
    fixture.start();
    let connections = plain_get(fixture.address("listener"), "/v1/connections/");
    assert!(connections.ends_with("\r\n\r\n[{\"name\": \"sap\"}]"), "{connections}");
}

#[test]
fn an_address_of_the_command_line_is_the_only_one_listened_on() {
    let fixture = ProductFixture::new(Product::Yunio);
    fixture.start();
    let elsewhere = SocketAddr::from((Ipv4Addr::new(127, 0, 0, 2), fixture.address("services").port()));
    assert!(!is_closed(fixture.address("services")));
    assert!(is_closed(elsewhere));
}
