//! `baton request`

use std::io::Write as _;
use std::path::Path;

use baton_handover::SCHEMA;
use baton_issuer::{KeptRequest, Template};
use baton_platform::clock;
use baton_platform::durable::{self, Attributes};
use baton_scheduler::{KeyChoice, RequestOptions};
use fs_err as fs;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::cli::{Globals, NewRequest, RequestCommand, RequestOf};
use crate::commands::renew;
use crate::commands::request::carry_out;
use crate::failure::{Exit, Failure};
use crate::local::{self, Answer, Request};
use crate::output::{Output, finding_lines, span_text, tell};
use crate::place::Place;
use crate::wiring::App;

/// A request that waits for its answer, as it is printed; never its key.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct PendingRequest {
    pub(crate) id: String,
    pub(crate) certificate: String,
    pub(crate) issuer: String,
    pub(crate) names: Vec<String>,
    pub(crate) key: String,
    pub(crate) same_key: bool,
    pub(crate) template: Option<String>,
    pub(crate) by_hand: bool,
    pub(crate) made_at: Timestamp,
    /// PEM.
    pub(crate) request: String,
}

impl From<&KeptRequest> for PendingRequest {
    fn from(kept: &KeptRequest) -> Self {
        Self {
            id: kept.id.clone(),
            certificate: kept.certificate.clone(),
            issuer: kept.issuer.clone(),
            names: kept.names.iter().map(ToString::to_string).collect(),
            key: kept.algorithm.to_string(),
            same_key: kept.is_same_key,
            template: kept.template.as_ref().map(ToString::to_string),
            by_hand: kept.is_by_hand,
            made_at: kept.made_at,
            request: kept.request.to_pem(),
        }
    }
}

/// What `--json` prints of one.
#[derive(Serialize)]
struct RequestObject<'a> {
    schema: &'static str,
    #[serde(flatten)]
    request: &'a PendingRequest,
    is_new: bool,
    findings: &'a [baton_finding::Finding],
}

/// What `--json` prints of all.
#[derive(Serialize)]
struct ListObject<'a> {
    schema: &'static str,
    requests: &'a [PendingRequest],
    unreadable: &'a [String],
}

pub(crate) async fn run(globals: &Globals, arguments: &RequestOf, output: Output) -> Result<Exit, Failure> {
    match &arguments.command {
        Some(RequestCommand::List) => list(globals, output).await,
        Some(RequestCommand::Cancel { which }) => cancel(globals, which, output).await,
        None => make(globals, &arguments.new, output).await,
    }
}

async fn make(globals: &Globals, arguments: &NewRequest, output: Output) -> Result<Exit, Failure> {
    let name = arguments.name.clone().unwrap_or_default();
    let template =
        arguments.template.as_deref().map(str::parse::<Template>).transpose().map_err(|error| {
            let hint = "write its name without blanks, such as WebServer, or its object identifier";
            Failure::new(Exit::Usage, "template-invalid", error.to_string(), hint)
        })?;
    let options =
        RequestOptions { key: KeyChoice::of_flags(arguments.same_key, arguments.new_key), template };
    let request = Request::Ask { certificate: name, options };
    let Answer::Asked { request, is_new, findings } = carry_out(Place::find(globals)?, request).await? else {
        return Err(local::unexpected());
    };
    let der = pem_to_der(&request.request)?;
    let content = if arguments.der { der.as_slice() } else { request.request.as_bytes() };
    if let Some(path) = &arguments.out {
        write(path, content)?;
    }
    if output.json {
        output.object(&RequestObject { schema: SCHEMA, request: &request, is_new, findings: &findings });
    } else if arguments.out.is_none() {
        print(content)?;
    }
    if !globals.quiet {
        let PendingRequest { id, certificate, .. } = &request;
        tell(&if is_new {
            format!(
                "the request {id} for {certificate:?} is pending: `baton accept FILE` takes what the CA answers"
            )
        } else {
            format!(
                "the request {id} for {certificate:?} is the one of {:.0}: nothing differs",
                request.made_at
            )
        });
        findings.iter().flat_map(finding_lines).for_each(|line| tell(&line));
    }
    Ok(Exit::Done)
}

async fn list(globals: &Globals, output: Output) -> Result<Exit, Failure> {
    let (requests, unreadable) = match carry_out(Place::find_existing(globals)?, Request::Pending).await? {
        Answer::Requests { requests, unreadable } => (requests, unreadable),
        _ => return Err(local::unexpected()),
    };
    if output.json {
        output.object(&ListObject { schema: SCHEMA, requests: &requests, unreadable: &unreadable });
    } else if requests.is_empty() {
        tell("no request is pending");
    } else {
        let now = clock::now();
        let row = |request: &PendingRequest| {
            let key = if request.same_key { format!("{}, kept", request.key) } else { request.key.clone() };
            let age = now.duration_since(request.made_at).as_secs();
            vec![
                request.id.clone(),
                request.certificate.clone(),
                request.issuer.clone(),
                key,
                request.template.clone().unwrap_or_else(|| "-".to_owned()),
                request.names.join(", "),
                format!("{} ago", span_text(age)),
            ]
        };
        let headers = ["ID", "CERTIFICATE", "ISSUER", "KEY", "TEMPLATE", "NAMES", "MADE"];
        output.table(&headers, requests.iter().map(row).collect());
    }
    unreadable.iter().for_each(|reason| tell(&format!("warning: {reason}")));
    Ok(Exit::Done)
}

async fn cancel(globals: &Globals, which: &str, output: Output) -> Result<Exit, Failure> {
    let request = Request::Cancel { which: which.to_owned() };
    let Answer::Cancelled { request } = carry_out(Place::find_existing(globals)?, request).await? else {
        return Err(local::unexpected());
    };
    let PendingRequest { id, certificate, same_key, .. } = &request;
    let key = if *same_key { "" } else { " with its key: what the CA answers to it is of no use any more" };
    output.line(&format!("the request {id} for {certificate:?} is forgotten{key}"));
    Ok(Exit::Done)
}

/// Makes a request, or finds the one that was made before.
pub(crate) async fn ask(app: &App, certificate: &str, options: &RequestOptions) -> Result<Answer, Failure> {
    let asked = app.renewals.request(certificate, options).await;
    let asked = asked.map_err(|error| Failure::with(renew::exit_of(&error), &error))?;
    let request = PendingRequest::from(&asked.request);
    Ok(Answer::Asked { request, is_new: asked.is_new, findings: asked.findings })
}

/// All that are pending, and why others cannot be read.
pub(crate) fn pending(app: &App) -> Result<Answer, Failure> {
    let (mut requests, mut unreadable) = (Vec::new(), Vec::new());
    for request in app.renewals.requests.list()? {
        match request {
            Ok(request) => requests.push(PendingRequest::from(&request)),
            Err(error) => unreadable.push(baton_finding::Explain::chain(&error)),
        }
    }
    Ok(Answer::Requests { requests, unreadable })
}

/// Forgets the one of that id, or the only one of that certificate.
pub(crate) fn forget(app: &App, which: &str) -> Result<Answer, Failure> {
    let requests: Vec<KeptRequest> =
        app.renewals.requests.list()?.into_iter().filter_map(Result::ok).collect();
    let of_id = requests.iter().filter(|request| request.id == which).collect::<Vec<_>>();
    let of_name = requests.iter().filter(|request| request.certificate == which).collect::<Vec<_>>();
    match if of_id.is_empty() { of_name } else { of_id }.as_slice() {
        [request] => {
            app.renewals.requests.forget(request)?;
            Ok(Answer::Cancelled { request: PendingRequest::from(*request) })
        }
        [] => Err(Failure::new(
            Exit::Usage,
            "request-unknown",
            format!("no request is pending for {which:?}"),
            "`baton request list` shows those that are",
        )),
        several => {
            let ids: Vec<&str> = several.iter().map(|request| request.id.as_str()).collect();
            Err(Failure::new(
                Exit::Usage,
                "request-unclear",
                format!("{} requests are pending for {which:?}", several.len()),
                format!("name one of them: {}", ids.join(", ")),
            ))
        }
    }
}

fn pem_to_der(pem: &str) -> Result<Vec<u8>, Failure> {
    use base64::Engine as _;
    let lines: String = pem.lines().filter(|line| !line.starts_with("-----")).collect();
    base64::prelude::BASE64_STANDARD.decode(lines).map_err(|_| local::unexpected())
}

fn print(content: &[u8]) -> Result<(), Failure> {
    let mut stdout = std::io::stdout().lock();
    stdout.write_all(content).and_then(|()| stdout.flush()).map_err(|error| {
        let hint = "the request is kept: ask for it again";
        Failure::new(Exit::Failed, "output-failed", error.to_string(), hint)
    })
}

/// A file that exists stays as it is, unless it is this very request, or what a write of it that was broken off left.
fn write(path: &Path, content: &[u8]) -> Result<(), Failure> {
    if path.exists() && !fs::read(path).is_ok_and(|present| content.starts_with(&present)) {
        return Err(Failure::new(
            Exit::Usage,
            "file-exists",
            format!("`{}` exists", path.display()),
            "name a file that does not exist yet; the request is kept, and the same when it is asked for again",
        ));
    }
    durable::replace(path, content, Attributes::public_file()).map_err(|error| {
        let hint =
            "see that you may write there; the request is kept, and the same when it is asked for again";
        Failure::new(Exit::Failed, "file-not-written", error.to_string(), hint)
    })
}
