//! Errors as the user sees them, and the exit codes.

use std::process::ExitCode;

use baton_finding::{Explain, Finding};
use baton_state::Outcome;
use baton_store::StoreError;
use serde::Serialize;

/// The exit codes; see `docs/commands.md`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Done and proven, or nothing to do.
    Done = 0,
    /// Unexpected failure.
    Failed = 1,
    /// Usage or settings wrong.
    Usage = 2,
    /// Refused by the checks: nothing was changed.
    Refused = 3,
    /// Failed and rolled back: the old certificate is proven to be served.
    RolledBack = 4,
    /// Failed and not restored: a person must look.
    Stuck = 5,
    /// Issued, not handed over.
    Pending = 6,
    /// Something needs attention soon.
    Soon = 10,
    /// Something needs attention now.
    Now = 11,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

impl Exit {
    /// What one handover amounts to.
    pub(crate) fn of(outcome: Option<Outcome>) -> Self {
        match outcome {
            Some(Outcome::Served | Outcome::Unchanged | Outcome::Planned) => Self::Done,
            Some(Outcome::Refused) => Self::Refused,
            Some(Outcome::RolledBack) => Self::RolledBack,
            Some(Outcome::Pending) => Self::Pending,
            Some(Outcome::Stuck) | None => Self::Stuck,
        }
    }

    /// The worse of two: 5, 6, 4, 3, 0.
    pub(crate) fn worse(self, other: Self) -> Self {
        let rank = |exit: Self| match exit {
            Self::Done => 0,
            Self::Refused => 1,
            Self::RolledBack => 2,
            Self::Pending => 3,
            Self::Stuck => 4,
            Self::Soon | Self::Now | Self::Usage | Self::Failed => 5,
        };
        if rank(other) > rank(self) { other } else { self }
    }

    pub(crate) fn from_code(code: u8) -> Self {
        [
            Self::Done,
            Self::Usage,
            Self::Refused,
            Self::RolledBack,
            Self::Stuck,
            Self::Pending,
            Self::Soon,
            Self::Now,
        ]
        .into_iter()
        .find(|exit| *exit as u8 == code)
        .unwrap_or(Self::Failed)
    }
}

/// A command cannot go on.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) exit: Exit,
    pub(crate) code: String,
    /// The message, then its causes.
    pub(crate) chain: Vec<String>,
    pub(crate) hint: Option<String>,
    /// The key of the settings that is at fault, where it is one: for whoever edits them in a form.
    pub(crate) key: Option<&'static str>,
}

/// The object that `--json` prints for a failure.
#[derive(Serialize)]
struct FailureObject<'a> {
    schema: &'static str,
    error: ErrorObject<'a>,
}

#[derive(Serialize)]
struct ErrorObject<'a> {
    code: &'a str,
    message: String,
    hint: Option<&'a str>,
}

impl Failure {
    /// Of two failures the one with the worse exit code; the first of two alike.
    pub(crate) fn worse(self, other: Self) -> Self {
        if self.exit.worse(other.exit) == self.exit { self } else { other }
    }

    pub(crate) fn new(exit: Exit, code: &str, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { exit, code: code.to_owned(), chain: vec![message.into()], hint: Some(hint.into()), key: None }
    }

    /// A failure that ends what would else be one finding of several.
    pub(crate) fn of_finding(exit: Exit, finding: Finding) -> Self {
        let Finding { code, message, hint, .. } = finding;
        Self { exit, code, chain: vec![message], hint: Some(hint), key: None }
    }

    /// A failure with the exit code that fits its kind.
    pub(crate) fn with(exit: Exit, error: &(impl Explain + ?Sized)) -> Self {
        let mut chain = vec![error.to_string()];
        let mut source = error.source();
        while let Some(cause) = source {
            chain.push(cause.to_string());
            source = cause.source();
        }
        // A transparent error repeats its cause.
        chain.dedup();
        Self { exit, code: error.code().to_owned(), chain, hint: error.hint(), key: None }
    }

    /// The same, with the key of the settings that is at fault.
    pub(crate) fn about(self, key: &'static str) -> Self {
        Self { key: Some(key), ..self }
    }

    /// A store's failure: a refusal where nothing was changed and a person must decide.
    pub(crate) fn of_store(error: &StoreError) -> Self {
        Self::with(if error.is_refusal() { Exit::Refused } else { Exit::Failed }, error)
    }

    pub(crate) fn to_json(&self) -> String {
        let error =
            ErrorObject { code: &self.code, message: self.chain.join(": "), hint: self.hint.as_deref() };
        serde_json::to_string(&FailureObject { schema: baton_handover::SCHEMA, error }).unwrap_or_default()
    }
}

/// Any error of ours is an unexpected failure unless its place says otherwise.
impl<E: Explain> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::with(Exit::Failed, &error)
    }
}
