//! What a check found, and what an error owes its reader.
//!
//! Every crate speaks of trouble in the same shape: a stable code that scripts may test, one sentence for
//! the person, and a hint that says what to do. A [`Finding`] is such a thing as data (kept in the journal,
//! printed as JSON); [`Explain`] is what an error answers.

use std::fmt;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How much a finding weighs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// Worth knowing; nothing to do.
    Notice,
    /// The handover goes on, but someone should act on the hint.
    Warning,
    /// The handover is refused, or has failed.
    Error,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Notice => "notice",
            Self::Warning => "warning",
            Self::Error => "error",
        })
    }
}

/// One thing that a check found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Finding {
    /// Stable and documented: `key-does-not-match`, `endpoint-plain-http`, …
    pub code: String,
    /// How much it weighs.
    pub severity: Severity,
    /// One sentence: what, and where.
    pub message: String,
    /// What to do about it; empty when there is nothing to do.
    pub hint: String,
}

impl Finding {
    /// A finding that refuses or fails the handover.
    pub fn error(code: &str, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::new(Severity::Error, code, message, hint)
    }

    /// A finding that someone should act on, while the handover goes on.
    pub fn warning(code: &str, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::new(Severity::Warning, code, message, hint)
    }

    /// A finding that is only told.
    pub fn notice(code: &str, message: impl Into<String>) -> Self {
        Self::new(Severity::Notice, code, message, "")
    }

    /// The finding that an error amounts to: its code, its whole chain of causes, and its hint.
    pub fn from_error(error: &(impl Explain + ?Sized)) -> Self {
        Self::error(error.code(), error.chain(), error.hint().unwrap_or_default())
    }

    fn new(severity: Severity, code: &str, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { code: code.to_owned(), severity, message: message.into(), hint: hint.into() }
    }
}

/// When the same operation is worth another try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    /// Not before a person or a setting changed something.
    Never,
    /// After a pause that grows with each failure.
    Backoff,
    /// Not before this moment, by the word of whoever refused.
    At(Timestamp),
}

/// What a public error of this project answers, beside its message.
pub trait Explain: std::error::Error {
    /// A stable, documented name of this failure.
    fn code(&self) -> &'static str;

    /// Whether trying again can help.
    fn retry(&self) -> Retry {
        Retry::Never
    }

    /// What the reader can do, in one sentence.
    fn hint(&self) -> Option<String> {
        None
    }

    /// The message and those of all causes, joined by colons.
    fn chain(&self) -> String {
        let mut text = self.to_string();
        let mut source = self.source();
        while let Some(cause) = source {
            text.push_str(": ");
            text.push_str(&cause.to_string());
            source = cause.source();
        }
        text
    }
}
