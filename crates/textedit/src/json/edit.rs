//! From wanted values to the splices that bring them about.
//!
//! A splice always replaces a whole token, the quotes of a string included. No JSON token that can stand in its
//! place begins with it, so a patch that was already applied never finds its old bytes again: applying it twice
//! is a conflict and not a second edit.

use std::collections::BTreeMap;

use baton_finding::Explain;
use thiserror::Error;

use super::JsonDocument;
use super::pointer::Pointer;
use super::tree::{Node, Value};
use crate::{Patch, Splice};

/// One wanted value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Where.
    pub pointer: Pointer,
    /// What is to stand there afterwards.
    pub value: NewValue,
}

/// A value to write. It replaces a value of its own kind only: a string where the product expects a bool would be
/// an edit that nobody asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NewValue {
    /// A string, not escaped.
    String(String),
    /// `true` or `false`
    Bool(bool),
}

impl Change {
    /// Asks for a string; `value` is not escaped.
    #[must_use]
    pub fn string(pointer: Pointer, value: impl Into<String>) -> Self {
        Self { pointer, value: NewValue::String(value.into()) }
    }

    /// Asks for a bool.
    #[must_use]
    pub fn bool(pointer: Pointer, value: bool) -> Self {
        Self { pointer, value: NewValue::Bool(value) }
    }
}

impl NewValue {
    fn kind(&self) -> &'static str {
        match self {
            Self::String(_) => "a string",
            Self::Bool(_) => "a bool",
        }
    }

    fn fits(&self, value: &Value) -> bool {
        matches!((self, value), (Self::String(_), Value::String(_)) | (Self::Bool(_), Value::Bool(_)))
    }

    fn is(&self, value: &Value) -> bool {
        match (self, value) {
            (Self::String(wanted), Value::String(present)) => wanted == present,
            (Self::Bool(wanted), Value::Bool(present)) => wanted == present,
            _ => false,
        }
    }

    pub(super) fn token(&self) -> String {
        match self {
            Self::String(value) => quoted(value),
            Self::Bool(value) => value.to_string(),
        }
    }
}

pub(super) fn patch(document: &JsonDocument, changes: &[Change]) -> Result<Patch, EditError> {
    // Keyed by where the place begins: the splices come out in order, and two changes of one place meet.
    let mut wanted: BTreeMap<usize, (&Node, &NewValue)> = BTreeMap::new();
    for Change { pointer, value } in changes {
        let places = document.root.places(pointer);
        if places.is_empty() {
            return Err(EditError::Missing { pointer: pointer.clone() });
        }
        for node in places {
            if !value.fits(&node.value) {
                let (expected, found) = (value.kind(), node.value.kind());
                return Err(EditError::Kind { pointer: pointer.clone(), expected, found });
            }
            let earlier = wanted.insert(node.span.start, (node, value));
            if earlier.is_some_and(|(_, earlier)| earlier != value) {
                return Err(EditError::Contradiction { pointer: pointer.clone() });
            }
        }
    }
    let encoding = document.encoding;
    let splices = wanted
        .into_values()
        .filter(|(node, value)| !value.is(&node.value))
        .map(|(node, value)| Splice {
            offset: encoding.offset_behind(&document.text[..node.span.start]),
            old: encoding.encode_fragment(&document.text[node.span.clone()]),
            new: encoding.encode_fragment(&value.token()),
        })
        .collect();
    Ok(Patch::in_order(splices))
}

/// A string as a JSON token. RFC 8259, section 7, demands an escape for the quotation mark, the backslash and the
/// control characters below U+0020.
pub(super) fn quoted(value: &str) -> String {
    let mut token = String::with_capacity(value.len() + 2);
    token.push('"');
    for character in value.chars() {
        match character {
            '"' => token.push_str("\\\""),
            '\\' => token.push_str("\\\\"),
            '\n' => token.push_str("\\n"),
            '\r' => token.push_str("\\r"),
            '\t' => token.push_str("\\t"),
            control if control < ' ' => token.push_str(&format!("\\u{:04x}", u32::from(control))),
            other => token.push(other),
        }
    }
    token.push('"');
    token
}

/// Why a file cannot be edited as wanted. Nothing was changed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum EditError {
    /// Nothing stands where the pointer leads.
    #[error("the file has no value at \"{pointer}\"")]
    Missing {
        /// Where it was looked for.
        pointer: Pointer,
    },
    /// The place, or one of its duplicates, holds a value of another kind.
    #[error("the value at \"{pointer}\" is {found}, not {expected}")]
    Kind {
        /// The place.
        pointer: Pointer,
        /// The kind of the wanted value.
        expected: &'static str,
        /// The kind of the value that stands there.
        found: &'static str,
    },
    /// Two changes want different values in one place.
    #[error("two different values are wanted at \"{pointer}\"")]
    Contradiction {
        /// The place.
        pointer: Pointer,
    },
    /// A value stands where a new one was to go.
    #[error("the file has a value at \"{pointer}\" already")]
    Present {
        /// The place.
        pointer: Pointer,
    },
    /// Several places have the name that one was looked for by.
    #[error("the file has several values at \"{pointer}\"")]
    Ambiguous {
        /// The place.
        pointer: Pointer,
    },
}

impl Explain for EditError {
    fn code(&self) -> &'static str {
        match self {
            Self::Missing { .. } => "json-value-missing",
            Self::Kind { .. } => "json-value-kind",
            Self::Contradiction { .. } => "json-edits-contradict",
            Self::Present { .. } => "json-value-present",
            Self::Ambiguous { .. } => "json-value-ambiguous",
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Missing { .. } | Self::Kind { .. } | Self::Present { .. } | Self::Ambiguous { .. } => Some(
                "look at the file: the product may have changed its format, or a name may be there twice"
                    .to_owned(),
            ),
            Self::Contradiction { .. } => None,
        }
    }
}
