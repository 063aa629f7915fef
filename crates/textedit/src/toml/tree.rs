//! Where everything stands, as the parser says it.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::error::TomlParseError;
use super::value::TomlValue;

/// How a table is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// `[table]` or `[[table]]`, or the top of the file: a line for each key.
    Lines,
    /// `table.key = …`: a line for each key, which begins with the name of the table.
    Dotted,
    /// `{ … }`
    Inline,
}

/// A table. Offsets count bytes in the text behind the byte order mark.
#[derive(Debug, Clone)]
pub(super) struct Table {
    pub(super) form: Form,
    /// Its header, its name, or all of it.
    pub(super) span: Range<usize>,
    /// In the order of the file.
    pub(super) entries: Vec<Entry>,
}

#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) key: String,
    pub(super) key_span: Range<usize>,
    pub(super) content: Content,
}

#[derive(Debug, Clone)]
pub(super) enum Content {
    /// A scalar, or an array that is no array of tables.
    Value {
        span: Range<usize>,
        value: Option<TomlValue>,
        elements: Vec<Element>,
    },
    Table(Table),
    Tables(Vec<Table>),
}

/// One element of an array.
#[derive(Debug, Clone)]
pub(super) struct Element {
    pub(super) span: Range<usize>,
    pub(super) value: Option<TomlValue>,
}

pub(super) fn parse(text: &str) -> Result<Table, TomlParseError> {
    let root = DeTable::parse(text).map_err(|error| {
        let before = &text[..error.span().map_or(0, |span| span.start).min(text.len())];
        let line = before.bytes().filter(|byte| *byte == b'\n').count() + 1;
        let column = before.len() - before.rfind('\n').map_or(0, |end| end + 1) + 1;
        TomlParseError::Syntax { line, column, message: error.message().to_owned() }
    })?;
    Ok(Table { form: Form::Lines, span: 0..0, entries: entries(text, root.get_ref()) })
}

fn entries(text: &str, table: &DeTable<'_>) -> Vec<Entry> {
    let entry = |(key, value): (&Spanned<_>, &Spanned<DeValue<'_>>)| {
        let name: &std::borrow::Cow<'_, str> = key.get_ref();
        Entry { key: name.to_string(), key_span: key.span(), content: content(text, value) }
    };
    let mut entries: Vec<Entry> = table.iter().map(entry).collect();
    entries.sort_by_key(|entry| entry.extent().start);
    entries
}

fn content(text: &str, value: &Spanned<DeValue<'_>>) -> Content {
    let span = value.span();
    match value.get_ref() {
        DeValue::Table(inner) => Content::Table(table(text, span, inner)),
        DeValue::Array(values) => {
            let tables: Option<Vec<Table>> = values
                .iter()
                .map(|value| match value.get_ref() {
                    DeValue::Table(inner) => Some(table(text, value.span(), inner)),
                    _ => None,
                })
                .collect();
            match tables {
                Some(tables) if tables.first().is_some_and(|table| table.form == Form::Lines) => {
                    Content::Tables(tables)
                }
                _ => {
                    let element = |value: &Spanned<DeValue<'_>>| Element {
                        span: value.span(),
                        value: TomlValue::of(value.get_ref()),
                    };
                    let elements = values.iter().map(element).collect();
                    Content::Value { span, value: TomlValue::of(value.get_ref()), elements }
                }
            }
        }
        scalar => Content::Value { span, value: TomlValue::of(scalar), elements: Vec::new() },
    }
}

fn table(text: &str, span: Range<usize>, table: &DeTable<'_>) -> Table {
    let form = match text.as_bytes().get(span.start) {
        Some(b'[') => Form::Lines,
        Some(b'{') => Form::Inline,
        _ => Form::Dotted,
    };
    Table { form, span, entries: entries(text, table) }
}

impl Table {
    pub(super) fn entry(&self, key: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.key == key)
    }

    pub(super) fn string(&self, key: &str) -> Option<&str> {
        match &self.entry(key)?.content {
            Content::Value { value: Some(TomlValue::String(text)), .. } => Some(text),
            _ => None,
        }
    }

    /// From its header to the end of its last value, tables below it included.
    pub(super) fn extent(&self) -> Range<usize> {
        let inner = self.entries.iter().map(Entry::extent);
        inner
            .fold(self.span.clone(), |extent, inner| extent.start.min(inner.start)..extent.end.max(inner.end))
    }

    /// The headers of itself and of the tables below it.
    pub(super) fn headers(&self) -> Vec<usize> {
        let own = (self.form == Form::Lines && !self.span.is_empty()).then_some(self.span.start);
        let inner = self.entries.iter().flat_map(|entry| match &entry.content {
            Content::Value { .. } => Vec::new(),
            Content::Table(table) => table.headers(),
            Content::Tables(tables) => tables.iter().flat_map(Table::headers).collect(),
        });
        own.into_iter().chain(inner).collect()
    }
}

impl Entry {
    pub(super) fn extent(&self) -> Range<usize> {
        match &self.content {
            Content::Value { span, .. } => self.key_span.start..span.end,
            Content::Table(table) if table.form == Form::Inline => self.key_span.start..table.span.end,
            Content::Table(table) => table.extent(),
            Content::Tables(tables) => {
                let extents = tables.iter().map(Table::extent);
                extents
                    .reduce(|one, other| one.start.min(other.start)..one.end.max(other.end))
                    .unwrap_or(self.key_span.clone())
            }
        }
    }
}

impl Content {
    pub(super) fn value(&self) -> Option<TomlValue> {
        match self {
            Self::Value { value, .. } => value.clone(),
            Self::Table(table) => table.value(),
            Self::Tables(tables) => {
                tables.iter().map(Table::value).collect::<Option<_>>().map(TomlValue::Array)
            }
        }
    }
}

impl Table {
    fn value(&self) -> Option<TomlValue> {
        let member = |entry: &Entry| Some((entry.key.clone(), entry.content.value()?));
        self.entries.iter().map(member).collect::<Option<_>>().map(TomlValue::Table)
    }
}
