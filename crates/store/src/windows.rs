//! A certificate store of Windows.
//!
//! Certificates are where every program finds them; certificates that other programs imported are used as they are. A
//! change counts when it was read back from a store that was opened after it.
//!
//! Beside the store `NAME` there are two more, in the same location:
//!
//! ```text
//! Baton trash NAME      certificates that were retired or removed; their keys stay where they are
//! Baton incoming NAME   certificates that are being imported, so that no key is left without one
//! ```
//!
//! A key of Baton's is named `Baton NAME THUMBPRINT`, so that none overwrites another. A key is deleted only when no
//! other certificate has it: a renewed certificate may share it.

mod key;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use baton_platform::access_list::AccessList;
use baton_platform::certificate_store::{self, CertificateStore, StoredCertificate};
use baton_platform::key_container::{self, KeyContainer, KeyReference};
use baton_platform::lock::FileLock;
use baton_platform::{clock, durable};
use baton_x509::{Certificate, InvalidCertificate, Thumbprint, X509, build_chain};

use crate::windows::key::{KeyFound, StoreSigner};
use crate::{Entry, Imported, Location, SharedSigner, SharedStore, Store, StoreError, WindowsPlace};

/// Where intermediates are.
const INTERMEDIATES: &str = "CA";

/// How long a change waits for another process to finish its own.
const LOCK_PATIENCE: Duration = Duration::from_secs(20);

pub(crate) fn open(place: WindowsPlace, lock: PathBuf) -> Result<SharedStore, StoreError> {
    Ok(Arc::new(WindowsStore { place, lock }))
}

#[derive(Debug)]
struct WindowsStore {
    place: WindowsPlace,
    lock: PathBuf,
}

impl WindowsStore {
    fn name(&self) -> &str {
        self.place.name.as_str()
    }

    fn trash(&self) -> String {
        format!("Baton trash {}", self.name())
    }

    fn incoming(&self) -> String {
        format!("Baton incoming {}", self.name())
    }

    /// What the system said, as an error that tells what was to be done.
    fn failed(&self, action: &'static str) -> impl FnOnce(std::io::Error) -> StoreError {
        move |cause| match key_container::is_denied(&cause) {
            true => StoreError::Denied { store: self.location(), action, cause },
            false => StoreError::System { store: self.location(), action, cause },
        }
    }

    /// A store of this location, to look into it.
    fn look(&self, name: &str) -> Result<Option<CertificateStore>, StoreError> {
        let opened = CertificateStore::open_existing(self.place.location.into(), name);
        opened.map_err(self.failed("read certificates"))
    }

    fn all_of(&self, name: &str) -> Result<Vec<StoredCertificate>, StoreError> {
        Ok(self.look(name)?.map(|store| store.certificates()).unwrap_or_default())
    }

    fn find_in(&self, name: &str, thumbprint: Thumbprint) -> Result<Option<StoredCertificate>, StoreError> {
        Ok(self.look(name)?.and_then(|store| store.find(thumbprint.as_bytes())))
    }

    /// Changes a store of this location, commits, and looks whether the change is there.
    fn change_in(
        &self,
        name: &str,
        thumbprint: Thumbprint,
        action: &'static str,
        act: impl FnOnce(&CertificateStore) -> std::io::Result<()>,
        is_done: impl FnOnce(Option<&StoredCertificate>) -> bool,
    ) -> Result<(), StoreError> {
        {
            let opened = CertificateStore::open(self.place.location.into(), name);
            let store = opened.map_err(self.failed(action))?;
            act(&store).and_then(|()| store.commit()).map_err(self.failed(action))?;
        }
        match is_done(self.find_in(name, thumbprint)?.as_ref()) {
            true => Ok(()),
            false => Err(StoreError::ChangeLost { store: self.location(), thumbprint }),
        }
    }

    /// Puts a certificate with all that belongs to it into a store of this location.
    fn put(
        &self,
        name: &str,
        certificate: &StoredCertificate,
        thumbprint: Thumbprint,
    ) -> Result<(), StoreError> {
        let key = certificate.key().map_err(self.failed("read where a key is"))?;
        let names_key = |found: Option<&StoredCertificate>| {
            found.is_some_and(|found| found.key().is_ok_and(|it| it == key))
        };
        self.change_in(name, thumbprint, "add a certificate", |store| store.add(certificate), names_key)
    }

    fn take_out(&self, name: &str, thumbprint: Thumbprint) -> Result<(), StoreError> {
        if self.find_in(name, thumbprint)?.is_none() {
            return Ok(());
        }
        let remove = |store: &CertificateStore| store.remove(thumbprint.as_bytes());
        self.change_in(name, thumbprint, "remove a certificate", remove, |found| found.is_none())
    }

    /// From one store of this location into another; never in neither.
    fn carry(&self, from: &str, to: &str, thumbprint: Thumbprint) -> Result<bool, StoreError> {
        let Some(certificate) = self.find_in(from, thumbprint)? else { return Ok(false) };
        self.put(to, &certificate, thumbprint)?;
        drop(certificate);
        self.take_out(from, thumbprint)?;
        Ok(true)
    }

    /// Runs a change as the only one who changes the store; what a crash left behind is removed first.
    fn change<T>(&self, act: impl FnOnce() -> Result<T, StoreError>) -> Result<T, StoreError> {
        let failed = |cause| StoreError::System { store: self.location(), action: "take the lock", cause };
        let above = self.lock.parent().unwrap_or(&self.lock);
        let made = durable::create_private_directory(above);
        let lock = made.and_then(|()| FileLock::acquire(&self.lock, LOCK_PATIENCE)).map_err(failed)?;
        let _lock = lock.ok_or_else(|| StoreError::Locked { store: self.location() })?;
        for incoming in self.all_of(&self.incoming())? {
            self.end_import(Thumbprint::of(incoming.der()))?;
        }
        act()
    }

    /// The end of an import, and the way back of one that was broken off: the key goes unless the certificate is there.
    fn end_import(&self, thumbprint: Thumbprint) -> Result<(), StoreError> {
        let incoming = self.incoming();
        if let Some(certificate) = self.find_in(&incoming, thumbprint)? {
            self.delete_key(&certificate, (&incoming, thumbprint))?;
        }
        self.take_out(&incoming, thumbprint)
    }

    /// Deletes the key of a certificate, unless another certificate has it too. `except` is the certificate's own entry.
    fn delete_key(
        &self,
        certificate: &StoredCertificate,
        except: (&str, Thumbprint),
    ) -> Result<(), StoreError> {
        let key = certificate.key().map_err(self.failed("read where a key is"))?;
        let Some(key) = key.filter(|key| !key.is_on_device()) else { return Ok(()) };
        let names = CertificateStore::names(self.place.location.into());
        for name in names.map_err(self.failed("list the certificate stores"))? {
            for other in self.all_of(&name)? {
                let is_same = except == (name.as_str(), Thumbprint::of(other.der()));
                if !is_same && other.key().ok().flatten().is_some_and(|it| it.is_same_key(&key)) {
                    return Ok(());
                }
            }
        }
        KeyContainer::delete(&key).map_err(self.failed("delete a private key"))?;
        match KeyContainer::open(&key) {
            Ok(None) => Ok(()),
            _ => Err(StoreError::ChangeLost { store: self.location(), thumbprint: except.1 }),
        }
    }

    fn chain_of(&self, leaf: &X509) -> Result<Vec<X509>, StoreError> {
        if leaf.is_self_issued() {
            return Ok(Vec::new());
        }
        let pile: Vec<X509> =
            self.all_of(INTERMEDIATES)?.iter().filter_map(|it| X509::from_der(it.der()).ok()).collect();
        Ok(build_chain(leaf, &pile))
    }

    /// Intermediates go where Windows looks for them; roots do not, since that would be a matter of trust.
    fn import_chain(&self, certificate: &Certificate) -> Result<(), StoreError> {
        for issuer in certificate.chain().iter().filter(|issuer| !issuer.is_self_issued()) {
            if self.find_in(INTERMEDIATES, issuer.thumbprint())?.is_none() {
                let stored =
                    StoredCertificate::new(issuer.der()).map_err(self.failed("read an intermediate"))?;
                self.put(INTERMEDIATES, &stored, issuer.thumbprint())?;
            }
        }
        Ok(())
    }

    /// The entry as it is to be, and its key where Windows keeps it.
    fn import_new(&self, certificate: &Certificate) -> Result<(), StoreError> {
        let (leaf, thumbprint) = (certificate.leaf(), certificate.thumbprint());
        let stored = StoredCertificate::new(leaf.der()).map_err(self.failed("read the certificate"))?;
        let present = self.find_in(self.name(), thumbprint)?;
        let called = match &present {
            Some(present) => present.friendly_name().map_err(self.failed("read a name"))?,
            None => None,
        };
        let called = called.unwrap_or_else(|| friendly_name(leaf));
        stored.set_friendly_name(&called).map_err(self.failed("name a certificate"))?;
        let Some(key) = certificate.key() else {
            return self.put(self.name(), &stored, thumbprint);
        };
        let prepared = key::prepare(&self.place, leaf, key)?;
        let reference = prepared.reference(&self.place, thumbprint);
        stored.set_key(&reference).map_err(self.failed("name the key of a certificate"))?;
        self.put(&self.incoming(), &stored, thumbprint)?;
        let imported = self
            .import_key(&prepared, &reference, leaf)
            .and_then(|()| self.put(self.name(), &stored, thumbprint));
        // Whichever way it went: with the certificate in its store the key stays, and without it goes.
        let ended = self.end_import(thumbprint);
        imported.and(ended)
    }

    fn import_key(
        &self,
        prepared: &key::Prepared,
        reference: &KeyReference,
        leaf: &X509,
    ) -> Result<(), StoreError> {
        let import = || -> std::io::Result<bool> {
            // The same certificate may be in the trash, with this key.
            if let Some(present) = KeyContainer::open(reference)? {
                if present.public_key().is_ok_and(|public_key| public_key == leaf.public_key()) {
                    return Ok(true);
                }
                drop(present);
                KeyContainer::delete(reference)?;
            }
            drop(KeyContainer::import(reference, prepared.bytes(), self.place.is_exportable)?);
            let again = KeyContainer::open(reference)?;
            again.map_or(Ok(false), |again| Ok(again.public_key()? == leaf.public_key()))
        };
        match import().map_err(self.failed("put in a private key"))? {
            true => Ok(()),
            false => Err(StoreError::ChangeLost { store: self.location(), thumbprint: leaf.thumbprint() }),
        }
    }

    /// A certificate for the key of another one of the store.
    fn import_beside(&self, leaf: &X509) -> Result<(), StoreError> {
        let thumbprint = leaf.thumbprint();
        let has_its_key = |other: &StoredCertificate| {
            X509::from_der(other.der()).is_ok_and(|other| other.public_key() == leaf.public_key())
        };
        let others = self.all_of(self.name())?.into_iter().filter(has_its_key);
        let key = others.filter_map(|other| other.key().ok().flatten()).next();
        let key = key.ok_or(StoreError::KeyKept { thumbprint })?;
        let stored = StoredCertificate::new(leaf.der()).map_err(self.failed("read the certificate"))?;
        stored.set_friendly_name(&friendly_name(leaf)).map_err(self.failed("name a certificate"))?;
        stored.set_key(&key).map_err(self.failed("name the key of a certificate"))?;
        self.put(self.name(), &stored, thumbprint)
    }

    fn key_of(&self, thumbprint: Thumbprint) -> Result<Option<KeyContainer>, StoreError> {
        let Some(certificate) = self.find_in(self.name(), thumbprint)? else { return Ok(None) };
        let key = certificate.key().map_err(self.failed("read where a key is"))?;
        let Some(key) = key.filter(|key| !key.is_on_device()) else { return Ok(None) };
        KeyContainer::open(&key).map_err(self.failed("open a private key"))
    }
}

impl Store for WindowsStore {
    fn location(&self) -> String {
        self.place.to_string()
    }

    fn rehearse(&self) -> Result<(), StoreError> {
        self.change(|| {
            // Windows has `CA` everywhere, so that a right that is missing shows before the store itself is made.
            for name in [INTERMEDIATES, self.name()] {
                let rehearsed = CertificateStore::rehearse(self.place.location.into(), name);
                rehearsed.map_err(self.failed("open it for changes"))?;
            }
            Ok(())
        })
    }

    fn import(&self, certificate: &Certificate) -> Result<Imported, StoreError> {
        let thumbprint = certificate.thumbprint();
        self.change(|| {
            let present = self.find(thumbprint)?;
            let is_new = present.is_none();
            if present.is_some_and(|present| present.has_key() || !certificate.has_key()) {
                return Ok(Imported::Present);
            }
            self.import_chain(certificate)?;
            if certificate.kept_key().is_some() {
                // It was issued for a key that is here already, and does not leave.
                self.import_beside(certificate.leaf())?;
                return Ok(if is_new { Imported::Added } else { Imported::KeyAdded });
            }
            self.import_new(certificate)?;
            Ok(if is_new { Imported::Added } else { Imported::KeyAdded })
        })
    }

    fn find(&self, thumbprint: Thumbprint) -> Result<Option<Certificate>, StoreError> {
        let Some(stored) = self.find_in(self.name(), thumbprint)? else { return Ok(None) };
        let leaf = X509::from_der(stored.der()).map_err(|cause| self.unreadable(thumbprint, cause))?;
        let chain = self.chain_of(&leaf)?;
        Ok(Some(match key::find(&stored, &leaf).map_err(self.failed("read a private key"))? {
            KeyFound::None => Certificate::new(leaf, chain, None),
            KeyFound::Taken(key) => Certificate::new(leaf, chain, Some(key)),
            KeyFound::Kept(kept) => Certificate::with_kept_key(leaf, chain, kept),
        }))
    }

    fn contains(&self, thumbprint: Thumbprint) -> bool {
        matches!(self.find_in(self.name(), thumbprint), Ok(Some(_)))
    }

    fn list(&self) -> Result<Vec<Entry>, StoreError> {
        let mut certificates = self.all_of(self.name())?;
        certificates.sort_by_key(|certificate| Thumbprint::of(certificate.der()));
        let entry = |stored: &StoredCertificate| {
            let thumbprint = Thumbprint::of(stored.der());
            let read = || -> Result<Entry, StoreError> {
                let leaf =
                    X509::from_der(stored.der()).map_err(|cause| self.unreadable(thumbprint, cause))?;
                let chain = self.chain_of(&leaf)?.len();
                let has_key = key::is_there(stored).map_err(self.failed("look for a private key"))?;
                Ok(Entry::Certificate { leaf: Box::new(leaf), chain, has_key })
            };
            read().unwrap_or_else(|error| Entry::Unreadable { path: self.entry(thumbprint), error })
        };
        Ok(certificates.iter().map(entry).collect())
    }

    fn discard(&self, thumbprint: Thumbprint) -> Result<(), StoreError> {
        self.change(|| self.carry(self.name(), &self.trash(), thumbprint).map(drop))
    }

    fn restore(&self, thumbprint: Thumbprint) -> Result<(), StoreError> {
        self.change(|| {
            if self.contains(thumbprint) || self.carry(&self.trash(), self.name(), thumbprint)? {
                return Ok(());
            }
            Err(StoreError::NotInTrash { store: self.location(), thumbprint })
        })
    }

    fn shred(&self, thumbprint: Thumbprint) -> Result<(), StoreError> {
        self.change(|| {
            let trash = self.trash();
            if let Some(certificate) = self.find_in(&trash, thumbprint)? {
                self.delete_key(&certificate, (&trash, thumbprint))?;
            }
            self.take_out(&trash, thumbprint)
        })
    }

    fn remove_leftovers(&self) -> Result<(), StoreError> {
        // Without any there is nothing to change, and no right to it is needed.
        if self.all_of(&self.incoming())?.is_empty() { Ok(()) } else { self.change(|| Ok(())) }
    }

    fn signer(&self, thumbprint: Thumbprint) -> Result<Option<SharedSigner>, StoreError> {
        let Some(stored) = self.find_in(self.name(), thumbprint)? else { return Ok(None) };
        let leaf = X509::from_der(stored.der()).map_err(|cause| self.unreadable(thumbprint, cause))?;
        let reference = stored.key().map_err(self.failed("read where a key is"))?;
        let reference = reference.filter(|reference| !reference.is_on_device());
        Ok(reference.map(|reference| Arc::new(StoreSigner::new(leaf, &reference)) as SharedSigner))
    }

    fn has_access_lists(&self) -> bool {
        true
    }

    fn key_access(&self, thumbprint: Thumbprint) -> Result<Option<AccessList>, StoreError> {
        let key = self.key_of(thumbprint)?;
        let read = |key: KeyContainer| key.access().map_err(self.failed("read who may use a private key"));
        key.map(read).transpose()
    }

    fn set_key_access(&self, thumbprint: Thumbprint, list: &AccessList) -> Result<(), StoreError> {
        self.change(|| {
            let key = self.key_of(thumbprint)?.ok_or(StoreError::NoKey { thumbprint })?;
            key.set_access(list).map_err(self.failed("say who may use a private key"))
        })
    }
}

impl WindowsStore {
    fn entry(&self, thumbprint: Thumbprint) -> PathBuf {
        PathBuf::from(format!(r"{}\{thumbprint}", self.place))
    }

    fn unreadable(&self, thumbprint: Thumbprint, cause: InvalidCertificate) -> StoreError {
        StoreError::Unreadable { path: self.entry(thumbprint), cause }
    }
}

impl From<Location> for certificate_store::Location {
    fn from(location: Location) -> Self {
        match location {
            Location::LocalMachine => Self::LocalMachine,
            Location::CurrentUser => Self::CurrentUser,
        }
    }
}

/// What people see in the system's own dialogs: whose certificate it is, and since when it is there.
fn friendly_name(leaf: &X509) -> String {
    let name = leaf.names().into_iter().next().unwrap_or_else(|| leaf.subject().to_owned());
    format!("{name} {}", clock::now().strftime("%Y-%m-%d"))
}
