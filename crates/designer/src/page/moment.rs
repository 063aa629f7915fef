//! Times and durations in words.

use jiff::{SignedDuration, Timestamp};

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// A time as it is shown: UTC, for the eye and for machines.
#[derive(Debug, Clone)]
pub(crate) struct Moment {
    pub(crate) at: Timestamp,
    /// RFC 3339, for the attribute `datetime`.
    pub(crate) datetime: String,
    /// The whole, to the second.
    pub(crate) second: String,
}

/// A time and its distance from now.
pub(crate) struct RelativeMoment {
    pub(crate) moment: Moment,
    /// `3 min 5 s ago`, `in 12 days`.
    pub(crate) distance: String,
    /// To the minute; without the date when that is the date of now.
    pub(crate) brief: String,
}

impl Moment {
    pub(crate) fn new(at: Timestamp) -> Self {
        Self {
            at,
            datetime: at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
            second: at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string(),
        }
    }
}

impl RelativeMoment {
    pub(crate) fn new(at: Timestamp, now: Timestamp) -> Self {
        let date = |time: Timestamp| time.strftime("%Y-%m-%d").to_string();
        let format = if date(at) == date(now) { "%H:%M UTC" } else { "%Y-%m-%d %H:%M UTC" };
        Self { moment: Moment::new(at), distance: distance(at, now), brief: at.strftime(format).to_string() }
    }
}

fn distance(at: Timestamp, now: Timestamp) -> String {
    let distance = at.duration_since(now);
    if distance.as_secs() == 0 {
        "just now".to_owned()
    } else if distance.is_negative() {
        format!("{} ago", words(distance))
    } else {
        format!("in {}", words(distance))
    }
}

/// A duration without its sign, as exactly as its size deserves: days from two days on; below, hours and
/// minutes, then minutes, with seconds below ten. A number is not torn from its unit.
pub(crate) fn words(duration: SignedDuration) -> String {
    let seconds = duration.as_secs().unsigned_abs();
    let pair = |first: u64, first_unit: &str, second: u64, second_unit: &str| match second {
        0 => format!("{first}\u{a0}{first_unit}"),
        _ => format!("{first}\u{a0}{first_unit} {second}\u{a0}{second_unit}"),
    };
    if seconds >= 2 * DAY {
        pair(seconds / DAY, "days", 0, "")
    } else if seconds >= HOUR {
        pair(seconds / HOUR, "h", seconds % HOUR / MINUTE, "min")
    } else if seconds >= 10 * MINUTE {
        pair(seconds / MINUTE, "min", 0, "")
    } else if seconds >= MINUTE {
        pair(seconds / MINUTE, "min", seconds % MINUTE, "s")
    } else {
        pair(seconds, "s", 0, "")
    }
}

/// How long work took: tenths of a second below a minute.
pub(crate) fn elapsed(seconds: f64) -> String {
    if seconds < MINUTE as f64 {
        format!("{seconds:.1} s")
    } else {
        words(SignedDuration::try_from_secs_f64(seconds).unwrap_or(SignedDuration::MAX))
    }
}
