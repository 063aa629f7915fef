//! What is put in is found again, whole, and what cannot be put in leaves nothing.

use baton_finding::Explain as _;
use baton_platform::access_list::{AccessList, Account};
use baton_platform::key_container::{KeyBytes, KeyContainer, KeyReference};
use baton_store::{Entry, Imported, Location, Provider, StoreError};
use baton_x509::KeptKey;

use crate::scene::{Scene, certificate, public_key};

#[test]
fn what_is_imported_is_found_by_a_store_that_is_opened_anew() {
    for location in [Location::LocalMachine, Location::CurrentUser] {
        let scene = Scene::new("import", location);
        let (one, two) = (scene.rsa("one.example.com"), scene.rsa("two.example.com"));
        scene.capi().rehearse().unwrap();
        for certificate in [&one, &two] {
            assert!(!scene.capi().contains(certificate.thumbprint()));
            assert_eq!(scene.capi().import(certificate).unwrap(), Imported::Added);
            assert_eq!(scene.capi().import(certificate).unwrap(), Imported::Present);
        }
        // The second has not taken the place of the first one's key.
        for certificate in [&one, &two] {
            let found = scene.capi().find(certificate.thumbprint()).unwrap().unwrap();
            assert_eq!(public_key(&found), certificate.leaf().public_key());
            assert_eq!(found.chain(), certificate.chain(), "its intermediate is found in `CA`");
            let stored = scene.stored(&scene.name, certificate).unwrap();
            let called = stored.friendly_name().unwrap().unwrap();
            let name = &certificate.leaf().dns_names()[0];
            assert!(called.starts_with(&format!("{name} 20")), "{called}");
        }
        let listed = scene.capi().list().unwrap();
        assert_eq!(listed.len(), 2);
        for entry in listed {
            assert!(matches!(entry, Entry::Certificate { has_key: true, chain: 1, .. }), "{entry:?}");
        }
        let reference = scene.reference(&one);
        assert_eq!(reference.is_of_machine, location == Location::LocalMachine);
        assert!(scene.stored(&scene.beside("incoming"), &one).is_none());
        drop(scene);
        assert!(KeyContainer::open(&reference).unwrap().is_none(), "the test leaves no key");
    }
}

#[test]
fn a_key_that_is_not_exportable_stays_where_it_is() {
    let scene = Scene::new("kept", Location::LocalMachine);
    let certificate = scene.rsa("kept.example.com");
    let store = scene.store(Provider::Capi, false);
    store.import(&certificate).unwrap();
    let found = store.find(certificate.thumbprint()).unwrap().unwrap();
    assert!(found.has_key() && found.key().is_none());
    assert_eq!(found.kept_key(), Some(KeptKey::NotExportable));
    // So it cannot go into another store.
    let other = Scene::new("kept other", Location::LocalMachine);
    let error = other.capi().import(&found).unwrap_err();
    assert_eq!(error.code(), "key-not-exportable");
    assert!(error.is_refusal() && !other.capi().contains(found.thumbprint()));
}

#[test]
fn an_import_that_was_broken_off_leaves_no_key() {
    let scene = Scene::new("broken off", Location::LocalMachine);
    let certificate = scene.rsa("broken.example.com");
    let blob = certificate.key().unwrap().to_key_blob().unwrap();
    let reference = KeyReference::new("Baton test broken off", KeyBytes::Blob(&blob), true);
    scene.put(&scene.beside("incoming"), &certificate, Some(&reference));
    drop(KeyContainer::import(&reference, KeyBytes::Blob(&blob), false).unwrap());
    scene.capi().remove_leftovers().unwrap();
    assert!(KeyContainer::open(&reference).unwrap().is_none());
    assert!(scene.stored(&scene.beside("incoming"), &certificate).is_none());

    // Where the certificate was there already, its key stays.
    scene.capi().import(&certificate).unwrap();
    scene.put(&scene.beside("incoming"), &certificate, Some(&scene.reference(&certificate)));
    scene.capi().remove_leftovers().unwrap();
    assert!(scene.stored(&scene.beside("incoming"), &certificate).is_none());
    assert!(scene.capi().find(certificate.thumbprint()).unwrap().unwrap().has_key());
}

#[test]
fn a_key_that_the_provider_does_not_take_changes_nothing() {
    let scene = Scene::new("unsuitable", Location::LocalMachine);
    let elliptic = certificate(&scene.authority.issue(&["ec.example.com"]).p256().sign());
    let error = scene.capi().import(&elliptic).unwrap_err();
    assert!(matches!(error, StoreError::KeyNotForProvider { .. }), "{error}");
    assert!(error.is_refusal());
    assert!(scene.capi().list().unwrap().is_empty());
    assert!(scene.stored(&scene.beside("incoming"), &elliptic).is_none());
}

#[test]
fn a_certificate_without_a_key_has_none_afterwards() {
    let scene = Scene::new("plain", Location::LocalMachine);
    let plain = scene.rsa("plain.example.com").without_key();
    assert_eq!(scene.capi().import(&plain).unwrap(), Imported::Added);
    let listed = scene.capi().list().unwrap();
    let [Entry::Certificate { leaf, has_key: false, .. }] = listed.as_slice() else {
        unreachable!("one without a key: {listed:?}")
    };
    assert_eq!(leaf.thumbprint(), plain.thumbprint());
    assert!(matches!(scene.capi().key_access(plain.thumbprint()), Ok(None)));
    let error = scene.capi().set_key_access(plain.thumbprint(), &AccessList::default()).unwrap_err();
    assert_eq!(error.code(), "key-missing");
}

#[test]
#[ignore = "needs Windows: Wine 8 has no key storage provider"]
fn rsa_and_ecdsa_keys_go_into_the_key_storage_provider_and_come_out_where_that_is_allowed() {
    let scene = Scene::new("storage", Location::LocalMachine);
    for (is_exportable, name) in [(true, "exportable"), (false, "kept")] {
        let store = scene.store(Provider::Cng, is_exportable);
        for issuance in [scene.authority.issue(&[name]).rsa2048(), scene.authority.issue(&[name]).p256()] {
            let certificate = certificate(&issuance.sign());
            store.import(&certificate).unwrap();
            let found = store.find(certificate.thumbprint()).unwrap().unwrap();
            assert_eq!(found.key().is_some(), is_exportable);
            assert!(found.has_key());
            let reference = scene.reference(&certificate);
            store.discard(certificate.thumbprint()).unwrap();
            store.shred(certificate.thumbprint()).unwrap();
            assert!(KeyContainer::open(&reference).unwrap().is_none());
        }
    }
}

#[test]
#[ignore = "needs Windows: under Wine 8 every user may use every key"]
fn who_may_use_a_key_is_changed_and_read_back() {
    let scene = Scene::new("access", Location::LocalMachine);
    let service = Account::well_known(r"NT SERVICE\Schedule").unwrap();
    for provider in [Provider::Capi, Provider::Cng] {
        let certificate = scene.rsa("access.example.com");
        let store = scene.store(provider, false);
        store.import(&certificate).unwrap();
        let access = || scene.store(provider, false).key_access(certificate.thumbprint()).unwrap().unwrap();
        let before = access();
        assert!(!before.may_read(&service));
        store.set_key_access(certificate.thumbprint(), &before.clone().with_read_for(&service)).unwrap();
        assert!(access().may_read(&service));
        store.set_key_access(certificate.thumbprint(), &before).unwrap();
        assert_eq!(access(), before);
    }
}

#[test]
fn an_entry_that_a_key_is_given_is_read_back_by_a_store_that_is_opened_anew() {
    let scene = Scene::new("entry", Location::LocalMachine);
    let certificate = scene.rsa("entry.example.com");
    let service = Account::well_known(r"NT SERVICE\yunIO Service").unwrap();
    scene.capi().import(&certificate).unwrap();
    let access = || scene.capi().key_access(certificate.thumbprint()).unwrap().unwrap();
    let has_own = |list: &AccessList| list.clone().with_read_for(&service) == *list;
    let before = access();
    assert!(!has_own(&before), "{before:?}");
    scene.capi().set_key_access(certificate.thumbprint(), &before.clone().with_read_for(&service)).unwrap();
    assert!(has_own(&access()) && access().may_read(&service));
    // The certificate that is renewed next has a key of its own, and nobody has the right to that one.
    let next = scene.rsa("entry.example.com");
    scene.capi().import(&next).unwrap();
    assert!(!has_own(&scene.capi().key_access(next.thumbprint()).unwrap().unwrap()));
}
