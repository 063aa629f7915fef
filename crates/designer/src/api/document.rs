//! The description of the interface (OpenAPI 3.1).

use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};

const DOCUMENT: &str = include_str!("../../assets/openapi.json");

/// `GET /api/v1/openapi.json`
pub(super) async fn document() -> Response {
    ([(CONTENT_TYPE, "application/json")], DOCUMENT).into_response()
}
