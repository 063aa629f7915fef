//! The settings as the pages show and change them.
//!
//! This crate knows no key of `baton.toml`. What can be edited comes from the binary as fields, each with the way in
//! which it is entered; everything else comes as text that is shown. A change names what it was made from by the
//! fingerprint of the file, so that nobody's edit is written over.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use baton_finding::Finding;

use crate::overview::BoxFuture;
use crate::problem::{Problem, ProblemKind};

/// A kind of table in the settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum SettingsKind {
    /// `[[certificate]]`
    Certificate,
    /// `[[issuer]]`
    Issuer,
    /// `[[target]]`
    Target,
    /// `[[alert]]`
    Alert,
    /// `[heartbeat]`
    Heartbeat,
    /// `[proof]`
    Proof,
    /// `[probe]`
    Probe,
    /// `[retire]`
    Retire,
}

impl SettingsKind {
    /// All of them, in the order in which they are shown.
    pub const ALL: [Self; 8] = [
        Self::Certificate,
        Self::Issuer,
        Self::Target,
        Self::Proof,
        Self::Probe,
        Self::Retire,
        Self::Alert,
        Self::Heartbeat,
    ];

    /// What it is called in the file.
    #[must_use]
    pub fn key(self) -> &'static str {
        match self {
            Self::Certificate => "certificate",
            Self::Issuer => "issuer",
            Self::Target => "target",
            Self::Alert => "alert",
            Self::Heartbeat => "heartbeat",
            Self::Proof => "proof",
            Self::Probe => "probe",
            Self::Retire => "retire",
        }
    }

    /// Whether there may be several, each with its name.
    #[must_use]
    pub fn has_names(self) -> bool {
        matches!(self, Self::Certificate | Self::Issuer | Self::Target | Self::Alert)
    }
}

impl FromStr for SettingsKind {
    type Err = ();

    fn from_str(key: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|kind| kind.key() == key).ok_or(())
    }
}

impl fmt::Display for SettingsKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.key())
    }
}

/// The settings, as their file has them now.
#[derive(Debug, Clone, Default)]
pub struct SettingsLook {
    /// The file; nothing where there is none and the defaults hold.
    pub path: Option<String>,
    /// Of the whole file: what a change names it by.
    pub fingerprint: String,
    /// Whether the running Baton has taken up what stands in the file.
    pub is_in_force: bool,
    /// Why the file cannot be read as settings; nothing of it is shown then.
    pub problem: Option<Problem>,
    /// Its tables.
    pub tables: Vec<SettingsTable>,
    /// What stands in other places of it.
    pub others: Vec<ShownSetting>,
    /// What can be added, with the variants that have forms of their own.
    pub can_be_added: Vec<(SettingsKind, Vec<String>)>,
}

/// A table of the settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettingsTable {
    /// Which kind it is.
    pub kind: SettingsKind,
    /// Its name, where its kind has names.
    pub name: Option<String>,
    /// What can be edited.
    pub fields: Vec<SettingsField>,
    /// What is set on the machine alone: commands, paths, and all else that is no field.
    pub shown: Vec<ShownSetting>,
}

/// A key that can be edited.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettingsField {
    /// Its name in the file.
    pub key: String,
    /// How it is entered.
    pub control: Control,
    /// What it has; empty where nothing is set.
    pub values: Vec<String>,
    /// What it is for, in English.
    pub explanation: String,
}

/// How a value is entered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Control {
    /// As a text.
    Line,
    /// As several texts.
    Lines,
    /// As one of these.
    Choice(Vec<String>),
    /// As some of these.
    Choices(Vec<String>),
}

/// A key that is shown and never edited.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShownSetting {
    /// Its name in the file.
    pub key: String,
    /// Its value as it is written, without its secrets.
    pub value: String,
}

/// A form for one table.
#[derive(Debug, Clone)]
pub struct SettingsForm {
    /// The file that it was made from.
    pub fingerprint: String,
    /// The table; without values for one that is to be added.
    pub table: SettingsTable,
    /// Whether it is to be added.
    pub is_new: bool,
}

/// What is entered, by the names of the keys: no value stands for a key that is to go.
pub type SettingsValues = BTreeMap<String, Vec<String>>;

/// A change of the settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettingsChange {
    /// The file that it was made from.
    pub fingerprint: String,
    /// Which kind of table.
    pub kind: SettingsKind,
    /// Which one, where the kind has names.
    pub name: Option<String>,
    /// What is to be done with it.
    pub edit: SettingsEdit,
}

/// What is to be done with a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SettingsEdit {
    /// It is a new one.
    Add(SettingsValues),
    /// These keys are to have these values; others stay.
    Set(SettingsValues),
    /// It is to go.
    Remove,
}

/// In a few words, for the audit log. Values are in none of them.
impl fmt::Display for SettingsChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (verb, values) = match &self.edit {
            SettingsEdit::Add(_) => ("add", None),
            SettingsEdit::Set(values) => ("set", Some(values)),
            SettingsEdit::Remove => ("remove", None),
        };
        write!(f, "{verb} {}", self.kind)?;
        if let Some(name) = &self.name {
            write!(f, " {:?}", name.chars().take(100).collect::<String>())?;
        }
        if let Some(values) = values {
            let keys: Vec<&str> = values.keys().map(String::as_str).collect();
            write!(f, ": {}", keys.join(", ").chars().take(200).collect::<String>())?;
        }
        Ok(())
    }
}

/// What a change would make of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettingsPlan {
    /// A unified diff without secrets; empty where nothing would change.
    pub diff: String,
}

/// What was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettingsSaved {
    /// What was changed, as a unified diff without secrets.
    pub diff: String,
    /// Why the running Baton does not take it up yet.
    pub not_taken_up: Option<Problem>,
}

/// Why a change is not made. Nothing was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SettingsRefusal {
    /// What was entered does not fit.
    Values {
        /// What is wrong with the whole, where no key is at fault.
        problem: Option<Problem>,
        /// The keys that are at fault.
        keys: Vec<KeyProblem>,
    },
    /// The file is another one than the change was made from.
    Changed {
        /// What was changed meanwhile, where that is known.
        diff: Option<String>,
    },
    /// It cannot be done.
    Problem(Problem),
}

/// What is wrong with a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyProblem {
    /// The key.
    pub key: String,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
}

impl KeyProblem {
    /// The same, where there is no field to tell it at.
    pub(crate) fn into_problem(self) -> Problem {
        let message = format!("`{}`: {}", self.key, self.message);
        Problem { kind: ProblemKind::Refused, code: "settings-wrong".to_owned(), message, hint: self.hint }
    }
}

impl From<Problem> for SettingsRefusal {
    fn from(problem: Problem) -> Self {
        Self::Problem(problem)
    }
}

/// What was found on this machine, as settings.
#[derive(Debug, Clone)]
pub struct SettingsDraft {
    /// The file that would be written.
    pub path: String,
    /// Its whole text.
    pub text: String,
    /// What the text is named by when it is to be written.
    pub fingerprint: String,
    /// The servers, each with what is known of it.
    pub servers: Vec<FoundServer>,
    /// What else was found.
    pub findings: Vec<Finding>,
}

/// A server that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundServer {
    /// What it is, and where.
    pub title: String,
    /// What is known of it: references, certificate, endpoints, who renews it.
    pub notes: Vec<String>,
    /// Why it cannot be used as it is.
    pub reasons: Vec<String>,
}

/// The settings, read, changed and begun; implemented by the binary.
pub trait SettingsDesk: Send + Sync {
    /// What stands in the file now.
    fn look(&self) -> BoxFuture<'_, Result<SettingsLook, Problem>>;

    /// The form for a table, or for a new one of some variant.
    fn form(
        &self,
        kind: SettingsKind,
        name: Option<String>,
        variant: Option<String>,
    ) -> BoxFuture<'_, Result<SettingsForm, Problem>>;

    /// What a change would make of the file; writes nothing.
    fn plan(&self, change: SettingsChange) -> BoxFuture<'_, Result<SettingsPlan, SettingsRefusal>>;

    /// Writes the file, and has it taken up.
    fn save(&self, change: SettingsChange) -> BoxFuture<'_, Result<SettingsSaved, SettingsRefusal>>;

    /// Looks for the servers of this machine; refuses where there is a file already. Writes nothing.
    fn draft(&self) -> BoxFuture<'_, Result<SettingsDraft, Problem>>;

    /// Writes the draft of that fingerprint, as it was shown.
    fn write_draft(&self, fingerprint: String) -> BoxFuture<'_, Result<SettingsSaved, Problem>>;
}
