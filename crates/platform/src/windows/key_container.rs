//! Private keys where Windows keeps them: key containers of the older cryptographic providers (CAPI), and keys of key
//! storage providers (CNG). Nothing here ever asks a person: a key that needs one to be used cannot be used.

#![expect(unsafe_code, reason = "the calls of the system take and give raw memory")]

mod signature;

use std::fmt;
use std::io;
use std::ptr::{null, null_mut};

use windows_sys::Win32::Foundation::{
    NTE_BAD_KEY_STATE, NTE_BAD_KEYSET, NTE_KEYSET_NOT_DEF, NTE_NO_KEY, NTE_NOT_SUPPORTED, NTE_PERM,
};
use windows_sys::Win32::Security::Cryptography::{
    AT_KEYEXCHANGE, BCryptBuffer, BCryptBufferDesc, CERT_PUBLIC_KEY_INFO, CRYPT_DELETEKEYSET,
    CRYPT_EXPORTABLE, CRYPT_MACHINE_KEYSET, CRYPT_NEWKEYSET, CRYPT_SILENT, CryptAcquireContextW,
    CryptDestroyKey, CryptEncodeObjectEx, CryptExportKey, CryptExportPublicKeyInfo, CryptGetProvParam,
    CryptGetUserKey, CryptImportKey, CryptReleaseContext, CryptSetProvParam, MS_ENH_RSA_AES_PROV_W,
    MS_KEY_STORAGE_PROVIDER, NCRYPT_ALLOW_EXPORT_FLAG, NCRYPT_ALLOW_PLAINTEXT_EXPORT_FLAG,
    NCRYPT_DO_NOT_FINALIZE_FLAG, NCRYPT_EXPORT_POLICY_PROPERTY, NCRYPT_MACHINE_KEY_FLAG, NCRYPT_PERSIST_FLAG,
    NCRYPT_PKCS8_PRIVATE_KEY_BLOB, NCRYPT_SECURITY_DESCR_PROPERTY, NCRYPT_SILENT_FLAG,
    NCRYPTBUFFER_PKCS_KEY_NAME, NCRYPTBUFFER_VERSION, NCryptDeleteKey, NCryptFinalizeKey, NCryptFreeObject,
    NCryptGetProperty, NCryptImportKey, NCryptOpenKey, NCryptOpenStorageProvider, NCryptSetProperty,
    PP_KEYSET_SEC_DESCR, PRIVATEKEYBLOB, PROV_RSA_AES, X509_ASN_ENCODING, X509_PUBLIC_KEY_INFO,
};
use windows_sys::Win32::Security::DACL_SECURITY_INFORMATION;
use windows_sys::core::PCWSTR;
use zeroize::Zeroizing;

use super::{refused, security, succeeded, wide};
use crate::access_list::AccessList;

pub use signature::SignatureScheme;

/// Where a private key is, as a certificate names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyReference {
    /// The name of its container, or of the key itself.
    pub container: String,
    /// The provider that has it.
    pub provider: String,
    /// The kind of an older provider; 0 for a key storage provider.
    pub provider_type: u32,
    /// Whether the machine has it, and not an account.
    pub is_of_machine: bool,
    /// Which of the two keys of a container it is; 0 for a key storage provider.
    pub key_specification: u32,
}

/// A key as its provider takes it.
#[derive(Debug, Clone, Copy)]
pub enum KeyBytes<'a> {
    /// RSA for the older provider: PRIVATEKEYBLOB.
    Blob(&'a [u8]),
    /// RSA or ECDSA for the key storage provider: PKCS#8 (RFC 5958).
    Pkcs8(&'a [u8]),
}

impl KeyReference {
    /// A key of Windows' own provider for that form.
    pub fn new(container: &str, form: KeyBytes<'_>, is_of_machine: bool) -> Self {
        let (provider, provider_type, key_specification) = match form {
            KeyBytes::Blob(_) => (MS_ENH_RSA_AES_PROV_W, PROV_RSA_AES, AT_KEYEXCHANGE),
            KeyBytes::Pkcs8(_) => (MS_KEY_STORAGE_PROVIDER, 0, 0),
        };
        Self {
            container: container.to_owned(),
            // SAFETY: the constant is a text with a closing zero.
            provider: unsafe { security::text_or_empty(provider) },
            provider_type,
            is_of_machine,
            key_specification,
        }
    }

    /// Whether both may name the same key. Names have no case, and one provider opens keys of another.
    pub fn is_same_key(&self, other: &Self) -> bool {
        self.container.eq_ignore_ascii_case(&other.container) && self.is_of_machine == other.is_of_machine
    }

    /// Whether it is on a smart card, which nobody puts in for a service.
    pub fn is_on_device(&self) -> bool {
        self.provider.contains("Smart Card")
    }
}

enum Handle {
    Container(usize),
    Key(usize),
}

/// An open private key.
pub struct KeyContainer {
    handle: Handle,
    key_specification: u32,
}

impl Drop for KeyContainer {
    fn drop(&mut self) {
        match self.handle {
            // SAFETY: the handle is ours and is given back once.
            Handle::Container(handle) => unsafe {
                CryptReleaseContext(handle, 0);
            },
            Handle::Key(handle) => free(handle),
        }
    }
}

impl fmt::Debug for KeyContainer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyContainer(…)")
    }
}

impl KeyContainer {
    /// Opens a key; `None` where there is none.
    pub fn open(reference: &KeyReference) -> io::Result<Option<Self>> {
        let handle = match reference.provider_type {
            0 => open_key(reference).map(Handle::Key),
            _ => acquire(reference, 0).map(Handle::Container),
        };
        match handle {
            Ok(handle) => Ok(Some(Self { handle, key_specification: reference.key_specification })),
            // To an account without the right to a key of the machine it is said to be absent.
            Err(error) if is_absent(&error) && reference.is_of_machine && !security::is_administrator() => {
                Err(io::Error::new(io::ErrorKind::PermissionDenied, error))
            }
            Err(error) if is_absent(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Puts a key where there is none yet. When that fails, nothing stays behind.
    pub fn import(reference: &KeyReference, key: KeyBytes<'_>, is_exportable: bool) -> io::Result<Self> {
        let handle = match key {
            KeyBytes::Blob(blob) => Handle::Container(import_blob(reference, blob, is_exportable)?),
            KeyBytes::Pkcs8(pkcs8) => Handle::Key(import_pkcs8(reference, pkcs8, is_exportable)?),
        };
        Ok(Self { handle, key_specification: reference.key_specification })
    }

    /// Deletes a key; no fault when it is absent.
    pub fn delete(reference: &KeyReference) -> io::Result<()> {
        let deleted = match reference.provider_type {
            // SAFETY: the handle was just opened, and the call frees it when it succeeds.
            0 => open_key(reference)
                .and_then(|key| refused(unsafe { NCryptDeleteKey(key, 0) }).inspect_err(|_| free(key))),
            _ => acquire(reference, CRYPT_DELETEKEYSET).map(|_| ()),
        };
        match deleted {
            Err(error) if !is_absent(&error) => Err(error),
            _ => Ok(()),
        }
    }

    /// The SubjectPublicKeyInfo (RFC 5280, 4.1.2.7) in DER that belongs to the key.
    pub fn public_key(&self) -> io::Result<Vec<u8>> {
        let (Handle::Container(handle) | Handle::Key(handle)) = self.handle;
        let mut length = 0;
        let mut export = |place: *mut CERT_PUBLIC_KEY_INFO| {
            // SAFETY: the key is open; the place for the answer is null, or as long as the call has told before.
            succeeded(unsafe {
                CryptExportPublicKeyInfo(
                    handle,
                    self.key_specification,
                    X509_ASN_ENCODING,
                    place,
                    &raw mut length,
                )
            })
            .map(|()| length as usize)
        };
        let mut info = vec![0_u64; export(null_mut())?.div_ceil(8)];
        export(info.as_mut_ptr().cast())?;
        let mut length = 0;
        let mut encode = |place: *mut u8| {
            // SAFETY: the structure was just filled in; the place for the answer is null, or as long as told before.
            succeeded(unsafe {
                CryptEncodeObjectEx(
                    X509_ASN_ENCODING,
                    X509_PUBLIC_KEY_INFO,
                    info.as_ptr().cast(),
                    0,
                    null(),
                    place.cast(),
                    &raw mut length,
                )
            })
            .map(|()| length as usize)
        };
        let mut der = vec![0; encode(null_mut())?];
        let length = encode(der.as_mut_ptr())?;
        der.truncate(length);
        Ok(der)
    }

    /// The key as PRIVATEKEYBLOB; `None` where the provider does not give it out, or knows no such form.
    pub fn export_blob(&self) -> io::Result<Option<Zeroizing<Vec<u8>>>> {
        let Handle::Container(container) = self.handle else { return Ok(None) };
        let mut key = 0;
        // SAFETY: the container is open, and the place for the answer lives through the call.
        succeeded(unsafe { CryptGetUserKey(container, self.key_specification, &raw mut key) })?;
        let mut length = 0;
        let mut export = |place: *mut u8| {
            // SAFETY: the key is open; the place for the answer is null, or as long as the call has told before.
            let told = unsafe { CryptExportKey(key, 0, PRIVATEKEYBLOB, 0, place, &raw mut length) };
            succeeded(told).map(|()| length as usize)
        };
        let blob = export(null_mut()).and_then(|length| {
            let mut blob = Zeroizing::new(vec![0; length]);
            let length = export(blob.as_mut_ptr())?;
            blob.truncate(length);
            Ok(blob)
        });
        // SAFETY: the key was just opened and is given back once.
        unsafe {
            CryptDestroyKey(key);
        }
        match blob {
            Ok(blob) => Ok(Some(blob)),
            Err(error) if is_not_exportable(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Who may use the key.
    pub fn access(&self) -> io::Result<AccessList> {
        let mut length = 0;
        let mut read = |place: *mut u8| match self.handle {
            // SAFETY: the key is open; the place for the answer is null, or as long as the call has told before.
            Handle::Container(handle) => succeeded(unsafe {
                CryptGetProvParam(
                    handle,
                    PP_KEYSET_SEC_DESCR,
                    place,
                    &raw mut length,
                    DACL_SECURITY_INFORMATION,
                )
            })
            .map(|()| length),
            // SAFETY: as above.
            Handle::Key(handle) => refused(unsafe {
                let capacity = if place.is_null() { 0 } else { length };
                NCryptGetProperty(
                    handle,
                    NCRYPT_SECURITY_DESCR_PROPERTY,
                    place,
                    capacity,
                    &raw mut length,
                    DACL_SECURITY_INFORMATION,
                )
            })
            .map(|()| length),
        };
        let mut descriptor = vec![0; read(null_mut())? as usize];
        let length = read(descriptor.as_mut_ptr())? as usize;
        AccessList::from_descriptor(descriptor.get(..length).unwrap_or(&descriptor)).map_err(io::Error::other)
    }

    /// Says who may use the key.
    pub fn set_access(&self, list: &AccessList) -> io::Result<()> {
        let descriptor = list.to_descriptor().map_err(io::Error::other)?;
        match self.handle {
            // SAFETY: the key is open, and the descriptor lives through the call.
            Handle::Container(handle) => succeeded(unsafe {
                CryptSetProvParam(handle, PP_KEYSET_SEC_DESCR, descriptor.as_ptr(), DACL_SECURITY_INFORMATION)
            }),
            Handle::Key(handle) => set_property(
                handle,
                NCRYPT_SECURITY_DESCR_PROPERTY,
                &descriptor,
                NCRYPT_PERSIST_FLAG | DACL_SECURITY_INFORMATION,
            ),
        }
    }
}

/// Whether a call was refused since the provider does not give the key out.
pub(super) fn is_not_exportable(error: &io::Error) -> bool {
    [NTE_BAD_KEY_STATE, NTE_NOT_SUPPORTED, NTE_PERM].map(Some).contains(&error.raw_os_error())
}

/// Whether the account that runs this program has no right to it.
pub fn is_denied(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::PermissionDenied || error.raw_os_error() == Some(NTE_PERM)
}

fn is_absent(error: &io::Error) -> bool {
    [NTE_BAD_KEYSET, NTE_KEYSET_NOT_DEF, NTE_NO_KEY].map(Some).contains(&error.raw_os_error())
        || error.kind() == io::ErrorKind::NotFound
}

/// Opens, makes or deletes a container; one that was deleted has no handle.
fn acquire(reference: &KeyReference, flags: u32) -> io::Result<usize> {
    let (container, provider) = (wide(&reference.container), wide(&reference.provider));
    let machine = if reference.is_of_machine { CRYPT_MACHINE_KEYSET } else { 0 };
    let mut handle = 0;
    // SAFETY: the texts end in zeros, and they and the place for the answer live through the call.
    succeeded(unsafe {
        CryptAcquireContextW(
            &raw mut handle,
            container.as_ptr(),
            provider.as_ptr(),
            reference.provider_type,
            CRYPT_SILENT | machine | flags,
        )
    })?;
    Ok(handle)
}

fn import_blob(reference: &KeyReference, blob: &[u8], is_exportable: bool) -> io::Result<usize> {
    let length = u32::try_from(blob.len()).map_err(io::Error::other)?;
    let container = acquire(reference, CRYPT_NEWKEYSET)?;
    let flags = if is_exportable { CRYPT_EXPORTABLE } else { 0 };
    let mut key = 0;
    // SAFETY: the container is open; the blob has as many bytes as it says.
    let imported =
        succeeded(unsafe { CryptImportKey(container, blob.as_ptr(), length, 0, flags, &raw mut key) });
    match imported {
        // SAFETY: the key was just opened and is given back once; the container keeps it.
        Ok(()) => unsafe {
            CryptDestroyKey(key);
        },
        Err(error) => {
            // SAFETY: the container is ours and is given back once.
            unsafe {
                CryptReleaseContext(container, 0);
            }
            KeyContainer::delete(reference)?;
            return Err(error);
        }
    }
    Ok(container)
}

fn import_pkcs8(reference: &KeyReference, pkcs8: &[u8], is_exportable: bool) -> io::Result<usize> {
    let length = u32::try_from(pkcs8.len()).map_err(io::Error::other)?;
    let mut name = wide(&reference.container);
    let mut buffer = BCryptBuffer {
        cbBuffer: u32::try_from(name.len() * 2).map_err(io::Error::other)?,
        BufferType: NCRYPTBUFFER_PKCS_KEY_NAME,
        pvBuffer: name.as_mut_ptr().cast(),
    };
    let parameters =
        BCryptBufferDesc { ulVersion: NCRYPTBUFFER_VERSION, cBuffers: 1, pBuffers: &raw mut buffer };
    let machine = if reference.is_of_machine { NCRYPT_MACHINE_KEY_FLAG } else { 0 };
    let provider = open_provider(reference)?;
    let mut key = 0;
    // SAFETY: the provider is open; the name and the key have as many bytes as they say and live through the call.
    let imported = refused(unsafe {
        NCryptImportKey(
            provider,
            0,
            NCRYPT_PKCS8_PRIVATE_KEY_BLOB,
            &raw const parameters,
            &raw mut key,
            pkcs8.as_ptr(),
            length,
            machine | NCRYPT_SILENT_FLAG | NCRYPT_DO_NOT_FINALIZE_FLAG,
        )
    });
    free(provider);
    imported?;
    let policy =
        if is_exportable { NCRYPT_ALLOW_EXPORT_FLAG | NCRYPT_ALLOW_PLAINTEXT_EXPORT_FLAG } else { 0 };
    // Only then is it kept: a key that is not finalized is gone with its handle.
    let finalized =
        set_property(key, NCRYPT_EXPORT_POLICY_PROPERTY, &policy.to_le_bytes(), NCRYPT_PERSIST_FLAG)
            // SAFETY: the key is open and not finalized yet.
            .and_then(|()| refused(unsafe { NCryptFinalizeKey(key, NCRYPT_SILENT_FLAG) }));
    finalized.map(|()| key).inspect_err(|_| free(key))
}

fn open_provider(reference: &KeyReference) -> io::Result<usize> {
    let name = wide(&reference.provider);
    let mut provider = 0;
    // SAFETY: the name ends in a zero, and the place for the answer lives through the call.
    refused(unsafe { NCryptOpenStorageProvider(&raw mut provider, name.as_ptr(), 0) })?;
    Ok(provider)
}

fn open_key(reference: &KeyReference) -> io::Result<usize> {
    let provider = open_provider(reference)?;
    let name = wide(&reference.container);
    let machine = if reference.is_of_machine { NCRYPT_MACHINE_KEY_FLAG } else { 0 };
    let mut key = 0;
    // SAFETY: the provider is open, the name ends in a zero, and the place for the answer lives through the call.
    let opened = refused(unsafe {
        NCryptOpenKey(
            provider,
            &raw mut key,
            name.as_ptr(),
            reference.key_specification,
            machine | NCRYPT_SILENT_FLAG,
        )
    });
    free(provider);
    opened.map(|()| key)
}

fn set_property(key: usize, name: PCWSTR, value: &[u8], flags: u32) -> io::Result<()> {
    let length = u32::try_from(value.len()).map_err(io::Error::other)?;
    // SAFETY: whoever calls has the key open; the name is a constant, and the value has as many bytes as it says.
    refused(unsafe { NCryptSetProperty(key, name, value.as_ptr(), length, flags) })
}

fn free(object: usize) {
    // SAFETY: whoever calls has opened it, and gives it back here once.
    unsafe {
        NCryptFreeObject(object);
    }
}
