//! Active Directory Certificate Services through a stand-in for `certreq`, first on PATH: certificates at once, with the
//! approval of a manager, and not at all.

use std::process::{Child, Stdio};
use std::time::Duration;

use baton_testkit::certreq::{AUTHORITY, Certreq, Manner};
use baton_testkit::condition::{wait_for, wait_until};
use baton_testkit::port::ReservedPort;
use baton_testkit::{openssl, process};
use serde_json::Value;

use crate::command_ca::{HOST, Site};
use crate::world::Ran;

const LIMIT: Duration = Duration::from_secs(40);

struct Scene {
    site: Site,
    certreq: Certreq,
}

impl Scene {
    fn new() -> Self {
        let scene = Self { site: Site::new(), certreq: Certreq::new() };
        let authority = scene.certreq.authority();
        scene.site.write_root(&format!("{}{}", authority.root_pem(), authority.intermediate_pem()));
        scene.write_settings("template = 'WebServer'\npoll = '1h'\n", "");
        scene
    }

    fn write_settings(&self, issuer: &str, certificate: &str) {
        self.site.write_settings(&format!("kind = 'adcs'\nauthority = '{AUTHORITY}'\n{issuer}"), certificate);
    }

    #[expect(clippy::disallowed_methods, reason = "the stand-in comes before what is on PATH")]
    fn path(&self) -> String {
        let before = std::env::var("PATH").unwrap_or_default();
        format!("{}:{before}", self.certreq.program_directory().display())
    }

    fn baton(&self, arguments: &[&str]) -> Ran {
        Ran::from(self.site.world.command(arguments).env("PATH", self.path()).output().unwrap())
    }

    fn renew(&self) -> Ran {
        self.baton(&["renew", "site", "--force", "--json"])
    }

    #[track_caller]
    fn succeeds(&self) -> String {
        let report = self.renew().expect(0).json();
        assert_eq!(report["outcome"], "served");
        let served = self.site.served();
        assert_eq!(report["new"], served.as_str());
        assert!(openssl::verify(self.site.nginx.address(), HOST, &self.certreq.authority().root_pem()));
        assert_eq!((self.site.requests(), self.site.exchange()), (Vec::new(), Vec::new()), "nothing is left");
        served
    }

    #[track_caller]
    fn fails(&self, code: &str) -> String {
        let error = self.renew().expect(1).json()["error"].clone();
        assert_eq!(error["code"], code, "{error}");
        assert_eq!(self.site.served(), self.site.first);
        error["message"].as_str().unwrap().to_owned()
    }

    /// The CA has taken the request, and a person must approve it: no failure.
    #[track_caller]
    fn waits(&self) -> String {
        let ran = self.renew().expect(6);
        let report = ran.json();
        assert_eq!((&report["outcome"], &report["target"]), (&"pending".into(), &"website".into()));
        assert_eq!(ran.codes(), ["awaiting-approval"]);
        assert_eq!(self.site.served(), self.site.first);
        assert_eq!(self.site.requests().len(), 1);
        report["findings"][0]["message"].as_str().unwrap().to_owned()
    }

    fn row(&self) -> Value {
        self.baton(&["status", "--json"]).json()["rows"][0].clone()
    }

    fn codes(&self) -> Vec<String> {
        let row = self.row();
        let findings = row["findings"].as_array().unwrap().iter();
        findings.map(|finding| finding["code"].as_str().unwrap().to_owned()).collect()
    }

    fn up(&self) -> Up {
        let port = ReservedPort::new();
        let mut log = std::fs::OpenOptions::new();
        log.create(true).append(true);
        let log =
            fs_err::OpenOptions::from_options(log).open(self.site.world.path("up.log")).unwrap().into_file();
        let listen = port.number().to_string();
        let mut command = self.site.world.command(&["up", "--listen", &listen]);
        let child = command.env("PATH", self.path()).stderr(Stdio::from(log)).spawn().unwrap();
        Up { child, _port: port }
    }

    fn log(&self) -> String {
        fs_err::read_to_string(self.site.world.path("up.log")).unwrap()
    }
}

struct Up {
    child: Child,
    _port: ReservedPort,
}

impl Drop for Up {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_certificate_is_issued_at_once_and_served() {
    let scene = Scene::new();
    let first = scene.succeeds();
    let call = scene.certreq.calls()[0].clone();
    assert!(
        call.starts_with(&format!(
            "-submit -q -f -binary -config {AUTHORITY} -attrib CertificateTemplate:WebServer "
        )),
        "{call}"
    );
    // In German, without a template, and with the same key.
    scene.certreq.speak("de");
    scene.write_settings("", "successor = 'same-key'");
    assert_ne!(scene.succeeds(), first);
    assert!(!scene.certreq.calls()[1].contains("-attrib"));
    // By its object identifier, which is in the request alone.
    scene.write_settings("template = '1.3.6.1.4.1.311.21.8.1.2'", "");
    scene.succeeds();
    assert!(!scene.certreq.calls()[2].contains("-attrib"));
    assert_eq!(scene.certreq.authority().issued(), 3);
    // A code other than 0 changes nothing: the certificate is there.
    scene.certreq.set(Manner::IssueWithCode);
    scene.succeeds();
}

#[test]
fn what_waits_for_its_approval_is_no_failure_and_is_handed_in_once() {
    for language in ["en", "de"] {
        let scene = Scene::new();
        scene.certreq.speak(language);
        scene.certreq.set(Manner::Approve);
        let told = scene.waits();
        assert!(told.contains(&format!("request 42 at {AUTHORITY}")), "{told}");
        let row = scene.row();
        assert_eq!((&row["due_reason"], &row["attention"]), (&"retry".into(), &"fine".into()), "{row}");
        assert_eq!(scene.codes(), ["awaiting-approval"]);
        // A restart, and a person who asks: with the number, not with another request.
        scene.waits();
        scene.waits();
        assert_eq!(scene.certreq.verbs(), ["-submit", "-retrieve", "-retrieve"]);
        scene.certreq.approve(42);
        scene.succeeds();
        assert_eq!(scene.certreq.verbs().len(), 4);
        assert_eq!(scene.codes(), [""; 0]);
        assert_eq!(scene.certreq.authority().issued(), 1);
    }
}

#[test]
fn up_asks_for_what_waits_until_it_is_approved() {
    let scene = Scene::new();
    scene.certreq.set(Manner::Approve);
    scene.write_settings("template = 'WebServer'\npoll = '1s'\n", "");
    let up = scene.up();
    wait_until("it has asked several times", LIMIT, || scene.certreq.verbs().len() > 3);
    assert_eq!(scene.codes(), ["awaiting-approval"], "{}", scene.log());
    // Another start knows the number.
    process::terminate(up.child.id()).unwrap();
    drop(up);
    let calls = scene.certreq.verbs().len();
    let _up = scene.up();
    wait_until("it asks again", LIMIT, || scene.certreq.verbs().len() > calls);
    scene.certreq.approve(42);
    wait_until("the new certificate is served", LIMIT, || scene.site.served() != scene.site.first);
    let verbs = scene.certreq.verbs();
    assert_eq!(verbs.iter().filter(|verb| *verb == "-submit").count(), 1, "{verbs:?}");
    assert!(!scene.log().contains("not renewed"), "{}", scene.log());
    assert!(scene.log().contains("waits for its approval"), "{}", scene.log());
}

#[test]
fn an_approval_of_one_certificate_holds_up_no_other() {
    let scene = Scene::new();
    scene.certreq.set(Manner::Approve);
    let settings = fs_err::read_to_string(scene.site.world.path("baton.toml")).unwrap();
    let more = "[[certificate]]\nname = 'api'\nnames = ['api.example.com']\nissuer = 'house'\n";
    scene.site.world.write_settings(&format!("{settings}\n{more}"));
    let _up = scene.up();
    let is_waiting = || scene.site.requests().len() == 2 && scene.codes() == ["awaiting-approval"];
    let wait = wait_for(LIMIT, || is_waiting().then_some(()));
    assert!(wait.is_some(), "both wait: {:?}\n{}", scene.certreq.calls(), scene.log());
    assert_eq!(scene.certreq.verbs(), ["-submit", "-submit"]);
    let rows = scene.baton(&["status", "--json"]).json()["rows"].clone();
    let waiting =
        rows.as_array().unwrap().iter().filter(|row| row["findings"][0]["code"] == "awaiting-approval");
    assert_eq!(waiting.count(), 2, "{rows}");
    assert!(!scene.log().contains("left alone"), "{}", scene.log());
}

#[test]
fn a_denial_is_told_with_the_words_of_the_ca_and_ends_the_request() {
    for language in ["en", "de"] {
        let scene = Scene::new();
        scene.certreq.speak(language);
        scene.certreq.set(Manner::Deny);
        let told = scene.fails("request-denied");
        assert!(told.contains("the CA denied request 42 at") && told.contains("0x80094800"), "{told}");
        assert_eq!(scene.site.requests(), [""; 0], "the next try makes a new one");
        assert!(!scene.codes().contains(&"awaiting-approval".to_owned()));
        // By a manager, later.
        scene.certreq.set(Manner::Approve);
        scene.waits();
        scene.certreq.deny(43);
        let told = scene.fails("request-denied");
        assert!(told.contains("request 43 at") && told.contains("0x80094014"), "{told}");
        assert_eq!(scene.site.requests(), [""; 0]);
        assert_eq!(scene.codes().first().map(String::as_str), Some("not-issued"));
        scene.certreq.set(Manner::Issue);
        scene.succeeds();
    }
}

#[test]
fn what_is_not_understood_keeps_everything() {
    let scene = Scene::new();
    scene.certreq.set(Manner::Unreachable);
    let told = scene.fails("command-failed");
    assert!(told.contains("`certreq` failed with 0x800706BA") && told.contains("RPC server"), "{told}");
    let kept = scene.site.requests();
    assert_eq!(kept.len(), 1);
    scene.certreq.set(Manner::Rubbish);
    let told = scene.fails("answer-not-understood");
    assert!(told.contains("All your base") && !told.contains('\u{1b}'), "{told}");
    // It says that it has issued, and there is nothing: it is asked for by its number from then on.
    scene.certreq.set(Manner::Nothing);
    scene.fails("certificate-not-left");
    scene.certreq.set(Manner::Rubbish);
    scene.fails("answer-not-understood");
    scene.certreq.set(Manner::Unreachable);
    scene.fails("command-failed");
    assert_eq!(scene.site.requests(), kept, "one request through it all");
    scene.certreq.set(Manner::Issue);
    scene.succeeds();
    assert_eq!(scene.certreq.verbs()[..3], ["-submit", "-submit", "-submit"]);
    assert_eq!(scene.certreq.verbs()[3..], ["-retrieve", "-retrieve", "-retrieve"]);
}

#[test]
fn a_certificate_for_another_key_is_thrown_away_and_the_request_handed_in_again() {
    let scene = Scene::new();
    scene.certreq.set(Manner::OtherKey);
    assert!(scene.fails("answer-wrong").contains("the certificate is for another key"));
    let kept = scene.site.requests();
    scene.certreq.set(Manner::Issue);
    assert_eq!(kept.len(), 1);
    scene.succeeds();
    assert_eq!(scene.certreq.verbs(), ["-submit", "-submit"]);
}

#[test]
fn a_certificate_that_was_there_before_a_kill_is_taken() {
    let scene = Scene::new();
    scene.certreq.set(Manner::Kill);
    assert_eq!(scene.renew().exit, -1);
    scene.certreq.set(Manner::Unreachable);
    scene.succeeds();
    assert_eq!(scene.certreq.verbs(), ["-submit"]);
}

#[test]
fn a_number_that_the_ca_does_not_know_any_more_is_given_up() {
    let scene = Scene::new();
    scene.certreq.set(Manner::Approve);
    scene.waits();
    scene.certreq.lose(42);
    assert!(scene.fails("request-unknown").contains("does not know request 42 at"));
    scene.certreq.set(Manner::Issue);
    scene.succeeds();
    assert_eq!(scene.certreq.verbs(), ["-submit", "-retrieve", "-submit"]);
}

#[test]
fn other_names_and_another_ca_make_another_request() {
    let scene = Scene::new();
    scene.certreq.set(Manner::Approve);
    scene.waits();
    let kept = scene.site.requests();
    let settings = fs_err::read_to_string(scene.site.world.path("baton.toml")).unwrap();
    let names = format!("names = ['{HOST}']");
    scene
        .site
        .world
        .write_settings(&settings.replace(&names, &format!("names = ['{HOST}', 'api.example.com']")));
    scene.waits();
    assert_ne!(scene.site.requests(), kept);
    scene.site.world.write_settings(&settings.replace(AUTHORITY, r"CA02\Other CA"));
    scene.fails("answer-not-understood");
    assert_eq!(
        scene.certreq.verbs(),
        ["-submit", "-submit", "-submit"],
        "no number of one CA goes to another"
    );
}

#[test]
fn without_certreq_it_is_said() {
    let scene = Scene::new();
    let ran = scene.site.renew().expect(1);
    let error = ran.json()["error"].clone();
    assert_eq!(error["code"], "certreq-missing");
    let ran = scene.site.world.baton(&["check"]).expect(3);
    assert!(
        ran.stdout.contains("certreq-missing") || ran.stderr.contains("certreq-missing"),
        "{}",
        ran.stdout
    );
    scene.baton(&["check"]).expect(0);
}
