//! `baton init`: a product that only its service tells, and the renewal of win-acme that is for it.

use std::path::PathBuf;
use std::process::{Command, Output};
use std::sync::MutexGuard;

use baton_testkit::{Authority, IssuedCertificate, Product, ProductFixture};

use crate::scene::{HOST, turn};
use crate::world::{Ran, World};

const SERVICE: &str = "yunIO Service";

/// A renewal as win-acme writes it.
const RENEWAL: &str = r#"{
  "Id": "aBcD-1",
  "LastFriendlyName": "[Manual] sap.example.com",
  "TargetPluginOptions": {"CommonName": "sap.example.com", "AlternativeNames": ["sap.example.com"]},
  "StorePluginOptions": [{"Plugin": "e30adc8e-d756-4e16-a6f2-450f784b1a97", "StoreName": "My"}],
  "InstallationPluginOptions": [
    {
      "Plugin": "3bb22c70-358d-4251-86bd-11858363d913",
      "Script": "C:\\Scripts\\yunio-le.ps1",
      "ScriptParameters": "{OldCertThumbprint} {CertThumbprint}"
    }
  ],
  "History": []
}"#;

/// A machine with a product in no usual place, which is registered as a service, and with win-acme.
struct Machine {
    world: World,
    fixture: ProductFixture,
    certificate: IssuedCertificate,
    _turn: MutexGuard<'static, ()>,
}

impl Machine {
    fn new() -> Self {
        let turn = turn();
        let certificate = Authority::new("Test CA").issue(&[HOST]).sign();
        let fixture = ProductFixture::new(Product::Yunio);
        fixture.refer_to(&certificate);
        let program = fixture.directory().join("yunIO.exe");
        // What a killed test has left behind goes first.
        service(&["delete", SERVICE]);
        let command = format!("\"{}\" --service", program.display());
        let made = service(&["create", SERVICE, "binPath=", &command]);
        assert!(made.status.success(), "{made:?}");
        let machine = Self { world: World::new(), fixture, certificate, _turn: turn };
        fs_err::create_dir_all(machine.renewal().parent().unwrap()).unwrap();
        fs_err::write(machine.renewal(), RENEWAL.replace('\n', "\r\n")).unwrap();
        machine
    }

    fn renewal(&self) -> PathBuf {
        self.world.path("ProgramData/win-acme/acme-v02.api.letsencrypt.org/aBcD-1.renewal.json")
    }

    fn init(&self, arguments: &[&str]) -> Ran {
        let mut command = self.world.command(&["init"]);
        command.args(arguments).env("ProgramData", self.world.path("ProgramData"));
        Ran::from(command.output().unwrap())
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        service(&["delete", SERVICE]);
    }
}

fn service(arguments: &[&str]) -> Output {
    Command::new("sc.exe").args(arguments).output().unwrap()
}

#[test]
fn a_product_is_found_by_its_service_and_its_renewal_is_made_to_call_baton() {
    let machine = Machine::new();

    let found = machine.init(&["--json"]).expect(0).json();

    assert_eq!(found["outcome"], "written");
    let product = &found["products"][0];
    assert_eq!(product["kinds"], serde_json::json!(["yunio"]), "{found:#}");
    assert_eq!(product["thumbprint"], machine.certificate.thumbprint.as_str());
    assert_eq!(found["renewals"][0]["name"], "[Manual] sap.example.com");
    let settings = fs_err::read_to_string(machine.world.path("baton.toml")).unwrap();
    let directory = machine.fixture.directory();
    assert!(settings.contains(directory.to_str().unwrap()), "{settings}");
    assert!(!settings.contains("#product"), "{settings}");
    let targets = machine.world.baton(&["target", "list", "--json"]).expect(0).stdout;
    assert!(targets.contains("\"yunio\""), "{targets}");

    let before = fs_err::read_to_string(machine.renewal()).unwrap();
    let shown = machine.init(&["--take-over", "aBcD-1", "--dry-run"]).expect(0).stdout;
    assert!(shown.contains(r#"-      "Script": "C:\\Scripts\\yunio-le.ps1","#), "{shown}");
    assert_eq!(fs_err::read_to_string(machine.renewal()).unwrap(), before);

    machine.init(&["--take-over", "aBcD-1"]).expect(0);

    let after = fs_err::read_to_string(machine.renewal()).unwrap();
    assert!(after.contains("\\\\baton.exe\",\r\n      \"ScriptParameters\": "), "{after}");
    assert!(after.contains("swap \\\"{OldCertThumbprint}\\\" {CertThumbprint} --target yunio"), "{after}");
    assert!(after.contains("\"KeepExisting\": true"), "{after}");
    let kept = machine.renewal().with_file_name("aBcD-1.renewal.json.before-baton");
    assert_eq!(fs_err::read_to_string(kept).unwrap(), before);
}
