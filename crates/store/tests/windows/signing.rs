//! Keys that do not leave the store sign in it, and stay for the certificates that are issued for them.

use aws_lc_rs::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use baton_platform::key_container::{KeyBytes, KeyContainer, KeyReference};
use baton_store::{Imported, Location, Provider};
use baton_testkit::IssuedCertificate;
use baton_x509::{Certificate, KeptKey};

use crate::scene::{Scene, certificate};

const HOST: &str = "signing.example.com";

/// A certificate with the key of another one, which is not at hand.
fn renewed(scene: &Scene, before: &IssuedCertificate) -> Certificate {
    let renewed = certificate(&scene.authority.issue(&[HOST]).same_key_as(before).sign());
    Certificate::with_kept_key(renewed.leaf().clone(), renewed.chain().to_vec(), KeptKey::NotExportable)
}

#[test]
fn a_key_that_is_not_exportable_signs_and_its_next_certificate_is_put_beside_it() {
    let scene = Scene::new("signing", Location::LocalMachine);
    let issued = scene.authority.issue(&[HOST]).rsa2048().sign();
    let first = certificate(&issued);
    let store = || scene.store(Provider::Capi, false);
    store().import(&first).unwrap();
    assert_eq!(store().find(first.thumbprint()).unwrap().unwrap().kept_key(), Some(KeptKey::NotExportable));

    let signer = store().signer(first.thumbprint()).unwrap().unwrap();
    let signature = signer.sign(b"a request").unwrap();
    let public = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, first.leaf().public_key_bits());
    public.verify(b"a request", &signature).unwrap();
    public.verify(b"another", &signature).unwrap_err();

    let second = renewed(&scene, &issued);
    assert_eq!(store().import(&second).unwrap(), Imported::Added);
    assert_eq!(scene.reference(&second), scene.reference(&first), "one key for both");
    assert!(store().find(second.thumbprint()).unwrap().unwrap().has_key());

    // What is replaced goes, and the key stays with its successor.
    store().discard(first.thumbprint()).unwrap();
    store().shred(first.thumbprint()).unwrap();
    assert!(store().find(second.thumbprint()).unwrap().unwrap().has_key());
    assert!(store().signer(first.thumbprint()).unwrap().is_none());
}

#[test]
fn a_certificate_for_a_key_that_is_nowhere_is_refused() {
    let scene = Scene::new("signing nowhere", Location::CurrentUser);
    let first = scene.authority.issue(&[HOST]).rsa2048().sign();
    let error = scene.store(Provider::Capi, false).import(&renewed(&scene, &first)).unwrap_err();
    assert_eq!(baton_finding::Explain::code(&error), "key-not-exportable");
}

/// win-acme and the dialogs of Windows put keys where SHA-256 is not known.
#[test]
fn a_key_of_an_older_provider_signs_by_the_newer_one() {
    let scene = Scene::new("signing older", Location::LocalMachine);
    let first = scene.rsa(HOST);
    let blob = first.key().unwrap().to_key_blob().unwrap();
    let newer = KeyReference::new("older-0123456789", KeyBytes::Blob(&blob), true);
    let provider = "Microsoft Enhanced Cryptographic Provider v1.0".to_owned();
    let older = KeyReference { provider, provider_type: 1, ..newer };
    drop(KeyContainer::import(&older, KeyBytes::Blob(&blob), false).unwrap());
    scene.put(&scene.name, &first, Some(&older));

    let signer = scene.capi().signer(first.thumbprint()).unwrap().unwrap();
    let signature = signer.sign(b"a request").unwrap();
    let public = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, first.leaf().public_key_bits());
    public.verify(b"a request", &signature).unwrap();
}

#[test]
#[ignore = "needs Windows: Wine keeps no keys of key storage providers"]
fn keys_of_key_storage_providers_sign() {
    let scene = Scene::new("signing cng", Location::LocalMachine);
    let first = certificate(&scene.authority.issue(&[HOST]).sign());
    let store = scene.store(Provider::Cng, false);
    store.import(&first).unwrap();
    let signature = store.signer(first.thumbprint()).unwrap().unwrap().sign(b"a request").unwrap();
    let scheme = &aws_lc_rs::signature::ECDSA_P256_SHA256_ASN1;
    UnparsedPublicKey::new(scheme, first.leaf().public_key_bits()).verify(b"a request", &signature).unwrap();
}
