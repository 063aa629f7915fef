//! The files that every page is made with.

use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};

const STYLE: &str = include_str!("../../assets/style.css");

/// htmx and its extension for server-sent events, as their makers publish them; see `assets/vendor`.
const HTMX: &str = include_str!("../../assets/vendor/htmx-2.0.11.min.js");
const HTMX_SSE: &str = include_str!("../../assets/vendor/htmx-sse-2.2.4.min.js");

pub(crate) async fn style() -> Response {
    ([(CONTENT_TYPE, "text/css; charset=utf-8")], STYLE).into_response()
}

pub(crate) async fn htmx() -> Response {
    script(HTMX)
}

pub(crate) async fn htmx_sse() -> Response {
    script(HTMX_SSE)
}

fn script(text: &'static str) -> Response {
    ([(CONTENT_TYPE, "text/javascript; charset=utf-8")], text).into_response()
}
