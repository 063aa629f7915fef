//! Before there is a user: who may reach the Designer then, and how the first user comes in.

use std::net::SocketAddr;

use baton_designer::{Access, FIRST_LINK_LIFETIME, Token, first_link};
use baton_platform::clock;
use baton_state::State;

use crate::failure::{Exit, Failure};
use crate::place::Place;

/// Nobody but this machine reaches a Designer that has no user: whoever came first would be its Server Admin.
pub(super) async fn require_user(place: &Place, listen: SocketAddr) -> Result<(), Failure> {
    if listen.ip().is_loopback() || place.access() == Access::Anonymous {
        return Ok(());
    }
    // Nothing is made where there is nothing yet.
    let has_user = place.has_state() && {
        let state = place.state(false).await?;
        let has_users = state.has_users().await;
        state.close().await;
        has_users?
    };
    if has_user {
        return Ok(());
    }
    Err(Failure::new(
        Exit::Usage,
        "designer-without-user",
        format!("the Designer does not listen on {listen}, which others can reach: there is no user yet"),
        "add one with `baton user add NAME --level server-admin`, then start `baton up`",
    ))
}

/// The one-time link at a Designer that answers at `base`; `None` where there is a user, or nobody signs in.
pub(super) async fn link(state: &State, access: Access, base: &str) -> Result<Option<String>, Failure> {
    if access == Access::Anonymous || state.has_users().await? {
        return Ok(None);
    }
    let token = Token::new()?;
    state.keep_first_link(token.hash(), clock::now() + FIRST_LINK_LIFETIME).await?;
    Ok(Some(first_link(base, &token)))
}
