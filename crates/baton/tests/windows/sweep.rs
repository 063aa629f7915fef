//! A handover that is ended at each point of its journal.
//!
//! There is no tracer here as on Linux. Instead the process is ended as soon as its journal has changed for the n-th time,
//! for every n until it is done before: what was journaled last is then under way, or about to be.

use std::fmt::Write as _;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::Path;
use std::thread;
use std::time::Duration;

use baton_testkit::condition::wait_for;
use baton_testkit::{IssuedCertificate, Product};

use crate::scene::{NewIsIn, Scene};

/// How long after a change of the journal the process is ended.
const DELAYS: [Duration; 4] =
    [Duration::ZERO, Duration::from_millis(20), Duration::from_millis(200), Duration::from_secs(1)];

/// How many changes lie between two that the short form tries, and with which of the delays.
const STRIDE: usize = 3;

#[test]
fn a_handover_survives_its_end_at_every_change_of_its_journal() {
    let (stride, delays) = if is_full() { (1, DELAYS.as_slice()) } else { (STRIDE, &DELAYS[..1]) };
    let mut failures = String::new();
    let mut tried = 0;
    for change in (1..).step_by(stride) {
        let mut was_ended = false;
        for delay in delays {
            let scene = Scene::in_machine_store(Product::Yunio, "yunIO Service", NewIsIn::OwnStore);
            if !is_ended(&scene, change, *delay) {
                continue;
            }
            was_ended = true;
            tried += 1;
            if let Err(failure) = check_recovery(&scene) {
                writeln!(failures, "{delay:?} after change {change} of the journal: {failure}").unwrap();
            }
        }
        if !was_ended {
            break;
        }
    }
    println!("ended at {tried} points");
    assert_eq!(failures, "", "of {tried} points");
    assert!(tried > 1, "the journal hardly changes");
}

/// Ends a handover when its journal has changed that often, and some time has gone by; false when it is done before.
fn is_ended(scene: &Scene, change: usize, delay: Duration) -> bool {
    let index = scene.world.path("baton-data/state.db-shm");
    let mut swap =
        scene.world.command(&["swap", &scene.old.thumbprint, &scene.new.thumbprint]).spawn().unwrap();
    let (mut seen, mut changes) = (transactions(&index), 0);
    while changes < change {
        if swap.try_wait().unwrap().is_some() {
            return false;
        }
        let now = transactions(&index);
        changes += usize::from(now != seen);
        seen = now;
        thread::yield_now();
    }
    if wait_for(delay, || swap.try_wait().unwrap()).is_some() {
        return false;
    }
    swap.kill().unwrap();
    swap.wait().unwrap();
    true
}

/// SQLite's count of the transactions that are in its log: `iChange` of the index of the log, in the order of bytes of
/// the machine (https://sqlite.org/walformat.html, 2.1). It is the file that all connections share.
fn transactions(index: &Path) -> Option<u32> {
    let mut count = [0; 4];
    let mut file = fs_err::File::open(index).ok()?;
    file.seek(SeekFrom::Start(8)).ok()?;
    file.read_exact(&mut count).ok()?;
    Some(u32::from_le_bytes(count))
}

/// `resume`, and all that must hold then.
fn check_recovery(scene: &Scene) -> Result<(), String> {
    let resumed = scene.world.baton(&["resume"]);
    if ![0, 4].contains(&resumed.exit) {
        return Err(format!("resume ends with {}: {}", resumed.exit, resumed.stderr));
    }
    let named = named(scene)?;
    if !scene.service.is_running() {
        return Err("the service does not run".to_owned());
    }
    if !scene.is_in_product_store(named) {
        return Err(format!("{} has lost its key", named.thumbprint));
    }
    scene.assert_served(named);
    let leftover = scene.world.listing().into_iter().find(|name| name.contains(".baton-tmp-"));
    if let Some(leftover) = leftover {
        return Err(format!("{leftover} is left"));
    }

    let before = scene.references();
    let again = scene.world.baton(&["resume"]);
    if again.exit != 0 || !again.stderr.contains("nothing was interrupted") || scene.references() != before {
        return Err(format!("the second resume does something: {}", again.stderr));
    }

    let swapped = scene.swap();
    if swapped.exit != 0 {
        return Err(format!(
            "the next swap ends with {}: {}{}",
            swapped.exit, swapped.stdout, swapped.stderr
        ));
    }
    scene.assert_served(&scene.new);
    match scene.is_in_product_store(&scene.new) {
        true => Ok(()),
        false => Err("the successor's key is lost".to_owned()),
    }
}

/// The one certificate that the settings name.
fn named(scene: &Scene) -> Result<&IssuedCertificate, String> {
    let (path, text) = scene.references().remove(0);
    let settings: serde_json::Value =
        serde_json::from_str(&text).map_err(|error| format!("{}: {error}", path.display()))?;
    let thumbprint = settings["certificate"]["thumbprint"].as_str().unwrap_or_default();
    [&scene.old, &scene.new]
        .into_iter()
        .find(|certificate| certificate.thumbprint == thumbprint)
        .ok_or_else(|| format!("{} names {thumbprint:?}", path.display()))
}

fn is_full() -> bool {
    #[expect(clippy::disallowed_methods, reason = "tests have no settings to read it from")]
    std::env::var("BATON_ACCEPTANCE").is_ok_and(|value| value == "1")
}
