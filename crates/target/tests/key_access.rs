//! Who may use the successor's key: given in the step *stage*, looked at before anything is switched, taken back.
//!
//! Access lists are those of Windows; a directory with lists beside it stands in for its store, whose own are tested
//! with it.

#![expect(clippy::unwrap_used, reason = "a test that cannot be set up is a failed test")]

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use baton_finding::{Explain as _, Severity};
use baton_platform::access_list::{AccessList, Account, Effect, Entry as ListEntry, Sid};
use baton_platform::door::Doorkeeper;
use baton_store::{CertificateFile, DirectoryStore, Entry, Imported, Store, StoreError};
use baton_target::{
    Action, Activation, Files, Guard, Kind, Placement, Policy, Product, ProductKind, Target, Tls, Understood,
};
use baton_testkit::{Authority, IssuedCertificate};
use baton_x509::{Certificate, KeptKey, Thumbprint};

/// A directory whose keys have access lists.
#[derive(Debug)]
struct WithLists {
    directory: DirectoryStore,
    lists: Mutex<BTreeMap<Thumbprint, AccessList>>,
    /// Whether the account has no right to change it.
    is_denied: AtomicBool,
}

impl Store for WithLists {
    fn location(&self) -> String {
        self.directory.location()
    }
    fn rehearse(&self) -> Result<(), StoreError> {
        match self.is_denied.load(Ordering::Relaxed) {
            true => Err(StoreError::Denied {
                store: self.location(),
                action: "open it for changes",
                cause: std::io::ErrorKind::PermissionDenied.into(),
            }),
            false => self.directory.rehearse(),
        }
    }
    fn import(&self, certificate: &Certificate) -> Result<Imported, StoreError> {
        self.lists.lock().unwrap().entry(certificate.thumbprint()).or_insert_with(usual);
        self.directory.import(certificate)
    }
    fn find(&self, thumbprint: Thumbprint) -> Result<Option<Certificate>, StoreError> {
        self.directory.find(thumbprint)
    }
    fn contains(&self, thumbprint: Thumbprint) -> bool {
        self.directory.contains(thumbprint)
    }
    fn list(&self) -> Result<Vec<Entry>, StoreError> {
        self.directory.list()
    }
    fn discard(&self, thumbprint: Thumbprint) -> Result<(), StoreError> {
        self.lists.lock().unwrap().remove(&thumbprint);
        self.directory.discard(thumbprint)
    }
    fn restore(&self, thumbprint: Thumbprint) -> Result<(), StoreError> {
        self.directory.restore(thumbprint)
    }
    fn shred(&self, thumbprint: Thumbprint) -> Result<(), StoreError> {
        self.directory.shred(thumbprint)
    }
    fn remove_leftovers(&self) -> Result<(), StoreError> {
        self.directory.remove_leftovers()
    }
    fn has_access_lists(&self) -> bool {
        true
    }
    fn key_access(&self, thumbprint: Thumbprint) -> Result<Option<AccessList>, StoreError> {
        Ok(self.lists.lock().unwrap().get(&thumbprint).cloned())
    }
    fn set_key_access(&self, thumbprint: Thumbprint, list: &AccessList) -> Result<(), StoreError> {
        self.lists.lock().unwrap().insert(thumbprint, list.clone());
        Ok(())
    }
}

fn entry(effect: Effect, mask: u32, sid: Sid) -> ListEntry {
    ListEntry::Account { effect, flags: 0, mask, sid }
}

fn usual() -> AccessList {
    let full = |sid| entry(Effect::Allow, 0x001F_01FF, sid);
    AccessList { entries: vec![full(Sid::LOCAL_SYSTEM), full(Sid::ADMINISTRATORS)] }
}

struct Scene {
    directory: tempfile::TempDir,
    store: Arc<WithLists>,
    old: Certificate,
    new: Certificate,
    service: Account,
}

impl Scene {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let store = Arc::new(WithLists {
            directory: DirectoryStore::open(&directory.path().join("store")).unwrap(),
            lists: Mutex::default(),
            is_denied: AtomicBool::default(),
        });
        let authority = Authority::new("CA");
        let [old, new] = ["old", "new"].map(|name| {
            let issued = authority.issue(&["a.example"]).sign();
            write_settings(directory.path(), &issued, name == "old");
            let (pem, key) =
                (directory.path().join(format!("{name}.pem")), directory.path().join(format!("{name}.key")));
            issued.write_files(&pem, &key);
            CertificateFile { path: &pem, key: Some(&key), password: None }.read().unwrap()
        });
        store.import(&old).unwrap();
        let service = Account::well_known(r"NT SERVICE\yunIO Service").unwrap();
        Self { directory, store, old, new, service }
    }

    fn target(&self, kind: Kind) -> Target {
        Target {
            name: "t".to_owned(),
            kind,
            store: Arc::clone(&self.store) as Arc<dyn Store>,
            activation: Some(Activation::Watches),
            endpoints: Vec::new(),
            policy: Policy::default(),
            doors: Doorkeeper { directory: self.directory.path().join("doors"), commands: None },
            guard: Guard { always: false, tls: Tls::Off, ports: Vec::new(), limit: Duration::from_secs(60) },
            nodes: Vec::new(),
        }
    }

    fn product(&self) -> Target {
        let directory = self.directory.path().join("product");
        self.target(Kind::Product(Product { kind: ProductKind::Yunio, directory, server: None }))
    }

    fn files(&self) -> Target {
        self.target(Kind::Files(Files {
            certificate: self.directory.path().join("old.pem"),
            key: self.directory.path().join("old.key"),
            check: None,
            time_limit: Duration::from_secs(5),
            placement: Placement::of_this_system(),
            understood: Understood::default(),
        }))
    }

    fn grant(&self, before: Option<AccessList>) -> Action {
        let action = Action::GrantKey {
            thumbprint: self.new.thumbprint(),
            like: Some(self.old.thumbprint()),
            account: self.service.clone(),
            before,
        };
        // As the journal keeps it.
        serde_json::from_str(&serde_json::to_string(&action).unwrap()).unwrap()
    }

    fn list_of(&self, certificate: &Certificate) -> AccessList {
        self.store.key_access(certificate.thumbprint()).unwrap().unwrap()
    }

    fn codes(&self, target: &Target, successor: &Certificate) -> Vec<String> {
        let inspection = target.inspect().unwrap();
        let (_, findings) = target.plan(&inspection, successor, false, None).unwrap();
        findings.into_iter().map(|finding| finding.code.to_string()).collect()
    }

    fn kept(&self, kept: KeptKey) -> Certificate {
        Certificate::with_kept_key(self.new.leaf().clone(), self.new.chain().to_vec(), kept)
    }
}

fn write_settings(root: &Path, issued: &IssuedCertificate, is_current: bool) {
    if is_current {
        let servers = root.join("product/config/servers");
        fs_err::create_dir_all(&servers).unwrap();
        let thumbprint = &issued.thumbprint;
        let text = format!(r#"{{"tlsEnabled": true, "certificate": {{"thumbprint": "{thumbprint}"}}}}"#);
        fs_err::write(servers.join("tls.json"), text).unwrap();
    }
}

#[tokio::test]
async fn the_new_key_gets_what_the_old_one_had_and_the_service_may_use_it() {
    let scene = Scene::new();
    let target = scene.product();
    // Somebody has given a backup account the right to the old key, by hand.
    let backup = Account { name: r"EXAMPLE\backup".to_owned(), sid: "S-1-5-21-1-2-3-1104".parse().unwrap() };
    scene.store.set_key_access(scene.old.thumbprint(), &usual().with_read_for(&backup)).unwrap();
    scene.store.import(&scene.new).unwrap();
    let grant = scene.grant(Some(usual()));
    for _ in 0..2 {
        grant.apply(target.context(Some(&scene.new))).await.unwrap();
        let list = scene.list_of(&scene.new);
        assert!(list.may_read(&scene.service) && list.may_read(&backup), "{list:?}");
        assert_eq!(list.entries.len(), 4, "again adds nothing");
    }
    for _ in 0..2 {
        grant.undo(target.context(None)).await.unwrap();
        assert_eq!(scene.list_of(&scene.new), usual());
    }
    // A key that came with the handover goes with it: there is nothing to put back.
    let grant = scene.grant(None);
    grant.apply(target.context(Some(&scene.new))).await.unwrap();
    grant.undo(target.context(None)).await.unwrap();
    assert!(scene.list_of(&scene.new).may_read(&scene.service));
    scene.store.discard(scene.new.thumbprint()).unwrap();
    grant.undo(target.context(None)).await.unwrap();
}

#[tokio::test]
async fn a_right_that_an_entry_denies_stops_the_handover() {
    let scene = Scene::new();
    let target = scene.product();
    scene.store.import(&scene.new).unwrap();
    let mut denying = usual();
    denying.entries.insert(0, entry(Effect::Deny, 0x8000_0000, Sid::ALL_SERVICES));
    scene.store.set_key_access(scene.old.thumbprint(), &denying).unwrap();
    let error = scene.grant(Some(usual())).apply(target.context(Some(&scene.new))).await.unwrap_err();
    assert_eq!(error.code(), "key-not-readable");
    // Neither certificate nor key are there.
    scene.store.discard(scene.new.thumbprint()).unwrap();
    let error = scene.grant(None).apply(target.context(Some(&scene.new))).await.unwrap_err();
    assert_eq!(error.code(), "key-missing");
}

#[test]
fn a_key_that_stays_in_the_store_does_for_a_product_and_not_for_files() {
    let scene = Scene::new();
    let (product, files) = (scene.product(), scene.files());
    let refused = |codes: Vec<String>| codes.into_iter().find(|code| code.starts_with("key-"));
    let (kept, on_card) = (scene.kept(KeptKey::NotExportable), scene.kept(KeptKey::OnDevice));
    // It is not in the product's store, and cannot get there.
    assert_eq!(refused(scene.codes(&product, &kept)).as_deref(), Some("key-not-exportable"));
    scene.store.import(&scene.new).unwrap();
    assert_eq!(refused(scene.codes(&product, &kept)), None);
    assert_eq!(refused(scene.codes(&files, &kept)).as_deref(), Some("key-not-exportable"));
    assert_eq!(refused(scene.codes(&files, &scene.new)), None);
    for target in [&product, &files] {
        assert_eq!(refused(scene.codes(target, &on_card)).as_deref(), Some("key-on-device"));
        let keyless = scene.new.clone().without_key();
        assert_eq!(refused(scene.codes(target, &keyless)).as_deref(), Some("key-missing"));
    }
}

#[test]
fn without_the_right_to_change_the_store_nothing_is_begun() {
    let scene = Scene::new();
    scene.store.is_denied.store(true, Ordering::Relaxed);
    let target = scene.product();
    let (_, findings) = target.plan(&target.inspect().unwrap(), &scene.new, false, None).unwrap();
    let [finding] = findings.as_slice() else { unreachable!("one finding: {findings:?}") };
    assert_eq!((finding.code.as_ref(), finding.severity), ("store-access-denied", Severity::Error));
}

#[test]
fn a_service_that_is_not_on_this_machine_is_told() {
    let scene = Scene::new();
    assert_eq!(scene.codes(&scene.product(), &scene.new), ["service-unknown"]);
}
