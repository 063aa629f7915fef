//! `baton hook`: first with what each client passes, then called by the clients themselves, which get their
//! certificates from Pebble. nginx is what is handed over, OpenSSL the witness of what is served.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use baton_testkit::{Authority, IssuedCertificate, Nginx, Pebble, Webroot, invocation, openssl};

use crate::up::Up;
use crate::world::{Ran, World, list, quoted};

const HOST: &str = "www.example.com";
const OTHER_HOST: &str = "mail.example.com";

/// How long a question to OpenSSL may take.
const LIMIT: Duration = Duration::from_secs(20);

/// A web server whose PEM files are below the working directory of a test.
struct Site {
    name: &'static str,
    nginx: Nginx,
    certificate: PathBuf,
    key: PathBuf,
}

impl Site {
    fn new(world: &World, name: &'static str, first: &IssuedCertificate) -> Self {
        let directory = world.path(name);
        fs_err::create_dir(&directory).unwrap();
        let (certificate, key) = (directory.join("site.pem"), directory.join("site.key"));
        first.write_files(&certificate, &key);
        Self { name, nginx: Nginx::start(&certificate, &key), certificate, key }
    }

    /// Its part of the settings. `host` is the name of its endpoint, where it shall have one.
    fn settings(&self, host: Option<&str>, activate: &[String]) -> String {
        let address = self.nginx.address();
        let endpoint = match host {
            Some(host) => format!("{{ address = '{address}', name = '{host}' }}"),
            None => format!("'{address}'"),
        };
        format!(
            "[[target]]\nname = '{}'\nkind = 'files'\ncertificate = {}\nkey = {}\nactivate = {}\n\
             endpoints = [{endpoint}]\n\n",
            self.name,
            quoted(&self.certificate),
            quoted(&self.key),
            list(activate),
        )
    }

    fn sound_settings(&self) -> String {
        self.settings(None, &self.nginx.reload_command())
    }

    /// The thumbprint of what it serves.
    fn served(&self) -> String {
        openssl::served_certificate(self.nginx.address(), HOST).unwrap().thumbprint
    }
}

/// Settings with a short proof, and `roots` as what certificates may lead to.
fn write_settings(world: &World, roots: &str, targets: &str) {
    fs_err::write(world.path("root.pem"), roots).unwrap();
    world.write_settings(&format!(
        "[proof]\nover = '200ms'\nquiet = '100ms'\ndeadline = '5s'\n\n\
         [[issuer]]\nname = 'others'\nkind = 'manual'\nroot = 'root.pem'\n\n{targets}"
    ));
}

/// One server with one certificate, and a successor in the files of a client.
struct Scene {
    world: World,
    site: Site,
    authority: Authority,
    first: IssuedCertificate,
    new: IssuedCertificate,
}

impl Scene {
    fn new() -> Self {
        let world = World::new();
        let authority = Authority::new("Test CA");
        let (first, new) = (authority.issue(&[HOST]).sign(), authority.issue(&[HOST]).sign());
        let site = Site::new(&world, "website", &first);
        write_settings(&world, authority.root_pem(), &site.sound_settings());
        Self { world, site, authority, first, new }
    }

    /// The files of a client with `certificate`, and how certbot tells of them.
    fn lineage(&self, certificate: &IssuedCertificate) -> (&'static str, PathBuf) {
        let live = self.world.path("live");
        fs_err::create_dir_all(&live).unwrap();
        certificate.write_files(&live.join("fullchain.pem"), &live.join("privkey.pem"));
        ("RENEWED_LINEAGE", live)
    }

    fn certbot(&self, certificate: &IssuedCertificate, more: &[&str]) -> Ran {
        let mut arguments = vec!["hook", "certbot", "--json"];
        arguments.extend(more);
        self.hook(&arguments, &[self.lineage(certificate)])
    }

    fn hook(&self, arguments: &[&str], passed: &[(&str, PathBuf)]) -> Ran {
        let mut command = self.world.command(arguments);
        Ran::from(command.envs(passed.iter().cloned()).output().unwrap())
    }
}

#[test]
fn each_client_is_understood() {
    let scene = Scene::new();
    let directory = scene.world.path("client");
    fs_err::create_dir(&directory).unwrap();
    let (chain, key) = (directory.join("fullchain.pem"), directory.join("privkey.pem"));
    let (chain_text, key_text) = (chain.to_str().unwrap(), key.to_str().unwrap());
    let deploy = ["deploy_cert", HOST, key_text, "/absent/cert.pem", chain_text, "/absent/chain.pem", "1"];
    let dehydrated = [&["hook", "dehydrated", "--json", "--"][..], &deploy].concat();
    let two = |certificate, private| vec![(certificate, chain.clone()), (private, key.clone())];

    for (arguments, passed) in [
        (&["hook", "certbot", "--json"][..], vec![("RENEWED_LINEAGE", directory.clone())]),
        (&["hook", "lego", "--json"], two("LEGO_CERT_PATH", "LEGO_CERT_KEY_PATH")),
        (&["hook", "lego", "--json"], two("LEGO_HOOK_CERT_PATH", "LEGO_HOOK_CERT_KEY_PATH")),
        (&["hook", "acme-sh", "--json"], two("CERT_FULLCHAIN_PATH", "CERT_KEY_PATH")),
        (&dehydrated, Vec::new()),
    ] {
        let new = scene.authority.issue(&[HOST]).sign();
        new.write_files(&chain, &key);

        let report = scene.hook(arguments, &passed).expect(0).json();

        assert_eq!(report["outcome"], "served", "{arguments:?}");
        assert_eq!(report["target"], "website");
        assert_eq!(report["new"], new.thumbprint.as_str());
        assert_eq!(scene.site.served(), new.thumbprint, "{arguments:?}");
        let shown = scene.world.baton(&["store", "show", &new.thumbprint, "--json"]).expect(0).json();
        assert_eq!((&shown["has_key"], &shown["chain_length"]), (&true.into(), &1.into()), "{shown}");
    }
}

/// Autoenrollment puts the certificate into the store itself, and names it as events do: in small letters.
#[test]
fn what_autoenrollment_has_replaced_is_handed_over() {
    let scene = Scene::new();
    let hook = |old: &str, new: &str, more: &[&str]| {
        let (old, new) = (old.to_ascii_lowercase(), new.to_ascii_lowercase());
        scene.world.baton(&[&["hook", "adcs", &old, &new, "--json"], more].concat())
    };
    let import = |certificate: &IssuedCertificate| {
        let (file, key) = (scene.world.path("new.pem"), scene.world.path("new.key"));
        certificate.write_files(&file, &key);
        let (file, key) = (file.display().to_string(), key.display().to_string());
        scene.world.baton(&["store", "import", &file, "--key", &key]).expect(0);
    };
    let absent = hook(&scene.first.thumbprint, &scene.new.thumbprint, &[]).expect(3);
    assert_eq!(absent.json()["error"]["code"], "certificate-not-found");
    assert_eq!(scene.site.served(), scene.first.thumbprint);

    import(&scene.new);
    let report = hook(&scene.first.thumbprint, &scene.new.thumbprint, &[]).expect(0).json();
    assert_eq!((&report["outcome"], &report["target"]), (&"served".into(), &"website".into()));
    assert_eq!(scene.site.served(), scene.new.thumbprint);

    // One of another server of this machine.
    let mail = scene.authority.issue(&[OTHER_HOST]).sign();
    import(&mail);
    let ran = hook(&scene.first.thumbprint, &mail.thumbprint, &[]).expect(0);
    assert_eq!(ran.stdout, "");
    assert!(ran.stderr.contains(&format!("no target of the settings uses {OTHER_HOST}: nothing to do")));
    assert_eq!(scene.site.served(), scene.new.thumbprint);

    // Who uses the one that was replaced is asked for, whatever the names of its successor are.
    let ran = hook(&scene.new.thumbprint, &mail.thumbprint, &[]);
    assert!(ran.stdout.contains("website"), "{}{}", ran.stdout, ran.stderr);

    // What is no thumbprint.
    hook(&scene.first.thumbprint, "new", &[]).expect(2);
    hook("old", &scene.new.thumbprint, &[]).expect(2);
}

#[test]
fn what_a_client_does_not_pass_is_named() {
    let scene = Scene::new();
    let key = || ("LEGO_CERT_KEY_PATH", scene.world.path("key.pem"));
    let empty = || ("RENEWED_LINEAGE", PathBuf::new());
    for (client, passed, missing, how) in [
        ("certbot", vec![], "RENEWED_LINEAGE", "--deploy-hook \"baton hook certbot\""),
        ("certbot", vec![empty()], "RENEWED_LINEAGE", "--deploy-hook"),
        ("lego", vec![], "LEGO_CERT_PATH", "--renew-hook \"baton hook lego\""),
        ("lego", vec![("LEGO_CERT_PATH", PathBuf::from("x"))], "LEGO_CERT_KEY_PATH", "--run-hook"),
        ("lego", vec![key()], "LEGO_CERT_PATH", "--run-hook"),
        ("acme-sh", vec![], "CERT_FULLCHAIN_PATH", "--reloadcmd \"baton hook acme-sh\""),
        ("acme-sh", vec![("CERT_FULLCHAIN_PATH", PathBuf::from("x"))], "CERT_KEY_PATH", "--reloadcmd"),
    ] {
        let ran = scene.hook(&["hook", client, "--json"], &passed).expect(2);
        assert_eq!(ran.json()["error"]["code"], "hook-variable-missing", "{client}");
        assert!(ran.stderr.contains(missing) && ran.stderr.contains(how), "{}", ran.stderr);
    }
    for arguments in [&["deploy_cert"][..], &["deploy_cert", HOST, "key.pem", "cert.pem"]] {
        let all = [&["hook", "dehydrated", "--json", "--"], arguments].concat();
        let ran = scene.hook(&all, &[]).expect(2);
        assert_eq!(ran.json()["error"]["code"], "hook-argument-missing");
        assert!(ran.stderr.contains("-- \"$@\""), "{}", ran.stderr);
    }
    assert_eq!(scene.hook(&["hook", "dehydrated"], &[]).expect(2).stdout, "", "nothing was passed on");
    assert!(!scene.world.path("baton-data").exists(), "nothing was made");
}

#[test]
fn other_operations_of_dehydrated_do_nothing() {
    let world = World::new();
    world.write_settings("these are no settings");
    let before = world.listing();
    for operation in [
        &["deploy_challenge", HOST, "token", "value"][..],
        &["clean_challenge", HOST, "token", "value"],
        &["sync_cert", "key.pem", "cert.pem", "fullchain.pem", "chain.pem", "request.csr"],
        &["deploy_ocsp", HOST, "ocsp.der", "1"],
        &["unchanged_cert", HOST, "key.pem", "cert.pem", "fullchain.pem", "chain.pem"],
        &["invalid_challenge", HOST, "no answer"],
        &["request_failure", "500", "reason", "GET", "headers"],
        &["generate_csr", HOST, "certificates", HOST],
        &["startup_hook"],
        &["exit_hook", "--and-an-option"],
        &[
            "this_hookscript_is_broken__dehydrated_is_working_fine__please_ignore_unknown_hooks_in_your_script",
        ],
    ] {
        let ran = world.baton(&[&["hook", "dehydrated", "--"], operation].concat()).expect(0);
        assert_eq!((ran.stdout.as_str(), ran.stderr.as_str()), ("", ""), "{operation:?}");
    }
    assert_eq!(world.listing(), before, "nothing is made");
}

#[test]
fn a_handover_that_fails_is_undone_and_told() {
    let scene = Scene::new();
    let settings = scene.site.settings(None, &["true".to_owned()]);
    write_settings(&scene.world, scene.authority.root_pem(), &settings);

    let ran = scene.certbot(&scene.new, &[]).expect(4);

    assert_eq!(ran.json()["outcome"], "rolled-back");
    assert_eq!(scene.site.served(), scene.first.thumbprint);

    let expired = scene.authority.issue(&[HOST]).expired().sign();
    let ran = scene.certbot(&expired, &[]).expect(3);
    assert!(ran.codes().contains(&"certificate-expired".to_owned()));
}

#[test]
fn files_that_hold_no_certificate_with_its_key_are_refused() {
    let scene = Scene::new();
    let (variable, live) = scene.lineage(&scene.new);
    let refused = |code: &str| {
        let ran = scene.hook(&["hook", "certbot", "--json"], &[(variable, live.clone())]).expect(3);
        assert_eq!(ran.json()["error"]["code"], code);
    };
    fs_err::write(live.join("privkey.pem"), &scene.first.key_pem).unwrap();
    refused("key-does-not-match");
    fs_err::remove_file(live.join("privkey.pem")).unwrap();
    refused("file-unreadable");

    let listed = scene.world.baton(&["store", "list", "--json"]).expect(0).json();
    assert_eq!(listed["certificates"].as_array().unwrap().len(), 0, "nothing was imported");
    assert_eq!(scene.site.served(), scene.first.thumbprint);
}

#[test]
fn a_server_that_reads_the_files_of_the_client_is_refused() {
    let scene = Scene::new();
    let live = scene.world.path("live");
    fs_err::create_dir(&live).unwrap();
    std::os::unix::fs::symlink(&scene.site.certificate, live.join("fullchain.pem")).unwrap();
    std::os::unix::fs::symlink(&scene.site.key, live.join("privkey.pem")).unwrap();
    // The client has replaced its files, and the server has not read them again.
    scene.new.write_files(&scene.site.certificate, &scene.site.key);

    let ran = scene.hook(&["hook", "certbot", "--json"], &[("RENEWED_LINEAGE", live)]).expect(3);

    assert_eq!(ran.codes(), ["target-reads-issued-files"]);
    assert!(fs_err::symlink_metadata(&scene.site.certificate).unwrap().is_file(), "it was not touched");
    assert_eq!(scene.site.served(), scene.first.thumbprint);
}

#[test]
fn the_targets_are_those_that_use_one_of_the_names() {
    let world = World::new();
    let authority = Authority::new("Test CA");
    let issue = |names: &[&str]| authority.issue(names).sign();
    let (one, two) = (issue(&[HOST, "example.com"]), issue(&["EXAMPLE.com", "two.example.com"]));
    let mail = issue(&[OTHER_HOST]);
    let sites =
        [Site::new(&world, "one", &one), Site::new(&world, "two", &two), Site::new(&world, "mail", &mail)];
    let settings: Vec<String> = sites.iter().map(Site::sound_settings).collect();
    write_settings(&world, authority.root_pem(), &settings.concat());
    let live = world.path("live");
    fs_err::create_dir(&live).unwrap();
    let hook = |certificate: &IssuedCertificate, more: &[&str]| {
        certificate.write_files(&live.join("fullchain.pem"), &live.join("privkey.pem"));
        let mut command = world.command(&[&["hook", "certbot", "--json"], more].concat());
        Ran::from(command.env("RENEWED_LINEAGE", &live).output().unwrap())
    };
    let served = || sites.each_ref().map(Site::served);

    // None: a client has certificates for other servers too.
    let stranger = issue(&["elsewhere.example.com"]);
    let ran = hook(&stranger, &[]).expect(0);
    assert_eq!(ran.stdout, "");
    assert!(ran.stderr.contains("no target of the settings uses elsewhere.example.com: nothing to do"));
    let listed = world.baton(&["store", "list", "--json"]).expect(0).json();
    assert_eq!(listed["certificates"].as_array().unwrap().len(), 0, "its key is none of our business");

    // Two of three.
    let shared = issue(&["example.com"]);
    let ran = hook(&shared, &[]).expect(0);
    assert_eq!(ran.stdout.lines().count(), 2, "{}", ran.stdout);
    let shared_twice = [shared.thumbprint.clone(), shared.thumbprint, mail.thumbprint.clone()];
    assert_eq!(served(), shared_twice);

    // The named ones, whatever they use; a wrong name ends it before anything is done.
    let named = issue(&[OTHER_HOST, HOST]);
    let ran = hook(&named, &["--target", "one", "--target", "absent"]).expect(2);
    assert_eq!(ran.json()["error"]["code"], "target-unknown");
    assert_eq!(served(), shared_twice);
    hook(&named, &["--target", "one", "--target", "mail", "--target", "one"]).expect(0);
    assert_eq!(served(), [named.thumbprint.clone(), shared_twice[1].clone(), named.thumbprint]);

    // One fails, and the others have their turn all the same; the worst counts.
    let broken = sites[0].settings(None, &["false".to_owned()]);
    write_settings(
        &world,
        authority.root_pem(),
        &[broken, settings[1].clone(), settings[2].clone()].concat(),
    );
    let last = issue(&[HOST, OTHER_HOST]);
    let before = served();
    let ran = hook(&last, &[]).expect(4);
    assert_eq!(ran.stdout.lines().count(), 2, "{}", ran.stdout);
    assert_eq!(served(), [before[0].clone(), before[1].clone(), last.thumbprint]);

    // The same where one cannot even begin.
    write_settings(&world, authority.root_pem(), &settings.concat());
    let lock = world.path("baton-data/locks/target-two.lock");
    fs_err::remove_file(&lock).unwrap();
    fs_err::create_dir(&lock).unwrap();
    let again = issue(&["two.example.com", OTHER_HOST]);
    let ran = hook(&again, &["--target", "two", "--target", "mail"]).expect(1);
    assert!(ran.stdout.contains("lock-unusable"), "{}", ran.stdout);
    assert_eq!(served(), [before[0].clone(), before[1].clone(), again.thumbprint]);

    // Whether a target that cannot be looked at uses the names is not known, and that is told.
    fs_err::rename(world.path("one"), world.path("moved")).unwrap();
    let ran = hook(&stranger, &[]).expect(3);
    assert!(ran.codes().contains(&"target-directory-missing".to_owned()), "{:?}", ran.codes());
}

#[test]
fn the_only_target_is_not_given_a_certificate_for_another_name() {
    let scene = Scene::new();
    let mail = scene.authority.issue(&[OTHER_HOST]).sign();

    let ran = scene.certbot(&mail, &[]).expect(0);
    assert!(ran.stderr.contains("nothing to do (--target NAME"), "{}", ran.stderr);
    assert_eq!(scene.site.served(), scene.first.thumbprint);

    // The name of its endpoint counts as well: the certificate in use may be one for another name.
    let settings = scene.site.settings(Some(OTHER_HOST), &scene.site.nginx.reload_command());
    write_settings(&scene.world, scene.authority.root_pem(), &settings);
    scene.certbot(&mail, &[]).expect(0);
    assert_eq!(scene.site.served(), mail.thumbprint);
}

#[test]
fn a_server_that_has_only_what_its_setup_made_takes_its_first_certificate() {
    let scene = Scene::new();
    let path = |name: &str| scene.world.path(name).display().to_string();
    let (certificate, key) = (path("website/site.pem"), path("website/site.key"));
    let make = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=this-machine"];
    let files = ["-keyout", &key, "-out", &certificate];
    invocation::run(&[&make[..], &files].concat(), LIMIT).unwrap().expect_success();
    invocation::run(&scene.site.nginx.reload_command(), LIMIT).unwrap().expect_success();
    let made = thumbprint_of(Path::new(&certificate));
    baton_testkit::condition::wait_until("nginx has reloaded", LIMIT, || scene.site.served() == made);

    scene.certbot(&scene.new, &[]).expect(0);

    assert_eq!(scene.site.served(), scene.new.thumbprint);
}

#[test]
fn a_hook_without_targets_is_a_mistake() {
    let scene = Scene::new();
    let elsewhere = World::new();
    let mut command = elsewhere.command(&["hook", "certbot", "--json"]);
    let (variable, live) = scene.lineage(&scene.new);

    let ran = Ran::from(command.env(variable, live).output().unwrap()).expect(2);

    assert_eq!(ran.json()["error"]["code"], "target-unclear");
    assert!(ran.stderr.contains("/etc/baton/baton.toml"), "{}", ran.stderr);
    assert!(elsewhere.listing().is_empty(), "nothing is made where the client happens to run its hook");
}

#[test]
fn a_running_up_is_asked_to_do_it() {
    let scene = Scene::new();
    let reload = scene.site.nginx.reload_command().join(" ");
    let script = format!("echo $PPID > parent; exec {reload}");
    let settings = scene.site.settings(None, &["sh".to_owned(), "-c".to_owned(), script]);
    write_settings(&scene.world, scene.authority.root_pem(), &settings);
    let up = Up::start(&scene.world, &[]);

    let ran = scene.certbot(&scene.new, &[]).expect(0);

    assert_eq!(ran.json()["outcome"], "served");
    assert_eq!(scene.site.served(), scene.new.thumbprint);
    let parent = fs_err::read_to_string(scene.world.path("parent")).unwrap();
    assert_eq!(parent.trim(), up.pid().to_string(), "by whom the server was reloaded");
    assert_eq!(up.stop(), 0);
}

/// nginx with a certificate of another CA, and an ACME server for the client to come.
struct AcmeScene {
    world: World,
    site: Site,
    pebble: Pebble,
    first: IssuedCertificate,
}

impl AcmeScene {
    fn new() -> Self {
        let world = World::new();
        let authority = Authority::new("Test CA");
        let first = authority.issue(&[HOST]).sign();
        let site = Site::new(&world, "website", &first);
        let scene = Self { world, site, pebble: Pebble::start(), first };
        scene.write_settings(&scene.site.nginx.reload_command());
        scene
    }

    fn write_settings(&self, activate: &[String]) {
        let settings = self.site.settings(Some(HOST), activate);
        write_settings(&self.world, self.pebble.root_pem(), &settings);
    }

    /// What a client is told to call, with settings that do not depend on its working directory.
    fn hook(&self, client: &str) -> String {
        let settings = self.world.path("baton.toml");
        format!("{} --settings {} hook {client}", env!("CARGO_BIN_EXE_baton"), settings.display())
    }

    /// A client with a working directory of its own, which asks no proxy for what is on this machine.
    fn client(&self, program: &str) -> Command {
        let home = self.world.path("client");
        fs_err::create_dir_all(&home).unwrap();
        let mut command = Command::new(program);
        command
            .current_dir(&home)
            .env("HOME", &home)
            .env("NO_PROXY", "127.0.0.1")
            .env("no_proxy", "127.0.0.1")
            .env_remove("BATON_DATA")
            .env_remove("BATON_SETTINGS");
        command
    }

    fn run(&self, command: &mut Command) -> Ran {
        Ran::from(command.output().unwrap())
    }

    /// What the client has in this file is served, with a chain that leads to Pebble's root.
    #[track_caller]
    fn assert_served(&self, file: &Path) -> String {
        let issued = thumbprint_of(file);
        assert_eq!(self.site.served(), issued);
        assert!(openssl::verify(self.site.nginx.address(), HOST, self.pebble.root_pem()));
        issued
    }

    /// Two handovers, each proven: the first issue and one renewal.
    #[track_caller]
    fn assert_history(&self, first_issue: &str, renewed: &str) {
        assert_ne!(first_issue, renewed);
        for (id, old, new) in [("1", &*self.first.thumbprint, first_issue), ("2", first_issue, renewed)] {
            let handover = self.world.baton(&["history", id, "--json"]).expect(0).json();
            assert_eq!(handover["outcome"], "served");
            assert_eq!((&handover["old"], &handover["new"]), (&old.into(), &new.into()));
        }
        self.world.baton(&["history", "3"]).expect(2);
    }
}

/// The thumbprint of the first certificate in a PEM file, by OpenSSL.
fn thumbprint_of(file: &Path) -> String {
    let path = file.to_str().unwrap();
    let arguments = ["openssl", "x509", "-in", path, "-noout", "-fingerprint", "-sha1"];
    let said = invocation::run(&arguments, LIMIT).unwrap().expect_success().stdout;
    said.trim().rsplit('=').next().unwrap_or_default().replace(':', "")
}

#[test]
fn certbot_issues_and_renews() {
    let scene = AcmeScene::new();
    let directory_root = scene.pebble.directory_root();
    let certbot = |arguments: &[&str]| {
        let mut command = scene.client("certbot");
        for (option, name) in [("--config-dir", "config"), ("--work-dir", "work"), ("--logs-dir", "logs")] {
            command.arg(option).arg(scene.world.path("client").join(name));
        }
        command.env("REQUESTS_CA_BUNDLE", &directory_root).arg("--non-interactive").args(arguments);
        scene.run(&mut command)
    };
    let (server, hook) = (scene.pebble.directory_url(), scene.hook("certbot"));
    let port = scene.pebble.http_address().port().to_string();
    let issue =
        ["certonly", "--server", &server, "--agree-tos", "--register-unsafely-without-email", "-d", HOST];
    let answer = ["--standalone", "--http-01-address", "127.0.0.1", "--http-01-port", &port];
    let ran = certbot(&[&issue[..], &answer, &["--deploy-hook", &hook]].concat()).expect(0);
    assert!(!ran.stderr.contains("error code"), "{}", ran.stderr);
    let chain = scene.world.path("client/config/live").join(HOST).join("fullchain.pem");
    let first_issue = scene.assert_served(&chain);

    // certbot remembers server, challenge and hook.
    let ran = certbot(&["renew", "--force-renewal", "--no-random-sleep-on-renew"]).expect(0);
    assert!(!ran.stderr.contains("error code"), "{}", ran.stderr);
    let renewed = scene.assert_served(&chain);
    scene.assert_history(&first_issue, &renewed);

    // A failed handover is told by certbot, which keeps its own exit code.
    scene.write_settings(&["true".to_owned()]);
    let ran = certbot(&["renew", "--force-renewal", "--no-random-sleep-on-renew"]).expect(0);
    assert!(ran.stderr.contains("deploy-hook' reported error code 4"), "{}", ran.stderr);
    assert_eq!(scene.site.served(), renewed);
}

#[test]
fn lego_issues_and_renews() {
    let scene = AcmeScene::new();
    let hook = scene.hook("lego");
    let lego = |arguments: &[&str]| {
        let mut command = scene.client("lego");
        command
            .env("LEGO_CA_CERTIFICATES", scene.pebble.directory_root())
            .args(["--server", &scene.pebble.directory_url(), "--accept-tos", "--email", "a@example.com"])
            .args(["--domains", HOST, "--http", "--http.port", &scene.pebble.http_address().to_string()])
            .args(arguments);
        scene.run(&mut command)
    };
    lego(&["run", "--run-hook", &hook]).expect(0);
    let chain = scene.world.path("client/.lego/certificates").join(format!("{HOST}.crt"));
    let first_issue = scene.assert_served(&chain);

    let renew = ["renew", "--days", "999", "--no-random-sleep", "--renew-hook", &hook];
    lego(&renew).expect(0);
    let renewed = scene.assert_served(&chain);
    scene.assert_history(&first_issue, &renewed);

    // A failed handover is lego's failure, with the exit code of the hook.
    scene.write_settings(&["true".to_owned()]);
    let ran = lego(&renew).expect(4);
    assert!(ran.stdout.contains("rolled-back"), "{}", ran.stdout);
    assert_eq!(scene.site.served(), renewed);
}

#[test]
fn dehydrated_issues_and_renews() {
    use std::os::unix::fs::PermissionsExt as _;
    let scene = AcmeScene::new();
    let webroot = Webroot::serve(scene.pebble.http_address());
    let home = scene.world.path("client");
    let script = home.join("hook");
    fs_err::create_dir(&home).unwrap();
    let hook = scene.hook("dehydrated");
    fs_err::write(&script, format!("#!/bin/sh\nexec {hook} -- \"$@\"\n")).unwrap();
    fs_err::set_permissions(&script, std::fs::Permissions::from_mode(0o700)).unwrap();
    let settings = [
        ("CA", scene.pebble.directory_url()),
        ("BASEDIR", home.display().to_string()),
        ("WELLKNOWN", webroot.challenge_directory().display().to_string()),
        ("HOOK", script.display().to_string()),
    ];
    let settings: Vec<String> = settings.iter().map(|(name, value)| format!("{name}='{value}'\n")).collect();
    fs_err::write(home.join("config"), settings.concat()).unwrap();
    let dehydrated = |arguments: &[&str]| {
        let mut command = scene.client("dehydrated");
        command.env("CURL_CA_BUNDLE", scene.pebble.directory_root()).args(["--config", "config"]);
        scene.run(command.args(arguments))
    };
    dehydrated(&["--register", "--accept-terms"]).expect(0);
    let issue = ["--cron", "--domain", HOST];
    dehydrated(&issue).expect(0);
    let chain = home.join("certs").join(HOST).join("fullchain.pem");
    let first_issue = scene.assert_served(&chain);

    // Nothing is due, so nothing is handed over.
    dehydrated(&issue).expect(0);
    let renew = [&issue[..], &["--force"]].concat();
    dehydrated(&renew).expect(0);
    let renewed = scene.assert_served(&chain);
    scene.assert_history(&first_issue, &renewed);

    // A failed handover is dehydrated's failure.
    scene.write_settings(&["true".to_owned()]);
    let ran = dehydrated(&renew).expect(1);
    assert!(ran.stderr.contains("deploy_cert hook returned with non-zero exit code"), "{}", ran.stderr);
    assert_eq!(scene.site.served(), renewed);
}
