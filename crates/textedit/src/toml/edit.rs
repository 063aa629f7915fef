//! From wanted changes to the splices that bring them about.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;

use super::error::TomlEditError;
use super::lines::{self, Line};
use super::tree::{Content, Entry, Form, Table};
use super::value::{TomlValue, key as key_token};
use super::{TomlDocument, array};
use crate::{Patch, Splice};

/// Which table of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TomlPlace {
    /// `[name]`
    Table(String),
    /// The `[[array]]` whose `name` says so.
    Element {
        /// The array of tables.
        array: String,
        /// What stands in its key `name`.
        name: String,
    },
}

/// Something to change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TomlChange {
    /// A key is to have a value: in place of the one it has, else behind the last key of its table. A `[table]` that is
    /// not there is put at the end.
    Set {
        /// The table.
        place: TomlPlace,
        /// The key.
        key: String,
        /// Its value.
        value: TomlValue,
    },
    /// A key is to go, with its line and no other; one that is not there is gone already.
    Unset {
        /// The table.
        place: TomlPlace,
        /// The key.
        key: String,
    },
    /// A new `[[array]]`, behind those there are, else at the end.
    Append {
        /// The array of tables.
        array: String,
        /// Its keys, in this order.
        entries: Vec<(String, TomlValue)>,
    },
    /// An `[[array]]` is to go, with the tables below it and the comment that stands right before it.
    Remove {
        /// Which one.
        place: TomlPlace,
    },
}

impl fmt::Display for TomlPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Table(name) => write!(f, "[{name}]"),
            Self::Element { array, name } => write!(f, "[[{array}]] named {name:?}"),
        }
    }
}

impl TomlChange {
    fn place(&self) -> TomlPlace {
        match self {
            Self::Set { place, .. } | Self::Unset { place, .. } | Self::Remove { place } => place.clone(),
            Self::Append { array, .. } => TomlPlace::Table(array.clone()),
        }
    }
}

/// What is put in place of which bytes of the text. What goes to one place goes there in order.
#[derive(Default)]
struct Splices(BTreeMap<(usize, usize), String>);

impl Splices {
    fn insert(&mut self, at: usize, text: &str) {
        self.0.entry((at, at)).or_default().push_str(text);
    }

    /// Whether nothing else is put there yet.
    fn replace(&mut self, span: Range<usize>, text: String) -> bool {
        self.0.insert((span.start, span.end), text).is_none()
    }
}

pub(super) fn patch(document: &TomlDocument, changes: &[TomlChange]) -> Result<Patch, TomlEditError> {
    let mut splices = Splices::default();
    // Tables that are not there yet, in the order in which they are first named.
    let mut new_tables: Vec<(&str, Vec<(&str, &TomlValue)>)> = Vec::new();
    for change in changes {
        let contradiction = || TomlEditError::Contradiction { place: change.place() };
        match change {
            TomlChange::Set { place: TomlPlace::Table(name), key, value }
                if document.root.entry(name).is_none() =>
            {
                match new_tables.iter_mut().find(|(known, _)| known == name) {
                    Some((_, entries)) => entries.push((key, value)),
                    None => new_tables.push((name, vec![(key, value)])),
                }
            }
            TomlChange::Set { place, key, value } => {
                if !set(document, place, key, value, &mut splices)? {
                    return Err(contradiction());
                }
            }
            TomlChange::Unset { place, key } => {
                if !unset(document, place, key, &mut splices)? {
                    return Err(contradiction());
                }
            }
            TomlChange::Append { array, entries } => {
                let entries: Vec<_> = entries.iter().map(|(key, value)| (key.as_str(), value)).collect();
                append(document, array, &entries, &mut splices)?;
            }
            TomlChange::Remove { place } => {
                let span = removed(document, place)?;
                if !splices.replace(span, String::new()) {
                    return Err(contradiction());
                }
            }
        }
    }
    for (name, entries) in &new_tables {
        let block = block(&document.text, &format!("[{}]", key_token(name)), entries);
        add_block(&document.text, document.text.len(), &block, &mut splices);
    }
    let splices = splices.0.into_iter().map(|((start, end), new)| Splice {
        offset: document.mark + start,
        old: document.text.as_bytes()[start..end].to_vec(),
        new: new.into_bytes(),
    });
    Patch::new(splices.collect()).map_err(|_| {
        let place = changes.first().map_or(TomlPlace::Table(String::new()), TomlChange::place);
        TomlEditError::Contradiction { place }
    })
}

/// Whether nothing else was wanted there before.
fn set(
    document: &TomlDocument,
    place: &TomlPlace,
    key: &str,
    value: &TomlValue,
    splices: &mut Splices,
) -> Result<bool, TomlEditError> {
    let table = find(document, place)?;
    let text = document.text.as_str();
    let Some(entry) = table.entry(key) else {
        let line = format!("{}{} = {}", prefix(text, table, place)?, key_token(key), value.token());
        insert_line(text, last_line(table).ok_or_else(|| inline(place))?, &line, splices);
        return Ok(true);
    };
    let (span, token) = match &entry.content {
        Content::Value { value: Some(present), .. } if present == value => return Ok(true),
        Content::Value { span, value: Some(TomlValue::Array(_)), elements } => match value {
            TomlValue::Array(wanted) => {
                (span.clone(), array::rewritten(text, span.clone(), elements, wanted))
            }
            other => (span.clone(), other.token()),
        },
        Content::Value { span, .. } => (span.clone(), value.token()),
        Content::Table(table) if table.form == Form::Inline => {
            if entry.content.value().as_ref() == Some(value) {
                return Ok(true);
            }
            (table.span.clone(), value.token())
        }
        Content::Table(_) | Content::Tables(_) => {
            return Err(TomlEditError::Table { place: place.clone(), key: key.to_owned() });
        }
    };
    Ok(splices.replace(span, token))
}

fn unset(
    document: &TomlDocument,
    place: &TomlPlace,
    key: &str,
    splices: &mut Splices,
) -> Result<bool, TomlEditError> {
    let table = match find(document, place) {
        Err(TomlEditError::Missing { place: TomlPlace::Table(_) }) => return Ok(true),
        found => found?,
    };
    let Some(entry) = table.entry(key) else { return Ok(true) };
    let has_own_lines = match &entry.content {
        Content::Value { .. } => true,
        Content::Table(table) => table.form == Form::Inline,
        Content::Tables(_) => false,
    };
    if !has_own_lines {
        return Err(TomlEditError::Table { place: place.clone(), key: key.to_owned() });
    }
    if table.form == Form::Inline {
        return Err(inline(place));
    }
    let extent = entry.extent();
    let span = lines::start(&document.text, extent.start)..lines::end(&document.text, extent.end);
    Ok(splices.replace(span, String::new()))
}

fn append(
    document: &TomlDocument,
    array: &str,
    entries: &[(&str, &TomlValue)],
    splices: &mut Splices,
) -> Result<(), TomlEditError> {
    let text = document.text.as_str();
    let at = match document.root.entry(array) {
        None => text.len(),
        Some(Entry { content: Content::Tables(_), .. }) => {
            let last = document.root.entry(array).map_or(0, |entry| entry.extent().end);
            behind_comments(text, lines::end(text, last))
        }
        Some(_) => return Err(inline(&TomlPlace::Table(array.to_owned()))),
    };
    let block = block(text, &format!("[[{}]]", key_token(array)), entries);
    add_block(text, at, &block, splices);
    Ok(())
}

/// A table with its header, each line with its end.
fn block(text: &str, header: &str, entries: &[(&str, &TomlValue)]) -> String {
    let ending = lines::ending(text);
    let mut block = format!("{header}{ending}");
    for (key, value) in entries {
        block.push_str(&format!("{} = {}{ending}", key_token(key), value.token()));
    }
    block
}

/// Puts a table between others, with a blank line before it and behind it.
fn add_block(text: &str, at: usize, block: &str, splices: &mut Splices) {
    let ending = lines::ending(text);
    let is_first = splices.0.get(&(at, at)).is_none_or(String::is_empty);
    let mut added = String::new();
    if is_first && at > 0 && !text[..at].ends_with('\n') {
        added.push_str(ending);
    }
    let is_behind_blank = at == 0 || lines::kind(text, lines::start(text, at - 1)) == Line::Blank;
    if !(is_first && is_behind_blank) {
        added.push_str(ending);
    }
    added.push_str(block);
    if at < text.len() && lines::kind(text, at) != Line::Blank {
        added.push_str(ending);
    }
    splices.insert(at, &added);
}

/// Comments right behind a table belong to it, unless they lead to what follows.
fn behind_comments(text: &str, end: usize) -> usize {
    let mut at = end;
    while at < text.len() && lines::kind(text, at) == Line::Comment {
        at = lines::end(text, at);
    }
    if at == text.len() || lines::kind(text, at) == Line::Blank { at } else { end }
}

/// The lines that go with an element.
fn removed(document: &TomlDocument, place: &TomlPlace) -> Result<Range<usize>, TomlEditError> {
    let text = document.text.as_str();
    let table = find(document, place)?;
    if table.form != Form::Lines {
        return Err(inline(place));
    }
    let extent = table.extent();
    let own = table.headers();
    let foreign = document.root.headers().into_iter().filter(|header| !own.contains(header));
    if foreign.into_iter().any(|header| extent.contains(&header)) {
        return Err(TomlEditError::Scattered { place: place.clone() });
    }
    let mut start = lines::start(text, extent.start);
    let mut first = start;
    while first > 0 && lines::kind(text, lines::start(text, first - 1)) == Line::Comment {
        first = lines::start(text, first - 1);
    }
    // A comment at the very top is about the file.
    if first > 0 && lines::kind(text, lines::start(text, first - 1)) == Line::Blank {
        start = first;
    }
    let mut end = lines::end(text, extent.end);
    if start == 0 || lines::kind(text, lines::start(text, start - 1)) == Line::Blank {
        while end < text.len() && lines::kind(text, end) == Line::Blank {
            end = lines::end(text, end);
        }
    }
    // At the end of the file the blank line before it goes instead.
    while end == text.len() && start > 0 && lines::kind(text, lines::start(text, start - 1)) == Line::Blank {
        start = lines::start(text, start - 1);
    }
    Ok(start..end)
}

fn find<'a>(document: &'a TomlDocument, place: &TomlPlace) -> Result<&'a Table, TomlEditError> {
    let missing = || TomlEditError::Missing { place: place.clone() };
    match place {
        TomlPlace::Table(name) => match &document.root.entry(name).ok_or_else(missing)?.content {
            Content::Table(table) => Ok(table),
            Content::Value { .. } | Content::Tables(_) => Err(missing()),
        },
        TomlPlace::Element { array, name } => {
            match &document.root.entry(array).ok_or_else(missing)?.content {
                Content::Tables(tables) => {
                    let mut named = tables.iter().filter(|table| table.string("name") == Some(name));
                    let table = named.next().ok_or_else(missing)?;
                    match named.next() {
                        None => Ok(table),
                        Some(_) => Err(TomlEditError::Ambiguous { place: place.clone() }),
                    }
                }
                Content::Value { .. } | Content::Table(_) => Err(inline(place)),
            }
        }
    }
}

fn inline(place: &TomlPlace) -> TomlEditError {
    TomlEditError::Inline { place: place.clone() }
}

/// Where the last key of a table ends that has a line of its own before any table below it, or its header.
fn last_line(table: &Table) -> Option<usize> {
    let keys = table.entries.iter().filter(|entry| match &entry.content {
        Content::Value { .. } => true,
        Content::Table(table) => table.form != Form::Lines,
        Content::Tables(_) => false,
    });
    let last = keys.map(|entry| entry.extent().end).max();
    match table.form {
        Form::Lines => Some(last.unwrap_or(table.span.end)),
        Form::Dotted => last,
        Form::Inline => None,
    }
}

/// What a new key of a table begins with: the blanks that others begin with, and the name of a table without a header.
fn prefix(text: &str, table: &Table, place: &TomlPlace) -> Result<String, TomlEditError> {
    let Some(sibling) = table.entries.first() else { return Ok(String::new()) };
    let start = lines::start(text, sibling.extent().start);
    let before = &text[start..sibling.extent().start];
    match table.form {
        Form::Lines if before.trim().is_empty() => Ok(before.to_owned()),
        Form::Lines => Ok(String::new()),
        Form::Dotted if text[start..].trim_start().starts_with('[') => Err(inline(place)),
        Form::Dotted => Ok(before.to_owned()),
        Form::Inline => Err(inline(place)),
    }
}

/// A line behind the one that an offset is in. A file whose last line has no end keeps that.
fn insert_line(text: &str, offset: usize, line: &str, splices: &mut Splices) {
    let (at, ending) = (lines::end(text, offset), lines::ending(text));
    if text[..at].ends_with('\n') {
        splices.insert(at, &format!("{line}{ending}"));
    } else {
        splices.insert(at, &format!("{ending}{line}"));
    }
}
