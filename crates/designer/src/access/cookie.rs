//! The cookie by which a browser is known.
//!
//! `__Host-` (RFC 6265bis, 4.1.3.2): no other host can set it, and it never leaves TLS. No script reads it, and it
//! does not come along with a request that a page of another site has caused.

use axum::http::HeaderMap;
use axum::http::header::{COOKIE, HeaderValue, SET_COOKIE};

use super::token::Token;

const NAME: &str = "__Host-baton";
const ATTRIBUTES: &str = "Path=/; Secure; HttpOnly; SameSite=Strict";

/// The token that a browser has sent.
pub(super) fn read(headers: &HeaderMap) -> Option<Token> {
    let cookies = headers.get_all(COOKIE).into_iter().filter_map(|value| value.to_str().ok());
    cookies
        .flat_map(|cookies| cookies.split(';'))
        .filter_map(|cookie| cookie.trim().split_once('='))
        .find(|(name, _)| *name == NAME)
        .map(|(_, token)| Token::given(token))
}

/// Gives a browser a token, until it is closed.
pub(super) fn set(headers: &mut HeaderMap, token: &Token) {
    // Letters, digits, `-` and `_`.
    if let Ok(mut value) = HeaderValue::from_str(&format!("{NAME}={}; {ATTRIBUTES}", token.expose())) {
        value.set_sensitive(true);
        headers.insert(SET_COOKIE, value);
    }
}

/// Takes the token away from a browser.
pub(super) fn clear(headers: &mut HeaderMap) {
    if let Ok(value) = HeaderValue::from_str(&format!("{NAME}=; Max-Age=0; {ATTRIBUTES}")) {
        headers.insert(SET_COOKIE, value);
    }
}
