//! What answers to each route: it asks the binary, and makes a page of what that says.

use askama::Template;
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Response};

use crate::form::Rejection;
use crate::language::Language;
use crate::page::ProblemPage;
use crate::problem::{Problem, ProblemKind};

pub(crate) mod asset;
pub(crate) mod certificate;
pub(crate) mod change;
pub(crate) mod look;
pub(crate) mod metrics;
pub(crate) mod missing;
pub(crate) mod overview;
pub(crate) mod settings;

/// Why something cannot be shown or done, with the status that fits.
fn render_problem(problem: &Problem, t: Language) -> Response {
    let code = match problem.kind {
        ProblemKind::Unknown => StatusCode::NOT_FOUND,
        ProblemKind::Refused => StatusCode::UNPROCESSABLE_ENTITY,
        ProblemKind::Failed => StatusCode::INTERNAL_SERVER_ERROR,
    };
    render(code, &ProblemPage::new(problem, t))
}

/// A form that is not what it should be.
fn render_rejection(rejection: &Rejection, t: Language) -> Response {
    render(rejection.code, &ProblemPage::new(&rejection.problem, t))
}

/// Writes a page.
pub(crate) fn render(code: StatusCode, page: &impl Template) -> Response {
    match page.render() {
        Ok(text) => (code, Html(text)).into_response(),
        Err(error) => {
            tracing::error!("a page of the Designer cannot be put together: {error}");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}
