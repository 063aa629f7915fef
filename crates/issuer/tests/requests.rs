//! Requests, with OpenSSL as the one who reads and verifies them; and where they wait for their answer.

#![expect(clippy::unwrap_used, reason = "a test that cannot be set up is a failed test")]

use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use baton_finding::Explain as _;
use baton_issuer::{
    AnswerError, CertificateRequest, KeptRequest, KeptRequests, Template, certificate_of_answer, new_key,
    request_id,
};
use baton_platform::durable::TEMPORARY_PREFIX;
use baton_testkit::Authority;
use baton_x509::{KeyAlgorithm, Name, PemContents, PrivateKey};
use jiff::Timestamp;

fn names(texts: &[&str]) -> Vec<Name> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

fn key(algorithm: KeyAlgorithm) -> PrivateKey {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(new_key(algorithm)).unwrap()
}

/// What OpenSSL reads in a request whose signature it has verified.
fn openssl_reads(request: &CertificateRequest, form: &str) -> String {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("request");
    let bytes = if form == "DER" { request.der().to_vec() } else { request.to_pem().into_bytes() };
    fs_err::write(&file, bytes).unwrap();
    let arguments = ["req", "-verify", "-noout", "-text", "-inform", form, "-in"];
    let output = Command::new("openssl").args(arguments).arg(&file).output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success() && told.contains("verify OK"), "{told}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn openssl_verifies_the_request_of_every_kind_of_key_with_every_kind_of_template() {
    let names = names(&["www.example.com", "*.example.com", "10.0.0.7", "2001:db8::7"]);
    let templates = [None, Some("WebServer"), Some("1.3.6.1.4.1.311.21.8.1.2.3")];
    for (algorithm, shown) in [
        (KeyAlgorithm::EcdsaP256, "prime256v1"),
        (KeyAlgorithm::EcdsaP384, "secp384r1"),
        (KeyAlgorithm::Rsa2048, "(2048 bit)"),
        (KeyAlgorithm::Rsa3072, "(3072 bit)"),
        (KeyAlgorithm::Rsa4096, "(4096 bit)"),
    ] {
        let key = key(algorithm);
        for template in templates {
            let wanted = template.map(|text| text.parse::<Template>().unwrap());
            let request = CertificateRequest::new(&names, &key, wanted.as_ref()).unwrap();
            for form in ["PEM", "DER"] {
                let text = openssl_reads(&request, form);
                let alternatives = "DNS:www.example.com, DNS:*.example.com, IP Address:10.0.0.7, \
                                    IP Address:2001:DB8:0:0:0:0:0:7";
                for expected in [shown, "CN = www.example.com", alternatives, "TLS Web Server Authentication"]
                {
                    assert!(text.contains(expected), "{algorithm} {form}: {expected}\n{text}");
                }
                // MS-WCCE, 2.2.2.7.7.1 and 2.2.2.7.7.2.
                assert_eq!(text.contains("1.3.6.1.4.1.311.20.2:"), template == Some("WebServer"), "{text}");
                assert_eq!(
                    text.contains("1.3.6.1.4.1.311.21.7"),
                    template.is_some_and(|it| it.starts_with('1'))
                );
            }
        }
    }
}

#[test]
fn the_template_extensions_are_encoded_as_microsoft_documents_them() {
    let directory = tempfile::tempdir().unwrap();
    for (template, expected) in [
        ("WebServer", ["BMPSTRING", "1E12005700650062005300650072007600650072"]),
        ("1.3.6.1.4.1.311.21.8.1.2.3", ["SEQUENCE", "1.3.6.1.4.1.311.21.8.1.2.3"]),
    ] {
        let template = template.parse::<Template>().unwrap();
        let request =
            CertificateRequest::new(&names(&["a.example"]), &key(KeyAlgorithm::EcdsaP256), Some(&template));
        let file = directory.path().join("request");
        fs_err::write(&file, request.unwrap().der()).unwrap();
        let parse = |more: &[&str]| {
            let mut command = Command::new("openssl");
            command.args(["asn1parse", "-inform", "DER", "-in"]).arg(&file).args(more);
            String::from_utf8(command.output().unwrap().stdout).unwrap()
        };
        let text = parse(&[]);
        let oid = text.lines().position(|line| line.contains("1.3.6.1.4.1.311.2")).unwrap();
        let content = text.lines().nth(oid + 1).unwrap();
        let offset = content.trim().split(':').next().unwrap();
        let inside = parse(&["-strparse", offset]);
        assert!(
            expected.iter().all(|expected| inside.contains(expected) || content.contains(expected)),
            "{text}\n{inside}"
        );
    }
    for text in ["", "Web Server", "1.2.3.x y", "9.9.9", "1..2"] {
        assert!(text.parse::<Template>().is_err(), "{text:?}");
    }
}

fn kept(certificate: &str, key: PrivateKey, template: Option<Template>) -> KeptRequest {
    let names = names(&["a.example"]);
    let request = CertificateRequest::new(&names, &key, template.as_ref()).unwrap();
    KeptRequest {
        id: request_id(&key.public_key().unwrap()),
        certificate: certificate.to_owned(),
        issuer: "company".to_owned(),
        names,
        is_same_key: false,
        algorithm: KeyAlgorithm::EcdsaP256,
        template,
        is_by_hand: true,
        key: key.into(),
        request,
        made_at: Timestamp::from_second(1_800_000_000).unwrap(),
        ca_id: None,
    }
}

#[test]
fn a_request_is_kept_for_its_owner_alone_read_again_and_forgotten() {
    let directory = tempfile::tempdir().unwrap();
    let requests = KeptRequests::new(directory.path().join("requests"));
    assert!(requests.list().unwrap().is_empty());
    let template = "WebServer".parse::<Template>().unwrap();
    let one = kept("site", key(KeyAlgorithm::EcdsaP256), Some(template.clone()));
    let other = kept("site", key(KeyAlgorithm::Rsa2048), None);
    requests.keep(&one).unwrap();
    requests.keep(&other).unwrap();
    requests.keep(&kept("mail", key(KeyAlgorithm::EcdsaP256), None)).unwrap();

    let read = requests.of("site").unwrap();
    let read = read.iter().find(|request| request.id == one.id).unwrap();
    assert_eq!((read.template.as_ref(), read.is_by_hand), (Some(&template), true));
    assert_eq!(read.key.public_key().unwrap(), one.key.public_key().unwrap());
    assert_eq!(read.request, one.request);
    let file = directory.path().join("requests").join(format!("site-{}.json", one.id));
    let mode = |path: &std::path::Path| fs_err::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&file), mode(file.parent().unwrap())), (0o600, 0o700));

    // A damaged one hides none of the others, and is named.
    fs_err::write(&file, "{").unwrap();
    let list = requests.list().unwrap();
    assert_eq!(list.iter().filter(|request| request.is_ok()).count(), 2);
    let error = list.into_iter().find_map(Result::err).unwrap();
    assert_eq!(error.code(), "request-damaged");
    assert!(error.to_string().contains(&one.id), "{error}");
    // As it comes from the backup of a Windows machine.
    fs_err::write(&file, "BATON SEALED 1\nby another machine").unwrap();
    let error = requests.list().unwrap().into_iter().find_map(Result::err).unwrap();
    assert_eq!(error.code(), "secret-does-not-open");
    assert!(error.chain().contains(&one.id), "{}", error.chain());

    requests.forget(&other).unwrap();
    requests.forget(&other).unwrap();
    assert!(requests.of("site").unwrap().is_empty());
    assert_eq!(requests.of("mail").unwrap().len(), 1);
}

#[test]
fn an_answer_is_compared_with_what_was_asked() {
    let authority = Authority::new("Test CA");
    let now = baton_platform::clock::now();
    let asked = names(&["a.example", "b.example"]);
    let issued = authority.issue(&["b.example", "A.example"]).sign();
    let read = |pem: &str| PemContents::read(pem.as_bytes()).unwrap();
    let key = read(&issued.key_pem).keys.remove(0);
    // The root first, the leaf last: in which order they come does not matter.
    let mut pile = read(&format!("{}{}", issued.chain_pem, authority.root_pem())).certificates;
    pile.reverse();
    let certificate = certificate_of_answer(pile, &asked, &key.clone().into(), now).unwrap();
    assert_eq!(certificate.thumbprint().to_string(), issued.thumbprint);
    assert_eq!(certificate.chain().len(), 2);

    let other = authority.issue(&["a.example", "c.example"]).same_key_as(&issued).sign();
    let answer = certificate_of_answer(read(&other.chain_pem).certificates, &asked, &key.clone().into(), now);
    assert!(matches!(answer, Err(AnswerError::OtherNames { .. })), "{answer:?}");
    let expired = authority.issue(&["a.example", "b.example"]).same_key_as(&issued).expired().sign();
    let answer =
        certificate_of_answer(read(&expired.chain_pem).certificates, &asked, &key.clone().into(), now);
    assert!(matches!(answer, Err(AnswerError::Expired(_))), "{answer:?}");
    let of_other_key = authority.issue(&["a.example", "b.example"]).sign();
    let answer =
        certificate_of_answer(read(&of_other_key.chain_pem).certificates, &asked, &key.clone().into(), now);
    assert!(matches!(answer, Err(AnswerError::OtherKey)), "{answer:?}");
    assert!(matches!(
        certificate_of_answer(Vec::new(), &asked, &key.clone().into(), now),
        Err(AnswerError::Empty)
    ));
}

#[test]
fn many_who_keep_list_and_forget_at_once_take_nothing_from_each_other() {
    let directory = tempfile::tempdir().unwrap();
    let requests = KeptRequests::new(directory.path().join("requests"));
    let certificates = ["api", "mail", "site", "www"];
    let (requests, keys) = (&requests, certificates.map(|_| key(KeyAlgorithm::EcdsaP256)));
    std::thread::scope(|scope| {
        for (certificate, key) in certificates.into_iter().zip(keys) {
            scope.spawn(move || {
                let request = kept(certificate, key, None);
                for _ in 0..25 {
                    requests.keep(&request).unwrap();
                    assert!(requests.list().unwrap().iter().all(Result::is_ok));
                    assert_eq!(requests.of(certificate).unwrap().len(), 1);
                    requests.forget(&request).unwrap();
                }
            });
        }
    });
    // What a crash has left holds a key: it goes with the next look.
    let left = directory.path().join("requests").join(format!("{TEMPORARY_PREFIX}a1-site-0123.json"));
    fs_err::write(&left, "a key").unwrap();
    requests.list().unwrap();
    assert!(!left.exists());
}
