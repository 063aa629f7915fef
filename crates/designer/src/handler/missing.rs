//! There is no such page.

use axum::extract::Request;
use axum::http::StatusCode;
use axum::response::Response;

use super::render;
use crate::access::{Form, request_form};
use crate::guard::refusal;
use crate::language::Language;
use crate::page::MissingPage;

/// What answers where there is no route: programs are told in their own form.
pub(crate) async fn nothing_there(t: Language, request: Request) -> Response {
    match request_form(&request) {
        form @ Form::Program => {
            refusal(form, StatusCode::NOT_FOUND, "unknown", "there is nothing at this path")
        }
        Form::Page(_) | Form::Text => missing(t).await,
    }
}

pub(crate) async fn missing(t: Language) -> Response {
    render(StatusCode::NOT_FOUND, &MissingPage::new(t))
}
