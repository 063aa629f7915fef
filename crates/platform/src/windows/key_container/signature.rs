//! Signatures with keys that stay where they are.

use std::io;
use std::ptr::{from_ref, null, null_mut};

use windows_sys::Win32::Security::Cryptography::{
    BCRYPT_PAD_PKCS1, BCRYPT_PKCS1_PADDING_INFO, BCRYPT_SHA256_ALGORITHM, CALG_SHA_256, CryptCreateHash,
    CryptDestroyHash, CryptSetHashParam, CryptSignHashW, HP_HASHVAL, MS_ENH_RSA_AES_PROV_W,
    NCRYPT_SILENT_FLAG, NCryptSignHash, PROV_RSA_AES, PROV_RSA_FULL, PROV_RSA_SCHANNEL,
};

use super::{Handle, KeyContainer, KeyReference, refused, security, succeeded};

/// What is made of a digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignatureScheme {
    /// RSASSA-PKCS1-v1_5 over a digest by SHA-256 (RFC 8017, 8.2).
    RsaSha256,
    /// ECDSA: the two numbers of the signature, one behind the other, each as long as the curve's order.
    Ecdsa,
}

impl KeyReference {
    /// The same key by the provider that knows SHA-256: the older ones of Windows do not, and share their containers with
    /// it.
    pub fn for_signatures(&self) -> Self {
        let is_older = [PROV_RSA_FULL, PROV_RSA_SCHANNEL].contains(&self.provider_type)
            && self.provider.starts_with("Microsoft ");
        if !is_older {
            return self.clone();
        }
        // SAFETY: the constant is a text with a closing zero.
        let provider = unsafe { security::text_or_empty(MS_ENH_RSA_AES_PROV_W) };
        Self { provider, provider_type: PROV_RSA_AES, ..self.clone() }
    }
}

impl KeyContainer {
    /// Signs a digest.
    pub fn sign(&self, scheme: SignatureScheme, digest: &[u8]) -> io::Result<Vec<u8>> {
        match self.handle {
            Handle::Container(container) if scheme == SignatureScheme::RsaSha256 => {
                sign_in_container(container, self.key_specification, digest)
            }
            Handle::Container(_) => Err(io::Error::from(io::ErrorKind::Unsupported)),
            Handle::Key(key) => sign_with_key(key, scheme, digest),
        }
    }
}

fn sign_in_container(container: usize, key_specification: u32, digest: &[u8]) -> io::Result<Vec<u8>> {
    let mut hash = 0;
    // SAFETY: the container is open, and the place for the answer lives through the call.
    succeeded(unsafe { CryptCreateHash(container, CALG_SHA_256, 0, 0, &raw mut hash) })?;
    let sign = || {
        // SAFETY: the hash was just made, and the digest lives through the call; SHA-256 has as many bytes as the hash wants.
        succeeded(unsafe { CryptSetHashParam(hash, HP_HASHVAL, digest.as_ptr(), 0) })?;
        let mut length = 0;
        let mut sign = |place: *mut u8| {
            // SAFETY: the hash is open; the place for the answer is null, or as long as the call has told before.
            succeeded(unsafe { CryptSignHashW(hash, key_specification, null(), 0, place, &raw mut length) })
                .map(|()| length as usize)
        };
        let mut signature = vec![0; sign(null_mut())?];
        let length = sign(signature.as_mut_ptr())?;
        signature.truncate(length);
        // The older interface has its numbers in the other order.
        signature.reverse();
        Ok(signature)
    };
    let signature = if digest.len() == 32 { sign() } else { Err(io::ErrorKind::InvalidInput.into()) };
    // SAFETY: the hash was just made and is given back once.
    unsafe {
        CryptDestroyHash(hash);
    }
    signature
}

fn sign_with_key(key: usize, scheme: SignatureScheme, digest: &[u8]) -> io::Result<Vec<u8>> {
    let padding = BCRYPT_PKCS1_PADDING_INFO { pszAlgId: BCRYPT_SHA256_ALGORITHM };
    let (padding, flags) = match scheme {
        SignatureScheme::RsaSha256 => (from_ref(&padding).cast(), BCRYPT_PAD_PKCS1),
        SignatureScheme::Ecdsa => (null(), 0),
    };
    let digest_length = u32::try_from(digest.len()).map_err(io::Error::other)?;
    let mut length = 0;
    let mut sign = |place: *mut u8, capacity: u32| {
        // SAFETY: the key is open; digest and padding live through the call; the place for the answer is null, or as long as
        // the call has told before.
        refused(unsafe {
            NCryptSignHash(
                key,
                padding,
                digest.as_ptr(),
                digest_length,
                place,
                capacity,
                &raw mut length,
                flags | NCRYPT_SILENT_FLAG,
            )
        })
        .map(|()| length)
    };
    let capacity = sign(null_mut(), 0)?;
    let mut signature = vec![0; capacity as usize];
    let length = sign(signature.as_mut_ptr(), capacity)? as usize;
    signature.truncate(length);
    Ok(signature)
}
