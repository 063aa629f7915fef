//! The files of Xtract Core that are not about certificates.

use std::net::{Ipv4Addr, SocketAddr};

use baton_testkit::product::settings_text;
use baton_testkit::{Product, ProductFixture};

use crate::*;

/// Rewrites `listener.json` with the fixture's ports and another mode.
fn set_mode(fixture: &ProductFixture, mode: &str) {
    let (plain, tls) = (fixture.address("listener").port(), fixture.address("listener-tls").port());
    let content = settings_text::listener_json(plain, tls, mode);
    fs_err::write(fixture.directory().join("listener.json"), content).unwrap();
}

#[test]
fn the_mode_decides_where_it_can_be_reached() {
    let (fixture, certificate) = (ProductFixture::new(Product::XtractCore), certificate());
    fixture.enable_tls(&certificate);
    let own = fixture.address("listener-tls");
    let other = SocketAddr::from((Ipv4Addr::new(127, 0, 0, 2), own.port()));

    fixture.start();
    assert_eq!(served(own), certificate.thumbprint);
    assert!(is_closed(other));

    set_mode(&fixture, "Any");
    fixture.restart();
    assert_eq!(served(own), certificate.thumbprint);
    assert_eq!(served(other), certificate.thumbprint);
    assert_eq!(fixture.endpoints()["listener-tls"], own);

    set_mode(&fixture, "Everywhere");
    fixture.stop();
    assert!(fixture.try_start().unwrap_err().contains("mode is neither Localhost nor Any: Everywhere"));
}

#[test]
fn the_settings_file_is_named_after_the_executable() {
    let fixture = ProductFixture::new(Product::XtractCore);
    let definition = fixture.directory().join("theobald.service.definition.json");
    let content = fs_err::read_to_string(&definition).unwrap();
    fs_err::write(&definition, content.replace("listener.exe", "gateway.exe")).unwrap();
    fs_err::rename(fixture.directory().join("listener.json"), fixture.directory().join("gateway.json"))
        .unwrap();
    fixture.start();
    assert!(plain_get(fixture.address("listener"), "/v1/connections/").contains("sap"));
}

#[test]
fn without_a_service_definition_it_does_not_start() {
    let fixture = ProductFixture::new(Product::XtractCore);
    fs_err::remove_file(fixture.directory().join("theobald.service.definition.json")).unwrap();
    assert!(fixture.try_start().unwrap_err().contains("theobald.service.definition.json does not exist"));
}
