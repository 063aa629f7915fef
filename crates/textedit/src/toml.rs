//! TOML settings: what stands where, and the patch that changes some of it.
//!
//! The grammar is that of `toml`, which reads `baton.toml` too. It says where values stand; everything between them
//! (comments, blank lines, the order of keys, how a string is quoted) is left to whoever wrote it. A key that goes
//! takes its own line along and no other; an element of an array takes along the comment behind it.
//!
//! Tables that a change makes longer or shorter must have lines of their own: one that is written inline, as
//! `{ … }`, is read, and its values are replaced, but a key is neither added to it nor taken from it.

mod array;
mod edit;
mod error;
mod lines;
mod tree;
mod value;

use std::ops::Range;

pub use edit::{TomlChange, TomlPlace};
pub use error::{TomlEditError, TomlParseError};
pub use value::TomlValue;

use self::tree::{Content, Entry, Table};
use crate::{Encoding, Patch};

/// A TOML file that was understood completely.
#[derive(Debug, Clone)]
pub struct TomlDocument {
    /// How long the byte order mark is.
    mark: usize,
    text: String,
    root: Table,
}

/// A table of the file, or an element of an array of tables.
#[derive(Debug, Clone, Copy)]
pub struct TomlTable<'a> {
    document: &'a TomlDocument,
    table: &'a Table,
}

/// A key of a table, with its value.
#[derive(Debug, Clone, Copy)]
pub struct TomlEntry<'a> {
    document: &'a TomlDocument,
    entry: &'a Entry,
}

impl TomlDocument {
    /// Reads a whole file, byte order mark included.
    ///
    /// # Errors
    /// When the bytes are not UTF-8, or not TOML: a key that is there twice is an error too.
    pub fn parse(bytes: &[u8]) -> Result<Self, TomlParseError> {
        let (encoding, text) = Encoding::decode(bytes).map_err(TomlParseError::Encoding)?;
        if !matches!(encoding, Encoding::Utf8 | Encoding::Utf8WithMark) {
            return Err(TomlParseError::NotUtf8);
        }
        let root = tree::parse(&text)?;
        Ok(Self { mark: encoding.mark().len(), text, root })
    }

    /// What stands at the top, in the order of the file.
    pub fn entries(&self) -> impl Iterator<Item = TomlEntry<'_>> {
        self.root.entries.iter().map(|entry| TomlEntry { document: self, entry })
    }

    /// The table of that name at the top.
    #[must_use]
    pub fn table(&self, name: &str) -> Option<TomlTable<'_>> {
        match &self.root.entry(name)?.content {
            Content::Table(table) => Some(TomlTable { document: self, table }),
            Content::Value { .. } | Content::Tables(_) => None,
        }
    }

    /// The elements of the array of tables of that name at the top, in the order of the file.
    pub fn tables(&self, name: &str) -> impl Iterator<Item = TomlTable<'_>> {
        let tables = match self.root.entry(name).map(|entry| &entry.content) {
            Some(Content::Tables(tables)) => tables.as_slice(),
            Some(Content::Value { .. } | Content::Table(_)) | None => &[],
        };
        tables.iter().map(|table| TomlTable { document: self, table })
    }

    /// The patch that makes all changes at once, on the file as it was parsed. A value that is wanted and is there
    /// already is left as it is written.
    ///
    /// # Errors
    /// When a place is not there, or there twice; when a table is written in a way that cannot be changed line by line.
    pub fn edit(&self, changes: &[TomlChange]) -> Result<Patch, TomlEditError> {
        edit::patch(self, changes)
    }
}

impl<'a> TomlTable<'a> {
    /// Its keys, in the order of the file.
    pub fn entries(self) -> impl Iterator<Item = TomlEntry<'a>> {
        let document = self.document;
        self.table.entries.iter().map(move |entry| TomlEntry { document, entry })
    }

    /// One of its keys.
    #[must_use]
    pub fn entry(self, key: &str) -> Option<TomlEntry<'a>> {
        let document = self.document;
        self.table.entry(key).map(|entry| TomlEntry { document, entry })
    }

    /// The text that a key holds.
    #[must_use]
    pub fn string(self, key: &str) -> Option<&'a str> {
        self.table.string(key)
    }

    /// Where it stands in the text of the file behind its byte order mark: from its header to its last value, with the
    /// tables below it.
    #[must_use]
    pub fn range(self) -> Range<usize> {
        self.table.extent()
    }
}

impl<'a> TomlEntry<'a> {
    /// Its name.
    #[must_use]
    pub fn key(self) -> &'a str {
        &self.entry.key
    }

    /// Its value; nothing where that is a date or a number with a fraction.
    #[must_use]
    pub fn value(self) -> Option<TomlValue> {
        self.entry.content.value()
    }

    /// Its value as it is written; of a table with a header of its own the lines below that.
    #[must_use]
    pub fn source(self) -> &'a str {
        let text = &self.document.text;
        match &self.entry.content {
            Content::Value { span, .. } => &text[span.clone()],
            Content::Table(table) => &text[table.extent()],
            Content::Tables(tables) => {
                let start = tables.first().map_or(0, |table| table.extent().start);
                let end = tables.last().map_or(start, |table| table.extent().end);
                &text[start..end]
            }
        }
    }

    /// Where key and value stand in the text of the file behind its byte order mark.
    #[must_use]
    pub fn range(self) -> Range<usize> {
        self.entry.extent()
    }
}
