//! The interface for programs, and whether its description tells the truth.

use std::collections::BTreeSet;

use baton_designer::{Done, Level, Problem, ProblemKind, route_descriptions};
use baton_state::AccessLevel;
use serde_json::{Value, json};

use crate::client::Answer;
use crate::fixed::Fixed;
use crate::sample;
use crate::site::Site;

async fn ask(site: &Site, method: &str, path: &str, lines: &str, body: &str) -> Answer {
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: localhost\r\n{lines}Content-Length: {}\r\n\r\n{body}",
        body.len()
    );
    site.client().await.send(&head).await
}

async fn get(site: &Site, path: &str) -> Answer {
    ask(site, "GET", path, "", "").await
}

async fn post(site: &Site, path: &str, object: &Value) -> Answer {
    ask(site, "POST", path, "Content-Type: application/json\r\n", &object.to_string()).await
}

fn object(answer: &Answer) -> Value {
    assert_eq!(answer.header("content-type"), Some("application/json"), "{answer:?}");
    serde_json::from_str(&answer.body).unwrap()
}

async fn document(site: &Site) -> Value {
    object(&get(site, "/api/v1/openapi.json").await)
}

#[tokio::test]
async fn the_document_has_every_route_with_its_level_and_no_other() {
    let site = Site::start().await;
    let document = document(&site).await;
    let mut told = BTreeSet::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let level: AccessLevel = operation["x-baton-level"].as_str().unwrap().parse().unwrap();
            told.insert((method.to_uppercase(), path.clone(), level));
            let parameters = operation["parameters"].as_array().into_iter().flatten();
            let named = parameters.filter(|parameter| parameter["in"] == "path").count();
            assert_eq!(named, path.matches('{').count(), "{path}");
        }
    }
    let routes: BTreeSet<_> = route_descriptions()
        .into_iter()
        .filter(|route| route.path.starts_with("/api/"))
        .map(|route| {
            let level = match route.level {
                Level::Open => AccessLevel::NoAccess,
                Level::Read => AccessLevel::ReadExecute,
                Level::Modify => AccessLevel::CreateModify,
                Level::Admin => AccessLevel::ServerAdmin,
            };
            (route.method.to_string(), route.path.to_owned(), level)
        })
        .collect();
    assert_eq!(told, routes);
}

#[tokio::test]
async fn every_part_that_the_document_refers_to_is_there() {
    fn check(document: &Value, value: &Value) {
        match value {
            Value::Object(members) => {
                if let Some(reference) = members.get("$ref") {
                    let pointer = reference.as_str().unwrap().strip_prefix('#').unwrap();
                    assert!(document.pointer(pointer).is_some(), "{reference}");
                }
                members.values().for_each(|member| check(document, member));
            }
            Value::Array(values) => values.iter().for_each(|value| check(document, value)),
            _ => {}
        }
    }
    let document = document(&Site::start().await).await;
    check(&document, &document);
}

#[tokio::test]
async fn what_there_is_to_see_is_told() {
    let site = Site::start().await;
    let status = object(&get(&site, "/api/v1/status").await);
    assert_eq!((&status["schema"], &status["rows"][0]["target"]), (&json!("baton/1"), &json!("sap-gateway")));
    let targets = object(&get(&site, "/api/v1/targets").await);
    assert_eq!(targets["entries"], json!([{ "name": "sap-gateway", "attention": "fine" }]));
    let certificates = object(&get(&site, "/api/v1/certificates").await);
    assert_eq!(certificates["entries"], json!([{ "name": "sap", "attention": "fine" }]));
    let handovers = object(&get(&site, "/api/v1/handovers?limit=1&target=sap-gateway").await);
    assert_eq!(handovers["handovers"][0]["id"], 17);
    assert_eq!(object(&get(&site, "/api/v1/handovers/17").await)["outcome"], "served");
    assert_eq!(object(&get(&site, "/api/v1/audit").await)["entries"], json!([]));
}

#[tokio::test]
async fn what_is_wrong_is_told_as_an_object_and_not_as_a_page() {
    let site = Site::start().await;
    for (path, code, name) in [
        ("/api/v1/nowhere", 404, "unknown"),
        ("/api/", 404, "unknown"),
        ("/api/v1/handovers/18", 404, "unknown"),
        ("/api/v1/handovers/x", 404, "unknown"),
        ("/api/v1/handovers/99999999999999999999", 404, "unknown"),
        ("/api/v1/store/x", 404, "unknown"),
        ("/api/v1/targets/%ff", 404, "unknown"),
        ("/api/v1/targets/%3Cscript%3E", 404, "unknown"),
        ("/api/v1/operations/1", 404, "unknown"),
        ("/api/v1/handovers?limit=0", 400, "query-wrong"),
        ("/api/v1/handovers?limit=501", 400, "query-wrong"),
        ("/api/v1/handovers?limit=1&limit=2", 400, "query-wrong"),
        ("/api/v1/handovers?offset=1", 400, "query-wrong"),
        ("/api/v1/audit?before=-1", 400, "query-wrong"),
    ] {
        let answer = get(&site, path).await;
        assert_eq!(answer.code, code, "{path}");
        assert_eq!(object(&answer)["error"]["code"], name, "{path}");
    }
    let answer = ask(&site, "DELETE", "/api/v1/status", "", "").await;
    assert_eq!((answer.code, answer.header("allow")), (405, Some("GET,HEAD")));
    assert_eq!(object(&answer)["error"]["code"], "method-not-allowed");
    let site = Site::start_authenticated().await;
    let answer = get(&site, "/api/v1/status").await;
    assert_eq!((answer.code, answer.header("www-authenticate")), (401, Some("Bearer")));
    assert_eq!(object(&answer)["error"]["code"], "token-missing");
}

/// A site that has one of everything, and what it is asked to do.
async fn site() -> (Site, std::sync::Arc<std::sync::Mutex<Vec<String>>>) {
    let problem = Problem {
        kind: ProblemKind::Failed,
        code: "issuer-refused".to_owned(),
        message: "the issuer refused".to_owned(),
        hint: None,
    };
    let shown = Fixed {
        status: Ok(sample::status(vec![sample::row("sap")])),
        handovers: Ok(vec![sample::report()]),
        done: Some(Done { reports: vec![sample::report()], problem: Some(problem) }),
        ..Fixed::default()
    };
    let asked = std::sync::Arc::clone(&shown.asked);
    (Site::start_showing(shown).await, asked)
}

#[tokio::test]
async fn a_plan_changes_nothing_and_a_change_can_be_watched() {
    let (site, asked) = site().await;
    let plan = post(&site, "/api/v1/handovers/17/rollback", &json!({ "dry_run": true })).await;
    assert_eq!(plan.code, 200, "{plan:?}");
    assert_eq!(object(&plan)["reports"][0]["id"], 17);
    assert_eq!(object(&plan)["error"]["code"], "issuer-refused");
    assert_eq!(*asked.lock().unwrap(), ["plan RollBack { handover: HandoverId(17) }"]);

    let begun = ask(&site, "POST", "/api/v1/handovers/17/rollback", "", "").await;
    assert_eq!((begun.code, begun.header("location")), (202, Some("/api/v1/operations/1")), "{begun:?}");
    assert_eq!(object(&begun)["change"], "roll back handover 17");
    let ended = loop {
        let operation = object(&get(&site, "/api/v1/operations/1").await);
        if operation["state"] == "ended" {
            break operation;
        }
    };
    assert_eq!((&ended["reports"][0]["id"], &ended["error"]["code"]), (&json!(17), &json!("issuer-refused")));
    assert_eq!(asked.lock().unwrap().last().unwrap(), "carry out RollBack { handover: HandoverId(17) }");

    let audit = object(&get(&site, "/api/v1/audit").await);
    let outcomes: Vec<_> =
        audit["entries"].as_array().unwrap().iter().map(|entry| &entry["outcome"]).collect();
    assert_eq!(
        outcomes,
        ["202: roll back handover 17, see /api/v1/operations/1", "200: plan: roll back handover 17"]
    );
}

#[tokio::test]
async fn an_object_that_is_not_understood_changes_nothing() {
    let (site, asked) = site().await;
    let path = "/api/v1/handovers/17/rollback";
    for body in ["{", "[]", "null", "{\"dry_run\": 1}", "{\"dryrun\": true}", "\u{0}", "{\"dry_run\":true}x"]
    {
        let answer = ask(&site, "POST", path, "Content-Type: application/json\r\n", body).await;
        assert_eq!((answer.code, &object(&answer)["error"]["code"]), (400, &json!("object-wrong")), "{body}");
    }
    for kind in ["", "Content-Type: text/plain\r\n", "Content-Type: application/x-www-form-urlencoded\r\n"] {
        let answer = ask(&site, "POST", path, kind, "{\"dry_run\":true}").await;
        assert_eq!(
            (answer.code, &object(&answer)["error"]["code"]),
            (415, &json!("media-type-wrong")),
            "{kind}"
        );
    }
    let long = format!("{{\"x\":\"{}\"}}", "a".repeat(64 * 1024));
    let answer = ask(&site, "POST", path, "Content-Type: application/json\r\n", &long).await;
    assert_eq!((answer.code, &object(&answer)["error"]["code"]), (413, &json!("request-too-long")));
    let swap = "/api/v1/targets/sap-gateway/swap";
    for body in [json!({}), json!({ "new": "x" }), json!({ "new": sample::report().new, "argv": ["sh"] })] {
        assert_eq!(post(&site, swap, &body).await.code, 400, "{body}");
    }
    let unknown = post(&site, swap, &json!({ "new": sample::report().new })).await;
    assert_eq!(unknown.code, 404, "there is no such target: {unknown:?}");
    assert_eq!(*asked.lock().unwrap(), [""; 0], "nothing was asked for");
}
