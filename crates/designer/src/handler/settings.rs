//! The settings: looked at, changed in forms, and begun.

use std::sync::Arc;

use axum::extract::{Extension, Path, RawQuery, Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};

use super::missing::missing;
use super::{render, render_problem, render_rejection};
use crate::access::{AuditNote, Identity, Level};
use crate::form::{Rejection, incomplete, read_pairs};
use crate::language::Language;
use crate::page::{DraftPage, SettingsFormPage, SettingsPage, SettingsPlanPage, SettingsSavedPage};
use crate::problem::Problem;
use crate::settings::{
    KeyProblem, SettingsChange, SettingsDesk, SettingsEdit, SettingsKind, SettingsRefusal, SettingsSaved,
    SettingsValues,
};

/// What the names of the fields begin with that hold a value of the settings.
const VALUE: &str = "value.";

type Desk = State<Arc<dyn SettingsDesk>>;

/// All of them, for everyone who may look; with the ways to change them for those who may.
pub(crate) async fn settings(
    State(desk): Desk,
    t: Language,
    Extension(identity): Extension<Identity>,
) -> Response {
    match desk.look().await {
        Ok(look) => {
            let may_change = Level::Admin.admits(Some(&identity));
            render(StatusCode::OK, &SettingsPage::new(look, may_change, t))
        }
        Err(problem) => render_problem(&problem, t),
    }
}

/// The form for a table of which there is one, or for a new one.
pub(crate) async fn new_form(
    State(desk): Desk,
    t: Language,
    Path(kind): Path<String>,
    RawQuery(query): RawQuery,
) -> Response {
    let Ok(kind) = kind.parse() else { return missing(t).await };
    let query = query.unwrap_or_default();
    let mut values = form_urlencoded::parse(query.as_bytes());
    let variant = values.find(|(name, _)| name == "variant").map(|(_, value)| value.into_owned());
    show_form(&*desk, kind, None, variant, t).await
}

/// The form for a table that has a name.
pub(crate) async fn form(
    State(desk): Desk,
    t: Language,
    Path((kind, name)): Path<(String, String)>,
) -> Response {
    match kind.parse::<SettingsKind>() {
        Ok(kind) if kind.has_names() => show_form(&*desk, kind, Some(name), None, t).await,
        _ => missing(t).await,
    }
}

async fn show_form(
    desk: &dyn SettingsDesk,
    kind: SettingsKind,
    name: Option<String>,
    variant: Option<String>,
    t: Language,
) -> Response {
    match desk.form(kind, name, variant.clone()).await {
        Ok(form) => render(StatusCode::OK, &SettingsFormPage::new(form, variant, t)),
        Err(problem) => render_problem(&problem, t),
    }
}

/// What a change would make of the file, or the form again with what does not fit.
pub(crate) async fn plan(State(desk): Desk, t: Language, request: Request) -> Response {
    let entered = match Entered::read(request, t).await {
        Ok(entered) => entered,
        Err(rejection) => return render_rejection(&rejection, t),
    };
    let note = AuditNote(format!("plan: {}", entered.change));
    let answer = match desk.plan(entered.change.clone()).await {
        Ok(plan) => {
            render(StatusCode::OK, &SettingsPlanPage::new(&entered.change, entered.variant, &plan, t))
        }
        Err(refusal) => refused(&*desk, entered, refusal, t).await,
    };
    note.on(answer)
}

/// Writes the file.
pub(crate) async fn save(State(desk): Desk, t: Language, request: Request) -> Response {
    let entered = match Entered::read(request, t).await {
        Ok(entered) => entered,
        Err(rejection) => return render_rejection(&rejection, t),
    };
    let note = AuditNote(entered.change.to_string());
    let answer = match desk.save(entered.change.clone()).await {
        Ok(saved) => written(saved, t),
        Err(refusal) => refused(&*desk, entered, refusal, t).await,
    };
    note.on(answer)
}

/// What was found on this machine, as settings.
pub(crate) async fn draft(State(desk): Desk, t: Language) -> Response {
    match desk.draft().await {
        Ok(draft) => render(StatusCode::OK, &DraftPage::new(draft, t)),
        Err(problem) => render_problem(&problem, t),
    }
}

/// Writes them.
pub(crate) async fn write_draft(State(desk): Desk, t: Language, request: Request) -> Response {
    let fingerprint = match read_pairs(request, t).await {
        Ok(pairs) => pairs.into_iter().find(|(name, _)| name == "fingerprint"),
        Err(rejection) => return render_rejection(&rejection, t),
    };
    let Some((_, fingerprint)) = fingerprint else { return render_rejection(&incomplete(t), t) };
    match desk.write_draft(fingerprint).await {
        Ok(saved) => written(saved, t),
        Err(problem) => render_problem(&problem, t),
    }
}

/// Where it is taken up there is nothing more to say.
fn written(saved: SettingsSaved, t: Language) -> Response {
    match saved.not_taken_up {
        None => Redirect::to("/settings").into_response(),
        Some(problem) => render(StatusCode::OK, &SettingsSavedPage::not_taken_up(&problem, &saved.diff, t)),
    }
}

/// The form again, with what does not fit at its field.
async fn refused(
    desk: &dyn SettingsDesk,
    entered: Entered,
    refusal: SettingsRefusal,
    t: Language,
) -> Response {
    let (problem, keys): (Option<Problem>, Vec<KeyProblem>) = match refusal {
        SettingsRefusal::Values { problem, keys } => (problem, keys),
        SettingsRefusal::Problem(problem) => return render_problem(&problem, t),
        SettingsRefusal::Changed { diff } => {
            let page = SettingsSavedPage::changed(&entered.change, diff.as_deref(), t);
            return render(StatusCode::CONFLICT, &page);
        }
    };
    let SettingsChange { kind, name, edit, fingerprint } = entered.change;
    let (place, values) = match edit {
        SettingsEdit::Add(values) => (None, values),
        SettingsEdit::Set(values) => (name.clone(), values),
        SettingsEdit::Remove => {
            let problem = problem.or_else(|| keys.into_iter().next().map(KeyProblem::into_problem));
            return match problem {
                Some(problem) => render_problem(&problem, t),
                None => missing(t).await,
            };
        }
    };
    match desk.form(kind, place, entered.variant.clone()).await {
        Ok(form) => {
            let mut page = SettingsFormPage::new(form, entered.variant, t);
            page.fill(fingerprint, name, values);
            page.refuse(problem.as_ref(), keys, t);
            render(StatusCode::UNPROCESSABLE_ENTITY, &page)
        }
        Err(problem) => render_problem(&problem, t),
    }
}

/// What someone has entered into a form.
struct Entered {
    change: SettingsChange,
    /// Which form it was.
    variant: Option<String>,
}

impl Entered {
    async fn read(request: Request, t: Language) -> Result<Self, Rejection> {
        let pairs = read_pairs(request, t).await?;
        let given = |name: &str| {
            let value = pairs.iter().find(|(known, _)| known == name).map(|(_, value)| value.trim());
            value.filter(|value| !value.is_empty()).map(str::to_owned)
        };
        let mut values = SettingsValues::new();
        for (name, value) in &pairs {
            let Some(key) = name.strip_prefix(VALUE) else { continue };
            // A field with several lines has several values, and an empty one has none.
            let lines = value.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned);
            values.entry(key.to_owned()).or_default().extend(lines);
        }
        let edit = match given("edit").as_deref() {
            Some("add") => SettingsEdit::Add(values),
            Some("set") => SettingsEdit::Set(values),
            Some("remove") => SettingsEdit::Remove,
            _ => return Err(incomplete(t)),
        };
        let kind = given("kind").and_then(|kind| kind.parse().ok()).ok_or_else(|| incomplete(t))?;
        let fingerprint = given("fingerprint").ok_or_else(|| incomplete(t))?;
        let change = SettingsChange { fingerprint, kind, name: given("name"), edit };
        Ok(Self { change, variant: given("variant") })
    }
}
