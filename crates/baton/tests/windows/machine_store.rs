//! What a test puts into the stores of Local Machine, and takes out again.

use baton_platform::certificate_store::{CertificateStore, Location};
use baton_platform::key_container::KeyContainer;
use baton_testkit::{Authority, IssuedCertificate};
use baton_x509::{PemContents, X509};

/// Certificates that are gone from the machine when this is dropped, wherever they have been moved to.
pub(crate) struct MachineStore(Vec<X509>);

impl MachineStore {
    pub(crate) fn of(authority: &Authority, certificates: &[&IssuedCertificate]) -> Self {
        let pem = certificates.iter().map(|certificate| certificate.certificate_pem.as_str());
        let pem: String = pem.chain([authority.intermediate_pem()]).collect();
        Self(PemContents::read(pem.as_bytes()).unwrap().certificates)
    }
}

impl Drop for MachineStore {
    fn drop(&mut self) {
        for name in ["My", "Baton incoming My", "Baton trash My", "CA"] {
            let place = Location::LocalMachine;
            let Ok(Some(_)) = CertificateStore::open_existing(place, name) else { continue };
            let store = CertificateStore::open(place, name).unwrap();
            for certificate in &self.0 {
                let thumbprint = certificate.thumbprint();
                let Some(stored) = store.find(thumbprint.as_bytes()) else { continue };
                if let Some(key) = stored.key().unwrap() {
                    KeyContainer::delete(&key).unwrap();
                }
                store.remove(thumbprint.as_bytes()).unwrap();
            }
            store.commit().unwrap();
        }
    }
}
