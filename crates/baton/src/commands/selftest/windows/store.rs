//! A certificate store of the system, made for the run, with a key of each kind.

use baton_platform::access_list::Account;
use baton_platform::certificate_store::CertificateStore;
use baton_platform::host;
use baton_platform::key_container::{KeyContainer, KeyReference};
use baton_store::{Location, Provider, SharedStore, StoreName, WindowsPlace};
use baton_x509::{Certificate, KeyAlgorithm, is_signature};

use super::super::bench::Bench;
use super::super::line::{Line, NotPassed, Proven, ensure};
use super::schannel;

/// A kind of key, and who keeps it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Kind {
    name: &'static str,
    algorithm: KeyAlgorithm,
    provider: Provider,
}

const KINDS: [Kind; 3] = [
    Kind { name: "rsa-capi", algorithm: KeyAlgorithm::Rsa2048, provider: Provider::Capi },
    Kind { name: "rsa-cng", algorithm: KeyAlgorithm::Rsa2048, provider: Provider::Cng },
    Kind { name: "ecdsa-cng", algorithm: KeyAlgorithm::EcdsaP256, provider: Provider::Cng },
];

const NO_CNG: &str = "Wine has no keys of CNG";

pub(super) fn lines() -> Vec<Line> {
    KINDS.into_iter().flat_map(of_kind).collect()
}

/// The deletion last: the others look at what was imported.
fn of_kind(kind: Kind) -> Vec<Line> {
    let line = |what: &str, prove: fn(&Bench, Kind) -> Proven, not_under_wine: Option<&'static str>| {
        let line = Line::new(format!("{what}-{}", kind.name), move |bench| prove(bench, kind));
        match (kind.provider, not_under_wine) {
            (Provider::Cng, _) => line.not_under_wine(NO_CNG),
            (Provider::Capi, Some(why)) => line.not_under_wine(why),
            (Provider::Capi, None) => line,
        }
    };
    vec![
        line("store-import", found_after_import, None),
        line("key-stays", not_exported, None),
        line("key-signs", signs, None),
        line(
            "key-access",
            access_is_kept,
            Some("Wine takes an access list of a key, and forgets it with its last program"),
        ),
        line("store-trash", trashed_and_restored, None),
        line("schannel", schannel::served, Some("schannel of Wine is no server")),
        line("store-deletion", deleted_with_key, None),
    ]
}

/// The machine's store where the account may change it.
pub(super) fn location() -> Location {
    if host::is_administrator() { Location::LocalMachine } else { Location::CurrentUser }
}

/// Opened anew: nothing that was kept in memory counts.
fn open(bench: &Bench, kind: Kind) -> Result<SharedStore, NotPassed> {
    let name: StoreName = bench.name().parse()?;
    let place = WindowsPlace { location: location(), name, provider: kind.provider, is_exportable: false };
    Ok(place.open(bench.path("store.lock"))?)
}

/// A certificate of that kind, in the store.
pub(super) fn imported(bench: &Bench, kind: Kind) -> Result<Certificate, NotPassed> {
    let certificate = bench.certificate(kind.algorithm)?;
    open(bench, kind)?.import(&certificate)?;
    Ok(certificate)
}

fn found_after_import(bench: &Bench, kind: Kind) -> Proven {
    let certificate = imported(bench, kind)?;
    let found = open(bench, kind)?.find(certificate.thumbprint())?;
    let found = found.ok_or_else(|| NotPassed::Failed("it is not found after its import".to_owned()))?;
    ensure(found.leaf().der() == certificate.leaf().der(), || "another certificate is found".to_owned())?;
    ensure(found.has_key(), || "it is found without its key".to_owned())?;
    Ok(format!("found with its key in {}", location_name()))
}

fn location_name() -> &'static str {
    match location() {
        Location::LocalMachine => "LocalMachine",
        Location::CurrentUser => "CurrentUser",
    }
}

/// The key was put in as one that does not leave.
fn not_exported(bench: &Bench, kind: Kind) -> Proven {
    let certificate = imported(bench, kind)?;
    let found = open(bench, kind)?.find(certificate.thumbprint())?;
    let kept = found.as_ref().and_then(Certificate::kept_key);
    ensure(kept.is_some(), || "the key was taken out, or is not there".to_owned())?;
    Ok("its export is refused".to_owned())
}

/// The key signs where it is, and the signature is the certificate's.
fn signs(bench: &Bench, kind: Kind) -> Proven {
    const MESSAGE: &[u8] = b"signed by the self-test";
    let certificate = imported(bench, kind)?;
    let signer = open(bench, kind)?.signer(certificate.thumbprint())?;
    let signer = signer.ok_or_else(|| NotPassed::Failed("nothing signs with the key".to_owned()))?;
    let signature = signer.sign(MESSAGE)?;
    ensure(is_signature(certificate.leaf(), MESSAGE, &signature), || {
        "the signature is not its own".to_owned()
    })?;
    Ok("the signature was checked".to_owned())
}

/// An entry for the virtual account of a service is in the key's access list when it is read back, and lets it read.
fn access_is_kept(bench: &Bench, kind: Kind) -> Proven {
    let thumbprint = imported(bench, kind)?.thumbprint();
    let account = Account::well_known(&format!(r"NT SERVICE\{}", bench.name()));
    let account = account.ok_or_else(|| NotPassed::Failed("there are no virtual accounts".to_owned()))?;
    let read = || -> Result<_, NotPassed> {
        let list = open(bench, kind)?.key_access(thumbprint)?;
        list.ok_or_else(|| NotPassed::Failed("the key has no access list".to_owned()))
    };
    let before = read()?;
    ensure(!before.may_read(&account), || {
        "the account may use the key before it was given the right".to_owned()
    })?;
    open(bench, kind)?.set_key_access(thumbprint, &before.with_read_for(&account))?;
    ensure(read()?.may_read(&account), || "the entry is not there when it is read back".to_owned())?;
    Ok("an entry for a service's account, read back".to_owned())
}

fn trashed_and_restored(bench: &Bench, kind: Kind) -> Proven {
    let thumbprint = imported(bench, kind)?.thumbprint();
    open(bench, kind)?.discard(thumbprint)?;
    ensure(!open(bench, kind)?.contains(thumbprint), || "it is found after it was removed".to_owned())?;
    open(bench, kind)?.restore(thumbprint)?;
    let found = open(bench, kind)?.find(thumbprint)?;
    ensure(found.is_some_and(|found| found.has_key()), || "it is not back with its key".to_owned())?;
    Ok("and back, with its key".to_owned())
}

fn deleted_with_key(bench: &Bench, kind: Kind) -> Proven {
    let thumbprint = imported(bench, kind)?.thumbprint();
    let store = CertificateStore::open_existing(location().into(), bench.name())?;
    let key = match store.and_then(|store| store.find(thumbprint.as_bytes())) {
        Some(stored) => stored.key()?,
        None => None,
    };
    let key = key.ok_or_else(|| NotPassed::Failed("the certificate does not name its key".to_owned()))?;
    open(bench, kind)?.discard(thumbprint)?;
    open(bench, kind)?.shred(thumbprint)?;
    ensure(!open(bench, kind)?.contains(thumbprint), || "the certificate is still there".to_owned())?;
    ensure(KeyContainer::open(&key)?.is_none(), || "the key is still there".to_owned())?;
    Ok("certificate and key are gone".to_owned())
}

/// Removes the stores of a run, and the keys of their certificates.
pub(super) fn clear_away(name: &str) -> std::io::Result<()> {
    for location in [Location::LocalMachine, Location::CurrentUser].map(Into::into) {
        for name in [name.to_owned(), format!("Baton trash {name}"), format!("Baton incoming {name}")] {
            // Without the right to it none was made.
            let Ok(Some(store)) = CertificateStore::open_existing(location, &name) else { continue };
            for key in store.certificates().iter().filter_map(|stored| stored.key().ok().flatten()) {
                delete_key(&key)?;
            }
            drop(store);
            CertificateStore::delete(location, &name)?;
        }
    }
    Ok(())
}

fn delete_key(key: &KeyReference) -> std::io::Result<()> {
    if key.is_on_device() { Ok(()) } else { KeyContainer::delete(key) }
}
