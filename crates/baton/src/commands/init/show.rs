//! What was found, for people.

use baton_detect::{Found, Step};

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
        product.findings.iter().flat_map(finding_lines).for_each(|text| output.line(&text));
    }
    for server in &found.servers {
        line(format!("nginx with {}", server.certificate.display()));
        line(format!("  named in {}", server.places.join(" and ")));
        if let Some(served) = &server.served {
            let names = served.names.join(", ");
            line(format!("  holds {} for {names}, until {}", served.thumbprint, served.not_after));
        }
        for endpoint in &server.endpoints {
            let name = endpoint.name.as_ref().map(|name| format!(" ({name})")).unwrap_or_default();
            line(format!("  endpoint {}{name}", endpoint.address));
        }
        server.findings.iter().flat_map(finding_lines).for_each(|text| output.line(&text));
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
    found.findings.iter().flat_map(finding_lines).for_each(|text| output.line(&text));
}
