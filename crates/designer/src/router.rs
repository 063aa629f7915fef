//! The table of routes: which page is where, and whom it is for.
//!
//! The router is made of this table and of nothing else, so every page has a level.

use std::sync::Arc;

use axum::Router;
use axum::extract::FromRef;
use axum::middleware::from_fn_with_state;
use baton_state::State;
use tokio::sync::watch;

use crate::access::{
    Access, Level, Refusals, account_page, audit_page, change_password, first_user_page, identify,
    make_first_user, sign_in, sign_in_page, sign_out,
};
use crate::api;
use crate::change::Actions;
use crate::guard::{guard, method_not_allowed};
use crate::handler::{asset, certificate, change, look, metrics, missing, overview, settings};
use crate::hosts::Hosts;
use crate::operation::Operations;
use crate::overview::Overview;
use crate::route::{Route, RouteDescription};
use crate::settings::SettingsDesk;

/// What pages are made of; a handler takes what it needs of it as `State`.
#[derive(Clone)]
pub(crate) struct Services {
    pub(crate) actions: Arc<dyn Actions>,
    pub(crate) settings: Arc<dyn SettingsDesk>,
    pub(crate) operations: Arc<Operations>,
    pub(crate) ending: Ending,
    pub(crate) state: State,
    pub(crate) access: Access,
}

/// Tells answers without an end of their own that the listener shuts down.
#[derive(Clone)]
pub(crate) struct Ending(pub(crate) watch::Receiver<()>);

impl Ending {
    /// Waits for it.
    pub(crate) async fn begins(&mut self) {
        // A sender that is gone has nothing more to say: that is the end too.
        let _ = self.0.changed().await;
    }
}

impl FromRef<Services> for Arc<Operations> {
    fn from_ref(services: &Services) -> Self {
        Arc::clone(&services.operations)
    }
}

impl FromRef<Services> for Ending {
    fn from_ref(services: &Services) -> Self {
        services.ending.clone()
    }
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

impl FromRef<Services> for Arc<dyn SettingsDesk> {
    fn from_ref(services: &Services) -> Self {
        Arc::clone(&services.settings)
    }
}

fn routes() -> Vec<Route> {
    let mut routes = vec![
        Route::get("/style.css", Level::Open, asset::style),
        Route::get("/htmx.js", Level::Open, asset::htmx),
        Route::get("/htmx-sse.js", Level::Open, asset::htmx_sse),
        Route::get("/sign-in", Level::Open, sign_in_page),
        Route::post("/sign-in", Level::Open, sign_in),
        Route::post("/sign-out", Level::Open, sign_out),
        Route::get("/first-user", Level::Open, first_user_page),
        Route::post("/first-user", Level::Open, make_first_user),
        Route::get("/account", Level::Read, account_page),
        Route::post("/account/password", Level::Read, change_password),
        Route::get("/audit", Level::Admin, audit_page),
        Route::get("/metrics", Level::Read, metrics::metrics),
        Route::get("/", Level::Read, overview::overview),
        Route::get("/timeline", Level::Read, overview::timeline),
        Route::get("/targets/{name}", Level::Read, look::target),
        Route::get("/certificates/{name}", Level::Read, look::managed),
        Route::post("/certificates/{name}/requests", Level::Modify, certificate::request),
        Route::get("/certificates/{name}/requests/{id}", Level::Read, certificate::download),
        Route::post("/certificates/{name}/requests/{id}/cancel", Level::Modify, certificate::cancel),
        Route::post("/answers", Level::Modify, certificate::answer),
        Route::get("/store", Level::Read, look::store),
        Route::post("/store", Level::Modify, certificate::import),
        Route::get("/store/{thumbprint}", Level::Read, look::stored),
        Route::get("/history", Level::Read, look::history),
        Route::get("/history/{id}", Level::Read, look::handover),
        Route::post("/plan", Level::Modify, change::plan),
        Route::post("/operations", Level::Modify, change::begin),
        Route::get("/operations/{id}", Level::Read, change::operation),
        Route::get("/operations/{id}/events", Level::Read, change::events),
        Route::get("/settings", Level::Read, settings::settings),
        Route::get("/settings/first-run", Level::Admin, settings::draft),
        Route::post("/settings/first-run", Level::Admin, settings::write_draft),
        Route::post("/settings/plan", Level::Admin, settings::plan),
        Route::post("/settings/save", Level::Admin, settings::save),
        Route::get("/settings/{kind}", Level::Admin, settings::new_form),
        Route::get("/settings/{kind}/{name}", Level::Admin, settings::form),
    ];
    routes.extend(api::routes());
    routes
}

/// Every route there is, for those who want to see that each asks for the right level.
pub fn route_descriptions() -> Vec<RouteDescription> {
    routes().into_iter().map(Route::into_description).collect()
}

/// All pages, behind the guard.
pub(crate) fn router(services: Services, hosts: Hosts) -> Router {
    let refusals = Arc::new(Refusals::default());
    routes()
        .into_iter()
        .fold(Router::new(), |router, route| route.mount(router, &services.state, &refusals))
        .fallback(missing::nothing_there)
        .method_not_allowed_fallback(method_not_allowed)
        .layer(from_fn_with_state(services.clone(), identify))
        .layer(from_fn_with_state(Arc::new(hosts), guard))
        .with_state(services)
}
