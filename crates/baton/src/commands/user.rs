//! `baton user`

use baton_designer::hash_password;
use baton_handover::SCHEMA;
use baton_platform::{clock, host};
use baton_state::{AccessLevel, NewAuditEntry, PrincipalName, State, User};
use jiff::Timestamp;
use serde::Serialize;
use zeroize::Zeroizing;

use crate::cli::{Globals, NewPassword, UserCommand};
use crate::commands::swap::read_password;
use crate::failure::{Exit, Failure};
use crate::output::Output;
use crate::place::Place;

/// A user, as `--json` prints it.
#[derive(Serialize)]
struct UserObject {
    name: PrincipalName,
    level: AccessLevel,
    created_at: Timestamp,
    password_at: Timestamp,
}

#[derive(Serialize)]
struct ListObject {
    schema: &'static str,
    users: Vec<UserObject>,
}

/// What was done to whom.
#[derive(Serialize)]
struct ChangeObject<'a> {
    schema: &'static str,
    user: &'a PrincipalName,
    action: &'a str,
}

impl From<User> for UserObject {
    fn from(user: User) -> Self {
        let User { name, level, created_at, password_at } = user;
        Self { name, level, created_at, password_at }
    }
}

pub(crate) async fn run(globals: &Globals, command: &UserCommand, output: Output) -> Result<Exit, Failure> {
    let place = Place::find(globals)?;
    let (name, action) = match command {
        UserCommand::List => return list(&place, output).await,
        UserCommand::Add { name, .. } => (name, "added"),
        UserCommand::Remove { name } => (name, "removed"),
        UserCommand::SetLevel { name, .. } => (name, "given another level"),
        UserCommand::ResetPassword { name, .. } => (name, "given another password"),
    };
    let state = open(&place).await?;
    let changed = match command {
        UserCommand::List => false,
        UserCommand::Add { level, password, .. } => {
            let hash = new_password(password).await?;
            let action = format!("user add --level {}", level.level);
            let added = state.add_user(name, level.level, &hash, clock::now());
            audited(&state, &action, name, async { Ok(added.await?) }).await?
        }
        UserCommand::Remove { .. } => {
            audited(&state, "user remove", name, async { Ok(state.remove_user(name).await?) }).await?
        }
        UserCommand::SetLevel { level, .. } => {
            let action = format!("user set-level --level {}", level.level);
            let set = state.set_level(name, level.level);
            audited(&state, &action, name, async { Ok(set.await?) }).await?
        }
        UserCommand::ResetPassword { password, .. } => {
            require(&state, name).await?;
            let hash = new_password(password).await?;
            let set = state.set_password(name, &hash, clock::now());
            audited(&state, "user reset-password", name, async { Ok(set.await?) }).await?
        }
    };
    state.leave().await;
    match (changed, command) {
        (true, _) => {}
        (false, UserCommand::Add { .. }) => return Err(taken(name)),
        (false, _) => return Err(unknown(name)),
    }
    if output.json {
        output.object(&ChangeObject { schema: SCHEMA, user: name, action });
    } else {
        output.line(&format!("{name} is {action}"));
    }
    Ok(Exit::Done)
}

async fn list(place: &Place, output: Output) -> Result<Exit, Failure> {
    let users = match place.has_state() {
        true => open(place).await?.users().await?,
        false => Vec::new(),
    };
    if output.json {
        let users = users.into_iter().map(UserObject::from).collect();
        output.object(&ListObject { schema: SCHEMA, users });
    } else if users.is_empty() {
        output.line("no users: `baton user add NAME --level server-admin` adds one");
    } else {
        let row = |user: &User| {
            let time = user.password_at.strftime("%Y-%m-%d %H:%M").to_string();
            vec![user.name.to_string(), user.level.words().to_owned(), time]
        };
        output.table(&["NAME", "LEVEL", "PASSWORD SINCE (UTC)"], users.iter().map(row).collect());
    }
    Ok(Exit::Done)
}

/// The state database; it is made where it is absent, for users may be there before the first `baton up`.
pub(super) async fn open(place: &Place) -> Result<State, Failure> {
    place.check()?;
    place.make_data()?;
    place.state(false).await
}

/// Does something that belongs in the audit log; `false`: it changed nothing.
pub(super) async fn audited(
    state: &State,
    action: &str,
    object: &PrincipalName,
    change: impl Future<Output = Result<bool, Failure>>,
) -> Result<bool, Failure> {
    let entry = NewAuditEntry {
        at: clock::now(),
        who: host::account(),
        via: "command-line",
        address: None,
        action: action.to_owned(),
        object: object.to_string(),
    };
    let id = state.begin_audit(&entry).await?;
    let changed = change.await?;
    state.end_audit(id, if changed { "done" } else { "refused" }).await?;
    Ok(changed)
}

/// The hash of a new password, from the file or from the terminal, where it is asked for twice and not shown.
async fn new_password(from: &NewPassword) -> Result<String, Failure> {
    let password = match read_password(from.password_file.as_deref())? {
        Some(password) => password,
        None => ask("Password: ")?,
    };
    if from.password_file.is_none() && ask("The same again: ")? != password {
        return Err(Failure::new(
            Exit::Usage,
            "passwords-differ",
            "the two passwords are not the same",
            "type the same password twice",
        ));
    }
    hash_password(password).await.map_err(|error| Failure::with(Exit::Usage, &error))
}

fn ask(prompt: &str) -> Result<Zeroizing<String>, Failure> {
    rpassword::prompt_password(prompt).map(Zeroizing::new).map_err(|error| {
        Failure::new(
            Exit::Usage,
            "password-missing",
            format!("there is no terminal to ask for the password on: {error}"),
            "give a file whose first line is the password, with --password-file",
        )
    })
}

/// Nobody types a password for a user that is not there.
async fn require(state: &State, name: &PrincipalName) -> Result<(), Failure> {
    state.user(name).await?.map(drop).ok_or_else(|| unknown(name))
}

fn unknown(name: &PrincipalName) -> Failure {
    Failure::new(
        Exit::Usage,
        "user-unknown",
        format!("there is no user named {name}"),
        "`baton user list` shows who there is",
    )
}

fn taken(name: &PrincipalName) -> Failure {
    Failure::new(
        Exit::Usage,
        "user-exists",
        format!("there is a user named {name} already"),
        "take another name, or `baton user set-level` and `baton user reset-password`",
    )
}
