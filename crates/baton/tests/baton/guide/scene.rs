//! A server whose guide is printed and carried out, in a network of its own, with a CA by OpenSSL beside it.

use std::cell::RefCell;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use baton_testkit::condition::{wait_for, wait_until};
use baton_testkit::{Authority, Nginx, Product, ProductFixture, SettingsShape, process};

use crate::network::{Network, run};
use crate::world::{Ran, World, list, quoted};

pub(super) const HOST: &str = "sap.example.com";

const LIMIT: Duration = Duration::from_secs(30);

/// Who issues the successors.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum By {
    /// An internal CA of Baton's own.
    House,
    /// A person carries requests to the CA.
    Person,
    /// No `[[certificate]]` names the target.
    Nobody,
}

/// The server of the target.
enum Server {
    Product(ProductFixture),
    Files(Nginx),
}

pub(super) struct Scene {
    _network: Network,
    pub(super) world: World,
    server: Server,
    authority: Authority,
    up: RefCell<Option<Up>>,
}

/// A `baton up` that runs.
struct Up {
    child: Child,
    exit: i32,
}

impl Drop for Up {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A command of a guide.
#[derive(Clone, Debug)]
pub(super) struct Shown {
    /// The heading that it stands under, of the second level.
    pub(super) section: String,
    /// The command line.
    pub(super) line: String,
    /// The exit code that the guide promises.
    pub(super) exit: i32,
}

impl Shown {
    /// The name of the command of `baton`.
    pub(super) fn name(&self) -> &str {
        let (_, rest) = self.line.split_once("baton ").unwrap();
        rest.split(' ').next().unwrap()
    }
}

/// Every `baton …` of the blocks that are for a console, in their order.
pub(super) fn commands(markdown: &str) -> Vec<Shown> {
    let (mut section, mut language, mut commands) = (String::new(), None, Vec::new());
    for line in markdown.lines() {
        match (line.strip_prefix("```"), language) {
            (Some(name), None) => language = Some(name),
            (Some(_), Some(_)) => language = None,
            (None, Some("console" | "sh")) => {
                let Some(command) = line.strip_prefix("$ ") else {
                    panic!("what is no command stands between commands: {line}");
                };
                let (command, exit) = command.split_once(" # ").unwrap_or((command, "0"));
                // `baton` may stand behind variables of its environment; as an argument it is another's.
                let program = command.split(' ').find(|word| !word.contains('='));
                if program == Some("baton") {
                    commands.push(Shown {
                        section: section.clone(),
                        line: command.trim().to_owned(),
                        exit: exit.trim().parse().unwrap(),
                    });
                }
            }
            (None, Some(_)) => assert!(!line.starts_with("$ "), "not run, and looks as if it were: {line}"),
            (None, None) => {
                if let Some(heading) = line.strip_prefix("## ") {
                    section = heading.to_owned();
                }
            }
        }
    }
    assert_eq!(language, None, "a block of code does not end");
    commands
}

impl Scene {
    pub(super) fn of_product(product: Product, shape: SettingsShape, by: By, is_expired: bool) -> Self {
        let network = Network::enter();
        let (world, authority) = (World::new(), Authority::new("Test CA"));
        let fixture = ProductFixture::with_shape(product, shape);
        let issuance = authority.issue(&[HOST]);
        let old = if is_expired { issuance.expired().sign() } else { issuance.sign() };
        fixture.enable_tls(&old);
        if product == Product::Yunio {
            let access = fixture.directory().join("config/servers/permission.json");
            fs_err::write(access, "{ \"users\": [] }\n").unwrap();
        }
        let scene = Self {
            _network: network,
            world,
            server: Server::Product(fixture),
            authority,
            up: RefCell::new(None),
        };
        scene.prepare(by);
        run(&scene.activation().join(" "));
        scene
    }

    pub(super) fn of_files(by: By, is_expired: bool) -> Self {
        let network = Network::enter();
        let (world, authority) = (World::new(), Authority::new("Test CA"));
        let issuance = authority.issue(&[HOST]);
        let old = if is_expired { issuance.expired().sign() } else { issuance.sign() };
        fs_err::create_dir(world.path("tls")).unwrap();
        let (certificate, key) = (world.path("tls/site.pem"), world.path("tls/site.key"));
        old.write_files(&certificate, &key);
        let nginx = Nginx::start(&certificate, &key);
        let scene = Self {
            _network: network,
            world,
            server: Server::Files(nginx),
            authority,
            up: RefCell::new(None),
        };
        scene.prepare(by);
        scene
    }

    fn prepare(&self, by: By) {
        let subject = ["-subj", "/CN=Company CA"];
        let make = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "ca.key", "-out", "ca.pem"];
        self.openssl(&[&make[..], &subject].concat());
        let roots = fs_err::read_to_string(self.world.path("ca.pem")).unwrap() + self.authority.root_pem();
        fs_err::write(self.world.path("root.pem"), roots).unwrap();
        fs_err::write(self.world.path("secret.txt"), "secret\n").unwrap();
        self.write_settings(by);
    }

    /// Settings as a person may have them, with short proofs.
    pub(super) fn write_settings(&self, by: By) {
        let target = match &self.server {
            Server::Product(fixture) => format!(
                "product = '{}'\ndirectory = {}\nstore = {}\n",
                fixture.product().key(),
                quoted(&fixture.directory()),
                quoted(&fixture.store()),
            ),
            Server::Files(nginx) => format!(
                "certificate = {}\nkey = {}\ncheck = {}\nendpoints = ['{}']\n",
                quoted(&self.world.path("tls/site.pem")),
                quoted(&self.world.path("tls/site.key")),
                list(&nginx.check_command()),
                nginx.address(),
            ),
        };
        let issuer = match by {
            By::House => "house",
            By::Person => "company",
            By::Nobody => "",
        };
        let certificate = format!(
            "\n[[certificate]]\nname = 'sap'\nnames = ['{HOST}']\nissuer = '{issuer}'\ntargets = ['sap']\n\
             allow-same-key = true\n"
        );
        self.world.write_settings(&format!(
            "[designer]\nlisten = '8277'\n\n[proof]\nover = '200ms'\nquiet = '100ms'\ndeadline = '5s'\n\n\
             [[issuer]]\nname = 'company'\nkind = 'manual'\nroot = 'root.pem'\n\n\
             [[issuer]]\nname = 'house'\nkind = 'internal'\n\n\
             [[target]]\nname = 'sap'\n{target}activate = {}\n{}",
            list(&self.activation()),
            if by == By::Nobody { "" } else { &certificate },
        ));
    }

    fn activation(&self) -> Vec<String> {
        match &self.server {
            Server::Product(fixture) => {
                // The usual ports: this network has nobody else in it.
                let mut words = fixture.restart_command();
                while let Some(position) = words.iter().position(|word| word == "--port") {
                    words.drain(position..position + 2);
                }
                words
            }
            Server::Files(nginx) => nginx.reload_command(),
        }
    }

    /// As a person does it in the product's own settings.
    pub(super) fn switch_off(&self) {
        let Server::Product(fixture) = &self.server else { panic!("there is nothing to switch") };
        let text = fs_err::read_to_string(fixture.tls_json()).unwrap();
        fs_err::write(fixture.tls_json(), text.replace("\"tlsEnabled\": true", "\"tlsEnabled\": false"))
            .unwrap();
        run(&self.activation().join(" "));
    }

    pub(super) fn guide(&self) -> String {
        self.world.baton(&["guide", "sap"]).expect(0).stdout
    }

    /// A new certificate in the store that the target takes it from.
    pub(super) fn import(&self) -> String {
        let issued = self.authority.issue(&[HOST]).sign();
        if let Server::Product(fixture) = &self.server {
            fixture.install(&issued);
        }
        issued.thumbprint
    }

    /// Does what the guide shows, as a shell does it, and what it leaves to people before.
    #[track_caller]
    pub(super) fn carry_out(&self, shown: &Shown) {
        for file in ["new.pfx", "same-key.pfx"] {
            if shown.line.contains(file) {
                self.write_pfx(file);
            }
        }
        for name in ["new-key", "same-key"] {
            if shown.line.contains(&format!("accept {name}.pem")) {
                self.sign(name);
            }
        }
        // What an ACME client keeps is here, and not where this machine has it.
        let clients = self.world.path("live");
        let line = shown.line.replace("/etc/letsencrypt/live", &clients.display().to_string());
        if line.contains("RENEWED_LINEAGE") {
            self.write_lineage(&clients.join(HOST));
        }
        if shown.name() == "up" {
            return self.start_up(&line, shown.exit);
        }
        let output = self.shell(&line).output().unwrap();
        let ran = Ran::from(output);
        assert_eq!(
            ran.exit, shown.exit,
            "{} / {}\nstdout:\n{}\nstderr:\n{}",
            shown.section, shown.line, ran.stdout, ran.stderr
        );
    }

    fn shell(&self, line: &str) -> Command {
        let directory = PathBuf::from(env!("CARGO_BIN_EXE_baton")).parent().unwrap().display().to_string();
        let mut command = self.world.command(&[]);
        let variables: Vec<_> = command.get_envs().map(|(name, _)| name.to_owned()).collect();
        command = Command::new("sh");
        for name in variables {
            command.env_remove(name);
        }
        command.current_dir(self.world.root()).stdin(Stdio::null());
        let exec = if line.starts_with("baton") { "exec " } else { "" };
        command.arg("-c").arg(format!("PATH='{directory}':$PATH; {exec}{line}"));
        command
    }

    /// Until it serves; it goes on while the rest of the guide is carried out.
    fn start_up(&self, line: &str, exit: i32) {
        let log = self.world.path("up.log");
        let file = fs_err::File::create(&log).unwrap().into_file();
        let mut command = self.shell(line);
        let child = command.stdout(Stdio::null()).stderr(Stdio::from(file)).spawn().unwrap();
        self.up.replace(Some(Up { child, exit }));
        let said = || fs_err::read_to_string(&log).unwrap();
        wait_until("it serves", LIMIT, || said().contains("serves the Designer at"));
        wait_until("it has looked at the Designer", LIMIT, || {
            let status = self.world.baton(&["status", "--json"]).json();
            let rows = status["rows"].as_array().unwrap().iter();
            rows.filter(|row| row["target"] == "designer").all(|row| row["served"].is_object())
        });
    }

    /// Ctrl-C, where the guide has left something that runs.
    pub(super) fn end(&self) {
        let Some(mut up) = self.up.take() else { return };
        process::terminate(up.child.id()).unwrap();
        let ended = wait_for(LIMIT, || up.child.try_wait().unwrap()).expect("it ends");
        assert_eq!(ended.code(), Some(up.exit));
    }

    /// A PFX as a colleague sends it.
    fn write_pfx(&self, file: &str) {
        let (certificate, key) = (self.world.path("sent.pem"), self.world.path("sent.key"));
        self.authority.issue(&[HOST]).sign().write_files(&certificate, &key);
        let make =
            ["pkcs12", "-export", "-in", "sent.pem", "-inkey", "sent.key", "-passout", "file:secret.txt"];
        self.openssl(&[&make[..], &["-out", file]].concat());
        fs_err::remove_file(certificate).unwrap();
        fs_err::remove_file(key).unwrap();
    }

    /// What certbot leaves behind.
    fn write_lineage(&self, directory: &std::path::Path) {
        fs_err::create_dir_all(directory).unwrap();
        let issued = self.authority.issue(&[HOST]).sign();
        issued.write_files(&directory.join("fullchain.pem"), &directory.join("privkey.pem"));
    }

    /// The CA signs `NAME.csr`.
    fn sign(&self, name: &str) {
        let (request, answer) = (format!("{name}.csr"), format!("{name}.pem"));
        let sign = ["x509", "-req", "-CA", "ca.pem", "-CAkey", "ca.key", "-copy_extensions", "copyall"];
        self.openssl(&[&sign[..], &["-days", "90", "-in", &request, "-out", &answer]].concat());
    }

    fn openssl(&self, arguments: &[&str]) {
        let mut command = Command::new("openssl");
        let output = command.current_dir(self.world.root()).args(arguments).output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    }
}
