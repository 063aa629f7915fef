//! A target, looked at now.

use std::sync::Arc;
use std::time::Duration;

use baton_designer::{Choice, EndpointLook, Problem, ProductLook, ServerLook, StoredCertificate, TargetLook};
use baton_finding::{Explain as _, Finding};
use baton_handover::Subject;
use baton_platform::access_list::Account;
use baton_platform::clock;
use baton_platform::durable::Attributes;
use baton_platform::service_account::service_account;
use baton_store::{Entry, SharedStore};
use baton_target::{Inspection, KeyFamily, Kind, Product, Target, probe};
use tokio::task::JoinSet;

use super::servers::{self, ToAsk};
use super::{problem, unknown};
use crate::wiring::App;

/// How long one address may take to answer: a person waits.
const TIME_LIMIT: Duration = Duration::from_secs(3);

pub(super) async fn look(app: &App, name: &str) -> Result<TargetLook, Problem> {
    let target = app.target(name).map_err(unknown)?;
    let engine = &app.renewals.engine;
    let (recovery, inspection, findings) = match engine.inspect(target).await {
        Ok((recovery, mut inspection)) => {
            let findings = std::mem::take(&mut inspection.findings);
            (recovery, Some(inspection), findings)
        }
        Err(finding) => (None, None, vec![finding]),
    };
    let (servers, endpoints, references) = match &inspection {
        Some(inspection) => servers::look(app, target, inspection).await,
        None => Default::default(),
    };
    let is_of_target = |subject: &Subject<'_>| subject.target.is_some_and(|of| of.name == target.name);
    let subjects: Vec<Subject<'_>> = app.subjects().into_iter().filter(is_of_target).collect();
    let status = engine.status(&subjects).await.map_err(|error| problem(error.into()))?;
    let under_way = engine.state().open_handovers(&target.name).await;
    let under_way = under_way.map_err(|error| problem(error.into()))?;
    let certificates = app.renewals.certificates.iter();
    Ok(TargetLook {
        name: target.name.clone(),
        at: clock::now(),
        product: match &target.kind {
            Kind::Product(product) => Some(product_look(product, servers, inspection.as_ref())),
            Kind::Files(_) => None,
        },
        named: inspection.as_ref().and_then(|inspection| inspection.current),
        tls: inspection.as_ref().map(|inspection| inspection.tls),
        references,
        activation: target.activation.as_ref().map(ToString::to_string),
        key_permissions: key_permissions(target),
        findings,
        endpoints: ask(endpoints).await,
        choices: match &inspection {
            Some(inspection) => choices(app, target, inspection).map_err(problem)?,
            None => Vec::new(),
        },
        recovery,
        under_way: under_way.last().map(|handover| handover.id),
        certificates: certificates
            .filter(|certificate| certificate.targets.iter().any(|of| of.name == target.name))
            .map(|certificate| certificate.name.clone())
            .collect(),
        rows: status.rows,
    })
}

fn product_look(product: &Product, servers: Vec<ServerLook>, inspection: Option<&Inspection>) -> ProductLook {
    // Where its own files do not tell, the usual name stands.
    let service = product.service().unwrap_or_else(|_| product.kind.usual_service());
    ProductLook {
        name: product.kind.display_name(),
        directory: product.directory.display().to_string(),
        account: service.account(),
        service: service.display_name,
        servers,
        protocol: inspection.and_then(Inspection::protocol).map(str::to_owned),
    }
}

/// Of PEM files; a store keeps keys by its own rules.
fn key_permissions(target: &Target) -> Option<String> {
    let Kind::Files(files) = &target.kind else { return None };
    let attributes = Attributes::of(&files.key).ok()?;
    Some(format!("{}: {attributes}", files.key.display()))
}

/// Asks every address at the same time.
async fn ask(endpoints: Vec<ToAsk>) -> Vec<EndpointLook> {
    let mut asked = JoinSet::new();
    for (position, ToAsk { endpoint, server, named }) in endpoints.into_iter().enumerate() {
        let look = move |endpoint, address, seen| EndpointLook { endpoint, server, named, address, seen };
        match endpoint.resolve().await {
            Err(error) => {
                let look = look(endpoint, None, Err(error.to_string()));
                asked.spawn(async move { (position, look) });
            }
            Ok(addresses) => {
                for address in addresses {
                    let endpoint = endpoint.clone();
                    asked.spawn(async move {
                        let seen = probe(address, &endpoint.name, KeyFamily::Any, TIME_LIMIT).await;
                        (position, look(endpoint, Some(address.to_string()), Ok(seen)))
                    });
                }
            }
        }
    }
    let mut looks = asked.join_all().await;
    looks.sort_by(|(one, a), (other, b)| (one, &a.address).cmp(&(other, &b.address)));
    looks.into_iter().map(|(_, look)| look).collect()
}

/// The account of its service, where its store keeps lists of who may use a key.
fn account(target: &Target) -> Option<Account> {
    let Kind::Product(product) = &target.kind else { return None };
    let service = product.service_name(target.activation.as_ref()).ok();
    service_account(&service.filter(|_| target.store.has_access_lists())?).ok().flatten()
}

/// What the target's store and the common one hold, what fits first.
fn choices(
    app: &App,
    target: &Arc<Target>,
    inspection: &Inspection,
) -> Result<Vec<Choice>, crate::failure::Failure> {
    let mut choices: Vec<Choice> = Vec::new();
    let account = account(target);
    let stores: [&SharedStore; 2] = [&app.renewals.store, &target.store];
    for store in stores {
        for entry in store.list()? {
            let Entry::Certificate { leaf, .. } = entry else { continue };
            if choices.iter().any(|known| known.certificate.leaf == *leaf) {
                continue;
            }
            let (certificate, findings) = match store.find(leaf.thumbprint()) {
                Ok(Some(certificate)) => {
                    let mut findings = app.renewals.engine.examine(target, inspection, &certificate);
                    if certificate.key().is_none() {
                        findings.push(Finding::error(
                            "key-missing",
                            "its private key is not in the store",
                            "import the certificate with its key",
                        ));
                    }
                    let (chain, has_key) = (certificate.chain().len(), certificate.key().is_some());
                    (StoredCertificate { leaf: *leaf, chain, has_key }, findings)
                }
                Ok(None) => continue,
                Err(error) => {
                    tracing::debug!("{}", error.chain());
                    (
                        StoredCertificate { leaf: *leaf, chain: 0, has_key: false },
                        vec![Finding::from_error(&error)],
                    )
                }
            };
            let list =
                account.as_ref().and_then(|_| store.key_access(certificate.leaf.thumbprint()).ok()).flatten();
            let service_may_read = account.as_ref().zip(list).map(|(account, list)| list.may_read(account));
            choices.push(Choice { certificate, service_may_read, findings });
        }
    }
    choices.sort_by_key(|choice| {
        let worst = choice.findings.iter().map(|finding| finding.severity).max();
        (
            worst == Some(baton_finding::Severity::Error),
            std::cmp::Reverse(choice.certificate.leaf.not_after()),
        )
    });
    Ok(choices)
}
