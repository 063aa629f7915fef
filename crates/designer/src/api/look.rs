//! What there is to see.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, RawQuery, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use baton_finding::Explain as _;
use baton_handover::{SCHEMA, StatusRow};
use baton_state::{HandoverFilter, HandoverId};

use super::query::{Query, QueryError};
use super::shape::{
    AuditObject, AuditRow, CertificateObject, HandoversObject, ListObject, ListRow, StoreObject,
    StoredObject, StoredRow, TargetObject,
};
use super::{answer_problem, failure, unknown};
use crate::overview::Overview;
use crate::router::Services;

/// The most entries that one answer has, and how many without a wish.
const MOST: i64 = 500;
const USUAL: i64 = 50;

/// `GET /api/v1/status`
pub(super) async fn status(State(overview): State<Arc<dyn Overview>>) -> Response {
    match overview.status().await {
        Ok(status) => Json(status).into_response(),
        Err(message) => unreadable(&message),
    }
}

/// `GET /api/v1/targets`
pub(super) async fn targets(State(overview): State<Arc<dyn Overview>>) -> Response {
    list(&*overview, |row| row.target.as_deref()).await
}

/// `GET /api/v1/certificates`
pub(super) async fn certificates(State(overview): State<Arc<dyn Overview>>) -> Response {
    list(&*overview, |row| row.certificate.as_deref()).await
}

/// The names that the rows of the status have, each with the most urgent of its rows.
async fn list(overview: &dyn Overview, name: impl Fn(&StatusRow) -> Option<&str>) -> Response {
    let status = match overview.status().await {
        Ok(status) => status,
        Err(message) => return unreadable(&message),
    };
    let urgency = |attention: &str| ["fine", "soon", "now"].iter().position(|known| *known == attention);
    let mut names = BTreeMap::<&str, &str>::new();
    for row in &status.rows {
        let Some(name) = name(row) else { continue };
        let attention = names.entry(name).or_insert("fine");
        if urgency(&row.attention) > urgency(attention) {
            *attention = &row.attention;
        }
    }
    let row =
        |(name, attention): (&str, &str)| ListRow { name: name.to_owned(), attention: attention.to_owned() };
    Json(ListObject { schema: SCHEMA, entries: names.into_iter().map(row).collect() }).into_response()
}

/// `GET /api/v1/targets/{name}`
pub(super) async fn target(
    State(overview): State<Arc<dyn Overview>>,
    name: Result<Path<String>, PathRejection>,
) -> Response {
    let Ok(Path(name)) = name else { return unknown("target") };
    match overview.target(name).await {
        Ok(look) => Json(TargetObject::new(look)).into_response(),
        Err(problem) => answer_problem(&problem),
    }
}

/// `GET /api/v1/certificates/{name}`
pub(super) async fn certificate(
    State(overview): State<Arc<dyn Overview>>,
    name: Result<Path<String>, PathRejection>,
) -> Response {
    let Ok(Path(name)) = name else { return unknown("certificate") };
    match overview.managed(name).await {
        Ok(look) => Json(CertificateObject::new(look)).into_response(),
        Err(problem) => answer_problem(&problem),
    }
}

/// `GET /api/v1/handovers`
pub(super) async fn handovers(
    State(overview): State<Arc<dyn Overview>>,
    RawQuery(query): RawQuery,
) -> Response {
    let read = || {
        let query = Query::read(query.as_deref(), &["before", "limit", "target", "certificate"])?;
        let filter = HandoverFilter {
            before: query.number("before", i64::MAX)?.map(HandoverId),
            target: query.text("target").map(str::to_owned),
            certificate: query.text("certificate").map(str::to_owned),
            thumbprint: None,
        };
        Ok::<_, QueryError>((filter, query.number("limit", MOST)?.unwrap_or(USUAL)))
    };
    let (filter, limit) = match read() {
        Ok(read) => read,
        Err(error) => return error.into_response(),
    };
    match overview.handovers(filter, u32::try_from(limit).unwrap_or_default()).await {
        Ok(handovers) => Json(HandoversObject { schema: SCHEMA, handovers }).into_response(),
        Err(message) => unreadable(&message),
    }
}

/// `GET /api/v1/handovers/{id}`
pub(super) async fn handover(
    State(overview): State<Arc<dyn Overview>>,
    id: Result<Path<i64>, PathRejection>,
) -> Response {
    let Ok(Path(id)) = id else { return unknown("handover") };
    match overview.handover(HandoverId(id)).await {
        Ok(report) => Json(report).into_response(),
        Err(problem) => answer_problem(&problem),
    }
}

/// `GET /api/v1/store`
pub(super) async fn store(State(overview): State<Arc<dyn Overview>>) -> Response {
    match overview.store().await {
        Ok(look) => Json(StoreObject::new(look)).into_response(),
        Err(problem) => answer_problem(&problem),
    }
}

/// `GET /api/v1/store/{thumbprint}`
pub(super) async fn stored(
    State(overview): State<Arc<dyn Overview>>,
    thumbprint: Result<Path<String>, PathRejection>,
) -> Response {
    let thumbprint = thumbprint.ok().and_then(|Path(text)| text.parse().ok());
    let Some(thumbprint) = thumbprint else { return unknown("certificate") };
    match overview.certificate(thumbprint).await {
        Ok(look) => {
            let certificate = StoredRow::new(&look.certificate, look.at);
            let chain = look.chain.iter().map(baton_x509::X509::to_pem).collect();
            let pem = look.certificate.leaf.to_pem();
            Json(StoredObject { schema: SCHEMA, certificate, pem, chain, places: look.search.places })
                .into_response()
        }
        Err(problem) => answer_problem(&problem),
    }
}

/// `GET /api/v1/audit`
pub(super) async fn audit(State(services): State<Services>, RawQuery(query): RawQuery) -> Response {
    let read = || {
        let query = Query::read(query.as_deref(), &["before", "limit"])?;
        Ok::<_, QueryError>((
            query.number("before", i64::MAX)?,
            query.number("limit", MOST)?.unwrap_or(USUAL),
        ))
    };
    let (before, limit) = match read() {
        Ok(read) => read,
        Err(error) => return error.into_response(),
    };
    match services.state.audit(before, u32::try_from(limit).unwrap_or_default()).await {
        Ok(entries) => {
            let entries = entries.into_iter().map(AuditRow::from).collect();
            Json(AuditObject { schema: SCHEMA, entries }).into_response()
        }
        Err(error) => unreadable(&error.chain()),
    }
}

fn unreadable(message: &str) -> Response {
    failure(StatusCode::INTERNAL_SERVER_ERROR, "state-unreadable", message, None)
}
