//! Renewals of win-acme and simple-acme: files in the form that the clients write, with line ends of Windows.

use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use baton_testkit::{Product, ProductFixture};

use super::Scene;
use crate::world::Ran;

const SCRIPT: &str = "3bb22c70-358d-4251-86bd-11858363d913";
const STORE: &str = "e30adc8e-d756-4e16-a6f2-450f784b1a97";
const PASSWORD: &str = "enc-AQAAANCMnd8BFdERjHoAwE";

/// What the client has written, with these members of its store step and its installation step.
fn renewal(store: &str, installation: &str, thumbprint: &str) -> String {
    format!(
        r#"{{
  "$schema": "https://simple-acme.com/schema/renewal.json",
  "Id": "aBcD-1",
  "LastFriendlyName": "[Manual] sap.example.com",
  "PfxPasswordProtected": "{PASSWORD}",
  "TargetPluginOptions": {{
    "Plugin": "e239db3b-b42f-48aa-b64f-46d4f3e9941b",
    "CommonName": "sap.example.com",
    "AlternativeNames": [
      "sap.example.com",
      "b\u00fccher.example.com"
    ]
  }},
  "StorePluginOptions": [
    {{
      "Plugin": "{STORE}"{store}
    }}
  ],
  "InstallationPluginOptions": [
    {{
      "Plugin": "{SCRIPT}"{installation}
    }}
  ],
  "History": [
    {{
      "Date": "2026-11-01T03:00:00.1234567Z",
      "Success": true,
      "OrderResults": [
        {{
          "Name": "Main",
          "Thumbprint": "{thumbprint}"
        }}
      ]
    }}
  ]
}}"#
    )
    .replace('\n', "\r\n")
}

fn script(parameters: &str) -> String {
    format!(",\n      \"Script\": \"C:\\\\Scripts\\\\yunio-le.ps1\"{parameters}")
}

const PARAMETERS: &str = ",\n      \"ScriptParameters\": \"'{OldCertThumbprint}' '{CertThumbprint}'\"";

impl Scene {
    fn renewal(&self, text: &str) -> PathBuf {
        let directory = self.world.path("simple-acme/acme-v02.api.letsencrypt.org");
        fs_err::create_dir_all(&directory).unwrap();
        let file = directory.join("aBcD-1.renewal.json");
        fs_err::write(&file, text).unwrap();
        file
    }

    fn with_target(&self) {
        self.world.write_settings(
            "[[target]]\nname = 'yunio'\nproduct = 'yunio'\ndirectory = '/srv/yunIO'\nactivate = ['true']\n",
        );
    }

    fn take_over(&self, file: &std::path::Path, more: &[&str]) -> Ran {
        let mut command = self.world.command(&["init"]);
        Ran::from(command.args(more).arg("--take-over").arg(file).output().unwrap())
    }

    /// The call that the script step becomes, as it stands in JSON.
    fn call(&self) -> (String, String) {
        let program = env!("CARGO_BIN_EXE_baton").to_owned();
        let settings = self.world.path("baton.toml");
        let parameters = format!(
            "swap \\\"{{OldCertThumbprint}}\\\" {{CertThumbprint}} --target yunio --settings \\\"{}\\\"",
            settings.display()
        );
        (program, parameters)
    }
}

#[test]
fn a_renewal_calls_baton_and_nothing_else_in_its_file_changes() {
    let scene = Scene::new();
    scene.with_target();
    let before = renewal("", &script(PARAMETERS), "00");
    let file = scene.renewal(&before);
    fs_err::set_permissions(&file, std::fs::Permissions::from_mode(0o640)).unwrap();

    let shown = scene.take_over(&file, &["--dry-run"]).expect(0).stdout;
    assert_eq!(fs_err::read_to_string(&file).unwrap(), before);
    for line in ["-      \"Script\": \"C:\\\\Scripts\\\\yunio-le.ps1\",", "+      \"KeepExisting\": true"] {
        assert!(shown.contains(line), "{line} in {shown}");
    }
    assert!(!shown.contains(PASSWORD), "{shown}");

    let told = scene.take_over(&file, &[]).expect(0);
    assert_eq!(told.stdout, shown);
    let (program, parameters) = scene.call();
    let after = before
        .replace("C:\\\\Scripts\\\\yunio-le.ps1", &program)
        .replace("'{OldCertThumbprint}' '{CertThumbprint}'", &parameters)
        .replace(&format!("{STORE}\""), &format!("{STORE}\",\r\n      \"KeepExisting\": true"));
    assert_eq!(fs_err::read_to_string(&file).unwrap(), after);
    assert_eq!(fs_err::metadata(&file).unwrap().permissions().mode() & 0o777, 0o640);
    let kept = file.with_file_name("aBcD-1.renewal.json.before-baton");
    assert_eq!(fs_err::read_to_string(&kept).unwrap(), before);
    assert_eq!(fs_err::metadata(&kept).unwrap().permissions().mode() & 0o777, 0o640);
    assert!(told.stderr.contains(&format!("cp -p {} {}", kept.display(), file.display())), "{}", told.stderr);

    // Asked for again, nothing is left to do; what was kept stays what it was.
    let again = scene.take_over(&file, &["--json"]).expect(0).json();
    assert_eq!((&again["outcome"], &again["kept"]), (&"unchanged".into(), &serde_json::Value::Null));
    assert_eq!(fs_err::read_to_string(&kept).unwrap(), before);
}

#[test]
fn what_a_renewal_lacks_is_added_and_what_it_has_is_changed() {
    let scene = Scene::new();
    scene.with_target();
    // A script without parameters, and a store step that says so itself that the certificate before goes.
    let before = renewal(
        ",\n      \"KeepExisting\": false,\n      \"PfxPasswordProtected\": \"cGxhaW4=\",\n      \"AclRead\": [\"NT Service\\\\yunIO Service\"]",
        &script(""),
        "00",
    );
    let file = scene.renewal(&before);
    let shown = scene.take_over(&file, &[]).expect(0).stdout;
    assert!(shown.contains("\"PfxPasswordProtected\": …") && !shown.contains("cGxhaW4="), "{shown}");
    let (program, parameters) = scene.call();
    let after = before.replace("\"KeepExisting\": false", "\"KeepExisting\": true").replace(
        "\"C:\\\\Scripts\\\\yunio-le.ps1\"",
        &format!("\"{program}\",\r\n      \"ScriptParameters\": \"{parameters}\""),
    );
    assert_eq!(fs_err::read_to_string(&file).unwrap(), after);

    // Another copy of another content does not take the place of the first.
    fs_err::write(&file, before.replace("AclRead", "AclFullControl")).unwrap();
    scene.take_over(&file, &[]).expect(0);
    let kept = |number: &str| {
        fs_err::read_to_string(file.with_file_name(format!("aBcD-1.renewal.json.before-baton{number}")))
    };
    assert_eq!(kept("").unwrap(), before);
    assert!(kept("-2").unwrap().contains("AclFullControl"));
}

#[test]
fn a_renewal_that_cannot_be_taken_over_is_left_alone_with_a_reason() {
    let scene = Scene::new();
    scene.with_target();
    let refused = |text: &str| {
        let file = scene.renewal(text);
        let json = scene.take_over(&file, &["--json"]).expect(3).json();
        assert_eq!(fs_err::read_to_string(&file).unwrap(), text);
        json["error"]["code"].as_str().unwrap().to_owned()
    };
    let whole = renewal("", &script(PARAMETERS), "00");
    assert_eq!(refused(&renewal("", "", "00").replace(SCRIPT, "another")), "renewal-without-script");
    let step = format!(
        "{{ \"Plugin\": \"{SCRIPT}\", \"Script\": \"b.ps1\" }}, {{\r\n      \"Plugin\": \"{SCRIPT}\""
    );
    let twice = whole.replace(&format!("{{\r\n      \"Plugin\": \"{SCRIPT}\""), &step);
    assert_eq!(refused(&twice), "renewal-with-several-scripts");
    assert_eq!(refused(&whole.replace(STORE, "another")), "renewal-without-store");
    assert_eq!(refused(&whole[..whole.len() - 9]), "renewal-unreadable");
    assert_eq!(refused(""), "renewal-unreadable");

    let unknown = scene.take_over(std::path::Path::new("nobody"), &["--json"]).expect(2).json();
    assert_eq!(unknown["error"]["code"], "renewal-unknown");
    let file = scene.renewal(&whole);
    let target = scene.take_over(&file, &["--json", "--target", "absent"]).expect(2).json();
    assert_eq!(target["error"]["code"], "target-unknown");
    scene.world.write_settings("");
    let target = scene.take_over(&file, &["--json"]).expect(2).json();
    assert_eq!(target["error"]["code"], "target-unclear");
    assert_eq!(fs_err::read_to_string(&file).unwrap(), whole);
}

#[test]
fn the_renewal_of_a_product_is_found_by_the_certificate_that_it_has_issued() {
    let scene = Scene::new();
    let certificate = scene.authority.issue(&["other.example.net"]).sign();
    let fixture = ProductFixture::new(Product::XtractCore);
    fixture.enable_tls(&certificate);
    let file = scene.renewal(&renewal("", &script(PARAMETERS), &certificate.thumbprint));
    let mut command = scene.world.command(&["init", "--json"]);
    let ran =
        Ran::from(command.args([fixture.directory(), scene.world.path("simple-acme")]).output().unwrap());
    let found = ran.expect(0).json();
    let renewals = found["renewals"].as_array().unwrap();
    let renewal = renewals.iter().find(|renewal| renewal["client"] == "simple-acme").unwrap();
    assert_eq!(renewal["names"], serde_json::json!(["sap.example.com", "b\u{fc}cher.example.com"]));
    let settings = scene.settings();
    let command = format!("#   baton init --take-over {} --target xtract-core --dry-run\n", file.display());
    assert!(settings.contains(&command), "{settings}");
    assert!(!settings.contains("[[certificate]]\n"), "simple-acme goes on to renew it: {settings}");

    // By the name that the client shows it under, too.
    scene.uncomment();
    let simple_acme = scene.world.path("simple-acme");
    let named = ["--dry-run", simple_acme.to_str().unwrap()];
    let shown = scene.take_over(std::path::Path::new("[Manual] sap.example.com"), &named).expect(0).stdout;
    assert!(shown.contains("--target xtract-core"), "{shown}");
}
