//! The page at the end of the one-time link, by which the first user comes in.

use axum::Form;
use axum::extract::rejection::{FormRejection, QueryRejection};
use axum::extract::{Extension, Query, State};
use axum::http::StatusCode;
use axum::http::header::LOCATION;
use axum::response::{IntoResponse, Response};
use baton_finding::Explain as _;
use baton_platform::clock;
use baton_state::{NewAuditEntry, PrincipalName, StateError};
use serde::Deserialize;
use zeroize::Zeroizing;

use super::identify::{ClientAddress, stale};
use super::token::Token;
use super::{cookie, hash_password};
use crate::guard::unavailable;
use crate::handler::render;
use crate::language::Language;
use crate::page::FirstUserPage;
use crate::router::Services;

/// What the link carries.
#[derive(Deserialize)]
pub(crate) struct Link {
    token: String,
}

/// What the form sends.
#[derive(Deserialize)]
pub(crate) struct NewUser {
    token: String,
    name: String,
    password: String,
    repeated: String,
}

/// `GET /first-user`
pub(crate) async fn first_user_page(
    t: Language,
    State(services): State<Services>,
    link: Result<Query<Link>, QueryRejection>,
) -> Response {
    let token = link.ok().map(|Query(link)| Token::given(&link.token));
    match is_good(&services, token.as_ref()).await {
        Ok(true) => render(StatusCode::OK, &FirstUserPage::new(token, None, t)),
        Ok(false) => void(t),
        Err(error) => broken(&error),
    }
}

/// `POST /first-user`
pub(crate) async fn make_first_user(
    t: Language,
    State(services): State<Services>,
    Extension(ClientAddress(address)): Extension<ClientAddress>,
    sent: Result<Form<NewUser>, FormRejection>,
) -> Response {
    let Ok(Form(sent)) = sent else { return void(t) };
    let (password, repeated) = (Zeroizing::new(sent.password), Zeroizing::new(sent.repeated));
    let token = Token::given(&sent.token);
    // Before anything is worked out for whoever has no link.
    match is_good(&services, Some(&token)).await {
        Ok(true) => {}
        Ok(false) => return void(t),
        Err(error) => return broken(&error),
    }
    let again = |sentence: String| {
        render(StatusCode::UNPROCESSABLE_ENTITY, &FirstUserPage::new(Some(token.clone()), Some(sentence), t))
    };
    let name: PrincipalName = match sent.name.trim().parse() {
        Ok(name) => name,
        Err(error) => return again(sentence(&error.to_string())),
    };
    if password != repeated {
        return again(t.passwords_differ().to_owned());
    }
    let hash = match hash_password(password).await {
        Ok(hash) => hash,
        Err(error) => return again(t.password_refused(&error)),
    };
    let entry = NewAuditEntry {
        at: clock::now(),
        who: name.to_string(),
        via: "nobody",
        address: Some(address.to_string()),
        action: "add the first user".to_owned(),
        object: name.to_string(),
    };
    match add(&services, &token, &name, &hash, &entry).await {
        Ok(Some(session)) => {
            let mut answer = (StatusCode::SEE_OTHER, [(LOCATION, "/")]).into_response();
            cookie::set(answer.headers_mut(), &session);
            answer
        }
        Ok(None) => void(t),
        Err(error) => broken(&error),
    }
}

/// The session of the new user; `None`: someone else has used the link meanwhile.
async fn add(
    services: &Services,
    token: &Token,
    name: &PrincipalName,
    hash: &str,
    entry: &NewAuditEntry,
) -> Result<Option<Token>, StateError> {
    let (state, now) = (&services.state, entry.at);
    let id = state.begin_audit(entry).await?;
    let is_added = state.add_first_user(token.hash(), name, hash, now).await?;
    state.end_audit(id, if is_added { "added" } else { "refused" }).await?;
    let Ok(session) = Token::new() else { return Ok(None) };
    let has_session = is_added && state.start_session(session.hash(), name, hash, now, stale(now)).await?;
    Ok(has_session.then_some(session))
}

async fn is_good(services: &Services, token: Option<&Token>) -> Result<bool, StateError> {
    match token {
        Some(token) => services.state.is_first_link(token.hash(), clock::now()).await,
        None => Ok(false),
    }
}

fn void(t: Language) -> Response {
    render(StatusCode::FORBIDDEN, &FirstUserPage::new(None, None, t))
}

fn broken(error: &StateError) -> Response {
    tracing::error!("the first user cannot be added: {}", error.chain());
    unavailable()
}

/// An error's words as a sentence of a page.
fn sentence(words: &str) -> String {
    let mut letters = words.chars();
    let first = letters.next().into_iter().flat_map(char::to_uppercase);
    first.chain(letters).chain(".".chars()).collect()
}
