//! `baton account`

use std::sync::Arc;

use baton_handover::SCHEMA;
use baton_issuer::Issuer;
use serde::Serialize;

use crate::cli::{Account, Globals};
use crate::commands::request::carry_out;
use crate::failure::{Exit, Failure};
use crate::local::{self, AccountAction, Answer, Request};
use crate::output::Output;
use crate::place::Place;
use crate::wiring::App;

/// What `--json` prints.
#[derive(Serialize)]
struct AccountObject {
    schema: &'static str,
    issuer: String,
    account: String,
}

pub(crate) async fn run(globals: &Globals, command: &Account, output: Output) -> Result<Exit, Failure> {
    let (action, of) = match command {
        Account::Show(of) => (AccountAction::Show, of),
        Account::RollOver(of) => (AccountAction::RollOver, of),
        Account::Deactivate(of) => (AccountAction::Deactivate, of),
    };
    let place = Place::find(globals)?;
    let request = Request::Account { issuer: of.issuer.clone(), action };
    let Answer::Account { issuer, url: account } = carry_out(place, request).await? else {
        return Err(local::unexpected());
    };
    if output.json {
        output.object(&AccountObject { schema: SCHEMA, issuer, account });
        return Ok(Exit::Done);
    }
    output.line(&match action {
        AccountAction::Show => account,
        AccountAction::RollOver => format!("{account} has a new key"),
        AccountAction::Deactivate => format!("{account} is closed; the next order opens a new one"),
    });
    Ok(Exit::Done)
}

/// Does it; returns the issuer's name and the account's URL.
pub(crate) async fn execute(
    app: &App,
    name: Option<&str>,
    action: AccountAction,
) -> Result<(String, String), Failure> {
    let (name, issuer) = issuer(app, name)?;
    let Issuer::Acme(acme) = &*issuer else { return Err(not_acme(&name)) };
    let failed = |error| Failure::with(Exit::Failed, &error);
    let url = acme.account_url().await.map_err(failed)?;
    match action {
        AccountAction::Show => {}
        AccountAction::RollOver => acme.roll_over_key().await.map_err(failed)?,
        AccountAction::Deactivate => acme.deactivate().await.map_err(failed)?,
    }
    Ok((name, url))
}

/// The issuer of that name; without one, the only one of the kind acme.
pub(crate) fn issuer(app: &App, name: Option<&str>) -> Result<(String, Arc<Issuer>), Failure> {
    let acme: Vec<&(String, Arc<Issuer>)> =
        app.issuers.iter().filter(|(_, issuer)| matches!(**issuer, Issuer::Acme(_))).collect();
    let known = || acme.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(", ");
    let found = match name {
        Some(name) => app.issuers.iter().find(|(known, _)| known == name),
        None if acme.len() == 1 => acme.first().copied(),
        None => None,
    };
    found.cloned().ok_or_else(|| {
        let message = match name {
            Some(name) => format!("there is no issuer named {name:?}"),
            None if acme.is_empty() => "there is no issuer of the kind acme in the settings".to_owned(),
            None => "there are several issuers of the kind acme".to_owned(),
        };
        Failure::new(Exit::Usage, "issuer-unknown", message, format!("the settings have: {}", known()))
    })
}

pub(crate) fn not_acme(name: &str) -> Failure {
    Failure::new(
        Exit::Usage,
        "issuer-not-acme",
        format!("the issuer {name:?} is not of the kind acme"),
        "name another one; what the internal CA issued is retired, not revoked",
    )
}
