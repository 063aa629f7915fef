//! `baton init`: what it finds, what it writes, and that what it writes works as it is: with real nginx, the products'
//! stand-in, and the files of ACME clients in the form that they write.

mod bad_input;
mod clients;
mod take_over;

use std::path::Path;

use baton_testkit::{Authority, IssuedCertificate, Nginx, Product, ProductFixture, openssl};
use serde_json::Value;

use crate::world::{Ran, World, list, quoted};

const HOST: &str = "www.example.com";

/// A world with a directory for an nginx, and a CA.
struct Scene {
    world: World,
    authority: Authority,
}

impl Scene {
    fn new() -> Self {
        let (world, authority) = (World::new(), Authority::new("Test CA"));
        fs_err::write(world.path("root.pem"), authority.root_pem()).unwrap();
        Self { world, authority }
    }

    fn nginx(&self) -> (Nginx, IssuedCertificate) {
        let certificate = self.authority.issue(&[HOST, "example.com"]).sign();
        fs_err::create_dir_all(self.world.path("tls")).unwrap();
        let (file, key) = (self.world.path("tls/site.pem"), self.world.path("tls/site.key"));
        certificate.write_files(&file, &key);
        (Nginx::start(&file, &key), certificate)
    }

    fn init(&self, arguments: &[&str], directory: &Path) -> Ran {
        let mut command = self.world.command(&[&["init"], arguments].concat());
        Ran::from(command.arg(directory).output().unwrap())
    }

    fn settings(&self) -> String {
        fs_err::read_to_string(self.world.path("baton.toml")).unwrap()
    }

    /// What a person does who takes the settings that stand there as comments.
    fn uncomment(&self) {
        let is_setting = |line: &&str| line.strip_prefix('#').is_some_and(|rest| !rest.starts_with(' '));
        let lines: Vec<String> = self
            .settings()
            .lines()
            .map(|line| if is_setting(&line) { line[1..].to_owned() } else { line.to_owned() })
            .collect();
        self.world.write_settings(&(lines.join("\n") + "\n"));
    }

    /// Takes another value for a key of the settings.
    fn set(&self, key: &str, value: &str) {
        let lines: Vec<String> = self
            .settings()
            .lines()
            .map(|line| {
                if line.starts_with(&format!("{key} = ")) {
                    format!("{key} = {value}")
                } else {
                    line.to_owned()
                }
            })
            .collect();
        self.world.write_settings(&(lines.join("\n") + "\n"));
    }

    fn append(&self, text: &str) {
        self.world.write_settings(&(self.settings() + text));
    }
}

/// The servers that were found below a directory; this machine may have some of its own.
fn servers_in(json: &Value, directory: &Path) -> Vec<Value> {
    let is_here = |server: &&Value| Path::new(server["certificate"].as_str().unwrap()).starts_with(directory);
    json["servers"].as_array().unwrap().iter().filter(is_here).cloned().collect()
}

#[test]
fn what_is_written_for_an_nginx_is_checked_swapped_and_renewed() {
    let scene = Scene::new();
    let (nginx, first) = scene.nginx();
    let found = scene.init(&["--json"], nginx.prefix()).expect(0).json();
    assert_eq!(found["outcome"], "written");
    let [server] = servers_in(&found, scene.world.root()).try_into().unwrap();
    assert_eq!(server["holds"]["thumbprint"], first.thumbprint.as_str());
    assert_eq!(found["settings"], scene.settings().as_str());

    // As it is, without a change by anybody.
    let checked = scene.world.baton(&["check"]).expect(0);
    assert!(checked.stdout.contains(&format!("endpoint {}", nginx.address())), "{}", checked.stdout);
    assert!(checked.stdout.contains(": sound"), "{}", checked.stdout);

    let second = scene.authority.issue(&[HOST, "example.com"]).sign();
    second.write_files(&scene.world.path("new.pem"), &scene.world.path("new.key"));
    let swapped = scene.world.baton(&["swap", "", "new.pem", "--key", "new.key", "--json"]).expect(0);
    assert_eq!(swapped.json()["outcome"], "served");
    assert_eq!(openssl::served_certificate(nginx.address(), HOST).unwrap().thumbprint, second.thumbprint);

    // And with the certificate that a person chooses to take.
    scene.uncomment();
    let renewed = scene.world.baton(&["renew", "--force", "--json"]).expect(0).json();
    assert_eq!(
        (&renewed["outcome"], &renewed["old"]),
        (&"served".into(), &second.thumbprint.as_str().into())
    );
    let served = openssl::served_certificate(nginx.address(), HOST).unwrap();
    assert_eq!(served.thumbprint, renewed["new"].as_str().unwrap());
}

#[test]
fn settings_that_are_there_are_never_changed() {
    let scene = Scene::new();
    let (nginx, _first) = scene.nginx();
    let own = "# mine\r\n[[target]]\nname = 'localhost'\nproduct = 'yunio'\ndirectory = '/absent'\n";
    scene.world.write_settings(own);
    let ran = scene.init(&[], nginx.prefix()).expect(3);
    assert_eq!(scene.settings(), own);
    assert!(ran.stdout.contains("\n+name = \"www.example.com\"\n"), "{}", ran.stdout);
    assert!(ran.stdout.contains("\n directory = '/absent'\n"), "a diff shows what is there: {}", ran.stdout);
    assert!(ran.stderr.contains("[settings-exist]"), "{}", ran.stderr);
    let ran = scene.init(&["--dry-run", "--json"], nginx.prefix()).expect(0).json();
    assert_eq!(ran["outcome"], "planned");
    assert_eq!(scene.settings(), own);

    // What was found is added by hand: then there is nothing left to add.
    scene.append(ran["settings"].as_str().unwrap());
    let ran = scene.init(&["--json"], nginx.prefix()).expect(0).json();
    assert_eq!((&ran["outcome"], &ran["settings"]), (&"unchanged".into(), &"".into()));
}

#[test]
fn a_dry_run_writes_nothing_and_another_file_can_be_named() {
    let scene = Scene::new();
    let (nginx, _first) = scene.nginx();
    let before = scene.world.listing();
    let shown = scene.init(&["--dry-run"], nginx.prefix()).expect(0).stdout;
    assert_eq!(scene.world.listing(), before);
    scene.init(&["--write", "other.toml"], nginx.prefix()).expect(0);
    let written = fs_err::read_to_string(scene.world.path("other.toml")).unwrap();
    assert!(shown.ends_with(written.as_str()), "{shown}");
    assert!(!scene.world.path("baton.toml").exists());
    assert!(!scene.world.path("baton-data").exists(), "nothing but the file is made");
}

/// All that a configuration of nginx may have: includes, inheritance, quotes, Lua, several names and addresses.
#[test]
fn nginx_is_understood_as_it_understands_itself() {
    let scene = Scene::new();
    let directory = scene.world.path("etc nginx");
    fs_err::create_dir_all(directory.join("sites/on")).unwrap();
    for name in ["house", "shop", "mail", "rsa", "own \"quote\" it's"] {
        let certificate =
            scene.authority.issue(&[&format!("{}.example.com", name.split(' ').next().unwrap())]).sign();
        certificate
            .write_files(&directory.join(format!("{name}.pem")), &directory.join(format!("{name}.key")));
    }
    fs_err::write(
        directory.join("nginx.conf"),
        "daemon off; pid nginx.pid; events {}\n\
         http {\n  ssl_certificate house.pem; ssl_certificate_key house.key; # of all\n\
         include sites/o[mno]/*.conf;\n  server { listen 80; server_name plain.example.com; }\n}\n",
    )
    .unwrap();
    fs_err::write(
        directory.join("sites/on/a.conf"),
        "server {\n listen 8443 ssl;\n listen [::]:8443 ssl;\n listen unix:/run/x ssl;\n\
         server_name ~^(?<a>.+)\\.example\\.com$ *.example.com .house.example.com;\n}\n\
         server { listen 127.0.0.2:8444 ssl; server_name other.example.net shop.example.com;\n\
         ssl_certificate 'shop.pem'; ssl_certificate_key \"shop.key\";\n\
         ssl_certificate rsa.pem; ssl_certificate_key rsa.key;\n\
         location / { return 200 \"${host} } ; # no comment\"; } }\n",
    )
    .unwrap();
    fs_err::write(
        directory.join("sites/on/b.conf"),
        "server { listen *:8445 ssl; server_name _; ssl_certificate \"own \\\"quote\\\" it's.pem\";\n\
         ssl_certificate_key 'own \"quote\" it\\'s.key'; }\n\
         server { listen 8446 ssl; server_name a.example.com; ssl_certificate $ssl_server_name.pem;\n\
         ssl_certificate_key $ssl_server_name.key; }\n",
    )
    .unwrap();
    fs_err::write(directory.join("sites/off.conf"), "server { this is read by nobody").unwrap();

    let found = scene.init(&["--json"], &directory).expect(0).json();
    let servers = servers_in(&found, &directory);
    let told: Vec<(String, Vec<String>)> = servers
        .iter()
        .map(|server| {
            let certificate = Path::new(server["certificate"].as_str().unwrap()).file_name().unwrap();
            let endpoints = server["endpoints"].as_array().unwrap().iter();
            let text = |it: &Value| {
                format!("{} {}", it["address"].as_str().unwrap(), it["name"].as_str().unwrap_or("-"))
            };
            (certificate.to_string_lossy().into_owned(), endpoints.map(text).collect())
        })
        .collect();
    let expected = [
        ("house.pem", vec!["127.0.0.1:8443 house.example.com", "[::1]:8443 house.example.com"]),
        ("shop.pem", vec!["127.0.0.2:8444 shop.example.com"]),
        ("rsa.pem", vec!["127.0.0.2:8444 other.example.net"]),
        ("own \"quote\" it's.pem", vec!["127.0.0.1:8445 -"]),
    ];
    let expected = expected
        .map(|(name, endpoints)| (name.to_owned(), endpoints.into_iter().map(str::to_owned).collect()));
    assert_eq!(told, expected);
    let codes: Vec<&str> =
        found["findings"].as_array().unwrap().iter().map(|it| it["code"].as_str().unwrap()).collect();
    assert!(codes.contains(&"certificate-no-file"), "{codes:?}");
    // nginx does not run, so no endpoint answers; but the settings themselves are sound.
    let targets = scene.world.baton(&["target", "list", "--json"]).expect(0).stdout;
    assert!(targets.contains("8445"), "{targets}");
}

#[test]
fn a_product_is_found_with_its_certificate_and_handed_over_once_its_restart_is_known() {
    let scene = Scene::new();
    let first = scene.authority.issue(&["Sap.example.com", "sap"]).sign();
    let second = scene.authority.issue(&["Sap.example.com", "sap"]).sign();
    let fixture = ProductFixture::new(Product::XtractCore);
    fixture.enable_tls(&first);
    fixture.install(&second);
    fixture.start();

    let found = scene.init(&["--json"], &fixture.directory()).expect(0).json();
    let product = &found["products"][0];
    assert_eq!(product["kinds"], serde_json::json!(["xtract-core"]));
    assert_eq!(product["thumbprint"], first.thumbprint.as_str());
    // More than the settings tell: both names, as its port has shown them.
    assert_eq!(product["served"]["names"], serde_json::json!(["Sap.example.com", "sap"]));
    let settings = scene.settings();
    assert!(settings.contains("#product = \"xtract-core\"\n"), "{settings}");
    assert!(settings.contains("#names = [\"Sap.example.com\", \"sap\"]\n"), "{settings}");
    scene.world.baton(&["check"]).expect(0);

    scene.uncomment();
    scene.set("activate", &list(&fixture.restart_command()));
    scene.append(&format!(
        "\n[store]\npath = {}\n\n[[issuer]]\nname = 'house'\nkind = 'manual'\nroot = 'root.pem'\n",
        quoted(&fixture.store())
    ));
    scene.world.baton(&["check"]).expect(0);
    let swapped = scene.world.baton(&["swap", "", &second.thumbprint, "--json"]).expect(0).json();
    assert_eq!(swapped["outcome"], "served");
    let (_, address) = fixture.endpoints().into_iter().find(|(name, _)| name.ends_with("-tls")).unwrap();
    assert_eq!(
        openssl::served_certificate(address, "Sap.example.com").unwrap().thumbprint,
        second.thumbprint
    );
}

#[test]
fn a_successor_that_the_store_has_already_is_told() {
    let scene = Scene::new();
    let fixture = ProductFixture::new(Product::XtractCore);
    let names = ["sap.example.com", "sap"];
    let days = |days: u64| std::time::Duration::from_secs(days * 86_400);
    let current = scene.authority.issue(&names).valid_for(days(60)).sign();
    let fitting = ["sap.example.com", "more.example.com", "sap"];
    let fitting = scene.authority.issue(&fitting).valid_for(days(90)).sign();
    for other in [
        scene.authority.issue(&["sap.example.com"]).valid_for(days(90)).sign(),
        scene.authority.issue(&names).valid_for(days(30)).sign(),
    ] {
        fixture.install(&other);
    }
    fixture.enable_tls(&current);
    fixture.install(&fitting);
    scene.world.write_settings(&format!("[store]\npath = {}\n", quoted(&fixture.store())));
    // The product does not run: its names are read from the store.
    let found = scene.init(&["--json", "--dry-run"], &fixture.directory()).expect(0).json();
    let product = &found["products"][0];
    assert_eq!(product["stored"]["names"], serde_json::json!(names));
    let successors = product["successors"].as_array().unwrap();
    let thumbprints: Vec<&str> = successors.iter().map(|it| it["thumbprint"].as_str().unwrap()).collect();
    assert_eq!(thumbprints, [fitting.thumbprint.as_str()]);
    let told = format!("baton swap \"\" {} --target xtract-core\n", fitting.thumbprint);
    assert!(found["settings"].as_str().unwrap().contains(&told), "{found}");
}

/// The products of one maker lie side by side; a name that tells is enough, and one that does not is asked about.
#[test]
fn several_products_in_one_directory_are_several_targets() {
    let scene = Scene::new();
    let certificate = scene.authority.issue(&["sap.example.com"]).sign();
    let fixtures = [
        ("yunIO", ProductFixture::new(Product::Yunio)),
        ("Xtract Universal 6", ProductFixture::new(Product::XtractUniversal)),
        ("BOARDConnector", ProductFixture::new(Product::BoardConnector)),
        ("unnamed", ProductFixture::new(Product::BoardConnector)),
    ];
    let directory = scene.world.path("products");
    for (name, fixture) in &fixtures {
        fixture.enable_tls(&certificate);
        copy(&fixture.directory(), &directory.join(name));
    }
    let found = scene.init(&["--json"], &directory).expect(0).json();
    let kinds: Vec<String> =
        found["products"].as_array().unwrap().iter().map(|it| it["kinds"].to_string()).collect();
    let unclear = r#"["yunio","xtract-universal","board-connector"]"#;
    assert_eq!(kinds, [r#"["board-connector"]"#, r#"["xtract-universal"]"#, unclear, r#"["yunio"]"#]);
    let settings = scene.settings();
    for line in [
        "#name = \"board-connector\"",
        "#name = \"xtract-universal\"",
        "#name = \"product\"",
        "#name = \"yunio\"",
    ] {
        assert!(settings.contains(&format!("\n{line}\n")), "{line} in {settings}");
    }
    assert!(settings.contains("\nlisten = \"8277\"\n"), "yunIO has the port of Baton's Designer: {settings}");
    scene.world.baton(&["check"]).expect(0);
    scene.uncomment();
    let targets = scene.world.baton(&["target", "list", "--json"]).expect(0).stdout;
    assert_eq!(targets.matches(&format!("\"named\":\"{}\"", certificate.thumbprint)).count(), 4, "{targets}");
}

fn copy(from: &Path, to: &Path) {
    fs_err::create_dir_all(to).unwrap();
    for entry in fs_err::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &to);
        } else {
            fs_err::copy(entry.path(), to).unwrap();
        }
    }
}
