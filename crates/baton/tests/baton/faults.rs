//! Faults in and around a product, one after the other, and the table of what came of them, which
//! `docs/reliability.md` shows as this test has written it.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;

use baton_testkit::product_server::Faults;
use baton_testkit::{Authority, Product, openssl};
use serde_json::Value;

use crate::products::{HOST, Scene};
use crate::world::{Ran, list, quoted};

/// What came of one fault.
struct Row {
    fault: &'static str,
    exit: i32,
    outcome: String,
    codes: Vec<String>,
    served: &'static str,
    file: &'static str,
}

/// A product whose fault is about to be met.
struct Case {
    scene: Scene,
    address: SocketAddr,
    file_before: Vec<u8>,
}

impl Case {
    fn new() -> Self {
        let scene = Scene::new(Product::XtractCore);
        let file_before = fs_err::read(scene.fixture.tls_json()).unwrap();
        let address = scene.tls_endpoints()[0].1;
        Self { scene, address, file_before }
    }

    /// The same with another command for the restart.
    fn with_activation(script: &str) -> Self {
        let case = Self::new();
        case.activate_by(script);
        case
    }

    /// `RESTART` and `STOP` stand for the stand-in's own commands, `NEW` for the successor in the settings file.
    fn activate_by(&self, script: &str) {
        let scene = &self.scene;
        let names_new = format!("grep -q {} {}", scene.new.thumbprint, scene.fixture.tls_json().display());
        let text = script
            .replace("RESTART", &scene.fixture.restart_command().join(" "))
            .replace("STOP", &scene.fixture.stop_command().join(" "))
            .replace("NEW", &names_new);
        let path = scene.world.path("activate.sh");
        fs_err::write(&path, format!("{text}\n")).unwrap();
        self.settings(&["sh".to_owned(), path.display().to_string()], "");
    }

    fn settings(&self, activate: &[String], more: &str) {
        let fixture = &self.scene.fixture;
        self.scene.world.write_settings(&format!(
            "[store]\npath = {}\n\n[proof]\nover = '200ms'\nquiet = '100ms'\ndeadline = '2s'\n\n\
             [[issuer]]\nname = 'house'\nkind = 'manual'\nroot = 'root.pem'\n\n\
             [[target]]\nname = 'sap'\nproduct = 'xtract-core'\ndirectory = {}\ntime-limit = '1s'\nactivate = {}\n{more}\n",
            quoted(&fixture.store()),
            quoted(&fixture.directory()),
            list(activate),
        ));
    }

    fn swap(&self) -> Ran {
        self.scene.swap("", &self.scene.new.thumbprint)
    }

    fn row(self, fault: &'static str, ran: &Ran) -> Row {
        let json: Value = serde_json::from_str(&ran.stdout).unwrap_or_default();
        let outcome = json["outcome"].as_str().or_else(|| json["error"]["code"].as_str());
        let findings = json["findings"].as_array().cloned().unwrap_or_default();
        let text = |finding: &Value| finding["code"].as_str().unwrap_or_default().to_owned();
        let mut codes: Vec<String> = findings.iter().map(text).collect();
        codes.dedup();
        Row {
            fault,
            exit: ran.exit,
            outcome: outcome.unwrap_or("-").to_owned(),
            codes,
            served: self.served(),
            file: self.file(),
        }
    }

    fn served(&self) -> &'static str {
        match openssl::served_certificate(self.address, HOST) {
            Ok(served) if served.fingerprint == self.scene.old.fingerprint => "old",
            Ok(served) if served.fingerprint == self.scene.new.fingerprint => "new",
            Ok(_) => "a third one",
            Err(_) => "nothing",
        }
    }

    fn file(&self) -> &'static str {
        let present = fs_err::read(self.scene.fixture.tls_json()).unwrap();
        let text = String::from_utf8_lossy(&present);
        if present == self.file_before {
            "as before, to the bit"
        } else if text.contains(&self.scene.new.thumbprint) {
            "names the new one"
        } else {
            "as someone else left it"
        }
    }
}

fn hangs_with_the_new_one() -> Row {
    let case = Case::with_activation("if NEW; then STOP; sleep 60; fi; RESTART");
    let ran = case.swap();
    case.row("The service stops, and hangs at its start with the new certificate.", &ran)
}

fn hangs_at_stop() -> Row {
    let case = Case::with_activation("sleep 60");
    let ran = case.swap();
    case.row("The service hangs at its stop, every time, and so serves on.", &ran)
}

fn hangs_at_every_start() -> Row {
    let case = Case::with_activation("STOP; sleep 60");
    let ran = case.swap();
    case.row("The service stops, and hangs at every start, also after the roll back.", &ran)
}

fn dies_after_its_start() -> Row {
    let case = Case::with_activation("RESTART; if NEW; then STOP; fi");
    let ran = case.swap();
    case.row("The service starts with the new certificate, and dies.", &ran)
}

fn refuses_to_start() -> Row {
    let case = Case::new();
    let refuse_thumbprint = Some(case.scene.new.thumbprint.clone());
    case.scene.fixture.set_faults(&Faults { refuse_thumbprint, ..Faults::default() });
    let ran = case.swap();
    case.row("The service refuses to start with the new certificate.", &ran)
}

fn serves_the_old_one_on() -> Row {
    let case = Case::with_activation("true");
    let ran = case.swap();
    case.row("The restart is reported as done and was none: the old certificate is served on.", &ran)
}

fn serves_a_third_one() -> Row {
    let case = Case::new();
    let third = Authority::new("Other CA").issue(&[HOST]).sign();
    case.scene.fixture.install(&third);
    case.scene
        .fixture
        .set_faults(&Faults { serve_instead: Some(third.thumbprint.clone()), ..Faults::default() });
    let faults = case.scene.fixture.directory().join(Faults::FILE).display().to_string();
    case.activate_by(&format!("NEW || rm -f {faults}; RESTART"));
    let ran = case.swap();
    case.row("The service serves a third certificate after the restart.", &ran)
}

fn answers_plain_http() -> Row {
    let case = Case::new();
    case.scene.fixture.set_faults(&Faults { plain_on_tls_port: true, ..Faults::default() });
    let faults = case.scene.fixture.directory().join(Faults::FILE).display().to_string();
    case.activate_by(&format!("NEW || rm -f {faults}; RESTART"));
    let ran = case.swap();
    case.row("The service answers plain HTTP on the TLS port after the restart.", &ran)
}

fn serves_the_new_one_on() -> Row {
    let case = Case::with_activation("NEW && RESTART; exit 7");
    let ran = case.swap();
    case.row(
        "The restart takes up the new certificate and is reported as failed, and no other restart works.",
        &ran,
    )
}

fn is_down_before() -> Row {
    let case = Case::new();
    case.scene.fixture.stop();
    let ran = case.swap();
    case.row("The service is down already.", &ran)
}

/// A relay in front of the server, that runs something at its first connection.
fn relay(to: SocketAddr, at_first: impl FnOnce() + Send + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        let mut at_first = Some(at_first);
        for client in listener.incoming().flatten() {
            if let Some(act) = at_first.take() {
                act();
            }
            let Ok(server) = TcpStream::connect(to) else { continue };
            for (mut from, mut into) in
                [(client.try_clone(), server.try_clone()), (server.try_clone(), client.try_clone())]
                    .map(|(from, into)| (from.unwrap(), into.unwrap()))
            {
                std::thread::spawn(move || {
                    let _ = std::io::copy(&mut from, &mut into);
                    let _ = into.shutdown(std::net::Shutdown::Write);
                });
            }
        }
    });
    address
}

fn changed_after_the_check() -> Row {
    let case = Case::new();
    let path = case.scene.fixture.tls_json();
    let address = relay(case.address, move || {
        let text = fs_err::read_to_string(&path).unwrap();
        fs_err::write(&path, format!("{text}\n")).unwrap();
    });
    case.settings(
        &case.scene.fixture.restart_command(),
        &format!("endpoints = [{{ address = '{address}', name = '{HOST}' }}]"),
    );
    let ran = case.swap();
    case.row("Someone else changes the settings file between check and switch.", &ran)
}

fn file_is_locked() -> Row {
    let case = Case::new();
    let file = fs_err::File::open(case.scene.fixture.tls_json()).unwrap();
    file.file().lock().unwrap();
    let ran = case.swap();
    case.row("Another process holds the settings file open, and locked.", &ran)
}

fn clock_is_behind() -> Row {
    let case = Case::new();
    let ran = with_clock(&case, "-3d");
    case.row("The clock is three days behind: the new certificate is not valid yet.", &ran)
}

fn clock_is_ahead() -> Row {
    let case = Case::new();
    let ran = with_clock(&case, "+1d");
    case.row("The clock is a day ahead.", &ran)
}

fn with_clock(case: &Case, offset: &str) -> Ran {
    // The clock of Baton alone is wrong.
    case.activate_by("unset LD_PRELOAD FAKETIME; RESTART");
    let library = fs_err::read_dir("/usr/lib")
        .unwrap()
        .flatten()
        .map(|entry| entry.path().join("faketime/libfaketime.so.1"))
        .find(|path| path.exists())
        .expect("the package libfaketime");
    let mut command = case.scene.world.command(&["swap", "", &case.scene.new.thumbprint, "--json"]);
    command.env("LD_PRELOAD", library).env("FAKETIME", offset).env("FAKETIME_DONT_FAKE_MONOTONIC", "1");
    Ran::from(command.output().unwrap())
}

fn two_at_once() -> Row {
    let case = Case::new();
    let start = || {
        let mut command = case.scene.world.command(&["swap", "", &case.scene.new.thumbprint, "--json"]);
        command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped()).spawn().unwrap()
    };
    let (one, other) = (start(), start());
    let ran = [one, other].map(|child| Ran::from(child.wait_with_output().unwrap()));
    let outcomes: Vec<_> = ran.iter().map(|ran| (ran.exit, ran.json()["outcome"].clone())).collect();
    assert!(outcomes.iter().all(|(exit, _)| *exit == 0), "{outcomes:?} {} {}", ran[0].stderr, ran[1].stderr);
    assert!(outcomes.iter().any(|(_, outcome)| outcome == "unchanged"), "{outcomes:?}");
    let served = ran.iter().find(|ran| ran.json()["outcome"] == "served").unwrap();
    case.row("Two `baton swap` at once: the second one waits, and finds it done.", served)
}

fn state_is_locked() -> Row {
    let case = Case::new();
    case.scene.world.baton(&["target", "list"]).expect(0);
    let mut holder = Command::new("python3")
        .args(["-c", "import sqlite3,sys,time\nc=sqlite3.connect(sys.argv[1]);c.execute('BEGIN IMMEDIATE')\nprint('held',flush=True);time.sleep(1.5)"])
        .arg(case.scene.world.path("baton-data/state.db"))
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut held = [0; 4];
    holder.stdout.as_mut().unwrap().read_exact(&mut held).unwrap();
    let ran = case.swap();
    holder.wait().unwrap();
    case.row("Another program writes to the state database for a second and a half.", &ran)
}

fn damage(path: &Path, at: u64) {
    let mut file = fs_err::OpenOptions::new().write(true).open(path).unwrap();
    std::io::Seek::seek(&mut file, std::io::SeekFrom::Start(at)).unwrap();
    file.write_all(&[0xA5; 512]).unwrap();
}

fn state_is_damaged() -> Row {
    let case = Case::new();
    // The first handover leaves a copy of the journal behind.
    case.scene.swap("", &case.scene.old.thumbprint).expect(0);
    let data = case.scene.world.path("baton-data");
    fs_err::remove_file(data.join("state.db-wal")).unwrap();
    damage(&data.join("state.db"), 0);
    let ran = case.swap();
    assert!(ran.stderr.contains("the copy of"), "{}", ran.stderr);
    let kept = fs_err::read_dir(&data).unwrap().flatten();
    assert!(kept.filter(|entry| entry.file_name().to_string_lossy().contains("damaged")).count() > 0);
    case.row("The state database is damaged: the last good copy takes its place.", &ran)
}

fn state_is_damaged_without_a_copy() -> Row {
    let case = Case::new();
    case.scene.world.baton(&["target", "list"]).expect(0);
    let data = case.scene.world.path("baton-data");
    fs_err::remove_file(data.join("state.db-wal")).unwrap();
    fs_err::write(data.join("state.db"), [b'x'; 8192]).unwrap();
    let ran = case.swap();
    assert!(ran.stderr.contains("begins anew"), "{}", ran.stderr);
    case.row("The state database is damaged, and there is no copy yet: it begins anew.", &ran)
}

/// Runs `baton` as an account that may read everything and write nothing but its own data.
fn as_nobody(case: &Case) -> Ran {
    let data = case.scene.world.path("theirs");
    fs_err::create_dir(&data).unwrap();
    std::os::unix::fs::chown(&data, Some(65534), Some(65534)).unwrap();
    let program = data.join("baton");
    fs_err::copy(env!("CARGO_BIN_EXE_baton"), &program).unwrap();
    let thumbprint = case.scene.new.thumbprint.as_str();
    let mut command = Command::new("setpriv");
    command
        .args(["--reuid=65534", "--regid=65534", "--clear-groups"])
        .arg(program)
        .args(["swap", "", thumbprint, "--json", "--data"])
        .arg(data.join("data"))
        .current_dir(case.scene.world.root());
    Ran::from(command.output().unwrap())
}

fn permission_is_denied() -> Row {
    let case = Case::new();
    let open = |path: &Path, mode| {
        fs_err::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(mode)).unwrap();
    };
    open(case.scene.world.root(), 0o755);
    open(case.scene.fixture.directory().parent().unwrap(), 0o755);
    open(&case.scene.fixture.store(), 0o777);
    for thumbprint in [&case.scene.old.thumbprint, &case.scene.new.thumbprint] {
        let entry = case.scene.fixture.store().join(thumbprint);
        open(&entry, 0o755);
        fs_err::read_dir(&entry).unwrap().flatten().for_each(|file| open(&file.path(), 0o644));
    }
    let ran = as_nobody(&case);
    let told = ran.stdout.clone();
    assert!(told.contains("tls.json` cannot be written"), "the read-only file is named: {told}");
    assert!(told.contains("config/servers` cannot be written"), "and its directory: {told}");
    case.row("The account may not write the settings file, nor its directory.", &ran)
}

/// A small file system of its own, filled but for some room.
struct SmallDisk(PathBuf);

impl SmallDisk {
    fn mount(at: &Path, kilobytes: u32) -> Self {
        let size = format!("size={kilobytes}k");
        let done =
            Command::new("mount").args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(at).status().unwrap();
        assert!(done.success(), "a small file system is mounted, which takes root");
        Self(at.to_owned())
    }

    /// Leaves so many pages of 4 KiB free.
    fn leave(&self, pages: usize) {
        let filler = self.0.join("filler");
        let mut file = fs_err::File::create(&filler).unwrap();
        while file.write_all(&[0; 4096]).is_ok() {}
        let length = file.metadata().unwrap().len();
        file.set_len(length.saturating_sub(pages as u64 * 4096)).unwrap();
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

/// The disk that holds what is copied below it is filled, with a little more room each time.
fn disk_is_full(fault: &'static str, pages: impl Iterator<Item = usize>, of: fn(&Case) -> PathBuf) -> Row {
    let mut rows: Vec<Row> = Vec::new();
    for pages in pages {
        let case = Case::new();
        case.scene.world.baton(&["target", "list"]).expect(0);
        let place = of(&case);
        let away = case.scene.world.path("copied");
        let copy = |from: &Path, to: &Path| {
            let done = Command::new("cp").arg("-a").arg(from.join(".")).arg(to).status().unwrap();
            assert!(done.success());
        };
        fs_err::create_dir(&away).unwrap();
        copy(&place, &away);
        let disk = SmallDisk::mount(&place, 2048);
        copy(&away, &place);
        disk.leave(pages);

        let ran = case.swap();

        let row = case.row(fault, &ran);
        assert!(matches!(row.exit, 0..=4), "{pages} pages: {} {}{}", row.exit, ran.stdout, ran.stderr);
        let expected =
            if row.exit == 0 { ("new", "names the new one") } else { ("old", "as before, to the bit") };
        assert_eq!((row.served, row.file), expected, "{pages} pages: {}{}", ran.stdout, ran.stderr);
        rows.push(row);
    }
    let mut exits: Vec<i32> = rows.iter().map(|row| row.exit).collect();
    exits.sort_unstable();
    exits.dedup();
    assert!(exits.len() > 1, "there was room enough from the start, or never: {exits:?}");
    rows.remove(0)
}

fn target_disk_is_full() -> Row {
    disk_is_full("The target's disk is full.", 0..4, |case| {
        case.scene.fixture.tls_json().parent().unwrap().to_owned()
    })
}

fn data_disk_is_full() -> Row {
    disk_is_full(
        "The disk of the data directory is full, or fills up at any step.",
        (0..40).step_by(4),
        |case| case.scene.world.path("baton-data"),
    )
}

fn settings_are_a_link() -> Row {
    let case = Case::new();
    let (path, elsewhere) = (case.scene.fixture.tls_json(), case.scene.world.path("shared.json"));
    fs_err::rename(&path, &elsewhere).unwrap();
    std::os::unix::fs::symlink(&elsewhere, &path).unwrap();
    let ran = case.swap();
    assert_eq!(fs_err::read_link(&path).unwrap(), elsewhere, "the link stays a link");
    case.row("The settings file is a link to somewhere else.", &ran)
}

const FAULTS: [fn() -> Row; 21] = [
    refuses_to_start,
    dies_after_its_start,
    hangs_with_the_new_one,
    hangs_at_stop,
    hangs_at_every_start,
    serves_the_old_one_on,
    serves_a_third_one,
    answers_plain_http,
    serves_the_new_one_on,
    is_down_before,
    changed_after_the_check,
    file_is_locked,
    settings_are_a_link,
    permission_is_denied,
    target_disk_is_full,
    data_disk_is_full,
    clock_is_behind,
    clock_is_ahead,
    two_at_once,
    state_is_locked,
    state_is_damaged,
];

#[test]
fn a_damaged_state_database_without_a_copy_begins_anew() {
    let row = state_is_damaged_without_a_copy();
    assert_eq!((row.exit, row.served), (0, "new"));
}

#[test]
fn every_fault_ends_as_the_table_says() {
    let mut rows = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..4)
            .map(|worker| {
                let own = FAULTS.iter().enumerate().skip(worker).step_by(4);
                scope.spawn(move || own.map(|(position, fault)| (position, fault())).collect::<Vec<_>>())
            })
            .collect();
        workers.into_iter().flat_map(|worker| worker.join().unwrap()).collect::<Vec<_>>()
    });
    rows.sort_by_key(|(position, _)| *position);
    let mut table = String::from(
        "| fault | exit code | outcome | findings | served after it | settings file |\n|---|---|---|---|---|---|\n",
    );
    for (_, row) in rows {
        let codes: Vec<String> = row.codes.iter().map(|code| format!("`{code}`")).collect();
        table.push_str(&format!(
            "| {} | {} | {} | {} | {} | {} |\n",
            row.fault,
            row.exit,
            row.outcome,
            codes.join(", "),
            row.served,
            row.file
        ));
    }
    crate::documents::compare("reliability.md", "faults of a product", &table);
}
