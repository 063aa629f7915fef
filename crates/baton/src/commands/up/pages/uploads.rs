//! Files that people send. They are read in memory: a key that is sent is written nowhere but into the store.

use std::path::Path;

use baton_designer::{Problem, Upload};
use baton_store::FileContents;
use baton_x509::{Certificate, Thumbprint, X509};
use tokio::sync::Semaphore;
use tokio::task::{JoinError, spawn_blocking};

use super::problem;
use crate::commands::swap;
use crate::failure::{Exit, Failure};
use crate::wiring::App;

static READING: Semaphore = Semaphore::const_new(1);

/// The certificates of an answer, in PEM.
pub(super) async fn read_answer(upload: Upload) -> Result<String, Problem> {
    let contents = read(upload).await?;
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
pub(super) async fn import(app: &App, upload: Upload) -> Result<Thumbprint, Problem> {
    let name = upload.name.clone();
    let FileContents { certificates, keys } = read(upload).await?;
    if keys.is_empty() {
        return Err(refused(
            "key-missing",
            format!("there is no private key in `{name}`"),
            "send a PFX, or a PEM file that holds the certificate and its key",
        ));
    }
    let certificate = Certificate::assemble(certificates, keys);
    let certificate = certificate.map_err(|error| problem(Failure::with(Exit::Refused, &error)))?;
    swap::import(app, &certificate).await.map_err(problem)?;
    Ok(certificate.thumbprint())
}

/// Beside the threads that serve, and one file at a time: whoever made a PFX decides how much work its password is.
async fn read(upload: Upload) -> Result<FileContents, Problem> {
    // It is never closed.
    let turn = READING.acquire().await;
    let read = spawn_blocking(move || {
        let _turn = turn;
        let password = upload.password.as_ref().map(|password| password.as_str());
        FileContents::of_bytes(Path::new(&upload.name), &upload.content, password)
            .map_err(|error| problem(Failure::with(Exit::Refused, &error)))
    });
    let broken = |error: JoinError| {
        let hint = "see that it is a certificate, and try again";
        refused("file-unreadable", format!("the file cannot be read: {error}"), hint)
    };
    read.await.map_err(broken)?
}

fn refused(code: &str, message: impl Into<String>, hint: &str) -> Problem {
    problem(Failure::new(Exit::Refused, code, message, hint))
}
