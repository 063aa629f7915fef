//! `baton target`

use std::sync::Arc;

use baton_finding::{Finding, Severity};
use baton_target::{Kind, Target, Tls};
use baton_x509::Thumbprint;
use serde::Serialize;

use crate::cli::{Globals, Target as Arguments};
use crate::failure::{Exit, Failure};
use crate::output::{Output, finding_lines};
use crate::place::Place;
use crate::wiring::App;

/// A target as `--json` prints it.
#[derive(Serialize)]
struct TargetObject {
    schema: &'static str,
    name: String,
    kind: &'static str,
    product: Option<&'static str>,
    named: Option<Thumbprint>,
    tls: Option<&'static str>,
    references: Vec<ReferenceObject>,
    endpoints: Vec<String>,
    activation: Option<String>,
    findings: Vec<Finding>,
}

#[derive(Serialize)]
struct ReferenceObject {
    place: String,
    names: Option<Thumbprint>,
}

pub(crate) async fn run(globals: &Globals, command: &Arguments, output: Output) -> Result<Exit, Failure> {
    let app = App::open(Place::find(globals)?, None).await?;
    let result = match command {
        Arguments::List => list(&app, output).await,
        Arguments::Check { name } => {
            let targets: Vec<&Arc<Target>> = match name {
                Some(name) => vec![app.target(name)?],
                None => app.targets_of_settings().collect(),
            };
            check(&app, &targets, output).await
        }
    };
    app.renewals.engine.state().leave().await;
    result
}

async fn list(app: &App, output: Output) -> Result<Exit, Failure> {
    let objects: Vec<TargetObject> = app
        .targets_of_settings()
        .map(|target| match target.inspect() {
            Ok(mut inspection) => {
                let findings = std::mem::take(&mut inspection.findings);
                object(target, Some(&inspection), findings)
            }
            Err(error) => object(target, None, vec![Finding::from_error(&error)]),
        })
        .collect();
    if output.json {
        objects.iter().for_each(|object| output.object(object));
        return Ok(Exit::Done);
    }
    if objects.is_empty() {
        output.line("the settings have no target");
        return Ok(Exit::Done);
    }
    let rows = objects.iter().map(|object| {
        vec![
            object.name.clone(),
            object.product.unwrap_or(object.kind).to_owned(),
            object.named.map_or_else(|| "-".to_owned(), |named| named.to_string()),
            object.tls.unwrap_or("-").to_owned(),
            object.endpoints.join(", "),
        ]
    });
    output.table(&["TARGET", "KIND", "NAMES", "TLS", "ENDPOINTS"], rows.collect());
    Ok(Exit::Done)
}

/// Checks each target as a handover would; `target check` and `check` end with 3 when one would be refused.
pub(crate) async fn check(app: &App, targets: &[&Arc<Target>], output: Output) -> Result<Exit, Failure> {
    let mut exit = Exit::Done;
    for target in targets {
        let (inspection, findings) = app.renewals.engine.check_target(target).await;
        if findings.iter().any(|finding| finding.severity == Severity::Error) {
            exit = Exit::Refused;
        }
        let object = object(target, inspection.as_ref(), findings);
        if output.json {
            output.object(&object);
        } else {
            show(&object, output);
        }
    }
    Ok(exit)
}

fn show(object: &TargetObject, output: Output) {
    let verdict = if object.findings.iter().any(|finding| finding.severity == Severity::Error) {
        "refused"
    } else {
        "sound"
    };
    output.line(&format!("{}: {verdict}", object.name));
    for reference in &object.references {
        let names = reference.names.map_or_else(|| "nothing".to_owned(), |names| names.to_string());
        output.line(&format!("  {} names {names}", reference.place));
    }
    object.endpoints.iter().for_each(|endpoint| output.line(&format!("  endpoint {endpoint}")));
    object.activation.iter().for_each(|activation| output.line(&format!("  to activate: {activation}")));
    object.findings.iter().flat_map(finding_lines).for_each(|line| output.line(&line));
}

fn object(
    target: &Target,
    inspection: Option<&baton_target::Inspection>,
    findings: Vec<Finding>,
) -> TargetObject {
    let endpoints = inspection.map(|inspection| target.endpoints(inspection, inspection.leaf()));
    let describe = |endpoint: &baton_target::Endpoint| {
        if endpoint.assumed { format!("{endpoint} (assumed)") } else { endpoint.to_string() }
    };
    TargetObject {
        schema: baton_handover::SCHEMA,
        name: target.name.clone(),
        kind: match &target.kind {
            Kind::Files(_) => "files",
            Kind::Product(_) => "product",
        },
        product: match &target.kind {
            Kind::Files(_) => None,
            Kind::Product(product) => Some(product.kind.key()),
        },
        named: inspection.and_then(|inspection| inspection.current),
        tls: inspection.map(|inspection| match inspection.tls {
            Tls::On => "on",
            Tls::Off => "off",
        }),
        references: inspection
            .map(|inspection| &inspection.references)
            .into_iter()
            .flatten()
            .map(|reference| ReferenceObject { place: reference.place.clone(), names: reference.names })
            .collect(),
        endpoints: endpoints.unwrap_or_default().iter().map(describe).collect(),
        activation: target.activation.as_ref().map(ToString::to_string),
        findings,
    }
}
