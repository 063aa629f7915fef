//! One row of the table of routes.

use std::sync::Arc;

use axum::Router;
use axum::handler::Handler;
use axum::http::Method;
use axum::middleware::from_fn_with_state;
use axum::routing::{MethodFilter, MethodRouter, on};
use baton_state::State;

use crate::access::{Gate, Level, Refusals, admit};
use crate::router::Services;

/// A method and a path, what it asks of whoever comes, and what answers.
pub(crate) struct Route {
    description: RouteDescription,
    handler: MethodRouter<Services>,
}

/// A route as it is told to others, such as a test that asks each of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RouteDescription {
    /// `GET` stands for `HEAD` too.
    pub method: Method,
    /// With its parameters in braces.
    pub path: &'static str,
    /// What it asks of whoever comes.
    pub level: Level,
}

impl Route {
    /// What is read, and changes nothing.
    pub(crate) fn get<H: Handler<T, Services>, T: 'static>(
        path: &'static str,
        level: Level,
        handler: H,
    ) -> Self {
        Self::new(Method::GET, path, level, on(MethodFilter::GET, handler))
    }

    /// What changes something; it is written into the audit log.
    pub(crate) fn post<H: Handler<T, Services>, T: 'static>(
        path: &'static str,
        level: Level,
        handler: H,
    ) -> Self {
        Self::new(Method::POST, path, level, on(MethodFilter::POST, handler))
    }

    fn new(method: Method, path: &'static str, level: Level, handler: MethodRouter<Services>) -> Self {
        Self { description: RouteDescription { method, path, level }, handler }
    }

    /// Adds it to the router, behind its gate.
    pub(crate) fn mount(
        self,
        router: Router<Services>,
        state: &State,
        refusals: &Arc<Refusals>,
    ) -> Router<Services> {
        let gate =
            Gate { level: self.description.level, state: state.clone(), refusals: Arc::clone(refusals) };
        router.route(self.description.path, self.handler.route_layer(from_fn_with_state(gate, admit)))
    }

    pub(crate) fn into_description(self) -> RouteDescription {
        self.description
    }
}
