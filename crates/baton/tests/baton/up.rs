//! `baton up` without any settings: the first minute of a new user, and the hours after it.

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use baton_testkit::condition::{wait_for, wait_until};
use baton_testkit::port::ReservedPort;
use baton_testkit::{TlsLoad, openssl};

use crate::world::World;

/// The full form of `scripts/acceptance`: five minutes under load.
pub(crate) fn is_full() -> bool {
    #[expect(clippy::disallowed_methods, reason = "tests have no settings to read it from")]
    std::env::var("BATON_ACCEPTANCE").is_ok_and(|value| value == "1")
}

/// A running `baton up`, ended by its process id.
pub(crate) struct Up {
    child: Child,
    address: SocketAddr,
    /// Kept for this process, where the test has not brought a port of its own.
    _port: Option<ReservedPort>,
}

impl Up {
    pub(crate) fn start(world: &World, arguments: &[&str]) -> Self {
        let port = ReservedPort::new();
        let mut up = Self::start_at(world, port.address(), arguments);
        up._port = Some(port);
        up
    }

    /// At an address that the caller keeps.
    pub(crate) fn start_at(world: &World, address: SocketAddr, arguments: &[&str]) -> Self {
        Self::start_until(world, address, arguments, "serves the Designer at").0
    }

    /// The same, and what it has told until a line with these words.
    pub(crate) fn start_until(
        world: &World,
        address: SocketAddr,
        arguments: &[&str],
        words: &str,
    ) -> (Self, Vec<String>) {
        let listen = address.to_string();
        let mut all = vec!["up", "--listen", &listen];
        all.extend(arguments);
        Self::spawn(world.command(&all), address, words)
    }

    /// The same, by a command that begins it.
    pub(crate) fn spawn(mut command: Command, address: SocketAddr, words: &str) -> (Self, Vec<String>) {
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let mut told = Vec::new();
        for line in BufReader::new(child.stderr.take().unwrap()).lines() {
            let line = line.unwrap();
            told.push(line);
            if told.last().is_some_and(|line| line.contains(words)) {
                break;
            }
        }
        assert!(told.iter().any(|line| line.contains(words)), "{told:#?}");
        (Self { child, address, _port: None }, told)
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Stops it as a service manager does, and tells its exit code.
    pub(crate) fn stop(mut self) -> i32 {
        baton_testkit::process::terminate(self.child.id()).unwrap();
        wait_for(Duration::from_secs(30), || self.child.try_wait().unwrap())
            .expect("it ends")
            .code()
            .unwrap_or(-1)
    }
}

impl Drop for Up {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn root(world: &World) -> String {
    world.baton(&["ca", "root"]).expect(0).stdout
}

/// An HTTPS request by curl, which verifies against the root; the status code and the page.
fn curl(world: &World, port: u16, more: &[&str]) -> (String, String) {
    let root = world.path("root.pem");
    fs_err::write(&root, self::root(world)).unwrap();
    let output = Command::new("curl")
        .args(["--silent", "--show-error", "--max-time", "20", "--write-out", "\n%{http_code}", "--cacert"])
        .arg(&root)
        .args(more)
        .arg(format!("https://localhost:{port}/"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    let (page, code) = text.rsplit_once('\n').unwrap();
    (code.to_owned(), page.to_owned())
}

#[test]
fn the_first_start_makes_everything_and_serves_the_designer() {
    use std::os::unix::fs::PermissionsExt as _;
    let world = World::new();
    let up = Up::start(&world, &[]);

    assert!(openssl::verify(up.address(), "localhost", &root(&world)));
    let (code, page) = curl(&world, up.address().port(), &[]);
    assert_eq!(code, "200");
    let served = openssl::served_certificate(up.address(), "localhost").unwrap();
    assert_eq!(served.chain_len, 2, "the leaf and the intermediate; clients have the root");
    assert!(page.contains(&served.thumbprint[..8]), "{page}");
    assert!(page.contains("Baton Intermediate CA"), "by whom it was issued");

    let (code, _) = curl(&world, up.address().port(), &["--header", "Host: attacker.example"]);
    assert_eq!(code, "421", "a page of someone else's name is not answered");
    let (code, _) = curl(&world, up.address().port(), &["--request", "POST", "--data", "x=1"]);
    assert_eq!(code, "405", "the overview is there to be read");

    for (path, mode) in [
        ("baton-data", 0o700),
        ("baton-data/state.db", 0o600),
        ("baton-data/baton.sock", 0o600),
        ("baton-data/ca/internal", 0o700),
        ("baton-data/ca/internal/root.key", 0o600),
        ("baton-data/ca/internal/intermediate.pem", 0o600),
        ("baton-data/certificates", 0o700),
        (&format!("baton-data/certificates/{}/key.pem", served.thumbprint), 0o600),
        ("baton-data/designer/key.pem", 0o600),
    ] {
        let present = fs_err::metadata(world.path(path)).unwrap().permissions().mode() & 0o777;
        assert_eq!(format!("{present:o}"), format!("{mode:o}"), "{path}");
    }

    assert_eq!(up.stop(), 0);
    assert!(!world.path("baton-data/baton.sock").exists());
}

#[test]
fn the_internal_ca_may_issue_for_this_host_alone() {
    let world = World::new();
    let up = Up::start(&world, &[]);
    let root = world.path("root.pem");
    fs_err::write(&root, self::root(&world)).unwrap();
    let text = Command::new("openssl").args(["x509", "-noout", "-text", "-in"]).arg(&root).output().unwrap();
    let text = String::from_utf8(text.stdout).unwrap();
    assert!(text.contains("X509v3 Name Constraints") && text.contains("DNS:localhost"), "{text}");
    assert!(text.contains("ASN1 OID: prime256v1"), "{text}");
    drop(up);

    world.write_settings("[[certificate]]\nname = 'x'\nnames = ['www.example.com']\nissuer = 'internal'\n");
    let ran = world.baton(&["renew", "x", "--json"]).expect(3);
    assert_eq!(ran.json()["error"]["code"], "name-not-permitted");
}

#[test]
fn it_renews_by_itself_and_on_demand_and_no_handshake_fails() {
    let world = World::new();
    let (lifetime, duration, renewals) = if is_full() { ("90s", 300, 4) } else { ("16s", 24, 2) };
    let up = Up::start(&world, &["--lifetime", lifetime]);
    let load = TlsLoad::start(up.address(), "localhost", &root(&world), Duration::from_millis(5));
    let began = std::time::Instant::now();
    load.wait_for_handshakes(20);

    // On demand, from another terminal; the first handshake begun after the answer sees it.
    let report = world.baton(&["renew", "--force", "--json"]).expect(0).json();
    assert_eq!(report["outcome"], "served");
    assert_eq!(report["certificate"], "designer");
    let served = openssl::served_certificate(up.address(), "localhost").unwrap();
    assert_eq!(report["new"], served.thumbprint.as_str());

    // By itself.
    wait_until("it has renewed by itself", Duration::from_secs(duration * 2), || {
        load.report().thumbprints.len() >= renewals + 2 && began.elapsed() >= Duration::from_secs(duration)
    });
    let report = load.stop();
    assert!(report.failures.is_empty(), "{:#?}", report.failures);
    println!("{} certificates, {} handshakes, 0 failed", report.thumbprints.len(), report.handshakes);

    // The first certificate is of no use any more: it and its key leave the store, and then the trash.
    let first = report.thumbprints[0].thumbprint.clone();
    let store = world.path("baton-data/certificates");
    wait_until("the first certificate is retired", Duration::from_secs(duration * 4), || {
        !store.join(&first).exists()
    });
    let trash = store.join("trash").join(&first);
    wait_until("it is deleted for good", Duration::from_secs(duration * 4), || !trash.exists());
    let versions = world.path("baton-data/designer/certificate.pem.versions");
    assert!(!versions.join(&first).exists(), "nor is there a copy of its key");

    // Each certificate was in the journal as served, and every one that the journal names was seen.
    let history = world.baton(&["history", "--json"]).expect(0).stdout;
    for line in history.lines() {
        let handover: serde_json::Value = serde_json::from_str(line).unwrap();
        assert!(handover["outcome"] == "served" || handover["outcome"].is_null(), "{line}");
    }
    let first = world.baton(&["history", "1", "--json"]).expect(0).json();
    assert_eq!(first["proof"][0]["endpoint"], format!("{} (localhost)", up.address()));
    assert_eq!(up.stop(), 0);
}

#[test]
fn it_goes_on_after_a_restart_with_the_same_ca_and_certificate() {
    let world = World::new();
    let up = Up::start(&world, &[]);
    let before = openssl::served_certificate(up.address(), "localhost").unwrap();
    let root_before = root(&world);
    // As a crash does it.
    drop(up);

    let up = Up::start(&world, &[]);
    assert_eq!(
        openssl::served_certificate(up.address(), "localhost").unwrap().fingerprint,
        before.fingerprint
    );
    assert_eq!(root(&world), root_before);
    world.baton(&["status"]).expect(0);
}

#[test]
fn it_issues_what_the_settings_ask_for_and_then_rests() {
    let world =
        World::with_settings("[[certificate]]\nname = 'x'\nnames = ['localhost']\nissuer = 'internal'\n");
    let up = Up::start(&world, &[]);
    let status = || world.baton(&["status", "--json"]).json();
    wait_until("the certificate is issued", Duration::from_secs(20), || {
        status()["rows"].as_array().unwrap().iter().all(|row| row["attention"] == "fine")
    });
    // A loop that turns round and round shows in its context switches: nothing but timers may wake it.
    let switches = || {
        let tasks = fs_err::read_dir(format!("/proc/{}/task", up.child.id())).unwrap();
        let count = |task: std::io::Result<fs_err::DirEntry>| -> u64 {
            let text = fs_err::read_to_string(task.unwrap().path().join("status")).unwrap_or_default();
            let line = text.lines().find(|line| line.starts_with("voluntary_ctxt_switches")).unwrap_or("0");
            line.rsplit(char::is_whitespace).next().unwrap().parse().unwrap()
        };
        tasks.map(count).sum::<u64>()
    };
    let mut before = switches();
    let rested = wait_for(Duration::from_secs(20), || {
        std::thread::sleep(Duration::from_secs(1));
        let now = switches();
        let is_quiet = now.saturating_sub(before) < 20;
        before = now;
        is_quiet.then_some(())
    });
    assert!(rested.is_some(), "it never rests");
}

#[test]
fn ctrl_c_ends_it_cleanly() {
    let world = World::new();
    let mut up = Up::start(&world, &[]);
    Command::new("kill").args(["-INT", &up.child.id().to_string()]).status().unwrap();
    let status = wait_for(Duration::from_secs(30), || up.child.try_wait().unwrap()).expect("it ends");
    assert_eq!(status.code(), Some(0));
}

#[test]
fn a_second_one_is_told_so() {
    let world = World::new();
    let up = Up::start(&world, &[]);
    let second = world.baton(&["up", "--listen", &up.address().port().to_string()]).expect(2);
    assert!(second.stderr.contains("is running already"), "{}", second.stderr);
}
