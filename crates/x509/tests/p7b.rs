//! P7B, made and read by OpenSSL too; and whatever else may come under that name.

#![expect(clippy::unwrap_used, reason = "a test that cannot be set up is a failed test")]

use std::process::Command;

use baton_finding::Explain as _;
use baton_testkit::{Authority, IssuedCertificate};
use baton_x509::{P7bError, PemContents, PemError, X509, looks_like_p7b, read_p7b};
use proptest::prelude::*;
use tempfile::TempDir;

fn openssl(directory: &TempDir, arguments: &[&str]) {
    let output = Command::new("openssl").current_dir(directory.path()).args(arguments).output().unwrap();
    assert!(output.status.success(), "openssl {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// A leaf with its chain, and what `openssl crl2pkcs7` makes of it in the given form.
fn p7b(form: &str) -> (IssuedCertificate, Vec<u8>) {
    let authority = Authority::new("Test CA");
    let issued = authority.issue(&["www.example.com"]).sign();
    let directory = tempfile::tempdir().unwrap();
    fs_err::write(
        directory.path().join("chain.pem"),
        format!("{}{}", issued.chain_pem, authority.root_pem()),
    )
    .unwrap();
    let arguments = ["crl2pkcs7", "-nocrl", "-certfile", "chain.pem", "-outform", form, "-out", "out"];
    openssl(&directory, &arguments);
    (issued, fs_err::read(directory.path().join("out")).unwrap())
}

fn fingerprints(certificates: &[X509]) -> Vec<String> {
    certificates.iter().map(|certificate| certificate.fingerprint().to_string()).collect()
}

#[test]
#[cfg_attr(windows, ignore = "needs the command line of OpenSSL")]
fn what_openssl_makes_is_read_in_der_and_under_each_of_its_labels() {
    let (issued, der) = p7b("DER");
    let read = read_p7b(&der).unwrap();
    assert_eq!(read.len(), 3, "leaf, intermediate and root");
    assert!(fingerprints(&read).contains(&issued.fingerprint));
    assert!(looks_like_p7b(&der));

    let (issued, pem) = p7b("PEM");
    let pem = String::from_utf8(pem).unwrap();
    assert!(pem.contains("-----BEGIN PKCS7-----"));
    // Windows writes a P7B in Base64 under the label of a certificate.
    for label in ["PKCS7", "PKCS #7 SIGNED DATA", "CMS", "CERTIFICATE"] {
        let text = pem.replace("PKCS7", label);
        let contents = PemContents::read(text.as_bytes()).unwrap();
        assert_eq!(contents.certificates.len(), 3, "{label}");
        assert!(fingerprints(&contents.certificates).contains(&issued.fingerprint), "{label}");
        assert!(contents.keys.is_empty());
    }
    // Beside others, in one file.
    let both = format!("{pem}\n{}", issued.certificate_pem);
    assert_eq!(PemContents::read(both.as_bytes()).unwrap().certificates.len(), 4);
}

#[test]
#[cfg_attr(windows, ignore = "needs the command line of OpenSSL")]
fn signed_data_with_a_signature_and_content_gives_its_certificates_too() {
    let issued = Authority::new("Test CA").issue(&["www.example.com"]).sign();
    let directory = tempfile::tempdir().unwrap();
    issued.write_files(&directory.path().join("a.pem"), &directory.path().join("a.key"));
    fs_err::write(directory.path().join("text"), "hello").unwrap();
    let sign = ["cms", "-sign", "-binary", "-nodetach", "-in", "text", "-signer", "a.pem", "-inkey", "a.key"];
    openssl(&directory, &[&sign[..], &["-outform", "DER", "-out", "out"]].concat());
    let read = read_p7b(&fs_err::read(directory.path().join("out")).unwrap()).unwrap();
    assert_eq!(fingerprints(&read), [issued.fingerprint]);
}

#[test]
#[cfg_attr(windows, ignore = "needs the command line of OpenSSL")]
fn what_holds_no_certificate_says_so() {
    let directory = tempfile::tempdir().unwrap();
    fs_err::write(directory.path().join("none.pem"), "").unwrap();
    openssl(&directory, &["crl2pkcs7", "-nocrl", "-outform", "DER", "-out", "out"]);
    let empty = fs_err::read(directory.path().join("out")).unwrap();
    assert!(matches!(read_p7b(&empty), Err(P7bError::Empty)), "{:?}", read_p7b(&empty));

    let authority = Authority::new("Test CA");
    let certificate = PemContents::read(authority.root_pem().as_bytes()).unwrap().certificates.remove(0);
    let error = read_p7b(certificate.der()).unwrap_err();
    assert_eq!(error.code(), "p7b-unreadable");
    assert!(!looks_like_p7b(certificate.der()));
}

#[test]
#[cfg_attr(windows, ignore = "needs the command line of OpenSSL")]
fn a_request_is_told_from_an_answer() {
    let directory = tempfile::tempdir().unwrap();
    let new =
        ["req", "-new", "-newkey", "rsa:2048", "-nodes", "-keyout", "key", "-subj", "/CN=a.example.com"];
    openssl(&directory, &[&new[..], &["-out", "csr"]].concat());
    openssl(&directory, &["req", "-in", "csr", "-outform", "DER", "-out", "csr.der"]);
    let text = fs_err::read_to_string(directory.path().join("csr")).unwrap();
    for text in
        [text.clone(), text.replace("BEGIN CERT", "BEGIN NEW CERT").replace("END CERT", "END NEW CERT")]
    {
        assert_eq!(PemContents::read(text.as_bytes()).unwrap_err().code(), "request-given", "{text}");
    }
    assert!(X509::is_request(&fs_err::read(directory.path().join("csr.der")).unwrap()));
    assert!(!X509::is_request(b"\x30\x00"));
}

#[test]
#[cfg_attr(windows, ignore = "needs the command line of OpenSSL")]
fn cut_off_at_every_byte_and_with_every_bit_flipped_it_is_refused_or_read() {
    let (_, der) = p7b("DER");
    for length in 0..der.len() {
        assert!(read_p7b(&der[..length]).is_err(), "{length} of {} bytes", der.len());
    }
    let mut longer = der.clone();
    longer.push(0);
    assert!(read_p7b(&longer).is_err(), "bytes behind its end");
    for position in 0..der.len() {
        for bit in 0..8 {
            let mut flipped = der.clone();
            flipped[position] ^= 1 << bit;
            // A flipped bit in a name gives another name: what is read is judged by its signatures.
            let _ = read_p7b(&flipped);
        }
    }
    let (_, pem) = p7b("PEM");
    for length in 0..pem.len() - 1 {
        let read = PemContents::read(&pem[..length]);
        // Without its last line's end it is whole.
        assert!(read.is_err() || length + 2 > pem.len(), "{length} of {} bytes", pem.len());
    }
}

/// Lengths that promise more than there is, and depths that have no end.
#[test]
fn structures_that_lie_are_refused() {
    let deep: Vec<u8> = std::iter::repeat_n([0x30, 0x80], 50_000).flatten().collect();
    let huge = [0x30, 0x84, 0xFF, 0xFF, 0xFF, 0xFF];
    let oid = [0x06, 0x09, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x07, 0x02];
    let indefinite: Vec<u8> = [&[0x30, 0x80], &oid[..], &[0xA0, 0x80, 0x30, 0x80]].concat();
    let without_content: Vec<u8> = [&[0x30, 0x0B], &oid[..]].concat();
    for bytes in [&deep[..], &huge, &indefinite, &without_content, &[], &[0x30], &[0x30, 0x00]] {
        assert!(
            matches!(read_p7b(bytes), Err(P7bError::Unreadable { .. })),
            "{:?}",
            &bytes[..bytes.len().min(16)]
        );
    }
    let many: String = std::iter::repeat_n("-----BEGIN PKCS7-----\n", 20_000).collect();
    assert!(matches!(PemContents::read(many.as_bytes()), Err(PemError::Damaged { .. } | PemError::Empty)));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn any_bytes_are_refused_or_read(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let _ = read_p7b(&bytes);
        let _ = X509::is_request(&bytes);
        // The same behind a sound beginning.
        let oid = [0x30, 0x82, 0x01, 0x00, 0x06, 0x09, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x07, 0x02];
        let _ = read_p7b(&[&oid[..], &bytes].concat());
    }

    #[test]
    fn any_text_is_refused_or_read(text in "(-----(BEGIN|END) (PKCS7|CERTIFICATE|CMS)-----\n|[A-Za-z0-9+/=]{1,64}\n){0,8}") {
        let _ = PemContents::read(text.as_bytes());
    }
}
