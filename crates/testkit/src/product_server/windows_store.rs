//! Certificates of the local machine, and signatures with keys that stay in their containers.
//!
//! Written for these tests alone: what Baton puts into a store is taken out by another hand. Keys are those of the
//! older interface (CAPI), whose signatures are PKCS #1 v1.5: TLS 1.2 is all that such a key can serve.

#![expect(unsafe_code, reason = "the calls of the system take and give raw memory")]

use std::io;
use std::ptr::{NonNull, null, null_mut, without_provenance_mut};
use std::sync::Arc;

use aws_lc_rs::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use rustls::sign::{CertifiedKey, Signer, SigningKey};
use rustls::{SignatureAlgorithm, SignatureScheme};
use rustls_pki_types::CertificateDer;
use windows_sys::Win32::Security::Cryptography::{
    CALG_SHA_256, CERT_CHAIN_CONTEXT, CERT_CHAIN_PARA, CERT_CONTEXT, CERT_FIND_SHA1_HASH,
    CERT_KEY_PROV_INFO_PROP_ID, CERT_STORE_OPEN_EXISTING_FLAG, CERT_STORE_PROV_SYSTEM_W,
    CERT_STORE_READONLY_FLAG, CERT_SYSTEM_STORE_LOCAL_MACHINE, CRYPT_INTEGER_BLOB, CRYPT_KEY_PROV_INFO,
    CRYPT_MACHINE_KEYSET, CRYPT_SILENT, CertCloseStore, CertFindCertificateInStore, CertFreeCertificateChain,
    CertFreeCertificateContext, CertGetCertificateChain, CertGetCertificateContextProperty, CertOpenStore,
    CryptAcquireContextW, CryptCreateHash, CryptDestroyHash, CryptHashData, CryptReleaseContext,
    CryptSignHashW, HCERTSTORE, PKCS_7_ASN_ENCODING, PROV_RSA_AES, X509_ASN_ENCODING,
};

use super::certificate::Thumbprint;

/// The certificate with that thumbprint, its chain without the root, and its key.
pub(super) fn load(store: &str, thumbprint: &Thumbprint) -> io::Result<CertifiedKey> {
    let store = Store::open(store)?;
    let certificate = store.find(thumbprint)?;
    let chain = certificate.chain()?;
    let key = certificate.key()?;
    // A container that was lost, or another key, shows at the start and not at the first connection.
    let sample = b"the pair of certificate and key";
    if !is_signed(&chain[0], sample, &key.sign(sample)?)? {
        return Err(io::Error::other("the key in the container is another one"));
    }
    Ok(CertifiedKey::new(chain, Arc::new(key)))
}

fn is_signed(leaf: &CertificateDer<'_>, message: &[u8], signature: &[u8]) -> io::Result<bool> {
    let (_, leaf) = x509_parser::parse_x509_certificate(leaf).map_err(io::Error::other)?;
    let key = leaf.public_key().subject_public_key.data.as_ref();
    Ok(UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, key).verify(message, signature).is_ok())
}

struct Store(HCERTSTORE);

impl Store {
    fn open(name: &str) -> io::Result<Self> {
        let name = wide(name);
        let flags =
            CERT_SYSTEM_STORE_LOCAL_MACHINE | CERT_STORE_READONLY_FLAG | CERT_STORE_OPEN_EXISTING_FLAG;
        // SAFETY: the provider takes a name with a closing zero, which lives through the call.
        let store = unsafe { CertOpenStore(CERT_STORE_PROV_SYSTEM_W, 0, 0, flags, name.as_ptr().cast()) };
        if store.is_null() { Err(io::Error::last_os_error()) } else { Ok(Self(store)) }
    }

    fn find(&self, thumbprint: &Thumbprint) -> io::Result<Stored> {
        let mut digest = thumbprint.bytes();
        let hash = CRYPT_INTEGER_BLOB { cbData: 20, pbData: digest.as_mut_ptr() };
        let encoding = X509_ASN_ENCODING | PKCS_7_ASN_ENCODING;
        // SAFETY: the store is open, and what is looked for lives through the call.
        let found = unsafe {
            CertFindCertificateInStore(
                self.0,
                encoding,
                0,
                CERT_FIND_SHA1_HASH,
                (&raw const hash).cast(),
                null(),
            )
        };
        NonNull::new(found).map(Stored).ok_or_else(io::Error::last_os_error)
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        // SAFETY: the handle came from CertOpenStore and is closed once.
        unsafe { CertCloseStore(self.0, 0) };
    }
}

struct Stored(NonNull<CERT_CONTEXT>);

impl Stored {
    /// From the leaf upwards, as far as the stores of the machine go.
    fn chain(&self) -> io::Result<Vec<CertificateDer<'static>>> {
        let parameters = CERT_CHAIN_PARA {
            cbSize: size_of::<CERT_CHAIN_PARA>().try_into().unwrap_or(0),
            ..Default::default()
        };
        let mut chain: *mut CERT_CHAIN_CONTEXT = null_mut();
        // SAFETY: the certificate is open; the parameters and the place for the answer live through the call.
        let answer = unsafe {
            CertGetCertificateChain(
                // That of the local machine.
                without_provenance_mut(1),
                self.0.as_ptr(),
                null(),
                null_mut(),
                &raw const parameters,
                0,
                null(),
                &raw mut chain,
            )
        };
        done(answer)?;
        let mut certificates = Vec::new();
        // SAFETY: the call has answered with at least one chain of at least the certificate itself, each element with its
        // context; all of it is valid until the chain is freed, once, and what is kept of it is copied.
        unsafe {
            let simple = **(*chain).rgpChain;
            for index in 0..simple.cElement as usize {
                let context = *(**simple.rgpElement.add(index)).pCertContext;
                let der = std::slice::from_raw_parts(context.pbCertEncoded, context.cbCertEncoded as usize);
                certificates.push(CertificateDer::from(der.to_vec()));
            }
            CertFreeCertificateChain(chain);
        }
        // Servers do not send the root, unless it is all there is.
        let is_root = |der: &CertificateDer<'_>| {
            x509_parser::parse_x509_certificate(der)
                .is_ok_and(|(_, parsed)| parsed.subject().as_raw() == parsed.issuer().as_raw())
        };
        if certificates.len() > 1 && certificates.last().is_some_and(is_root) {
            certificates.pop();
        }
        if certificates.is_empty() {
            Err(io::Error::other("a chain without certificates"))
        } else {
            Ok(certificates)
        }
    }

    fn key(&self) -> io::Result<MachineKey> {
        let mut length = 0;
        let mut property = |place: *mut u8| {
            // SAFETY: the certificate is open; the place for the answer is null, or as long as the call has told before.
            done(unsafe {
                CertGetCertificateContextProperty(
                    self.0.as_ptr(),
                    CERT_KEY_PROV_INFO_PROP_ID,
                    place.cast(),
                    &raw mut length,
                )
            })
            .map(|()| length as usize)
        };
        // As the structure in it wants to be aligned.
        let mut place = vec![0_u64; property(null_mut())?.div_ceil(8)];
        property(place.as_mut_ptr().cast())?;
        // SAFETY: the call has filled the place with that structure, which points to texts in the same place.
        let (container, information) = unsafe {
            let information = *place.as_ptr().cast::<CRYPT_KEY_PROV_INFO>();
            (text(information.pwszContainerName), information)
        };
        if information.dwProvType == 0 {
            return Err(io::Error::other("a key of CNG, which this stand-in cannot use"));
        }
        Ok(MachineKey { container, specification: information.dwKeySpec })
    }
}

impl Drop for Stored {
    fn drop(&mut self) {
        // SAFETY: the context is ours and is given back once.
        unsafe { CertFreeCertificateContext(self.0.as_ptr()) };
    }
}

/// A key of the machine, by its container; opened for each signature.
#[derive(Clone, Debug)]
struct MachineKey {
    /// With a closing zero.
    container: Vec<u16>,
    specification: u32,
}

impl MachineKey {
    fn sign(&self, message: &[u8]) -> io::Result<Vec<u8>> {
        let mut provider = 0;
        let flags = CRYPT_MACHINE_KEYSET | CRYPT_SILENT;
        // The provider that knows SHA-256, whichever one the certificate names.
        // SAFETY: the name ends in a zero; it and the place for the answer live through the call.
        done(unsafe {
            CryptAcquireContextW(&raw mut provider, self.container.as_ptr(), null(), PROV_RSA_AES, flags)
        })?;
        let signature = self.sign_with(provider, message);
        // SAFETY: the provider was just opened and is closed once.
        unsafe { CryptReleaseContext(provider, 0) };
        signature
    }

    fn sign_with(&self, provider: usize, message: &[u8]) -> io::Result<Vec<u8>> {
        let mut hash = 0;
        // SAFETY: the provider is open, and the place for the answer lives through the call.
        done(unsafe { CryptCreateHash(provider, CALG_SHA_256, 0, 0, &raw mut hash) })?;
        let sign = || {
            let length = u32::try_from(message.len()).map_err(io::Error::other)?;
            // SAFETY: the hash was just made, and the message is as long as it is said to be.
            done(unsafe { CryptHashData(hash, message.as_ptr(), length, 0) })?;
            // As long as a signature by a key of 16,384 bits.
            let mut signature = vec![0; 2048];
            let mut length = 2048;
            // SAFETY: the hash is open, and the place for the answer is as long as it is said to be.
            done(unsafe {
                CryptSignHashW(hash, self.specification, null(), 0, signature.as_mut_ptr(), &raw mut length)
            })?;
            signature.truncate(length as usize);
            // This interface begins with the last byte.
            signature.reverse();
            Ok(signature)
        };
        let signature = sign();
        // SAFETY: the hash was just made and is given back once.
        unsafe { CryptDestroyHash(hash) };
        signature
    }
}

impl SigningKey for MachineKey {
    fn choose_scheme(&self, offered: &[SignatureScheme]) -> Option<Box<dyn Signer>> {
        offered
            .contains(&SignatureScheme::RSA_PKCS1_SHA256)
            .then(|| Box::new(self.clone()) as Box<dyn Signer>)
    }

    fn algorithm(&self) -> SignatureAlgorithm {
        SignatureAlgorithm::RSA
    }
}

impl Signer for MachineKey {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rustls::Error> {
        MachineKey::sign(self, message).map_err(|error| rustls::Error::General(error.to_string()))
    }

    fn scheme(&self) -> SignatureScheme {
        SignatureScheme::RSA_PKCS1_SHA256
    }
}

/// What a call says that answers with 0 when it has failed.
fn done(answer: i32) -> io::Result<()> {
    if answer == 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

fn wide(text: &str) -> Vec<u16> {
    text.encode_utf16().chain([0]).collect()
}

/// A copy of a text with its closing zero.
///
/// # Safety
/// The pointer leads to a text with a closing zero.
unsafe fn text(start: *const u16) -> Vec<u16> {
    let mut copy = Vec::new();
    loop {
        // SAFETY: the text goes on until its zero, which has not come yet.
        let unit = unsafe { *start.add(copy.len()) };
        copy.push(unit);
        if unit == 0 {
            return copy;
        }
    }
}
