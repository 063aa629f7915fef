//! Times and durations in words.

use jiff::{SignedDuration, Timestamp};

use crate::language::Language;

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// A time as it is shown: UTC, for the eye and for machines.
#[derive(Debug, Clone)]
pub(crate) struct Moment {
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
            datetime: at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
            second: at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string(),
        }
    }
}

impl RelativeMoment {
    pub(crate) fn new(at: Timestamp, now: Timestamp, t: Language) -> Self {
        let date = |time: Timestamp| time.strftime("%Y-%m-%d").to_string();
        let format = if date(at) == date(now) { "%H:%M UTC" } else { "%Y-%m-%d %H:%M UTC" };
        Self {
            moment: Moment::new(at),
            distance: distance(at, now, t),
            brief: at.strftime(format).to_string(),
        }
    }
}

fn distance(at: Timestamp, now: Timestamp, t: Language) -> String {
    let distance = at.duration_since(now);
    if distance.as_secs() == 0 {
        t.just_now().to_owned()
    } else if distance.is_negative() {
        t.ago(words_after_preposition(distance, t))
    } else {
        t.ahead(words_after_preposition(distance, t))
    }
}

/// A duration without its sign, as exactly as its size deserves: days from two days on; below, hours and
/// minutes, then minutes, with seconds below ten. A number is not torn from its unit.
pub(crate) fn words(duration: SignedDuration, t: Language) -> String {
    let seconds = duration.as_secs().unsigned_abs();
    let pair = |first: String, rest: u64, second: String| match rest {
        0 => first,
        _ => format!("{first} {second}"),
    };
    if seconds >= 2 * DAY {
        t.days(seconds / DAY)
    } else if seconds >= HOUR {
        let minutes = seconds % HOUR / MINUTE;
        pair(t.hours(seconds / HOUR), minutes, t.minutes(minutes))
    } else if seconds >= 10 * MINUTE {
        t.minutes(seconds / MINUTE)
    } else if seconds >= MINUTE {
        pair(t.minutes(seconds / MINUTE), seconds % MINUTE, t.seconds(seconds % MINUTE))
    } else {
        t.seconds(seconds)
    }
}

/// The same behind a preposition, which changes it in German.
pub(crate) fn words_after_preposition(duration: SignedDuration, t: Language) -> String {
    match duration.as_secs().unsigned_abs() / DAY {
        0..2 => words(duration, t),
        days => t.days_after_preposition(days),
    }
}

/// How long work took: tenths of a second below a minute.
pub(crate) fn elapsed(seconds: f64, t: Language) -> String {
    if seconds < MINUTE as f64 {
        format!("{seconds:.1} s")
    } else {
        words(SignedDuration::try_from_secs_f64(seconds).unwrap_or(SignedDuration::MAX), t)
    }
}
