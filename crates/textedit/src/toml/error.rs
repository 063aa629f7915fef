//! Why a TOML file cannot be read or changed.

use baton_finding::Explain;
use thiserror::Error;

use super::TomlPlace;
use crate::DecodeError;

/// Why a file is not understood.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TomlParseError {
    /// It is not text.
    #[error("the file is not text")]
    Encoding(#[source] DecodeError),
    /// TOML is UTF-8 and nothing else.
    #[error("the file is text in UTF-16, and TOML is UTF-8")]
    NotUtf8,
    /// It is text, and not TOML.
    #[error("not valid TOML at line {line}, column {column}: {message}")]
    Syntax {
        /// Counted from 1.
        line: usize,
        /// Counted in bytes from 1.
        column: usize,
        /// What is wrong there.
        message: String,
    },
}

impl Explain for TomlParseError {
    fn code(&self) -> &'static str {
        match self {
            Self::Encoding(error) => error.code(),
            Self::NotUtf8 => "text-encoding-invalid",
            Self::Syntax { .. } => "toml-syntax",
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Encoding(error) => error.hint(),
            Self::NotUtf8 => Some("save the file as UTF-8".to_owned()),
            Self::Syntax { .. } => Some("correct the file by hand".to_owned()),
        }
    }
}

/// Why a file cannot be changed as wanted. Nothing was changed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TomlEditError {
    /// The table is not there.
    #[error("the file has no {place}")]
    Missing {
        /// What was looked for.
        place: TomlPlace,
    },
    /// Several tables have the name.
    #[error("the file has several {place}")]
    Ambiguous {
        /// What was looked for.
        place: TomlPlace,
    },
    /// The table is written within a line, so that no line can be added or taken away.
    #[error("{place} is written as {{ … }} within a line")]
    Inline {
        /// The table.
        place: TomlPlace,
    },
    /// Tables of others stand between the lines of one.
    #[error("the lines of {place} do not stand together")]
    Scattered {
        /// The table.
        place: TomlPlace,
    },
    /// The key holds a table with a header of its own.
    #[error("`{key}` of {place} is a table with lines of its own")]
    Table {
        /// The table that has the key.
        place: TomlPlace,
        /// The key.
        key: String,
    },
    /// Two changes are about the same lines.
    #[error("two changes of {place} are about the same lines")]
    Contradiction {
        /// The table.
        place: TomlPlace,
    },
}

impl Explain for TomlEditError {
    fn code(&self) -> &'static str {
        match self {
            Self::Missing { .. } => "toml-table-missing",
            Self::Ambiguous { .. } => "toml-table-ambiguous",
            Self::Inline { .. } => "toml-table-inline",
            Self::Scattered { .. } => "toml-table-scattered",
            Self::Table { .. } => "toml-value-kind",
            Self::Contradiction { .. } => "toml-edits-contradict",
        }
    }

    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Missing { .. } | Self::Ambiguous { .. } => {
                "look at the file: it may have changed meanwhile"
            }
            Self::Inline { .. } => {
                "write it with a header of its own, [TABLE] or [[TABLE]], or change it by hand"
            }
            Self::Scattered { .. } => "put its lines together, or change it by hand",
            Self::Table { .. } | Self::Contradiction { .. } => "change it by hand",
        };
        Some(hint.to_owned())
    }
}
