//! Who may do what.
//!
//! Each request has at most one [`Identity`], found out before it reaches its route and kept as an extension of the
//! request. Each route asks for a [`Level`]; `admission` stands before every route, compares the two, and keeps the
//! audit log.

use baton_state::AccessLevel;

mod account;
mod admission;
mod attempt;
mod audit_page;
mod cookie;
mod first_user;
mod identify;
mod own_password;
mod password;
mod refusals;
mod sign_in;
mod token;

pub(crate) use account::{account_page, sign_out};
pub(crate) use admission::{AuditNote, Form, Gate, admit, request_form};
pub(crate) use audit_page::audit_page;
pub(crate) use first_user::{first_user_page, make_first_user};
pub(crate) use identify::{ClientAddress, identify};
pub(crate) use own_password::change_password;
pub(crate) use refusals::Refusals;
pub(crate) use sign_in::{sign_in, sign_in_page};

pub use password::{PasswordError, hash_password};
pub use token::{FIRST_LINK_LIFETIME, Token, TokenError, first_link};

/// Server access: who is let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Whoever reaches the loopback interface of this machine, as its Server Admin.
    Anonymous,
    /// Users who sign in, and programs with a token.
    Authenticated,
}

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
    /// By the cookie of a session.
    Session,
    /// By a token in the header `Authorization`.
    Token,
}

impl Via {
    /// As it stands in the audit log.
    pub fn name(self) -> &'static str {
        match self {
            Self::Anonymous => "anonymous",
            Self::Session => "session",
            Self::Token => "token",
        }
    }
}

impl Level {
    /// Whether someone with this identity, or without any, may come in.
    pub fn admits(self, identity: Option<&Identity>) -> bool {
        identity.map_or(AccessLevel::NoAccess, |identity| identity.level) >= self.least()
    }

    /// The least that a user must have.
    pub(crate) fn least(self) -> AccessLevel {
        match self {
            Self::Open => AccessLevel::NoAccess,
            Self::Read => AccessLevel::ReadExecute,
            Self::Modify => AccessLevel::CreateModify,
            Self::Admin => AccessLevel::ServerAdmin,
        }
    }
}
