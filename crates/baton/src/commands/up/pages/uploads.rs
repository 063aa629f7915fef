//! Files that people send. They are read in memory: a key that is sent is written nowhere but into the store.

use std::path::Path;

use baton_designer::{Problem, Upload};
use baton_store::FileContents;
use baton_x509::{Certificate, Thumbprint, X509};

use super::problem;
use crate::commands::swap;
use crate::failure::{Exit, Failure};
use crate::wiring::App;

/// The certificates of an answer, in PEM.
pub(super) fn read_answer(upload: &Upload) -> Result<String, Problem> {
    let contents = read(upload)?;
    if !contents.keys.is_empty() {
        return Err(refused(
            "key-given",
            "there is a private key in what was sent",
            "import it as a certificate with its key; to a request the CA answers without one",
        ));
    }
    Ok(contents.certificates.iter().map(X509::to_pem).collect())
}

/// Puts a certificate with its key into the store.
pub(super) async fn import(app: &App, upload: &Upload) -> Result<Thumbprint, Problem> {
    let FileContents { certificates, keys } = read(upload)?;
    if keys.is_empty() {
        return Err(refused(
            "key-missing",
            format!("there is no private key in `{}`", upload.name),
            "send a PFX, or a PEM file that holds the certificate and its key",
        ));
    }
    let certificate = Certificate::assemble(certificates, keys);
    let certificate = certificate.map_err(|error| problem(Failure::with(Exit::Refused, &error)))?;
    swap::import(app, &certificate).await.map_err(problem)?;
    Ok(certificate.thumbprint())
}

fn read(upload: &Upload) -> Result<FileContents, Problem> {
    let password = upload.password.as_ref().map(|password| password.as_str());
    FileContents::of_bytes(Path::new(&upload.name), &upload.content, password)
        .map_err(|error| problem(Failure::with(Exit::Refused, &error)))
}

fn refused(code: &str, message: impl Into<String>, hint: &str) -> Problem {
    problem(Failure::new(Exit::Refused, code, message, hint))
}
