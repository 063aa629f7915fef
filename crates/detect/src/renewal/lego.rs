//! lego: beside each certificate `NAME.crt` a file `NAME.json` that says what it is.

use std::path::Path;

use baton_textedit::{JsonDocument, Pointer, Scalar};
use fs_err as fs;

use super::{Client, Renewal, Step};
use crate::nginx::leaf_of;

/// The renewal of a certificate that a server reads from lego's own directory.
pub(super) fn beside(certificate: &Path) -> Option<Renewal> {
    let file = certificate.with_extension("json");
    let document = JsonDocument::parse(&fs::read(&file).ok()?).ok()?;
    let domain = document.value(&Pointer::root().member("domain")).and_then(Scalar::as_str)?;
    Some(Renewal {
        client: Client::Lego,
        name: domain.to_owned(),
        names: leaf_of(certificate).map(|leaf| leaf.names()).unwrap_or_default(),
        files: vec![certificate.to_owned(), certificate.with_extension("key")],
        file,
        thumbprints: Vec::new(),
        step: Step::ToldAtEachCall,
    })
}
