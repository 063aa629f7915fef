//! The data protection of the system (DPAPI), in the scope of the machine: a service and the administrator who runs a
//! command by hand open what the other has sealed.

#![expect(unsafe_code, reason = "the calls of the system take and give raw memory")]

use std::io;
use std::ptr::{null, null_mut};

use windows_sys::Win32::Foundation::LocalFree;
use windows_sys::Win32::Security::Cryptography::{
    CRYPT_INTEGER_BLOB, CRYPTPROTECT_LOCAL_MACHINE, CRYPTPROTECT_UI_FORBIDDEN, CryptProtectData,
    CryptUnprotectData,
};
use zeroize::{Zeroize as _, Zeroizing};

use super::{succeeded, wide};

/// What the sealed bytes say of themselves.
const DESCRIPTION: &str = "Baton";

/// Keeps apart what other programs of the machine have sealed. It is no secret.
const ENTROPY: &[u8] = b"Baton: a secret in a file";

/// Seals a secret for this machine.
pub(crate) fn protect(secret: &[u8]) -> io::Result<Option<Vec<u8>>> {
    let (secret, entropy, mut sealed) = (blob(secret)?, blob(ENTROPY)?, Answer::default());
    let description = wide(DESCRIPTION);
    // SAFETY: all that is passed has as many bytes as it says, the description ends in a zero, and the answer is a place
    // that lives through the call.
    succeeded(unsafe {
        CryptProtectData(
            &raw const secret,
            description.as_ptr(),
            &raw const entropy,
            null(),
            null(),
            CRYPTPROTECT_LOCAL_MACHINE | CRYPTPROTECT_UI_FORBIDDEN,
            &raw mut sealed.0,
        )
    })?;
    Ok(Some(sealed.bytes().to_vec()))
}

/// Opens what this machine has sealed.
pub(crate) fn unprotect(sealed: &[u8]) -> io::Result<Zeroizing<Vec<u8>>> {
    let (sealed, entropy, mut secret) = (blob(sealed)?, blob(ENTROPY)?, Answer::default());
    // SAFETY: as above; the description is not wanted.
    succeeded(unsafe {
        CryptUnprotectData(
            &raw const sealed,
            null_mut(),
            &raw const entropy,
            null(),
            null(),
            CRYPTPROTECT_UI_FORBIDDEN,
            &raw mut secret.0,
        )
    })?;
    Ok(Zeroizing::new(secret.bytes().to_vec()))
}

fn blob(bytes: &[u8]) -> io::Result<CRYPT_INTEGER_BLOB> {
    let length = u32::try_from(bytes.len()).map_err(io::Error::other)?;
    Ok(CRYPT_INTEGER_BLOB { cbData: length, pbData: bytes.as_ptr().cast_mut() })
}

/// What a call has answered, in memory of the system; wiped before it is given back.
#[derive(Default)]
struct Answer(CRYPT_INTEGER_BLOB);

impl Answer {
    fn bytes(&mut self) -> &mut [u8] {
        if self.0.pbData.is_null() {
            return &mut [];
        }
        // SAFETY: the call has filled in as many bytes as it says, and nobody else has them.
        unsafe { std::slice::from_raw_parts_mut(self.0.pbData, self.0.cbData as usize) }
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        self.bytes().zeroize();
        // SAFETY: it came from a call that says to free it by LocalFree, and is freed once; null is no fault.
        unsafe {
            LocalFree(self.0.pbData.cast());
        }
    }
}
