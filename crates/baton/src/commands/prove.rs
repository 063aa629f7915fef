//! `baton prove`

use std::sync::Arc;

use baton_finding::Finding;
use baton_handover::{SCHEMA, ServedReport, Status, StatusRow, Subject};
use baton_platform::clock;
use baton_schedule::{Attention, Lifetime, attention};
use baton_target::{Endpoint, EndpointAddress, KeyFamily, Seen, Target, probe};

use crate::cli::{Globals, Prove};
use crate::commands::request::carry_out;
use crate::commands::status;
use crate::failure::{Exit, Failure};
use crate::local::{self, Answer, Request};
use crate::output::Output;
use crate::place::Place;
use crate::wiring::App;

/// How long one address may take to answer.
const TIME_LIMIT: std::time::Duration = std::time::Duration::from_secs(10);

pub(crate) async fn run(globals: &Globals, arguments: &Prove, output: Output) -> Result<Exit, Failure> {
    // A target's name has no colon.
    if let Some(address) = arguments.what.as_deref().filter(|what| what.contains(':')) {
        let address = address.parse().map_err(|error| Failure::with(Exit::Usage, &error))?;
        let status = prove_address(address).await?;
        output.status(&status);
        return Ok(status::exit(&status));
    }
    let place = Place::find_existing(globals)?;
    let request = Request::Prove { target: arguments.what.clone() };
    let Answer::Status { status } = carry_out(place, request).await? else {
        return Err(local::unexpected());
    };
    output.status(&status);
    Ok(status::exit(&status))
}

/// Asks all endpoints of a target, or of all targets, and tells how they stand.
///
/// Without `up` our own listener is not there to be asked, unless it is named.
pub(crate) async fn execute(app: &App, target: Option<&str>, is_up: bool) -> Result<Status, Failure> {
    let targets: Vec<&Arc<Target>> = match target {
        Some(name) => vec![app.target(name)?],
        None if is_up => app.renewals.targets.iter().collect(),
        None => app.targets_of_settings().collect(),
    };
    for target in &targets {
        app.renewals.engine.observe(target).await?;
    }
    let is_asked = |subject: &Subject<'_>| {
        subject.target.is_some_and(|target| targets.iter().any(|asked| asked.name == target.name))
    };
    let subjects: Vec<Subject<'_>> = app.subjects().into_iter().filter(is_asked).collect();
    Ok(app.renewals.engine.status(&subjects).await?)
}

/// Asks an address that belongs to no target.
async fn prove_address(address: EndpointAddress) -> Result<Status, Failure> {
    let endpoint = Endpoint::of(address);
    let addresses = endpoint.resolve().await.map_err(|error| {
        Failure::new(
            Exit::Failed,
            "endpoint-unresolved",
            format!("{endpoint} cannot be resolved: {error}"),
            "see whether the name is right, or give an address",
        )
    })?;
    let now = clock::now();
    let (mut rows, mut worst) = (Vec::new(), Attention::Fine);
    for address in addresses {
        let seen = probe(address, &endpoint.name, KeyFamily::Any, TIME_LIMIT).await;
        let (row, attention) = row(&endpoint, address.to_string(), &seen);
        worst = worst.max(attention);
        rows.push(row);
    }
    Ok(Status {
        schema: SCHEMA.to_owned(),
        at: now,
        attention: worst.name().to_owned(),
        rows,
        findings: Vec::new(),
    })
}

fn row(endpoint: &Endpoint, address: String, seen: &Seen) -> (StatusRow, Attention) {
    let now = clock::now();
    let leaf = seen.handshake().map(|handshake| &handshake.leaf);
    let mut findings = Vec::new();
    let urgency = match leaf {
        Some(leaf) => attention(Lifetime { not_before: leaf.not_before(), not_after: leaf.not_after() }, now),
        None => {
            findings.push(Finding::error(
                seen.code(),
                format!("{endpoint} {seen}"),
                "see the service's own log",
            ));
            Attention::Now
        }
    };
    if let Some(leaf) = leaf.filter(|leaf| !leaf.covers(&endpoint.name)) {
        findings.push(Finding::warning(
            "name-not-covered",
            format!("{endpoint} serves a certificate for {}", leaf.names().join(", ")),
            "ask for one of these names",
        ));
    }
    let row = StatusRow {
        certificate: None,
        target: None,
        endpoint: Some(endpoint.to_string()),
        address: Some(address),
        served: leaf.map(ServedReport::from),
        named: None,
        differs: false,
        days_left: leaf.map(|leaf| leaf.not_after().duration_since(now).as_secs().div_euclid(86_400)),
        due: None,
        due_reason: None,
        renewal_window: None,
        pending: None,
        probed_at: Some(now),
        attention: urgency.name().to_owned(),
        findings,
    };
    (row, urgency)
}
