//! There is no such page.

use axum::http::StatusCode;
use axum::response::Response;

use super::render;
use crate::language::Language;
use crate::page::MissingPage;

pub(crate) async fn missing(t: Language) -> Response {
    render(StatusCode::NOT_FOUND, &MissingPage::new(t))
}
