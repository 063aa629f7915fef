//! What a change makes of the file, before and after it is written.

use askama::Template;

use super::super::change::kind_of_line;
use super::super::problem::ProblemView;
use super::{form, label};
use crate::language::Language;
use crate::problem::Problem;
use crate::settings::{SettingsChange, SettingsEdit, SettingsPlan};

/// The lines of a diff, each with its name in the style sheet.
type DiffView = Vec<(&'static str, String)>;

/// The diff, and the question whether to write it.
#[derive(Template)]
#[template(path = "settings_plan.html")]
pub(crate) struct SettingsPlanPage {
    t: Language,
    here: &'static str,
    title: String,
    back: String,
    diff: DiffView,
    /// What the form that writes it sends.
    fields: Vec<(String, String)>,
}

/// What became of a change where there is more to say than that it is done.
#[derive(Template)]
#[template(path = "settings_saved.html")]
pub(crate) struct SettingsSavedPage {
    t: Language,
    here: &'static str,
    class: &'static str,
    heading: &'static str,
    sentence: &'static str,
    problem: Option<ProblemView>,
    diff: DiffView,
    back: String,
}

impl SettingsPlanPage {
    pub(crate) fn new(
        change: &SettingsChange,
        variant: Option<String>,
        plan: &SettingsPlan,
        t: Language,
    ) -> Self {
        let (edit, values) = match &change.edit {
            SettingsEdit::Add(values) => ("add", Some(values)),
            SettingsEdit::Set(values) => ("set", Some(values)),
            SettingsEdit::Remove => ("remove", None),
        };
        let mut fields = vec![
            ("edit".to_owned(), edit.to_owned()),
            ("kind".to_owned(), change.kind.to_string()),
            ("fingerprint".to_owned(), change.fingerprint.clone()),
        ];
        fields.extend(change.name.clone().map(|name| ("name".to_owned(), name)));
        fields.extend(variant.map(|variant| ("variant".to_owned(), variant)));
        for (key, values) in values.into_iter().flatten() {
            fields.push((format!("value.{key}"), values.join("\n")));
        }
        let place = label::one(change.kind, t);
        let title = match &change.name {
            Some(name) => format!("{place} {name}"),
            None => place.to_owned(),
        };
        Self {
            t,
            here: "/settings",
            title,
            back: "/settings".to_owned(),
            diff: diff_view(&plan.diff),
            fields,
        }
    }
}

impl SettingsSavedPage {
    /// It is written, and the running Baton goes on with what it had.
    pub(crate) fn not_taken_up(problem: &Problem, diff: &str, t: Language) -> Self {
        Self {
            t,
            here: "/settings",
            class: "soon",
            heading: t.settings_not_taken_up(),
            sentence: t.settings_not_taken_up_hint(),
            problem: Some(ProblemView::new(problem, t)),
            diff: diff_view(diff),
            back: "/settings".to_owned(),
        }
    }

    /// Somebody else was faster.
    pub(crate) fn changed(change: &SettingsChange, diff: Option<&str>, t: Language) -> Self {
        let name = match change.edit {
            SettingsEdit::Add(_) | SettingsEdit::Remove => None,
            SettingsEdit::Set(_) => change.name.as_deref(),
        };
        let back = match change.edit {
            SettingsEdit::Set(_) => form::address(change.kind, name),
            SettingsEdit::Add(_) | SettingsEdit::Remove => "/settings".to_owned(),
        };
        Self {
            t,
            here: "/settings",
            class: "soon",
            heading: t.settings_changed(),
            sentence: t.settings_changed_hint(),
            problem: None,
            diff: diff_view(diff.unwrap_or_default()),
            back,
        }
    }
}

fn diff_view(diff: &str) -> DiffView {
    diff.lines().map(|line| (kind_of_line(line), line.to_owned())).collect()
}
