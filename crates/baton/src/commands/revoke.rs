//! `baton revoke`

use baton_handover::SCHEMA;
use baton_issuer::{Issuer, RevocationReason};
use baton_platform::clock;
use baton_x509::Thumbprint;
use serde::Serialize;

use crate::cli::{Globals, Reason, Revoke};
use crate::commands::account;
use crate::commands::request::carry_out;
use crate::failure::{Exit, Failure};
use crate::local::{self, Answer, Request, RevokeRequest};
use crate::output::Output;
use crate::place::Place;
use crate::wiring::App;

/// What `--json` prints.
#[derive(Serialize)]
struct RevokeObject {
    schema: &'static str,
    thumbprint: Thumbprint,
    reason: Reason,
    issuer: String,
}

pub(crate) async fn run(globals: &Globals, arguments: &Revoke, output: Output) -> Result<Exit, Failure> {
    let thumbprint = arguments.thumbprint.parse().map_err(|error| Failure::with(Exit::Usage, &error))?;
    let place = Place::find_existing(globals)?;
    let request = RevokeRequest {
        thumbprint,
        reason: arguments.reason,
        issuer: arguments.issuer.clone(),
        in_use: arguments.in_use,
    };
    let Answer::Revoked { issuer } = carry_out(place, Request::Revoke(request)).await? else {
        return Err(local::unexpected());
    };
    if output.json {
        output.object(&RevokeObject { schema: SCHEMA, thumbprint, reason: arguments.reason, issuer });
    } else {
        output.line(&format!("{thumbprint} is revoked at {issuer}"));
    }
    Ok(Exit::Done)
}

/// Revokes a certificate of the store; returns the name of its issuer.
pub(crate) async fn execute(app: &App, request: &RevokeRequest) -> Result<String, Failure> {
    let RevokeRequest { thumbprint, reason, issuer, in_use } = request;
    let found = app.renewals.store.find(*thumbprint).map_err(|error| Failure::with(Exit::Failed, &error))?;
    let Some(certificate) = found else {
        return Err(Failure::new(
            Exit::Usage,
            "certificate-not-found",
            format!("the store holds no certificate {thumbprint}"),
            "`baton store list` shows those there are; `baton store restore` takes one out of the trash",
        ));
    };
    if !in_use {
        refuse_in_use(app, *thumbprint).await?;
    }
    let of_record = app.renewals.engine.state().certificate(certificate.fingerprint()).await?;
    let of_settings = of_record.and_then(|record| record.name).and_then(|name| {
        app.place
            .loaded
            .settings
            .certificate
            .iter()
            .find(|known| known.name == name)
            .map(|known| known.issuer.clone())
    });
    let (name, issuer) = account::issuer(app, issuer.clone().or(of_settings).as_deref())?;
    let Issuer::Acme(acme) = &*issuer else { return Err(account::not_acme(&name)) };
    let code = match reason {
        Reason::Unspecified => None,
        Reason::KeyCompromise => Some(RevocationReason::KeyCompromise),
        Reason::AffiliationChanged => Some(RevocationReason::AffiliationChanged),
        Reason::Superseded => Some(RevocationReason::Superseded),
        Reason::CessationOfOperation => Some(RevocationReason::CessationOfOperation),
    };
    acme.revoke(certificate.leaf(), code).await.map_err(|error| Failure::with(Exit::Failed, &error))?;
    if *reason == Reason::KeyCompromise {
        app.renewals.engine.state().record_compromised(certificate.leaf(), clock::now()).await?;
    }
    tracing::info!(%thumbprint, issuer = name, "revoked");
    Ok(name)
}

/// What is revoked while a server shows it takes that server down for every client that looks.
async fn refuse_in_use(app: &App, thumbprint: Thumbprint) -> Result<(), Failure> {
    let engine = &app.renewals.engine;
    for target in app.targets_of_settings() {
        engine.observe(target).await?;
    }
    let search = engine.find(thumbprint, app.renewals.places()).await?;
    let Some(place) = search.reason().filter(|_| search.is_in_use()) else { return Ok(()) };
    Err(Failure::new(
        Exit::Refused,
        "certificate-in-use",
        format!("the certificate {thumbprint} is still in use ({place}): clients would refuse it"),
        "renew it first with `baton renew --force`, or revoke it all the same with --in-use",
    ))
}
