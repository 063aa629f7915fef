//! Changes: their plan, their begin, and their course.

use std::convert::Infallible;
use std::sync::Arc;

use askama::Template as _;
use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Redirect, Response};
use futures_util::{Stream, stream};
use tokio::sync::watch;

use super::{render, render_problem, render_rejection};
use crate::access::AuditNote;
use crate::change::{Actions, Change};
use crate::form::Fields;
use crate::handler::missing::missing;
use crate::language::Language;
use crate::operation::{Course, Operation, Operations};
use crate::page::{CourseView, OperationPage, PlanPage};
use crate::router::Ending;

/// What a change would do.
pub(crate) async fn plan(State(actions): State<Arc<dyn Actions>>, t: Language, request: Request) -> Response {
    let change = match Fields::read(request, t).await.and_then(|fields| fields.change(t)) {
        Ok(change) => change,
        Err(rejection) => return render_rejection(&rejection, t),
    };
    planned(&*actions, change, t).await
}

/// The page with the plan of a change.
pub(crate) async fn planned(actions: &dyn Actions, change: Change, t: Language) -> Response {
    match actions.plan(change.clone()).await {
        Ok(done) => render(StatusCode::OK, &PlanPage::new(&change, done, t)),
        Err(problem) => render_problem(&problem, t),
    }
}

/// Begins a change, and leads to the page where it can be watched.
pub(crate) async fn begin(
    State(actions): State<Arc<dyn Actions>>,
    State(operations): State<Arc<Operations>>,
    t: Language,
    request: Request,
) -> Response {
    match Fields::read(request, t).await.and_then(|fields| fields.change(t)) {
        Ok(change) => {
            let note = AuditNote(change.to_string());
            let operation = operations.begin(actions, change);
            note.on(Redirect::to(&format!("/operations/{}", operation.id)).into_response())
        }
        Err(rejection) => render_rejection(&rejection, t),
    }
}

/// How far it has come.
pub(crate) async fn operation(
    State(operations): State<Arc<Operations>>,
    t: Language,
    Path(id): Path<String>,
) -> Response {
    match id.parse().ok().and_then(|id| operations.find(id)) {
        Some(operation) => render(StatusCode::OK, &OperationPage::new(&operation, t)),
        None => missing(t).await,
    }
}

/// The same, told anew each time that it comes further, until it has ended (server-sent events).
pub(crate) async fn events(
    State(operations): State<Arc<Operations>>,
    State(ending): State<Ending>,
    t: Language,
    Path(id): Path<String>,
) -> Response {
    match id.parse().ok().and_then(|id| operations.find(id)) {
        Some(operation) => {
            Sse::new(course(operation, ending, t)).keep_alive(KeepAlive::default()).into_response()
        }
        None => missing(t).await,
    }
}

/// What a viewer is still to be told.
enum Next {
    /// How far it has come: at once, as it may have come far before anyone looked.
    Now,
    /// The same, once that has changed.
    Change,
    /// That it has ended.
    End,
    Nothing,
}

fn course(
    operation: Arc<Operation>,
    ending: Ending,
    t: Language,
) -> impl Stream<Item = Result<Event, Infallible>> {
    let seen = operation.watch();
    stream::unfold(
        (operation, seen, ending, Next::Now),
        move |(operation, mut seen, mut ending, next)| async move {
            match next {
                Next::Now => {}
                Next::Change => tokio::select! {
                    changed = seen.changed() => changed.ok()?,
                    () = ending.begins() => return None,
                },
                Next::End => {
                    let event = Event::default().event("ended").data("ended");
                    return Some((Ok(event), (operation, seen, ending, Next::Nothing)));
                }
                Next::Nothing => return None,
            }
            let (event, next) = event(&operation, &mut seen, t);
            Some((Ok(event), (operation, seen, ending, next)))
        },
    )
}

fn event(operation: &Operation, seen: &mut watch::Receiver<Course>, t: Language) -> (Event, Next) {
    let course = seen.borrow_and_update();
    let view = CourseView::new(operation, &course, t);
    let text = view.render().unwrap_or_else(|error| {
        tracing::error!("the course of a change cannot be put together: {error}");
        String::new()
    });
    // A line of an event ends with either (WHATWG HTML, 9.2.5), and the output of a command may hold one.
    let event = Event::default().event("course").data(text.replace('\r', " "));
    (event, if view.has_ended { Next::End } else { Next::Change })
}
