//! Who is signed in here, and the way out.

use axum::extract::{Extension, State};
use axum::http::header::LOCATION;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use baton_finding::Explain as _;
use baton_platform::clock;
use baton_state::{State as Database, StateError};

use super::token::Token;
use super::{Identity, cookie};
use crate::guard::unavailable;
use crate::handler::render;
use crate::language::Language;
use crate::page::AccountPage;
use crate::router::Services;

/// `GET /account`
pub(crate) async fn account_page(t: Language, Extension(identity): Extension<Identity>) -> Response {
    render(StatusCode::OK, &AccountPage::new(&identity, None, t))
}

/// Ends a session that there is. A cookie that somebody made up costs a look, and no write to the disk.
async fn end(state: &Database, token: &Token) -> Result<(), StateError> {
    match state.session(token.hash(), clock::now()).await? {
        Some(_) => state.end_session(token.hash()).await,
        None => Ok(()),
    }
}

/// `POST /sign-out`
pub(crate) async fn sign_out(State(services): State<Services>, headers: HeaderMap) -> Response {
    if let Some(token) = cookie::read(&headers)
        && let Err(error) = end(&services.state, &token).await
    {
        tracing::error!("someone could not sign out: {}", error.chain());
        return unavailable();
    }
    let mut answer = (StatusCode::SEE_OTHER, [(LOCATION, "/sign-in")]).into_response();
    cookie::clear(answer.headers_mut());
    answer
}
