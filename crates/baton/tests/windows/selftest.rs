//! `baton selftest` on Windows and under Wine.

use std::process::{Command, Stdio};
use std::time::Duration;

use baton_testkit::condition::wait_until;
use serde_json::Value;

use crate::scene::turn;
use crate::world::World;

/// What every machine shows, and what Wine cannot.
const EVERYWHERE: [&str; 13] = [
    "files-replaced",
    "locks",
    "local-socket",
    "secrets",
    "directory-store-rsa",
    "directory-store-ecdsa",
    "tls-rsa",
    "tls-ecdsa",
    "store-import-rsa-capi",
    "key-stays-rsa-capi",
    "key-signs-rsa-capi",
    "store-trash-rsa-capi",
    "store-deletion-rsa-capi",
];
const WINDOWS_ALONE: [&str; 20] = [
    "files-private",
    "key-access-rsa-capi",
    "schannel-rsa-capi",
    "store-import-rsa-cng",
    "key-stays-rsa-cng",
    "key-signs-rsa-cng",
    "key-access-rsa-cng",
    "store-trash-rsa-cng",
    "schannel-rsa-cng",
    "store-deletion-rsa-cng",
    "store-import-ecdsa-cng",
    "key-stays-ecdsa-cng",
    "key-signs-ecdsa-cng",
    "key-access-ecdsa-cng",
    "store-trash-ecdsa-cng",
    "schannel-ecdsa-cng",
    "store-deletion-ecdsa-cng",
    "event-log",
    "certreq",
    "firewall",
];

/// Where the system keeps what a self-test makes outside of its directory.
const REGISTRY: [&str; 3] = [
    r"HKLM\SYSTEM\CurrentControlSet\Services",
    r"HKLM\Software\Microsoft\SystemCertificates",
    r"HKCU\Software\Microsoft\SystemCertificates",
];

/// What of a self-test is in the registry.
fn registered() -> Vec<String> {
    let query = |key: &&str| Command::new("reg").args(["query", key]).output().unwrap().stdout;
    let text: String = REGISTRY.iter().map(|key| String::from_utf8_lossy(&query(key)).into_owned()).collect();
    text.lines().filter(|line| line.contains("baton-selftest-")).map(|line| line.trim().to_owned()).collect()
}

#[test]
fn every_line_is_told_and_nothing_stays() {
    let _turn = turn();
    let world = World::new();
    let ran = world.baton(&["selftest", "--json"]).expect(0);
    let report: Value = ran.json();
    let is_wine = !report["wine"].is_null();
    let lines = report["lines"].as_array().unwrap();
    assert_eq!(lines.len(), EVERYWHERE.len() + WINDOWS_ALONE.len() + 1, "{report}");
    for line in lines {
        let name = line["name"].as_str().unwrap();
        let reason = line["reason"].as_str().unwrap();
        if WINDOWS_ALONE.contains(&name) && is_wine {
            assert_eq!(line["outcome"], "ignored", "{line}");
            assert!(reason.starts_with("needs Windows: "), "{line}");
        } else {
            assert!(
                WINDOWS_ALONE.contains(&name) || EVERYWHERE.contains(&name) || name == "service",
                "{line}"
            );
            assert_eq!(line["outcome"], "passed", "{line}");
        }
    }
    assert!(!ran.stdout.contains(&world.root().display().to_string().replace('\\', r"\\")), "{}", ran.stdout);
    assert!(world.listing().is_empty(), "{:?}", world.listing());
    assert_eq!(registered(), [""; 0]);

    let told = world.baton(&["selftest"]).expect(0).stdout;
    assert_eq!(told.contains("this is not Windows"), is_wine, "{told}");
    assert!(told.contains("rights: administrator"), "{told}");
}

#[test]
fn what_a_killed_run_has_left_is_removed_by_the_next() {
    let _turn = turn();
    let world = World::new();
    let mut killed = world.command(&["selftest"]).stdout(Stdio::null()).spawn().unwrap();
    let is_service = |name: &String| name.contains(r"\Services\");
    wait_until("it has made its service", Duration::from_secs(120), || registered().iter().any(is_service));
    killed.kill().unwrap();
    killed.wait().unwrap();
    assert!(!world.listing().is_empty() && registered().iter().any(|name| !is_service(name)));

    let next = world.baton(&["selftest"]).expect(0);

    assert!(next.stderr.contains("what a run before has left behind is removed"), "{}", next.stderr);
    assert!(world.listing().is_empty(), "{:?}", world.listing());
    assert_eq!(registered(), [""; 0]);
}
