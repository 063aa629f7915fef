//! Who may do what.
//!
//! Each request has at most one [`Identity`], found out before it reaches its route and kept as an extension of the
//! request. Each route asks for a [`Level`]; [`authorise`] stands before every route and compares the two.

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use baton_state::AccessLevel;

/// What a route asks of whoever comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// Nothing: the page to sign in, the files that every page is made with.
    Open,
    /// Read / Execute.
    Read,
    /// Create / Modify.
    Modify,
    /// Server Admin.
    Admin,
}

/// Who a request comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The user's or the token's name, as it stands in the audit log.
    pub name: String,
    /// What they may do.
    pub level: AccessLevel,
    /// How they are known.
    pub via: Via,
}

/// How someone is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Via {
    /// Not at all: whoever reaches the loopback interface of this machine counts as its administrator.
    Anonymous,
}

impl Level {
    /// Whether someone with this identity, or without any, may come in.
    pub fn admits(self, identity: Option<&Identity>) -> bool {
        let held = identity.map_or(AccessLevel::NoAccess, |identity| identity.level);
        match self {
            Self::Open => true,
            Self::Read => held >= AccessLevel::ReadExecute,
            Self::Modify => held >= AccessLevel::CreateModify,
            Self::Admin => held >= AccessLevel::ServerAdmin,
        }
    }
}

/// Finds out who a request comes from.
pub(crate) async fn identify(mut request: Request, next: Next) -> Response {
    let identity =
        Identity { name: "anonymous".to_owned(), level: AccessLevel::ServerAdmin, via: Via::Anonymous };
    request.extensions_mut().insert(identity);
    next.run(request).await
}

/// Lets a request through to a route of this level, or refuses it before anything of it is read.
pub(crate) async fn authorise(State(level): State<Level>, request: Request, next: Next) -> Response {
    if level.admits(request.extensions().get()) {
        return next.run(request).await;
    }
    let sentence = "This is not for you: another account is needed.\n";
    (StatusCode::FORBIDDEN, [(CONTENT_TYPE, "text/plain; charset=utf-8")], sentence).into_response()
}
