//! Certificates as people bring them: a PEM, DER or PFX file, with the key in it or beside it.

use std::path::{Path, PathBuf};

use baton_finding::Explain;
use baton_x509::{
    AssembleError, Certificate, InvalidCertificate, PemContents, PemError, PfxContents, PfxError, X509,
};
use fs_err as fs;
use zeroize::Zeroizing;

/// The largest file that is read: a certificate with chain and key has a few kilobytes.
const LARGEST_FILE: u64 = 1024 * 1024;

/// A file that holds a certificate, and where its key is looked for.
#[derive(Debug)]
pub struct CertificateFile<'a> {
    /// The file.
    pub path: &'a Path,
    /// The file of its key; `None` looks into the file itself, then beside it.
    pub key: Option<&'a Path>,
    /// What opens a PFX.
    pub password: Option<&'a str>,
}

/// A certificate cannot be read from a file.
#[derive(Debug, thiserror::Error)]
pub enum ReadFileError {
    /// The file system refused.
    #[error("the certificate cannot be read")]
    Io(#[source] std::io::Error),
    /// The file is far too large to be a certificate.
    #[error("`{}` is too large to be a certificate: {size} bytes", .path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Its size.
        size: u64,
    },
    /// It looks like PEM and is damaged.
    #[error("`{}` cannot be read", .path.display())]
    Pem {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        cause: PemError,
    },
    /// It looks like a PFX and cannot be opened.
    #[error("`{}` cannot be opened", .path.display())]
    Pfx {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        cause: PfxError,
    },
    /// It is neither PEM, PFX nor a certificate in DER.
    #[error("`{}` is neither PEM, PFX nor a certificate in DER", .path.display())]
    Unknown {
        /// The file.
        path: PathBuf,
        /// What the DER reader said.
        #[source]
        cause: InvalidCertificate,
    },
    /// Certificates and keys were found and do not make one certificate.
    #[error("`{}` does not hold one certificate with its key", .path.display())]
    Assemble {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        cause: AssembleError,
    },
}

impl Explain for ReadFileError {
    fn code(&self) -> &'static str {
        match self {
            Self::Io(_) => "file-unreadable",
            Self::TooLarge { .. } => "file-too-large",
            Self::Pem { cause, .. } => cause.code(),
            Self::Pfx { cause, .. } => cause.code(),
            Self::Unknown { .. } => "certificate-unreadable",
            Self::Assemble { cause, .. } => cause.code(),
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Io(_) => Some("see that the file is there and that you may read it".to_owned()),
            Self::TooLarge { .. } => Some("give the certificate's own file".to_owned()),
            Self::Pem { cause, .. } => cause.hint(),
            Self::Pfx { cause, .. } => cause.hint(),
            Self::Unknown { cause, .. } => cause.hint(),
            Self::Assemble { cause, .. } => cause.hint(),
        }
    }
}

impl CertificateFile<'_> {
    /// Reads leaf, chain and key. A certificate without a key anywhere is read without one.
    pub fn read(&self) -> Result<Certificate, ReadFileError> {
        let path = || self.path.to_owned();
        let bytes = bounded_read(self.path)?;
        let (certificates, mut keys) = if PemContents::is_pem(&bytes) {
            let contents =
                PemContents::read(&bytes).map_err(|cause| ReadFileError::Pem { path: path(), cause })?;
            (contents.certificates, contents.keys)
        } else {
            match X509::from_der(&bytes) {
                Ok(certificate) => (vec![certificate], Vec::new()),
                // A PFX begins with its version, 3 (RFC 7292, 4), which no certificate does.
                Err(cause) => match PfxContents::read(&bytes, self.password.unwrap_or_default()) {
                    Ok(contents) => (contents.certificates, contents.keys),
                    Err(PfxError::Unreadable { .. }) if !looks_like_pfx(&bytes) => {
                        return Err(ReadFileError::Unknown { path: path(), cause });
                    }
                    Err(cause) => return Err(ReadFileError::Pfx { path: path(), cause }),
                },
            }
        };
        let key_file = match self.key {
            Some(key) => Some(key.to_owned()),
            None if keys.is_empty() => self.key_beside(),
            None => None,
        };
        if let Some(key_file) = key_file {
            let text = bounded_read(&key_file)?;
            let contents = PemContents::read(&text)
                .map_err(|cause| ReadFileError::Pem { path: key_file.clone(), cause })?;
            keys.extend(contents.keys);
        }
        Certificate::assemble(certificates, keys)
            .map_err(|cause| ReadFileError::Assemble { path: path(), cause })
    }

    /// Where others put the key: the same name with the ending `.key`, or `key.pem` and `privkey.pem` in the
    /// same directory.
    fn key_beside(&self) -> Option<PathBuf> {
        [
            self.path.with_extension("key"),
            self.path.with_file_name("key.pem"),
            self.path.with_file_name("privkey.pem"),
        ]
        .into_iter()
        .find(|candidate| candidate != self.path && candidate.is_file())
    }
}

fn looks_like_pfx(bytes: &[u8]) -> bool {
    // SEQUENCE with a long length, then INTEGER 3.
    bytes.first() == Some(&0x30)
        && bytes.iter().take(16).collect::<Vec<_>>().windows(3).any(|w| w == [&2, &1, &3])
}

fn bounded_read(path: &Path) -> Result<Zeroizing<Vec<u8>>, ReadFileError> {
    let size = fs::metadata(path).map_err(ReadFileError::Io)?.len();
    if size > LARGEST_FILE {
        return Err(ReadFileError::TooLarge { path: path.to_owned(), size });
    }
    fs::read(path).map(Zeroizing::new).map_err(ReadFileError::Io)
}
