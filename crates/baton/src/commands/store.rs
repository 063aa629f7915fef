//! `baton store`

mod permissions;

use std::sync::Arc;

use baton_finding::Explain;
use baton_platform::clock;
use baton_platform::durable::{self, Attributes};
use baton_store::{Entry, Imported, SharedStore, StoreError};
use baton_target::Target;
use baton_x509::{Certificate, KeptKey, Thumbprint, X509};
use jiff::Timestamp;
use serde::Serialize;

use crate::cli::{Globals, Store, StoreArguments};
use crate::commands::store::permissions::{ServiceObject, Wanted, may_read, readers};
use crate::commands::swap::{import_into, read_file, read_password};
use crate::failure::{Exit, Failure};
use crate::output::{Output, common_name};
use crate::place::Place;
use crate::settings;
use crate::settings::store::StoreChoice;
use crate::wiring::App;

/// A certificate of the store, as `--json` prints it.
#[derive(Serialize)]
struct CertificateObject<'a> {
    schema: &'static str,
    thumbprint: Thumbprint,
    fingerprint: baton_x509::Fingerprint,
    subject: &'a str,
    issuer: &'a str,
    names: Vec<String>,
    serial: &'a str,
    key_algorithm: baton_x509::KeyAlgorithm,
    not_before: Timestamp,
    not_after: Timestamp,
    days_left: i64,
    has_key: bool,
    chain_length: usize,
    /// The services that take certificates from this store, where its keys have access lists.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    services: Vec<ServiceObject>,
}

impl<'a> CertificateObject<'a> {
    fn new(leaf: &'a X509, chain_length: usize, has_key: bool, services: Vec<ServiceObject>) -> Self {
        Self {
            schema: baton_handover::SCHEMA,
            thumbprint: leaf.thumbprint(),
            fingerprint: leaf.fingerprint(),
            subject: leaf.subject(),
            issuer: leaf.issuer(),
            names: leaf.names(),
            serial: leaf.serial(),
            key_algorithm: leaf.key_algorithm(),
            not_before: leaf.not_before(),
            not_after: leaf.not_after(),
            days_left: days_left(leaf),
            has_key,
            chain_length,
            services,
        }
    }
}

/// All of them.
#[derive(Serialize)]
struct ListObject<'a> {
    schema: &'static str,
    store: String,
    certificates: Vec<CertificateObject<'a>>,
    unreadable: Vec<String>,
}

pub(crate) async fn run(
    globals: &Globals,
    arguments: &StoreArguments,
    output: Output,
) -> Result<Exit, Failure> {
    let target = arguments.target.as_deref();
    match &arguments.command {
        Store::List => list(&Place::find(globals)?, target, output),
        Store::Show { thumbprint } => {
            let place = Place::find(globals)?;
            let store = place.existing_store(&chosen(&place, target)?)?;
            let certificate = find(&store, parse(thumbprint)?)?;
            let readers = readers(&place, &chosen(&place, target)?, &store)?;
            let readers = may_read(&store, &readers, certificate.thumbprint())?;
            show(&certificate, None, readers, output);
            Ok(Exit::Done)
        }
        Store::Import { file, key } => {
            let password = read_password(key.password_file.as_deref())?;
            // Read before anything is made: a bad file leaves nothing behind.
            let certificate = read_file(file, key, password.as_ref().map(|password| password.as_str()))
                .map_err(|error| Failure::with(Exit::Refused, &error))?;
            if certificate.key().is_none() {
                return Err(Failure::new(
                    Exit::Refused,
                    "key-missing",
                    format!("there is no private key in `{}` or beside it", file.display()),
                    "name its file with --key, or give a PFX",
                ));
            }
            let app = App::open(Place::find(globals)?, None).await?;
            let store = store_in(&app, target)?;
            let imported = import_into(&app, &store, &certificate).await?;
            app.renewals.engine.state().leave().await;
            show(&certificate, Some(imported), Vec::new(), output);
            Ok(Exit::Done)
        }
        Store::Export { thumbprint, pfx, password_file } => {
            let place = Place::find(globals)?;
            let store = place.existing_store(&chosen(&place, target)?)?;
            let certificate = find(&store, parse(thumbprint)?)?;
            let Some(path) = pfx else {
                output.line(&certificate.to_pem());
                return Ok(Exit::Done);
            };
            if certificate.kept_key().is_some() {
                let thumbprint = certificate.thumbprint();
                return Err(Failure::of_store(&StoreError::KeyKept { thumbprint }));
            }
            let password = read_password(password_file.as_deref())?.unwrap_or_default();
            let bytes =
                certificate.to_pfx(&password).map_err(|error| Failure::with(Exit::Refused, &error))?;
            if path.exists() {
                return Err(Failure::new(
                    Exit::Usage,
                    "file-exists",
                    format!("`{}` exists", path.display()),
                    "name a file that does not exist yet",
                ));
            }
            durable::replace(path, &bytes, Attributes::private_file()).map_err(|error| {
                Failure::new(
                    Exit::Failed,
                    "file-not-written",
                    error.to_string(),
                    "see that you may write there",
                )
            })?;
            Ok(Exit::Done)
        }
        Store::Remove { thumbprint } => {
            let app = App::open(Place::find_existing(globals)?, None).await?;
            let thumbprint = parse(thumbprint)?;
            let store = store_in(&app, target)?;
            find(&store, thumbprint)?;
            refuse_if_used(&app, thumbprint)?;
            store.discard(thumbprint).map_err(|error| Failure::of_store(&error))?;
            output.line(&format!(
                "{thumbprint} is in the trash; `baton store restore {thumbprint}` takes it back"
            ));
            Ok(Exit::Done)
        }
        Store::Restore { thumbprint } => {
            let place = Place::find(globals)?;
            let store = place.existing_store(&chosen(&place, target)?)?;
            let thumbprint = parse(thumbprint)?;
            store.restore(thumbprint).map_err(|error| Failure::with(Exit::Refused, &error))?;
            output.line(&format!("{thumbprint} is in the store again"));
            Ok(Exit::Done)
        }
        Store::Permissions { thumbprint, repair, read } => {
            let wanted = Wanted { repair: *repair, account: read.as_deref() };
            permissions::run(&Place::find(globals)?, parse(thumbprint)?, target, wanted, output)
        }
    }
}

/// The store that is meant: that of a target, else `[store]`.
fn chosen(place: &Place, target: Option<&str>) -> Result<StoreChoice, Failure> {
    let loaded = &place.loaded;
    let Some(name) = target else { return settings::store::own(loaded) };
    let target = loaded.settings.target.iter().find(|target| target.name == name).ok_or_else(|| {
        Failure::new(
            Exit::Usage,
            "target-unknown",
            format!("there is no target named {name:?} in the settings"),
            "`baton target list` shows them",
        )
    })?;
    settings::store::of_target(loaded, target)
}

fn store_in(app: &App, target: Option<&str>) -> Result<SharedStore, Failure> {
    match target {
        Some(name) => Ok(Arc::clone(&app.target(name)?.store)),
        None => Ok(Arc::clone(&app.renewals.store)),
    }
}

fn list(place: &Place, target: Option<&str>, output: Output) -> Result<Exit, Failure> {
    let choice = chosen(place, target)?;
    let store = place.existing_store(&choice)?;
    let readers = readers(place, &choice, &store)?;
    let entries = store.list().map_err(|error| Failure::of_store(&error))?;
    let mut unreadable = Vec::new();
    let mut certificates = Vec::new();
    for entry in &entries {
        match entry {
            Entry::Certificate { leaf, chain, has_key } => {
                let readers = may_read(&store, &readers, leaf.thumbprint())?;
                certificates.push(CertificateObject::new(leaf, *chain, *has_key, readers));
            }
            Entry::Unreadable { path, error } => {
                unreadable.push(format!("{}: {}", path.display(), error.chain()))
            }
        }
    }
    if output.json {
        let list =
            ListObject { schema: baton_handover::SCHEMA, store: store.location(), certificates, unreadable };
        output.object(&list);
        return Ok(Exit::Done);
    }
    if certificates.is_empty() && unreadable.is_empty() {
        output.line(&format!("the store {} is empty", store.location()));
        return Ok(Exit::Done);
    }
    let yes_or_no = |yes: bool| if yes { "yes" } else { "no" }.to_owned();
    let rows = certificates.iter().map(|certificate| {
        let mut row = vec![
            certificate.thumbprint.to_string(),
            certificate.names.join(", "),
            common_name(certificate.issuer),
            certificate.not_after.strftime("%Y-%m-%d %H:%M").to_string(),
            certificate.days_left.to_string(),
            yes_or_no(certificate.has_key),
        ];
        if !readers.is_empty() {
            row.push(yes_or_no(certificate.services.iter().all(|service| service.may_read)));
        }
        row
    });
    let mut header = vec!["THUMBPRINT", "NAMES", "ISSUED BY", "ENDS (UTC)", "DAYS", "KEY"];
    header.extend((!readers.is_empty()).then_some("SERVICE MAY READ"));
    output.table(&header, rows.collect());
    unreadable.iter().for_each(|text| crate::output::tell(&format!("cannot be read: {text}")));
    Ok(Exit::Done)
}

fn show(certificate: &Certificate, imported: Option<Imported>, services: Vec<ServiceObject>, output: Output) {
    let leaf = certificate.leaf();
    let object = CertificateObject::new(leaf, certificate.chain().len(), certificate.has_key(), services);
    if output.json {
        output.object(&object);
        return;
    }
    match imported {
        Some(Imported::Added) => output.line("imported:"),
        Some(Imported::KeyAdded) => output.line("the key was missing in the store and is there now:"),
        Some(Imported::Present) => output.line("in the store already:"),
        None => {}
    }
    let chain: Vec<String> = certificate.chain().iter().map(|issuer| common_name(issuer.subject())).collect();
    for (label, value) in [
        ("thumbprint", leaf.thumbprint().to_string()),
        ("SHA-256", leaf.fingerprint().to_string()),
        ("subject", leaf.subject().to_owned()),
        ("names", leaf.names().join(", ")),
        ("issued by", leaf.issuer().to_owned()),
        ("chain", if chain.is_empty() { "(none)".to_owned() } else { chain.join(" ← ") }),
        ("serial", leaf.serial().to_owned()),
        (
            "key",
            format!(
                "{}, {}",
                leaf.key_algorithm(),
                match (object.has_key, certificate.kept_key()) {
                    (false, _) => "not in the store",
                    (true, None) => "in the store",
                    (true, Some(KeptKey::NotExportable)) => "in the store, and not exportable",
                    (true, Some(KeptKey::OnDevice)) => "on a smart card",
                }
            ),
        ),
        ("valid from", leaf.not_before().to_string()),
        ("valid to", format!("{} ({} days left)", leaf.not_after(), object.days_left)),
    ] {
        output.line(&format!("{label:<11} {value}"));
    }
    for service in &object.services {
        let may = if service.may_read { "may" } else { "may not" };
        output.line(&format!(
            "{:<11} `{}` {may} use the key, as {}",
            "service", service.service, service.account
        ));
    }
}

fn parse(text: &str) -> Result<Thumbprint, Failure> {
    text.parse().map_err(|error| Failure::with(Exit::Usage, &error))
}

fn find(store: &SharedStore, thumbprint: Thumbprint) -> Result<Certificate, Failure> {
    store.find(thumbprint).map_err(|error| Failure::of_store(&error))?.ok_or_else(|| {
        Failure::new(
            Exit::Refused,
            "certificate-not-found",
            format!("the certificate {thumbprint} is not in the store {}", store.location()),
            "`baton store list` shows what is there",
        )
    })
}

fn refuse_if_used(app: &App, thumbprint: Thumbprint) -> Result<(), Failure> {
    let names = |target: &&Arc<Target>| {
        target
            .inspect()
            .is_ok_and(|inspection| inspection.references.iter().any(|r| r.names == Some(thumbprint)))
    };
    match app.renewals.targets.iter().find(names) {
        Some(target) => Err(Failure::new(
            Exit::Refused,
            "certificate-in-use",
            format!("the target {:?} uses the certificate {thumbprint}", target.name),
            "hand the target over to another certificate first",
        )),
        None => Ok(()),
    }
}

fn days_left(leaf: &X509) -> i64 {
    leaf.not_after().duration_since(clock::now()).as_secs().div_euclid(86_400)
}
