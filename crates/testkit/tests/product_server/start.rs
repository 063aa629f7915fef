//! What is read at start, what is not read after, and what keeps a server from starting.

use baton_testkit::product::settings_text;
use baton_testkit::{Product, ProductFixture};

use crate::*;

#[test]
fn settings_and_store_are_read_at_start_only() {
    for product in Product::ALL {
        let (fixture, old, new) = (ProductFixture::new(product), certificate(), certificate());
        fixture.enable_tls(&old);
        fixture.start();
        let port = fixture.endpoints().into_keys().find(|name| name.ends_with("-tls")).unwrap();
        let address = fixture.address(&port);
        assert_eq!(served(address), old.thumbprint);

        fixture.enable_tls(&new);
        fs_err::remove_dir_all(fixture.store().join(&old.thumbprint)).unwrap();
        assert_eq!(served(address), old.thumbprint, "{product:?} must not notice before it is restarted");
        fixture.restart();
        assert_eq!(served(address), new.thumbprint);

        fs_err::remove_file(fixture.tls_json()).unwrap();
        assert_eq!(served(address), new.thumbprint);
        assert!(!fixture.restart().tls, "{product:?} without tls.json has TLS off");
        assert!(is_closed(address) || product.port_names().contains(&port));
        assert!(openssl::served_certificate(address, NAME).is_err());
    }
}

#[test]
fn tls_may_be_off_while_a_certificate_is_named() {
    for product in Product::ALL {
        let (fixture, certificate) = (ProductFixture::new(product), certificate());
        fixture.disable_tls(&certificate); // never installed: nobody asks for it
        assert!(fs_err::read_to_string(fixture.tls_json()).unwrap().contains(&certificate.thumbprint));
        assert!(!fixture.start().tls);
    }
}

#[cfg(target_os = "linux")]
#[test]
fn no_file_of_the_directory_or_the_store_is_open_while_it_runs() {
    for product in Product::ALL {
        let (fixture, certificate) = (ProductFixture::new(product), certificate());
        fixture.enable_tls(&certificate);
        let pid = fixture.start().pid;
        let open = fs_err::read_dir(format!("/proc/{pid}/fd")).unwrap();
        let open: Vec<_> = open.filter_map(|entry| fs_err::read_link(entry.unwrap().path()).ok()).collect();
        assert!(
            open.contains(&fs_err::canonicalize(fixture.pid_file()).unwrap()),
            "the test sees open files"
        );
        let root = fs_err::canonicalize(fixture.directory()).unwrap();
        let store = fs_err::canonicalize(fixture.store()).unwrap();
        let kept: Vec<_> =
            open.iter().filter(|path| path.starts_with(&root) || path.starts_with(&store)).collect();
        assert!(kept.is_empty(), "{product:?} keeps {kept:?} open");
    }
}

/// A yunIO with TLS on, not started, and the directory of its certificate in the store.
fn with_certificate(certificate: &IssuedCertificate) -> (ProductFixture, std::path::PathBuf) {
    let fixture = ProductFixture::new(Product::Yunio);
    fixture.enable_tls(certificate);
    let directory = fixture.store().join(&certificate.thumbprint);
    (fixture, directory)
}

/// Does not start, leaves no process, and says all of `words`.
#[track_caller]
fn assert_refuses(fixture: &ProductFixture, words: &[&str]) {
    let said = fixture.try_start().unwrap_err();
    for word in words {
        assert!(said.contains(word), "{word:?} is missing in: {said}");
    }
    assert_eq!(fixture.pid(), None);
    assert!(is_closed(fixture.address("services")) && is_closed(fixture.address("services-tls")));
}

#[test]
fn a_certificate_that_is_not_in_the_store_keeps_it_from_starting() {
    let certificate = certificate();
    let (fixture, directory) = with_certificate(&certificate);
    fs_err::remove_dir_all(&directory).unwrap();
    let path = directory.join("certificate.pem");
    assert_refuses(&fixture, &[&certificate.thumbprint, text(&path), "cannot read"]);
}

#[test]
fn a_key_that_is_missing_or_unreadable_keeps_it_from_starting() {
    let certificate = certificate();
    let (fixture, directory) = with_certificate(&certificate);
    let path = directory.join("key.pem");
    fs_err::remove_file(&path).unwrap();
    assert_refuses(&fixture, &[&certificate.thumbprint, text(&path), "cannot read its key"]);
    fs_err::write(&path, "no key").unwrap();
    assert_refuses(&fixture, &[&certificate.thumbprint, text(&path), "cannot read its key"]);
    fs_err::write(&path, &certificate.key_pem).unwrap();
    fixture.start();
}

#[test]
fn a_key_of_another_certificate_keeps_it_from_starting() {
    for other in [certificate(), authority().issue(&[NAME]).rsa2048().sign()] {
        let certificate = certificate();
        let (fixture, directory) = with_certificate(&certificate);
        let path = directory.join("key.pem");
        fs_err::write(&path, &other.key_pem).unwrap();
        assert_refuses(&fixture, &[&certificate.thumbprint, text(&path), "does not match"]);
    }
}

#[test]
fn another_certificate_under_the_thumbprint_keeps_it_from_starting() {
    let (certificate, other) = (certificate(), certificate());
    let (fixture, directory) = with_certificate(&certificate);
    let path = directory.join("certificate.pem");
    other.write_files(&path, &directory.join("key.pem"));
    assert_refuses(&fixture, &[&certificate.thumbprint, text(&path), &other.thumbprint]);
    // The chain the wrong way round is another certificate too.
    let reversed = format!("{}{}", authority().intermediate_pem(), certificate.certificate_pem);
    fs_err::write(&path, reversed).unwrap();
    assert_refuses(&fixture, &[&certificate.thumbprint, text(&path)]);
}

#[test]
fn settings_that_cannot_be_used_keep_it_from_starting() {
    let certificate = certificate();
    let (fixture, _) = with_certificate(&certificate);
    let good = settings_text::tls_json(true, &certificate);
    let broken = [
        (good[..good.len() / 2].to_owned(), "cannot parse"),
        (String::new(), "cannot parse"),
        (good.replace("true", "\"yes\""), "tlsEnabled is neither true nor false"),
        (good.replace("\"thumbprint\"", "\"other\""), "certificate.thumbprint is missing"),
        (good.replace(&certificate.thumbprint, ""), "certificate.thumbprint is missing"),
        (good.replace(&certificate.thumbprint, "0C32"), "is the thumbprint of no certificate"),
        (
            good.replace(&certificate.thumbprint, &format!("\u{200e}{}", certificate.thumbprint)),
            "of no certificate",
        ),
    ];
    for (content, words) in broken {
        fs_err::write(fixture.tls_json(), content).unwrap();
        assert_refuses(&fixture, &[words, text(&fixture.tls_json())]);
    }
}

#[test]
fn blanks_case_and_byte_order_marks_do_not_keep_it_from_starting() {
    let certificate = certificate();
    let (fixture, _) = with_certificate(&certificate);
    let good = settings_text::tls_json(true, &certificate);
    let pairs: Vec<_> = certificate.thumbprint.as_bytes().chunks(2).map(String::from_utf8_lossy).collect();
    let spaced = good.replace(&certificate.thumbprint, &pairs.join(" ").to_lowercase());
    let utf16 = |text: &str| "\u{feff}".encode_utf16().chain(text.encode_utf16()).collect::<Vec<_>>();
    let accepted: [Vec<u8>; 5] = [
        spaced.into_bytes(),
        format!("\u{feff}{good}").into_bytes(),
        utf16(&good).into_iter().flat_map(u16::to_le_bytes).collect(),
        utf16(&good).into_iter().flat_map(u16::to_be_bytes).collect(),
        // The code page of the machine: an ü as one byte.
        [&good.as_bytes()[..good.len() - 1], b",\"city\": \"M\xfcnchen\"}"].concat(),
    ];
    for content in accepted {
        fs_err::write(fixture.tls_json(), &content).unwrap();
        fixture.start();
        assert_eq!(served(fixture.address("services-tls")), certificate.thumbprint);
        fixture.stop();
    }
}

#[test]
fn the_command_line_is_checked() {
    let fixture = ProductFixture::new(Product::Yunio);
    let (directory, store) = (fixture.directory(), fixture.store());
    let arguments = |product, port| {
        [
            "run",
            "--product",
            product,
            "--directory",
            text(&directory),
            "--store",
            text(&store),
            "--port",
            port,
        ]
        .map(str::to_owned)
    };
    for (product, port, code, words) in [
        ("yunio", "web=0", 1, "yunio has no port named \"web\""),
        ("board-connector", "api-tls=0", 1, "its ports are web, web-tls, configuration, api"),
        ("yunio", "services", 2, "NAME=N"),
        ("other", "services=0", 2, "invalid value 'other'"),
    ] {
        let arguments = arguments(product, port);
        let output = product_server(&arguments.each_ref().map(String::as_str));
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{said}");
        assert!(said.contains(words), "{said}");
        assert!(output.stdout.is_empty());
    }
}
