//! Every route there is: what it asks for, whom it lets in, and what its answers carry.

use baton_designer::{Level, Token, route_descriptions};
use baton_state::AccessLevel;
use jiff::SignedDuration;

use crate::client::Answer;
use crate::requests::SECURITY_HEADERS;
use crate::site::Site;

/// The whole table: a new route, or another level of one, is written down here too.
const ROUTES: &[(&str, &str, Level)] = &[
    ("GET", "/", Level::Read),
    ("GET", "/account", Level::Read),
    ("GET", "/api/v1/audit", Level::Admin),
    ("GET", "/api/v1/certificates", Level::Read),
    ("GET", "/api/v1/certificates/{name}", Level::Read),
    ("GET", "/api/v1/handovers", Level::Read),
    ("GET", "/api/v1/handovers/{id}", Level::Read),
    ("GET", "/api/v1/openapi.json", Level::Read),
    ("GET", "/api/v1/operations/{id}", Level::Read),
    ("GET", "/api/v1/settings", Level::Read),
    ("GET", "/api/v1/settings/draft", Level::Admin),
    ("GET", "/api/v1/status", Level::Read),
    ("GET", "/api/v1/store", Level::Read),
    ("GET", "/api/v1/store/{thumbprint}", Level::Read),
    ("GET", "/api/v1/targets", Level::Read),
    ("GET", "/api/v1/targets/{name}", Level::Read),
    ("GET", "/audit", Level::Admin),
    ("GET", "/certificates/{name}", Level::Read),
    ("GET", "/certificates/{name}/requests/{id}", Level::Read),
    ("GET", "/first-user", Level::Open),
    ("GET", "/history", Level::Read),
    ("GET", "/history/{id}", Level::Read),
    ("GET", "/htmx-sse.js", Level::Open),
    ("GET", "/htmx.js", Level::Open),
    ("GET", "/metrics", Level::Read),
    ("GET", "/operations/{id}", Level::Read),
    ("GET", "/operations/{id}/events", Level::Read),
    ("GET", "/settings", Level::Read),
    ("GET", "/settings/first-run", Level::Admin),
    ("GET", "/settings/{kind}", Level::Admin),
    ("GET", "/settings/{kind}/{name}", Level::Admin),
    ("GET", "/sign-in", Level::Open),
    ("GET", "/store", Level::Read),
    ("GET", "/store/{thumbprint}", Level::Read),
    ("GET", "/style.css", Level::Open),
    ("GET", "/targets/{name}", Level::Read),
    ("GET", "/timeline", Level::Read),
    ("POST", "/account/password", Level::Read),
    ("POST", "/answers", Level::Modify),
    ("POST", "/api/v1/certificates/{name}/renew", Level::Modify),
    ("POST", "/api/v1/handovers/{id}/rollback", Level::Modify),
    ("POST", "/api/v1/settings", Level::Admin),
    ("POST", "/api/v1/settings/draft", Level::Admin),
    ("POST", "/api/v1/targets/{name}/swap", Level::Modify),
    ("POST", "/certificates/{name}/requests", Level::Modify),
    ("POST", "/certificates/{name}/requests/{id}/cancel", Level::Modify),
    ("POST", "/first-user", Level::Open),
    ("POST", "/operations", Level::Modify),
    ("POST", "/plan", Level::Modify),
    ("POST", "/settings/first-run", Level::Admin),
    ("POST", "/settings/plan", Level::Admin),
    ("POST", "/settings/save", Level::Admin),
    ("POST", "/sign-in", Level::Open),
    ("POST", "/sign-out", Level::Open),
    ("POST", "/store", Level::Modify),
];

#[test]
fn every_route_asks_for_the_level_that_is_written_here() {
    let mut routes: Vec<_> = route_descriptions()
        .into_iter()
        .map(|route| (route.method.to_string(), route.path, route.level))
        .collect();
    routes.sort();
    let routes: Vec<_> =
        routes.iter().map(|(method, path, level)| (method.as_str(), *path, *level)).collect();
    assert_eq!(routes, ROUTES);
}

#[test]
fn nothing_but_what_leads_in_is_open() {
    let open = route_descriptions().into_iter().filter(|route| route.level == Level::Open);
    for route in open {
        let leads_in = ["/sign-in", "/sign-out", "/first-user"].contains(&route.path);
        assert!(leads_in || (route.method == "GET" && route.path.contains('.')), "{route:?}");
    }
}

async fn ask(site: &Site, method: &str, path: &str, authorization: &str) -> Answer {
    // What stands in braces is no name of anything.
    let path: String = path
        .split('/')
        .map(|part| if part.starts_with('{') { "1" } else { part })
        .collect::<Vec<_>>()
        .join("/");
    let host = format!("localhost:{}", site.address.port());
    let head =
        format!("{method} {path} HTTP/1.1\r\nHost: {host}\r\nContent-Length: 0\r\n{authorization}\r\n");
    site.client().await.send(&head).await
}

fn is_refused(answer: &Answer) -> bool {
    [401, 403].contains(&answer.code) || (answer.code == 303 && answer.header("location") == Some("/sign-in"))
}

#[tokio::test]
async fn every_route_lets_in_whoever_has_its_level_and_nobody_else() {
    let site = Site::start_authenticated().await;
    let now = baton_platform::clock::now();
    let mut held = vec![(AccessLevel::NoAccess, String::new())];
    for level in AccessLevel::ALL {
        let token = Token::for_program().unwrap();
        let name = format!("test-{level}").parse().unwrap();
        let end = now + SignedDuration::from_hours(1);
        assert!(site.state.add_api_token(&name, token.hash(), level, now, end).await.unwrap());
        held.push((level, format!("Authorization: Bearer {}\r\n", token.expose())));
    }
    for route in route_descriptions() {
        for (level, authorization) in &held {
            let answer = ask(&site, route.method.as_str(), route.path, authorization).await;
            let least = match route.level {
                Level::Open => AccessLevel::NoAccess,
                Level::Read => AccessLevel::ReadExecute,
                Level::Modify => AccessLevel::CreateModify,
                Level::Admin => AccessLevel::ServerAdmin,
            };
            if *level < least {
                assert!(is_refused(&answer), "{route:?} as {level}: {answer:?}");
            } else if route.level != Level::Open {
                assert!(!is_refused(&answer), "{route:?} as {level}: {answer:?}");
            }
            for (name, value) in SECURITY_HEADERS {
                assert_eq!(answer.header(name), Some(*value), "{route:?} as {level}: {name}");
            }
        }
    }
}

#[tokio::test]
async fn no_route_is_reached_from_the_page_of_a_stranger() {
    let site = Site::start().await;
    for route in route_descriptions().into_iter().filter(|route| route.method != "GET") {
        let origin = "Origin: https://evil.example.com\r\n";
        let answer = ask(&site, route.method.as_str(), route.path, origin).await;
        assert_eq!(answer.code, 403, "{route:?}");
        assert!(answer.body.contains("Only the Designer's own pages"), "{route:?}: {answer:?}");
    }
    assert_eq!(site.state.audit(None, 10).await.unwrap(), [], "nothing was done");
}
