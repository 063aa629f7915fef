//! SIGKILL at each system call of a swap, one after the other.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use baton_testkit::tracer::{Verdict, trace};

use crate::sweep::scene::{Scene, check_recovery, is_interrupted};
use crate::sweep::{Failures, choose};

/// How many scenes are tried side by side in the full form: most of a trial is waiting.
const SCENES: usize = 4;

/// What becomes of the server when `baton` is killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Server {
    /// It lives, and what Baton has started goes on.
    Lives,
    /// It is down when `resume` runs, wherever a handover was interrupted: `resume` must bring it up.
    Down,
    /// The machine goes down and comes up again before `resume` runs.
    Boots,
}

/// Counts the points of a swap that is left alone, and then kills one at each of them; `sample` of them in the short form.
pub(super) fn sweep<S: Scene>(server: Server, sample: usize) {
    let what = match server {
        Server::Lives => format!("kill sweep, {}", S::NAME),
        Server::Down => format!("kill sweep, {} that is down", S::NAME),
        Server::Boots => format!("kill sweep, {} that boots", S::NAME),
    };
    let count = count_points::<S>();
    let points = choose(&what, count, sample);
    let (next, tried) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let failures: Mutex<Failures> = Mutex::default();
    let work = || {
        let mut scene = S::prepare();
        while let Some(&point) = points.get(next.fetch_add(1, Ordering::Relaxed)) {
            match try_one(&mut scene, point, server) {
                Ok(was_tried) => drop(tried.fetch_add(usize::from(was_tried), Ordering::Relaxed)),
                Err(failure) => {
                    let failure = format!("{what}, point {point}: {failure}");
                    failures.lock().unwrap_or_else(PoisonError::into_inner).add(failure);
                }
            }
        }
    };
    std::thread::scope(|scope| {
        let scenes = if crate::up::is_full() { SCENES } else { 1 };
        (0..scenes).for_each(|_| drop(scope.spawn(work)));
    });
    failures.into_inner().unwrap().expect_none(points.len());
    let tried = tried.into_inner();
    println!("{what}: {tried} points tried, {tried} survived");
}

fn count_points<S: Scene>() -> usize {
    let scene = S::prepare();
    let mut count = 0;
    let traced = trace(&scene.swap(), |_| {
        count += 1;
        Verdict::Continue
    });
    assert_eq!(traced.exit, Some(S::EXIT), "{}{}", traced.stdout, traced.stderr);
    scene.check_at_rest().unwrap();
    count
}

/// Answers whether there was anything to try.
fn try_one(scene: &mut impl Scene, point: usize, server: Server) -> Result<bool, String> {
    scene.reset();
    let at = kill_at(scene, point);
    let with_place = |error| format!("killed at the {at}: {error}");
    if server == Server::Down {
        if !is_interrupted(scene).map_err(with_place)? {
            return Ok(false);
        }
        scene.stop();
    }
    scene.check_outside().map_err(|error| with_place(format!("before resume: {error}")))?;
    if server == Server::Boots {
        scene.stop();
        // Where the certificate is refused, it is down until it is brought back.
        let started = scene.start();
        let outside = scene.check_outside();
        outside.map_err(|error| with_place(format!("after a boot that ended with {started:?}: {error}")))?;
    }
    check_recovery(scene).map_err(with_place)?;
    scene.check_outside().map_err(|error| with_place(format!("after resume: {error}")))?;
    Ok(true)
}

/// Kills a swap at its point; one that has fewer points ends by itself. Answers where that was.
fn kill_at<S: Scene>(scene: &S, point: usize) -> String {
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
        assert_eq!(traced.exit, Some(S::EXIT), "{}{}", traced.stdout, traced.stderr);
    }
    at
}
