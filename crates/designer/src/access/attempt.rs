//! One try to sign in.
//!
//! Who fails often waits: a user name from one network after five failures in a row, up to a minute; a network after
//! ten, whatever the names, up to a quarter of an hour. A name that is tried from many networks waits a minute after
//! fifty failures, of which one network counts for five at most. A user at a network where they have signed in before
//! waits for the first of these alone: what others do elsewhere keeps them not out.

use std::net::IpAddr;

use baton_finding::Explain;
use baton_platform::clock;
use baton_state::{
    AccessLevel, AttemptSubject, AttemptVerdict, PrincipalName, SignInAttempt, State, StateError, User,
};
use jiff::SignedDuration;
use zeroize::Zeroizing;

use super::identify::stale;
use super::password::is_right;
use super::token::{Token, TokenError};

/// How a try ended.
pub(super) enum Attempt {
    /// They are in, with this token.
    SignedIn(Token),
    /// Name or password is wrong; which one is not told.
    Wrong,
    /// Both are right, and the level of this user is No access.
    NoAccess,
    /// Nothing was looked at.
    Wait(SignedDuration),
}

/// Nobody can sign in.
#[derive(Debug, thiserror::Error)]
pub(super) enum AttemptError {
    #[error(transparent)]
    State(#[from] StateError),
    #[error(transparent)]
    Token(#[from] TokenError),
}

impl Explain for AttemptError {
    fn code(&self) -> &'static str {
        match self {
            Self::State(cause) => cause.code(),
            Self::Token(cause) => cause.code(),
        }
    }
}

/// Whether someone knows the password of a user.
pub(super) enum Knowledge {
    /// They do; this is what is kept of it.
    Right(User, String),
    Wrong,
    /// Nothing was looked at.
    Wait(SignedDuration),
}

/// Tries a password, counted. `is_known`: the name is that of who is signed in.
pub(super) async fn examine(
    state: &State,
    name: Option<&PrincipalName>,
    password: Zeroizing<String>,
    address: IpAddr,
    is_known: bool,
) -> Result<Knowledge, StateError> {
    let now = clock::now();
    let counted = SignInAttempt { name, address, is_known };
    if let AttemptVerdict::Wait(until) = state.begin_sign_in(counted, now, pause).await? {
        return Ok(Knowledge::Wait(until.duration_since(now)));
    }
    let found = match name {
        Some(name) => state.user(name).await?,
        None => None,
    };
    let kept = found.as_ref().map(|(_, kept)| kept.clone());
    let is_right = is_right(password, kept).await;
    let Some((user, kept)) = found.filter(|_| is_right) else { return Ok(Knowledge::Wrong) };
    state.sign_in_succeeded(&user.name, address, now).await?;
    Ok(Knowledge::Right(user, kept))
}

/// Tries a name and a password.
pub(super) async fn attempt(
    state: &State,
    name: &str,
    password: Zeroizing<String>,
    address: IpAddr,
) -> Result<Attempt, AttemptError> {
    let name: Option<PrincipalName> = name.trim().parse().ok();
    let (user, kept) = match examine(state, name.as_ref(), password, address, false).await? {
        Knowledge::Right(user, kept) => (user, kept),
        Knowledge::Wrong => return Ok(Attempt::Wrong),
        Knowledge::Wait(time) => return Ok(Attempt::Wait(time)),
    };
    let now = clock::now();
    if user.level == AccessLevel::NoAccess {
        return Ok(Attempt::NoAccess);
    }
    let token = Token::new()?;
    let started = state.start_session(token.hash(), &user.name, &kept, now, stale(now)).await?;
    Ok(if started { Attempt::SignedIn(token) } else { Attempt::Wrong })
}

/// How long a subject waits after so many failures in a row.
fn pause(subject: AttemptSubject, failures: u32) -> SignedDuration {
    let (free, first, longest) = match subject {
        AttemptSubject::NameFromNetwork => (5, 5, 60),
        AttemptSubject::Network => (10, 15, 15 * 60),
        AttemptSubject::Name => (50, 60, 60),
    };
    match failures.checked_sub(free) {
        None => SignedDuration::ZERO,
        // Beyond ten doublings it is the longest in any case.
        Some(further) => SignedDuration::from_secs((first << further.min(10)).min(longest)),
    }
}
