//! The event log of the system, where the service tells what needs a person.

use baton_platform::event_log::{self, EventLog};

use super::super::bench::Bench;
use super::super::line::{Line, NotPassed, Proven};

/// How often the log is looked at: it takes events in its own time.
const LOOKS: u32 = 50;
const BETWEEN_LOOKS: std::time::Duration = std::time::Duration::from_millis(100);

pub(super) fn line() -> Line {
    Line::new("event-log", written_and_read)
        .for_administrators()
        .not_under_wine("the event log of Wine takes everything and keeps nothing")
}

fn written_and_read(bench: &Bench) -> Proven {
    let text = format!("The self-test {} has written this, and nothing is wrong.", bench.name());
    event_log::register(bench.name())?;
    EventLog::of(bench.name())?.report(false, &text)?;
    for _ in 0..LOOKS {
        if event_log::shows(bench.name(), &text)? {
            return Ok("an event was read back; it stays in the log of programs".to_owned());
        }
        bench.wait(tokio::time::sleep(BETWEEN_LOOKS))?;
    }
    Err(NotPassed::Failed("an event was taken, and the log does not show it".to_owned()))
}

pub(super) fn clear_away(name: &str) {
    event_log::unregister(name);
}
