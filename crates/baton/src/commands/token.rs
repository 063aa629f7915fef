//! `baton token`

use baton_designer::Token;
use baton_handover::SCHEMA;
use baton_platform::clock;
use baton_state::{AccessLevel, ApiToken, PrincipalName};
use jiff::Timestamp;
use serde::Serialize;

use crate::cli::{Globals, TokenCommand};
use crate::commands::user::{audited, open};
use crate::failure::{Exit, Failure};
use crate::output::{Output, tell};
use crate::place::Place;
use crate::settings::Span;

/// A token without its secret, as `--json` prints it.
#[derive(Serialize)]
struct TokenObject {
    name: PrincipalName,
    level: AccessLevel,
    created_at: Timestamp,
    expires_at: Timestamp,
    used_at: Option<Timestamp>,
}

#[derive(Serialize)]
struct ListObject {
    schema: &'static str,
    tokens: Vec<TokenObject>,
}

/// A new token, with its secret.
#[derive(Serialize)]
struct AddedObject<'a> {
    schema: &'static str,
    name: &'a PrincipalName,
    level: AccessLevel,
    expires_at: Timestamp,
    token: &'a str,
}

#[derive(Serialize)]
struct RevokedObject<'a> {
    schema: &'static str,
    revoked: &'a PrincipalName,
}

impl From<ApiToken> for TokenObject {
    fn from(token: ApiToken) -> Self {
        let ApiToken { name, level, created_at, expires_at, used_at } = token;
        Self { name, level, created_at, expires_at, used_at }
    }
}

pub(crate) async fn run(globals: &Globals, command: &TokenCommand, output: Output) -> Result<Exit, Failure> {
    let place = Place::find(globals)?;
    match command {
        TokenCommand::Add { name, level, lifetime } => {
            add(&place, name, level.level, *lifetime, output).await
        }
        TokenCommand::List => list(&place, output).await,
        TokenCommand::Revoke { name } => revoke(&place, name, output).await,
    }
}

async fn add(
    place: &Place,
    name: &PrincipalName,
    level: AccessLevel,
    lifetime: Span,
    output: Output,
) -> Result<Exit, Failure> {
    let now = clock::now();
    let expires_at = now.checked_add(lifetime.signed()).map_err(|_| {
        let hint = "give a shorter --lifetime, such as 365d";
        Failure::new(Exit::Usage, "lifetime-too-long", "the token would never expire", hint)
    })?;
    let token = Token::for_program()?;
    let state = open(place).await?;
    let action = format!("token add --level {level}");
    let adding = state.add_api_token(name, token.hash(), level, now, expires_at);
    let added = audited(&state, &action, name, async { Ok(adding.await?) }).await?;
    state.leave().await;
    if !added {
        return Err(Failure::new(
            Exit::Usage,
            "token-exists",
            format!("there is a token named {name} already"),
            "take another name, or `baton token revoke` the other one first",
        ));
    }
    if output.json {
        output.object(&AddedObject { schema: SCHEMA, name, level, expires_at, token: token.expose() });
    } else {
        output.line(token.expose());
        let end = expires_at.strftime("%Y-%m-%d %H:%M UTC");
        tell(&format!("{name} ({}) is good until {end}; the token is not shown again", level.words()));
    }
    Ok(Exit::Done)
}

async fn list(place: &Place, output: Output) -> Result<Exit, Failure> {
    let tokens = match place.has_state() {
        true => open(place).await?.api_tokens().await?,
        false => Vec::new(),
    };
    if output.json {
        let tokens = tokens.into_iter().map(TokenObject::from).collect();
        output.object(&ListObject { schema: SCHEMA, tokens });
    } else if tokens.is_empty() {
        output.line("no tokens: `baton token add NAME --level read-execute` makes one");
    } else {
        let now = clock::now();
        let row = |token: &ApiToken| {
            let time = |at: Timestamp| at.strftime("%Y-%m-%d %H:%M").to_string();
            let end = time(token.expires_at) + if token.expires_at <= now { " (over)" } else { "" };
            let used = token.used_at.map_or_else(|| "never".to_owned(), time);
            vec![token.name.to_string(), token.level.words().to_owned(), end, used]
        };
        output.table(&["NAME", "LEVEL", "GOOD UNTIL (UTC)", "USED LAST"], tokens.iter().map(row).collect());
    }
    Ok(Exit::Done)
}

async fn revoke(place: &Place, name: &PrincipalName, output: Output) -> Result<Exit, Failure> {
    let state = open(place).await?;
    let revoking = state.revoke_api_token(name);
    let revoked = audited(&state, "token revoke", name, async { Ok(revoking.await?) }).await?;
    state.leave().await;
    if !revoked {
        return Err(Failure::new(
            Exit::Usage,
            "token-unknown",
            format!("there is no token named {name}"),
            "`baton token list` shows which there are",
        ));
    }
    if output.json {
        output.object(&RevokedObject { schema: SCHEMA, revoked: name });
    } else {
        output.line(&format!("{name} is revoked"));
    }
    Ok(Exit::Done)
}
