//! After a handover: find, roll back, retire, restore.

use baton_testkit::Product;
use serde_json::Value;

use crate::nginx::Scene as NginxScene;
use crate::products::Scene;
use crate::world::Ran;

fn kinds(found: &Ran) -> Vec<String> {
    let json = found.json();
    json["places"]
        .as_array()
        .unwrap()
        .iter()
        .map(|place| place["kind"].as_str().unwrap().to_owned())
        .collect()
}

fn list<'a>(json: &'a Value, name: &str) -> &'a Vec<Value> {
    json[name].as_array().unwrap()
}

/// A product whose old certificate may go at once, and anything else as usual.
fn scene_without_grace() -> Scene {
    let scene = Scene::new(Product::XtractCore);
    scene.write_settings("\n[retire]\ngrace = '1ms'\n");
    scene
}

#[test]
fn find_tells_every_place_that_names_serves_or_holds_a_certificate() {
    let scene = Scene::new(Product::Yunio);

    let old = scene.world.baton(&["find", &scene.old.thumbprint, "--json"]).expect(0);
    assert_eq!(kinds(&old), ["reference", "endpoint", "endpoint", "endpoint", "store"]);
    let json = old.json();
    let reference = list(&json, "places")[0]["place"].as_str().unwrap().to_owned();
    assert!(reference.ends_with("config/servers/tls.json#/certificate/thumbprint"), "{reference}");
    let new = scene.world.baton(&["find", &scene.new.thumbprint, "--json"]).expect(0);
    assert_eq!(kinds(&new), ["store"]);
    let nowhere = scene.world.baton(&["find", "0C32EEE1053DA57E88E6AE22832DFB13775250F9"]).expect(0);
    assert!(nowhere.stdout.contains("is nowhere"), "{}", nowhere.stdout);
    scene.world.baton(&["find", "no thumbprint"]).expect(2);
}

#[test]
fn a_search_that_is_not_complete_says_so() {
    let scene = Scene::new(Product::Yunio);
    fs_err::write(scene.fixture.tls_json(), "{ damaged").unwrap();

    let found = scene.world.baton(&["find", &scene.old.thumbprint, "--json"]).expect(0);

    assert_eq!(found.codes(), ["settings-unreadable"]);
}

#[test]
fn a_rollback_puts_the_certificate_before_back_and_proves_it() {
    let scene = Scene::new(Product::BoardConnector);
    scene.swap(&scene.old.thumbprint, &scene.new.thumbprint).expect(0);
    scene.assert_served(&scene.new);

    let planned = scene.world.baton(&["rollback", "--dry-run", "--json"]).expect(0).json();
    assert_eq!(planned["outcome"], "planned");
    scene.assert_served(&scene.new);

    let report = scene.world.baton(&["rollback", "--json"]).expect(0).json();
    assert_eq!(report["outcome"], "served");
    assert_eq!(report["new"], scene.old.thumbprint.as_str());
    scene.assert_served(&scene.old);
    // The first handover is not what the target stands on any more.
    let late = scene.world.baton(&["rollback", "1", "--json"]).expect(3);
    assert_eq!(late.codes(), ["superseded"]);
    scene.world.baton(&["rollback", "77"]).expect(2);
    scene.assert_served(&scene.old);
}

#[test]
fn a_rollback_never_goes_to_an_expired_certificate_or_to_one_that_is_gone() {
    let scene = Scene::new(Product::XtractCore);
    scene.world.baton(&["rollback", "--json"]).expect(2);
    scene.swap(&scene.old.thumbprint, &scene.new.thumbprint).expect(0);
    let before = scene.files();
    let entry = scene.fixture.store().join(&scene.old.thumbprint);
    fs_err::rename(&entry, scene.world.path("away")).unwrap();

    let gone = scene.world.baton(&["rollback", "--json"]).expect(3);

    assert_eq!(gone.codes(), ["old-not-recoverable"]);
    assert_eq!(scene.files(), before);
    scene.assert_served(&scene.new);
}

#[test]
fn a_rollback_of_pem_files_takes_the_pair_that_was_kept() {
    let scene = NginxScene::new();
    scene.renew().expect(0);
    assert_ne!(scene.served(), scene.first.thumbprint);

    let report = scene.world.baton(&["rollback", "--json"]).expect(0).json();

    assert_eq!(report["new"], scene.first.thumbprint.as_str());
    assert_eq!(scene.served(), scene.first.thumbprint);
}

#[test]
fn what_is_replaced_is_retired_after_its_grace_period_and_comes_back_from_the_trash() {
    let scene = scene_without_grace();
    scene.world.baton(&[
        "store",
        "import",
        scene.fixture.store().join(&scene.old.thumbprint).join("certificate.pem").to_str().unwrap(),
    ]);
    scene.swap(&scene.old.thumbprint, &scene.new.thumbprint).expect(0);
    let entry = scene.fixture.store().join(&scene.old.thumbprint);

    let planned = scene.world.baton(&["retire", "--dry-run", "--json", "--foreign"]).expect(0).json();
    assert_eq!(list(&planned, "retired").len(), 1);
    assert!(entry.is_dir(), "a dry run changes nothing");

    let retired = scene.world.baton(&["retire", "--foreign", "--json"]).expect(0).json();
    assert_eq!(list(&retired, "retired")[0]["thumbprint"], scene.old.thumbprint.as_str());
    assert!(!entry.exists());
    scene.world.baton(&["store", "restore", &scene.old.thumbprint]).expect(0);
    assert!(entry.join("key.pem").is_file());
    scene.assert_served(&scene.new);
}

#[test]
fn the_trash_is_emptied_after_a_second_grace_period() {
    let scene = scene_without_grace();
    scene.swap(&scene.old.thumbprint, &scene.new.thumbprint).expect(0);
    scene.world.baton(&["retire", "--foreign"]).expect(0);
    let trashed = scene.fixture.store().join("trash").join(&scene.old.thumbprint);
    assert!(trashed.join("key.pem").is_file());

    let deleted = scene.world.baton(&["retire", "--foreign", "--json"]).expect(0).json();

    assert_eq!(list(&deleted, "retired")[0]["deleted"], true);
    assert!(!trashed.exists());
    let rest = scene.world.baton(&["retire", "--foreign"]).expect(0);
    assert!(rest.stdout.contains("no certificate waits"), "{}", rest.stdout);
}

#[test]
fn what_others_brought_is_retired_only_on_wish() {
    let scene = scene_without_grace();
    scene.swap(&scene.old.thumbprint, &scene.new.thumbprint).expect(0);

    let kept = scene.world.baton(&["retire", "--json"]).expect(0).json();

    assert!(list(&kept, "retired").is_empty());
    assert!(list(&kept, "kept")[0]["reason"].as_str().unwrap().contains("--foreign"));
    assert!(scene.fixture.store().join(&scene.old.thumbprint).is_dir());
}

#[test]
fn what_is_served_or_named_again_is_not_retired() {
    let scene = scene_without_grace();
    scene.swap(&scene.old.thumbprint, &scene.new.thumbprint).expect(0);
    // Someone goes back by hand, as people do.
    let text = fs_err::read_to_string(scene.fixture.tls_json()).unwrap();
    fs_err::write(scene.fixture.tls_json(), text.replace(&scene.new.thumbprint, &scene.old.thumbprint))
        .unwrap();

    let named = scene.world.baton(&["retire", "--foreign", "--json"]).expect(0).json();
    assert!(list(&named, "kept")[0]["reason"].as_str().unwrap().contains("named by"), "{named}");
    scene.fixture.restart();
    fs_err::write(scene.fixture.tls_json(), &text).unwrap();
    let served = scene.world.baton(&["retire", "--foreign", "--json"]).expect(0).json();
    assert!(list(&served, "kept")[0]["reason"].as_str().unwrap().contains("served at"), "{served}");
    assert!(scene.fixture.store().join(&scene.old.thumbprint).is_dir());
}

#[test]
fn the_grace_period_is_kept() {
    let scene = Scene::new(Product::XtractCore);
    scene.swap(&scene.old.thumbprint, &scene.new.thumbprint).expect(0);

    let kept = scene.world.baton(&["retire", "--foreign", "--json"]).expect(0).json();

    assert!(list(&kept, "retired").is_empty());
    assert!(list(&kept, "kept")[0]["reason"].as_str().unwrap().contains("grace period"), "{kept}");
}

#[test]
fn resume_has_nothing_to_do_where_nothing_was_interrupted() {
    let scene = Scene::new(Product::XtractCore);
    scene.world.baton(&["resume"]).expect(2);
    scene.swap(&scene.old.thumbprint, &scene.new.thumbprint).expect(0);
    let ran = scene.world.baton(&["resume"]).expect(0);
    assert!(ran.stderr.contains("nothing was interrupted"), "{}", ran.stderr);
    scene.world.baton(&["resume", "sap"]).expect(0);
    scene.world.baton(&["resume", "nobody"]).expect(2);
}
