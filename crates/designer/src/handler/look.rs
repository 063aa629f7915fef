//! Pages that show one thing, or a list of such.

use std::collections::HashMap;
use std::sync::Arc;

use axum::extract::{Path, RawQuery, State};
use axum::http::StatusCode;
use axum::response::Response;
use baton_state::{HandoverFilter, HandoverId};

use super::missing::missing;
use super::{render, render_problem};
use crate::language::Language;
use crate::overview::Overview;
use crate::page::{HandoverPage, HistoryPage, ManagedPage, StorePage, StoredPage, TargetPage};
use crate::problem::{Problem, ProblemKind};

/// How many handovers a page of the history has.
const LISTED: u32 = 50;

pub(crate) async fn target(
    State(overview): State<Arc<dyn Overview>>,
    t: Language,
    Path(name): Path<String>,
) -> Response {
    match overview.target(name).await {
        Ok(look) => render(StatusCode::OK, &TargetPage::new(look, t)),
        Err(problem) => render_problem(&problem, t),
    }
}

pub(crate) async fn managed(
    State(overview): State<Arc<dyn Overview>>,
    t: Language,
    Path(name): Path<String>,
) -> Response {
    match overview.managed(name).await {
        Ok(look) => render(StatusCode::OK, &ManagedPage::new(look, t)),
        Err(problem) => render_problem(&problem, t),
    }
}

pub(crate) async fn store(State(overview): State<Arc<dyn Overview>>, t: Language) -> Response {
    match overview.store().await {
        Ok(look) => render(StatusCode::OK, &StorePage::new(look, t)),
        Err(problem) => render_problem(&problem, t),
    }
}

pub(crate) async fn stored(
    State(overview): State<Arc<dyn Overview>>,
    t: Language,
    Path(thumbprint): Path<String>,
) -> Response {
    let Ok(thumbprint) = thumbprint.parse() else { return missing(t).await };
    match overview.certificate(thumbprint).await {
        Ok(look) => render(StatusCode::OK, &StoredPage::new(look, t)),
        Err(problem) => render_problem(&problem, t),
    }
}

/// The handovers, or those of one target or certificate; what the address says and is not known counts as not said.
pub(crate) async fn history(
    State(overview): State<Arc<dyn Overview>>,
    t: Language,
    RawQuery(query): RawQuery,
) -> Response {
    let query = query.unwrap_or_default();
    let mut values: HashMap<_, _> = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
    let before = values.remove("before").and_then(|id| id.parse().ok()).map(HandoverId);
    let filter = HandoverFilter {
        before,
        target: values.remove("target"),
        certificate: values.remove("certificate"),
        thumbprint: None,
    };
    let rest = query_of(&filter);
    match overview.handovers(filter, LISTED).await {
        Ok(reports) => {
            let is_full = u32::try_from(reports.len()).is_ok_and(|count| count == LISTED);
            let page = HistoryPage::new(&reports, is_full, &rest, t);
            render(StatusCode::OK, &page)
        }
        Err(message) => {
            let code = "history-unreadable".to_owned();
            render_problem(&Problem { kind: ProblemKind::Failed, code, message, hint: None }, t)
        }
    }
}

/// What keeps the filter in the address of the next page.
fn query_of(filter: &HandoverFilter) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    for (name, value) in [("target", &filter.target), ("certificate", &filter.certificate)] {
        if let Some(value) = value {
            query.append_pair(name, value);
        }
    }
    match query.finish() {
        query if query.is_empty() => query,
        query => format!("&{query}"),
    }
}

pub(crate) async fn handover(
    State(overview): State<Arc<dyn Overview>>,
    t: Language,
    Path(id): Path<String>,
) -> Response {
    let Ok(id) = id.parse().map(HandoverId) else { return missing(t).await };
    match overview.handover(id).await {
        Ok(report) => render(StatusCode::OK, &HandoverPage::new(id, report, t)),
        Err(problem) => render_problem(&problem, t),
    }
}
