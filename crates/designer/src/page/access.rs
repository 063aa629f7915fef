//! The pages about who is let in, and what they did.

use askama::Template;
use axum::http::StatusCode;
use baton_state::AuditEntry;

use super::moment::Moment;
use super::prose::{Stretch, stretches};
use crate::access::{Identity, Token, Via};
use crate::language::Language;

/// The page to sign in.
#[derive(Template)]
#[template(path = "sign_in.html")]
pub(crate) struct SignInPage {
    t: Language,
    here: &'static str,
    has_users: bool,
    /// What to do where there is no user.
    hint: Vec<Stretch>,
    /// Why the last try did not succeed.
    refusal: Option<String>,
}

/// The page for the first user.
#[derive(Template)]
#[template(path = "first_user.html")]
pub(crate) struct FirstUserPage {
    t: Language,
    here: &'static str,
    /// None: the link is not good.
    token: Option<Token>,
    /// What to do then.
    hint: Vec<Stretch>,
    /// Why what was entered is not taken.
    refusal: Option<String>,
}

/// Who is signed in here.
#[derive(Template)]
#[template(path = "account.html")]
pub(crate) struct AccountPage {
    t: Language,
    here: &'static str,
    name: String,
    level: &'static str,
    has_session: bool,
    /// Why nobody signs in, where nobody does.
    hint: Vec<Stretch>,
    /// How the change of the password ended: whether it was changed, and in words.
    told: Option<(bool, String)>,
}

/// The audit log.
#[derive(Template)]
#[template(path = "audit.html")]
pub(crate) struct AuditPage {
    t: Language,
    here: &'static str,
    rows: Vec<AuditRow>,
    /// Where the part before begins.
    older: Option<i64>,
}

struct AuditRow {
    at: Moment,
    who: String,
    via: String,
    address: String,
    action: String,
    object: String,
    outcome: String,
}

impl SignInPage {
    pub(crate) fn new(has_users: bool, refusal: Option<String>, t: Language) -> Self {
        Self { t, here: "", has_users, hint: stretches(t.no_user_yet()), refusal }
    }
}

impl FirstUserPage {
    pub(crate) fn new(token: Option<Token>, refusal: Option<String>, t: Language) -> Self {
        Self { t, here: "", token, hint: stretches(t.link_void_hint()), refusal }
    }
}

impl AccountPage {
    pub(crate) fn new(identity: &Identity, told: Option<(StatusCode, String)>, t: Language) -> Self {
        Self {
            t,
            here: "/account",
            name: identity.name.clone(),
            level: identity.level.words(),
            has_session: identity.via == Via::Session,
            hint: if identity.via == Via::Anonymous { stretches(t.access_anonymous()) } else { Vec::new() },
            told: told.map(|(code, words)| (code == StatusCode::OK, words)),
        }
    }
}

impl AuditPage {
    /// `is_full`: there may be more before the last of these.
    pub(crate) fn new(entries: Vec<AuditEntry>, is_full: bool, t: Language) -> Self {
        let older = entries.last().map(|last| last.id).filter(|_| is_full);
        let row = |entry| AuditRow::new(entry, t);
        Self { t, here: "", rows: entries.into_iter().map(row).collect(), older }
    }
}

impl AuditRow {
    fn new(entry: AuditEntry, t: Language) -> Self {
        Self {
            at: Moment::new(entry.at),
            who: entry.who,
            via: entry.via,
            address: entry.address.unwrap_or_default(),
            action: entry.action,
            object: entry.object,
            outcome: entry.outcome.unwrap_or_else(|| t.audit_unended().to_owned()),
        }
    }
}
