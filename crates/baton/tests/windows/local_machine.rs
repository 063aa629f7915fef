//! Products that take their certificates from Local Machine, Personal, as the real ones do.

use baton_testkit::product_server::Faults;

use crate::scene::{NewIsIn, Scene};
use crate::services::{SERVICES, finding};

#[test]
fn every_product_is_handed_over_in_the_store_of_the_machine() {
    for (product, name) in SERVICES {
        let scene = Scene::in_machine_store(product, name, NewIsIn::ProductStore);
        let before = scene.references();
        scene.assert_served(&scene.old);

        let report = scene.swap().expect(0).json();

        assert_eq!(report["outcome"], "served", "{product:?}");
        scene.assert_served(&scene.new);
        scene.assert_handed_over(before);
    }
}

#[test]
#[ignore = "needs Windows: Wine 8 lets nobody change a key's access list a second time"]
fn what_the_key_of_a_certificate_of_others_allowed_is_put_back() {
    let (product, name) = SERVICES[0];
    let scene = Scene::in_machine_store(product, name, NewIsIn::ProductStore);
    let before = scene.permissions(&scene.new);
    let faults = Faults { refuse_thumbprint: Some(scene.new.thumbprint.clone()), ..Faults::default() };
    scene.fixture.set_faults(&faults);

    scene.swap().expect(4);

    assert_eq!(scene.permissions(&scene.new), before);
    scene.assert_served(&scene.old);
}

#[test]
fn a_service_that_refuses_the_new_certificate_of_the_store_is_brought_back() {
    for (product, name) in SERVICES {
        let scene = Scene::in_machine_store(product, name, NewIsIn::OwnStore);
        let faults = Faults { refuse_thumbprint: Some(scene.new.thumbprint.clone()), ..Faults::default() };
        scene.fixture.set_faults(&faults);
        let before = scene.references();

        let report = scene.swap().expect(4).json();

        assert_eq!(report["outcome"], "rolled-back", "{product:?}");
        let finding = finding(&report, "service-died");
        assert!(finding.contains(&format!("`{name}` ended at its start, with exit code 1")), "{finding}");
        assert_eq!(scene.references(), before);
        assert!(scene.service.is_running());
        scene.assert_served(&scene.old);
        assert!(!scene.is_in_product_store(&scene.new), "{product:?}");

        // What was taken back can be given again.
        scene.fixture.clear_faults();
        assert_eq!(scene.swap().expect(0).json()["outcome"], "served", "{product:?}");
        scene.assert_served(&scene.new);
        assert!(scene.is_in_product_store(&scene.new), "{product:?}");
    }
}
