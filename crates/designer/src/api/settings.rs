//! The settings. What is written is answered at once, with what was changed; only keys that the pages can edit are taken.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use baton_finding::Finding;
use baton_handover::SCHEMA;
use serde::{Deserialize, Serialize};

use super::{ErrorObject, answer_problem, failure, read_object};
use crate::access::AuditNote;
use crate::problem::{Problem, ProblemKind};
use crate::settings::{
    KeyProblem, SettingsChange, SettingsDesk, SettingsDraft, SettingsEdit, SettingsKind, SettingsLook,
    SettingsRefusal, SettingsSaved, SettingsTable, SettingsValues, ShownSetting,
};

type Desk = State<Arc<dyn SettingsDesk>>;

#[derive(Serialize)]
struct SettingsObject {
    schema: &'static str,
    path: Option<String>,
    fingerprint: String,
    in_force: bool,
    tables: Vec<TableObject>,
    others: Vec<ShownObject>,
    error: Option<ErrorObject>,
}

#[derive(Serialize)]
struct TableObject {
    kind: &'static str,
    name: Option<String>,
    fields: Vec<FieldObject>,
    shown: Vec<ShownObject>,
}

#[derive(Serialize)]
struct FieldObject {
    key: String,
    values: Vec<String>,
}

#[derive(Serialize)]
struct ShownObject {
    key: String,
    value: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ChangeObject {
    fingerprint: String,
    change: Verb,
    kind: Kind,
    name: Option<String>,
    #[serde(default)]
    values: SettingsValues,
    #[serde(default)]
    dry_run: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Verb {
    Add,
    Set,
    Remove,
}

#[derive(Deserialize)]
#[serde(try_from = "String")]
struct Kind(SettingsKind);

impl TryFrom<String> for Kind {
    type Error = String;

    fn try_from(key: String) -> Result<Self, String> {
        key.parse().map(Self).map_err(|()| format!("there is no kind {key:?} of settings"))
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WriteDraft {
    fingerprint: String,
}

/// What was changed, or would be.
#[derive(Serialize)]
struct ChangedObject {
    schema: &'static str,
    diff: String,
    /// Whether the file was written.
    written: bool,
    /// Why it is written and not taken up.
    error: Option<ErrorObject>,
}

#[derive(Serialize)]
struct RefusedObject {
    schema: &'static str,
    error: ErrorObject,
    keys: Vec<KeyObject>,
    /// What was changed meanwhile, where that is known.
    diff: Option<String>,
}

#[derive(Serialize)]
struct KeyObject {
    key: String,
    message: String,
    hint: Option<String>,
}

#[derive(Serialize)]
struct DraftObject {
    schema: &'static str,
    path: String,
    text: String,
    fingerprint: String,
    servers: Vec<ServerObject>,
    findings: Vec<Finding>,
}

#[derive(Serialize)]
struct ServerObject {
    title: String,
    notes: Vec<String>,
    reasons: Vec<String>,
}

/// `GET /api/v1/settings`
pub(super) async fn settings(State(desk): Desk) -> Response {
    match desk.look().await {
        Ok(look) => Json(SettingsObject::new(look)).into_response(),
        Err(problem) => answer_problem(&problem),
    }
}

/// `POST /api/v1/settings`
pub(super) async fn change(State(desk): Desk, request: Request) -> Response {
    let ChangeObject { fingerprint, change, kind, name, values, dry_run } = match read_object(request).await {
        Ok(change) => change,
        Err(refusal) => return refusal,
    };
    let edit = match change {
        Verb::Add => SettingsEdit::Add(values),
        Verb::Set => SettingsEdit::Set(values),
        Verb::Remove if !values.is_empty() => {
            let message = "what is removed has no values";
            return failure(StatusCode::BAD_REQUEST, "object-wrong", message, None);
        }
        Verb::Remove => SettingsEdit::Remove,
    };
    let change = SettingsChange { fingerprint, kind: kind.0, name, edit };
    let note = AuditNote(if dry_run { format!("plan: {change}") } else { change.to_string() });
    let answer = if dry_run {
        desk.plan(change).await.map(|plan| changed(plan.diff, None, false))
    } else {
        desk.save(change).await.map(written)
    };
    note.on(answer.unwrap_or_else(refused))
}

/// `GET /api/v1/settings/draft`
pub(super) async fn draft(State(desk): Desk) -> Response {
    match desk.draft().await {
        Ok(draft) => Json(DraftObject::new(draft)).into_response(),
        Err(problem) => no_draft(&problem),
    }
}

/// `POST /api/v1/settings/draft`
pub(super) async fn write_draft(State(desk): Desk, request: Request) -> Response {
    let WriteDraft { fingerprint } = match read_object(request).await {
        Ok(draft) => draft,
        Err(refusal) => return refusal,
    };
    match desk.write_draft(fingerprint).await {
        Ok(saved) => written(saved),
        Err(problem) => no_draft(&problem),
    }
}

/// What is refused there is refused because of settings, or of a look, that came meanwhile.
fn no_draft(problem: &Problem) -> Response {
    match problem.kind {
        ProblemKind::Refused => {
            failure(StatusCode::CONFLICT, &problem.code, &problem.message, problem.hint.as_deref())
        }
        ProblemKind::Unknown | ProblemKind::Failed => answer_problem(problem),
    }
}

fn written(saved: SettingsSaved) -> Response {
    changed(saved.diff, saved.not_taken_up.as_ref(), true)
}

fn changed(diff: String, error: Option<&Problem>, written: bool) -> Response {
    Json(ChangedObject { schema: SCHEMA, diff, written, error: error.map(ErrorObject::of) }).into_response()
}

fn refused(refusal: SettingsRefusal) -> Response {
    let own = |code: &str, message: &str, hint: &str| Problem {
        kind: ProblemKind::Refused,
        code: code.to_owned(),
        message: message.to_owned(),
        hint: Some(hint.to_owned()),
    };
    let (status, problem, keys, diff) = match refusal {
        SettingsRefusal::Problem(problem) if problem.kind != ProblemKind::Refused => {
            return answer_problem(&problem);
        }
        SettingsRefusal::Problem(problem) => (StatusCode::UNPROCESSABLE_ENTITY, problem, Vec::new(), None),
        SettingsRefusal::Values { problem, keys } => {
            let wrong = || own("settings-wrong", "what is wanted does not fit", "`keys` says what is wrong");
            (StatusCode::UNPROCESSABLE_ENTITY, problem.unwrap_or_else(wrong), keys, None)
        }
        SettingsRefusal::Changed { diff } => {
            let message = "the file is another one than the change was made from";
            let hint = "ask for the settings, and begin again";
            (StatusCode::CONFLICT, own("settings-changed", message, hint), Vec::new(), diff)
        }
    };
    let keys = keys.into_iter().map(|KeyProblem { key, message, hint }| KeyObject { key, message, hint });
    let object =
        RefusedObject { schema: SCHEMA, error: ErrorObject::of(&problem), keys: keys.collect(), diff };
    (status, Json(object)).into_response()
}

impl SettingsObject {
    fn new(look: SettingsLook) -> Self {
        Self {
            schema: SCHEMA,
            path: look.path,
            fingerprint: look.fingerprint,
            in_force: look.is_in_force,
            tables: look.tables.into_iter().map(TableObject::new).collect(),
            others: shown(look.others),
            error: look.problem.as_ref().map(ErrorObject::of),
        }
    }
}

impl TableObject {
    fn new(table: SettingsTable) -> Self {
        let field =
            |field: crate::settings::SettingsField| FieldObject { key: field.key, values: field.values };
        Self {
            kind: table.kind.key(),
            name: table.name,
            fields: table.fields.into_iter().map(field).collect(),
            shown: shown(table.shown),
        }
    }
}

impl DraftObject {
    fn new(draft: SettingsDraft) -> Self {
        let server = |server: crate::settings::FoundServer| ServerObject {
            title: server.title,
            notes: server.notes,
            reasons: server.reasons,
        };
        Self {
            schema: SCHEMA,
            path: draft.path,
            text: draft.text,
            fingerprint: draft.fingerprint,
            servers: draft.servers.into_iter().map(server).collect(),
            findings: draft.findings,
        }
    }
}

fn shown(settings: Vec<ShownSetting>) -> Vec<ShownObject> {
    settings.into_iter().map(|ShownSetting { key, value }| ShownObject { key, value }).collect()
}
