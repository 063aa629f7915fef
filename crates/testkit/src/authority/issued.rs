//! A certificate that an [`Authority`](super::Authority) has issued, and the layouts it is written in.

use std::fmt;
use std::io::Write;
use std::path::{Path, PathBuf};

use time::OffsetDateTime;

/// Leaf, chain and key, with the names that settings files and proofs know them by.
#[derive(Clone)]
pub struct IssuedCertificate {
    /// The leaf alone, as PEM.
    pub certificate_pem: String,
    /// The leaf, then the intermediate, as PEM.
    pub chain_pem: String,
    /// The private key, as PKCS#8 PEM.
    pub key_pem: String,
    /// SHA-1 of the leaf's DER, 40 upper-case hex digits.
    pub thumbprint: String,
    /// SHA-256 of the leaf's DER, 64 lower-case hex digits.
    pub fingerprint: String,
    /// The names it was issued for, in their order.
    pub names: Vec<String>,
    /// What the products write as `subjectAltName`: the first DNS name, its case kept.
    pub subject_alternative_name: String,
    /// What the products write as `issuer`: the X.500 name as .NET prints it, last component first.
    pub issuer: String,
    /// The first second of its validity.
    pub not_before: OffsetDateTime,
    /// The last second of its validity.
    pub not_after: OffsetDateTime,
}

impl IssuedCertificate {
    /// What the products write as `notAfter`: UTC, `yyyyMMddTHHmmss.fffZ`.
    pub fn not_after_text(&self) -> String {
        let (date, time) = (self.not_after.date(), self.not_after.time());
        format!(
            "{:04}{:02}{:02}T{:02}{:02}{:02}.000Z",
            date.year(),
            u8::from(date.month()),
            date.day(),
            time.hour(),
            time.minute(),
            time.second()
        )
    }

    /// Writes the certificate into Baton's directory store, as documented: `STORE/<thumbprint>/certificate.pem`
    /// (leaf first, then the chain) and `STORE/<thumbprint>/key.pem`; the directory 0700, the files 0600.
    ///
    /// Returns the certificate's directory. Panics when something cannot be written.
    pub fn write_to_store(&self, store: &Path) -> PathBuf {
        let directory = store.join(&self.thumbprint);
        fs_err::create_dir_all(&directory).expect("a directory in the store");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            fs_err::set_permissions(&directory, std::fs::Permissions::from_mode(0o700))
                .expect("the mode of a directory in the store");
        }
        self.write_files(&directory.join("certificate.pem"), &directory.join("key.pem"));
        directory
    }

    /// Writes leaf and intermediate to `certificate` and the key to `key`, as nginx and its like read them; both
    /// 0600 when they are new. Panics when something cannot be written.
    pub fn write_files(&self, certificate: &Path, key: &Path) {
        write_private(certificate, &self.chain_pem);
        write_private(key, &self.key_pem);
    }
}

/// Names the certificate and keeps the key out of the messages of failed assertions.
impl fmt::Debug for IssuedCertificate {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("IssuedCertificate")
            .field("names", &self.names)
            .field("thumbprint", &self.thumbprint)
            .field("not_before", &self.not_before)
            .field("not_after", &self.not_after)
            .finish_non_exhaustive()
    }
}

fn write_private(path: &Path, text: &str) {
    let mut options = fs_err::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    {
        use fs_err::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    let written = options.open(path).and_then(|mut file| file.write_all(text.as_bytes()));
    written.expect("a file for certificate or key");
}
