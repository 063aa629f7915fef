//! SIGKILL at each system call of a swap, one after the other.

use baton_testkit::tracer::{Verdict, trace};

use crate::sweep::scene::{Scene, check_recovery};
use crate::sweep::{choose, try_all};

/// How many points the short form tries.
const SAMPLE: usize = 25;

/// Counts the points of a swap that is left alone, and then kills one at each of them.
pub(super) fn sweep<S: Scene>() {
    let count = count_points::<S>();
    let points = choose(&format!("kill sweep, {}", S::NAME), count, SAMPLE);
    try_all::<S>(&points, |scene, point| {
        scene.reset();
        let at = kill_at(scene, point);
        check_recovery(scene).map_err(|error| format!("killed at the {at}: {error}"))
    });
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
