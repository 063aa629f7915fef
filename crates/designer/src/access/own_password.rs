//! Another password for whoever is signed in.
//!
//! The old one is asked for: a browser that was left open, or a cookie that was stolen, is not enough. It is counted
//! like a try to sign in. All sessions of the user end, and this browser gets a new one.

use std::net::IpAddr;

use axum::Form;
use axum::extract::rejection::FormRejection;
use axum::extract::{Extension, State};
use axum::http::StatusCode;
use axum::http::header::RETRY_AFTER;
use axum::response::Response;
use baton_finding::Explain as _;
use baton_platform::clock;
use baton_state::{PrincipalName, StateError};
use jiff::SignedDuration;
use serde::Deserialize;
use zeroize::Zeroizing;

use super::attempt::{Knowledge, examine};
use super::identify::{ClientAddress, stale};
use super::password::hash_password;
use super::token::Token;
use super::{AuditNote, Identity, Via, cookie};
use crate::guard::unavailable;
use crate::handler::render;
use crate::language::Language;
use crate::page::AccountPage;
use crate::router::Services;

/// What the form sends.
#[derive(Deserialize)]
pub(crate) struct Passwords {
    old: String,
    new: String,
    repeated: String,
}

/// How it ended.
enum Changed {
    /// With the token of the new session; none where the session could not begin.
    Yes(Option<Token>),
    /// Not, and why: for the page, and for the audit log.
    Refused(StatusCode, String, &'static str),
    Wait(SignedDuration),
}

/// `POST /account/password`
pub(crate) async fn change_password(
    t: Language,
    State(services): State<Services>,
    Extension(identity): Extension<Identity>,
    Extension(ClientAddress(address)): Extension<ClientAddress>,
    sent: Result<Form<Passwords>, FormRejection>,
) -> Response {
    let page = |code, told: String, note: &str| {
        AuditNote(note.to_owned()).on(render(code, &AccountPage::new(&identity, Some((code, told)), t)))
    };
    let (Via::Session, Ok(name)) = (identity.via, identity.name.parse::<PrincipalName>()) else {
        return page(StatusCode::CONFLICT, t.password_of_nobody().to_owned(), "no person is signed in");
    };
    let Ok(Form(Passwords { old, new, repeated })) = sent else {
        return page(StatusCode::BAD_REQUEST, t.passwords_missing().to_owned(), "incomplete");
    };
    let [old, new, repeated] = [old, new, repeated].map(Zeroizing::new);
    if new != repeated {
        let told = t.passwords_differ().to_owned();
        return page(StatusCode::UNPROCESSABLE_ENTITY, told, "the new passwords differ");
    }
    match change(&services, &name, old, new, address, t).await {
        Ok(Changed::Yes(token)) => {
            let mut answer = page(StatusCode::OK, t.password_changed().to_owned(), "password changed");
            match token {
                Some(token) => cookie::set(answer.headers_mut(), &token),
                None => cookie::clear(answer.headers_mut()),
            }
            answer
        }
        Ok(Changed::Refused(code, told, note)) => page(code, told, note),
        Ok(Changed::Wait(time)) => {
            let seconds = time.as_secs().max(0) + 1;
            let mut answer = page(StatusCode::TOO_MANY_REQUESTS, t.wait_seconds(seconds), "too many tries");
            answer.headers_mut().insert(RETRY_AFTER, seconds.into());
            answer
        }
        Err(error) => {
            tracing::error!("a password cannot be changed: {}", error.chain());
            unavailable()
        }
    }
}

async fn change(
    services: &Services,
    name: &PrincipalName,
    old: Zeroizing<String>,
    new: Zeroizing<String>,
    address: IpAddr,
    t: Language,
) -> Result<Changed, StateError> {
    let state = &services.state;
    let wrong = || {
        let told = t.old_password_wrong().to_owned();
        Changed::Refused(StatusCode::FORBIDDEN, told, "the old password is wrong")
    };
    let kept = match examine(state, Some(name), old, address, true).await? {
        Knowledge::Right(_, kept) => kept,
        Knowledge::Wrong => return Ok(wrong()),
        Knowledge::Wait(time) => return Ok(Changed::Wait(time)),
    };
    let hash = match hash_password(new).await {
        Ok(hash) => hash,
        Err(error) => {
            let (code, told) = (StatusCode::UNPROCESSABLE_ENTITY, t.password_refused(&error));
            return Ok(Changed::Refused(code, told, "the new password is not taken"));
        }
    };
    let now = clock::now();
    if !state.replace_password(name, &kept, &hash, now).await? {
        return Ok(wrong());
    }
    let Ok(token) = Token::new() else { return Ok(Changed::Yes(None)) };
    let has_session = state.start_session(token.hash(), name, &hash, now, stale(now)).await?;
    Ok(Changed::Yes(has_session.then_some(token)))
}
