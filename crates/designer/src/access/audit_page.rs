//! The audit log as a page.

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use baton_finding::Explain as _;
use serde::Deserialize;

use super::Form;
use crate::guard::{refusal, unavailable};
use crate::handler::render;
use crate::language::Language;
use crate::page::AuditPage;
use crate::router::Services;

/// How many entries stand on a page.
const LISTED: u32 = 100;

/// Which part of it.
#[derive(Deserialize)]
pub(crate) struct Part {
    /// Entries before this one.
    before: Option<i64>,
}

/// `GET /audit`
pub(crate) async fn audit_page(
    t: Language,
    State(services): State<Services>,
    part: Result<Query<Part>, QueryRejection>,
) -> Response {
    let Ok(Query(Part { before })) = part else {
        let message = "`before` is the number of an entry";
        return refusal(Form::Page(t), StatusCode::BAD_REQUEST, "query-wrong", message);
    };
    match services.state.audit(before, LISTED).await {
        Ok(entries) => {
            let is_full = entries.len() == LISTED as usize;
            render(StatusCode::OK, &AuditPage::new(entries, is_full, t))
        }
        Err(error) => {
            tracing::error!("the audit log cannot be read: {}", error.chain());
            unavailable()
        }
    }
}
