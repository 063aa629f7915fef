//! What can be done. A change is planned with `"dry_run": true`; else it is begun, and told at `/api/v1/operations`.

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use axum::http::header::LOCATION;
use axum::response::{IntoResponse, Response};
use baton_handover::SCHEMA;
use baton_state::HandoverId;
use baton_target::Protocol;
use baton_x509::Thumbprint;
use serde::Deserialize;

use super::operation::OperationObject;
use super::shape::PlanObject;
use super::{ErrorObject, answer_problem, read_object, unknown};
use crate::access::AuditNote;
use crate::change::{Change, SuccessorKey};
use crate::router::Services;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Swap {
    new: Thumbprint,
    configuration: Option<Thumbprint>,
    #[serde(default)]
    enable_tls: bool,
    protocol: Option<TlsProtocol>,
    #[serde(default)]
    dry_run: bool,
}

/// What a web server speaks with TLS.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
enum TlsProtocol {
    Https,
    HttpsAdUsers,
    HttpsCustomUsers,
}

impl From<TlsProtocol> for Protocol {
    fn from(protocol: TlsProtocol) -> Self {
        match protocol {
            TlsProtocol::Https => Self::Https,
            TlsProtocol::HttpsAdUsers => Self::HttpsAdUsers,
            TlsProtocol::HttpsCustomUsers => Self::HttpsCustomUsers,
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Renew {
    key: Option<Key>,
    #[serde(default)]
    dry_run: bool,
}

/// Whose key a successor is to have; as the settings say where nothing is said.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Key {
    New,
    Same,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RollBack {
    #[serde(default)]
    dry_run: bool,
}

/// `POST /api/v1/targets/{name}/swap`
pub(super) async fn swap(
    State(services): State<Services>,
    name: Result<Path<String>, PathRejection>,
    request: Request,
) -> Response {
    let Ok(Path(target)) = name else { return unknown("target") };
    let Swap { new, configuration, enable_tls, protocol, dry_run } = match read_object(request).await {
        Ok(swap) => swap,
        Err(refusal) => return refusal,
    };
    // Whoever names a target that is not there is told so before anything begins.
    match services.actions.target(target.clone()).await {
        Ok(_) => {
            let enable_tls = enable_tls || protocol.is_some();
            let protocol = protocol.map(Protocol::from);
            let swap = Change::Swap { target, new, configuration, enable_tls, protocol };
            change(services, swap, dry_run).await
        }
        Err(problem) => answer_problem(&problem),
    }
}

/// `POST /api/v1/certificates/{name}/renew`
pub(super) async fn renew(
    State(services): State<Services>,
    name: Result<Path<String>, PathRejection>,
    request: Request,
) -> Response {
    let Ok(Path(certificate)) = name else { return unknown("certificate") };
    let Renew { key, dry_run } = match read_object(request).await {
        Ok(renew) => renew,
        Err(refusal) => return refusal,
    };
    let key = match key {
        None => SuccessorKey::AsSettled,
        Some(Key::New) => SuccessorKey::New,
        Some(Key::Same) => SuccessorKey::Same,
    };
    match services.actions.managed(certificate.clone()).await {
        Ok(_) => change(services, Change::Renew { certificate, key }, dry_run).await,
        Err(problem) => answer_problem(&problem),
    }
}

/// `POST /api/v1/handovers/{id}/rollback`
pub(super) async fn roll_back(
    State(services): State<Services>,
    id: Result<Path<i64>, PathRejection>,
    request: Request,
) -> Response {
    let Ok(Path(id)) = id else { return unknown("handover") };
    let RollBack { dry_run } = match read_object(request).await {
        Ok(roll_back) => roll_back,
        Err(refusal) => return refusal,
    };
    let handover = HandoverId(id);
    match services.actions.handover(handover).await {
        Ok(_) => change(services, Change::RollBack { handover }, dry_run).await,
        Err(problem) => answer_problem(&problem),
    }
}

/// Plans a change, or begins it.
async fn change(services: Services, change: Change, is_dry_run: bool) -> Response {
    let note = AuditNote(if is_dry_run { format!("plan: {change}") } else { change.to_string() });
    let answer = if is_dry_run {
        match services.actions.plan(change).await {
            Ok(done) => Json(PlanObject {
                schema: SCHEMA,
                reports: done.reports,
                error: done.problem.as_ref().map(ErrorObject::of),
            })
            .into_response(),
            Err(problem) => answer_problem(&problem),
        }
    } else {
        let operation = services.operations.begin(services.actions, change);
        let place = [(LOCATION, format!("/api/v1/operations/{}", operation.id))];
        (StatusCode::ACCEPTED, place, Json(OperationObject::new(&operation))).into_response()
    };
    note.on(answer)
}
