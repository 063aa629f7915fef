//! `baton store`

use std::sync::Arc;

use baton_finding::Explain;
use baton_platform::clock;
use baton_platform::durable::{self, Attributes};
use baton_store::{Entry, Imported, SharedStore};
use baton_target::Target;
use baton_x509::{Certificate, Thumbprint, X509};
use jiff::Timestamp;
use serde::Serialize;

use crate::cli::{Globals, Store};
use crate::commands::swap::{import, read_file, read_password};
use crate::failure::{Exit, Failure};
use crate::output::{Output, common_name};
use crate::place::Place;
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
}

impl<'a> CertificateObject<'a> {
    fn new(leaf: &'a X509, chain_length: usize, has_key: bool) -> Self {
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

pub(crate) async fn run(globals: &Globals, command: &Store, output: Output) -> Result<Exit, Failure> {
    match command {
        Store::List => list(&Place::find(globals)?.existing_store()?, output),
        Store::Show { thumbprint } => {
            let store = Place::find(globals)?.existing_store()?;
            let certificate = find(&store, parse(thumbprint)?)?;
            show(&certificate, None, output);
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
            let imported = import(&app, &certificate).await?;
            app.renewals.engine.state().leave().await;
            show(&certificate, Some(imported), output);
            Ok(Exit::Done)
        }
        Store::Export { thumbprint, pfx, password_file } => {
            let store = Place::find(globals)?.existing_store()?;
            let certificate = find(&store, parse(thumbprint)?)?;
            let Some(path) = pfx else {
                output.line(&certificate.to_pem());
                return Ok(Exit::Done);
            };
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
            find(&app.renewals.store, thumbprint)?;
            refuse_if_used(&app, thumbprint)?;
            app.renewals.store.discard(thumbprint)?;
            output.line(&format!(
                "{thumbprint} is in the trash; `baton store restore {thumbprint}` takes it back"
            ));
            Ok(Exit::Done)
        }
        Store::Restore { thumbprint } => {
            let store = Place::find(globals)?.existing_store()?;
            let thumbprint = parse(thumbprint)?;
            store.restore(thumbprint).map_err(|error| Failure::with(Exit::Refused, &error))?;
            output.line(&format!("{thumbprint} is in the store again"));
            Ok(Exit::Done)
        }
    }
}

fn list(store: &SharedStore, output: Output) -> Result<Exit, Failure> {
    let entries = store.list()?;
    let mut unreadable = Vec::new();
    let mut certificates = Vec::new();
    for entry in &entries {
        match entry {
            Entry::Certificate { leaf, chain, has_key } => {
                certificates.push(CertificateObject::new(leaf, *chain, *has_key));
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
    let rows = certificates.iter().map(|certificate| {
        vec![
            certificate.thumbprint.to_string(),
            certificate.names.join(", "),
            common_name(certificate.issuer),
            certificate.not_after.strftime("%Y-%m-%d %H:%M").to_string(),
            certificate.days_left.to_string(),
            if certificate.has_key { "yes" } else { "no" }.to_owned(),
        ]
    });
    output.table(&["THUMBPRINT", "NAMES", "ISSUED BY", "ENDS (UTC)", "DAYS", "KEY"], rows.collect());
    unreadable.iter().for_each(|text| crate::output::tell(&format!("cannot be read: {text}")));
    Ok(Exit::Done)
}

fn show(certificate: &Certificate, imported: Option<Imported>, output: Output) {
    let leaf = certificate.leaf();
    let object = CertificateObject::new(leaf, certificate.chain().len(), certificate.key().is_some());
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
                if object.has_key { "in the store" } else { "not in the store" }
            ),
        ),
        ("valid from", leaf.not_before().to_string()),
        ("valid to", format!("{} ({} days left)", leaf.not_after(), object.days_left)),
    ] {
        output.line(&format!("{label:<11} {value}"));
    }
}

fn parse(text: &str) -> Result<Thumbprint, Failure> {
    text.parse().map_err(|error| Failure::with(Exit::Usage, &error))
}

fn find(store: &SharedStore, thumbprint: Thumbprint) -> Result<Certificate, Failure> {
    store.find(thumbprint)?.ok_or_else(|| {
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
