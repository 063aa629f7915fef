//! `baton selftest`: what it tells, also of a firewall that lies, and that nothing of it stays.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Stdio};
use std::time::Duration;

use baton_testkit::condition::wait_until;
use serde_json::Value;

use crate::world::{Ran, World};

/// All lines on Linux.
const LINES: [&str; 13] = [
    "files-replaced",
    "files-private",
    "files-links",
    "locks",
    "local-socket",
    "secrets",
    "directory-store-rsa",
    "directory-store-ecdsa",
    "tls-rsa",
    "tls-ecdsa",
    "staged-check",
    "systemd",
    "firewall",
];

/// Those that a machine may have to leave out: without rights, or in a container.
const MAY_BE_IGNORED: [&str; 3] = ["staged-check", "systemd", "firewall"];

/// A firewall that keeps one rule in a file: `nft` as far as a door asks it.
const FIREWALL: &str = r#"#!/bin/sh
cd "$(dirname "$0")" || exit 1
case "$1" in
  --check) cat >/dev/null ;;
  --file)
    if [ -e breaks ]; then echo "broken: $0" >&2; exit 1; fi
    case "$(cat)" in
      *chain*)
        [ -e lies ] || touch closed
        if [ -e hangs ]; then echo $$ >hanging.tmp; mv hanging.tmp hanging; exec sleep 600; fi ;;
      *) rm -f closed ;;
    esac ;;
  list) [ -e closed ] || { echo "Error: No such file or directory" >&2; exit 1; } ;;
esac
"#;

fn with_firewall() -> World {
    let world = World::new();
    fs_err::create_dir(world.path("bin")).unwrap();
    fs_err::create_dir(world.path("data")).unwrap();
    fs_err::write(world.path("bin/nft"), FIREWALL).unwrap();
    fs_err::set_permissions(world.path("bin/nft"), Permissions::from_mode(0o755)).unwrap();
    world
}

#[expect(clippy::disallowed_methods, reason = "the other programs are where they always are")]
fn selftest(world: &World) -> Command {
    let mut command = world.command(&["selftest", "--json", "--data", "data"]);
    let path = std::env::var("PATH").unwrap();
    command.env("PATH", format!("{}:{path}", world.path("bin").display()));
    command
}

fn run(world: &World) -> Ran {
    Ran::from(selftest(world).output().unwrap())
}

fn line<'a>(report: &'a Value, name: &str) -> &'a Value {
    report["lines"].as_array().unwrap().iter().find(|line| line["name"] == name).unwrap()
}

fn outcomes<'a>(report: &'a Value, outcome: &str) -> Vec<&'a str> {
    let lines = report["lines"].as_array().unwrap().iter();
    lines.filter(|line| line["outcome"] == outcome).map(|line| line["name"].as_str().unwrap()).collect()
}

#[test]
fn every_line_is_told_and_nothing_stays() {
    let world = World::new();
    let report = world.baton(&["selftest", "--json"]).expect(0).json();
    assert_eq!(report["schema"], "baton/1");
    assert_eq!(report["wine"], Value::Null);
    let names: Vec<&str> =
        report["lines"].as_array().unwrap().iter().map(|line| line["name"].as_str().unwrap()).collect();
    assert_eq!(names, LINES);
    for name in LINES {
        let line = line(&report, name);
        let is_ignored = line["outcome"] == "ignored" && MAY_BE_IGNORED.contains(&name);
        assert!(line["outcome"] == "passed" || is_ignored, "{line}");
        assert!(!line["reason"].as_str().unwrap().is_empty(), "{line}");
    }
    assert_eq!(report["passed"], outcomes(&report, "passed").len());
    assert!(world.listing().is_empty(), "{:?}", world.listing());

    // As text for a bug report: nothing of where it ran.
    let told = world.baton(&["selftest"]).expect(0);
    for name in LINES {
        assert!(told.stdout.lines().any(|line| line.trim_start().starts_with(name)), "{}", told.stdout);
    }
    assert!(!told.stdout.contains(&world.root().display().to_string()), "{}", told.stdout);
    assert_eq!(told.stderr, "");
    assert!(world.listing().is_empty(), "{:?}", world.listing());
}

#[test]
fn a_firewall_is_asked_and_one_that_lies_is_told_as_failed() {
    let world = with_firewall();
    let report = run(&world).expect(0).json();
    assert_eq!(line(&report, "firewall")["outcome"], "passed", "{report}");
    assert!(!world.path("bin/closed").exists());

    fs_err::write(world.path("bin/lies"), "").unwrap();
    let ran = run(&world).expect(1);
    let report = ran.json();
    assert_eq!(outcomes(&report, "failed"), ["firewall"], "{report}");
    let reason = line(&report, "firewall")["reason"].as_str().unwrap();
    assert!(reason.contains("says that it has closed the ports"), "{reason}");
    assert_eq!(world.listing(), ["bin", "bin/lies", "bin/nft", "data"]);
}

#[test]
fn what_does_not_work_is_told_without_private_paths() {
    let world = with_firewall();
    fs_err::write(world.path("bin/breaks"), "").unwrap();
    let ran = run(&world).expect(1);
    let report = ran.json();
    assert_eq!(outcomes(&report, "failed"), ["firewall"], "{report}");
    let reason = line(&report, "firewall")["reason"].as_str().unwrap();
    assert!(reason.contains("failed with exit code 1: broken: ABOVE-DATA/bin/nft"), "{reason}");
    assert!(!ran.stdout.contains(&world.root().display().to_string()), "{}", ran.stdout);
    assert_eq!(world.listing(), ["bin", "bin/breaks", "bin/nft", "data"]);
}

#[test]
fn what_a_killed_run_has_left_is_removed_by_the_next() {
    let world = with_firewall();
    fs_err::write(world.path("bin/hangs"), "").unwrap();
    let mut killed = selftest(&world).stdout(Stdio::null()).spawn().unwrap();
    let hanging = world.path("bin/hanging");
    wait_until("it closes a port", Duration::from_secs(60), || hanging.exists());
    let left = format!("data/.baton-selftest-{}", killed.id());
    assert!(world.path(&left).join("doors").is_dir());

    // One that lives is left alone.
    fs_err::remove_file(world.path("bin/hangs")).unwrap();
    let beside = run(&world).expect(0);
    assert_eq!(beside.stderr, "");
    assert!(world.path(&left).join("doors").is_dir());

    killed.kill().unwrap();
    killed.wait().unwrap();
    let sleeping =
        nix::unistd::Pid::from_raw(fs_err::read_to_string(&hanging).unwrap().trim().parse().unwrap());
    nix::sys::signal::kill(sleeping, nix::sys::signal::Signal::SIGKILL).unwrap();
    fs_err::write(world.path("bin/closed"), "").unwrap();

    let next = run(&world).expect(0);
    assert!(next.stderr.contains("what a run before has left behind is removed"), "{}", next.stderr);
    assert_eq!(world.listing(), ["bin", "bin/hanging", "bin/nft", "data"]);
}
