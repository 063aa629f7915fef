//! What was found, for people.

use baton_detect::{Found, Step};

use baton_finding::Finding;

use crate::draft::text::one_line;
use crate::output::{Output, finding_lines};

pub(super) fn found(found: &Found, output: Output) {
    let line = |text: String| output.line(&one_line(&text));
    for product in &found.products {
        let names: Vec<&str> = product.kinds.iter().map(|kind| kind.display_name()).collect();
        line(format!("{} in {}", names.join(" or "), product.directory.display()));
        if let Some(thumbprint) = product.thumbprint {
            line(format!("  names {thumbprint} in {}", product.references.join(" and ")));
        }
        if let Some(service) = &product.service {
            line(format!("  service {service}"));
        }
        let state = match (&product.served, product.tls) {
            (Some(served), _) => format!("served until {}", served.not_after),
            (None, true) => "not seen to be served".to_owned(),
            (None, false) => "TLS is off".to_owned(),
        };
        if product.thumbprint.is_some() {
            line(format!("  {state}; endpoints {}", product.endpoints.join(", ")));
        }
        if product.stored.is_some() {
            line("  it is in the store".to_owned());
        }
        for successor in &product.successors {
            line(format!(
                "  the store has {} for the same names, until {}",
                successor.thumbprint, successor.not_after
            ));
        }
        findings(&product.findings, output);
    }
    for server in &found.servers {
        line(format!("nginx with {}", server.certificate.display()));
        line(format!("  named in {}", server.places.join(" and ")));
        if let Some(holds) = &server.holds {
            let names = holds.names.join(", ");
            line(format!("  holds {} for {names}, until {}", holds.thumbprint, holds.not_after));
        }
        for endpoint in &server.endpoints {
            let name = endpoint.name.as_ref().map(|name| format!(" ({name})")).unwrap_or_default();
            line(format!("  endpoint {}{name}", endpoint.address));
        }
        findings(&server.findings, output);
    }
    for renewal in &found.renewals {
        let step = match &renewal.step {
            Step::Baton => "then calls Baton".to_owned(),
            Step::Script { program } => format!("then runs {program}"),
            Step::Nothing => "then runs nothing".to_owned(),
            Step::ToldAtEachCall => "then runs what it is told at each call".to_owned(),
        };
        line(format!("{} renews {}, {step}", renewal.client.display_name(), renewal.name));
        line(format!("  for {}; remembered in {}", renewal.names.join(", "), renewal.file.display()));
    }
    if found.products.is_empty() && found.servers.is_empty() {
        output.line("no server was found: neither a product nor an nginx that speaks TLS");
    }
    findings(&found.findings, output);
}

/// They name paths, which may hold whatever a file system takes.
fn findings(findings: &[Finding], output: Output) {
    for finding in findings {
        let (message, hint) = (one_line(&finding.message), one_line(&finding.hint));
        let finding = Finding { message, hint, ..finding.clone() };
        finding_lines(&finding).iter().for_each(|line| output.line(line));
    }
}
