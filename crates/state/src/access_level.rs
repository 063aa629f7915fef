use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// What a person or a program may do in the Designer and over its interface for programs; each level includes those
/// before it. The names are those that the products give their own users.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum AccessLevel {
    /// Nothing: an account that is kept, and cannot be used.
    #[serde(rename = "no-access")]
    NoAccess,
    /// Look at everything but the audit log, and ask endpoints what they serve.
    #[serde(rename = "read-execute")]
    ReadExecute,
    /// Renew, hand over, roll back, import.
    #[serde(rename = "create-modify")]
    CreateModify,
    /// Change settings, read the audit log.
    #[serde(rename = "server-admin")]
    ServerAdmin,
}

impl AccessLevel {
    /// All of them, the least first.
    pub const ALL: [Self; 4] = [Self::NoAccess, Self::ReadExecute, Self::CreateModify, Self::ServerAdmin];

    /// As it is stored, written on the command line and in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::NoAccess => "no-access",
            Self::ReadExecute => "read-execute",
            Self::CreateModify => "create-modify",
            Self::ServerAdmin => "server-admin",
        }
    }

    /// As people read it.
    pub fn words(self) -> &'static str {
        match self {
            Self::NoAccess => "No access",
            Self::ReadExecute => "Read / Execute",
            Self::CreateModify => "Create / Modify",
            Self::ServerAdmin => "Server Admin",
        }
    }
}

impl fmt::Display for AccessLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for AccessLevel {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|level| level.name() == text).ok_or(())
    }
}
