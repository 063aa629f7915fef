//! From what was entered to the text of the file, and from what is wrong with that text to the key that is at fault.
//!
//! The new text is read by the very code that reads `baton.toml`, and must pass what `baton check` asks of it: nothing is
//! written that would be refused afterwards.

use baton_designer::{
    KeyProblem, SettingsChange, SettingsEdit, SettingsKind, SettingsRefusal, SettingsValues,
};
use baton_textedit::{TomlChange, TomlDocument, TomlPlace, TomlValue};

use super::field::{self, Field, NEW_ISSUERS};
use super::file::SettingsFile;
use super::look::{can_be_added, not_added, table, unknown, values};
use super::shown::not_editable;
use crate::commands::up::pages::problem;
use crate::failure::{Exit, Failure};
use crate::settings::{Loaded, SettingsError, rules};

/// What a key of the machine is told when it comes from a page.
const OF_THE_MACHINE: &str = "is changed in `baton.toml` on the machine alone";

/// The key that a table is named by.
const NAME: &str = "name";

/// The text of the file with a change, which is sound.
pub(super) fn changed(file: &SettingsFile, change: &SettingsChange) -> Result<String, SettingsRefusal> {
    let edits = edits(file, change)?;
    let patch = file.document.edit(&edits).map_err(|error| not_editable(&error))?;
    let text = file.patched(&patch)?;
    check(file, change, &text)?;
    Ok(text)
}

fn edits(file: &SettingsFile, change: &SettingsChange) -> Result<Vec<TomlChange>, SettingsRefusal> {
    let SettingsChange { kind, name, edit, .. } = change;
    let name = name.as_deref();
    match edit {
        SettingsEdit::Add(values) => {
            let name = name.unwrap_or_default();
            let mut entries = vec![(NAME.to_owned(), entered_name(name)?)];
            for (field, value) in entered(&new_fields(*kind, values)?, values)? {
                entries.extend(value.map(|value| (field.key.to_owned(), value)));
            }
            Ok(vec![TomlChange::Append { array: kind.key().to_owned(), entries }])
        }
        SettingsEdit::Set(values) => {
            let place = place(*kind, name);
            let fields: Vec<&Field> = match table(&file.document, *kind, name) {
                Some(table) => {
                    let fields = field::fields(*kind, table).into_iter();
                    fields.filter(|field| self::values(table, field).is_some()).collect()
                }
                // The defaults stand for it; signs of life have none.
                None if !kind.has_names() && *kind != SettingsKind::Heartbeat => field::new_fields(*kind, ""),
                None => return Err(unknown(*kind, name).into()),
            };
            let edit = |(field, value): (&Field, Option<TomlValue>)| {
                let (place, key) = (place.clone(), field.key.to_owned());
                match value {
                    Some(value) => TomlChange::Set { place, key, value },
                    None => TomlChange::Unset { place, key },
                }
            };
            Ok(entered(&fields, values)?.into_iter().map(edit).collect())
        }
        SettingsEdit::Remove => {
            if !kind.has_names() || table(&file.document, *kind, name).is_none() {
                return Err(unknown(*kind, name).into());
            }
            Ok(vec![TomlChange::Remove { place: place(*kind, name) }])
        }
    }
}

fn place(kind: SettingsKind, name: Option<&str>) -> TomlPlace {
    match name {
        Some(name) if kind.has_names() => {
            TomlPlace::Element { array: kind.key().to_owned(), name: name.to_owned() }
        }
        _ => TomlPlace::Table(kind.key().to_owned()),
    }
}

fn entered_name(name: &str) -> Result<TomlValue, SettingsRefusal> {
    match field::Shape::Text.value(&[name.to_owned()]) {
        Ok(value) => Ok(value.unwrap_or(TomlValue::String(String::new()))),
        Err(message) => Err(at_key(NAME, message, None)),
    }
}

/// The keys that a new table may have.
fn new_fields(kind: SettingsKind, values: &SettingsValues) -> Result<Vec<&'static Field>, SettingsRefusal> {
    let first = |key: &str| values.get(key).and_then(|values| values.first()).map_or("", String::as_str);
    let addable = can_be_added();
    let (_, variants) =
        addable.iter().find(|(addable, _)| *addable == kind).ok_or_else(|| not_added(kind))?;
    let is_offered = |key: &str| variants.iter().any(|variant| variant == first(key));
    match kind {
        SettingsKind::Issuer if !is_offered("kind") => {
            let hint = format!("choose one of {}; others need a command", NEW_ISSUERS.join(", "));
            Err(at_key("kind", "such an issuer cannot be added here".to_owned(), Some(hint)))
        }
        SettingsKind::Target if !is_offered("product") => {
            let message = "this product is not in the directory where its setup puts it".to_owned();
            let hint = Some("add the target to `baton.toml` on the machine, with its directory".to_owned());
            Err(at_key("product", message, hint))
        }
        _ => Ok(field::new_fields(kind, first("kind"))),
    }
}

/// The values of keys that may be edited; any other key is refused.
fn entered<'f>(
    fields: &[&'f Field],
    values: &SettingsValues,
) -> Result<Vec<(&'f Field, Option<TomlValue>)>, SettingsRefusal> {
    let mut keys: Vec<KeyProblem> = values
        .keys()
        .filter(|key| !fields.iter().any(|field| field.key == **key))
        .map(|key| KeyProblem { key: shortened(key), message: OF_THE_MACHINE.to_owned(), hint: None })
        .collect();
    let mut entered = Vec::new();
    // In the order of the table, not in that of the form.
    for field in fields {
        let Some(values) = values.get(field.key) else { continue };
        match field.shape.value(values) {
            Ok(value) => entered.push((*field, value)),
            Err(message) => keys.push(KeyProblem { key: field.key.to_owned(), message, hint: None }),
        }
    }
    if keys.is_empty() { Ok(entered) } else { Err(SettingsRefusal::Values { problem: None, keys }) }
}

/// A key that somebody made up may be of any length.
fn shortened(key: &str) -> String {
    key.chars().take(100).collect()
}

fn at_key(key: &str, message: String, hint: Option<String>) -> SettingsRefusal {
    SettingsRefusal::Values { problem: None, keys: vec![KeyProblem { key: key.to_owned(), message, hint }] }
}

/// Reads the new text as settings.
fn check(file: &SettingsFile, change: &SettingsChange, text: &str) -> Result<(), SettingsRefusal> {
    let loaded = match Loaded::of_text(file.path.clone(), text.to_owned()) {
        Ok(loaded) => loaded,
        Err(SettingsError::Syntax { line, column, message, hint, .. }) => {
            return Err(match key_at(change, text, line, column, &message) {
                Some(key) => at_key(&key, message, hint),
                None => {
                    let message = format!("line {line}, column {column}: {message}");
                    let hint = hint.unwrap_or_else(|| "correct it, and try again".to_owned());
                    let failure = Failure::new(Exit::Usage, "settings-wrong", message, hint);
                    SettingsRefusal::Values { problem: Some(problem(failure)), keys: Vec::new() }
                }
            });
        }
        Err(error) => return Err(problem(Failure::with(Exit::Usage, &error)).into()),
    };
    rules::check(&loaded).map_err(|failure| {
        let is_entered = |key: &str| match &change.edit {
            SettingsEdit::Add(_) if key == NAME => true,
            SettingsEdit::Add(values) | SettingsEdit::Set(values) => values.contains_key(key),
            SettingsEdit::Remove => false,
        };
        let named = failure.key.filter(|key| is_entered(key));
        match named.or_else(|| sole_change(file, change)) {
            Some(key) => {
                let path = format!("{}: ", file.path.display());
                let message = failure.chain.join(": ");
                let message = message.strip_prefix(&path).map(str::to_owned).unwrap_or(message);
                at_key(key, message, failure.hint)
            }
            None => SettingsRefusal::Values { problem: Some(problem(failure)), keys: Vec::new() },
        }
    })
}

/// The key that has another value, where it is the only one: what is wrong anywhere then comes from it.
fn sole_change(file: &SettingsFile, change: &SettingsChange) -> Option<&'static str> {
    let SettingsEdit::Set(entered) = &change.edit else { return None };
    let table = table(&file.document, change.kind, change.name.as_deref())?;
    let is_other = |field: &&Field| {
        let entered = entered.get(field.key);
        entered.is_some_and(|entered| values(table, field).as_ref() != Some(entered))
    };
    let mut changed = field::fields(change.kind, table).into_iter().filter(is_other);
    let key = changed.next()?.key;
    changed.next().is_none().then_some(key)
}

/// The key of the changed table that a place in the new text belongs to.
fn key_at(change: &SettingsChange, text: &str, line: usize, column: usize, message: &str) -> Option<String> {
    let mark = if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
    let before: usize = text.split_inclusive('\n').take(line - 1).map(str::len).sum();
    let offset = (before + column - 1).checked_sub(mark)?;
    let document = TomlDocument::parse(text.as_bytes()).ok()?;
    let table = match change.edit {
        SettingsEdit::Add(_) => document.tables(change.kind.key()).last()?,
        SettingsEdit::Set(_) => table(&document, change.kind, change.name.as_deref())?,
        SettingsEdit::Remove => return None,
    };
    // A key that is missing is told at the table.
    if let Some(key) = message.strip_prefix("missing field `").and_then(|rest| rest.split('`').next()) {
        return table.range().contains(&offset).then(|| key.to_owned());
    }
    table.entries().find(|entry| entry.range().contains(&offset)).map(|entry| entry.key().to_owned())
}
