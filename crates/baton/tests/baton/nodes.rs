//! A product on two machines that read one `config` from a share: two stand-ins, each with a store and an address of its
//! own, and for the second one a Baton of its own that is asked what its store has.

use std::path::PathBuf;

use baton_testkit::{Authority, IssuedCertificate, Product, ProductFixture, openssl};
use serde_json::Value;

use crate::products::{HOST, handed_over};
use crate::world::{Ran, World, list, quoted};

/// The address of the second machine.
const SECOND: &str = "127.0.0.2";

struct Scene {
    world: World,
    fixture: ProductFixture,
    old: IssuedCertificate,
    new: IssuedCertificate,
}

impl Scene {
    fn new() -> Self {
        let authority = Authority::new("Test CA");
        let (old, new) = (authority.issue(&[HOST]).sign(), authority.issue(&[HOST]).sign());
        let fixture = ProductFixture::new(Product::XtractUniversal);
        fixture.enable_tls(&old);
        fixture.install(&new);
        fixture.start();
        let world = World::new();
        fs_err::write(world.path("root.pem"), authority.root_pem()).unwrap();
        let scene = Self { world, fixture, old, new };
        scene.old.write_to_store(&scene.second_store());
        fs_err::write(scene.world.path("second/baton.toml"), "").unwrap();
        scene.on_second("start");
        scene.write_settings(&scene.check(), &scene.second_command("restart"));
        scene
    }

    fn second_store(&self) -> PathBuf {
        self.world.path("second/baton-data/certificates")
    }

    /// The stand-in on the second machine: the same settings files, everything else its own.
    fn second_command(&self, verb: &str) -> Vec<String> {
        let own = [
            (self.fixture.store(), self.second_store()),
            (self.fixture.pid_file(), self.world.path("second.pid")),
        ];
        let mut words =
            if verb == "stop" { self.fixture.stop_command() } else { self.fixture.restart_command() };
        for word in &mut words {
            if word == "restart" {
                *word = verb.to_owned();
            }
            for (first, second) in &own {
                *word = word.replace(&first.display().to_string(), &second.display().to_string());
            }
        }
        if verb != "stop" {
            words.extend(["--address".to_owned(), SECOND.to_owned()]);
        }
        words
    }

    fn on_second(&self, verb: &str) {
        let words = self.second_command(verb);
        let output = std::process::Command::new(&words[0]).args(&words[1..]).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    /// What `ssh` would run there.
    fn check(&self) -> Vec<String> {
        let baton = env!("CARGO_BIN_EXE_baton");
        let settings = self.world.path("second/baton.toml").display().to_string();
        [baton, "--settings", &settings, "store", "show", "{thumbprint}", "--json"]
            .map(str::to_owned)
            .to_vec()
    }

    fn write_settings(&self, check: &[String], activate: &[String]) {
        let port = self.tls_port();
        self.world.write_settings(&format!(
            "[store]\npath = {}\n\n[proof]\nover = '200ms'\nquiet = '100ms'\ndeadline = '5s'\n\n\
             [[issuer]]\nname = 'house'\nkind = 'manual'\nroot = 'root.pem'\n\n\
             [[target]]\nname = 'sap'\nproduct = 'xtract-universal'\ndirectory = {}\nactivate = {}\n\
             endpoints = ['127.0.0.1:{port}', '{SECOND}:{port}']\n\
             nodes = [{{ name = 'app2', check = {}, activate = {} }}]\n",
            quoted(&self.fixture.store()),
            quoted(&self.fixture.directory()),
            list(&self.fixture.restart_command()),
            list(check),
            list(activate),
        ));
    }

    fn tls_port(&self) -> u16 {
        let endpoints = self.fixture.endpoints();
        endpoints.iter().find(|(name, _)| name.ends_with("-tls")).unwrap().1.port()
    }

    fn swap(&self) -> Ran {
        self.world.baton(&["swap", "", &self.new.thumbprint, "--json"])
    }

    fn served(&self) -> [String; 2] {
        ["127.0.0.1", SECOND].map(|host| {
            let address = format!("{host}:{}", self.tls_port()).parse().unwrap();
            openssl::served_certificate(address, HOST).unwrap().thumbprint
        })
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        self.on_second("stop");
    }
}

#[test]
fn a_node_that_lacks_the_certificate_refuses_the_handover() {
    let scene = Scene::new();
    let before = fs_err::read(scene.fixture.tls_json()).unwrap();

    let ran = scene.swap().expect(3);

    assert!(ran.codes().contains(&"node-unreachable".to_owned()), "{:?}", ran.codes());
    assert!(ran.stdout.contains("app2"), "{}", ran.stdout);

    // A certificate without its key is not enough, nor is a command that ends with 0.
    scene.new.write_to_store(&scene.second_store());
    fs_err::remove_file(scene.second_store().join(&scene.new.thumbprint).join("key.pem")).unwrap();
    assert!(scene.swap().expect(3).codes().contains(&"node-lacks-key".to_owned()));
    scene.write_settings(
        &["sh".to_owned(), "-c".to_owned(), "echo fine".to_owned(), "{thumbprint}".to_owned()],
        &scene.second_command("restart"),
    );
    assert!(scene.swap().expect(3).codes().contains(&"node-lacks-certificate".to_owned()));

    assert_eq!(fs_err::read(scene.fixture.tls_json()).unwrap(), before);
    assert_eq!(scene.served(), [scene.old.thumbprint.clone(), scene.old.thumbprint.clone()]);
}

#[test]
fn every_node_is_restarted_and_proven() {
    let scene = Scene::new();
    scene.new.write_to_store(&scene.second_store());
    let before = fs_err::read(scene.fixture.tls_json()).unwrap();
    let plan = scene.world.baton(&["swap", "", &scene.new.thumbprint, "--dry-run"]).expect(0);
    assert!(plan.stdout.contains("activate: on node \"app2\": run `"), "{}", plan.stdout);

    let report = scene.swap().expect(0).json();

    assert_eq!(report["outcome"], "served");
    let addresses: Vec<&Value> =
        report["proof"].as_array().unwrap().iter().map(|proof| &proof["address"]).collect();
    assert_eq!(addresses.len(), 2, "{addresses:?}");
    assert_eq!(scene.served(), [scene.new.thumbprint.clone(), scene.new.thumbprint.clone()]);
    let after = fs_err::read(scene.fixture.tls_json()).unwrap();
    assert_eq!(after, handed_over(&before, &scene.old, &scene.new));
}

#[test]
fn a_node_that_is_not_restarted_leads_all_back() {
    let scene = Scene::new();
    scene.new.write_to_store(&scene.second_store());
    let before = fs_err::read(scene.fixture.tls_json()).unwrap();
    // It says that it has, and has not.
    scene.write_settings(&scene.check(), &["true".to_owned()]);

    let report = scene.swap().expect(4).json();

    assert_eq!(report["outcome"], "rolled-back");
    assert_eq!(fs_err::read(scene.fixture.tls_json()).unwrap(), before);
    assert_eq!(scene.served(), [scene.old.thumbprint.clone(), scene.old.thumbprint.clone()]);

    scene.write_settings(&scene.check(), &["false".to_owned()]);
    let report = scene.swap().expect(4).json();
    assert!(report["findings"].to_string().contains("node \\\"app2\\\""), "it is told which: {report}");
}

#[test]
fn what_cannot_be_done_with_nodes_is_told() {
    let scene = Scene::new();
    scene.new.write_to_store(&scene.second_store());

    // Without TLS the other nodes would be so too, and nobody closes their ports.
    let ran = scene.world.baton(&["tls", "off", "sap", "--json"]).expect(3);
    assert!(ran.codes().contains(&"nodes-not-closed".to_owned()), "{:?}", ran.codes());

    scene.write_settings(&scene.check(), &[]);
    let ran = scene.world.baton(&["check"]).expect(2);
    assert!(ran.stderr.contains("lacks one of its commands"), "{}", ran.stderr);
    scene.world.write_settings(
        "[[target]]\nname = 'site'\nkind = 'files'\ncertificate = 'a.pem'\nkey = 'a.key'\n\
         nodes = [{ name = 'app2', check = ['x', '{thumbprint}'], activate = ['y'] }]\n",
    );
    let ran = scene.world.baton(&["check"]).expect(2);
    assert!(ran.stderr.contains("is no product"), "{}", ran.stderr);
}
