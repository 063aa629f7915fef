//! A form for one table.

use askama::Template;

use super::super::problem::ProblemView;
use super::super::prose::{Stretch, stretches};
use super::label;
use crate::language::Language;
use crate::problem::Problem;
use crate::settings::{
    Control, KeyProblem, SettingsField, SettingsForm, SettingsKind, SettingsValues, ShownSetting,
};

/// The key that a new table is named by.
const NAME: &str = "name";

/// The form, with what is wrong at its fields.
#[derive(Template)]
#[template(path = "settings_form.html")]
pub(crate) struct SettingsFormPage {
    t: Language,
    here: &'static str,
    title: String,
    kind: SettingsKind,
    name: Option<String>,
    variant: Option<String>,
    is_new: bool,
    fingerprint: String,
    problem: Option<ProblemView>,
    name_error: Option<ErrorView>,
    fields: Vec<FieldView>,
    shown: Vec<ShownSetting>,
}

struct FieldView {
    key: String,
    label: String,
    /// What it is for.
    explanation: Vec<Stretch>,
    input: InputView,
    error: Option<ErrorView>,
}

/// How it is entered.
enum InputView {
    Line(String),
    Lines(String),
    /// What there is to choose from, and whether it is chosen.
    Choice(Vec<OptionView>),
    Choices(Vec<OptionView>),
}

struct OptionView {
    value: String,
    is_chosen: bool,
}

struct ErrorView {
    message: Vec<Stretch>,
    hint: Vec<Stretch>,
}

impl SettingsFormPage {
    pub(crate) fn new(form: SettingsForm, variant: Option<String>, t: Language) -> Self {
        let SettingsForm { fingerprint, table, is_new } = form;
        let title = match &table.name {
            Some(name) => format!("{} {name}", label::one(table.kind, t)),
            None if is_new => t.settings_add(label::one(table.kind, t)),
            None => label::one(table.kind, t).to_owned(),
        };
        Self {
            t,
            here: "/settings",
            title,
            kind: table.kind,
            name: table.name,
            variant,
            is_new,
            fingerprint,
            problem: None,
            name_error: None,
            fields: table.fields.into_iter().map(|field| FieldView::new(field, t)).collect(),
            shown: table.shown,
        }
    }

    /// Puts in what was entered before.
    pub(crate) fn fill(&mut self, fingerprint: String, name: Option<String>, mut values: SettingsValues) {
        self.fingerprint = fingerprint;
        self.name = name;
        for field in &mut self.fields {
            if let Some(values) = values.remove(&field.key) {
                field.input.fill(&values);
            }
        }
    }

    /// Says what is wrong, at the fields that are at fault and for the rest above all of them.
    pub(crate) fn refuse(&mut self, problem: Option<&Problem>, keys: Vec<KeyProblem>, t: Language) {
        self.problem = problem.map(|problem| ProblemView::new(problem, t));
        for key in keys {
            let field = self.fields.iter_mut().find(|field| field.key == key.key);
            let place = match field {
                Some(field) => &mut field.error,
                None if key.key == NAME => &mut self.name_error,
                None => {
                    self.problem = Some(ProblemView::new(&key.into_problem(), t));
                    continue;
                }
            };
            *place = Some(ErrorView {
                message: stretches(&key.message),
                hint: stretches(key.hint.as_deref().unwrap_or_default()),
            });
        }
    }
}

impl FieldView {
    fn new(field: SettingsField, t: Language) -> Self {
        let options = |values: Vec<String>| {
            let option = |value: String| OptionView { value, is_chosen: false };
            values.into_iter().map(option).collect()
        };
        let mut input = match field.control {
            Control::Line => InputView::Line(String::new()),
            Control::Lines => InputView::Lines(String::new()),
            Control::Choice(values) => InputView::Choice(options(values)),
            Control::Choices(values) => InputView::Choices(options(values)),
        };
        input.fill(&field.values);
        Self {
            label: label::key(&field.key, t),
            key: field.key,
            explanation: stretches(&field.explanation),
            input,
            error: None,
        }
    }

    /// What the element is called that tells of the field.
    fn described_by(&self) -> String {
        let key = &self.key;
        if self.error.is_some() { format!("error-{key} about-{key}") } else { format!("about-{key}") }
    }
}

impl InputView {
    fn fill(&mut self, values: &[String]) {
        match self {
            Self::Line(line) => *line = values.join(" "),
            Self::Lines(lines) => *lines = values.join("\n"),
            Self::Choice(options) | Self::Choices(options) => {
                for option in options.iter_mut() {
                    option.is_chosen = values.contains(&option.value);
                }
                // What is set and cannot be chosen stays until something else is.
                for value in values.iter().filter(|value| !value.is_empty()) {
                    if !options.iter().any(|option| option.value == *value) {
                        options.push(OptionView { value: value.clone(), is_chosen: true });
                    }
                }
            }
        }
    }
}

/// The address of the form for a table.
pub(super) fn address(kind: SettingsKind, name: Option<&str>) -> String {
    match name {
        Some(name) => format!("/settings/{kind}/{}", path_segment(name)),
        None => format!("/settings/{kind}"),
    }
}

/// A name as a part of a path: what is no letter, digit, hyphen, underscore or dot is percent-encoded.
fn path_segment(name: &str) -> String {
    let mut segment = String::with_capacity(name.len());
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.".contains(&byte) {
            segment.push(char::from(byte));
        } else {
            segment.push_str(&format!("%{byte:02X}"));
        }
    }
    segment
}
