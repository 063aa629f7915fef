//! Which page is where.

use std::sync::Arc;

use askama::Template;
use axum::Router;
use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::middleware::from_fn_with_state;
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;

use crate::guard::guard;
use crate::hosts::Hosts;
use crate::metrics;
use crate::overview::Overview;
use crate::page::{MissingPage, OverviewPage, Refresh};

const STYLE: &str = include_str!("../assets/style.css");

/// All pages, behind the guard.
pub(crate) fn router(overview: Arc<dyn Overview>, hosts: Hosts) -> Router {
    Router::new()
        .route("/", get(overview_page))
        .route("/style.css", get(style))
        .route("/metrics", get(metrics))
        .fallback(missing)
        .layer(from_fn_with_state(Arc::new(hosts), guard))
        .with_state(overview)
}

/// The page tells what could be read even where a part of it could not; the status code then says that it is not
/// the whole, for those who look at nothing else.
async fn overview_page(State(overview): State<Arc<dyn Overview>>, RawQuery(query): RawQuery) -> Response {
    let refresh = if query.as_deref() == Some("refresh=off") { Refresh::Off } else { Refresh::On };
    let (status, handovers) = tokio::join!(overview.status(), overview.handovers());
    let whole = status.is_ok() && handovers.is_ok();
    let code = if whole { StatusCode::OK } else { StatusCode::INTERNAL_SERVER_ERROR };
    render(code, &OverviewPage::new(status, handovers, refresh))
}

/// Prometheus takes any other answer than 200 for a scrape that has failed, and raises its own alert.
async fn metrics(State(overview): State<Arc<dyn Overview>>) -> Response {
    match overview.measurements().await.and_then(|measurements| measurements.encode()) {
        Ok(text) => ([(CONTENT_TYPE, metrics::CONTENT_TYPE)], text).into_response(),
        Err(reason) => {
            tracing::error!("there are no metrics: {reason}");
            (StatusCode::INTERNAL_SERVER_ERROR, format!("{reason}\n")).into_response()
        }
    }
}

async fn style() -> Response {
    ([(CONTENT_TYPE, "text/css; charset=utf-8")], STYLE).into_response()
}

async fn missing() -> Response {
    render(StatusCode::NOT_FOUND, &MissingPage)
}

fn render(code: StatusCode, page: &impl Template) -> Response {
    match page.render() {
        Ok(text) => (code, Html(text)).into_response(),
        Err(error) => {
            tracing::error!("a page of the Designer cannot be put together: {error}");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}
