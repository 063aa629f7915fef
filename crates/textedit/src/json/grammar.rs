//! What counts as JSON: RFC 8259, to the letter.
//!
//! `jsonc-parser` finds the places of the values. It is made for JSON with comments, so all its liberties are
//! switched off; three that have no switch are closed here: raw control characters within strings, white space
//! beyond blank, tab, line feed and carriage return, and a file without any value. A product may well
//! accept more than the standard, but an edit in a file that two parsers understand differently is a guess.
//!
//! The depth is bounded *before* parsing, as parsing and dropping the tree are recursive.

use baton_finding::Explain;
use jsonc_parser::{CollectOptions, ParseOptions, parse_to_ast};
use thiserror::Error;

use super::tree::Node;
use crate::DecodeError;

/// How deep arrays and objects may be nested in each other. Settings files use less than ten levels. The bound
/// keeps a hostile file from exhausting the stack, of which parsing takes some kilobytes a level; it is the one
/// that .NET's `System.Text.Json` sets by default, so a product of that family reads nothing deeper either.
pub const MAXIMUM_DEPTH: usize = 64;

pub(super) fn parse(text: &str) -> Result<Node, ParseError> {
    refuse_deep_nesting(text)?;
    let parsed = parse_to_ast(text, &CollectOptions::default(), &strict())
        .map_err(|error| syntax(text, error.range().start, sentence(&error.kind().to_string())))?;
    // After the parser, not before it: only now it is certain where strings begin and end.
    refuse_liberties(text)?;
    parsed.value.map(Node::from).ok_or(ParseError::Empty)
}

fn strict() -> ParseOptions {
    ParseOptions {
        allow_comments: false,
        allow_loose_object_property_names: false,
        allow_trailing_commas: false,
        allow_missing_commas: false,
        allow_single_quoted_strings: false,
        allow_hexadecimal_numbers: false,
        allow_unary_plus_numbers: false,
        allow_bare_decimal_point_numbers: false,
        allow_non_finite_numbers: false,
        allow_extended_string_escapes: false,
    }
}

fn refuse_deep_nesting(text: &str) -> Result<(), ParseError> {
    let mut depth = 0_usize;
    for (offset, character, place) in characters(text) {
        match (place, character) {
            (Place::Between, '{' | '[') if depth == MAXIMUM_DEPTH => {
                let (line, column) = position(text, offset);
                return Err(ParseError::TooDeep { line, column });
            }
            (Place::Between, '{' | '[') => depth += 1,
            (Place::Between, '}' | ']') => depth = depth.saturating_sub(1),
            // A comment or a single quote: the parser stops here, and braces behind it nest nothing.
            (Place::Between, '/' | '\'') => return Ok(()),
            _ => {}
        }
    }
    Ok(())
}

fn refuse_liberties(text: &str) -> Result<(), ParseError> {
    for (offset, character, place) in characters(text) {
        let problem = match place {
            Place::String if character < ' ' => "control character within a string must be escaped",
            Place::Between if !character.is_ascii_graphic() && !" \t\n\r".contains(character) => {
                "unexpected character between values"
            }
            _ => continue,
        };
        return Err(syntax(text, offset, format!("{problem}: U+{:04X}", u32::from(character))));
    }
    Ok(())
}

/// Where a character stands. The quotes that enclose a string count as between.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Between,
    String,
}

/// Every character with its offset and place.
fn characters(text: &str) -> impl Iterator<Item = (usize, char, Place)> {
    let mut place = Place::Between;
    let mut escaped = false;
    text.char_indices().map(move |(offset, character)| {
        let quote = character == '"' && !escaped;
        escaped = place == Place::String && character == '\\' && !escaped;
        if !quote {
            return (offset, character, place);
        }
        place = match place {
            Place::Between => Place::String,
            Place::String => Place::Between,
        };
        (offset, character, Place::Between)
    })
}

fn syntax(text: &str, offset: usize, problem: String) -> ParseError {
    let (line, column) = position(text, offset);
    ParseError::Syntax { line, column, problem }
}

/// Line and column of an offset, as an editor shows them: from 1, the column in characters. A carriage return
/// alone ends a line too, so that old files are counted rightly.
fn position(text: &str, offset: usize) -> (usize, usize) {
    let before = &text[..offset];
    let breaks = before.match_indices(['\n', '\r']).filter(|(at, _)| !text[*at..].starts_with("\r\n"));
    let (count, start) = breaks.fold((0, 0), |(count, _), (at, _)| (count + 1, at + 1));
    (count + 1, before[start..].chars().count() + 1)
}

/// The parser's message in the shape of ours: without a capital.
fn sentence(message: &str) -> String {
    let mut characters = message.chars();
    characters.next().map(|first| first.to_lowercase().chain(characters).collect()).unwrap_or_default()
}

/// Why a file cannot be read as JSON. Lines and columns count from 1, columns in characters.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ParseError {
    /// The file is not text.
    #[error("the file cannot be read as text")]
    Encoding(#[source] DecodeError),
    /// The text is not JSON.
    #[error("{problem} (line {line}, column {column})")]
    Syntax {
        /// Line of the first character that is wrong.
        line: usize,
        /// Column of that character.
        column: usize,
        /// What is wrong there.
        problem: String,
    },
    /// Arrays and objects are nested deeper than [`MAXIMUM_DEPTH`].
    #[error("nested deeper than {MAXIMUM_DEPTH} levels (line {line}, column {column})")]
    TooDeep {
        /// Line of the bracket that is one too many.
        line: usize,
        /// Column of that bracket.
        column: usize,
    },
    /// The file is empty, or holds nothing but white space.
    #[error("the file holds no JSON value")]
    Empty,
}

impl Explain for ParseError {
    fn code(&self) -> &'static str {
        match self {
            Self::Encoding(error) => error.code(),
            Self::Syntax { .. } => "json-syntax",
            Self::TooDeep { .. } => "json-too-deep",
            Self::Empty => "json-empty",
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Encoding(error) => error.hint(),
            Self::Syntax { .. } => {
                Some("correct the file there: Baton edits plain JSON only, as RFC 8259 defines it".to_owned())
            }
            Self::TooDeep { .. } => Some("look whether this is the settings file at all".to_owned()),
            Self::Empty => {
                Some("put the file back from a backup, or let the product write it again".to_owned())
            }
        }
    }
}
