//! The interface for programs, under `/api/v1`: what the pages show and do, as JSON.
//!
//! It asks the same [`Overview`](crate::Overview) and [`Actions`](crate::Actions) as the pages. What it answers is what
//! `--json` prints, where there is such a command. Its description is `assets/openapi.json`; a test compares it with
//! the routes. A private key is in no answer: none of the values that it is made of holds one.

use axum::Json;
use axum::body::to_bytes;
use axum::extract::Request;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use baton_handover::SCHEMA;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::access::Level;
use crate::problem::{Problem, ProblemKind};
use crate::route::Route;

mod change;
mod document;
mod look;
mod operation;
mod query;
mod settings;
mod shape;

/// The longest object that is read, in bytes.
const LONGEST: usize = 64 * 1024;

/// The routes of the interface.
pub(crate) fn routes() -> Vec<Route> {
    vec![
        Route::get("/api/v1/openapi.json", Level::Read, document::document),
        Route::get("/api/v1/status", Level::Read, look::status),
        Route::get("/api/v1/targets", Level::Read, look::targets),
        Route::get("/api/v1/targets/{name}", Level::Read, look::target),
        Route::post("/api/v1/targets/{name}/swap", Level::Modify, change::swap),
        Route::get("/api/v1/certificates", Level::Read, look::certificates),
        Route::get("/api/v1/certificates/{name}", Level::Read, look::certificate),
        Route::post("/api/v1/certificates/{name}/renew", Level::Modify, change::renew),
        Route::get("/api/v1/handovers", Level::Read, look::handovers),
        Route::get("/api/v1/handovers/{id}", Level::Read, look::handover),
        Route::post("/api/v1/handovers/{id}/rollback", Level::Modify, change::roll_back),
        Route::get("/api/v1/operations/{id}", Level::Read, operation::operation),
        Route::get("/api/v1/store", Level::Read, look::store),
        Route::get("/api/v1/store/{thumbprint}", Level::Read, look::stored),
        Route::get("/api/v1/audit", Level::Admin, look::audit),
        Route::get("/api/v1/settings", Level::Read, settings::settings),
        Route::post("/api/v1/settings", Level::Admin, settings::change),
        Route::get("/api/v1/settings/draft", Level::Admin, settings::draft),
        Route::post("/api/v1/settings/draft", Level::Admin, settings::write_draft),
    ]
}

/// What programs are told of a failure: the object that `--json` prints for one.
#[derive(Debug, Serialize)]
pub(crate) struct ErrorAnswer {
    schema: &'static str,
    error: ErrorObject,
}

#[derive(Debug, Serialize)]
struct ErrorObject {
    code: String,
    message: String,
    hint: Option<String>,
}

impl ErrorObject {
    fn of(problem: &Problem) -> Self {
        let Problem { code, message, hint, .. } = problem;
        Self { code: code.clone(), message: message.clone(), hint: hint.clone() }
    }
}

/// A failure as an answer.
pub(crate) fn failure(status: StatusCode, code: &str, message: &str, hint: Option<&str>) -> Response {
    let error =
        ErrorObject { code: code.to_owned(), message: message.to_owned(), hint: hint.map(str::to_owned) };
    (status, Json(ErrorAnswer { schema: SCHEMA, error })).into_response()
}

/// A problem as an answer, with the status that fits.
fn answer_problem(problem: &Problem) -> Response {
    let status = match problem.kind {
        ProblemKind::Unknown => StatusCode::NOT_FOUND,
        ProblemKind::Refused => StatusCode::UNPROCESSABLE_ENTITY,
        ProblemKind::Failed => StatusCode::INTERNAL_SERVER_ERROR,
    };
    failure(status, &problem.code, &problem.message, problem.hint.as_deref())
}

/// Something named in the path is not there, and cannot be.
fn unknown(what: &str) -> Response {
    failure(StatusCode::NOT_FOUND, "unknown", &format!("there is no {what} of that name"), None)
}

/// Reads the object of a request; nothing stands for an empty one.
async fn read_object<T: DeserializeOwned>(request: Request) -> Result<T, Response> {
    let wrong = |message: &str| failure(StatusCode::BAD_REQUEST, "object-wrong", message, None);
    let is_json = is_json(request.headers());
    let body = to_bytes(request.into_body(), LONGEST).await.map_err(|_| {
        let message = format!("the object is longer than {LONGEST} bytes");
        failure(StatusCode::PAYLOAD_TOO_LARGE, "request-too-long", &message, None)
    })?;
    if body.is_empty() {
        return serde_json::from_str("{}").map_err(|error| wrong(&error.to_string()));
    }
    if !is_json {
        let message = "the object is sent as `Content-Type: application/json`";
        return Err(failure(StatusCode::UNSUPPORTED_MEDIA_TYPE, "media-type-wrong", message, None));
    }
    // A list would be taken for the fields in their order.
    if body.trim_ascii_start().first() != Some(&b'{') {
        return Err(wrong("an object is expected"));
    }
    serde_json::from_slice(&body).map_err(|error| wrong(&error.to_string()))
}

fn is_json(headers: &HeaderMap) -> bool {
    let named = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    named.split(';').next().is_some_and(|essence| essence.trim().eq_ignore_ascii_case("application/json"))
}
