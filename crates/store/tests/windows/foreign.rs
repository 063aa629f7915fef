//! Entries that other programs have made: used as they are.

use baton_platform::key_container::{KeyBytes, KeyContainer, KeyReference};
use baton_store::{Imported, Location};
use baton_x509::KeptKey;

use crate::scene::{Scene, public_key};

#[test]
fn what_another_program_imported_is_found_as_it_is() {
    let scene = Scene::new("foreign", Location::LocalMachine);
    let (foreign, keyless) = (scene.rsa("foreign.example.com"), scene.rsa("keyless.example.com"));
    let blob = foreign.key().unwrap().to_key_blob().unwrap();
    let reference = KeyReference::new("le-0123456789", KeyBytes::Blob(&blob), true);
    drop(KeyContainer::import(&reference, KeyBytes::Blob(&blob), false).unwrap());
    scene.put(&scene.name, &foreign, Some(&reference));
    scene.put(&scene.name, &keyless, None);
    assert_eq!(scene.capi().import(&foreign).unwrap(), Imported::Present);
    assert_eq!(scene.reference(&foreign), reference, "as it was");
    let found = scene.capi().find(foreign.thumbprint()).unwrap().unwrap();
    assert_eq!(found.kept_key(), Some(KeptKey::NotExportable));

    // Named, and gone.
    KeyContainer::delete(&reference).unwrap();
    assert!(!scene.capi().find(foreign.thumbprint()).unwrap().unwrap().has_key());
    assert!(!scene.capi().find(keyless.thumbprint()).unwrap().unwrap().has_key());
    // The key of another certificate is none.
    let other = scene.rsa("other.example.com");
    let other_blob = other.key().unwrap().to_key_blob().unwrap();
    drop(KeyContainer::import(&reference, KeyBytes::Blob(&other_blob), false).unwrap());
    assert!(!scene.capi().find(foreign.thumbprint()).unwrap().unwrap().has_key());
    KeyContainer::delete(&reference).unwrap();
    for certificate in [&foreign, &keyless] {
        assert_eq!(scene.capi().import(certificate).unwrap(), Imported::KeyAdded);
        let found = scene.capi().find(certificate.thumbprint()).unwrap().unwrap();
        assert_eq!(public_key(&found), certificate.leaf().public_key());
    }
}

#[test]
fn a_key_on_a_smart_card_is_told_apart_and_never_deleted() {
    let scene = Scene::new("card", Location::CurrentUser);
    let certificate = scene.rsa("card.example.com");
    let reference = KeyReference {
        container: "card".to_owned(),
        provider: "Microsoft Base Smart Card Crypto Provider".to_owned(),
        provider_type: 1,
        is_of_machine: false,
        key_specification: 1,
    };
    scene.put(&scene.name, &certificate, Some(&reference));
    let found = scene.capi().find(certificate.thumbprint()).unwrap().unwrap();
    assert_eq!(found.kept_key(), Some(KeptKey::OnDevice));
    scene.capi().discard(certificate.thumbprint()).unwrap();
    scene.capi().shred(certificate.thumbprint()).unwrap();
    assert!(scene.capi().list().unwrap().is_empty());
}

#[test]
fn the_users_own_store_does_not_show_those_of_the_machine() {
    let machine = Scene::new("both", Location::LocalMachine);
    let user = Scene::new("both", Location::CurrentUser);
    let certificate = machine.rsa("both.example.com");
    machine.capi().import(&certificate).unwrap();
    assert!(machine.capi().contains(certificate.thumbprint()));
    assert!(!user.capi().contains(certificate.thumbprint()));
    assert!(user.capi().list().unwrap().is_empty());
}
