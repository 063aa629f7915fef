//! One line of the report: what it proves, what it needs, and how it came out.

use std::fmt;
use std::time::Instant;

use serde::Serialize;

use super::bench::Bench;

/// What a line's function answers: what was seen, in a few words.
pub(super) type Proven = Result<String, NotPassed>;

/// One line.
pub(super) struct Line {
    name: String,
    needs_administrator: bool,
    /// Why it shows nothing under Wine.
    not_under_wine: Option<&'static str>,
    prove: Box<dyn Fn(&Bench) -> Proven>,
}

/// Why a line has not passed.
#[derive(Debug)]
pub(super) enum NotPassed {
    /// It cannot be found out here.
    Ignored(String),
    /// The machine does not do it.
    Failed(String),
}

/// What of the machine decides which lines can be proven.
pub(super) struct Machine {
    pub(super) is_administrator: bool,
    pub(super) wine: Option<String>,
}

/// How a line came out.
#[derive(Debug, Serialize)]
pub(super) struct LineResult {
    pub(super) name: String,
    pub(super) outcome: LineOutcome,
    pub(super) reason: String,
    pub(super) seconds: f64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum LineOutcome {
    /// Done, and its effect was seen.
    Passed,
    /// Not done, or without its effect.
    Failed,
    /// Not tried: it cannot be shown here.
    Ignored,
}

impl Line {
    pub(super) fn new(name: impl Into<String>, prove: impl Fn(&Bench) -> Proven + 'static) -> Self {
        Self { name: name.into(), needs_administrator: false, not_under_wine: None, prove: Box::new(prove) }
    }

    /// Others than root or an administrator may not do it.
    pub(super) fn for_administrators(self) -> Self {
        Self { needs_administrator: true, ..self }
    }

    /// Wine cannot do it, or says that it has and has not.
    pub(super) fn not_under_wine(self, why: &'static str) -> Self {
        Self { not_under_wine: Some(why), ..self }
    }

    pub(super) fn run(&self, bench: &Bench, machine: &Machine) -> LineResult {
        let began = Instant::now();
        let proven = match (self.not_under_wine, &machine.wine) {
            (Some(why), Some(_)) => Err(NotPassed::Ignored(format!("needs Windows: {why}"))),
            _ if self.needs_administrator && !machine.is_administrator => {
                let who = if cfg!(windows) { "an administrator" } else { "root" };
                Err(NotPassed::Ignored(format!("needs {who}")))
            }
            _ => (self.prove)(bench),
        };
        let (outcome, reason) = match proven {
            Ok(seen) => (LineOutcome::Passed, seen),
            Err(NotPassed::Ignored(reason)) => (LineOutcome::Ignored, reason),
            Err(NotPassed::Failed(reason)) => (LineOutcome::Failed, reason),
        };
        LineResult {
            name: self.name.clone(),
            outcome,
            reason: bench.without_private_names(&reason),
            seconds: (began.elapsed().as_secs_f64() * 1000.0).round() / 1000.0,
        }
    }
}

impl fmt::Display for LineOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Passed => "passed",
            Self::Failed => "failed",
            Self::Ignored => "ignored",
        })
    }
}

/// Whatever goes wrong on the way is a failure of the line, told with its causes.
impl<E: std::error::Error> From<E> for NotPassed {
    fn from(error: E) -> Self {
        let mut texts = vec![error.to_string()];
        let mut source = error.source();
        while let Some(cause) = source {
            texts.push(cause.to_string());
            source = cause.source();
        }
        texts.dedup();
        Self::Failed(texts.join(": "))
    }
}

/// Fails the line unless something is so.
pub(super) fn ensure(is_so: bool, otherwise: impl FnOnce() -> String) -> Result<(), NotPassed> {
    if is_so { Ok(()) } else { Err(NotPassed::Failed(otherwise())) }
}
