//! Alerts and signs of life of a real `baton up`, about a real nginx.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use baton_testkit::condition::wait_until;
use baton_testkit::{
    Answer, Authority, IssuedCertificate, MailOptions, MailServer, MailTls, Nginx, Receiver, openssl, process,
};
use serde_json::Value;

use crate::up::Up;
use crate::world::{World, quoted};

const HOST: &str = "www.example.com";
const LIMIT: Duration = Duration::from_secs(60);

/// nginx with a certificate that Baton looks after and does not renew.
struct Scene {
    world: World,
    authority: Authority,
    nginx: Nginx,
}

impl Scene {
    fn new(alerts: &str) -> Self {
        let (world, authority) = (World::new(), Authority::new("Test CA"));
        fs_err::create_dir(world.path("tls")).unwrap();
        let (certificate, key) = (world.path("tls/site.pem"), world.path("tls/site.key"));
        authority.issue(&[HOST]).sign().write_files(&certificate, &key);
        let nginx = Nginx::start(&certificate, &key);
        let scene = Self { world, authority, nginx };
        scene.world.write_settings(&scene.settings(alerts));
        scene
    }

    fn settings(&self, alerts: &str) -> String {
        format!(
            "[probe]\ninterval = '500ms'\n\n[[target]]\nname = 'website'\ncertificate = {}\nkey = {}\n\
             endpoints = [{{ address = '{}', name = '{HOST}' }}]\n\n{alerts}",
            quoted(&self.files().0),
            quoted(&self.files().1),
            self.nginx.address(),
        )
    }

    fn files(&self) -> (PathBuf, PathBuf) {
        (self.world.path("tls/site.pem"), self.world.path("tls/site.key"))
    }

    /// Changes the files behind Baton's back; nginx does not notice.
    fn replace_files(&self, certificate: &IssuedCertificate) {
        let (chain, key) = self.files();
        certificate.write_files(&chain, &key);
    }

    fn reload(&self) {
        process::send(self.nginx.pid(), nix::sys::signal::Signal::SIGHUP).unwrap();
    }

    fn served(&self) -> String {
        openssl::served_certificate(self.nginx.address(), HOST).unwrap().thumbprint
    }
}

fn webhook(receiver: &Receiver, more: &str) -> String {
    format!("[[alert]]\nname = 'ops'\nkind = 'webhook'\nurl = '{}'\n{more}\n", receiver.url("/hook/s3cr3t"))
}

/// All notices of messages that were taken, in their order: event and code.
fn notices(receiver: &Receiver) -> Vec<(String, String)> {
    let text = |notice: &Value, field: &str| notice[field].as_str().unwrap().to_owned();
    let of_message = |body: &str| -> Vec<(String, String)> {
        let json: Value = serde_json::from_str(body).unwrap();
        assert_eq!(json["schema"], "baton/1");
        let notices = json["notices"].as_array().unwrap();
        notices.iter().map(|notice| (text(notice, "event"), text(notice, "code"))).collect()
    };
    let taken = receiver.received().into_iter().filter(|request| request.answered == Answer::Status(200));
    taken.flat_map(|request| of_message(&request.body)).collect()
}

fn pair(event: &str, code: &str) -> (String, String) {
    (event.to_owned(), code.to_owned())
}

/// A mail without the line ends that only its transport needs (RFC 2045, section 6.7).
fn text_of(server: &MailServer, position: usize) -> String {
    server.mails()[position].text.replace("=\n", "")
}

#[track_caller]
fn wait_for_notices(receiver: &Receiver, expected: &[(&str, &str)]) {
    let expected: Vec<_> = expected.iter().map(|(event, code)| pair(event, code)).collect();
    wait_until(&format!("{expected:?} is told"), LIMIT, || notices(receiver).len() >= expected.len());
    assert_eq!(notices(receiver), expected);
}

#[test]
fn a_change_without_a_restart_is_told_once_reminded_and_over_once() {
    let receiver = Receiver::start(Answer::Status(200));
    let scene = Scene::new(&webhook(&receiver, "remind = '6s'"));
    let up = Up::start(&scene.world, &[]);
    let new = scene.authority.issue(&[HOST]).sign();
    scene.replace_files(&new);
    wait_for_notices(&receiver, &[("raised", "served-differs")]);
    // Many looks later it is told again, and no sooner.
    wait_for_notices(&receiver, &[("raised", "served-differs"), ("reminder", "served-differs")]);
    let at: Vec<Instant> = receiver.received().iter().map(|request| request.at).collect();
    assert!(at[1] - at[0] >= Duration::from_secs(5), "{:?}", at[1] - at[0]);
    scene.reload();
    wait_until("nginx serves the new certificate", LIMIT, || scene.served() == new.thumbprint);
    wait_until("it is over", LIMIT, || notices(&receiver).last() == Some(&pair("cleared", "served-differs")));
    let told = notices(&receiver);
    // Reminders may have come while nginx was reloading.
    let count = |event: &str| told.iter().filter(|(found, _)| found == event).count();
    assert_eq!((count("raised"), count("cleared")), (1, 1), "{told:?}");
    scene.world.baton(&["status"]).expect(0);
    assert_eq!(up.stop(), 0);
}

#[test]
fn a_server_that_stops_is_told_by_webhook_mail_and_command() {
    let receiver = Receiver::start(Answer::Status(200));
    let mail = MailServer::start(MailOptions { tls: MailTls::Off, certificate: None, login: None });
    let mut scene = Scene::new("");
    let seen = scene.world.path("seen.jsonl");
    scene.world.write_settings(&scene.settings(&format!(
        "{}\n[[alert]]\nname = 'mail'\nkind = 'mail'\nserver = 'localhost:{}'\ntls = 'off'\n\
         from = 'baton@example.com'\nto = ['ops@example.com']\nattention = 'now'\n\n\
         [[alert]]\nname = 'pager'\nkind = 'command'\ncommand = ['tee', '-a', {}]\n",
        webhook(&receiver, ""),
        mail.port(),
        quoted(&seen),
    )));
    let up = Up::start(&scene.world, &[]);
    scene.nginx.stop();
    wait_for_notices(&receiver, &[("raised", "endpoint-refused")]);
    wait_until("the mail is there", LIMIT, || mail.mails().len() == 1);
    assert!(text_of(&mail, 0).contains("endpoint-refused"), "{}", text_of(&mail, 0));
    scene.world.baton(&["status"]).expect(11);
    scene.nginx.start_again().unwrap();
    wait_for_notices(&receiver, &[("raised", "endpoint-refused"), ("cleared", "endpoint-refused")]);
    wait_until("the second mail is there", LIMIT, || mail.mails().len() == 2);
    assert!(text_of(&mail, 1).contains("over: website"), "{}", text_of(&mail, 1));
    let lines = || fs_err::read_to_string(&seen).unwrap_or_default();
    wait_until("the command has read both", LIMIT, || lines().lines().count() == 2);
    for line in lines().lines() {
        let json: Value = serde_json::from_str(line).unwrap();
        assert_eq!(json["notices"][0]["target"], "website");
    }
    assert_eq!(up.stop(), 0);
}

#[test]
fn a_certificate_that_nobody_renews_is_told_as_it_becomes_urgent() {
    let receiver = Receiver::start(Answer::Status(200));
    let scene = Scene::new(&webhook(&receiver, ""));
    // It has lived for an hour: a fifth is left.
    let short = scene.authority.issue(&[HOST]).valid_for(Duration::from_secs(15 * 60)).sign();
    scene.replace_files(&short);
    scene.reload();
    wait_until("nginx serves it", LIMIT, || scene.served() == short.thumbprint);
    let up = Up::start(&scene.world, &[]);
    wait_for_notices(&receiver, &[("raised", "ends-soon")]);
    let status = scene.world.baton(&["status", "--json"]).json();
    let row = status["rows"].as_array().unwrap().iter().find(|row| row["target"] == "website").unwrap();
    assert_eq!(row["findings"][0]["code"], "ends-soon");
    assert_eq!(up.stop(), 0);

    // An expired one swapped in behind its back: the same cause, and more urgent.
    let expired = scene.authority.issue(&[HOST]).expired().sign();
    scene.replace_files(&expired);
    scene.reload();
    wait_until("nginx serves it", LIMIT, || scene.served() == expired.thumbprint);
    let up = Up::start(&scene.world, &[]);
    wait_for_notices(&receiver, &[("raised", "ends-soon"), ("worse", "served-expired")]);
    scene.world.baton(&["status"]).expect(11);
    assert_eq!(up.stop(), 0);
}

#[test]
fn what_was_raised_before_a_kill_is_delivered_once_after_it() {
    let receiver = Receiver::start(Answer::Silence);
    let mut scene = Scene::new(&webhook(&receiver, ""));
    let up = Up::start(&scene.world, &[]);
    scene.nginx.stop();
    wait_until("the alert is on its way", LIMIT, || receiver.received().len() == 1);
    // SIGKILL: it was sent, and nobody has said yes.
    drop(up);
    receiver.answer_with(Answer::Status(200));
    for _ in 0..2 {
        let up = Up::start(&scene.world, &[]);
        wait_for_notices(&receiver, &[("raised", "endpoint-refused")]);
        let id = |position: usize| -> Value {
            let json: Value = serde_json::from_str(&receiver.received()[position].body).unwrap();
            json["notices"][0]["id"].clone()
        };
        assert_eq!(id(0), id(1), "the receiver can tell that it is the same");
        assert_eq!(up.stop(), 0);
    }
    assert_eq!(receiver.received().len(), 2);
}

#[test]
fn receivers_that_are_silent_delay_no_renewal() {
    let (hook, ping) = (Receiver::start(Answer::Silence), Receiver::start(Answer::Silence));
    let mut scene = Scene::new(&format!(
        "{}\n[heartbeat]\nurl = '{}'\ninterval = '1s'\n",
        webhook(&hook, "remind = '20s'"),
        ping.url("/ping/s3cr3t")
    ));
    let up = Up::start(&scene.world, &["--lifetime", "16s"]);
    scene.nginx.stop();
    wait_until("both were asked", LIMIT, || !hook.received().is_empty() && !ping.received().is_empty());
    let served = || openssl::served_certificate(up.address(), "localhost").unwrap().thumbprint;
    let mut seen = vec![served()];
    wait_until("three renewals have gone on", LIMIT, || {
        let now = served();
        if seen.last() != Some(&now) {
            seen.push(now);
        }
        seen.len() == 4
    });
    // Two attempts have failed by now, or soon: `status` tells it, and nothing of the URL but its host.
    let status = || scene.world.baton(&["status", "--json"]).json();
    wait_until("status tells that nobody hears", LIMIT, || {
        status()["findings"].as_array().is_some_and(|findings| !findings.is_empty())
    });
    let status = status();
    assert_eq!(status["findings"][0]["code"], "alert-undelivered");
    assert!(!status.to_string().contains("s3cr3t"), "{status}");
    let text = scene.world.baton(&["status"]).stdout;
    assert!(text.contains("beside the certificates:") && !text.contains("s3cr3t"), "{text}");
    // Requests that are never answered do not hold up the end either.
    assert_eq!(up.stop(), 0);
}

/// Does something to the state database from another program, and ends it after so many seconds.
fn sql(world: &World, statements: &[&str], seconds: u32) {
    let script = "import sqlite3, sys, time\nc = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=30)\n\
                  for s in sys.argv[3:]: c.execute(s)\ntime.sleep(int(sys.argv[2]))\n";
    let status = std::process::Command::new("python3")
        .args(["-c", script])
        .arg(world.path("baton-data/state.db"))
        .arg(seconds.to_string())
        .args(statements)
        .status()
        .unwrap();
    assert!(status.success());
}

#[test]
fn the_heart_beats_while_the_loop_turns_and_not_beside_it() {
    let receiver = Receiver::start(Answer::Status(200));
    let heartbeat =
        format!("[heartbeat]\nurl = '{}'\ninterval = '1s'\n", receiver.url("/ping/abc?token=s3cr3t"));
    let scene = Scene::new(&heartbeat);
    let up = Up::start(&scene.world, &[]);
    wait_until("it beats", LIMIT, || receiver.received().len() >= 4);
    let beats = receiver.received();
    assert!(beats.iter().all(|beat| beat.method == "GET" && beat.path == "/ping/abc?token=s3cr3t"));
    let between = beats[3].at - beats[0].at;
    assert!(between >= Duration::from_millis(2500), "not more often than the interval: {between:?}");

    // Another program writes to the state database and does not end: the loop stands.
    let beats_within = |began: Instant, seconds| {
        let (from, to) = (began + Duration::from_millis(1500), began + Duration::from_secs(seconds));
        receiver.received().iter().filter(|beat| beat.at > from && beat.at < to).count()
    };
    let began = Instant::now();
    sql(&scene.world, &["BEGIN IMMEDIATE"], 9);
    assert_eq!(beats_within(began, 9), 0, "a loop that stands does not live");
    let before = receiver.received().len();
    wait_until("it beats again", LIMIT, || receiver.received().len() > before);

    // What it sees cannot be written down: the loop turns, and cannot do its work.
    sql(&scene.world, &["ALTER TABLE observation RENAME TO elsewhere"], 0);
    let began = Instant::now();
    std::thread::sleep(Duration::from_secs(5));
    assert_eq!(beats_within(began, 5), 0, "a loop that cannot do its work does not live");
    sql(&scene.world, &["ALTER TABLE elsewhere RENAME TO observation"], 0);
    let before = receiver.received().len();
    wait_until("it beats again", LIMIT, || receiver.received().len() > before);
    assert_eq!(up.stop(), 0);
    let at_end = receiver.received().len();
    std::thread::sleep(Duration::from_millis(1500));
    assert_eq!(receiver.received().len(), at_end, "nothing outlives it");
}

#[test]
fn alert_settings_that_do_not_fit_are_refused_without_their_secrets() {
    let cases = [
        ("kind = 'webhook'", "has no url"),
        ("kind = 'webhook'\nurl = 'hooks.example.com/s3cr3t'", "this is no URL"),
        ("kind = 'webhook'\nurl = 'https://user:s3cr3t@hooks.example.com/'", "this is no URL"),
        (
            "kind = 'webhook'\nurl = 'https://h/s3cr3t'\ncommand = ['x']",
            "`command`, which is of another kind",
        ),
        ("kind = 'webhook'\nurl = 'https://h/s3cr3t'\nroot = 'absent.pem'", "root that cannot be read"),
        ("kind = 'webhook'\nurl = 'https://h/s3cr3t'\nurll = 'x'", "unknown field `urll`"),
        ("kind = 'mail'\nserver = 'mx'\nfrom = 'a@b.c'", "has no to"),
        ("kind = 'mail'\nserver = 'mx'\nfrom = 'a@b.c'\nto = []", "goes to nobody"),
        ("kind = 'mail'\nserver = 'mx'\nfrom = 'nobody'\nto = ['a@b.c']", "is no mail address"),
        ("kind = 'mail'\nserver = 'mx:mail'\nfrom = 'a@b.c'\nto = ['a@b.c']", "a server that is none"),
        (
            "kind = 'mail'\nserver = 'mx'\nfrom = 'a@b.c'\nto = ['a@b.c']\nuser = 'u'",
            "one of user and password-file",
        ),
        (
            "kind = 'mail'\nserver = 'mx'\nfrom = 'a@b.c'\nto = ['a@b.c']\nuser = 'u'\npassword-file = 'absent'",
            "password-file that cannot be read",
        ),
        (
            "kind = 'mail'\nserver = 'mx'\nfrom = 'a@b.c'\nto = ['a@b.c']\nuser = 'u'\npassword-file = 'baton.toml'\n\
             tls = 'off'",
            "password in the clear",
        ),
        ("kind = 'command'\ncommand = []", "empty command"),
        ("kind = 'command'\ncommand = ['x']\nremind = '0s'", "not a positive time span"),
        ("kind = 'pigeon'", "unknown variant `pigeon`"),
    ];
    for (settings, message) in cases {
        let world = World::with_settings(&format!("[[alert]]\nname = 'ops'\n{settings}\n"));
        let ran = world.baton(&["check"]).expect(2);
        assert!(ran.stderr.contains(message), "{settings}\n{}", ran.stderr);
        assert!(!ran.stderr.contains("s3cr3t"), "{}", ran.stderr);
        assert!(!world.path("baton-data").exists());
    }
    let twice = "[[alert]]\nname = 'a'\nkind = 'command'\ncommand = ['x']\n".repeat(2);
    let ran = World::with_settings(&twice).baton(&["check"]).expect(2);
    assert!(ran.stderr.contains("two [[alert]]"), "{}", ran.stderr);
}
