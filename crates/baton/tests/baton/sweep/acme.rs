//! An issue-and-handover by ACME that is killed at each of its system calls: the next start obtains and serves the
//! certificate, and each kill has cost one order at the most.

use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use baton_testkit::condition::wait_until;
use baton_testkit::tracer::{Verdict, trace};
use baton_testkit::tree::Tree;
use baton_testkit::{PebbleOptions, Webroot, invocation, openssl};

use crate::acme::{HOST, Scene};
use crate::sweep::{Failures, choose};

/// How many scenes are tried side by side in the full form: most of a trial is waiting.
const SCENES: usize = 4;

/// How long a server may take.
const LIMIT: Duration = Duration::from_secs(20);

struct AcmeScene {
    scene: Scene,
    webroot: Webroot,
    beginning: Tree,
    first: String,
}

impl AcmeScene {
    /// Answers from a webroot: of all ways it leaves most behind.
    fn prepare() -> Self {
        let scene = Scene::new(&PebbleOptions::default());
        let webroot = Webroot::serve(scene.pebble.http_address());
        let root = webroot.challenge_directory().ancestors().nth(2).unwrap().to_owned();
        scene.write_settings(&format!("challenge = 'http-01'\nwebroot = '{}'\n", root.display()));
        let beginning = Tree::read(&[scene.world.root().to_owned()]);
        let first = scene.served();
        Self { scene, webroot, beginning, first }
    }

    /// As if nothing had ever been done: no data directory, no account.
    fn reset(&self) {
        self.beginning.write();
        let reload = self.scene.nginx.reload_command();
        invocation::run(&reload, LIMIT).unwrap().expect_success();
        wait_until("the old certificate is served", LIMIT, || self.scene.served() == self.first);
    }

    fn renew(&self) -> Command {
        self.scene.world.command(&["renew", "site"])
    }

    /// How many orders the CA has taken.
    fn orders(&self) -> usize {
        self.scene.pebble.log().matches("Added order").count()
    }

    fn order_is_kept(&self) -> bool {
        self.kept_order().exists()
    }

    fn kept_order(&self) -> PathBuf {
        self.scene.world.path("baton-data/acme/ca/order-site.json")
    }

    /// After a kill that came with `orders` orders taken before: all that must hold.
    fn check_recovery(&self, orders: usize) -> Result<(), String> {
        let (was_kept, taken) = (self.order_is_kept(), self.orders() - orders);
        if taken > 1 {
            return Err(format!("{taken} orders before the kill"));
        }
        let world = &self.scene.world;
        let next = world.baton(&["renew", "site", "-v"]);
        let told = || format!("exit {}\n{}\n{}", next.exit, next.stdout, next.stderr);
        if next.exit != 0 {
            return Err(format!("the next start: {}", told()));
        }
        let in_all = self.orders() - orders;
        if was_kept && in_all != 1 {
            return Err(format!("the order was kept, and {in_all} were placed: {}", told()));
        }
        if in_all > 2 {
            return Err(format!("{in_all} orders for one kill: {}", told()));
        }
        if !openssl::verify(self.scene.nginx.address(), HOST, self.scene.pebble.root_pem()) {
            return Err(format!("the certificate is not served: {}", told()));
        }
        let served = self.scene.served();
        let again = world.baton(&["renew", "site"]);
        if again.exit != 0 || self.orders() - orders != in_all || self.scene.served() != served {
            return Err(format!("it is not at rest: {} {}", again.exit, again.stderr));
        }
        if self.order_is_kept() {
            return Err("the order is left".to_owned());
        }
        let tree = Tree::read(&[world.root().to_owned(), self.webroot.challenge_directory()]);
        let is_left = |name: &&PathBuf| {
            name.starts_with(self.webroot.challenge_directory())
                && **name != self.webroot.challenge_directory()
                || name.file_name().is_some_and(|name| name.to_string_lossy().starts_with(".baton-tmp-"))
        };
        match tree.names.keys().find(is_left) {
            Some(left) => Err(format!("{} is left\n{}", left.display(), told())),
            None => Ok(()),
        }
    }
}

/// Kills a renewal at each of its points; `sample` of them in the short form.
pub(super) fn sweep(sample: usize) {
    let what = "kill sweep, ACME";
    let count = {
        let scene = AcmeScene::prepare();
        let mut count = 0;
        let traced = trace(&scene.renew(), |_| {
            count += 1;
            Verdict::Continue
        });
        assert_eq!(traced.exit, Some(0), "{}{}", traced.stdout, traced.stderr);
        count
    };
    let points = choose(what, count, sample);
    let (next, lost) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let failures: Mutex<Failures> = Mutex::default();
    let work = || {
        let scene = AcmeScene::prepare();
        while let Some(&point) = points.get(next.fetch_add(1, Ordering::Relaxed)) {
            scene.reset();
            let orders = scene.orders();
            let mut passed = 0;
            let mut at = "end".to_owned();
            trace(&scene.renew(), |call| {
                passed += 1;
                if passed < point {
                    return Verdict::Continue;
                }
                at = call.to_string();
                Verdict::Kill
            });
            match scene.check_recovery(orders) {
                Ok(()) => drop(lost.fetch_add(scene.orders() - orders - 1, Ordering::Relaxed)),
                Err(error) => failures
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .add(format!("{what}, point {point}, killed at the {at}: {error}")),
            }
        }
    };
    std::thread::scope(|scope| {
        let scenes = if crate::up::is_full() { SCENES } else { 1 };
        (0..scenes).for_each(|_| drop(scope.spawn(work)));
    });
    failures.into_inner().unwrap().expect_none(points.len());
    println!(
        "{what}: {} points tried, {0} survived; a second order was needed {} times",
        points.len(),
        lost.into_inner()
    );
}
