//! SIGKILL at each system call of a swap, one after the other.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use baton_testkit::tracer::{Verdict, trace};

use crate::sweep::scene::{Scene, check_recovery};
use crate::sweep::{Failures, choose};

/// How many points the short form tries.
const SAMPLE: usize = 20;

/// How many scenes are tried side by side in the full form: most of a trial is waiting.
const SCENES: usize = 4;

/// Counts the points of a swap that is left alone, and then kills one at each of them.
pub(super) fn sweep<S: Scene>() {
    let count = count_points::<S>();
    let points = choose(&format!("kill sweep, {}", S::NAME), count, SAMPLE);
    let next = AtomicUsize::new(0);
    let failures: Mutex<Failures> = Mutex::default();
    let work = || {
        let mut scene = S::prepare();
        while let Some(&point) = points.get(next.fetch_add(1, Ordering::Relaxed)) {
            if let Err(failure) = try_one(&mut scene, point) {
                let failure = format!("kill sweep, {}, point {point}: {failure}", S::NAME);
                failures.lock().unwrap_or_else(PoisonError::into_inner).add(failure);
            }
        }
    };
    std::thread::scope(|scope| {
        let scenes = if crate::up::is_full() { SCENES } else { 1 };
        (0..scenes).for_each(|_| drop(scope.spawn(work)));
    });
    failures.into_inner().unwrap().expect_none(points.len());
    println!("kill sweep, {}: {} points tried, {} survived", S::NAME, points.len(), points.len());
}

fn count_points<S: Scene>() -> usize {
    let scene = S::prepare();
    let mut count = 0;
    let traced = trace(&scene.swap(), |_| {
        count += 1;
        Verdict::Continue
    });
    assert_eq!(traced.exit, Some(0), "{}{}", traced.stdout, traced.stderr);
    scene.check_at_rest().unwrap();
    count
}

fn try_one(scene: &mut impl Scene, point: usize) -> Result<(), String> {
    scene.reset();
    let at = kill_at(scene, point);
    check_recovery(scene).map_err(|error| format!("killed at the {at}: {error}"))
}

/// Kills a swap at its point; one that has fewer points ends by itself. Answers where that was.
fn kill_at(scene: &impl Scene, point: usize) -> String {
    let mut count = 0;
    let mut at = "end".to_owned();
    let traced = trace(&scene.swap(), |call| {
        count += 1;
        if count < point {
            return Verdict::Continue;
        }
        at = call.to_string();
        Verdict::Kill
    });
    if count < point {
        assert_eq!(traced.exit, Some(0), "{}{}", traced.stdout, traced.stderr);
    }
    at
}
