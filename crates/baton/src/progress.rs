//! How far it has come, on standard error: one line for each certificate on a terminal, plain lines elsewhere, JSON lines
//! with `--json`.

use std::collections::HashMap;
use std::io::IsTerminal as _;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use baton_platform::progress::{Event, Progress};
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use serde::Serialize;

use crate::cli::Globals;
use crate::output::tell;

/// How often a line on a terminal moves.
const TICK: Duration = Duration::from_millis(120);

/// How it is shown.
pub(crate) enum Display {
    /// Not at all.
    Quiet,
    Json,
    Plain,
    Terminal {
        all: MultiProgress,
        lines: Mutex<HashMap<String, ProgressBar>>,
    },
}

/// What `--json` prints of an event.
#[derive(Serialize)]
struct EventObject<'a> {
    schema: &'static str,
    #[serde(flatten)]
    event: &'a Event,
}

impl Display {
    pub(crate) fn new(globals: &Globals) -> Arc<Self> {
        Arc::new(if globals.quiet {
            Self::Quiet
        } else if globals.json {
            Self::Json
        } else if std::io::stderr().is_terminal() {
            Self::Terminal { all: MultiProgress::new(), lines: Mutex::default() }
        } else {
            Self::Plain
        })
    }

    /// Takes the lines away: what comes now is the result.
    pub(crate) fn clear(&self) {
        if let Self::Terminal { all, .. } = self {
            let _ = all.clear();
        }
    }
}

impl Progress for Display {
    fn reached(&self, event: Event) {
        match self {
            Self::Quiet => {}
            Self::Json => {
                let object = EventObject { schema: baton_handover::SCHEMA, event: &event };
                if let Ok(text) = serde_json::to_string(&object) {
                    tell(&text);
                }
            }
            Self::Plain => tell(&text(&event)),
            Self::Terminal { all, lines } => {
                let mut lines = lines.lock().unwrap_or_else(PoisonError::into_inner);
                let name = event.certificate.clone().or_else(|| event.target.clone()).unwrap_or_default();
                let line = lines.entry(name).or_insert_with(|| {
                    let style = ProgressStyle::with_template("{spinner} {msg}");
                    let line = all.add(ProgressBar::new_spinner());
                    line.set_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()));
                    line.enable_steady_tick(TICK);
                    line
                });
                line.set_message(text(&event));
            }
        }
    }
}

fn text(event: &Event) -> String {
    let about: Vec<&str> =
        [&event.certificate, &event.target].into_iter().flatten().map(String::as_str).collect();
    format!("{}: {}", about.join(" / "), event.stage)
}
