//! `baton store permissions`, and which services may use a key.

use baton_finding::Explain as _;
use baton_platform::access_list::{Access, AccessList, Account, Effect, Entry};
use baton_platform::service_account::{account_name, account_named, service_account};
use baton_store::{SharedStore, StoreError};
use baton_target::Kind;
use baton_x509::Thumbprint;
use serde::Serialize;

use crate::commands::store::chosen;
use crate::failure::{Exit, Failure};
use crate::output::{Output, tell};
use crate::place::Place;
use crate::settings::activation::activation;
use crate::settings::store::StoreChoice;
use crate::settings::{self, rules};

/// A service that takes its certificate from a store.
pub(super) struct Reader {
    target: String,
    service: String,
    account: Account,
}

/// Whether a service may use a key, as `--json` prints it.
#[derive(Serialize)]
pub(super) struct ServiceObject {
    pub(super) target: String,
    pub(super) service: String,
    pub(super) account: String,
    pub(super) may_read: bool,
}

/// An entry of a key's access list, as `--json` prints it.
#[derive(Serialize)]
struct EntryObject {
    /// Its name, where somebody knows it, else its SID.
    account: String,
    sid: Option<String>,
    effect: Option<Effect>,
    access: Option<Access>,
}

#[derive(Serialize)]
struct PermissionsObject {
    schema: &'static str,
    thumbprint: Thumbprint,
    store: String,
    entries: Vec<EntryObject>,
    services: Vec<ServiceObject>,
    /// Whether this command has changed them.
    changed: bool,
}

/// Who is to get the right to use the key.
#[derive(Clone, Copy)]
pub(super) struct Wanted<'a> {
    /// The services of the targets.
    pub(super) repair: bool,
    /// An account by its name.
    pub(super) account: Option<&'a str>,
}

/// The services of the targets that take their certificates from a store whose keys have access lists.
pub(super) fn readers(
    place: &Place,
    choice: &StoreChoice,
    store: &SharedStore,
) -> Result<Vec<Reader>, Failure> {
    let mut readers = Vec::new();
    if !store.has_access_lists() {
        return Ok(readers);
    }
    let loaded = &place.loaded;
    for target in &loaded.settings.target {
        let kind = rules::target_kind(loaded, target)?;
        let activation = activation(loaded, target, &kind)?;
        let Kind::Product(product) = kind else { continue };
        if settings::store::of_target(loaded, target)? != *choice {
            continue;
        }
        let service = product.service_name(activation.as_ref())?;
        match service_account(&service) {
            Ok(Some(account)) => readers.push(Reader { target: target.name.clone(), service, account }),
            Ok(None) => tell(&format!(
                "the service {service:?} of the target {:?} is not on this machine",
                target.name
            )),
            Err(error) => tell(&format!("the account of the service {service:?} is not known: {error}")),
        }
    }
    Ok(readers)
}

/// Whether each of them may use the key of a certificate.
pub(super) fn may_read(
    store: &SharedStore,
    readers: &[Reader],
    thumbprint: Thumbprint,
) -> Result<Vec<ServiceObject>, Failure> {
    if readers.is_empty() {
        return Ok(Vec::new());
    }
    let list = match store.key_access(thumbprint) {
        Ok(list) => list,
        // A key that is somebody else's is told as one that nobody here may use.
        Err(error @ StoreError::Denied { .. }) => {
            tell(&format!("{thumbprint}: {}", error.chain()));
            None
        }
        Err(error) => return Err(Failure::of_store(&error)),
    };
    Ok(services(readers, list.as_ref()))
}

fn services(readers: &[Reader], list: Option<&AccessList>) -> Vec<ServiceObject> {
    let service = |reader: &Reader| ServiceObject {
        target: reader.target.clone(),
        service: reader.service.clone(),
        account: reader.account.name.clone(),
        may_read: list.is_some_and(|list| list.may_read(&reader.account)),
    };
    readers.iter().map(service).collect()
}

/// Shows who may use a key, and gives the right to those who are wanted.
pub(super) fn run(
    place: &Place,
    thumbprint: Thumbprint,
    target: Option<&str>,
    wanted: Wanted<'_>,
    output: Output,
) -> Result<Exit, Failure> {
    rules::check(&place.loaded)?;
    let (choice, store) = store_with(place, thumbprint, target)?;
    let readers = readers(place, &choice, &store)?;
    let mut accounts = Vec::new();
    if wanted.repair {
        accounts.extend(readers.iter().map(|reader| reader.account.clone()));
        if accounts.is_empty() {
            return Err(Failure::new(
                Exit::Refused,
                "service-unknown",
                "no service of a target takes its certificate from that store",
                "name the account with --read ACCOUNT",
            ));
        }
    }
    if let Some(name) = wanted.account {
        accounts.push(find_account(name)?);
    }
    let read = || store.key_access(thumbprint).map_err(|error| Failure::of_store(&error));
    let before = read()?.ok_or_else(|| Failure::of_store(&StoreError::NoKey { thumbprint }))?;
    let after = accounts.iter().fold(before.clone(), AccessList::with_read_for);
    let changed = after != before;
    if changed {
        store.set_key_access(thumbprint, &after).map_err(|error| Failure::of_store(&error))?;
    }
    let now = read()?.unwrap_or_default();
    if let Some(account) = accounts.iter().find(|account| !now.may_read(account)) {
        return Err(Failure::new(
            Exit::Failed,
            "key-not-readable",
            format!(
                "the account `{}` cannot use the private key of {thumbprint}, although it was given the right to",
                account.name
            ),
            "an entry that denies goes before it: see them in certlm.msc, All Tasks, Manage Private Keys",
        ));
    }
    show(&store, thumbprint, &now, services(&readers, Some(&now)), changed, output);
    Ok(Exit::Done)
}

/// The store that has a certificate, of those whose keys have access lists.
fn store_with(
    place: &Place,
    thumbprint: Thumbprint,
    target: Option<&str>,
) -> Result<(StoreChoice, SharedStore), Failure> {
    let loaded = &place.loaded;
    let mut choices = vec![chosen(place, target)?];
    if target.is_none() {
        for target in &loaded.settings.target {
            choices.push(settings::store::of_target(loaded, target)?);
        }
    }
    let mut has_lists = false;
    for choice in choices {
        if matches!(choice, StoreChoice::Directory(_)) {
            continue;
        }
        has_lists = true;
        let store = place.existing_store(&choice)?;
        if store.contains(thumbprint) {
            return Ok((choice, store));
        }
    }
    Err(if has_lists {
        Failure::new(
            Exit::Refused,
            "certificate-not-found",
            format!("the certificate {thumbprint} is in no store of Windows that the settings name"),
            "`baton store list` shows what is there; --target NAME looks into the store of a target",
        )
    } else {
        Failure::new(
            Exit::Refused,
            "permissions-of-files",
            "the keys of the store are files: their owners and modes say who may use them",
            "this command is for stores of the kind \"windows\"",
        )
    })
}

fn find_account(name: &str) -> Result<Account, Failure> {
    account_named(name).map_err(|error| {
        Failure::new(
            Exit::Refused,
            "account-unknown",
            format!("there is no account {name:?}: {error}"),
            "write it as DOMAIN\\NAME, .\\NAME, or 'NT SERVICE\\NAME of the service'",
        )
    })
}

fn show(
    store: &SharedStore,
    thumbprint: Thumbprint,
    list: &AccessList,
    services: Vec<ServiceObject>,
    changed: bool,
    output: Output,
) {
    let entry = |entry: &Entry| match entry {
        Entry::Account { effect, sid, .. } => EntryObject {
            account: account_name(sid).unwrap_or_else(|| sid.to_string()),
            sid: Some(sid.to_string()),
            effect: Some(*effect),
            access: entry.access(),
        },
        Entry::Other(_) => {
            EntryObject { account: "(of another kind)".to_owned(), sid: None, effect: None, access: None }
        }
    };
    let entries: Vec<EntryObject> = list.entries.iter().map(entry).collect();
    if output.json {
        let schema = baton_handover::SCHEMA;
        let store = store.location();
        output.object(&PermissionsObject { schema, thumbprint, store, entries, services, changed });
        return;
    }
    if changed {
        output.line("changed; now:");
    }
    let row = |entry: &EntryObject| {
        let may = if entry.effect == Some(Effect::Deny) { "may not" } else { "may" };
        let text = match entry.access {
            Some(Access::Full) => format!("{may} do everything"),
            Some(Access::Read) => format!("{may} use it"),
            Some(Access::Partial) => format!("{may} do something, which is not enough to use it"),
            None => "(not about this key)".to_owned(),
        };
        vec![entry.account.clone(), entry.sid.clone().unwrap_or_default(), text]
    };
    output.table(&["ACCOUNT", "SID", "THE KEY"], entries.iter().map(row).collect());
    for service in services {
        let may = if service.may_read { "may" } else { "may not" };
        output.line(&format!("the service `{}` {may} use it, as {}", service.service, service.account));
    }
}
