//! The gate before every route.
//!
//! It compares what the route asks for with who comes, before anything of the request is read. What would change
//! something is read as a whole, within bounds of size and time; is written into the audit log before it is done, and
//! its outcome after it; and is carried out to its end, whether or not the one who asked for it stays.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::{CONTENT_LENGTH, EXPECT, HeaderValue, LOCATION, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use baton_finding::Explain as _;
use baton_platform::clock;
use baton_state::{NewAuditEntry, State as Database};
use http_body_util::BodyExt as _;
use tokio::time::timeout;

use super::identify::ClientAddress;
use super::{Identity, Level, Refusals};
use crate::guard::{refusal, unavailable};
use crate::language::Language;

/// How long the body of a request may take.
const BODY_LIMIT: Duration = Duration::from_secs(30);

/// How much is read of a body that is refused, in bytes, and for how long.
const MOST_DRAINED: usize = 16 * 1024 * 1024;
const DRAIN_LIMIT: Duration = Duration::from_secs(5);

/// What stands before one route.
#[derive(Clone)]
pub(crate) struct Gate {
    pub(crate) level: Level,
    pub(crate) state: Database,
    pub(crate) refusals: Arc<Refusals>,
}

/// The longest body that is read, in bytes. Whoever is not known sends a small form; files have bounds of their own
/// below the larger one.
fn longest_body(level: Level) -> usize {
    match level {
        Level::Open => 64 * 1024,
        Level::Read | Level::Modify | Level::Admin => 2 * 1024 * 1024,
    }
}

/// Lets a request through to its route, or refuses it.
pub(crate) async fn admit(State(gate): State<Gate>, request: Request, next: Next) -> Response {
    let identity = request.extensions().get::<Identity>().cloned();
    let is_admitted = gate.level.admits(identity.as_ref());
    if matches!(*request.method(), Method::GET | Method::HEAD) {
        return if is_admitted {
            next.run(request).await
        } else {
            refuse(&request, gate.level, identity.as_ref())
        };
    }
    let Some(identity) = identity else {
        // Whoever is not known is let in by the open routes alone, which write the audit log themselves.
        if !is_admitted {
            let refused = refuse(&request, gate.level, None);
            drain(request).await;
            return refused;
        }
        return match read_whole(request, longest_body(gate.level)).await {
            Ok(request) => carried_out(async move { next.run(request).await }).await,
            Err(refusal) => refusal,
        };
    };
    let entry = entry(&request, &identity);
    if !is_admitted {
        let refused = refuse(&request, gate.level, Some(&identity));
        drain(request).await;
        gate.refusals.note(&gate.state, entry, &outcome(&refused)).await;
        return refused;
    }
    match read_whole(request, longest_body(gate.level)).await {
        Ok(request) => carried_out(audited(gate.state, entry, async move { next.run(request).await })).await,
        Err(refusal) => refusal,
    }
}

/// What a handler adds to the outcome in the audit log, where the path does not tell it all.
#[derive(Debug, Clone)]
pub(crate) struct AuditNote(pub(crate) String);

impl AuditNote {
    /// Puts it with an answer.
    pub(crate) fn on(self, mut answer: Response) -> Response {
        answer.extensions_mut().insert(self);
        answer
    }
}

/// The status, what was done, and where it leads.
fn outcome(answer: &Response) -> String {
    let mut outcome = answer.status().as_u16().to_string();
    if let Some(AuditNote(note)) = answer.extensions().get() {
        outcome.push_str(": ");
        outcome.push_str(note);
    }
    if let Some(place) = answer.headers().get(LOCATION).and_then(|place| place.to_str().ok()) {
        outcome.push_str(", see ");
        outcome.push_str(place);
    }
    outcome
}

/// Nothing is done that cannot be written down.
async fn audited(state: Database, entry: NewAuditEntry, answer: impl Future<Output = Response>) -> Response {
    let id = match state.begin_audit(&entry).await {
        Ok(id) => id,
        Err(error) => {
            tracing::error!("the audit log cannot be written, so nothing is changed: {}", error.chain());
            return unavailable();
        }
    };
    let response = answer.await;
    if let Err(error) = state.end_audit(id, &outcome(&response)).await {
        tracing::error!("the outcome of entry {id} is missing in the audit log: {}", error.chain());
    }
    response
}

/// To its end, also when the connection that asked for it is gone.
async fn carried_out(answer: impl Future<Output = Response> + Send + 'static) -> Response {
    tokio::spawn(answer).await.unwrap_or_else(|error| {
        tracing::error!("an action of the Designer broke off: {error}");
        unavailable()
    })
}

fn entry(request: &Request, identity: &Identity) -> NewAuditEntry {
    NewAuditEntry {
        at: clock::now(),
        who: identity.name.clone(),
        via: identity.via.name(),
        address: client_address(request),
        action: request.method().to_string(),
        object: request.uri().path().chars().take(LONGEST_OBJECT).collect(),
    }
}

/// How much of a path the audit log keeps, in characters.
const LONGEST_OBJECT: usize = 200;

fn client_address(request: &Request) -> Option<String> {
    request.extensions().get().map(|ClientAddress(address)| address.to_string())
}

async fn read_whole(request: Request, longest: usize) -> Result<Request, Response> {
    let form = request_form(&request);
    let too_long = || {
        let message = format!("what was sent is longer than {longest} bytes");
        refusal(form, StatusCode::PAYLOAD_TOO_LARGE, "request-too-long", &message)
    };
    if announced(request.headers()).is_some_and(|length| length > longest as u64) {
        drain(request).await;
        return Err(too_long());
    }
    let (head, mut body) = request.into_parts();
    match timeout(BODY_LIMIT, read_up_to(&mut body, longest)).await {
        Ok(Ok(Some(whole))) => Ok(Request::from_parts(head, Body::from(whole))),
        Ok(Ok(None)) => {
            read_away(body).await;
            Err(too_long())
        }
        Ok(Err(error)) => {
            let message = format!("what was sent ended early: {error}");
            Err(refusal(form, StatusCode::BAD_REQUEST, "request-incomplete", &message))
        }
        Err(_) => {
            let message = "what was sent did not come in time";
            Err(refusal(form, StatusCode::REQUEST_TIMEOUT, "request-too-slow", message))
        }
    }
}

/// The whole body; `None` where it is longer: then the rest of it is still unread.
async fn read_up_to(body: &mut Body, longest: usize) -> Result<Option<Vec<u8>>, axum::Error> {
    let mut whole = Vec::new();
    while let Some(frame) = body.frame().await.transpose()? {
        let Ok(part) = frame.into_data() else { continue };
        if whole.len() + part.len() > longest {
            return Ok(None);
        }
        whole.extend_from_slice(&part);
    }
    Ok(Some(whole))
}

/// Reads a refused body away. While a client still sends, an answer and the end of the connection behind it may reach
/// it as a broken connection alone (RFC 9112, 9.6).
async fn drain(request: Request) {
    // Such a client waits for the answer first, and sends nothing that could be lost.
    if !request.headers().contains_key(EXPECT) {
        read_away(request.into_body()).await;
    }
}

async fn read_away(mut body: Body) {
    let read = async {
        let mut length = 0;
        while let Some(Ok(frame)) = body.frame().await {
            length += frame.data_ref().map_or(0, |part| part.len());
            if length > MOST_DRAINED {
                break;
            }
        }
    };
    // Whoever sends more, or more slowly, has had their chance.
    let _ = timeout(DRAIN_LIMIT, read).await;
}

fn announced(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// How refusals are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// For people, at a page.
    Page(Language),
    /// For programs: JSON.
    Program,
    /// For programs that read text.
    Text,
}

pub(crate) fn request_form(request: &Request) -> Form {
    match request.uri().path() {
        "/metrics" => Form::Text,
        path if path.starts_with("/api/") => Form::Program,
        _ => Form::Page(Language::of(request.headers())),
    }
}

fn refuse(request: &Request, level: Level, identity: Option<&Identity>) -> Response {
    let form = request_form(request);
    match identity {
        Some(identity) => {
            let message = format!(
                "{} ({}) may not do this: it is for {}",
                identity.name,
                identity.level.words(),
                level.least().words()
            );
            refusal(form, StatusCode::FORBIDDEN, "level-too-low", &message)
        }
        None if matches!(form, Form::Program | Form::Text) => {
            let message =
                "this needs a token that is still good, in the header `Authorization: Bearer TOKEN`";
            let mut answer = refusal(form, StatusCode::UNAUTHORIZED, "token-missing", message);
            answer.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            answer
        }
        None if *request.method() == Method::GET || *request.method() == Method::HEAD => {
            (StatusCode::SEE_OTHER, [(LOCATION, "/sign-in")]).into_response()
        }
        None => {
            let message = "you are signed out: nothing was changed. Sign in and do it again";
            refusal(form, StatusCode::FORBIDDEN, "signed-out", message)
        }
    }
}
