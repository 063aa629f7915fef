//! Where a Windows service tells what it does: a file in the data directory, and what needs a person also in the event log
//! of the system.

use std::fmt::Write as _;
use std::path::Path;
use std::sync::Mutex;

use baton_platform::durable;
use baton_platform::event_log::EventLog;
use baton_platform::rotating_file::RotatingFile;
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::layer::{Context, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::failure::{Exit, Failure};

/// Where the log is, in the data directory.
const DIRECTORY: &str = "log";
const FILE: &str = "baton.log";

/// From here on everything is told there.
pub(crate) fn set_up(data: &Path) -> Result<(), Failure> {
    let directory = data.join(DIRECTORY);
    let file = durable::create_private_directory(&directory)
        .and_then(|()| RotatingFile::open(&directory.join(FILE)))
        .map_err(|error| {
            Failure::new(
                Exit::Failed,
                "log-unusable",
                error.to_string(),
                "see that the disk is writable and has room, and that the data directory is this account's",
            )
        })?;
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(Mutex::new(file))
        .with_target(false)
        .with_ansi(false)
        .log_internal_errors(false);
    let events = EventLog::open().ok().map(Events);
    tracing_subscriber::registry().with(crate::log_filter(LevelFilter::INFO)).with(lines).with(events).init();
    Ok(())
}

/// Tells why the service ends.
pub(crate) fn report(failure: &Failure) {
    let hint = failure.hint.as_deref().map(|hint| format!("; {hint}")).unwrap_or_default();
    let text = format!("{}{hint} [{}]", failure.chain.join(": "), failure.code);
    tracing::error!("{text}");
    if !tracing::event_enabled!(Level::ERROR)
        && let Ok(log) = EventLog::open()
    {
        // It has failed before there was a log.
        let _ = log.report(true, &text);
    }
}

/// Warnings and errors, to the event log.
struct Events(EventLog);

impl<S: Subscriber> Layer<S> for Events {
    fn on_event(&self, event: &Event<'_>, _context: Context<'_, S>) {
        let level = *event.metadata().level();
        if level <= Level::WARN {
            let mut text = Text::default();
            event.record(&mut text);
            // The file has it as well.
            let _ = self.0.report(level == Level::ERROR, &format!("{}{}", text.message, text.fields));
        }
    }
}

#[derive(Default)]
struct Text {
    message: String,
    fields: String,
}

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        // Writing to text does not fail.
        let _ = match field.name() {
            "message" => write!(self.message, "{value:?}"),
            name => write!(self.fields, " {name}={value:?}"),
        };
    }
}
