//! Certificates, keys and containers, with OpenSSL and the testkit's own authority as witnesses.

#![expect(clippy::unwrap_used, reason = "a test that cannot be set up is a failed test")]

use std::process::Command;

use baton_testkit::Authority;
use baton_x509::{
    AssembleError, Certificate, KeyAlgorithm, Name, PemContents, PemError, PfxContents, PfxError, PrivateKey,
    Thumbprint, Trust, X509, build_chain,
};
use jiff::Timestamp;

fn now() -> Timestamp {
    // The one clock of the house is above this crate.
    let seconds = std::time::UNIX_EPOCH.elapsed().unwrap().as_secs();
    Timestamp::from_second(i64::try_from(seconds).unwrap()).unwrap()
}

fn read(pem: &str) -> PemContents {
    PemContents::read(pem.as_bytes()).unwrap()
}

fn x509(pem: &str) -> X509 {
    read(pem).certificates.remove(0)
}

#[test]
fn thumbprints_are_read_as_people_paste_them() {
    let plain: Thumbprint = "0C32EEE1053DA57E88E6AE22832DFB13775250F9".parse().unwrap();
    for text in [
        "0c32eee1053da57e88e6ae22832dfb13775250f9",
        "\u{200E}0c 32 ee e1 05 3d a5 7e 88 e6 ae 22 83 2d fb 13 77 52 50 f9",
        "0C:32:EE:E1:05:3D:A5:7E:88:E6:AE:22:83:2D:FB:13:77:52:50:F9",
    ] {
        assert_eq!(text.parse::<Thumbprint>().unwrap(), plain);
    }
    assert_eq!(plain.to_string(), "0C32EEE1053DA57E88E6AE22832DFB13775250F9");
    for text in [
        "",
        "0C32",
        "0C32EEE1053DA57E88E6AE22832DFB13775250F",
        "0C32EEE1053DA57E88E6AE22832DFB13775250F900",
        "ZC32EEE1053DA57E88E6AE22832DFB13775250F9",
    ] {
        assert!(text.parse::<Thumbprint>().is_err(), "{text}");
    }
}

#[test]
fn a_leaf_tells_what_the_products_write() {
    let issued = Authority::new("Test CA").issue(&["Sap.example.com", "*.b.example.com", "10.0.0.7"]).sign();
    let leaf = x509(&issued.certificate_pem);
    assert_eq!(leaf.thumbprint().to_string(), issued.thumbprint);
    assert_eq!(leaf.fingerprint().to_string(), issued.fingerprint);
    assert_eq!(leaf.issuer(), issued.issuer, "as .NET prints it");
    assert_eq!(leaf.not_after_compact(), issued.not_after_text());
    assert_eq!(leaf.dns_names(), ["Sap.example.com", "*.b.example.com"]);
    assert_eq!(leaf.names(), ["Sap.example.com", "*.b.example.com", "10.0.0.7"]);
    assert_eq!(leaf.key_algorithm(), KeyAlgorithm::EcdsaP256);
    assert!(!leaf.is_self_issued());
    for (host, covered) in [
        ("sap.example.com", true),
        ("SAP.EXAMPLE.COM.", true),
        ("a.b.example.com", true),
        ("b.example.com", false),
        ("x.a.b.example.com", false),
        (".b.example.com", false),
        ("10.0.0.7", true),
        ("10.0.0.8", false),
        ("example.com", false),
    ] {
        assert_eq!(leaf.covers(host), covered, "{host}");
    }
}

#[test]
fn names_with_signs_of_the_notation_are_quoted() {
    for (name, shown) in [
        ("Plain CA", "CN=Plain CA Intermediate"),
        ("A, B", "CN=\"A, B Intermediate\""),
        ("The \"CA\"", "CN=\"The \"\"CA\"\" Intermediate\""),
        ("a=b+c", "CN=\"a=b+c Intermediate\""),
    ] {
        let leaf = x509(&Authority::new(name).issue(&["a.example"]).sign().certificate_pem);
        assert_eq!(leaf.issuer(), format!("{shown}, O=Baton Testkit"));
    }
}

#[test]
#[cfg_attr(windows, ignore = "needs the command line of OpenSSL")]
fn keys_of_every_encoding_find_their_leaf() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name).display().to_string();
    for (algorithm, sub) in [("ec", "sec1"), ("rsa", "pkcs1")] {
        let authority = Authority::new("CA");
        let issuance = authority.issue(&["a.example.com"]);
        let issued = if algorithm == "rsa" { issuance.rsa2048().sign() } else { issuance.sign() };
        fs_err::write(path("key.pem"), &issued.key_pem).unwrap();
        let out = path("other.pem");
        let arguments = [algorithm, "-in", &path("key.pem"), "-out", &out];
        let more: &[&str] = if algorithm == "rsa" { &["-traditional"] } else { &[] };
        assert!(Command::new("openssl").args(arguments).args(more).status().unwrap().success());
        let other = fs_err::read_to_string(&out).unwrap();
        assert!(
            other.contains(if sub == "sec1" { "BEGIN EC PRIVATE" } else { "BEGIN RSA PRIVATE" }),
            "{sub}"
        );
        for key in [&issued.key_pem, &other] {
            // The order in the pile does not matter.
            let pile = format!("{}{key}{}", issued.chain_pem, "# a remark\n");
            let contents = read(&pile);
            let certificate = Certificate::assemble(contents.certificates, contents.keys).unwrap();
            assert_eq!(certificate.thumbprint().to_string(), issued.thumbprint);
            assert_eq!(certificate.chain().len(), 1);
            let again = read(&certificate.key().unwrap().to_pem());
            assert_eq!(again.keys[0].public_key().unwrap(), certificate.leaf().public_key());
            let packed = PfxContents::read(&certificate.to_pfx("secret").unwrap(), "secret").unwrap();
            assert_eq!(packed.keys[0].public_key().unwrap(), certificate.leaf().public_key());
        }
    }
}

#[test]
fn a_pile_that_makes_no_certificate_says_why() {
    let authority = Authority::new("CA");
    let (one, two) = (authority.issue(&["a.example"]).sign(), authority.issue(&["b.example"]).sign());
    let assemble = |pem: String| {
        let contents = read(&pem);
        Certificate::assemble(contents.certificates, contents.keys)
    };
    assert!(matches!(assemble(one.key_pem.clone()), Err(AssembleError::NoCertificate { keys: 1 })));
    assert!(matches!(
        assemble(format!("{}{}", one.certificate_pem, two.key_pem)),
        Err(AssembleError::KeyDoesNotMatch { .. })
    ));
    assert!(matches!(
        assemble(format!("{}{}{}{}", one.certificate_pem, one.key_pem, two.certificate_pem, two.key_pem)),
        Err(AssembleError::SeveralLeaves { count: 2 })
    ));
    // Without a key the leaf is the one that issued none of the others, wherever it stands.
    let backwards = format!("{}{}", authority.intermediate_pem(), one.certificate_pem);
    assert_eq!(assemble(backwards).unwrap().thumbprint().to_string(), one.thumbprint);
}

#[test]
#[cfg_attr(windows, ignore = "needs the command line of OpenSSL")]
fn damaged_pem_is_told_without_showing_the_key() {
    let issued = Authority::new("CA").issue(&["a.example"]).sign();
    let body = issued.key_pem.lines().nth(1).unwrap();
    let cut = issued.key_pem.replace("-----END PRIVATE KEY-----\n", "");
    let garbled = issued.key_pem.replace(body, &format!("!{body}"));
    for text in [cut, garbled] {
        let error = PemContents::read(text.as_bytes()).unwrap_err();
        let shown = format!("{error} {error:?}");
        assert!(matches!(error, PemError::Damaged { .. }), "{shown}");
        assert!(!shown.contains(&body[..16]), "{shown}");
    }
    assert!(matches!(PemContents::read(b"hello"), Err(PemError::Empty)));
    let encrypted = b"-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n";
    assert!(matches!(PemContents::read(encrypted), Err(PemError::EncryptedKey)));
    let contents = read(&issued.key_pem);
    assert_eq!(format!("{:?}", contents.keys[0]), "PrivateKey(…)");
}

#[test]
fn pfx_goes_round_and_a_wrong_password_is_told_apart_from_rubbish() {
    let issued = Authority::new("CA").issue(&["a.example"]).sign();
    let contents = read(&format!("{}{}", issued.chain_pem, issued.key_pem));
    let certificate = Certificate::assemble(contents.certificates, contents.keys).unwrap();
    let pfx = certificate.to_pfx("pässword").unwrap();
    let back = PfxContents::read(&pfx, "pässword").unwrap();
    assert_eq!((back.certificates.len(), back.keys.len()), (2, 1));
    let again = Certificate::assemble(back.certificates, back.keys).unwrap();
    assert_eq!(again.fingerprint(), certificate.fingerprint());
    assert!(matches!(PfxContents::read(&pfx, "password"), Err(PfxError::WrongPassword)));
    assert!(matches!(PfxContents::read(b"rubbish", ""), Err(PfxError::Unreadable { .. })));
    assert!(matches!(PfxContents::read(&pfx[..pfx.len() / 2], "pässword"), Err(PfxError::Unreadable { .. })));
}

#[test]
fn chains_are_verified_up_to_a_known_root() {
    let authority = Authority::new("CA");
    let stranger = Authority::new("Stranger");
    let issued = authority.issue(&["a.example"]).sign();
    let leaf = x509(&issued.certificate_pem);
    let intermediate = x509(authority.intermediate_pem());
    let mut trust = Trust::default();
    trust.add(x509(authority.root_pem()).to_rustls());
    trust.verify(&leaf, std::slice::from_ref(&intermediate), now()).unwrap();
    assert!(trust.verify(&leaf, &[], now()).unwrap_err().is_unknown_issuer(), "the intermediate is missing");
    let wrong = x509(stranger.intermediate_pem());
    assert!(trust.verify(&leaf, &[wrong], now()).is_err());
    let expired = x509(&authority.issue(&["a.example"]).expired().sign().certificate_pem);
    let error = trust.verify(&expired, &[intermediate], now()).unwrap_err();
    assert!(!error.is_unknown_issuer(), "{error}");
}

/// A CA that has changed its key is two issuers of one name, and old machines keep both.
#[test]
fn of_several_issuers_of_one_name_the_one_that_signed_is_found() {
    let [before, now] = ["Test CA", "Test CA"].map(Authority::new);
    let leaf = x509(&now.issue(&["sap.example.com"]).sign().certificate_pem);
    let [before, now] = [before, now].map(|authority| x509(authority.intermediate_pem()));
    assert_eq!(before.subject(), now.subject());
    for pile in [[before.clone(), now.clone()], [now.clone(), before.clone()]] {
        assert_eq!(build_chain(&leaf, &pile), vec![now.clone()]);
    }
}

#[test]
fn names_are_parsed_and_rubbish_is_refused() {
    for (text, shown) in [
        ("WWW.Example.com.", "www.example.com"),
        ("*.example.com", "*.example.com"),
        ("localhost", "localhost"),
        ("10.0.0.7", "10.0.0.7"),
        ("[::1]", "::1"),
    ] {
        assert_eq!(text.parse::<Name>().unwrap().to_string(), shown);
    }
    let long = format!("{}.example", "a".repeat(64));
    for text in [
        "",
        ".",
        "a..b",
        "-a.example",
        "a_b.example",
        "*.*.example",
        "a.*.example",
        "ex ample",
        "10.0.0.256",
        &long,
    ] {
        assert!(text.parse::<Name>().is_err(), "{text}");
    }
}

proptest::proptest! {
    /// Whatever a foreign file holds, reading it ends with a value or an error.
    #[test]
    fn foreign_bytes_never_panic(bytes: Vec<u8>, password: String) {
        let _ = PemContents::read(&bytes);
        let _ = PfxContents::read(&bytes, &password);
        let _ = X509::from_der(&bytes);
        let _ = String::from_utf8_lossy(&bytes).parse::<Thumbprint>();
        let _ = String::from_utf8_lossy(&bytes).parse::<Name>();
    }

    /// Files as people hand them over, damaged here and there: bytes changed, taken out, put in, cut off.
    #[test]
    fn damaged_files_never_panic(
        which in 0_usize..4,
        damages in proptest::collection::vec((proptest::prelude::any::<proptest::sample::Index>(), 0_u8..4, proptest::prelude::any::<u8>()), 1..6),
    ) {
        thread_local! {
            static FILES: [Vec<u8>; 4] = sound_files();
        }
        let mut bytes = FILES.with(|files| files[which].clone());
        for (position, kind, value) in damages {
            if bytes.is_empty() {
                break;
            }
            let position = position.index(bytes.len());
            match kind {
                0 => bytes[position] = value,
                1 => { bytes.remove(position); }
                2 => bytes.insert(position, value),
                _ => bytes.truncate(position),
            }
        }
        if let Ok(contents) = PemContents::read(&bytes) {
            let _ = Certificate::assemble(contents.certificates, contents.keys);
        }
        let _ = PfxContents::read(&bytes, "password");
        if let Ok(certificate) = X509::from_der(&bytes) {
            let _ = certificate.names();
        }
        let _ = String::from_utf8_lossy(&bytes).parse::<Thumbprint>();
    }
}

/// A certificate with its key in PEM, the same as a PFX, a certificate in DER, a thumbprint as Windows shows it.
fn sound_files() -> [Vec<u8>; 4] {
    let issued = Authority::new("CA").issue(&["a.example"]).sign();
    let pem = format!("{}{}", issued.certificate_pem, issued.key_pem);
    let contents = PemContents::read(pem.as_bytes()).unwrap();
    let certificate = Certificate::assemble(contents.certificates, contents.keys).unwrap();
    let pfx = certificate.to_pfx("password").unwrap();
    let der = certificate.leaf().der().to_vec();
    [pem.into_bytes(), pfx, der, format!("\u{200E}{}", certificate.thumbprint()).into_bytes()]
}

#[test]
#[cfg_attr(windows, ignore = "needs the command line of OpenSSL")]
fn an_rsa_key_goes_round_as_key_blob_and_openssl_reads_it() {
    let directory = tempfile::tempdir().unwrap();
    let authority = Authority::new("Test CA");
    let issued = authority.issue(&["a.example.com"]).rsa2048().sign();
    let key = read(&issued.key_pem).keys.remove(0);
    let blob = key.to_key_blob().unwrap();
    let path = directory.path().join("key.blob");
    fs_err::write(&path, &*blob).unwrap();
    let openssl = |arguments: &[&str]| {
        let output = Command::new("openssl").args(arguments).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    let path = path.display().to_string();
    let public = openssl(&["rsa", "-inform", "MSBLOB", "-in", &path, "-pubout"]);
    let der = PemContents::read(issued.key_pem.as_bytes()).unwrap().keys.remove(0).public_key().unwrap();
    assert_eq!(public.trim(), baton_x509::to_pem("PUBLIC KEY", &der).trim());
    let again = PrivateKey::from_key_blob(&blob).unwrap();
    assert_eq!(again.public_key().unwrap(), key.public_key().unwrap());
    assert_eq!(*again.to_key_blob().unwrap(), *blob);

    let elliptic = read(&authority.issue(&["b.example.com"]).sign().key_pem).keys.remove(0);
    assert!(elliptic.to_key_blob().is_none());
    assert!(PrivateKey::from_key_blob(&blob[..blob.len() - 1]).is_none(), "cut off");
    assert!(PrivateKey::from_key_blob(b"nonsense").is_none());
}
