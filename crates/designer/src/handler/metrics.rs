//! The numbers for monitoring systems.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};

use crate::metrics;
use crate::overview::Overview;

/// Prometheus takes any other answer than 200 for a scrape that has failed, and raises its own alert.
pub(crate) async fn metrics(State(overview): State<Arc<dyn Overview>>) -> Response {
    match overview.measurements().await.and_then(|measurements| measurements.encode()) {
        Ok(text) => ([(CONTENT_TYPE, metrics::CONTENT_TYPE)], text).into_response(),
        Err(reason) => {
            tracing::error!("there are no metrics: {reason}");
            (StatusCode::INTERNAL_SERVER_ERROR, format!("{reason}\n")).into_response()
        }
    }
}
