//! A product as a target.

use std::path::Path;

use baton_detect::{Client, FoundBy, FoundProduct, Renewal, Step};
use baton_finding::Severity;

use super::text::{argument, comment, string, strings};
use super::{DraftTarget, Names, certificate};

pub(super) fn target(product: &FoundProduct, renewal: Option<&Renewal>, names: &mut Names) -> DraftTarget {
    let kind = product.kind();
    let name = names.take(kind.map_or("product", |kind| kind.key()));
    let directory = product.directory.to_str().unwrap_or_default();
    let why = match product.found_by {
        FoundBy::DefaultDirectory => "its usual directory",
        FoundBy::Service => "its service runs from there",
        FoundBy::Directory => "in a directory that was named",
    };
    let title = kind.map_or("A product", |kind| kind.display_name());
    let mut notes = vec![format!("{title} in {directory} ({why})")];
    let errors = product.findings.iter().filter(|finding| finding.severity == Severity::Error);
    let mut reasons: Vec<String> =
        errors.map(|finding| format!("Not used as it is: {}. {}.", finding.message, finding.hint)).collect();
    let mut settings = vec!["[[target]]".to_owned(), format!("name = {}", string(&name))];
    settings.push(format!("product = {}", string(product.kinds.first().map_or("", |kind| kind.key()))));
    settings.push(format!("directory = {}", string(directory)));
    match &product.service {
        Some(service) => settings.push(format!("activate = {}", strings(&restart(service)))),
        None => {
            reasons.push(
                "Not used as it is: how its service is restarted is not known. Write the command.".to_owned(),
            );
            settings.push("activate = [\"systemctl\", \"restart\", \"NAME\"]".to_owned());
        }
    }
    if let Some(thumbprint) = product.thumbprint {
        notes.push(format!("{} names the certificate {thumbprint}", product.references.join(" and ")));
        if !product.tls {
            notes.push("TLS is off: `baton tls on` switches it on".to_owned());
        }
    }
    if let Some(served) = &product.served {
        notes
            .push(format!("It is served, was issued by {}, and ends on {}", served.issuer, served.not_after));
    }
    if product.stored.is_some() {
        notes.push("It is in the store".to_owned());
    }
    for successor in &product.successors {
        notes.push(format!(
            "The store has one for the same names until {}: baton swap \"\" {} --target {name}",
            successor.not_after, successor.thumbprint
        ));
    }
    let certificate = match renewal {
        Some(renewal) => renewed(renewal, &name),
        None => certificate(&name, &product.names()),
    };
    DraftTarget { name, reasons, notes, settings, certificate }
}

/// Windows restarts a service by a command of PowerShell; in it a quote is doubled.
fn restart(service: &str) -> Vec<String> {
    let restart = format!("Restart-Service -Force -Name '{}'", service.replace('\'', "''"));
    ["powershell.exe", "-NoProfile", "-NonInteractive", "-Command"]
        .map(str::to_owned)
        .into_iter()
        .chain([restart])
        .collect()
}

fn renewed(renewal: &Renewal, target: &str) -> Vec<String> {
    let client = renewal.client.display_name();
    let mut lines = vec![comment(&format!(
        "{client} renews its certificate ({}, in {}), so no [[certificate]] is needed.",
        renewal.name,
        renewal.file.display()
    ))];
    match &renewal.step {
        Step::Baton => lines.push(comment(&format!("{client} calls Baton afterwards."))),
        Step::Script { program } if matches!(renewal.client, Client::WinAcme | Client::SimpleAcme) => {
            lines.push(comment(&format!(
                "Afterwards it runs {program}. This lets it call Baton, and shows the change first:"
            )));
            lines.push(comment(&format!("  {}", take_over(&renewal.file, target))));
        }
        _ => lines.push(comment(
            "It does not call Baton yet: docs/guides/acme-clients.md has the installation step.",
        )),
    }
    lines
}

/// The command that makes a renewal call Baton.
pub(crate) fn take_over(file: &Path, target: &str) -> String {
    let file = argument(&file.to_string_lossy());
    format!("baton init --take-over {file} --target {} --dry-run", argument(target))
}
