//! The one place that asks for the time.

use jiff::Timestamp;

/// The time now, UTC.
#[expect(clippy::disallowed_methods, reason = "this is the one place")]
pub fn now() -> Timestamp {
    Timestamp::now()
}
