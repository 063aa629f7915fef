//! Sentences that come from elsewhere, with the commands in them set as code.

use std::cmp::Reverse;

use baton_finding::{Finding, Severity};

use crate::language::Language;

/// A stretch of a sentence.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Stretch {
    pub(crate) text: String,
    /// A command or a path: it stood between backquotes.
    pub(crate) is_code: bool,
}

/// A finding as it is shown.
#[derive(Debug)]
pub(crate) struct Trouble {
    severity: Severity,
    pub(crate) code: String,
    pub(crate) message: Vec<Stretch>,
    /// Empty when there is nothing to do.
    pub(crate) hint: Vec<Stretch>,
}

impl Trouble {
    /// The findings, those that weigh most first.
    pub(crate) fn all<'a>(findings: impl IntoIterator<Item = &'a Finding>) -> Vec<Self> {
        let mut troubles: Vec<Self> = findings.into_iter().map(Self::new).collect();
        troubles.sort_by_key(|trouble| Reverse(trouble.severity));
        troubles
    }

    fn new(finding: &Finding) -> Self {
        Self {
            severity: finding.severity,
            code: finding.code.clone(),
            message: stretches(&finding.message),
            hint: stretches(&finding.hint),
        }
    }

    /// Its weight in words.
    pub(crate) fn weight(&self, t: &Language) -> &'static str {
        match self.severity {
            Severity::Notice => t.notice(),
            Severity::Warning => t.warning(),
            Severity::Error => t.error(),
        }
    }

    /// The icon that goes with its weight.
    pub(crate) fn icon(&self) -> &'static str {
        match self.severity {
            Severity::Notice => "notice",
            Severity::Warning => "soon",
            Severity::Error => "now",
        }
    }
}

/// Takes a sentence apart at its backquotes. Where they do not pair up it stays as it is.
pub(crate) fn stretches(text: &str) -> Vec<Stretch> {
    let pieces: Vec<&str> = text.split('`').collect();
    if pieces.len().is_multiple_of(2) {
        return vec![Stretch { text: text.to_owned(), is_code: false }];
    }
    pieces
        .into_iter()
        .enumerate()
        .filter(|(_, text)| !text.is_empty())
        .map(|(position, text)| Stretch { text: text.to_owned(), is_code: position % 2 == 1 })
        .collect()
}
