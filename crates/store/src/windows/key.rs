//! The private key of a certificate in a store of Windows: found, taken out where that is allowed, made ready to be put
//! in.

use std::io;

use baton_platform::certificate_store::StoredCertificate;
use baton_platform::key_container::{self, KeyBytes, KeyContainer, KeyReference, SignatureScheme};
use baton_x509::{
    KeptKey, KeyAlgorithm, PfxContents, PrivateKey, Signer, Thumbprint, X509, ecdsa_signature, message_digest,
};
use zeroize::Zeroizing;

use crate::{Location, Provider, StoreError, WindowsPlace};

/// What became of the look for a key.
pub(super) enum KeyFound {
    /// There is none, or none that belongs to the certificate.
    None,
    /// It was taken out.
    Taken(PrivateKey),
    /// It is there, and stays there.
    Kept(KeptKey),
}

/// The key of a certificate of the store.
pub(super) fn find(stored: &StoredCertificate, leaf: &X509) -> io::Result<KeyFound> {
    let Some(reference) = stored.key()? else { return Ok(KeyFound::None) };
    if reference.is_on_device() {
        return Ok(KeyFound::Kept(KeptKey::OnDevice));
    }
    let container = match KeyContainer::open(&reference) {
        Ok(Some(container)) => container,
        Ok(None) => return Ok(KeyFound::None),
        // Somebody else's: it is there, and this account does not get it.
        Err(error) if key_container::is_denied(&error) => return Ok(KeyFound::Kept(KeptKey::NotExportable)),
        Err(error) => return Err(error),
    };
    if container.public_key()? != leaf.public_key() {
        return Ok(KeyFound::None);
    }
    let key = match reference.provider_type {
        0 => stored.export()?.and_then(|pfx| PfxContents::read(&pfx, "").ok()?.keys.pop()),
        _ => container.export_blob()?.and_then(|blob| PrivateKey::from_key_blob(&blob)),
    };
    Ok(key.map_or(KeyFound::Kept(KeptKey::NotExportable), KeyFound::Taken))
}

/// Whether a certificate of the store has a key, without taking it out.
pub(super) fn is_there(stored: &StoredCertificate) -> io::Result<bool> {
    let Some(reference) = stored.key()? else { return Ok(false) };
    if reference.is_on_device() {
        return Ok(true);
    }
    match KeyContainer::open(&reference) {
        Ok(container) => Ok(container.is_some()),
        Err(error) if key_container::is_denied(&error) => Ok(true),
        Err(error) => Err(error),
    }
}

/// A key in the form that its provider takes.
pub(super) enum Prepared {
    Blob(Zeroizing<Vec<u8>>),
    Pkcs8(Zeroizing<Vec<u8>>),
}

/// Makes a key ready for the provider that the store's settings name.
pub(super) fn prepare(place: &WindowsPlace, leaf: &X509, key: &PrivateKey) -> Result<Prepared, StoreError> {
    let unsuitable = || StoreError::KeyNotForProvider { algorithm: leaf.key_algorithm() };
    match place.provider {
        Provider::Capi => key.to_key_blob().map(Prepared::Blob).ok_or_else(unsuitable),
        Provider::Cng => key.to_pkcs8().map(Prepared::Pkcs8).map_err(|_| unsuitable()),
    }
}

impl Prepared {
    pub(super) fn bytes(&self) -> KeyBytes<'_> {
        match self {
            Self::Blob(bytes) => KeyBytes::Blob(bytes),
            Self::Pkcs8(bytes) => KeyBytes::Pkcs8(bytes),
        }
    }

    /// A place of its own for each certificate of each store: a key never overwrites another, and one of an import that
    /// was broken off is found again.
    pub(super) fn reference(&self, place: &WindowsPlace, thumbprint: Thumbprint) -> KeyReference {
        let is_of_machine = place.location == Location::LocalMachine;
        KeyReference::new(&format!("Baton {} {thumbprint}", place.name.as_str()), self.bytes(), is_of_machine)
    }
}

/// A private key of the store that signs where it is.
#[derive(Debug)]
pub(super) struct StoreSigner {
    certificate: X509,
    reference: KeyReference,
}

impl StoreSigner {
    pub(super) fn new(certificate: X509, reference: &KeyReference) -> Self {
        Self { certificate, reference: reference.for_signatures() }
    }
}

impl Signer for StoreSigner {
    fn certificate(&self) -> &X509 {
        &self.certificate
    }

    fn sign(&self, message: &[u8]) -> io::Result<Vec<u8>> {
        let container = KeyContainer::open(&self.reference)?.ok_or(io::ErrorKind::NotFound)?;
        let algorithm = self.certificate.key_algorithm();
        let digest = message_digest(algorithm, message);
        match algorithm {
            KeyAlgorithm::EcdsaP256 | KeyAlgorithm::EcdsaP384 => {
                let numbers = container.sign(SignatureScheme::Ecdsa, &digest)?;
                ecdsa_signature(&numbers).ok_or_else(|| io::ErrorKind::InvalidData.into())
            }
            _ => container.sign(SignatureScheme::RsaSha256, &digest),
        }
    }
}
