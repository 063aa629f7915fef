//! The older shape of Xtract Universal and Board Connector: two files, two references.

use baton_testkit::product::settings_text;
use baton_testkit::{Product, ProductFixture, SettingsShape};

use crate::*;

const BOTH: [Product; 2] = [Product::XtractUniversal, Product::BoardConnector];

fn fixture(product: Product) -> ProductFixture {
    ProductFixture::with_shape(product, SettingsShape::GeneralJson)
}

#[test]
fn web_server_and_configuration_server_have_a_certificate_each() {
    for product in BOTH {
        let (fixture, web, configuration) = (fixture(product), certificate(), certificate());
        fixture.install(&web);
        fixture.install(&configuration);
        fixture.write_general_json(Some(&web), Some(&configuration));
        let report = fixture.start();
        assert_eq!(served(fixture.address("web-tls")), web.thumbprint);
        assert_eq!(served(fixture.address("configuration")), configuration.thumbprint);
        assert_eq!(report.thumbprints["web-tls"], web.thumbprint);
        assert_eq!(report.thumbprints["configuration"], configuration.thumbprint);
        assert!(is_closed(fixture.address("web")));
    }
}

#[test]
fn a_file_without_certificate_leaves_its_server_plain() {
    for product in BOTH {
        let (fixture, certificate) = (fixture(product), certificate());
        fixture.install(&certificate);
        fixture.write_general_json(None, Some(&certificate));
        fixture.start();
        assert!(plain_get(fixture.address("web"), "/").contains("200 OK"));
        assert_eq!(served(fixture.address("configuration")), certificate.thumbprint);
        fixture.write_general_json(Some(&certificate), None);
        fixture.restart();
        assert_eq!(served(fixture.address("web-tls")), certificate.thumbprint);
        assert!(plain_get(fixture.address("configuration"), "/").contains("200 OK"));
    }
}

/// Starts Xtract Universal with the protocol of the web server replaced.
fn with_protocol(protocol: &str, certificate: &IssuedCertificate) -> ProductFixture {
    let fixture = fixture(Product::XtractUniversal);
    fixture.enable_tls(certificate);
    let [web, _] = &fixture.reference_files()[..] else { panic!("two references") };
    let content = fs_err::read_to_string(web).unwrap();
    assert!(content.contains("HTTPS - Unrestricted"));
    fs_err::write(web, content.replace("HTTPS - Unrestricted", protocol)).unwrap();
    fixture.start();
    fixture
}

#[test]
fn the_plain_protocol_switches_tls_off_though_a_certificate_is_named() {
    let certificate = certificate();
    let fixture = with_protocol("HTTP - Unrestricted", &certificate);
    assert!(plain_get(fixture.address("web"), "/version").contains("6.8.1.2"));
    assert!(is_closed(fixture.address("web-tls")));
    assert_eq!(served(fixture.address("configuration")), certificate.thumbprint);
}

#[test]
fn a_restricted_protocol_answers_401_after_a_good_handshake() {
    let certificate = certificate();
    let restricted = [
        ("HTTPS - Restricted to AD users with Designer read access", "WWW-Authenticate: Negotiate\r\n"),
        ("HTTPS - Restricted to custom users with Designer read access", "WWW-Authenticate: Basic realm="),
    ];
    for (protocol, challenge) in restricted {
        let fixture = with_protocol(protocol, &certificate);
        assert_eq!(served(fixture.address("web-tls")), certificate.thumbprint);
        let answer = tls_get(fixture.address("web-tls"), "/version");
        assert!(answer.contains("HTTP/1.1 401 Unauthorized\r\n"), "{answer}");
        assert!(answer.contains(challenge), "{answer}");
        assert!(tls_get(fixture.address("configuration"), "/").contains("200 OK"));
    }
}

#[test]
fn a_certificate_in_general_json_wins_over_tls_json() {
    let (fixture, newer, older) = (fixture(Product::BoardConnector), certificate(), certificate());
    fixture.install(&newer);
    fixture.install(&older);
    fixture.write_general_json(Some(&older), None);
    fs_err::create_dir_all(fixture.tls_json().parent().unwrap()).unwrap();
    fs_err::write(fixture.tls_json(), settings_text::tls_json(true, &newer)).unwrap();
    fixture.start();
    assert_eq!(served(fixture.address("web-tls")), older.thumbprint);
    assert_eq!(served(fixture.address("configuration")), newer.thumbprint);
}

#[test]
fn the_certificate_may_be_in_a_field_of_any_name() {
    let (fixture, certificate) = (fixture(Product::XtractUniversal), certificate());
    fixture.enable_tls(&certificate);
    for file in fixture.reference_files() {
        let content = fs_err::read_to_string(&file).unwrap();
        fs_err::write(&file, content.replace("\"certificate\"", "\"serverCertificate\"")).unwrap();
    }
    fixture.start();
    assert_eq!(served(fixture.address("web-tls")), certificate.thumbprint);
    assert_eq!(served(fixture.address("configuration")), certificate.thumbprint);
}
