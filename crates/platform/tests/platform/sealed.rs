//! Secrets in files.

use baton_finding::Explain as _;
use baton_platform::durable;
use baton_platform::sealed::{self, SealedError};

const SECRET: &[u8] = b"-----BEGIN PRIVATE KEY-----\nnobody's\n-----END PRIVATE KEY-----\n";

#[test]
fn a_secret_is_read_back_and_on_windows_the_file_does_not_show_it() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("key");
    for secret in [SECRET, b"", b"another"] {
        sealed::replace(&path, secret).unwrap();
        assert_eq!(sealed::read(&path).unwrap().as_slice(), secret);
        let bytes = fs_err::read(&path).unwrap();
        if cfg!(windows) {
            assert!(bytes.starts_with(b"BATON SEALED 1\n"));
            assert!(!bytes.windows(7).any(|part| part == b"PRIVATE" || part == b"another"));
        } else {
            assert_eq!(bytes, secret);
            assert!(durable::is_private(&path).unwrap());
        }
    }
}

#[test]
fn a_plain_file_of_an_earlier_version_is_read() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("key");
    fs_err::write(&path, SECRET).unwrap();
    assert_eq!(sealed::read(&path).unwrap().as_slice(), SECRET);
    let absent = sealed::read(&directory.path().join("absent")).unwrap_err();
    assert_eq!(absent.kind(), std::io::ErrorKind::NotFound);
}

#[test]
fn what_another_machine_has_sealed_and_what_is_spoilt_is_refused_with_its_path() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("key");
    let sealed = sealed::seal(SECRET).unwrap();
    let torn = sealed[..sealed.len() / 2].to_vec();
    let foreign = b"BATON SEALED 1\nby another machine".to_vec();
    let cases = if cfg!(windows) { vec![foreign, torn] } else { vec![foreign] };
    for bytes in cases {
        fs_err::write(&path, &bytes).unwrap();
        let error = sealed::read(&path).unwrap_err();
        let sealed = SealedError::of(&error).unwrap();
        assert_eq!(sealed.code(), "secret-does-not-open");
        assert!(error.to_string().contains(&path.display().to_string()), "{error}");
        assert_eq!(fs_err::read(&path).unwrap(), bytes);
    }
}

#[test]
#[cfg(windows)]
#[ignore = "needs Windows: Wine 8 opens what was changed"]
fn one_bit_that_is_changed_is_noticed() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("key");
    let sealed = sealed::seal(SECRET).unwrap();
    for position in [sealed.len() / 2, sealed.len() - 1] {
        let mut changed = sealed.to_vec();
        changed[position] ^= 1;
        fs_err::write(&path, &changed).unwrap();
        assert!(SealedError::of(&sealed::read(&path).unwrap_err()).is_some(), "{position}");
    }
}
