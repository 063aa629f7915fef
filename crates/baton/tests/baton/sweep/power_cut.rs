//! What a power cut may leave of a swap, at each of its writes.

use baton_testkit::power_cut::{Recording, State};
use baton_testkit::tracer::{Verdict, trace};

use crate::sweep::scene::{Scene, check_recovery};
use crate::sweep::{Failures, choose};

/// Records a swap, and then puts each state that a power cut may leave onto the disk, starts the server from it, and
/// resumes; `sample` of them in the short form.
pub(super) fn sweep<S: Scene>(sample: usize) {
    let mut scene = S::prepare();
    let recording = record(&scene);
    let states = recording.states();
    let what = format!("power cut sweep, {}", S::NAME);
    println!("{what}: {} states of {} operations", states.len(), recording.len());
    let points = choose(&what, states.len(), sample);
    let mut failures = Failures::default();
    for &point in &points {
        let state = &states[point - 1];
        if let Err(failure) = try_one(&mut scene, &recording, state) {
            failures.add(format!("{what}, state {point}: {}: {failure}", recording.describe(state)));
        }
    }
    failures.expect_none(points.len());
    println!("{what}: {} states tried, {} survived", points.len(), points.len());
}

fn record<S: Scene>(scene: &S) -> Recording {
    let roots: Vec<_> = scene.beginning().roots.iter().cloned().collect();
    let mut recording = Recording::begin(&roots);
    let traced = trace(&scene.swap(), |call| {
        recording.observe(call);
        Verdict::Continue
    });
    assert_eq!(traced.exit, Some(S::EXIT), "{}{}", traced.stdout, traced.stderr);
    let mut present = scene.tree();
    present.names.retain(|name, _| !name.to_string_lossy().ends_with("-shm"));
    assert!(recording.end().is_same_as(&present), "the recording has missed a change");
    recording
}

fn try_one<S: Scene>(scene: &mut S, recording: &Recording, state: &State) -> Result<(), String> {
    scene.stop();
    recording.tree(state).write();
    match scene.start() {
        // It does not start with the successor, and `resume` must bring it up with the old certificate.
        Err(_) if S::EXIT != 0 => {}
        started => started.map_err(|error| format!("the server does not start: {error}"))?,
    }
    check_recovery(scene)
}
