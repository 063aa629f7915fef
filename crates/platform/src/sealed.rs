//! Secrets in files that Baton alone reads: keys of its CA, of ACME accounts, of orders and requests.
//!
//! Their access list keeps other accounts out while the system runs. On Windows they are sealed besides, for this machine
//! (DPAPI), so that a copy of the disk or of a backup gives nothing away. Whoever may read the file on the machine itself
//! can open it, as Baton does: the access list is what keeps accounts apart. On Unix nothing is sealed.
//!
//! A sealed file is known by how it begins, so that files of earlier versions, which are plain, are read on; they are
//! sealed when they are written the next time.

use std::io;
use std::path::{Path, PathBuf};

use baton_finding::Explain;
use fs_err as fs;
use zeroize::Zeroizing;

use crate::durable::{self, Attributes};
use crate::system::sealed as system;

/// How a sealed file begins. No PEM and no JSON does.
const MARK: &[u8] = b"BATON SEALED 1\n";

/// A sealed file does not open.
#[derive(Debug, thiserror::Error)]
#[error("`{}` is sealed, and does not open on this machine", .path.display())]
pub struct SealedError {
    /// The file.
    path: PathBuf,
    /// What the system said.
    #[source]
    cause: io::Error,
}

impl SealedError {
    /// The one that is behind an error of this module, if it is.
    pub fn of(error: &io::Error) -> Option<&Self> {
        error.get_ref()?.downcast_ref()
    }
}

impl Explain for SealedError {
    fn code(&self) -> &'static str {
        "secret-does-not-open"
    }

    fn hint(&self) -> Option<String> {
        Some(
            "it was sealed by another Windows machine, or by this one before it was installed anew, or is damaged: put it back \
             from a backup of this machine. Without one move it away, of an internal CA the whole directory: then a new one \
             is made"
                .to_owned(),
        )
    }
}

/// The bytes of a file that is to hold a secret.
pub fn seal(secret: &[u8]) -> io::Result<Zeroizing<Vec<u8>>> {
    Ok(Zeroizing::new(match system::protect(secret)? {
        Some(sealed) => [MARK, &sealed].concat(),
        None => secret.to_vec(),
    }))
}

/// Reads the secret in a file, sealed or plain.
///
/// # Errors
/// When the file cannot be read, or does not open: [`SealedError::of`] tells.
pub fn read(path: &Path) -> io::Result<Zeroizing<Vec<u8>>> {
    let bytes = Zeroizing::new(fs::read(path)?);
    let Some(sealed) = bytes.strip_prefix(MARK) else { return Ok(bytes) };
    system::unprotect(sealed).map_err(|cause| io::Error::other(SealedError { path: path.to_owned(), cause }))
}

/// Replaces the secret in a file, or makes the file, durably and for this account alone.
pub fn replace(path: &Path, secret: &[u8]) -> io::Result<()> {
    durable::replace(path, &seal(secret)?, Attributes::private_file())
}
