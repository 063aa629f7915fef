//! The table of routes: which page is where, and whom it is for.
//!
//! The router is made of this table and of nothing else, so every page has a level.

use std::sync::Arc;

use askama::Template;
use axum::Router;
use axum::extract::{FromRef, RawQuery, State};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::{Html, IntoResponse, Response};

use baton_state::HandoverFilter;

use crate::access::{Level, identify};
use crate::change::Actions;
use crate::guard::{guard, method_not_allowed};
use crate::hosts::Hosts;
use crate::metrics;
use crate::overview::Overview;
use crate::page::{MissingPage, OverviewPage, Refresh};
use crate::route::{Route, RouteDescription};

/// How many handovers the overview lists.
const LISTED_HANDOVERS: u32 = 20;

const STYLE: &str = include_str!("../assets/style.css");

/// What pages are made of; a handler takes what it needs of it as `State`.
#[derive(Clone)]
pub(crate) struct Services {
    pub(crate) actions: Arc<dyn Actions>,
}

impl FromRef<Services> for Arc<dyn Actions> {
    fn from_ref(services: &Services) -> Self {
        Arc::clone(&services.actions)
    }
}

impl FromRef<Services> for Arc<dyn Overview> {
    fn from_ref(services: &Services) -> Self {
        Arc::clone(&services.actions) as Arc<dyn Overview>
    }
}

fn routes() -> Vec<Route> {
    vec![
        Route::get("/", Level::Read, overview_page),
        Route::get("/style.css", Level::Open, style),
        Route::get("/metrics", Level::Read, metrics),
    ]
}

/// Every route there is, for those who want to see that each asks for the right level.
pub fn route_descriptions() -> Vec<RouteDescription> {
    routes().into_iter().map(Route::into_description).collect()
}

/// All pages, behind the guard.
pub(crate) fn router(services: Services, hosts: Hosts) -> Router {
    routes()
        .into_iter()
        .fold(Router::new(), |router, route| route.mount(router))
        .fallback(missing)
        .method_not_allowed_fallback(method_not_allowed)
        .layer(from_fn(identify))
        .layer(from_fn_with_state(Arc::new(hosts), guard))
        .with_state(services)
}

/// The page tells what could be read even where a part of it could not; the status code then says that it is not
/// the whole, for those who look at nothing else.
async fn overview_page(State(overview): State<Arc<dyn Overview>>, RawQuery(query): RawQuery) -> Response {
    let refresh = if query.as_deref() == Some("refresh=off") { Refresh::Off } else { Refresh::On };
    let (status, handovers) =
        tokio::join!(overview.status(), overview.handovers(HandoverFilter::default(), LISTED_HANDOVERS));
    let whole = status.is_ok() && handovers.is_ok();
    let code = if whole { StatusCode::OK } else { StatusCode::INTERNAL_SERVER_ERROR };
    render(code, &OverviewPage::new(status, handovers, refresh))
}

/// Prometheus takes any other answer than 200 for a scrape that has failed, and raises its own alert.
async fn metrics(State(overview): State<Arc<dyn Overview>>) -> Response {
    match overview.measurements().await.and_then(|measurements| measurements.encode()) {
        Ok(text) => ([(CONTENT_TYPE, metrics::CONTENT_TYPE)], text).into_response(),
        Err(reason) => {
            tracing::error!("there are no metrics: {reason}");
            (StatusCode::INTERNAL_SERVER_ERROR, format!("{reason}\n")).into_response()
        }
    }
}

async fn style() -> Response {
    ([(CONTENT_TYPE, "text/css; charset=utf-8")], STYLE).into_response()
}

async fn missing() -> Response {
    render(StatusCode::NOT_FOUND, &MissingPage)
}

fn render(code: StatusCode, page: &impl Template) -> Response {
    match page.render() {
        Ok(text) => (code, Html(text)).into_response(),
        Err(error) => {
            tracing::error!("a page of the Designer cannot be put together: {error}");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}
