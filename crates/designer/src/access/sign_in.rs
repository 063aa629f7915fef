//! The page to sign in.

use axum::Form;
use axum::extract::rejection::FormRejection;
use axum::extract::{Extension, State};
use axum::http::StatusCode;
use axum::http::header::{LOCATION, RETRY_AFTER};
use axum::response::{IntoResponse, Response};
use baton_finding::Explain as _;
use baton_platform::clock;
use baton_state::{NewAuditEntry, PrincipalName};
use jiff::SignedDuration;
use serde::Deserialize;
use zeroize::Zeroizing;

use super::attempt::{Attempt, attempt};
use super::cookie;
use super::identify::ClientAddress;
use super::{Access, Identity, Level};
use crate::guard::unavailable;
use crate::handler::render;
use crate::language::Language;
use crate::page::SignInPage;
use crate::router::Services;

/// What the form sends.
#[derive(Deserialize)]
pub(crate) struct Credentials {
    name: String,
    password: String,
}

/// `GET /sign-in`
pub(crate) async fn sign_in_page(
    t: Language,
    State(services): State<Services>,
    identity: Option<Extension<Identity>>,
) -> Response {
    // Someone whose level is too low for any page comes here to be someone else.
    let may_look = identity.is_some_and(|Extension(identity)| Level::Read.admits(Some(&identity)));
    if services.access == Access::Anonymous || may_look {
        return to_overview();
    }
    let has_users = match services.state.has_users().await {
        Ok(has_users) => has_users,
        Err(error) => {
            tracing::error!("there is no page to sign in: {}", error.chain());
            return unavailable();
        }
    };
    render(StatusCode::OK, &SignInPage::new(has_users, None, t))
}

/// `POST /sign-in`
pub(crate) async fn sign_in(
    t: Language,
    State(services): State<Services>,
    Extension(ClientAddress(address)): Extension<ClientAddress>,
    credentials: Result<Form<Credentials>, FormRejection>,
) -> Response {
    if services.access == Access::Anonymous {
        return to_overview();
    }
    let Ok(Form(Credentials { name, password })) = credentials else {
        return again(StatusCode::BAD_REQUEST, t.credentials_missing(), t);
    };
    let password = Zeroizing::new(password);
    let attempt = match attempt(&services.state, &name, password, address).await {
        Ok(attempt) => attempt,
        Err(error) => {
            tracing::error!("nobody can sign in: {}", error.chain());
            return unavailable();
        }
    };
    let outcome = match &attempt {
        Attempt::SignedIn(_) => "signed in",
        Attempt::Wrong => "name or password is wrong",
        Attempt::NoAccess => "no access",
        // Else whoever floods the page would flood the log.
        Attempt::Wait(time) => return wait(*time, t),
    };
    // What is no name is not written down either: it may be a password in the wrong field.
    let who = name.trim().parse::<PrincipalName>().map_or_else(|_| "?".to_owned(), |name| name.to_string());
    let entry = NewAuditEntry {
        at: clock::now(),
        who,
        via: "nobody",
        address: Some(address.to_string()),
        action: "sign in".to_owned(),
        object: "/sign-in".to_owned(),
    };
    let written = match services.state.begin_audit(&entry).await {
        Ok(id) => services.state.end_audit(id, outcome).await,
        Err(error) => Err(error),
    };
    if let Err(error) = written {
        tracing::error!("the audit log cannot be written, so nobody signs in: {}", error.chain());
        return unavailable();
    }
    match attempt {
        Attempt::SignedIn(token) => {
            let mut answer = to_overview();
            cookie::set(answer.headers_mut(), &token);
            answer
        }
        Attempt::NoAccess => again(StatusCode::FORBIDDEN, t.user_without_access(), t),
        Attempt::Wrong | Attempt::Wait(_) => again(StatusCode::FORBIDDEN, t.credentials_wrong(), t),
    }
}

fn to_overview() -> Response {
    (StatusCode::SEE_OTHER, [(LOCATION, "/")]).into_response()
}

fn again(code: StatusCode, sentence: &str, t: Language) -> Response {
    render(code, &SignInPage::new(true, Some(sentence.to_owned()), t))
}

fn wait(time: SignedDuration, t: Language) -> Response {
    let seconds = time.as_secs().max(0) + 1;
    let mut answer = again(StatusCode::TOO_MANY_REQUESTS, &t.wait_seconds(seconds), t);
    answer.headers_mut().insert(RETRY_AFTER, seconds.into());
    answer
}
