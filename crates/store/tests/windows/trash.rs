//! The end of a certificate, and the way back from it.

use baton_finding::Explain as _;
use baton_platform::key_container::KeyContainer;
use baton_store::{Imported, Location};

use crate::scene::{Scene, certificate, public_key};

#[test]
fn the_trash_gives_back_whole_what_was_put_in_and_forgets_it_with_its_key() {
    let scene = Scene::new("trash", Location::LocalMachine);
    let certificate = scene.rsa("trash.example.com");
    let thumbprint = certificate.thumbprint();
    scene.capi().import(&certificate).unwrap();
    let reference = scene.reference(&certificate);
    for _ in 0..2 {
        // Each step twice: the second time there is nothing to do.
        scene.capi().discard(thumbprint).unwrap();
        scene.capi().discard(thumbprint).unwrap();
        assert!(!scene.capi().contains(thumbprint));
        assert!(KeyContainer::open(&reference).unwrap().is_some(), "the key waits with it");
        scene.capi().restore(thumbprint).unwrap();
        scene.capi().restore(thumbprint).unwrap();
        let found = scene.capi().find(thumbprint).unwrap().unwrap();
        assert_eq!(public_key(&found), certificate.leaf().public_key());
        assert!(scene.stored(&scene.beside("trash"), &certificate).is_none());
    }
    // What is in use is not deleted, whoever asks.
    scene.capi().shred(thumbprint).unwrap();
    assert!(scene.capi().find(thumbprint).unwrap().unwrap().has_key());
    scene.capi().discard(thumbprint).unwrap();
    scene.capi().shred(thumbprint).unwrap();
    scene.capi().shred(thumbprint).unwrap();
    assert!(KeyContainer::open(&reference).unwrap().is_none(), "the key is gone with it");
    let error = scene.capi().restore(thumbprint).unwrap_err();
    assert_eq!(error.code(), "not-in-trash");
    assert_eq!(scene.capi().import(&certificate).unwrap(), Imported::Added);
}

#[test]
fn a_move_that_was_broken_off_is_finished_and_takes_no_key_along() {
    let scene = Scene::new("half way", Location::LocalMachine);
    let certificate = scene.rsa("half.example.com");
    let thumbprint = certificate.thumbprint();
    scene.capi().import(&certificate).unwrap();
    // It is in both: in the trash already, and in its store still.
    let reference = scene.reference(&certificate);
    scene.put(&scene.beside("trash"), &certificate, Some(&reference));
    scene.capi().shred(thumbprint).unwrap();
    assert!(scene.capi().find(thumbprint).unwrap().unwrap().has_key(), "the one in the store keeps it");
    scene.put(&scene.beside("trash"), &certificate, Some(&reference));
    scene.capi().discard(thumbprint).unwrap();
    assert!(!scene.capi().contains(thumbprint));
    scene.capi().restore(thumbprint).unwrap();
    assert!(scene.capi().find(thumbprint).unwrap().unwrap().has_key());
}

#[test]
fn a_key_stays_as_long_as_another_certificate_has_it() {
    let scene = Scene::new("shared", Location::LocalMachine);
    let issued = scene.authority.issue(&["shared.example.com"]).rsa2048().sign();
    let old = certificate(&issued);
    let renewed = certificate(&scene.authority.issue(&["shared.example.com"]).same_key_as(&issued).sign());
    scene.capi().import(&old).unwrap();
    let reference = scene.reference(&old);
    // Another program has renewed it, and left it in another store.
    let other = Scene::new("shared other", Location::LocalMachine);
    other.put(&other.name, &renewed, Some(&reference));
    scene.capi().discard(old.thumbprint()).unwrap();
    scene.capi().shred(old.thumbprint()).unwrap();
    assert!(scene.stored(&scene.beside("trash"), &old).is_none());
    let found = other.capi().find(renewed.thumbprint()).unwrap().unwrap();
    assert_eq!(public_key(&found), old.leaf().public_key());
    other.capi().discard(renewed.thumbprint()).unwrap();
    other.capi().shred(renewed.thumbprint()).unwrap();
    assert!(KeyContainer::open(&reference).unwrap().is_none(), "the last one takes it along");
}
