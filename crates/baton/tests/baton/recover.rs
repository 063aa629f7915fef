//! The way out of an expired certificate, in a network of its own: what the outside sees is asked from outside.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::Command;

use baton_testkit::{Authority, IssuedCertificate, Product, ProductFixture, openssl, program};

use crate::network::{Network, run};
use crate::products::{HOST, handed_over};
use crate::world::{World, list, quoted};

/// yunIO on its usual ports, reachable from outside, with a certificate that has expired.
struct Scene {
    network: Network,
    world: World,
    fixture: ProductFixture,
    old: IssuedCertificate,
    new: IssuedCertificate,
}

impl Scene {
    fn new(is_expired: bool) -> Self {
        let network = Network::enter();
        let authority = Authority::new("Test CA");
        let issuance = authority.issue(&[HOST]);
        let old = if is_expired { issuance.expired().sign() } else { issuance.sign() };
        let new = authority.issue(&[HOST]).sign();
        let fixture = ProductFixture::new(Product::Yunio);
        fixture.enable_tls(&old);
        fixture.install(&new);
        let world = World::new();
        fs_err::write(world.path("root.pem"), authority.root_pem()).unwrap();
        let scene = Self { network, world, fixture, old, new };
        scene.write_settings(&scene.restart());
        run(&scene.restart().join(" "));
        scene
    }

    fn write_settings(&self, activate: &[String]) {
        self.world.write_settings(&format!(
            "[store]\npath = {}\n\n[proof]\nover = '200ms'\nquiet = '100ms'\ndeadline = '3s'\n\n\
             [[issuer]]\nname = 'house'\nkind = 'manual'\nroot = 'root.pem'\n\n\
             [[target]]\nname = 'sap-gateway'\nproduct = 'yunio'\ndirectory = {}\nactivate = {}\n",
            quoted(&self.fixture.store()),
            quoted(&self.fixture.directory()),
            list(activate),
        ));
    }

    fn restart(&self) -> Vec<String> {
        let text = |path: &Path| path.display().to_string();
        let mut command = vec![text(&program("product-server")), "restart".to_owned()];
        for (option, value) in [
            ("--product", "yunio".to_owned()),
            ("--directory", text(&self.fixture.directory())),
            ("--store", text(&self.fixture.store())),
            ("--pid-file", text(&self.fixture.pid_file())),
            ("--address", "0.0.0.0".to_owned()),
            ("--end-after", "600".to_owned()),
        ] {
            command.extend([option.to_owned(), value]);
        }
        command
    }

    fn answers_plain(&self) -> bool {
        let url = "http://127.0.0.1:8075/";
        Command::new("curl").args(["-s", "-o", "/dev/null", url]).status().unwrap().success()
    }

    fn served(&self) -> Option<String> {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 8175));
        openssl::served_certificate(address, HOST).ok().map(|served| served.thumbprint)
    }

    fn tables(&self) -> String {
        String::from_utf8(Command::new("nft").args(["list", "tables"]).output().unwrap().stdout).unwrap()
    }
}

#[test]
fn an_expired_yunio_answers_on_loopback_behind_a_closed_door_and_comes_back_whole() {
    let scene = Scene::new(true);
    let before = fs_err::read(scene.fixture.tls_json()).unwrap();
    assert_eq!(scene.served(), Some(scene.old.thumbprint.clone()));
    assert!(scene.network.reaches(8175));

    let planned = scene.world.baton(&["recover", "sap-gateway", "--dry-run"]).expect(0);
    assert!(planned.stdout.contains("close the ports"), "{}", planned.stdout);
    assert!(scene.fixture.tls_json().exists(), "a dry run changes nothing");

    let report = scene.world.baton(&["recover", "sap-gateway", "--json"]).expect(0);
    assert_eq!(report.codes(), ["tls-reset"]);
    assert!(!scene.fixture.tls_json().exists(), "set aside, as the maker documents it");
    assert!(scene.answers_plain());
    assert!(!scene.network.reaches(8075), "plain HTTP is never seen from outside");
    let again = scene.world.baton(&["recover", "sap-gateway", "--json"]).expect(0);
    assert_eq!(again.codes(), ["recovered-already"]);

    let swapped = scene.world.baton(&["swap", "", &scene.new.thumbprint, "--json"]).expect(0);
    assert_eq!(swapped.json()["outcome"], "served");
    assert_eq!(scene.served(), Some(scene.new.thumbprint.clone()));
    let after = fs_err::read(scene.fixture.tls_json()).unwrap();
    assert_eq!(after, handed_over(&before, &scene.old, &scene.new), "all settings are back");
    assert!(scene.network.reaches(8175), "and the door is open");
    assert_eq!(scene.tables(), "");
}

#[test]
fn a_certificate_that_has_not_expired_is_left_alone() {
    let scene = Scene::new(false);

    let refused = scene.world.baton(&["recover", "sap-gateway", "--json"]).expect(3);

    assert_eq!(refused.codes(), ["not-expired"]);
    assert_eq!(scene.served(), Some(scene.old.thumbprint.clone()));
    let wished = ["recover", "sap-gateway", "--even-though-valid", "--open", "--json"];
    scene.world.baton(&wished).expect(0);
    assert!(scene.answers_plain());
    assert!(scene.network.reaches(8075), "the door was left open on wish");
    assert_eq!(scene.tables(), "");
}

#[test]
fn a_recovery_that_fails_puts_everything_back_and_opens_the_door() {
    let scene = Scene::new(true);
    let before = fs_err::read(scene.fixture.tls_json()).unwrap();
    let path = scene.world.path("activate.sh");
    let (file, restart) = (scene.fixture.tls_json(), scene.restart().join(" "));
    fs_err::write(&path, format!("test -e {} || exit 7\n{restart}\n", file.display())).unwrap();
    scene.write_settings(&["sh".to_owned(), path.display().to_string()]);

    let ran = scene.world.baton(&["recover", "sap-gateway", "--json"]).expect(4);

    assert_eq!(ran.json()["outcome"], "rolled-back");
    assert_eq!(fs_err::read(&file).unwrap(), before);
    assert_eq!(scene.served(), Some(scene.old.thumbprint.clone()));
    assert_eq!(scene.tables(), "");
    assert!(scene.network.reaches(8175));
}

#[test]
fn a_renewal_that_fails_after_a_recovery_leaves_plain_http_behind_the_closed_door() {
    let scene = Scene::new(true);
    scene.world.baton(&["recover", "sap-gateway"]).expect(0);
    let path = scene.world.path("activate.sh");
    let (file, restart) = (scene.fixture.tls_json(), scene.restart().join(" "));
    fs_err::write(&path, format!("test -e {} && exit 7\n{restart}\n", file.display())).unwrap();
    scene.write_settings(&["sh".to_owned(), path.display().to_string()]);

    scene.world.baton(&["swap", "", &scene.new.thumbprint]).expect(4);

    assert!(scene.answers_plain());
    assert!(!scene.network.reaches(8075));
    assert!(scene.tables().contains("baton_sap_gateway"), "{}", scene.tables());
    scene.write_settings(&scene.restart());
    scene.world.baton(&["swap", "", &scene.new.thumbprint]).expect(0);
    assert_eq!(scene.served(), Some(scene.new.thumbprint.clone()));
    assert_eq!(scene.tables(), "");
}

#[test]
fn a_list_of_kept_settings_that_cannot_be_read_is_no_empty_one() {
    let scene = Scene::new(true);
    scene.world.baton(&["recover", "sap-gateway"]).expect(0);
    let script = "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); \
                  c.execute(\"UPDATE recovery SET kept = '{'\"); c.commit()";
    let database = scene.world.path("baton-data/state.db");
    assert!(Command::new("python3").args(["-c", script]).arg(database).status().unwrap().success());
    let refused = scene.world.baton(&["swap", "", &scene.new.thumbprint, "--json"]).expect(3);
    assert!(refused.codes().contains(&"kept-settings-unreadable".to_owned()), "{}", refused.stdout);
    assert!(scene.answers_plain());
}
