//! A store of its own for a test, with the two beside it.

use std::process::Command;

use baton_platform::certificate_store::{self, CertificateStore, StoredCertificate};
use baton_platform::key_container::{KeyContainer, KeyReference};
use baton_store::{Location, Provider, SharedStore, WindowsPlace};
use baton_testkit::{Authority, IssuedCertificate};
use baton_x509::{Certificate, PemContents};
use tempfile::TempDir;

pub(crate) struct Scene {
    pub(crate) name: String,
    pub(crate) location: Location,
    pub(crate) authority: Authority,
    directory: TempDir,
}

impl Scene {
    pub(crate) fn new(name: &str, location: Location) -> Self {
        let scene = Self {
            name: format!("Baton test {name}"),
            location,
            // Its intermediate is in the store `CA`, which all tests share.
            authority: Authority::new(&format!("Test CA {name}")),
            directory: tempfile::tempdir().unwrap(),
        };
        scene.clean();
        scene
    }

    /// Opened anew: nothing that was kept in memory counts.
    pub(crate) fn store(&self, provider: Provider, is_exportable: bool) -> SharedStore {
        let name = self.name.parse().unwrap();
        let place = WindowsPlace { location: self.location, name, provider, is_exportable };
        place.open(self.directory.path().join("store.lock")).unwrap()
    }

    pub(crate) fn capi(&self) -> SharedStore {
        self.store(Provider::Capi, true)
    }

    pub(crate) fn rsa(&self, name: &str) -> Certificate {
        certificate(&self.authority.issue(&[name]).rsa2048().sign())
    }

    /// The system's own store of that name.
    pub(crate) fn open(&self, name: &str) -> CertificateStore {
        CertificateStore::open(self.place(), name).unwrap()
    }

    /// Puts an entry into the system's own store of that name, as another program does.
    pub(crate) fn put(&self, name: &str, certificate: &Certificate, key: Option<&KeyReference>) {
        let stored = StoredCertificate::new(certificate.leaf().der()).unwrap();
        if let Some(key) = key {
            stored.set_key(key).unwrap();
        }
        let store = self.open(name);
        store.add(&stored).unwrap();
        store.commit().unwrap();
    }

    pub(crate) fn stored(&self, name: &str, certificate: &Certificate) -> Option<StoredCertificate> {
        let store = CertificateStore::open_existing(self.place(), name).unwrap()?;
        store.find(certificate.thumbprint().as_bytes())
    }

    pub(crate) fn reference(&self, certificate: &Certificate) -> KeyReference {
        self.stored(&self.name, certificate).unwrap().key().unwrap().unwrap()
    }

    pub(crate) fn beside(&self, what: &str) -> String {
        format!("Baton {what} {}", self.name)
    }

    fn place(&self) -> certificate_store::Location {
        self.location.into()
    }

    fn clean(&self) {
        let hive = if self.location == Location::LocalMachine { "HKLM" } else { "HKCU" };
        for name in [self.name.clone(), self.beside("trash"), self.beside("incoming")] {
            if let Some(store) = CertificateStore::open_existing(self.place(), &name).unwrap() {
                let keys = store.certificates().into_iter().filter_map(|it| it.key().unwrap());
                keys.filter(|key| !key.is_on_device()).for_each(|key| KeyContainer::delete(&key).unwrap());
            }
            let path = format!(r"{hive}\Software\Microsoft\SystemCertificates\{name}");
            // Without any it fails, which is as well.
            Command::new("reg").args(["delete", &path, "/f"]).output().unwrap();
        }
        let intermediates = self.open("CA");
        let own = PemContents::read(self.authority.intermediate_pem().as_bytes()).unwrap().certificates;
        own.iter().for_each(|it| intermediates.remove(it.thumbprint().as_bytes()).unwrap());
        intermediates.commit().unwrap();
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        self.clean();
    }
}

pub(crate) fn certificate(issued: &IssuedCertificate) -> Certificate {
    let mut contents = PemContents::read(issued.chain_pem.as_bytes()).unwrap();
    contents.keys = PemContents::read(issued.key_pem.as_bytes()).unwrap().keys;
    Certificate::assemble(contents.certificates, contents.keys).unwrap()
}

/// The public half of the key that was taken out.
pub(crate) fn public_key(certificate: &Certificate) -> Vec<u8> {
    certificate.key().unwrap().public_key().unwrap()
}
