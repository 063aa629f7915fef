//! Who may use a private key: the step that is done by hand after every renewal where nobody does it, *Manage private
//! keys*.
//!
//! The successor's key gets the entries of the key before, and Read for the account that the target's service runs as.
//! What was set counts when it was read back, before anything is switched.

use baton_finding::{Explain as _, Finding, Severity};
use baton_platform::access_list::{AccessList, Account};
use baton_platform::service_account::service_account;
use baton_store::{Store, StoreError};
use baton_x509::{Certificate, KeptKey, Thumbprint};

use crate::action::{Action, ActionError};
use crate::inspection::{TargetError, key_missing};

/// Why the key of a successor does not do: a target that reads files needs the key itself, a product that takes it from
/// the store only that it is there.
pub(crate) fn examine(successor: &Certificate, needs_key_itself: bool) -> Option<Finding> {
    let thumbprint = successor.thumbprint();
    if !successor.has_key() {
        return Some(key_missing(successor));
    }
    match successor.kept_key()? {
        KeptKey::OnDevice => Some(Finding::error(
            "key-on-device",
            format!(
                "the private key of {thumbprint} is on a smart card, which a server cannot use by itself"
            ),
            "take a certificate whose key is in the store",
        )),
        KeptKey::NotExportable if needs_key_itself => {
            let error = StoreError::KeyKept { thumbprint };
            Some(Finding::error(error.code(), error.to_string(), error.hint().unwrap_or_default()))
        }
        KeptKey::NotExportable => None,
    }
}

/// What lets the product's service use the successor's key; nothing where the store has no access lists.
pub(crate) fn plan(
    service: Result<String, TargetError>,
    store: &dyn Store,
    old: Option<Thumbprint>,
    successor: Thumbprint,
) -> (Option<Action>, Vec<Finding>) {
    if !store.has_access_lists() {
        return (None, Vec::new());
    }
    // Without the right to change the store nothing is begun.
    if let Err(error) = store.rehearse() {
        return (None, vec![Finding::from_error(&error)]);
    }
    let service = match service {
        Ok(service) => service,
        Err(error) => return (None, vec![Finding::from_error(&error)]),
    };
    let account = match service_account(&service) {
        Ok(Some(account)) => account,
        Ok(None) => return (None, vec![service_unknown(&service)]),
        Err(error) => return (None, vec![account_unknown(&service, &error)]),
    };
    let (before, mut findings) = match store.key_access(successor) {
        Ok(before) => (before, Vec::new()),
        Err(error) => (None, vec![Finding::from_error(&error)]),
    };
    // The key before may be gone, or nobody's to read: then the service's own right is all that is known.
    let like = old.filter(|old| *old != successor).filter(|old| match store.key_access(*old) {
        Ok(list) => list.is_some(),
        Err(error) => {
            findings.push(Finding { severity: Severity::Warning, ..Finding::from_error(&error) });
            false
        }
    });
    (Some(Action::GrantKey { thumbprint: successor, like, account, before }), findings)
}

fn service_unknown(service: &str) -> Finding {
    Finding::warning(
        "service-unknown",
        format!(
            "there is no service {service:?} on this machine, so nobody gets the right to use the new key"
        ),
        "if the server runs as another service, give its account Read: `baton store permissions --read ACCOUNT`",
    )
}

fn account_unknown(service: &str, error: &std::io::Error) -> Finding {
    Finding::error(
        "service-account-unknown",
        format!("the account of the service {service:?} cannot be found out: {error}"),
        "run Baton as an administrator, and see that the domain can be reached if it is an account of one",
    )
}

/// Gives the right, and looks whether it is there.
pub(crate) fn grant(
    store: &dyn Store,
    thumbprint: Thumbprint,
    like: Option<Thumbprint>,
    account: &Account,
) -> Result<(), ActionError> {
    let missing = || ActionError::NoSuccessor(thumbprint.to_string());
    let read = |thumbprint| store.key_access(thumbprint).map_err(ActionError::Store);
    let now = read(thumbprint)?.ok_or_else(missing)?;
    let old = like.map(read).transpose()?.flatten().unwrap_or_default();
    let wanted = now.clone().with_entries_of(&old).with_read_for(account);
    if wanted != now {
        store.set_key_access(thumbprint, &wanted).map_err(ActionError::Store)?;
    }
    match read(thumbprint)?.ok_or_else(missing)?.may_read(account) {
        true => Ok(()),
        false => Err(ActionError::KeyNotReadable { thumbprint, account: account.name.clone() }),
    }
}

/// Puts back who might use the key before; a key that came with the handover goes with it.
pub(crate) fn take_back(
    store: &dyn Store,
    thumbprint: Thumbprint,
    before: Option<&AccessList>,
) -> Result<(), ActionError> {
    let Some(before) = before else { return Ok(()) };
    match store.key_access(thumbprint).map_err(ActionError::Store)? {
        Some(now) if now != *before => store.set_key_access(thumbprint, before).map_err(ActionError::Store),
        _ => Ok(()),
    }
}
