//! Start, stop and restart.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use baton_testkit::condition::{wait_for, wait_until};
use baton_testkit::product_server::{ReadyReport, companion};
use baton_testkit::{Product, ProductFixture, process};
use nix::sys::signal::Signal;

use crate::*;

const LIMIT: Duration = Duration::from_secs(30);

#[test]
fn a_restart_is_another_process_on_the_same_ports() {
    let (fixture, certificate) = (ProductFixture::new(Product::Yunio), certificate());
    fixture.enable_tls(&certificate);
    let (first, second) = (fixture.start(), fixture.restart());
    assert_ne!(first.pid, second.pid);
    assert!(process::is_gone(first.pid));
    assert_eq!(first.endpoints, second.endpoints);
    assert_eq!(fixture.pid(), Some(second.pid));
    assert_eq!(served(fixture.address("services-tls")), certificate.thumbprint);
}

/// Runs `start` or `restart` of a fixture's product with all ports 0.
fn with_any_port(action: &str, fixture: &ProductFixture) -> ReadyReport {
    let (directory, store, pid_file) = (fixture.directory(), fixture.store(), fixture.pid_file());
    let names = fixture.product().port_names();
    let ports: Vec<_> = names.iter().map(|name| format!("{name}=0")).collect();
    let mut arguments = vec![action, "--product", fixture.product().key(), "--directory", text(&directory)];
    arguments.extend(["--store", text(&store), "--pid-file", text(&pid_file)]);
    arguments.extend(ports.iter().flat_map(|port| ["--port", port.as_str()]));
    let output = product_server(&arguments);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    ReadyReport::from_json(&String::from_utf8(output.stdout).unwrap()).unwrap()
}

#[test]
fn port_zero_is_chosen_once_and_remembered_for_open_and_closed_ports() {
    let (fixture, certificate) = (ProductFixture::new(Product::BoardConnector), certificate());
    let first = with_any_port("start", &fixture);
    assert_eq!(first.ports.keys().cloned().collect::<Vec<_>>(), ["api", "configuration", "web", "web-tls"]);
    assert!(first.ports.values().all(|&port| port != 0));
    assert!(is_closed(([127, 0, 0, 1], first.ports["web-tls"]).into()));

    fixture.enable_tls(&certificate);
    let second = with_any_port("restart", &fixture);
    assert_eq!(first.ports, second.ports);
    assert_eq!(second.endpoints["web-tls"].port(), first.ports["web-tls"]);
    assert_eq!(served(second.endpoints["web-tls"]), certificate.thumbprint);
    let remembered = fs_err::read_to_string(companion(&fixture.pid_file(), "ports")).unwrap();
    assert_eq!(serde_json::from_str::<BTreeMap<String, u16>>(&remembered).unwrap(), first.ports);

    fixture.stop();
    assert_eq!(with_any_port("start", &fixture).ports, first.ports);
}

/// Whether all threads of the process are stopped by a signal: one that still runs would take the next signal.
#[cfg(target_os = "linux")]
fn are_stopped(pid: u32) -> bool {
    let tasks = fs_err::read_dir(format!("/proc/{pid}/task")).unwrap();
    let mut states = tasks.map(|task| fs_err::read_to_string(task.unwrap().path().join("stat")).unwrap());
    states.all(|state| state.contains(") T "))
}

#[cfg(target_os = "linux")]
#[test]
fn stop_waits_until_the_process_is_gone() {
    let (fixture, certificate) = (ProductFixture::new(Product::Yunio), certificate());
    fixture.enable_tls(&certificate);
    let pid = fixture.start().pid;
    // A process that is stopped by a signal takes the next one only when it is continued: a slow end.
    process::send(pid, Signal::SIGSTOP).unwrap();
    wait_until("all threads are stopped", LIMIT, || are_stopped(pid));
    let command = fixture.stop_command();
    let mut stop = Command::new(&command[0]).args(&command[1..]).spawn().unwrap();
    let ended = wait_for(Duration::from_millis(500), || stop.try_wait().unwrap());
    assert!(ended.is_none(), "stop did not wait: {ended:?}");
    assert!(fixture.pid_file().exists());

    process::send(pid, Signal::SIGCONT).unwrap();
    assert!(stop.wait().unwrap().success());
    assert!(process::is_gone(pid));
    assert!(!fixture.pid_file().exists());
    assert!(is_closed(fixture.address("services-tls")));
    assert!(fixture.endpoints().is_empty());
    fixture.stop(); // a second time is fine
}

#[test]
fn open_connections_end_with_the_server() {
    let (fixture, certificate) = (ProductFixture::new(Product::Yunio), certificate());
    fixture.enable_tls(&certificate);
    fixture.start();
    let connection = OpenConnection::open(fixture.address("services-tls"), NAME).unwrap();
    fixture.restart();
    let answer = connection.get("/");
    assert!(!answer.is_ok_and(|answer| answer.contains("200 OK")));
}

#[test]
fn a_stale_pid_file_names_nobody() {
    let fixture = ProductFixture::new(Product::Yunio);
    let pid = fixture.start().pid;
    process::send(pid, Signal::SIGKILL).unwrap();
    wait_until("the killed server is gone", LIMIT, || process::is_gone(pid));
    // As if the system had given the number to somebody else: to this test.
    fs_err::write(fixture.pid_file(), std::process::id().to_string()).unwrap();
    assert_eq!(fixture.pid(), None);
    fixture.stop(); // and this test lives on
    assert!(!fixture.pid_file().exists());
    fs_err::write(fixture.pid_file(), std::process::id().to_string()).unwrap();
    let second = fixture.start();
    assert_eq!(fixture.pid(), Some(second.pid));
}

#[test]
fn a_second_start_is_refused_and_leaves_the_first_alone() {
    let fixture = ProductFixture::new(Product::Yunio);
    let first = fixture.start();
    let said = fixture.try_start().unwrap_err();
    assert!(said.contains("is running already"), "{said}");
    assert_eq!(fixture.pid(), Some(first.pid));
    assert!(plain_get(fixture.address("services"), "/").contains("200 OK"));
}

#[test]
fn a_failed_start_ends_with_1_says_why_once_and_leaves_nothing() {
    let (fixture, certificate) = (ProductFixture::new(Product::Yunio), certificate());
    fixture.enable_tls(&certificate);
    fs_err::remove_file(fixture.store().join(&certificate.thumbprint).join("key.pem")).unwrap();
    let command = fixture.start_command();
    for _ in 0..2 {
        let output = Command::new(&command[0]).args(&command[1..]).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert_eq!(
            said.matches(&certificate.thumbprint).count(),
            3,
            "line and two paths, of this start only: {said}"
        );
        assert!(output.stdout.is_empty());
        assert!(!fixture.pid_file().exists());
        assert!(!companion(&fixture.pid_file(), "ready").exists());
    }
    assert_eq!(fixture.log().matches("cannot read its key").count(), 2);
}

/// A server in the foreground, as a child of the test.
struct Foreground(std::process::Child);

impl Foreground {
    fn run(fixture: &ProductFixture, ready: &Path, more: &[&str]) -> Self {
        let mut command = Command::new(program("product-server"));
        command.args(["run", "--product", fixture.product().key(), "--directory"]).arg(fixture.directory());
        command.arg("--store").arg(fixture.store()).arg("--ready").arg(ready).args(more);
        for name in fixture.product().port_names() {
            command.args(["--port", &format!("{name}=0")]);
        }
        Self(command.stdout(Stdio::piped()).spawn().unwrap())
    }
}

impl Drop for Foreground {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_server_in_the_foreground_reports_on_standard_output_and_in_the_file() {
    let (fixture, certificate) = (ProductFixture::new(Product::XtractUniversal), certificate());
    fixture.enable_tls(&certificate);
    let ready: PathBuf = fixture.directory().join("ready.json");
    let mut server = Foreground::run(&fixture, &ready, &[]);
    wait_until("the report is there", LIMIT, || ready.exists());
    let in_file = fs_err::read_to_string(&ready).unwrap();
    let report = ReadyReport::from_json(&in_file).unwrap();
    assert_eq!(report.pid, server.0.id());
    assert!(report.tls);
    assert_eq!(report.thumbprint.as_deref(), Some(&*certificate.thumbprint));
    assert_eq!(served(report.endpoints["web-tls"]), certificate.thumbprint);
    assert_eq!(served(report.endpoints["configuration"]), certificate.thumbprint);

    server.0.kill().unwrap();
    let mut on_standard_output = String::new();
    server.0.stdout.take().unwrap().read_to_string(&mut on_standard_output).unwrap();
    assert_eq!(on_standard_output, in_file);
}

#[test]
fn a_forgotten_server_ends_by_itself() {
    let fixture = ProductFixture::new(Product::Yunio);
    let start = Instant::now();
    let mut server =
        Foreground::run(&fixture, &fixture.directory().join("ready.json"), &["--end-after", "1"]);
    let status = wait_for(LIMIT, || server.0.try_wait().unwrap());
    assert!(status.is_some_and(|status| status.success()));
    assert!(start.elapsed() >= Duration::from_secs(1));
}

#[test]
fn two_servers_for_one_pid_file_are_one_too_many() {
    let fixture = ProductFixture::new(Product::Yunio);
    let first = fixture.start();
    let ready = fixture.directory().join("ready.json");
    let mut second = Foreground::run(&fixture, &ready, &["--pid-file", text(&fixture.pid_file())]);
    let status = wait_for(LIMIT, || second.0.try_wait().unwrap()).unwrap();
    assert_eq!(status.code(), Some(1));
    assert_eq!(fixture.pid(), Some(first.pid));
}

#[test]
fn a_dropped_fixture_leaves_no_process_behind() {
    let fixture = ProductFixture::new(Product::Yunio);
    let pid = fixture.start().pid;
    assert!(!process::is_gone(pid));
    drop(fixture);
    assert!(process::is_gone(pid));
}
