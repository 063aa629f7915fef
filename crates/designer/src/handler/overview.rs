//! How everything stands: as a table, and as a drawing.

use std::sync::Arc;

use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::response::Response;
use baton_state::HandoverFilter;

use super::render;
use crate::language::Language;
use crate::overview::Overview;
use crate::page::{Listing, OverviewPage, TimelinePage};

/// How many handovers the overview lists.
const LISTED: u32 = 20;

/// How many handovers are drawn at most.
const DRAWN: u32 = 500;

/// The page tells what could be read even where a part of it could not; the status code then says that it is not
/// the whole, for those who look at nothing else.
pub(crate) async fn overview(
    State(overview): State<Arc<dyn Overview>>,
    t: Language,
    RawQuery(query): RawQuery,
) -> Response {
    let (status, handovers) =
        tokio::join!(overview.status(), overview.handovers(HandoverFilter::default(), LISTED));
    let code = code_of(status.is_ok() && handovers.is_ok());
    render(code, &OverviewPage::new(status, handovers, listing(query.as_deref()), t))
}

/// The lifetimes of all certificates, as a drawing.
pub(crate) async fn timeline(
    State(overview): State<Arc<dyn Overview>>,
    t: Language,
    RawQuery(query): RawQuery,
) -> Response {
    let (status, handovers) =
        tokio::join!(overview.status(), overview.handovers(HandoverFilter::default(), DRAWN));
    let code = code_of(status.is_ok() && handovers.is_ok());
    render(code, &TimelinePage::new(status, handovers, listing(query.as_deref()), t))
}

fn listing(query: Option<&str>) -> Listing {
    Listing::read(query.unwrap_or_default())
}

fn code_of(is_whole: bool) -> StatusCode {
    if is_whole { StatusCode::OK } else { StatusCode::INTERNAL_SERVER_ERROR }
}
