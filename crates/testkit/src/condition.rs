//! Waiting until something is so, instead of sleeping for a guess.
//!
//! A few milliseconds pass between two looks, so that a condition is seen soon after it holds and a busy machine is
//! not kept busier.

use std::thread;
use std::time::{Duration, Instant};

/// How long to pause between two looks.
const PAUSE: Duration = Duration::from_millis(3);

/// Looks again and again until `look` answers `Some`, or until `limit` has passed: then `None`.
///
/// Looks at least once, and once more after the limit, so that a stalled machine does not turn a condition that
/// holds into a failure.
pub fn wait_for<T>(limit: Duration, mut look: impl FnMut() -> Option<T>) -> Option<T> {
    let start = Instant::now();
    loop {
        let last = start.elapsed() >= limit;
        let seen = look();
        if seen.is_some() || last {
            return seen;
        }
        thread::sleep(PAUSE);
    }
}

/// Like [`wait_for`] for a yes or no; panics and names `what` was waited for when it did not come about.
#[track_caller]
pub fn wait_until(what: &str, limit: Duration, mut look: impl FnMut() -> bool) {
    if wait_for(limit, || look().then_some(())).is_none() {
        panic!("waited {} s in vain until {what}", limit.as_secs_f64());
    }
}
