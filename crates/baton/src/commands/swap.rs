//! `baton swap`

use std::path::Path;

use baton_finding::Finding;
use baton_handover::{Purpose, Report, Request as HandoverRequest};
use baton_platform::clock;
use baton_scheduler::ManagedCertificate;
use baton_state::{Met, Origin, Outcome};
use baton_store::{CertificateFile, Imported, SharedStore};
use baton_target::{ProductServer, Target};
use baton_x509::{Certificate, Thumbprint};
use fs_err as fs;
use zeroize::Zeroizing;

use crate::cli::{Globals, KeyFile, Swap};
use crate::failure::{Exit, Failure};
use crate::local::{self, Answer, Request, SwapRequest};
use crate::output::Output;
use crate::place::Place;
use crate::wiring::{App, DESIGNER};

/// What became of the targets, and the worst of the errors that kept one from its turn.
pub(crate) type Swapped = (Vec<Report>, Option<Failure>);

pub(crate) async fn run(globals: &Globals, arguments: &Swap, output: Output) -> Result<Exit, Failure> {
    let place = Place::find(globals)?;
    let old = parse_old(&arguments.old)?;
    let app = App::open(place, None).await?;
    let result = run_in(&app, arguments, old).await;
    app.leave().await;
    Ok(print(&result?, output))
}

async fn run_in(app: &App, arguments: &Swap, old: Option<Thumbprint>) -> Result<Swapped, Failure> {
    let targets = choose_targets(app, arguments.target.as_deref(), old)?;
    let new = match bring(app, arguments).await? {
        Ok(new) => new,
        Err(finding) => {
            let reports = targets.iter().map(|target| refused(target, finding.clone())).collect();
            return Ok((reports, None));
        }
    };
    let request = SwapRequest {
        old,
        new,
        targets,
        enable_tls: arguments.enable_tls,
        protocol: arguments.protocol,
        server: arguments.server,
        guarded: arguments.guarded,
        dry_run: arguments.dry_run,
    };
    hand_over(app, &request).await
}

/// The report on a target whose handover is refused before it begins.
pub(crate) fn refused(target: &str, finding: Finding) -> Report {
    let mut report = Report::without_handover("", target, Outcome::Refused, vec![finding], clock::now());
    report.certificate = None;
    report
}

/// Prints what became of the targets; the worst counts.
pub(crate) fn print((reports, failure): &Swapped, output: Output) -> Exit {
    reports.iter().for_each(|report| output.report(report));
    let exit = reports.iter().map(Exit::of_swap).fold(Exit::Done, Exit::worse);
    match failure {
        // Told after what was done for the others.
        Some(failure) => {
            output.failure(failure);
            exit.worse(failure.exit)
        }
        None => exit,
    }
}

/// Has the targets handed over by a running `up`, or does it here.
pub(crate) async fn hand_over(app: &App, request: &SwapRequest) -> Result<Swapped, Failure> {
    match local::ask(&app.place.socket(), &Request::Swap(request.clone()), None).await? {
        Some(Answer::Reports { reports, failure }) => Ok((reports, failure.map(Failure::from))),
        Some(Answer::Failed { failure }) => Err(failure.into()),
        Some(_) => Err(local::unexpected()),
        None => execute(app, request).await,
    }
}

/// Hands the targets over to a certificate of the store, one after the other; the failure of one does not keep the
/// others from their turn.
pub(crate) async fn execute(app: &App, request: &SwapRequest) -> Result<Swapped, Failure> {
    let (mut prepared, mut failures) = (Vec::new(), Vec::new());
    for name in &request.targets {
        match successor_for(app, request, name) {
            Ok((target, successor)) => prepared.push((target.only(request.server), successor)),
            Err(failure) => failures.push(failure),
        }
    }
    let of_target = |target: &Target| {
        let uses =
            |certificate: &&ManagedCertificate| certificate.targets.iter().any(|t| t.name == target.name);
        app.renewals.certificates.iter().find(uses).map(|certificate| certificate.name.as_str())
    };
    let mut requests = Vec::new();
    for (target, successor) in &prepared {
        // The certificate of the settings is that of the web server, where there are two.
        let is_apart = target.server() == Some(ProductServer::Configuration);
        requests.push(HandoverRequest {
            certificate: of_target(target).filter(|_| !is_apart),
            target,
            successor,
            old: request.old,
            purpose: Purpose::Swap,
            enable_tls: request.enable_tls || request.protocol.is_some(),
            protocol: request.protocol,
            guarded: request.guarded,
            dry_run: request.dry_run,
        });
    }
    let (reports, error) = app.renewals.engine.hand_over_all(&requests).await;
    failures.extend(error.map(Failure::from));
    app.renewals.adopt_swapped(&reports).await?;
    Ok((reports, failures.into_iter().reduce(Failure::worse)))
}

/// A target, and the certificate that it is to serve out of the store, or out of its own.
fn successor_for<'a>(
    app: &'a App,
    request: &SwapRequest,
    name: &str,
) -> Result<(&'a Target, Certificate), Failure> {
    let target = app.target(name)?;
    let successor = match app.renewals.store.find(request.new)? {
        Some(successor) => Some(successor),
        None => target.store.find(request.new)?,
    };
    let successor =
        successor.ok_or_else(|| Failure::of_finding(Exit::Refused, not_found(app, request.new)))?;
    Ok((target, successor))
}

/// A certificate of the store, or of the store of a target.
pub(crate) fn find_anywhere(app: &App, thumbprint: Thumbprint) -> Result<Certificate, Failure> {
    let stores = app.renewals.targets.iter().map(|target| &target.store);
    for store in std::iter::once(&app.renewals.store).chain(stores) {
        if let Some(certificate) = store.find(thumbprint)? {
            return Ok(certificate);
        }
    }
    Err(Failure::of_finding(Exit::Refused, not_found(app, thumbprint)))
}

fn not_found(app: &App, thumbprint: Thumbprint) -> Finding {
    Finding::error(
        "certificate-not-found",
        format!("the certificate {thumbprint} is not in the store {}", app.renewals.store.location()),
        "`baton store list` shows what is there; `baton store import FILE` brings a certificate in",
    )
}

/// Puts a certificate that someone brought into the store, and remembers it.
pub(crate) async fn import(app: &App, certificate: &Certificate) -> Result<Imported, Failure> {
    import_into(app, &app.renewals.store, certificate).await
}

/// Puts a certificate that someone brought into one of the stores, and remembers it.
pub(crate) async fn import_into(
    app: &App,
    store: &SharedStore,
    certificate: &Certificate,
) -> Result<Imported, Failure> {
    let imported = store.import(certificate).map_err(|error| Failure::of_store(&error))?;
    let met = Met { certificate: certificate.leaf(), name: None, origin: Origin::Imported };
    app.renewals.engine.state().record_certificate(&met, clock::now()).await?;
    Ok(imported)
}

pub(crate) fn parse_old(text: &str) -> Result<Option<Thumbprint>, Failure> {
    if text.trim().is_empty() {
        return Ok(None);
    }
    text.parse().map(Some).map_err(|error| Failure::with(Exit::Usage, &error))
}

/// The named target; else the ones that name OLD; else the only one.
fn choose_targets(app: &App, named: Option<&str>, old: Option<Thumbprint>) -> Result<Vec<String>, Failure> {
    if let Some(named) = named {
        return Ok(vec![app.target(named)?.name.clone()]);
    }
    let targets: Vec<_> = app.renewals.targets.iter().filter(|target| target.name != DESIGNER).collect();
    if let [only] = targets.as_slice() {
        return Ok(vec![only.name.clone()]);
    }
    let names_old = |target: &&&std::sync::Arc<Target>| {
        old.is_some() && target.inspect().is_ok_and(|inspection| inspection.current == old)
    };
    let using: Vec<String> = targets.iter().filter(names_old).map(|target| target.name.clone()).collect();
    if using.is_empty() {
        let known = targets.iter().map(|target| target.name.as_str()).collect::<Vec<_>>().join(", ");
        let (message, hint) = if known.is_empty() {
            ("the settings have no target", "add a [[target]] to baton.toml".to_owned())
        } else {
            ("no target uses the old certificate", format!("name one with --target: {known}"))
        };
        return Err(Failure::new(Exit::Usage, "target-unclear", message, hint));
    }
    Ok(using)
}

/// The successor in the store: found by its thumbprint, or imported from a file. `Err` inside is a refusal.
async fn bring(app: &App, arguments: &Swap) -> Result<Result<Thumbprint, Finding>, Failure> {
    let path = Path::new(&arguments.new);
    let thumbprint = match arguments.new.parse::<Thumbprint>() {
        Ok(thumbprint) => thumbprint,
        Err(_) if path.exists() => {
            let password = read_password(arguments.file.password_file.as_deref())?;
            let read = read_file(path, &arguments.file, password.as_ref().map(|password| password.as_str()));
            let certificate = match read {
                Ok(certificate) => certificate,
                Err(error) => return Ok(Err(Finding::from_error(&error))),
            };
            let thumbprint = certificate.thumbprint();
            // A dry run leaves the store as it is; so it can only tell about what is in there.
            if arguments.dry_run && !app.renewals.store.contains(thumbprint) {
                return Err(Failure::new(
                    Exit::Usage,
                    "certificate-not-imported",
                    format!("a dry run changes nothing, and {thumbprint} is not in the store yet"),
                    "import it with `baton store import FILE` first",
                ));
            }
            import(app, &certificate).await?;
            thumbprint
        }
        Err(error) => {
            let hint = "give a thumbprint of the store, or the path of a PFX, PEM or DER file that exists";
            let mut failure = Failure::with(Exit::Usage, &error);
            failure.chain = vec![format!("{:?} is neither a thumbprint nor a file", arguments.new)];
            failure.hint = Some(hint.to_owned());
            return Err(failure);
        }
    };
    let in_some_store = app.renewals.store.contains(thumbprint)
        || app.renewals.targets.iter().any(|target| target.store.contains(thumbprint));
    Ok(if in_some_store { Ok(thumbprint) } else { Err(not_found(app, thumbprint)) })
}

/// The certificate of a file that someone named.
pub(crate) fn read_file(
    path: &Path,
    key: &KeyFile,
    password: Option<&str>,
) -> Result<Certificate, baton_store::ReadFileError> {
    CertificateFile { path, key: key.key.as_deref(), password }.read()
}

/// The first line of a password file: passwords do not belong into arguments, which every account can list.
pub(crate) fn read_password(path: Option<&Path>) -> Result<Option<Zeroizing<String>>, Failure> {
    let Some(path) = path else { return Ok(None) };
    let text = fs::read_to_string(path).map(Zeroizing::new).map_err(|error| {
        Failure::new(
            Exit::Usage,
            "file-unreadable",
            error.to_string(),
            "see that the file is there and is text",
        )
    })?;
    Ok(Some(Zeroizing::new(text.lines().next().unwrap_or_default().to_owned())))
}

impl Exit {
    /// References that were handed over while TLS is off are all that was asked for.
    fn of_swap(report: &Report) -> Self {
        match report.outcome {
            Some(Outcome::Pending) if report.findings.iter().any(|finding| finding.code == "tls-off") => {
                Self::Done
            }
            outcome => Self::of(outcome),
        }
    }
}
