//! Certificates from any CA by a command: `openssl ca` and cfssl behind it, nginx in front, and commands that fail in
//! every way.

use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;
use std::time::{Duration, Instant};

use baton_testkit::condition::wait_until;
use baton_testkit::{Authority, Nginx, OpensslAuthority, invocation, openssl, process};

use crate::world::{Ran, World, list, quoted};

pub(crate) const HOST: &str = "www.example.com";

const LIMIT: Duration = Duration::from_secs(30);

/// A web server that is to get certificates of a CA by a program.
pub(crate) struct Site {
    pub(crate) world: World,
    pub(crate) nginx: Nginx,
    pub(crate) first: String,
}

impl Site {
    pub(crate) fn new() -> Self {
        let world = World::new();
        let first = Authority::new("Old CA").issue(&[HOST]).sign();
        fs_err::create_dir(world.path("tls")).unwrap();
        let (certificate, key) = (world.path("tls/site.pem"), world.path("tls/site.key"));
        first.write_files(&certificate, &key);
        let nginx = Nginx::start(&certificate, &key);
        Self { world, nginx, first: first.thumbprint }
    }

    /// Settings with the lines of the issuer, and more lines for the certificate.
    pub(crate) fn write_settings(&self, issuer: &str, certificate: &str) {
        self.world.write_settings(&format!(
            "[proof]\nover = '200ms'\nquiet = '100ms'\ndeadline = '5s'\n\n\
             [[issuer]]\nname = 'house'\nroot = 'ca.pem'\n{issuer}\n\n\
             [[target]]\nname = 'website'\nkind = 'files'\ncertificate = {}\nkey = {}\n\
             check = {}\nactivate = {}\nendpoints = [{{ address = '{}', name = '{HOST}' }}]\n\n\
             [[certificate]]\nname = 'site'\nnames = ['{HOST}']\nissuer = 'house'\ntargets = ['website']\n{certificate}",
            quoted(&self.world.path("tls/site.pem")),
            quoted(&self.world.path("tls/site.key")),
            list(&self.nginx.check_command()),
            list(&self.nginx.reload_command()),
            self.nginx.address(),
        ));
    }

    pub(crate) fn write_root(&self, pem: &str) {
        fs_err::write(self.world.path("ca.pem"), pem).unwrap();
    }

    pub(crate) fn served(&self) -> String {
        openssl::served_certificate(self.nginx.address(), HOST).unwrap().thumbprint
    }

    pub(crate) fn renew(&self) -> Ran {
        self.world.baton(&["renew", "site", "--force", "--json"])
    }

    /// The names of the files of requests that are kept.
    pub(crate) fn requests(&self) -> Vec<String> {
        let Ok(entries) = fs_err::read_dir(self.world.path("baton-data/requests")) else { return Vec::new() };
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<String> = names.filter(|name| name != ".lock").collect();
        names.sort();
        names
    }

    /// What programs have been handed, and what they have left.
    pub(crate) fn exchange(&self) -> Vec<String> {
        let listing = self.world.listing();
        let inside = listing.iter().filter_map(|name| name.strip_prefix("baton-data/exchange/"));
        inside.filter(|name| !name.ends_with(".lock")).map(str::to_owned).collect()
    }
}

/// A web server, and `openssl ca` behind a command.
struct Scene {
    site: Site,
    authority: OpensslAuthority,
}

impl Scene {
    fn new() -> Self {
        let (site, authority) = (Site::new(), OpensslAuthority::new());
        site.write_root(&format!("{}{}", authority.root_pem(), authority.intermediate_pem()));
        let scene = Self { site, authority };
        scene.command(&scene.authority.command("{request}", "{certificate}"), "");
        scene
    }

    /// Settings with a command, and more lines for the issuer.
    fn command(&self, argv: &[String], more: &str) {
        self.site.write_settings(&format!("kind = 'command'\ncommand = {}\n{more}", list(argv)), "");
    }

    /// A script of the administrator as the command; it is told the two paths.
    fn script(&self, text: &str, more: &str) {
        let path = self.site.world.path("ask-ca");
        fs_err::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
        fs_err::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        let argv = [path.display().to_string(), "{request}".to_owned(), "{certificate}".to_owned()];
        self.command(&argv, more);
    }

    /// The command of `openssl ca` for a script, whose first two arguments are the paths.
    fn shell(&self) -> String {
        self.authority.command("\"$1\"", "\"$2\"").join(" ")
    }

    /// Nothing is issued, nothing has changed, and the request is kept; the words of the failure.
    #[track_caller]
    fn fails(&self, code: &str) -> String {
        let before = self.site.served();
        let error = self.site.renew().expect(1).json()["error"].clone();
        assert_eq!(error["code"], code, "{error}");
        assert_eq!(self.site.served(), before);
        assert_eq!(self.site.requests().len(), 1, "{:?}", self.site.requests());
        error["message"].as_str().unwrap().to_owned()
    }

    /// The new certificate is served, with its chain, and nothing is left behind.
    #[track_caller]
    fn succeeds(&self) -> String {
        let report = self.site.renew().expect(0).json();
        assert_eq!(report["outcome"], "served");
        let served = self.site.served();
        assert_eq!(report["new"], served.as_str());
        assert!(openssl::verify(self.site.nginx.address(), HOST, &self.authority.root_pem()));
        assert_eq!((self.site.requests(), self.site.exchange()), (Vec::new(), Vec::new()), "nothing is left");
        served
    }
}

#[test]
fn openssl_ca_gives_a_certificate_that_nginx_serves_with_the_chain_of_the_root_file() {
    let scene = Scene::new();
    let first = scene.succeeds();
    let second = scene.succeeds();
    assert_ne!(first, second);
    assert_eq!(scene.authority.issued(), 2);
    // The last word of the command is in the log of `up`, and of a command that asks for it.
    let ran = scene.site.world.baton(&["-v", "renew", "site", "--force"]).expect(0);
    assert!(ran.stderr.contains("`openssl` gave a certificate: "), "{}", ran.stderr);
}

#[test]
fn the_same_key_is_asked_for_again() {
    let scene = Scene::new();
    scene.succeeds();
    let key = || {
        let path = scene.site.world.path("tls/site.key").display().to_string();
        invocation::run(&["openssl", "pkey", "-pubout", "-in", &path], LIMIT).unwrap().expect_success().stdout
    };
    let before = key();
    let settings = fs_err::read_to_string(scene.site.world.path("baton.toml")).unwrap();
    scene.site.world.write_settings(&format!("{settings}\nallow-same-key = true\n"));
    scene.site.world.baton(&["renew", "site", "--force", "--same-key"]).expect(0);
    assert_eq!(key(), before);
    assert_eq!(scene.authority.issued(), 2);
    scene.succeeds();
    assert_ne!(key(), before);
}

#[test]
fn der_and_a_chain_in_any_order_are_taken() {
    let scene = Scene::new();
    let issue = scene.shell();
    scene.script(&format!("{issue} && openssl x509 -in \"$2\" -outform DER -out der && mv der \"$2\""), "");
    scene.succeeds();
    // Without intermediates in the file of the root the answer must have them.
    scene.site.write_root(&scene.authority.root_pem());
    let intermediate = scene.authority.path("intermediate.pem").display().to_string();
    scene.script(&format!("{issue} && cat {intermediate} \"$2\" >both && mv both \"$2\""), "");
    scene.succeeds();
    scene.script(&issue, "");
    let told = scene.fails("answer-untrusted");
    assert!(told.contains("does not lead to the issuer's root"), "{told}");
}

#[test]
fn the_program_gets_the_request_and_nothing_else() {
    let scene = Scene::new();
    let seen = scene.site.world.path("seen").display().to_string();
    let issue = scene.shell();
    scene.script(
        &format!(
            "{{ pwd; stat -c '%a %F' .; ls; cat request.pem; openssl req -inform DER -in request.der -noout -subject; \
             env | grep ^BATON; }} >{seen}\n{issue}"
        ),
        "template = 'WebServer'",
    );
    scene.succeeds();
    let seen = fs_err::read_to_string(seen).unwrap();
    let directory = scene.site.world.path("baton-data/exchange/site-").display().to_string();
    assert!(seen.starts_with(&directory), "{seen}");
    assert!(
        seen.contains("\n700 directory\nrequest.der\nrequest.pem\n-----BEGIN CERTIFICATE REQUEST-----\n"),
        "{seen}"
    );
    assert!(!seen.contains("PRIVATE KEY"), "{seen}");
    assert!(seen.contains(&format!("CN = {HOST}")), "{seen}");
    let id = seen.lines().next().unwrap();
    assert!(seen.contains(&format!("BATON_CERTIFICATE={id}/certificate.pem")), "{seen}");
    assert!(seen.contains(&format!("BATON_REQUEST={id}/request.pem")), "{seen}");
}

#[test]
fn a_command_that_fails_is_told_with_its_words_and_tried_again_with_the_same_request() {
    let scene = Scene::new();
    let keys = scene.site.world.path("keys").display().to_string();
    let note = format!("openssl req -in \"$1\" -noout -pubkey | tr -d '\\n' >>{keys}; echo >>{keys}");
    scene.script(&format!("{note}; printf 'first\\n\\033[31mno money left\\n' >&2; exit 7"), "");
    let told = scene.fails("command-failed");
    assert!(told.contains("failed with exit code 7: first; \u{fffd}[31mno money left"), "{told}");
    scene.script(&format!("{note}; kill -TERM $$"), "");
    assert!(scene.fails("command-failed").contains("failed with a signal"));
    scene.command(&["/nowhere/ask-ca".to_owned()], "");
    assert!(scene.fails("command-not-started").contains("`/nowhere/ask-ca` cannot be started"));
    scene.script(&format!("{note}; {}", scene.shell()), "");
    scene.succeeds();
    let keys = fs_err::read_to_string(keys).unwrap();
    let mut keys: Vec<&str> = keys.lines().collect();
    assert_eq!(keys.len(), 3);
    keys.dedup();
    assert_eq!(keys.len(), 1, "the same request each time");
}

#[test]
fn exit_code_0_is_never_success() {
    let scene = Scene::new();
    let (path, other) = (|name: &str| scene.site.world.path(name), Authority::new("Other CA"));
    scene.script("echo all is well", "");
    let told = scene.fails("certificate-not-left");
    assert!(told.contains("ended without a failure and left no certificate: all is well"), "{told}");
    for (leaves, reason) in [
        ("echo rubbish >\"$2\"", "no certificate"),
        (":> \"$2\"", "no certificate"),
        ("mkdir \"$2\"", "is no file"),
        ("mkfifo \"$2\"", "is no file"),
        ("ln -s /etc/shadow \"$2\"", "is a link, and no file"),
        ("truncate -s 1G \"$2\"", "is longer than 1048576 bytes"),
        ("printf -- '-----BEGIN CERTIFICATE-----\\nMIIB' >\"$2\"", "has no end line"),
    ] {
        scene.script(leaves, "");
        let told = scene.fails("answer-unreadable");
        assert!(told.contains(reason) && !told.contains("root:"), "{leaves}: {told}");
    }
    // Good certificates, and not the one that was asked for.
    other.issue(&[HOST]).sign().write_files(&path("foreign.pem"), &path("foreign.key"));
    scene.script(&format!("cp {} \"$2\"", path("foreign.pem").display()), "");
    assert!(scene.fails("answer-wrong").contains("the certificate is for another key"));
    let sign =
        "openssl x509 -req -in \"$1\" -CA CA/intermediate.pem -CAkey CA/intermediate.key -CAcreateserial";
    let sign = sign.replace("CA/", &format!("{}/", scene.authority.path("").display()));
    scene.script(&format!("{sign} -days 3 -out \"$2\""), "");
    assert!(scene.fails("answer-wrong").contains(&format!("and not for {HOST}")));
    scene
        .script(&format!("{sign} -copy_extensions copy -not_after 20200101000000Z -days -1 -out \"$2\""), "");
    let told = scene.site.renew().expect(1).json()["error"]["code"].clone();
    assert!(["answer-wrong", "command-failed"].contains(&told.as_str().unwrap()), "{told}");
    // The same key and names, by a CA that the issuer's root knows nothing of.
    let stranger = OpensslAuthority::new();
    scene.script(&stranger.command("\"$1\"", "\"$2\"").join(" "), "");
    scene.fails("answer-untrusted");
    scene.command(&scene.authority.command("{request}", "{certificate}"), "");
    scene.succeeds();
}

#[test]
fn a_certificate_that_leads_to_the_root_is_taken_whatever_the_command_ended_with() {
    let scene = Scene::new();
    scene.script(&format!("{}; echo the books are closed; exit 3", scene.shell()), "");
    let told = scene.site.world.baton(&["-v", "renew", "site", "--force"]).expect(0).stderr;
    assert!(
        told.contains("gave a certificate and exit code 3") && told.contains("the books are closed"),
        "{told}"
    );
    assert_ne!(scene.site.served(), scene.site.first);
}

/// Processes whose command line has the word, and that are not dead.
fn running(word: &str) -> Vec<u32> {
    let entries = fs_err::read_dir("/proc").unwrap().flatten();
    let ids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    ids.filter(|id| {
        let line = fs_err::read_to_string(format!("/proc/{id}/cmdline")).unwrap_or_default();
        line.split('\0').any(|argument| argument == word) && !process::is_gone(*id)
    })
    .collect()
}

/// So many seconds that no other test sleeps for.
fn seconds(scene: &Scene, salt: u32) -> String {
    (100_000 + 10 * scene.site.nginx.pid() + salt).to_string()
}

#[test]
fn a_command_that_hangs_is_ended_with_its_children_at_the_time_limit() {
    let scene = Scene::new();
    let sleep = seconds(&scene, 1);
    scene.script(&format!("echo waiting; sleep {sleep} & setsid sleep {sleep} & wait"), "time-limit = '1s'");
    let began = Instant::now();
    let told = scene.fails("command-timed-out");
    assert!(told.contains("was still running after 1 s and was ended: waiting"), "{told}");
    assert!(began.elapsed() < LIMIT);
    assert_eq!(running(&sleep), [0; 0], "not even what has left its group");
}

#[test]
fn a_grandchild_that_keeps_the_output_open_holds_nobody_up() {
    let scene = Scene::new();
    let sleep = seconds(&scene, 2);
    scene.script(&format!("setsid sleep {sleep} & {}", scene.shell()), "");
    let began = Instant::now();
    scene.succeeds();
    assert!(began.elapsed() < LIMIT);
    assert_eq!(running(&sleep), [0; 0], "nothing of it lives on");
}

#[test]
fn a_kill_in_the_midst_of_the_command_leaves_no_process_for_long_and_the_next_run_goes_on() {
    let scene = Scene::new();
    let sleep = seconds(&scene, 3);
    scene.script(&format!("exec sleep {sleep}"), "time-limit = '1h'");
    let mut baton = scene.site.world.command(&["renew", "site", "--force"]).spawn().unwrap();
    wait_until("it asks the CA", LIMIT, || running(&sleep).len() == 1);
    let kept = scene.site.requests();
    assert_eq!(kept.len(), 1, "the key is durable before the CA is asked");
    baton.kill().unwrap();
    baton.wait().unwrap();
    wait_until("the command ends with Baton", LIMIT, || running(&sleep).is_empty());
    // Its children end with the next run.
    scene.script(&format!("sleep {sleep}"), "time-limit = '1h'");
    let mut baton = scene.site.world.command(&["renew", "site", "--force"]).spawn().unwrap();
    wait_until("it asks the CA again", LIMIT, || running(&sleep).len() == 1);
    assert_eq!(scene.site.requests(), kept, "the same request");
    baton.kill().unwrap();
    baton.wait().unwrap();
    scene.script(&format!("test \"$(pgrep -cx -f 'sleep {sleep}')\" = 0 && {}", scene.shell()), "");
    scene.succeeds();
    assert_eq!(running(&sleep), [0; 0]);
}

#[test]
fn a_certificate_that_was_left_by_a_run_that_was_killed_is_taken_without_asking_again() {
    let scene = Scene::new();
    scene.script(&format!("{}; kill -KILL $PPID; sleep 1", scene.shell()), "");
    assert_eq!(scene.site.renew().exit, -1, "killed before it could look");
    assert_eq!(scene.authority.issued(), 1);
    scene.command(&["false".to_owned()], "");
    scene.succeeds();
    assert_eq!(scene.authority.issued(), 1, "it was paid for once");
}

#[test]
fn other_names_make_another_request_and_give_the_one_before_up() {
    let scene = Scene::new();
    scene.command(&["false".to_owned()], "");
    scene.fails("command-failed");
    let before = scene.site.requests();
    scene.command(&["false".to_owned()], "template = 'WebServer'");
    scene.fails("command-failed");
    assert_ne!(scene.site.requests(), before, "a template is part of it");
    assert_eq!(scene.site.requests().len(), 1);
}

#[test]
fn two_commands_of_an_issuer_never_run_at_the_same_time() {
    let scene = Scene::new();
    let (world, path) = (&scene.site.world, scene.site.world.path("busy").display().to_string());
    scene.script(&format!("mkdir {path} || exit 9; sleep 0.5; rmdir {path}; {}", scene.shell()), "");
    let settings = fs_err::read_to_string(world.path("baton.toml")).unwrap();
    let more = "[[certificate]]\nname = 'api'\nnames = ['api.example.com']\nissuer = 'house'\n";
    world.write_settings(&format!("{settings}\n{more}"));
    world.baton(&["renew", "--json"]).expect(0);
    assert_eq!(scene.authority.issued(), 2);
}

#[test]
fn cfssl_gives_a_certificate_too() {
    let Ok(_) = invocation::run(&["cfssl", "version"], LIMIT) else {
        panic!("cfssl is missing: see scripts/test")
    };
    let scene = Scene::new();
    let path = |name: &str| scene.authority.path(name).display().to_string();
    let config =
        r#"{"signing": {"default": {"expiry": "240h", "usages": ["server auth", "digital signature"]}}}"#;
    fs_err::write(scene.authority.path("cfssl.json"), config).unwrap();
    let (ca, key, config) = (path("intermediate.pem"), path("intermediate.key"), path("cfssl.json"));
    let sign = format!("cfssl sign -ca {ca} -ca-key {key} -config {config} \"$1\"");
    scene.script(
        &format!("{sign} >answer.json || exit 1; cfssljson -bare out <answer.json && mv out.pem \"$2\""),
        "",
    );
    scene.succeeds();
    assert_eq!(scene.authority.issued(), 0, "by cfssl's own hand");
}

#[test]
fn keys_of_another_kind_and_a_relative_program_are_mistakes() {
    let world = World::new();
    let refused = |issuer: &str| {
        world.write_settings(&format!("[[issuer]]\nname = 'house'\n{issuer}\n"));
        world.baton(&["check"]).expect(2).stderr
    };
    let command = "kind = 'command'\ncommand = ['true']\n";
    for (issuer, told) in [
        ("kind = 'command'", "does not say which command asks its CA"),
        ("kind = 'command'\ncommand = []", "does not say which command asks its CA"),
        ("kind = 'command'\ncommand = ['./ask-ca']", "a relative path leads nowhere"),
        (&format!("{command}poll = '1m'"), "the key `poll`, which belongs to an issuer of the kind \"adcs\""),
        (&format!("{command}challenge = 'http-01'"), "the key `challenge`"),
        (&format!("{command}template = 'Web Server'"), "is no name of a certificate template"),
        ("kind = 'adcs'", "does not say which CA it is"),
        ("kind = 'adcs'\nauthority = 'CA01'", "does not say which CA it is"),
        (
            r"kind = 'adcs'
authority = '-f\CA'",
            "does not say which CA it is",
        ),
        (
            r"kind = 'adcs'
authority = 'CA01\House CA'
command = ['true']",
            "the key `command`",
        ),
        ("kind = 'manual'\ntemplate = 'WebServer'", "the key `template`"),
        ("kind = 'manual'\ntime-limit = '1m'", "the key `time-limit`"),
    ] {
        let said = refused(issuer);
        assert!(said.contains(told), "{issuer}: {said}");
    }
}

/// A link in place of the directory leads nowhere that is ours.
#[test]
fn the_exchange_is_made_anew_each_time() {
    let scene = Scene::new();
    scene.command(&["false".to_owned()], "");
    scene.fails("command-failed");
    let names = scene.site.exchange();
    let directory = scene.site.world.path("baton-data/exchange").join(names[0].split('/').next().unwrap());
    let elsewhere = scene.site.world.path("elsewhere");
    fs_err::create_dir(&elsewhere).unwrap();
    fs_err::write(elsewhere.join("precious"), "x").unwrap();
    fs_err::remove_dir_all(&directory).unwrap();
    symlink(&elsewhere, &directory).unwrap();
    scene.command(&scene.authority.command("{request}", "{certificate}"), "");
    scene.succeeds();
    assert!(Path::new(&elsewhere.join("precious")).exists());
    assert_eq!(fs_err::read_dir(&elsewhere).unwrap().count(), 1, "nothing was written there");
}
