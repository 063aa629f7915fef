//! A store of plain files.

use baton_store::{DirectoryStore, Store as _};
use baton_x509::KeyAlgorithm;

use super::bench::Bench;
use super::line::{Line, Proven, ensure};

pub(super) fn lines() -> Vec<Line> {
    [("rsa", KeyAlgorithm::Rsa2048), ("ecdsa", KeyAlgorithm::EcdsaP256)]
        .map(|(kind, algorithm)| {
            Line::new(format!("directory-store-{kind}"), move |bench| moved(bench, algorithm))
        })
        .into()
}

/// Put in, found with its key, thrown away, taken back, deleted: each seen by a store that is opened anew.
fn moved(bench: &Bench, algorithm: KeyAlgorithm) -> Proven {
    let path = bench.path(&format!("store-{algorithm}"));
    let open = || DirectoryStore::open(&path);
    let certificate = bench.certificate(algorithm)?;
    let thumbprint = certificate.thumbprint();
    open()?.import(&certificate)?;
    let is_there = || -> Result<bool, super::line::NotPassed> {
        let Some(found) = open()?.find(thumbprint)? else { return Ok(false) };
        let wanted = certificate.leaf().public_key();
        let has_key = found.key().is_some_and(|key| key.public_key().is_ok_and(|it| it == wanted));
        Ok(found.leaf().der() == certificate.leaf().der() && has_key)
    };
    ensure(is_there()?, || "it is not found with its key after its import".to_owned())?;
    open()?.discard(thumbprint)?;
    ensure(!open()?.contains(thumbprint), || "it is found after it was removed".to_owned())?;
    open()?.restore(thumbprint)?;
    ensure(is_there()?, || "it is not found with its key after it was restored".to_owned())?;
    open()?.discard(thumbprint)?;
    open()?.shred(thumbprint)?;
    let restored = open()?.restore(thumbprint);
    ensure(restored.is_err(), || "it comes back after it was deleted".to_owned())?;
    Ok("import, trash, restore, deletion".to_owned())
}
