//! The two servers of Xtract Universal and Board Connector: looked at, and handed over, each by itself.

use baton_designer::{Done, Problem, ProblemKind, ServerLook};
use baton_state::Outcome;
use baton_target::{Endpoint, Inspection, Kind, ProductServer, Protocol, Reference, Target};
use baton_x509::Thumbprint;

use super::changes::done;
use super::problem;
use crate::commands::request;
use crate::local::{Request, SwapRequest};
use crate::wiring::App;

/// An endpoint, which of two servers it belongs to, and what that one names.
pub(super) struct ToAsk {
    pub(super) endpoint: Endpoint,
    pub(super) server: Option<ProductServer>,
    pub(super) named: Option<Thumbprint>,
}

/// A product's servers where it has two, the endpoints, and the references of all of them.
pub(super) async fn look(
    app: &App,
    target: &Target,
    inspection: &Inspection,
) -> (Vec<ServerLook>, Vec<ToAsk>, Vec<Reference>) {
    let (mut servers, mut endpoints, mut references) = (Vec::new(), Vec::new(), Vec::new());
    let has_two =
        matches!(&target.kind, Kind::Product(product) if product.kind.configuration_port().is_some());
    for server in ProductServer::ALL.into_iter().filter(|_| has_two) {
        let only = target.only(Some(server));
        let Ok((_, found)) = app.renewals.engine.inspect(&only).await else { continue };
        let is_shared = !inspection.has_two_references();
        let named = if is_shared { inspection.current } else { found.current };
        let leaf = if is_shared { inspection.leaf() } else { found.leaf() };
        let asked = only.endpoints(&found, leaf).into_iter();
        endpoints.extend(asked.map(|endpoint| ToAsk { endpoint, server: Some(server), named }));
        servers.push(ServerLook { server, named, is_shared });
        references.extend(found.references);
    }
    if servers.is_empty() {
        let asked = target.endpoints(inspection, inspection.leaf()).into_iter();
        endpoints.extend(asked.map(|endpoint| ToAsk { endpoint, server: None, named: inspection.current }));
        references.clone_from(&inspection.references);
    }
    (servers, endpoints, references)
}

/// What is to be handed over to which certificate.
pub(super) struct Wish<'a> {
    pub(super) target: &'a str,
    /// Of the web server, or of all.
    pub(super) new: Thumbprint,
    pub(super) configuration: Option<Thumbprint>,
    pub(super) enable_tls: bool,
    pub(super) protocol: Option<Protocol>,
}

/// Hands a target over: as one where its servers have one certificate before and after, else each server that changes
/// by itself, one after the other. The second does not begin when the first was not served.
pub(super) async fn hand_over(app: &App, wish: Wish<'_>, dry_run: bool) -> Result<Done, Problem> {
    let mut all = Done::default();
    for (server, new) in handovers(app, &wish).await? {
        let is_first = all.reports.is_empty();
        let is_configuration = server == Some(ProductServer::Configuration);
        let request = SwapRequest {
            old: None,
            new,
            targets: vec![wish.target.to_owned()],
            enable_tls: wish.enable_tls && !is_configuration,
            protocol: wish.protocol.filter(|_| !is_configuration),
            server,
            guarded: false,
            dry_run,
        };
        let has_failed = |outcome| !matches!(outcome, Some(Outcome::Served | Outcome::Unchanged));
        if !is_first && !dry_run && all.reports.iter().any(|report| has_failed(report.outcome)) {
            all.problem = Some(Problem {
                kind: ProblemKind::Refused,
                code: "not-begun".to_owned(),
                message: format!("the {} was left as it is", ProductServer::Configuration),
                hint: Some("see what became of the other server first, then save it again".to_owned()),
            });
            break;
        }
        let answer = request::execute(app, Request::Swap(request), true).await.map_err(problem)?;
        let done = done(answer)?;
        all.reports.extend(done.reports);
        all.problem = all.problem.or(done.problem);
    }
    Ok(all)
}

/// Which of the servers change.
async fn handovers(app: &App, wish: &Wish<'_>) -> Result<Vec<(Option<ProductServer>, Thumbprint)>, Problem> {
    let whole = vec![(None, wish.new)];
    let target = app.target(wish.target).map_err(problem)?;
    let (Some(configuration), Ok((_, found))) =
        (wish.configuration, app.renewals.engine.inspect(target).await)
    else {
        return Ok(whole);
    };
    if !found.has_two_references() && configuration == wish.new {
        return Ok(whole);
    }
    let mut named = Vec::new();
    for server in ProductServer::ALL {
        let only = app.renewals.engine.inspect(&target.only(Some(server))).await;
        named.push(only.ok().and_then(|(_, found)| found.current));
    }
    if named[0] == named[1] && configuration == wish.new {
        return Ok(whole);
    }
    let is_protocol_new =
        wish.protocol.is_some_and(|protocol| found.protocol() != Some(protocol.as_written()));
    let mut changed = Vec::new();
    if named[0] != Some(wish.new) || is_protocol_new || named[1] == Some(configuration) {
        changed.push((Some(ProductServer::Web), wish.new));
    }
    if named[1] != Some(configuration) {
        changed.push((Some(ProductServer::Configuration), configuration));
    }
    Ok(changed)
}
