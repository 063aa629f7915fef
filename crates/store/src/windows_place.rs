//! Which of the certificate stores of Windows, and how keys are put into it.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use crate::{SharedStore, StoreError, system};

/// Whose store it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Location {
    /// The machine's, for services.
    LocalMachine,
    /// Those of the account that runs Baton.
    CurrentUser,
}

/// Where Windows keeps the keys that are put in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Provider {
    /// The key storage provider: RSA and ECDSA.
    Cng,
    /// The older cryptographic provider, for programs that know no other: RSA alone.
    Capi,
}

/// The name of a store, such as `My` or `WebHosting`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreName(String);

/// The text cannot name a certificate store.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} cannot be the name of a certificate store")]
pub struct InvalidStoreName(String);

/// A certificate store of Windows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WindowsPlace {
    /// Whose it is.
    pub location: Location,
    /// Its name.
    pub name: StoreName,
    /// Where the keys go that are put in.
    pub provider: Provider,
    /// Whether they can be taken out again.
    pub is_exportable: bool,
}

impl StoreName {
    /// The store that Windows calls *Personal*.
    pub fn personal() -> Self {
        Self("My".to_owned())
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for StoreName {
    type Err = InvalidStoreName;

    /// A backslash would name a store of another place.
    fn from_str(text: &str) -> Result<Self, InvalidStoreName> {
        let is_sound = (1..=100).contains(&text.len())
            && text.trim() == text
            && !text.chars().any(|character| character == '\\' || character.is_control());
        if is_sound { Ok(Self(text.to_owned())) } else { Err(InvalidStoreName(text.to_owned())) }
    }
}

impl WindowsPlace {
    /// The store from which servers take their certificates: Local Machine, Personal.
    pub fn of_services() -> Self {
        Self {
            location: Location::LocalMachine,
            name: StoreName::personal(),
            provider: Provider::Cng,
            is_exportable: false,
        }
    }

    /// Opens the store. `lock` is a file that is held while it is changed.
    pub fn open(self, lock: PathBuf) -> Result<SharedStore, StoreError> {
        system::open(self, lock)
    }
}

impl fmt::Display for WindowsPlace {
    /// As PowerShell names it behind `Cert:\`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let location = match self.location {
            Location::LocalMachine => "LocalMachine",
            Location::CurrentUser => "CurrentUser",
        };
        write!(f, r"{location}\{}", self.name.as_str())
    }
}
