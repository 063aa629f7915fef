//! `baton accept`

use std::sync::Arc;

use baton_handover::Report;
use baton_issuer::KeptRequest;
use baton_platform::progress::{self, Progress};
use baton_scheduler::{AcceptError, Answer as CaAnswer, RenewOptions};
use baton_store::FileContents;
use baton_x509::{Certificate, PemContents, PrivateKey, X509};

use crate::cli::{Accept, Globals};
use crate::commands::swap::read_password;
use crate::commands::{renew, request};
use crate::failure::{Exit, Failure};
use crate::local::{self, Answer, Request};
use crate::output::Output;
use crate::place::Place;
use crate::progress::Display;
use crate::settings::rules;
use crate::wiring::App;

/// The most that goes through the local socket: a chain has a few kilobytes.
const LARGEST: usize = 512 * 1024;

pub(crate) async fn run(globals: &Globals, arguments: &Accept, output: Output) -> Result<Exit, Failure> {
    let place = Place::find(globals)?;
    let contents = read(arguments)?;
    let pem: String = contents.certificates.iter().map(X509::to_pem).collect();
    if pem.len() > LARGEST {
        return Err(Failure::new(
            Exit::Refused,
            "file-too-large",
            format!("there are {} certificates, with more than 512 KiB", contents.certificates.len()),
            "give the certificate that was asked for, and those that issued it",
        ));
    }
    let options =
        RenewOptions { dry_run: arguments.dry_run, guarded: arguments.guarded, ..RenewOptions::default() };
    let request = Request::Accept { certificates: pem, fetch_chain: arguments.fetch_chain, options };
    let display = Display::new(globals);
    let told = Arc::clone(&display) as Arc<dyn Progress>;
    let answer = match own_key(contents)? {
        Some((leaf, key)) => with_own_key(place, request, leaf, key, arguments.dry_run, told).await,
        None => request::carry_out_told(place, request, told).await,
    };
    display.clear();
    let Answer::Reports { reports, .. } = answer? else { return Err(local::unexpected()) };
    reports.iter().for_each(|report| output.report(report));
    Ok(reports.iter().map(|report| Exit::of(report.outcome)).fold(Exit::Done, Exit::worse))
}

/// Takes an answer that the command has read, in this process.
pub(crate) async fn execute(
    app: &App,
    certificates: &str,
    fetch_chain: bool,
    options: RenewOptions,
) -> Result<Vec<Report>, Failure> {
    let contents = PemContents::read(certificates.as_bytes());
    let certificates = contents.map_err(|error| Failure::with(Exit::Refused, &error))?.certificates;
    let loaded = &app.place.loaded;
    // What cannot be read was told when the settings were opened.
    let roots = |issuer: &str| {
        let settings = loaded.settings.issuer.iter().find(|settings| settings.name == issuer);
        settings.and_then(|settings| rules::read_roots(loaded, settings).ok()).unwrap_or_default()
    };
    let answer = CaAnswer { certificates, fetch_chain, options };
    app.renewals.accept(&answer, roots).await.map_err(|error| Failure::with(exit_of(&error), &error))
}

fn exit_of(error: &AcceptError) -> Exit {
    match error {
        AcceptError::Renew(error) => renew::exit_of(error),
        AcceptError::Requests(_) => Exit::Failed,
        _ => Exit::Refused,
    }
}

/// All that the files hold.
fn read(arguments: &Accept) -> Result<FileContents, Failure> {
    let password = read_password(arguments.password_file.as_deref())?;
    let password = password.as_ref().map(|password| password.as_str());
    let mut all = FileContents::default();
    for path in &arguments.files {
        let contents =
            FileContents::read(path, password).map_err(|error| Failure::with(Exit::Refused, &error))?;
        for certificate in contents.certificates {
            if !all.certificates.contains(&certificate) {
                all.certificates.push(certificate);
            }
        }
        all.keys.extend(contents.keys);
    }
    if all.certificates.is_empty() {
        let files: Vec<String> = arguments.files.iter().map(|path| format!("`{}`", path.display())).collect();
        return Err(Failure::new(
            Exit::Refused,
            "certificate-missing",
            format!("there is a private key in {}, and no certificate", files.join(", ")),
            "give the file that the CA has answered with; the key is with the request already",
        ));
    }
    Ok(all)
}

/// The certificate that has its key in the files, and the key.
fn own_key(contents: FileContents) -> Result<Option<(X509, PrivateKey)>, Failure> {
    if contents.keys.is_empty() {
        return Ok(None);
    }
    let assembled = Certificate::assemble(contents.certificates, contents.keys);
    let certificate = assembled.map_err(|error| Failure::with(Exit::Refused, &error))?;
    Ok(certificate.key().cloned().map(|key| (certificate.leaf().clone(), key)))
}

/// A certificate that comes with a key of its own, which someone else has made. The key is kept as that of a request
/// would be; from there on it is an answer like any other.
async fn with_own_key(
    place: Place,
    request: Request,
    leaf: X509,
    key: PrivateKey,
    dry_run: bool,
    told: Arc<dyn Progress>,
) -> Result<Answer, Failure> {
    let app = App::open(place, None).await?;
    let kept = keep_key(&app, &leaf, key).await;
    let answer = match &kept {
        Ok(_) => match local::ask(&app.place.socket(), &request, Some(&*told)).await {
            Ok(Some(answer)) => answer.into_result(),
            Ok(None) => progress::listened(told, request::execute(&app, request, false)).await,
            Err(error) => Err(error),
        },
        Err(_) => Err(local::unexpected()),
    };
    app.leave().await;
    let kept = kept?;
    if let Some(kept) = kept.filter(|_| dry_run || answer.is_err()) {
        app.renewals.requests.forget(&kept)?;
    }
    answer
}

/// Keeps the key for the one certificate of the settings that it can be for; `None` where it is known already.
async fn keep_key(app: &App, leaf: &X509, key: PrivateKey) -> Result<Option<KeptRequest>, Failure> {
    let pending = app.renewals.requests.list()?.into_iter().filter_map(Result::ok);
    let is_of_leaf =
        |request: &KeptRequest| request.key.public_key().is_ok_and(|public| public == leaf.public_key());
    let known = app.renewals.engine.state().certificate(leaf.fingerprint()).await?;
    if pending.filter(is_of_leaf).count() > 0 || known.is_some_and(|record| record.name.is_some()) {
        return Ok(None);
    }
    let fits = app
        .renewals
        .certificates
        .iter()
        .filter(|certificate| !certificate.issuer.is_automatic() && certificate.is_for(&leaf.names()));
    let names: Vec<&str> = fits.map(|certificate| certificate.name.as_str()).collect();
    match names.as_slice() {
        [name] => {
            let kept = app.renewals.request_with(name, key).await;
            kept.map(Some).map_err(|error| Failure::with(renew::exit_of(&error), &error))
        }
        _ => Err(Failure::new(
            Exit::Refused,
            "certificate-unclear",
            format!(
                "{} comes with its own key, and its names ({}) are those of {} [[certificate]] whose issuer is a person",
                leaf.thumbprint(),
                leaf.names().join(", "),
                if names.is_empty() {
                    "no".to_owned()
                } else {
                    format!("more than one ({})", names.join(", "))
                },
            ),
            "`baton swap \"\" FILE --target NAME` hands a server over to it",
        )),
    }
}
