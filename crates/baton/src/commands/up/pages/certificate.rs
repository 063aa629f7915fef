//! Certificates: those of the store, and those that the settings ask for.

use baton_designer::{
    CertificateLook, KnownCertificate, ManagedLook, Problem, ProblemKind, StoreLook, StoredCertificate,
};
use baton_finding::Explain as _;
use baton_platform::clock;
use baton_state::{HandoverFilter, InForce};
use baton_store::Entry;
use baton_x509::Thumbprint;

use super::{changes, problem, reports};
use crate::commands::by_hand;
use crate::local::Answer;
use crate::wiring::App;

/// How many handovers a certificate's page lists.
const LISTED: u32 = 20;

/// What the store of the settings holds.
pub(super) fn store(app: &App) -> Result<StoreLook, Problem> {
    let store = &app.renewals.store;
    let (mut certificates, mut unreadable) = (Vec::new(), Vec::new());
    for entry in store.list().map_err(|error| problem(error.into()))? {
        match entry {
            Entry::Certificate { leaf, chain, has_key } => {
                certificates.push(StoredCertificate { leaf: *leaf, chain, has_key });
            }
            Entry::Unreadable { path, error } => {
                unreadable.push(format!("{}: {}", path.display(), error.chain()));
            }
        }
    }
    Ok(StoreLook { location: store.location(), at: clock::now(), certificates, unreadable })
}

/// One certificate of the store, or of a target's own.
pub(super) async fn look(app: &App, thumbprint: Thumbprint) -> Result<CertificateLook, Problem> {
    let own = app.renewals.targets.iter().map(|target| &target.store);
    let mut found = None;
    for store in std::iter::once(&app.renewals.store).chain(own) {
        if found.is_none() {
            found = store.find(thumbprint).map_err(|error| problem(error.into()))?;
        }
    }
    let certificate = found.ok_or_else(|| Problem {
        kind: ProblemKind::Unknown,
        code: "certificate-not-found".to_owned(),
        message: format!("the certificate {thumbprint} is in no store"),
        hint: Some("the page of the store shows what is there".to_owned()),
    })?;
    let search = app.renewals.engine.find(thumbprint, app.renewals.places()).await;
    let filter = HandoverFilter { thumbprint: Some(thumbprint), ..HandoverFilter::default() };
    Ok(CertificateLook {
        at: clock::now(),
        chain: certificate.chain().to_vec(),
        certificate: StoredCertificate {
            leaf: certificate.leaf().clone(),
            chain: certificate.chain().len(),
            has_key: certificate.key().is_some(),
        },
        search: search.map_err(|error| problem(error.into()))?,
        handovers: reports(app, &filter, LISTED).await?,
    })
}

/// A `[[certificate]]` of the settings.
pub(super) async fn managed(app: &App, name: String) -> Result<ManagedLook, Problem> {
    let certificate = app.renewals.certificates.iter().find(|certificate| certificate.name == name);
    let certificate = certificate.ok_or_else(|| Problem {
        kind: ProblemKind::Unknown,
        code: "certificate-unknown".to_owned(),
        message: format!("there is no certificate named {name:?} in the settings"),
        hint: Some("the overview shows those there are".to_owned()),
    })?;
    let standing = app.renewals.engine.state().standing(&name).await;
    let standing = standing.map_err(|error| problem(error.into()))?;
    let Answer::Requests { requests, unreadable } = by_hand::pending(app).map_err(problem)? else {
        return Err(problem(crate::local::unexpected()));
    };
    let filter = HandoverFilter { certificate: Some(name.clone()), ..HandoverFilter::default() };
    let failures = [standing.issuing.failure, standing.handover.failure];
    Ok(ManagedLook {
        at: clock::now(),
        names: certificate.names.iter().map(ToString::to_string).collect(),
        issuer: certificate.issuer_name.clone(),
        is_by_hand: !certificate.issuer.is_automatic(),
        key: certificate.key,
        allows_same_key: certificate.allows_same_key,
        targets: certificate.targets.iter().map(|target| target.name.clone()).collect(),
        current: standing.current.map(known),
        pending: standing.pending.map(known),
        failures: failures.into_iter().flatten().chain(unreadable).collect(),
        requests: requests
            .into_iter()
            .filter(|request| request.certificate == name)
            .map(changes::pending)
            .collect(),
        handovers: reports(app, &filter, LISTED).await?,
        name,
    })
}

fn known(certificate: InForce) -> KnownCertificate {
    let InForce { fingerprint, thumbprint, names, not_before, not_after } = certificate;
    KnownCertificate { fingerprint, thumbprint, names, not_before, not_after }
}
