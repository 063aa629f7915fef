//! What is true for every request and every answer, whichever page it is.
//!
//! Only names that are ours are answered, nothing is changed for the page of a stranger, and every answer carries the
//! same headers. The guard is outermost, so no page, and no refusal, can do without. The one exception is what hyper
//! itself answers to bytes that are no request: such an answer has no body.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::access::{Form, request_form};
use crate::api;
use crate::handler::render;
use crate::hosts::{Hosts, Wanted};
use crate::page::ProblemPage;
use crate::problem::{Problem, ProblemKind};
use crate::same_origin::is_forged;

/// The headers of every answer.
///
/// `Strict-Transport-Security` is not among them, on purpose. It holds for a host name with all its ports: sent
/// for `localhost`, it would turn every other program there that speaks plain HTTP unreachable in this browser,
/// and would take away the way past a certificate warning.
static HEADERS: [(HeaderName, &str); 7] = [
    (
        CONTENT_SECURITY_POLICY,
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
         base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    ),
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    // Not `no-referrer`: with it, browsers send `Origin: null` with the forms of our own pages.
    (REFERRER_POLICY, "same-origin"),
    (CACHE_CONTROL, "no-store"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (
        HeaderName::from_static("permissions-policy"),
        "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()",
    ),
];

/// Refuses what is not to be answered, and puts the headers on whatever the answer is.
pub(crate) async fn guard(State(hosts): State<Arc<Hosts>>, request: Request, next: Next) -> Response {
    let mut response = match refused(&hosts, &request) {
        Some(refused) => refused,
        None => next.run(request).await,
    };
    for (name, value) in &HEADERS {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

fn refused(hosts: &Hosts, request: &Request) -> Option<Response> {
    match hosts.wanted(request) {
        Wanted::Ours => {}
        // Nothing of the machine is told: a page that has rebound its name can read this answer.
        Wanted::Other => {
            let sentence =
                "The Designer does not answer to this name. Open it under https://localhost and its port.\n";
            return Some(plain(StatusCode::MISDIRECTED_REQUEST, sentence));
        }
        Wanted::Unclear => {
            return Some(plain(
                StatusCode::BAD_REQUEST,
                "A request names one host, and this one does not.\n",
            ));
        }
    }
    is_forged(request).then(|| {
        let sentence = "Only the Designer's own pages can change something here. Open it and do it there.\n";
        plain(StatusCode::FORBIDDEN, sentence)
    })
}

/// The page is there, and not for this method; `Allow` is set by the router.
pub(crate) async fn method_not_allowed(request: Request) -> Response {
    match request_form(&request) {
        form @ Form::Program => {
            let message = "there is something here, and not for this method";
            refusal(form, StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed", message)
        }
        Form::Page(_) | Form::Text => {
            plain(StatusCode::METHOD_NOT_ALLOWED, "This page does not answer to that method.\n")
        }
    }
}

/// Why a request is not carried out, in the form that whoever asked can read. Programs get the object that the
/// command line prints for a failure.
pub(crate) fn refusal(form: Form, code: StatusCode, name: &str, message: &str) -> Response {
    match form {
        Form::Page(t) => {
            let problem = Problem {
                kind: ProblemKind::Refused,
                code: name.to_owned(),
                message: message.to_owned(),
                hint: None,
            };
            render(code, &ProblemPage::new(&problem, t))
        }
        Form::Program => api::failure(code, name, message, None),
        Form::Text => plain(code, format!("{message}\n")),
    }
}

/// The state database cannot be used: nobody is let in, and nothing is done.
pub(crate) fn unavailable() -> Response {
    let sentence = "Baton cannot use its state database at the moment; its log says why.\n";
    plain(StatusCode::SERVICE_UNAVAILABLE, sentence)
}

fn plain(code: StatusCode, sentence: impl Into<String>) -> Response {
    (code, [(CONTENT_TYPE, "text/plain; charset=utf-8")], sentence.into()).into_response()
}
