//! A request and its answer that are killed at each of their system calls: no request is ever shown whose key is lost,
//! and the same answer again, or `renew`, completes what was broken off.

use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use baton_testkit::condition::wait_until;
use baton_testkit::invocation;
use baton_testkit::tracer::{Verdict, trace};
use baton_testkit::tree::Tree;

use crate::by_hand::Scene;
use crate::sweep::{Failures, choose};
use crate::world::Ran;

/// How many scenes are tried side by side in the full form: most of a trial is waiting.
const SCENES: usize = 4;

/// How long a server may take.
const LIMIT: Duration = Duration::from_secs(20);

struct HandScene {
    scene: Scene,
    beginning: Tree,
    first: String,
}

impl HandScene {
    /// What `begin` leaves is the beginning of each trial.
    fn prepare(begin: impl Fn(&Scene)) -> Self {
        let scene = Scene::new();
        begin(&scene);
        let beginning = Tree::read(&[scene.world.root().to_owned()]);
        let first = scene.served();
        Self { scene, beginning, first }
    }

    fn reset(&self) {
        self.beginning.write();
        let reload = self.scene.nginx.as_ref().unwrap().reload_command();
        invocation::run(&reload, LIMIT).unwrap().expect_success();
        wait_until("the old certificate is served", LIMIT, || self.scene.served() == self.first);
    }

    /// Nothing temporary is left, and every key is readable by its owner alone.
    fn check_files(&self) -> Result<(), String> {
        use std::os::unix::fs::PermissionsExt as _;
        let tree = Tree::read(&[self.scene.world.path("baton-data")]);
        for name in tree.names.keys() {
            let text = name.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if text.starts_with(".baton-tmp-") {
                return Err(format!("{} is left", name.display()));
            }
            let holds_key = text == "key.pem" || is_in(name, "requests") && text.ends_with(".json");
            if holds_key && fs_err::metadata(name).unwrap().permissions().mode() & 0o077 != 0 {
                return Err(format!("{} is readable by others", name.display()));
            }
        }
        Ok(())
    }
}

fn is_in(name: &Path, directory: &str) -> bool {
    name.parent().is_some_and(|parent| parent.ends_with(directory))
}

fn told(ran: &Ran) -> String {
    format!("exit code {}\n{}{}", ran.exit, ran.stdout, ran.stderr)
}

/// Kills `command` at some of its points, or at all; `check` says what must hold after each.
fn sweep(
    what: &str,
    prepare: impl Fn() -> HandScene + Sync,
    command: impl Fn(&HandScene) -> Command + Sync,
    sample: usize,
    check: impl Fn(&HandScene, usize, &str) -> Result<(), String> + Sync,
) {
    let count = {
        let mut count = 0;
        let traced = trace(&command(&prepare()), |_| {
            count += 1;
            Verdict::Continue
        });
        assert_eq!(traced.exit, Some(0), "{}{}", traced.stdout, traced.stderr);
        count
    };
    let points = choose(what, count, sample);
    let (next, failures) = (AtomicUsize::new(0), Mutex::new(Failures::default()));
    let work = || {
        let scene = prepare();
        while let Some(&point) = points.get(next.fetch_add(1, Ordering::Relaxed)) {
            scene.reset();
            let (mut passed, mut at) = (0, "end".to_owned());
            let traced = trace(&command(&scene), |call| {
                passed += 1;
                if passed < point {
                    return Verdict::Continue;
                }
                at = call.to_string();
                Verdict::Kill
            });
            if let Err(error) = check(&scene, point, &traced.stdout).and_then(|()| scene.check_files()) {
                let failure = format!("{what}, point {point} of {count}, killed at the {at}: {error}");
                failures.lock().unwrap_or_else(PoisonError::into_inner).add(failure);
            }
        }
    };
    std::thread::scope(|scope| {
        let scenes = if crate::up::is_full() { SCENES } else { 1 };
        (0..scenes).for_each(|_| drop(scope.spawn(work)));
    });
    failures.into_inner().unwrap().expect_none(points.len());
    println!("{what}: {} points tried, all survived", points.len());
}

pub(super) fn sweep_accept(sample: usize) {
    let prepare = || {
        HandScene::prepare(|scene| {
            let request = scene.request(&[]);
            scene.ca.sign(&request, "answer");
        })
    };
    let accept = |scene: &HandScene| scene.scene.world.command(&["accept", "ca/answer-chain.pem"]);
    sweep("kill sweep, accept", prepare, accept, sample, |scene, point, _| {
        let by_hand = &scene.scene;
        let new = by_hand.ca.thumbprint("answer.pem");
        let key = by_hand.world.path(&format!("baton-data/certificates/{new}/key.pem"));
        if by_hand.pending() == 0 && !key.exists() {
            return Err("the key is lost".to_owned());
        }
        // What was kept already is handed over by `renew` too, once what was interrupted is finished or undone.
        if point % 2 == 1 {
            let resumed = by_hand.baton(&["resume"]);
            let renewed = by_hand.baton(&["renew", "site"]);
            if ![0, 6].contains(&resumed.exit) || ![0, 3].contains(&renewed.exit) {
                return Err(format!("resume: {}\nrenew: {}", told(&resumed), told(&renewed)));
            }
            if renewed.exit == 3 && by_hand.pending() == 0 {
                return Err(format!("renew has not taken up what was kept: {}", told(&renewed)));
            }
        }
        let again = by_hand.baton(&["accept", "ca/answer-chain.pem"]);
        if again.exit != 0 {
            return Err(format!("the same again: {}", told(&again)));
        }
        let served = by_hand.served();
        if served != new || by_hand.pending() != 0 || !key.exists() {
            return Err(format!(
                "{served} is served, and {} requests wait: {}",
                by_hand.pending(),
                told(&again)
            ));
        }
        let third = by_hand.baton(&["accept", "ca/answer-chain.pem"]);
        match third.exit == 0 && third.stdout.contains("accepted-before") {
            true => Ok(()),
            false => Err(format!("it is not at rest: {}", told(&third))),
        }
    });
}

pub(super) fn sweep_request(sample: usize) {
    let prepare = || HandScene::prepare(|_| {});
    let request = |scene: &HandScene| scene.scene.world.command(&["request", "site"]);
    sweep("kill sweep, request", prepare, request, sample, |scene, _, shown| {
        let by_hand = &scene.scene;
        if by_hand.world.path("baton-data").exists() {
            let list = by_hand.baton(&["request", "list", "--json"]);
            let requests = list.json()["requests"].as_array().cloned().unwrap_or_default();
            let is_kept = requests.iter().any(|it| it["request"].as_str().is_some_and(|pem| pem == shown));
            if shown.contains("END CERTIFICATE REQUEST") && !is_kept {
                return Err(format!("a request was shown whose key is lost: {}", told(&list)));
            }
        } else if !shown.is_empty() {
            return Err("a request was shown, and nothing is kept".to_owned());
        }
        let again = by_hand.baton(&["request", "site"]);
        if again.exit != 0 || (shown.contains("END CERTIFICATE REQUEST") && again.stdout != shown) {
            return Err(format!("the same again: {}", told(&again)));
        }
        if by_hand.pending() != 1 {
            return Err(format!("{} requests wait", by_hand.pending()));
        }
        by_hand.ca.sign(&again.stdout, "answer");
        let accepted = by_hand.baton(&["accept", "ca/answer-chain.pem"]);
        if accepted.exit != 0 {
            return Err(format!("its answer: {}", told(&accepted)));
        }
        Ok(())
    });
}
