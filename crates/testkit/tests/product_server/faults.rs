//! The four faults, and that an unknown one is not silently none.

use std::time::{Duration, Instant};

use baton_testkit::product_server::Faults;
use baton_testkit::{Product, ProductFixture};

use crate::*;

#[test]
fn a_refused_thumbprint_keeps_it_from_starting_and_another_one_does_not() {
    for product in Product::ALL {
        let (fixture, old, new) = (ProductFixture::new(product), certificate(), certificate());
        fixture.set_faults(&Faults { refuse_thumbprint: Some(new.thumbprint.clone()), ..Faults::default() });
        fixture.enable_tls(&old);
        fixture.start();
        fixture.stop();
        fixture.enable_tls(&new);
        let said = fixture.try_start().unwrap_err();
        assert!(said.contains(&format!("certificate {} is refused", new.thumbprint)), "{said}");
        fixture.clear_faults();
        assert_eq!(fixture.start().thumbprint.as_deref(), Some(&*new.thumbprint));
    }
}

#[test]
fn another_certificate_is_served_instead() {
    for product in Product::ALL {
        let (fixture, named, other) = (ProductFixture::new(product), certificate(), certificate());
        fixture.install(&other);
        fixture.enable_tls(&named);
        fixture.set_faults(&Faults { serve_instead: Some(other.thumbprint.clone()), ..Faults::default() });
        let report = fixture.start();
        assert!(!report.thumbprints.is_empty());
        for name in report.thumbprints.keys() {
            assert_eq!(served(fixture.address(name)), other.thumbprint);
        }
        fixture.clear_faults();
        fixture.restart();
        for name in report.thumbprints.keys() {
            assert_eq!(served(fixture.address(name)), named.thumbprint);
        }
    }
}

#[test]
fn the_tls_port_answers_in_plain_http() {
    for product in Product::ALL {
        let (fixture, certificate) = (ProductFixture::new(product), certificate());
        fixture.enable_tls(&certificate);
        fixture.set_faults(&Faults { plain_on_tls_port: true, ..Faults::default() });
        for name in fixture.start().thumbprints.keys() {
            assert!(plain_get(fixture.address(name), "/").starts_with("HTTP/1.1 200 OK\r\n"));
            let error = openssl::served_certificate(fixture.address(name), NAME).unwrap_err();
            assert!(error.contains("wrong version number"), "{error}");
        }
    }
}

#[test]
fn the_start_is_delayed() {
    let (fixture, certificate) = (ProductFixture::new(Product::XtractCore), certificate());
    fixture.enable_tls(&certificate);
    fixture.set_faults(&Faults { start_delay_ms: 700, ..Faults::default() });
    let start = Instant::now();
    assert!(fixture.start().tls);
    assert!(start.elapsed() >= Duration::from_millis(700));
}

#[test]
fn an_unknown_fault_keeps_it_from_starting() {
    let fixture = ProductFixture::new(Product::Yunio);
    fs_err::write(fixture.directory().join(Faults::FILE), r#"{"refuse": "everything"}"#).unwrap();
    let said = fixture.try_start().unwrap_err();
    assert!(said.contains("faults.json") && said.contains("unknown field `refuse`"), "{said}");
}

#[test]
fn faults_are_written_under_their_documented_names() {
    let faults = Faults {
        refuse_thumbprint: Some("A".into()),
        serve_instead: Some("B".into()),
        plain_on_tls_port: true,
        start_delay_ms: 5,
        die_at_start: Some(7),
        stop_delay_ms: 6,
    };
    let fixture = ProductFixture::new(Product::Yunio);
    fixture.set_faults(&faults);
    assert_eq!(
        fs_err::read_to_string(fixture.directory().join(Faults::FILE)).unwrap(),
        concat!(
            r#"{"refuse-thumbprint":"A","serve-instead":"B","plain-on-tls-port":true,"start-delay-ms":5,"#,
            r#""die-at-start":7,"stop-delay-ms":6}"#
        )
    );
}
