//! Finds out who a request comes from.

use std::net::IpAddr;

use axum::extract::{Request, State};
use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use axum::middleware::Next;
use axum::response::Response;
use baton_finding::Explain as _;
use baton_platform::clock;
use baton_state::{AccessLevel, State as Database, StateError};
use jiff::{SignedDuration, Timestamp};

use super::cookie;
use super::token::Token;
use super::{Access, Identity, Via};
use crate::guard::unavailable;
use crate::router::Services;

/// After how long without a request a session is over.
const IDLE: SignedDuration = SignedDuration::from_hours(1);

/// After how long a session is over in any case.
const LIFETIME: SignedDuration = SignedDuration::from_hours(12);

/// How long a session keeps its token.
const ROTATION: SignedDuration = SignedDuration::from_mins(15);

/// How exactly it is kept when someone was there last: each time costs a write to the disk.
const SEEN: SignedDuration = SignedDuration::from_mins(1);

/// Where a request comes from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ClientAddress(pub(crate) IpAddr);

/// Someone who is known, and the token that their browser is to have from now on.
#[derive(Default)]
struct Known {
    identity: Option<Identity>,
    next_token: Option<Token>,
}

/// Puts the identity of whoever sent a request with it.
pub(crate) async fn identify(State(services): State<Services>, mut request: Request, next: Next) -> Response {
    let known = match services.access {
        Access::Anonymous => Ok(Known { identity: Some(anonymous()), next_token: None }),
        Access::Authenticated => known(&services.state, request.headers(), clock::now()).await,
    };
    let known = match known {
        Ok(known) => known,
        Err(error) => {
            tracing::error!("nobody can be let into the Designer: {}", error.chain());
            return unavailable();
        }
    };
    if let Some(identity) = known.identity {
        request.extensions_mut().insert(identity);
    }
    let mut response = next.run(request).await;
    // Who signs in or out gets another cookie in the same answer, and that one counts.
    if let Some(token) = known.next_token
        && !response.headers().contains_key(axum::http::header::SET_COOKIE)
    {
        cookie::set(response.headers_mut(), &token);
    }
    response
}

fn anonymous() -> Identity {
    Identity { name: "anonymous".to_owned(), level: AccessLevel::ServerAdmin, via: Via::Anonymous }
}

async fn known(state: &Database, headers: &HeaderMap, now: Timestamp) -> Result<Known, StateError> {
    if let Some(authorization) = headers.get(AUTHORIZATION) {
        // A request that shows a token is known by it or not at all.
        let given = authorization.to_str().ok().and_then(bearer);
        let Some(given) = given else { return Ok(Known::default()) };
        return Ok(Known { identity: program(state, &Token::given(given), now).await?, next_token: None });
    }
    match cookie::read(headers) {
        Some(token) => person(state, &token, now).await,
        None => Ok(Known::default()),
    }
}

/// The token of the scheme `Bearer` (RFC 6750, 2.1), whose name is compared without case.
fn bearer(authorization: &str) -> Option<&str> {
    let (scheme, token) = authorization.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

async fn program(state: &Database, token: &Token, now: Timestamp) -> Result<Option<Identity>, StateError> {
    let Some(found) = state.api_token(token.hash()).await? else { return Ok(None) };
    if found.expires_at <= now {
        return Ok(None);
    }
    if found.used_at.is_none_or(|used| now.duration_since(used).abs() >= SEEN) {
        state.api_token_used(&found.name, now).await?;
    }
    Ok(Some(Identity { name: found.name.to_string(), level: found.level, via: Via::Token }))
}

async fn person(state: &Database, token: &Token, now: Timestamp) -> Result<Known, StateError> {
    let hash = token.hash();
    let Some(session) = state.session(hash, now).await? else { return Ok(Known::default()) };
    // A clock that was set back makes no session last longer.
    let age = |since: Timestamp| now.duration_since(since).abs();
    if age(session.started_at) >= LIFETIME || age(session.seen_at) >= IDLE {
        state.end_session(hash).await?;
        return Ok(Known::default());
    }
    let mut next_token = None;
    if age(session.rotated_at) >= ROTATION {
        // Without random numbers the session keeps its token.
        let next = Token::new().ok();
        if let Some(next) = next
            && state.rotate_session(hash, next.hash(), now).await?
        {
            next_token = Some(next);
        }
    } else if age(session.seen_at) >= SEEN {
        state.session_seen(hash, now).await?;
    }
    let identity = Identity { name: session.user.to_string(), level: session.level, via: Via::Session };
    Ok(Known { identity: Some(identity), next_token })
}

/// Where sessions that nobody has used since begin to be taken away.
pub(super) fn stale(now: Timestamp) -> Timestamp {
    now - IDLE
}
