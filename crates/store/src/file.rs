//! Certificates as people bring them: a PEM, DER, PFX or P7B file, with the key in it or beside it.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use baton_finding::Explain;
use baton_x509::{
    AssembleError, Certificate, InvalidCertificate, P7bError, PemContents, PemError, PfxContents, PfxError,
    PrivateKey, X509, looks_like_p7b, read_p7b,
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

/// All that a file holds, whatever belongs to what.
#[derive(Debug, Default)]
pub struct FileContents {
    /// The certificates in their order.
    pub certificates: Vec<X509>,
    /// The private keys in their order.
    pub keys: Vec<PrivateKey>,
}

/// A certificate cannot be read from a file.
#[derive(Debug, thiserror::Error)]
pub enum ReadFileError {
    /// The file system refused.
    #[error("the certificate cannot be read")]
    Io(#[source] std::io::Error),
    /// It is a directory.
    #[error("`{}` is a directory", .path.display())]
    Directory {
        /// Its path.
        path: PathBuf,
    },
    /// There is nothing in it.
    #[error("`{}` is empty", .path.display())]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// The file is far too large to be a certificate.
    #[error("`{}` is too large to be a certificate: it has more than {LARGEST_FILE} bytes", .path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
    },
    /// It is a request for a certificate, in DER.
    #[error("`{}` is a certificate request, and no certificate", .path.display())]
    Request {
        /// The file.
        path: PathBuf,
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
    /// It looks like a P7B and cannot be read.
    #[error("`{}` cannot be read", .path.display())]
    P7b {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        cause: P7bError,
    },
    /// It is neither PEM, PFX, P7B nor a certificate in DER.
    #[error("`{}` is neither PEM, PFX, P7B nor a certificate in DER", .path.display())]
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
            Self::Io(_) | Self::Directory { .. } => "file-unreadable",
            Self::Empty { .. } => "file-empty",
            Self::Request { .. } => "request-given",
            Self::TooLarge { .. } => "file-too-large",
            Self::Pem { cause, .. } => cause.code(),
            Self::Pfx { cause, .. } => cause.code(),
            Self::P7b { cause, .. } => cause.code(),
            Self::Unknown { .. } => "certificate-unreadable",
            Self::Assemble { cause, .. } => cause.code(),
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Io(_) => Some("see that the file is there and that you may read it".to_owned()),
            Self::Directory { .. } | Self::Empty { .. } | Self::TooLarge { .. } => {
                Some("give the certificate's own file".to_owned())
            }
            Self::Request { .. } => PemError::Request.hint(),
            Self::Pem { cause, .. } => cause.hint(),
            Self::Pfx { cause, .. } => cause.hint(),
            Self::P7b { cause, .. } => cause.hint(),
            Self::Unknown { cause, .. } => cause.hint(),
            Self::Assemble { cause, .. } => cause.hint(),
        }
    }
}

impl FileContents {
    /// Reads PEM, DER, PFX or P7B; `password` opens a PFX.
    pub fn read(path: &Path, password: Option<&str>) -> Result<Self, ReadFileError> {
        Self::of_bytes(path, &bounded_read(path)?, password)
    }

    /// The same, of what is in memory already; errors call it `name`.
    pub fn of_bytes(name: &Path, bytes: &[u8], password: Option<&str>) -> Result<Self, ReadFileError> {
        let named = || name.to_owned();
        if bytes.is_empty() {
            return Err(ReadFileError::Empty { path: named() });
        }
        if PemContents::is_pem(bytes) {
            let contents =
                PemContents::read(bytes).map_err(|cause| ReadFileError::Pem { path: named(), cause })?;
            return Ok(Self { certificates: contents.certificates, keys: contents.keys });
        }
        if looks_like_p7b(bytes) {
            let certificates =
                read_p7b(bytes).map_err(|cause| ReadFileError::P7b { path: named(), cause })?;
            return Ok(Self { certificates, keys: Vec::new() });
        }
        let not_certificate = match X509::from_der(bytes) {
            Ok(certificate) => return Ok(Self { certificates: vec![certificate], keys: Vec::new() }),
            Err(cause) => cause,
        };
        if let Some(key) = PrivateKey::from_der(bytes) {
            return Ok(Self { certificates: Vec::new(), keys: vec![key] });
        }
        if X509::is_request(bytes) {
            return Err(ReadFileError::Request { path: named() });
        }
        // A PFX begins with its version, 3 (RFC 7292, 4), which no certificate does.
        match PfxContents::read(bytes, password.unwrap_or_default()) {
            Ok(contents) => Ok(Self { certificates: contents.certificates, keys: contents.keys }),
            Err(PfxError::Unreadable { .. }) if !looks_like_pfx(bytes) => {
                Err(ReadFileError::Unknown { path: named(), cause: not_certificate })
            }
            Err(cause) => Err(ReadFileError::Pfx { path: named(), cause }),
        }
    }
}

impl CertificateFile<'_> {
    /// Reads leaf, chain and key. A certificate without a key anywhere is read without one.
    pub fn read(&self) -> Result<Certificate, ReadFileError> {
        let FileContents { certificates, mut keys } = FileContents::read(self.path, self.password)?;
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
            .map_err(|cause| ReadFileError::Assemble { path: self.path.to_owned(), cause })
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

/// Whatever the path leads to: a pipe has no size, and may have no end.
fn bounded_read(path: &Path) -> Result<Zeroizing<Vec<u8>>, ReadFileError> {
    let file = fs::File::open(path).map_err(ReadFileError::Io)?;
    let metadata = file.metadata().map_err(ReadFileError::Io)?;
    if metadata.is_dir() {
        return Err(ReadFileError::Directory { path: path.to_owned() });
    }
    // Room for all of it at once, so that no copy of a key stays behind in freed memory.
    let room = metadata.len().clamp(64 * 1024, LARGEST_FILE) + 1;
    let mut bytes = Zeroizing::new(Vec::with_capacity(usize::try_from(room).unwrap_or_default()));
    file.take(LARGEST_FILE + 1).read_to_end(&mut bytes).map_err(ReadFileError::Io)?;
    match bytes.len() as u64 {
        0 => Err(ReadFileError::Empty { path: path.to_owned() }),
        1..=LARGEST_FILE => Ok(bytes),
        _ => Err(ReadFileError::TooLarge { path: path.to_owned() }),
    }
}
