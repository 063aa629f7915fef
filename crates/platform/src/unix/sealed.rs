//! On this system modes keep others out, and nothing is sealed.

use std::io;

use zeroize::Zeroizing;

/// Nothing to do: `None`.
pub(crate) fn protect(_secret: &[u8]) -> io::Result<Option<Vec<u8>>> {
    Ok(None)
}

/// It was sealed by another system.
pub(crate) fn unprotect(_sealed: &[u8]) -> io::Result<Zeroizing<Vec<u8>>> {
    Err(io::Error::from(io::ErrorKind::Unsupported))
}
