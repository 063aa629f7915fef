//! A server with PEM files as a target.

use std::path::Path;

use baton_detect::{Client, FoundEndpoint, FoundServer, Renewal, Step};
use baton_finding::Severity;

use super::text::{argument, comment, string, strings};
use super::{DraftTarget, Names, certificate};

pub(super) fn target(server: &FoundServer, renewal: Option<&Renewal>, names: &mut Names) -> DraftTarget {
    let name = names.take(&wanted_name(server));
    let text = |path: &Path| path.to_string_lossy().into_owned();
    let mut notes = vec![format!("nginx, {}", server.places.join(" and "))];
    if let Some(holds) = &server.holds {
        let (names, issuer) = (holds.names.join(", "), &holds.issuer);
        notes.push(format!(
            "The certificate is for {names}, was issued by {issuer}, and ends on {}",
            holds.not_after
        ));
    }
    let errors = server.findings.iter().filter(|finding| finding.severity == Severity::Error);
    let mut reasons: Vec<String> =
        errors.map(|finding| format!("Not used as it is: {}. {}.", finding.message, finding.hint)).collect();
    let mut files = (text(&server.certificate), text(&server.key));
    // Baton refuses to hand over files that their client replaces by itself: nothing in them could be put back.
    if let Some(renewal) = renewal.filter(|renewal| renewal.writes(&server.certificate)) {
        let own = |extension: &str| {
            let directory = server.configuration.parent().unwrap_or(Path::new("/"));
            text(&directory.join("tls").join(format!("{name}.{extension}")))
        };
        let before = std::mem::replace(&mut files, (own("pem"), own("key")));
        reasons.extend(own_files(renewal, &before, &files, server));
    }
    let mut settings = vec![
        "[[target]]".to_owned(),
        format!("name = {}", string(&name)),
        "kind = \"files\"".to_owned(),
        format!("certificate = {}", string(&files.0)),
        format!("key = {}", string(&files.1)),
        format!("check = {}", strings(&server.check)),
        format!("activate = {}", strings(&server.activate)),
    ];
    let endpoints: Vec<String> = server.endpoints.iter().map(endpoint).collect();
    settings.push(format!("endpoints = [{}]", endpoints.join(", ")));
    let certificate = match renewal {
        Some(renewal) => renewed(renewal),
        None => certificate(&name, &certificate_names(server)),
    };
    DraftTarget { name, reasons, notes, settings, certificate }
}

fn wanted_name(server: &FoundServer) -> String {
    let asked = server.endpoints.iter().find_map(|endpoint| endpoint.name.clone());
    let certified = || server.holds.as_ref().and_then(|holds| holds.names.first().cloned());
    let file = || server.certificate.file_stem().map(|stem| stem.to_string_lossy().into_owned());
    asked.or_else(certified).or_else(file).unwrap_or_default().replace("*.", "")
}

fn certificate_names(server: &FoundServer) -> Vec<String> {
    match &server.holds {
        Some(holds) => holds.names.clone(),
        None => {
            let mut names: Vec<String> =
                server.endpoints.iter().filter_map(|endpoint| endpoint.name.clone()).collect();
            names.sort();
            names.dedup();
            names
        }
    }
}

fn endpoint(endpoint: &FoundEndpoint) -> String {
    let address = string(&endpoint.address.to_string());
    match &endpoint.name {
        Some(name) => format!("{{ address = {address}, name = {} }}", string(name)),
        None => address,
    }
}

/// How the server gets files of its own.
fn own_files(
    renewal: &Renewal,
    before: &(String, String),
    own: &(String, String),
    server: &FoundServer,
) -> Vec<String> {
    let client = renewal.client.display_name();
    let directory =
        Path::new(&own.0).parent().map(|path| path.to_string_lossy().into_owned()).unwrap_or_default();
    let (before, files) = ((argument(&before.0), argument(&before.1)), (argument(&own.0), argument(&own.1)));
    vec![
        format!(
            "Not used as it is: nginx reads the files of {client}, in which nothing could be put back. Once:"
        ),
        format!("  mkdir {}", argument(&directory)),
        format!("  cp -L {} {}", before.0, files.0),
        format!("  cp -L {} {} && chmod 600 {}", before.1, files.1, files.1),
        format!("then name these two in {}, and reload nginx.", server.places.join(" and ")),
    ]
}

fn renewed(renewal: &Renewal) -> Vec<String> {
    let client = renewal.client.display_name();
    let mut lines = vec![comment(&format!(
        "{client} renews the certificate ({}, in {}), so no [[certificate]] is needed.",
        renewal.name,
        renewal.file.display()
    ))];
    let hook = match (renewal.client, &renewal.step) {
        (_, Step::Baton) => {
            lines.push(comment(&format!("{client} calls Baton afterwards.")));
            return lines;
        }
        (Client::Certbot, _) => {
            let name = argument(&renewal.name);
            format!("  certbot reconfigure --cert-name {name} --deploy-hook \"baton hook certbot\"")
        }
        (Client::Lego, _) => "  lego … renew --renew-hook \"baton hook lego\"".to_owned(),
        (Client::WinAcme | Client::SimpleAcme, _) => "  docs/guides/acme-clients.md".to_owned(),
    };
    lines.extend([comment("Let it call Baton afterwards:"), comment(&hook)]);
    lines
}
