//! A change that was begun, here or from a page.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use baton_handover::{Report, SCHEMA};
use baton_platform::progress::Event;
use jiff::Timestamp;
use serde::Serialize;

use super::{ErrorObject, unknown};
use crate::operation::{Operation, Operations};

/// How far a change has come. The last 64 that have ended are kept, until `baton up` ends; handovers stand in the
/// history for good.
#[derive(Serialize)]
pub(super) struct OperationObject {
    schema: &'static str,
    operation: u64,
    change: String,
    state: OperationState,
    started_at: Timestamp,
    ended_at: Option<Timestamp>,
    events: Vec<EventObject>,
    reports: Vec<Report>,
    error: Option<ErrorObject>,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
enum OperationState {
    Running,
    Ended,
}

#[derive(Serialize)]
struct EventObject {
    at: Timestamp,
    #[serde(flatten)]
    event: Event,
}

impl OperationObject {
    pub(super) fn new(operation: &Operation) -> Self {
        let seen = operation.watch();
        let course = seen.borrow();
        let mut object = Self {
            schema: SCHEMA,
            operation: operation.id,
            change: operation.change.to_string(),
            state: OperationState::Running,
            started_at: operation.started_at,
            ended_at: None,
            events: Vec::new(),
            reports: Vec::new(),
            error: None,
        };
        object.events =
            course.events.iter().map(|(at, event)| EventObject { at: *at, event: event.clone() }).collect();
        if let Some((at, done)) = &course.end {
            object.state = OperationState::Ended;
            object.ended_at = Some(*at);
            match done {
                Ok(done) => {
                    object.reports.clone_from(&done.reports);
                    object.error = done.problem.as_ref().map(ErrorObject::of);
                }
                Err(problem) => object.error = Some(ErrorObject::of(problem)),
            }
        }
        object
    }
}

/// `GET /api/v1/operations/{id}`
pub(super) async fn operation(
    State(operations): State<Arc<Operations>>,
    id: Result<Path<u64>, PathRejection>,
) -> Response {
    match id.ok().and_then(|Path(id)| operations.find(id)) {
        Some(operation) => Json(OperationObject::new(&operation)).into_response(),
        None => unknown("operation"),
    }
}
