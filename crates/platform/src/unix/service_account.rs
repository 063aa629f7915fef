//! The accounts that services run as: here keys are files, and files have owners and modes.

use std::io;

use crate::access_list::{Account, Sid};

/// `None`: there is no service that a key's access list could name.
pub fn service_account(_service: &str) -> io::Result<Option<Account>> {
    Ok(None)
}

/// Fails: such accounts are not known here.
pub fn account_named(_name: &str) -> io::Result<Account> {
    Err(io::Error::from(io::ErrorKind::Unsupported))
}

/// `None`: such accounts are not known here.
pub fn account_name(_sid: &Sid) -> Option<String> {
    None
}
