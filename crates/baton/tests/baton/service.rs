//! `baton up` as a service: what it tells systemd, and settings that change while it runs.

use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::Duration;

use baton_testkit::condition::{wait_for, wait_until};
use baton_testkit::port::ReservedPort;
use baton_testkit::{Authority, Nginx, invocation, process};

use crate::world::{World, list, quoted};

const LIMIT: Duration = Duration::from_secs(30);

/// A running `baton up` whose words are kept in a file.
struct Service {
    child: Child,
    log: PathBuf,
    _port: ReservedPort,
}

impl Service {
    fn start(world: &World, variables: &[(&str, &str)]) -> Self {
        let port = ReservedPort::new();
        let listen = port.number().to_string();
        let log = world.path("up.log");
        let file = fs_err::File::create(&log).unwrap().into_file();
        let mut command = world.command(&["up", "--listen", &listen]);
        let child = command.envs(variables.iter().copied()).stderr(Stdio::from(file)).spawn().unwrap();
        let service = Self { child, log, _port: port };
        wait_until("it serves", LIMIT, || service.said().contains("serves the Designer at"));
        service
    }

    fn said(&self) -> String {
        fs_err::read_to_string(&self.log).unwrap()
    }

    fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        invocation::run(&["kill", name, &pid], LIMIT).unwrap().expect_success();
    }

    fn stop(mut self) -> Option<i32> {
        process::terminate(self.child.id()).unwrap();
        wait_for(LIMIT, || self.child.try_wait().unwrap()).expect("it ends").code()
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Messages until one that begins so; that one is the last.
#[track_caller]
fn told_until(socket: &UnixDatagram, beginning: &str) -> Vec<String> {
    socket.set_read_timeout(Some(LIMIT)).unwrap();
    let mut told = Vec::new();
    loop {
        let mut buffer = [0; 4096];
        let length =
            socket.recv(&mut buffer).unwrap_or_else(|error| panic!("no {beginning}: {error}; {told:?}"));
        told.push(String::from_utf8(buffer[..length].to_vec()).unwrap());
        if told.last().is_some_and(|last| last.starts_with(beginning)) {
            return told;
        }
    }
}

#[test]
fn systemd_is_told_of_start_reload_watchdog_and_end() {
    let world = World::with_settings("");
    let socket = UnixDatagram::bind(world.path("notify")).unwrap();
    let address = world.path("notify").display().to_string();
    let service = Service::start(&world, &[("NOTIFY_SOCKET", &address), ("WATCHDOG_USEC", "400000")]);
    assert_eq!(told_until(&socket, "READY=1"), ["READY=1"], "once, and before anything else");
    // The loop has nothing to do, and goes round for the watchdog alone.
    told_until(&socket, "STATUS=1 certificate, next at ");
    for _ in 0..3 {
        assert!(told_until(&socket, "WATCHDOG=1").len() < 4);
    }
    service.signal("-HUP");
    let reloading = told_until(&socket, "RELOADING=1").pop().unwrap();
    let microseconds = reloading.strip_prefix("RELOADING=1\nMONOTONIC_USEC=").unwrap();
    let since_boot = fs_err::read_to_string("/proc/uptime").unwrap();
    let since_boot: f64 = since_boot.split(' ').next().unwrap().parse().unwrap();
    let ago = since_boot - microseconds.parse::<f64>().unwrap() / 1e6;
    assert!(ago.abs() < 60.0, "{ago} s ago, by CLOCK_MONOTONIC");
    told_until(&socket, "READY=1");
    assert!(service.said().contains("the settings are taken up"), "{}", service.said());
    process::terminate(service.child.id()).unwrap();
    told_until(&socket, "STOPPING=1");
    assert_eq!(service.stop(), Some(0));
}

#[test]
fn the_socket_may_be_abstract_and_the_watchdog_meant_for_another_process() {
    let world = World::with_settings("");
    let name = world.root().file_name().unwrap().to_str().unwrap().to_owned();
    let socket = UnixDatagram::bind_addr(&SocketAddr::from_abstract_name(&name).unwrap()).unwrap();
    let address = format!("@{name}");
    let variables = [("NOTIFY_SOCKET", &*address), ("WATCHDOG_USEC", "100000"), ("WATCHDOG_PID", "1")];
    let service = Service::start(&world, &variables);
    told_until(&socket, "READY=1");
    std::thread::sleep(Duration::from_millis(400));
    process::terminate(service.child.id()).unwrap();
    let told = told_until(&socket, "STOPPING=1");
    assert!(!told.contains(&"WATCHDOG=1".to_owned()), "{told:?}");
}

fn certificate(name: &str) -> String {
    format!("[[certificate]]\nname = '{name}'\nnames = ['localhost']\nissuer = 'internal'\n")
}

fn is_issued(world: &World, name: &str) -> bool {
    let status = world.baton(&["status", "--json"]).json();
    let rows = status["rows"].as_array().unwrap();
    rows.iter().any(|row| row["certificate"] == name && row["days_left"].is_number())
}

/// As editors do it: the new file takes the place of the old one.
fn replace(world: &World, text: &str) {
    fs_err::write(world.path("baton.toml.new"), text).unwrap();
    fs_err::rename(world.path("baton.toml.new"), world.path("baton.toml")).unwrap();
}

#[test]
fn changed_settings_are_taken_up_and_wrong_ones_refused() {
    let world = World::with_settings(&certificate("one"));
    let service = Service::start(&world, &[]);
    wait_until("the first is issued", LIMIT, || is_issued(&world, "one"));

    // Written in place, and replaced.
    world.write_settings(&format!("{}{}", certificate("one"), certificate("two")));
    wait_until("the second is issued", LIMIT, || is_issued(&world, "two"));
    replace(&world, &format!("{}{}{}", certificate("one"), certificate("two"), certificate("three")));
    wait_until("the third is issued", LIMIT, || is_issued(&world, "three"));

    // Wrong in form, and wrong in what it says: one clear error each, and the old ones hold.
    let settings = fs_err::read_to_string(world.path("baton.toml")).unwrap();
    replace(&world, &format!("{settings}[[certificate]]\nnam = 'four'\n"));
    let refused = "the new settings are refused, the old ones hold";
    wait_until("they are refused", LIMIT, || service.said().contains(refused));
    let line = service.said().lines().find(|line| line.contains(refused)).unwrap().to_owned();
    assert!(
        line.contains("baton.toml:14:1: unknown field `nam`") && line.contains("did you mean `name`?"),
        "{line}"
    );
    assert_eq!(service.said().matches(refused).count(), 1);
    let status = world.baton(&["status"]).expect(2);
    assert!(status.stderr.contains("baton.toml:14:1"), "{}", status.stderr);
    replace(
        &world,
        &format!("{settings}[[certificate]]\nname = 'four'\nnames = ['localhost']\nissuer = 'nobody'\n"),
    );
    wait_until("they are refused", LIMIT, || service.said().matches(refused).count() == 2);
    assert!(service.said().contains("names an unknown issuer \"nobody\""), "{}", service.said());
    // It still works by those before.
    let data = world.path("baton-data").display().to_string();
    replace(&world, "data = 'elsewhere'\n");
    wait_until("they are refused", LIMIT, || service.said().matches(refused).count() == 3);
    assert!(service.said().contains("they name another data directory"), "{}", service.said());
    let empty = world.path("empty.toml");
    fs_err::write(&empty, "").unwrap();
    let renew = ["renew", "one", "--force", "--settings", empty.to_str().unwrap(), "--data", &data];
    world.baton(&renew).expect(0);

    // And it goes on once they are right again.
    replace(&world, &format!("{settings}{}", certificate("five")));
    wait_until("the fifth is issued", LIMIT, || is_issued(&world, "five"));
    assert_eq!(service.stop(), Some(0));
}

#[test]
fn a_handover_under_way_is_not_disturbed_by_other_settings() {
    let world = World::new();
    let (gate, began) = (world.path("gate"), world.path("began"));
    let authority = Authority::new("Old CA");
    let (certificate_file, key_file) = (world.path("site.pem"), world.path("site.key"));
    authority.issue(&["localhost"]).sign().write_files(&certificate_file, &key_file);
    fs_err::write(world.path("root.pem"), authority.root_pem()).unwrap();
    let nginx = Nginx::start(&certificate_file, &key_file);
    let waits =
        format!("touch {}; while [ ! -e {} ]; do sleep 0.05; done; ", began.display(), gate.display());
    let script = waits + &nginx.reload_command().join(" ");
    let settings = |more: &str| {
        format!(
            "[[issuer]]\nname = 'old'\nkind = 'manual'\nroot = 'root.pem'\n\n\
             [[target]]\nname = 'slow'\nkind = 'files'\ncertificate = {}\nkey = {}\n\
             activate = {}\nendpoints = [{{ address = '{}', name = 'localhost' }}]\n\n\
             [[certificate]]\nname = 'slow'\nnames = ['localhost']\nissuer = 'internal'\ntargets = ['slow']\n\n\
             {more}",
            quoted(&certificate_file),
            quoted(&key_file),
            list(&["sh".to_owned(), "-c".to_owned(), script.clone()]),
            nginx.address(),
        )
    };
    world.write_settings(&settings(""));
    let service = Service::start(&world, &[]);
    wait_until("its activation hangs", LIMIT, || began.exists());
    // Others are not held up by it, neither those of before nor new ones.
    replace(&world, &settings(&certificate("quick")));
    wait_until("the new one is issued", LIMIT, || is_issued(&world, "quick"));
    let slow = || {
        world.baton(&["history", "--json"]).stdout.lines().filter(|line| line.contains("\"slow\"")).count()
    };
    assert_eq!(slow(), 1, "no second handover beside it");
    fs_err::write(&gate, "").unwrap();
    wait_until("it ends", LIMIT, || {
        let history = world.baton(&["history", "--json"]).stdout;
        history.lines().any(|line| line.contains("\"slow\"") && line.contains("\"served\""))
    });
    assert_eq!(service.stop(), Some(0));
}

#[test]
fn the_unit_file_is_sound() {
    let packaged = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../packaging/systemd/baton.service");
    let unit = fs_err::read_to_string(packaged).unwrap();
    let program = "/usr/local/bin/baton";
    assert!(unit.contains(&format!("ExecStart={program} ")));
    let world = World::new();
    let path = world.path("baton.service");
    fs_err::write(&path, unit.replace(program, env!("CARGO_BIN_EXE_baton"))).unwrap();
    assert_verified(&path);
}

#[test]
fn the_unit_file_of_closed_doors_is_sound() {
    let packaged = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../packaging/systemd/baton-doors.service");
    assert_verified(&packaged);
}

fn assert_verified(unit: &Path) {
    let verified = invocation::run(&["systemd-analyze", "verify", unit.to_str().unwrap()], LIMIT);
    let verified = verified.unwrap().expect_success();
    assert_eq!((verified.stdout.trim(), verified.stderr.trim()), ("", ""));
}

#[test]
#[ignore = "needs systemd"]
fn systemd_starts_reloads_and_stops_the_unit() {
    let run = |arguments: &[&str]| invocation::run(arguments, Duration::from_secs(60)).unwrap();
    run(&["systemctl", "start", "baton"]).expect_success();
    assert_eq!(run(&["systemctl", "is-active", "baton"]).stdout.trim(), "active");
    run(&["systemctl", "reload", "baton"]).expect_success();
    assert_eq!(run(&["systemctl", "is-active", "baton"]).stdout.trim(), "active");
    run(&["systemctl", "stop", "baton"]).expect_success();
}

/// The names of the events that a command told on standard error.
fn events(stderr: &str) -> Vec<(String, String)> {
    let objects = stderr.lines().filter(|line| line.starts_with('{'));
    objects
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap())
        .inspect(|event| assert_eq!(event["schema"], "baton/1"))
        .map(|event| {
            (event["certificate"].as_str().unwrap().to_owned(), event["event"].as_str().unwrap().to_owned())
        })
        .collect()
}

#[test]
fn a_renewal_tells_how_far_it_has_come_itself_and_through_up() {
    let world = World::new();
    let authority = Authority::new("Old CA");
    let (certificate_file, key_file) = (world.path("site.pem"), world.path("site.key"));
    authority.issue(&["localhost"]).sign().write_files(&certificate_file, &key_file);
    fs_err::write(world.path("root.pem"), authority.root_pem()).unwrap();
    let nginx = Nginx::start(&certificate_file, &key_file);
    world.write_settings(&format!(
        "[proof]\nover = '100ms'\nquiet = '50ms'\n\n[[issuer]]\nname = 'old'\nkind = 'manual'\nroot = 'root.pem'\n\n\
         [[target]]\nname = 'website'\nkind = 'files'\ncertificate = {}\nkey = {}\nactivate = {}\n\
         endpoints = [{{ address = '{}', name = 'localhost' }}]\n\n\
         [[certificate]]\nname = 'site'\nnames = ['localhost']\nissuer = 'internal'\ntargets = ['website']\n",
        quoted(&certificate_file),
        quoted(&key_file),
        list(&nginx.reload_command()),
        nginx.address(),
    ));
    let stages =
        ["check", "stage", "switch", "activate", "prove"].map(|it| ("site".to_owned(), it.to_owned()));
    let ran = world.baton(&["renew", "site", "--json"]).expect(0);
    assert_eq!(ran.json()["outcome"], "served", "standard output is the report alone");
    assert_eq!(events(&ran.stderr), stages);

    let service = Service::start(&world, &[]);
    let ran = world.baton(&["renew", "site", "--force", "--json"]).expect(0);
    assert_eq!((ran.json()["outcome"].as_str(), events(&ran.stderr)), (Some("served"), stages.to_vec()));
    let ran = world.baton(&["renew", "site", "--force"]).expect(0);
    let plain: Vec<&str> = ran.stderr.lines().collect();
    assert_eq!(
        plain,
        ["check", "stage", "switch", "activate", "prove"].map(|it| format!("site / website: {it}"))
    );
    assert_eq!(world.baton(&["renew", "site", "--force", "--quiet"]).expect(0).stderr, "");

    // `script` gives it a terminal: one line, which is drawn anew, and is gone before the result.
    let settings = world.path("baton.toml");
    let command =
        format!("{} --settings {} renew --force site", env!("CARGO_BIN_EXE_baton"), settings.display());
    let terminal = ["script", "--quiet", "--return", "--command", &command, "/dev/null"];
    let shown = invocation::run(&terminal, LIMIT).unwrap().expect_success().stdout;
    let (progress, result) = shown.split_once("handover ").unwrap();
    assert!(progress.contains("site / website: prove"), "{shown:?}");
    assert_eq!(progress.matches('\n').count(), 0, "{shown:?}");
    assert!(progress.ends_with("\u{1b}[2K") || progress.ends_with("\u{1b}[K"), "{shown:?}");
    assert!(result.contains("served"), "{shown:?}");
    assert_eq!(service.stop(), Some(0));
}
