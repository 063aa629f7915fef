//! The settings: what they are, the forms that change them, and what a change makes of the file.

mod draft;
mod form;
mod label;
mod plan;

use askama::Template;

use super::problem::ProblemView;
use crate::language::Language;
use crate::settings::{SettingsKind, SettingsLook, SettingsTable, ShownSetting};

pub(crate) use draft::DraftPage;
pub(crate) use form::SettingsFormPage;
pub(crate) use plan::{SettingsPlanPage, SettingsSavedPage};

/// All settings.
#[derive(Template)]
#[template(path = "settings.html")]
pub(crate) struct SettingsPage {
    t: Language,
    here: &'static str,
    path: Option<String>,
    fingerprint: String,
    is_in_force: bool,
    problem: Option<ProblemView>,
    sections: Vec<SectionView>,
    others: Vec<ShownSetting>,
    may_change: bool,
}

/// All tables of a kind.
struct SectionView {
    kind: SettingsKind,
    heading: &'static str,
    tables: Vec<TableView>,
    /// What can be added: the address of the form, and what it is called.
    additions: Vec<(String, String)>,
}

struct TableView {
    name: Option<String>,
    rows: Vec<RowView>,
    shown: Vec<ShownSetting>,
    /// The address of its form.
    form: String,
}

struct RowView {
    key: String,
    label: String,
    /// Empty where nothing is set.
    values: Vec<String>,
}

impl SettingsPage {
    pub(crate) fn new(look: SettingsLook, may_change: bool, t: Language) -> Self {
        let has_file = look.path.is_some() && look.problem.is_none();
        let mut tables = look.tables;
        let mut sections = Vec::new();
        for kind in SettingsKind::ALL.into_iter().filter(|_| has_file) {
            let of_kind = tables.extract_if(.., |table| table.kind == kind);
            let tables: Vec<TableView> = of_kind.map(|table| TableView::new(table, t)).collect();
            let variants = look.can_be_added.iter().filter(|(addable, _)| *addable == kind);
            let additions: Vec<_> = variants.flat_map(|(_, variants)| additions(kind, variants, t)).collect();
            if !(tables.is_empty() && additions.is_empty()) {
                sections.push(SectionView { kind, heading: label::kind(kind, t), tables, additions });
            }
        }
        Self {
            t,
            here: "/settings",
            path: look.path,
            fingerprint: look.fingerprint,
            is_in_force: look.is_in_force,
            problem: look.problem.map(|problem| ProblemView::new(&problem, t)),
            sections,
            others: look.others,
            may_change,
        }
    }
}

fn additions(kind: SettingsKind, variants: &[String], t: Language) -> Vec<(String, String)> {
    let address = format!("/settings/{kind}");
    if variants.is_empty() {
        return vec![(address, t.settings_add(label::one(kind, t)))];
    }
    let addition = |variant: &String| {
        let query = form_urlencoded::Serializer::new(String::new()).append_pair("variant", variant).finish();
        (format!("{address}?{query}"), t.settings_add(format!("{}: {variant}", label::one(kind, t))))
    };
    variants.iter().map(addition).collect()
}

impl TableView {
    fn new(table: SettingsTable, t: Language) -> Self {
        let row = |field: crate::settings::SettingsField| RowView {
            label: label::key(&field.key, t),
            key: field.key,
            values: field.values,
        };
        Self {
            form: form::address(table.kind, table.name.as_deref()),
            name: table.name,
            rows: table.fields.into_iter().map(row).collect(),
            shown: table.shown,
        }
    }
}
