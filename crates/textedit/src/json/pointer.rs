//! JSON pointers, RFC 6901: the way from the root of a file to one value.

use std::fmt;
use std::str::FromStr;

use baton_finding::Explain;
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// The way from the root of a JSON file to a value, such as `/certificate/thumbprint`.
///
/// Written and serialised in the notation of RFC 6901: `~1` is a slash in a name, `~0` a tilde, and the empty
/// pointer is the whole file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Pointer(Vec<Step>);

/// A member name or an array index, decoded. Only the value it is applied to tells which of the two is meant.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Step(String);

impl Pointer {
    /// The pointer to the whole file.
    #[must_use]
    pub fn root() -> Self {
        Self::default()
    }

    /// The pointer one step further, to a member of the object that this one points to.
    #[must_use]
    pub fn member(&self, name: &str) -> Self {
        self.with(Step(name.to_owned()))
    }

    /// The pointer one step further, to an element of the array that this one points to.
    #[must_use]
    pub fn index(&self, index: usize) -> Self {
        self.with(Step(index.to_string()))
    }

    /// The pointer to what holds this place; `None` for the whole file.
    pub(super) fn parent(&self) -> Option<Self> {
        self.0.split_last().map(|(_, steps)| Self(steps.to_vec()))
    }

    pub(super) fn steps(&self) -> &[Step] {
        &self.0
    }

    fn with(&self, step: Step) -> Self {
        let mut steps = self.0.clone();
        steps.push(step);
        Self(steps)
    }
}

impl Step {
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    /// The step as an array index. RFC 6901, section 4: decimal digits, without leading zeros.
    pub(super) fn as_index(&self) -> Option<usize> {
        let canonical = self.0 == "0" || !self.0.starts_with('0');
        let digits = self.0.bytes().all(|byte| byte.is_ascii_digit());
        if canonical && digits { self.0.parse().ok() } else { None }
    }
}

impl fmt::Display for Pointer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for step in &self.0 {
            write!(f, "/{}", step.0.replace('~', "~0").replace('/', "~1"))?;
        }
        Ok(())
    }
}

impl FromStr for Pointer {
    type Err = PointerError;

    fn from_str(text: &str) -> Result<Self, PointerError> {
        if text.is_empty() {
            return Ok(Self::root());
        }
        let steps =
            text.strip_prefix('/').ok_or_else(|| PointerError::NotRooted { text: text.to_owned() })?;
        let broken = steps.split('~').skip(1).any(|behind| !behind.starts_with(['0', '1']));
        if broken {
            return Err(PointerError::Escape { text: text.to_owned() });
        }
        // In this order, or `~01` would become a slash (RFC 6901, section 4).
        Ok(Self(steps.split('/').map(|step| Step(step.replace("~1", "/").replace("~0", "~"))).collect()))
    }
}

impl TryFrom<String> for Pointer {
    type Error = PointerError;

    fn try_from(text: String) -> Result<Self, PointerError> {
        text.parse()
    }
}

impl From<Pointer> for String {
    fn from(pointer: Pointer) -> Self {
        pointer.to_string()
    }
}

/// Why a text is not a JSON pointer.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum PointerError {
    /// A pointer that is not empty begins with a slash.
    #[error("JSON pointer \"{text}\" does not begin with a slash")]
    NotRooted {
        /// The text as it was given.
        text: String,
    },
    /// A tilde is followed by neither `0` nor `1`.
    #[error("JSON pointer \"{text}\" has a tilde that is followed by neither 0 nor 1")]
    Escape {
        /// The text as it was given.
        text: String,
    },
}

impl Explain for PointerError {
    fn code(&self) -> &'static str {
        "json-pointer-invalid"
    }

    fn hint(&self) -> Option<String> {
        Some("write it as /name/name, with ~1 for a slash and ~0 for a tilde within a name".to_owned())
    }
}
