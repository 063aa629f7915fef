//! The certificate stores of Windows: their certificates, and which key belongs to each.
//!
//! A change counts once it is committed; whoever needs to know looks with a store that was opened afterwards.

#![expect(unsafe_code, reason = "the calls of the system take and give raw memory")]

use std::ffi::c_void;
use std::fmt;
use std::io;
use std::ptr::{NonNull, null, null_mut};

use windows_sys::Win32::Foundation::{CRYPT_E_NOT_FOUND, ERROR_FILE_NOT_FOUND, ERROR_SUCCESS};
use windows_sys::Win32::Security::Cryptography::{
    CERT_CONTEXT, CERT_FIND_SHA1_HASH, CERT_FRIENDLY_NAME_PROP_ID, CERT_KEY_PROV_INFO_PROP_ID,
    CERT_OPEN_STORE_FLAGS, CERT_STORE_ADD_REPLACE_EXISTING, CERT_STORE_CTRL_COMMIT,
    CERT_STORE_CTRL_COMMIT_FORCE_FLAG, CERT_STORE_DELETE_FLAG, CERT_STORE_OPEN_EXISTING_FLAG,
    CERT_STORE_PROV_MEMORY, CERT_STORE_PROV_SYSTEM_REGISTRY_W, CERT_STORE_PROV_SYSTEM_W,
    CERT_STORE_READONLY_FLAG, CERT_SYSTEM_STORE_CURRENT_USER, CERT_SYSTEM_STORE_INFO,
    CERT_SYSTEM_STORE_LOCAL_MACHINE, CRYPT_INTEGER_BLOB, CRYPT_KEY_PROV_INFO, CRYPT_MACHINE_KEYSET,
    CertAddCertificateContextToStore, CertCloseStore, CertControlStore, CertCreateCertificateContext,
    CertDeleteCertificateFromStore, CertDuplicateCertificateContext, CertEnumCertificatesInStore,
    CertEnumSystemStore, CertFindCertificateInStore, CertFreeCertificateContext,
    CertGetCertificateContextProperty, CertOpenStore, CertSetCertificateContextProperty, EXPORT_PRIVATE_KEYS,
    HCERTSTORE, PFXExportCertStoreEx, PKCS_7_ASN_ENCODING, REPORT_NOT_ABLE_TO_EXPORT_PRIVATE_KEY,
    X509_ASN_ENCODING,
};
use windows_sys::Win32::System::Registry::{HKEY_CURRENT_USER, HKEY_LOCAL_MACHINE, RegDeleteTreeW};
use windows_sys::core::BOOL;
use zeroize::Zeroizing;

use super::key_container::KeyReference;
use super::{succeeded, wide};

const ENCODING: u32 = X509_ASN_ENCODING | PKCS_7_ASN_ENCODING;

/// Whose stores they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Location {
    /// The machine's, for services.
    LocalMachine,
    /// Those of the account that runs this program.
    CurrentUser,
}

impl Location {
    fn flag(self) -> u32 {
        match self {
            Self::LocalMachine => CERT_SYSTEM_STORE_LOCAL_MACHINE,
            Self::CurrentUser => CERT_SYSTEM_STORE_CURRENT_USER,
        }
    }

    /// Removes what the registry has of a store; no fault when it has nothing. The name ends in a zero.
    fn forget_store(self, name: &[u16]) -> io::Result<()> {
        let root = match self {
            Self::LocalMachine => HKEY_LOCAL_MACHINE,
            Self::CurrentUser => HKEY_CURRENT_USER,
        };
        let stores: Vec<u16> = r"SOFTWARE\Microsoft\SystemCertificates\".encode_utf16().collect();
        let key = [&stores, name].concat();
        // SAFETY: the key's name ends in a zero.
        match unsafe { RegDeleteTreeW(root, key.as_ptr()) } {
            ERROR_SUCCESS | ERROR_FILE_NOT_FOUND => Ok(()),
            error => Err(io::Error::from_raw_os_error(error.cast_signed())),
        }
    }
}

/// Takes the name of one store into a list, and goes on.
unsafe extern "system" fn collect_name(
    name: *const c_void,
    _flags: u32,
    _info: *const CERT_SYSTEM_STORE_INFO,
    _reserved: *const c_void,
    names: *mut c_void,
) -> BOOL {
    // SAFETY: without a flag that says otherwise the name is a text with a closing zero; the list is that of `names`.
    unsafe {
        let name = super::security::text_or_empty(name.cast());
        (*names.cast::<Vec<String>>()).push(name);
    }
    1
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::LocalMachine => "LocalMachine",
            Self::CurrentUser => "CurrentUser",
        })
    }
}

/// An open store.
pub struct CertificateStore(HCERTSTORE);

impl Drop for CertificateStore {
    fn drop(&mut self) {
        // SAFETY: the handle came from CertOpenStore and is closed once. Certificates that are still held keep the store.
        unsafe {
            CertCloseStore(self.0, 0);
        }
    }
}

impl fmt::Debug for CertificateStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CertificateStore(…)")
    }
}

impl CertificateStore {
    /// The names of all stores of a location.
    pub fn names(location: Location) -> io::Result<Vec<String>> {
        let mut names: Vec<String> = Vec::new();
        // SAFETY: the callback gets the list, which lives through the call and which nobody else has meanwhile.
        succeeded(unsafe {
            CertEnumSystemStore(location.flag(), null(), (&raw mut names).cast(), Some(collect_name))
        })?;
        Ok(names)
    }

    /// Opens a store to look into it; `None` where there is none of that name.
    pub fn open_existing(location: Location, name: &str) -> io::Result<Option<Self>> {
        match Self::open_with(location, name, CERT_STORE_READONLY_FLAG | CERT_STORE_OPEN_EXISTING_FLAG) {
            Ok(store) => Ok(Some(store)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Whether this account could change a store, where it is there.
    pub fn rehearse(location: Location, name: &str) -> io::Result<()> {
        match Self::open_with(location, name, CERT_STORE_OPEN_EXISTING_FLAG) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// Opens a store to change it; it is made where it is absent.
    pub fn open(location: Location, name: &str) -> io::Result<Self> {
        Self::open_with(location, name, 0)
    }

    /// Deletes a store with all its certificates, not their keys; no fault when it is absent.
    pub fn delete(location: Location, name: &str) -> io::Result<()> {
        let name = wide(name);
        let flags = location.flag() | CERT_STORE_DELETE_FLAG;
        // SAFETY: the provider takes a name with a closing zero, which lives through the call. It opens nothing.
        unsafe {
            CertOpenStore(CERT_STORE_PROV_SYSTEM_REGISTRY_W, 0, 0, flags, name.as_ptr().cast());
        }
        // Whether it has done so is told in the place where failures are.
        let answer = io::Error::last_os_error();
        match answer.raw_os_error() {
            Some(0) => {}
            _ if answer.kind() == io::ErrorKind::NotFound => {}
            _ => return Err(answer),
        }
        // Wine empties it, and keeps its name.
        location.forget_store(&name)
    }

    fn open_with(location: Location, name: &str, flags: CERT_OPEN_STORE_FLAGS) -> io::Result<Self> {
        let name = wide(name);
        let provider = match location {
            Location::LocalMachine => CERT_STORE_PROV_SYSTEM_W,
            // The user's own alone: as a system store it would show those of the machine too.
            Location::CurrentUser => CERT_STORE_PROV_SYSTEM_REGISTRY_W,
        };
        let flags = location.flag() | flags;
        // SAFETY: the provider takes a name with a closing zero, which lives through the call.
        let store = unsafe { CertOpenStore(provider, 0, 0, flags, name.as_ptr().cast()) };
        if store.is_null() { Err(io::Error::last_os_error()) } else { Ok(Self(store)) }
    }

    /// All its certificates.
    pub fn certificates(&self) -> Vec<StoredCertificate> {
        let mut certificates = Vec::new();
        let mut context: *const CERT_CONTEXT = null();
        loop {
            // SAFETY: the store is open, and the call frees the context before, which nobody else holds.
            context = unsafe { CertEnumCertificatesInStore(self.0, context) };
            if context.is_null() {
                return certificates;
            }
            // SAFETY: the context is valid until the next round; the duplicate is ours.
            let own = unsafe { CertDuplicateCertificateContext(context) };
            certificates.extend(NonNull::new(own).map(StoredCertificate));
        }
    }

    /// The certificate with that SHA-1.
    pub fn find(&self, thumbprint: &[u8; 20]) -> Option<StoredCertificate> {
        let mut thumbprint = *thumbprint;
        let hash = CRYPT_INTEGER_BLOB { cbData: 20, pbData: thumbprint.as_mut_ptr() };
        // SAFETY: the store is open, and what is looked for lives through the call.
        let context = unsafe {
            CertFindCertificateInStore(
                self.0,
                ENCODING,
                0,
                CERT_FIND_SHA1_HASH,
                (&raw const hash).cast(),
                null(),
            )
        };
        NonNull::new(context).map(StoredCertificate)
    }

    /// Puts a certificate in with all that is known of it, in place of the same one.
    pub fn add(&self, certificate: &StoredCertificate) -> io::Result<()> {
        // SAFETY: store and certificate are open; the answer is not wanted.
        succeeded(unsafe {
            CertAddCertificateContextToStore(
                self.0,
                certificate.0.as_ptr(),
                CERT_STORE_ADD_REPLACE_EXISTING,
                null_mut(),
            )
        })
    }

    /// Takes the certificate with that SHA-1 out; no fault when it is absent.
    pub fn remove(&self, thumbprint: &[u8; 20]) -> io::Result<()> {
        let Some(certificate) = self.find(thumbprint) else { return Ok(()) };
        let context = certificate.0.as_ptr();
        // The call frees the certificate, whatever becomes of it.
        std::mem::forget(certificate);
        // SAFETY: the context was ours, and is given away here.
        succeeded(unsafe { CertDeleteCertificateFromStore(context) })
    }

    /// Makes the changes last.
    pub fn commit(&self) -> io::Result<()> {
        // SAFETY: the store is open, and the call takes no more.
        succeeded(unsafe {
            CertControlStore(self.0, CERT_STORE_CTRL_COMMIT_FORCE_FLAG, CERT_STORE_CTRL_COMMIT, null())
        })
    }
}

/// A certificate of a store, or one on its way into it.
pub struct StoredCertificate(NonNull<CERT_CONTEXT>);

impl Drop for StoredCertificate {
    fn drop(&mut self) {
        // SAFETY: the context is ours and is freed once.
        unsafe {
            CertFreeCertificateContext(self.0.as_ptr());
        }
    }
}

impl fmt::Debug for StoredCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StoredCertificate(…)")
    }
}

impl StoredCertificate {
    /// A certificate that is in no store yet.
    pub fn new(der: &[u8]) -> io::Result<Self> {
        let length = u32::try_from(der.len()).map_err(io::Error::other)?;
        // SAFETY: there are as many bytes as it says, and the call copies them.
        let context = unsafe { CertCreateCertificateContext(ENCODING, der.as_ptr(), length) };
        NonNull::new(context).map(Self).ok_or_else(io::Error::last_os_error)
    }

    /// Its encoding.
    pub fn der(&self) -> &[u8] {
        // SAFETY: the context is valid as long as it is held, and its encoding has as many bytes as it says.
        unsafe {
            let context = self.0.as_ref();
            std::slice::from_raw_parts(context.pbCertEncoded, context.cbCertEncoded as usize)
        }
    }

    /// As calls take it that do not keep it. It must not outlive the certificate.
    pub(super) fn context(&self) -> *const CERT_CONTEXT {
        self.0.as_ptr()
    }

    /// What people call it.
    pub fn friendly_name(&self) -> io::Result<Option<String>> {
        let Some(units) = self.property(CERT_FRIENDLY_NAME_PROP_ID)? else { return Ok(None) };
        let bytes: Vec<u8> = units.iter().flat_map(|word| word.to_le_bytes()).collect();
        let (units, _) = bytes.as_chunks::<2>();
        let units: Vec<u16> = units.iter().map(|unit| u16::from_le_bytes(*unit)).collect();
        let text = units.split(|unit| *unit == 0).next().unwrap_or_default();
        Ok(Some(String::from_utf16_lossy(text)))
    }

    /// Gives it a name for people.
    pub fn set_friendly_name(&self, name: &str) -> io::Result<()> {
        let mut name = wide(name);
        let length = u32::try_from(name.len() * 2).map_err(io::Error::other)?;
        let value = CRYPT_INTEGER_BLOB { cbData: length, pbData: name.as_mut_ptr().cast() };
        // SAFETY: the property takes a blob, which lives through the call and is copied.
        unsafe { self.set_property(CERT_FRIENDLY_NAME_PROP_ID, (&raw const value).cast()) }
    }

    /// Where its private key is; `None` when it has none.
    pub fn key(&self) -> io::Result<Option<KeyReference>> {
        let Some(memory) = self.property(CERT_KEY_PROV_INFO_PROP_ID)? else { return Ok(None) };
        if size_of_val(memory.as_slice()) < size_of::<CRYPT_KEY_PROV_INFO>() {
            return Err(io::Error::from(io::ErrorKind::InvalidData));
        }
        // SAFETY: the memory is aligned to eight bytes and long enough, and the call has filled it with this structure.
        let info = unsafe { &*memory.as_ptr().cast::<CRYPT_KEY_PROV_INFO>() };
        // SAFETY: the texts are in the same memory and end in a zero, or are null.
        let text = |text: *const u16| unsafe { super::security::text_or_empty(text) };
        Ok(Some(KeyReference {
            container: text(info.pwszContainerName),
            provider: text(info.pwszProvName),
            provider_type: info.dwProvType,
            is_of_machine: info.dwFlags & CRYPT_MACHINE_KEYSET != 0,
            key_specification: info.dwKeySpec,
        }))
    }

    /// Says where its private key is.
    pub fn set_key(&self, key: &KeyReference) -> io::Result<()> {
        let (mut container, mut provider) = (wide(&key.container), wide(&key.provider));
        let info = CRYPT_KEY_PROV_INFO {
            pwszContainerName: container.as_mut_ptr(),
            pwszProvName: provider.as_mut_ptr(),
            dwProvType: key.provider_type,
            dwFlags: if key.is_of_machine { CRYPT_MACHINE_KEYSET } else { 0 },
            cProvParam: 0,
            rgProvParam: null_mut(),
            dwKeySpec: key.key_specification,
        };
        // SAFETY: the property takes this structure, which lives through the call with its texts and is copied.
        unsafe { self.set_property(CERT_KEY_PROV_INFO_PROP_ID, (&raw const info).cast()) }
    }

    /// Certificate and private key as a PFX without a password, in memory alone; `None` where the key is not given out.
    pub fn export(&self) -> io::Result<Option<Zeroizing<Vec<u8>>>> {
        // SAFETY: a store in memory takes no name.
        let store = unsafe { CertOpenStore(CERT_STORE_PROV_MEMORY, 0, 0, 0, null()) };
        let store =
            if store.is_null() { return Err(io::Error::last_os_error()) } else { CertificateStore(store) };
        store.add(self)?;
        let password = wide("");
        let flags = EXPORT_PRIVATE_KEYS | REPORT_NOT_ABLE_TO_EXPORT_PRIVATE_KEY;
        let mut bytes = Zeroizing::new(Vec::new());
        let mut answer = CRYPT_INTEGER_BLOB { cbData: 0, pbData: null_mut() };
        loop {
            // SAFETY: the store is open, the password ends in a zero, and the place for the answer is as long as it says.
            let exported =
                unsafe { PFXExportCertStoreEx(store.0, &raw mut answer, password.as_ptr(), null(), flags) };
            if exported == 0 {
                let error = io::Error::last_os_error();
                return if super::key_container::is_not_exportable(&error) { Ok(None) } else { Err(error) };
            }
            if !bytes.is_empty() {
                bytes.truncate(answer.cbData as usize);
                return Ok(Some(bytes));
            }
            // The first call has told how long it is.
            bytes = Zeroizing::new(vec![0; answer.cbData.max(1) as usize]);
            answer.pbData = bytes.as_mut_ptr();
        }
    }

    /// A property's value, in memory that is aligned for any of them.
    fn property(&self, id: u32) -> io::Result<Option<Vec<u64>>> {
        let mut length = 0;
        let context = self.0.as_ptr();
        // SAFETY: the certificate is open; without a place for the answer the call tells how long it is.
        let told = unsafe { CertGetCertificateContextProperty(context, id, null_mut(), &raw mut length) };
        if let Err(error) = succeeded(told) {
            let is_absent = error.raw_os_error() == Some(CRYPT_E_NOT_FOUND);
            return if is_absent { Ok(None) } else { Err(error) };
        }
        let mut value = vec![0_u64; (length as usize).div_ceil(8)];
        let place = value.as_mut_ptr().cast::<c_void>();
        // SAFETY: the place for the answer is at least as long as it says.
        succeeded(unsafe { CertGetCertificateContextProperty(context, id, place, &raw mut length) })?;
        Ok(Some(value))
    }

    /// # Safety
    /// The value must be what the property takes.
    unsafe fn set_property(&self, id: u32, value: *const c_void) -> io::Result<()> {
        // SAFETY: the certificate is open; the caller answers for the value.
        succeeded(unsafe { CertSetCertificateContextProperty(self.0.as_ptr(), id, 0, value) })
    }
}
