//! What stands in the file, as tables with fields.

use std::path::Path;

use baton_designer::{
    Control, Problem, ProblemKind, SettingsField, SettingsForm, SettingsKind, SettingsLook, SettingsTable,
};
use baton_target::ProductKind;
use baton_textedit::{TomlDocument, TomlTable};

use super::field::{self, Field, Shape};
use super::file::SettingsFile;
use super::shown;
use crate::settings::{IssuerKind, Settings};
use crate::wiring::{DESIGNER, INTERNAL};

/// Everything there is to see.
pub(super) fn look(file: &SettingsFile, in_force: &str) -> SettingsLook {
    let kinds = SettingsKind::ALL.into_iter();
    let tables =
        kinds.flat_map(|kind| tables(file, kind)).map(|(kind, table)| shown_table(file, kind, table));
    let is_table = |key: &str| SettingsKind::ALL.into_iter().any(|kind| kind.key() == key);
    let others = file.document.entries().filter(|entry| !is_table(entry.key()));
    SettingsLook {
        path: Some(whole(&file.path)),
        fingerprint: file.fingerprint.clone(),
        is_in_force: file.loaded.text == in_force,
        problem: None,
        tables: tables.collect(),
        others: others.map(|entry| shown::setting(None, entry)).collect(),
        can_be_added: can_be_added(),
    }
}

/// A path as it is from anywhere.
pub(super) fn whole(path: &Path) -> String {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned()).display().to_string()
}

/// The form for a table, or for a new one.
pub(super) fn form(
    file: &SettingsFile,
    kind: SettingsKind,
    name: Option<&str>,
    variant: Option<&str>,
) -> Result<SettingsForm, Problem> {
    let is_new = kind.has_names() && name.is_none();
    let table = match name {
        _ if is_new => new_table(file, kind, variant)?,
        name => {
            let found = tables(file, kind).into_iter().find(|(_, table)| match table {
                Some(table) => !kind.has_names() || table.string("name") == name,
                None => true,
            });
            found.map(|(kind, table)| shown_table(file, kind, table)).ok_or_else(|| unknown(kind, name))?
        }
    };
    Ok(SettingsForm { fingerprint: file.fingerprint.clone(), table, is_new })
}

/// The tables of a kind; of those that the defaults stand for one that is not there.
fn tables(file: &SettingsFile, kind: SettingsKind) -> Vec<(SettingsKind, Option<TomlTable<'_>>)> {
    if kind.has_names() {
        return file.document.tables(kind.key()).map(|table| (kind, Some(table))).collect();
    }
    match file.document.table(kind.key()) {
        // Without its URL there are no signs of life.
        None if kind == SettingsKind::Heartbeat => Vec::new(),
        table => vec![(kind, table)],
    }
}

fn shown_table(file: &SettingsFile, kind: SettingsKind, table: Option<TomlTable<'_>>) -> SettingsTable {
    let Some(table) = table else {
        let fields = field::new_fields(kind, "").into_iter();
        let fields = fields.map(|field| shown_field(file, kind, field, Vec::new())).collect();
        return SettingsTable { kind, name: None, fields, shown: Vec::new() };
    };
    let (mut fields, mut shown) = (Vec::new(), Vec::new());
    for field in field::fields(kind, table) {
        match values(table, field) {
            Some(values) => fields.push(shown_field(file, kind, field, values)),
            None => shown.extend(table.entry(field.key).map(|entry| shown::setting(Some(kind), entry))),
        }
    }
    let is_edited = |key: &str| fields.iter().any(|field: &SettingsField| field.key == key);
    let is_named = |key: &str| kind.has_names() && key == "name";
    for entry in table.entries() {
        let key = entry.key();
        if !is_edited(key)
            && !is_named(key)
            && !shown.iter().any(|shown: &baton_designer::ShownSetting| shown.key == key)
        {
            shown.push(shown::setting(Some(kind), entry));
        }
    }
    let name = table.string("name").filter(|_| kind.has_names()).map(str::to_owned);
    SettingsTable { kind, name, fields, shown }
}

/// What a key has; nothing where that is written in a way that no form has.
pub(super) fn values(table: TomlTable<'_>, field: &Field) -> Option<Vec<String>> {
    match table.entry(field.key) {
        None => Some(Vec::new()),
        Some(entry) => field.shape.entered(&entry.value()?),
    }
}

fn new_table(
    file: &SettingsFile,
    kind: SettingsKind,
    variant: Option<&str>,
) -> Result<SettingsTable, Problem> {
    let addable = can_be_added();
    let variants = addable.iter().find(|(addable, _)| *addable == kind).map(|(_, variants)| variants);
    let variants = variants.ok_or_else(|| not_added(kind))?;
    let variant = match variant {
        Some(variant) if variants.iter().any(|known| known == variant) => variant,
        Some(_) => return Err(not_added(kind)),
        None => variants.first().map_or("", String::as_str),
    };
    let field = |field: &'static Field| {
        let values =
            if field.key == "kind" || field.key == "product" { vec![variant.to_owned()] } else { Vec::new() };
        let shown = shown_field(file, kind, field, values);
        match field.key {
            "kind" | "product" => SettingsField { control: Control::Choice(variants.clone()), ..shown },
            _ => shown,
        }
    };
    let fields = field::new_fields(kind, variant).into_iter().map(field).collect();
    Ok(SettingsTable { kind, name: None, fields, shown: Vec::new() })
}

/// What needs neither a command nor a path: of products those that are where their setup puts them.
pub(super) fn can_be_added() -> Vec<(SettingsKind, Vec<String>)> {
    let is_there =
        |kind: &ProductKind| kind.default_directory().is_some_and(|directory| Path::new(directory).is_dir());
    let products: Vec<String> =
        ProductKind::ALL.into_iter().filter(is_there).map(|kind| kind.key().to_owned()).collect();
    let mut addable = vec![
        (SettingsKind::Certificate, Vec::new()),
        (SettingsKind::Issuer, field::NEW_ISSUERS.map(str::to_owned).to_vec()),
    ];
    if !products.is_empty() {
        addable.push((SettingsKind::Target, products));
    }
    addable
}

fn shown_field(file: &SettingsFile, kind: SettingsKind, field: &Field, values: Vec<String>) -> SettingsField {
    let settings = &file.loaded.settings;
    let control = match field.shape {
        Shape::Text | Shape::Number => Control::Line,
        Shape::Texts | Shape::Endpoints => Control::Lines,
        Shape::Truth => Control::Choice(vec!["true".to_owned(), "false".to_owned()]),
        Shape::Listed => Control::Choice(field::listed(kind, field.key)),
        Shape::Issuer => Control::Choice(issuers(settings)),
        Shape::Targets => {
            let targets = settings.target.iter().map(|target| target.name.clone());
            Control::Choices(targets.chain([DESIGNER.to_owned()]).collect())
        }
    };
    let explanation = match field.shape {
        Shape::Endpoints => {
            "Where it can be asked which certificate it serves: `HOST:PORT`, or `HOST:PORT NAME` with the name to ask for."
        }
        _ => field::explanation(kind, field.key),
    };
    SettingsField { key: field.key.to_owned(), control, values, explanation: explanation.to_owned() }
}

fn issuers(settings: &Settings) -> Vec<String> {
    let has_own = settings.issuer.iter().any(|issuer| issuer.kind == IssuerKind::Internal);
    let internal = (!has_own).then(|| INTERNAL.to_owned());
    settings.issuer.iter().map(|issuer| issuer.name.clone()).chain(internal).collect()
}

pub(super) fn unknown(kind: SettingsKind, name: Option<&str>) -> Problem {
    let name = name.map(|name| format!(" named {name:?}")).unwrap_or_default();
    Problem {
        kind: ProblemKind::Unknown,
        code: "unknown".to_owned(),
        message: format!("the settings have no {kind}{name}"),
        hint: Some("look at the settings: they may have been changed meanwhile".to_owned()),
    }
}

pub(super) fn not_added(kind: SettingsKind) -> Problem {
    Problem {
        kind: ProblemKind::Refused,
        code: "setting-of-the-machine".to_owned(),
        message: format!("no such {kind} can be added here: it needs a command or a path"),
        hint: Some("add it to `baton.toml` on the machine".to_owned()),
    }
}

/// The table that a change is about.
pub(super) fn table<'a>(
    document: &'a TomlDocument,
    kind: SettingsKind,
    name: Option<&str>,
) -> Option<TomlTable<'a>> {
    if kind.has_names() {
        document.tables(kind.key()).find(|table| name.is_some() && table.string("name") == name)
    } else {
        document.table(kind.key())
    }
}
