//! Requests that a person carries, the answers to them, and certificates that are brought in.

use std::sync::Arc;

use axum::extract::{Path, Request, State};
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse, Redirect, Response};

use super::change::planned;
use super::missing::missing;
use super::{render_problem, render_rejection};
use crate::change::{Actions, Change};
use crate::form::{Fields, read_upload};
use crate::language::Language;
use crate::overview::Overview;

/// Makes a request for a successor, or finds the one that waits.
pub(crate) async fn request(
    State(actions): State<Arc<dyn Actions>>,
    t: Language,
    Path(name): Path<String>,
    request: Request,
) -> Response {
    let key = match Fields::read(request, t).await {
        Ok(fields) => fields.key(),
        Err(rejection) => return render_rejection(&rejection, t),
    };
    match actions.request(name, key).await {
        Ok(request) => to_requests(&request.certificate),
        Err(problem) => render_problem(&problem, t),
    }
}

/// The file for the CA.
pub(crate) async fn download(
    State(overview): State<Arc<dyn Overview>>,
    t: Language,
    Path((name, id)): Path<(String, String)>,
) -> Response {
    match overview.managed(name).await {
        Ok(look) => match look.requests.into_iter().find(|request| request.id == id) {
            Some(request) => {
                // Names of certificates, and numbers of requests, are letters, digits, dots and hyphens.
                let disposition = format!("attachment; filename=\"{}.csr\"", look.name);
                let headers =
                    [(CONTENT_TYPE, "application/pkcs10".to_owned()), (CONTENT_DISPOSITION, disposition)];
                (headers, request.pem).into_response()
            }
            None => missing(t).await,
        },
        Err(problem) => render_problem(&problem, t),
    }
}

/// Forgets a request with its key.
pub(crate) async fn cancel(
    State(actions): State<Arc<dyn Actions>>,
    t: Language,
    Path((_, id)): Path<(String, String)>,
) -> Response {
    match actions.cancel_request(id).await {
        Ok(request) => to_requests(&request.certificate),
        Err(problem) => render_problem(&problem, t),
    }
}

/// What the CA has answered: shows what handing it over would do.
pub(crate) async fn answer(
    State(actions): State<Arc<dyn Actions>>,
    t: Language,
    request: Request,
) -> Response {
    let upload = match read_upload(request, t).await {
        Ok(upload) => upload,
        Err(rejection) => return render_rejection(&rejection, t),
    };
    match actions.read_answer(upload).await {
        Ok(certificates) => planned(&*actions, Change::Accept { certificates }, t).await,
        Err(problem) => render_problem(&problem, t),
    }
}

/// Puts a certificate with its key into the store.
pub(crate) async fn import(
    State(actions): State<Arc<dyn Actions>>,
    t: Language,
    request: Request,
) -> Response {
    let upload = match read_upload(request, t).await {
        Ok(upload) => upload,
        Err(rejection) => return render_rejection(&rejection, t),
    };
    match actions.import(upload).await {
        Ok(thumbprint) => Redirect::to(&format!("/store/{thumbprint}")).into_response(),
        Err(problem) => render_problem(&problem, t),
    }
}

fn to_requests(certificate: &str) -> Response {
    Redirect::to(&format!("/certificates/{certificate}#requests")).into_response()
}
