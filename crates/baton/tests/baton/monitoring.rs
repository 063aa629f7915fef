//! The ready files of `monitoring/`, with a real Prometheus that scrapes a real `baton up`.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use baton_testkit::condition::wait_until;
use baton_testkit::{Answer, Prometheus, Receiver, port::ReservedPort};
use serde_json::Value;

use crate::nginx::Scene;
use crate::up::Up;

const LIMIT: Duration = Duration::from_secs(60);

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../monitoring").join(name).canonicalize().unwrap()
}

/// Every metric that a text names.
fn metrics_in(text: &str) -> BTreeSet<String> {
    let is_name = |character: char| character.is_ascii_alphanumeric() || character == '_';
    let words = text.split(|character: char| !is_name(character));
    words.filter(|word| word.starts_with("baton_")).map(str::to_owned).collect()
}

fn expressions(dashboard: &Value) -> Vec<String> {
    let targets =
        dashboard["panels"].as_array().unwrap().iter().flat_map(|panel| panel["targets"].as_array().unwrap());
    targets.map(|target| target["expr"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn the_rules_are_sound() {
    let output =
        Command::new("promtool").args(["check", "rules"]).arg(file("prometheus-rules.yml")).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn prometheus_reads_every_metric_that_rules_and_dashboard_name_and_its_alerts_fire() {
    // Handovers that succeed and one that fails, a renewal that is refused, an alert that does not get through, and an
    // endpoint that is silent.
    let receiver = Receiver::start(Answer::Status(500));
    let dead = ReservedPort::new();
    let scene = Scene::new();
    let settings = fs_err::read_to_string(scene.world.path("baton.toml")).unwrap();
    let more = format!(
        "\n[probe]\ninterval = '500ms'\n\n\
         [[target]]\nname = 'silent'\ncertificate = 'tls/site.pem'\nkey = 'tls/site.key'\n\
         endpoints = ['{}']\n\n\
         [[certificate]]\nname = 'refused'\nnames = ['x.example.org']\nissuer = 'house'\n\n\
         [[alert]]\nname = 'ops'\nkind = 'webhook'\nurl = '{}'\nremind = '20s'\n",
        dead.address(),
        receiver.url("/"),
    );
    // The CA is made here, and may not issue for the certificate that comes after.
    scene.renew().expect(0);
    // A reload that does nothing: the new certificate is never served.
    let before = list_of_reload(&settings);
    scene.world.write_settings(&format!("{}{more}", settings.replace(&before, "activate = ['true']")));
    assert_ne!(scene.renew().exit, 0);
    scene.world.write_settings(&format!("{settings}{more}"));

    let up = Up::start(&scene.world, &[]);
    let root = scene.world.path("ca.pem");
    fs_err::write(&root, scene.world.baton(&["ca", "root"]).expect(0).stdout).unwrap();
    let target = format!("localhost:{}", up.address().port());
    let prometheus = Prometheus::start(&target, &root, &file("prometheus-rules.yml"));
    let query =
        |expression: &str| prometheus.api(&format!("query?query={}", encoded(expression)))["result"].clone();
    wait_until("Prometheus can read all of it", LIMIT, || {
        query("up{job=\"baton\"}").as_array().unwrap().iter().any(|one| one["value"][1] == "1")
    });

    let rules = fs_err::read_to_string(file("prometheus-rules.yml")).unwrap();
    let dashboard: Value =
        serde_json::from_str(&fs_err::read_to_string(file("grafana-dashboard.json")).unwrap()).unwrap();
    let mut wanted = metrics_in(&rules);
    for expression in expressions(&dashboard) {
        wanted.extend(metrics_in(&expression));
    }
    assert!(wanted.len() >= 14, "{wanted:?}");
    for metric in &wanted {
        wait_until(&format!("there is a {metric}"), LIMIT, || !query(metric).as_array().unwrap().is_empty());
    }
    // And the other way round: what is served is documented.
    let guide = fs_err::read_to_string(file("../docs/guides/monitoring.md")).unwrap();
    let present = prometheus.api("label/__name__/values");
    for metric in present.as_array().unwrap().iter().map(|name| name.as_str().unwrap()) {
        let family = ["_bucket", "_sum", "_count"].iter().find_map(|suffix| metric.strip_suffix(suffix));
        let family = family.unwrap_or(metric);
        assert!(
            !family.starts_with("baton_") || guide.contains(&format!("`{family}`")),
            "{family} is not in the guide"
        );
    }

    // The dashboard's expressions, as Grafana sends them, are all understood.
    for expression in expressions(&dashboard) {
        let expression = expression.replace("$instance", ".*").replace("$__range", "1h");
        query(&expression);
    }
    // What is wrong here is what the rules say.
    let states = || -> BTreeSet<String> {
        let groups = prometheus.api("rules");
        let rules = groups["groups"][0]["rules"].as_array().unwrap().clone();
        let active = rules.iter().filter(|rule| rule["state"] != "inactive");
        active.map(|rule| rule["name"].as_str().unwrap().to_owned()).collect()
    };
    let expected =
        ["BatonServesNothing", "BatonHandoverFailed", "BatonAlertUndelivered", "BatonNeedsAttention"];
    wait_until("the alerts fire", LIMIT, || expected.iter().all(|name| states().contains(*name)));
    let active: Vec<String> = states().into_iter().collect();
    // A second failure of the renewal may have been counted by now.
    let is_expected = |name: &&String| expected.contains(&name.as_str()) || *name == "BatonRenewalFailing";
    let unexpected: Vec<&String> = active.iter().filter(|name| !is_expected(name)).collect();
    assert!(unexpected.is_empty(), "{unexpected:?}");
    drop(prometheus);
    assert_eq!(up.stop(), 0);
}

/// The line of the settings that reloads nginx.
fn list_of_reload(settings: &str) -> String {
    settings.lines().find(|line| line.starts_with("activate")).unwrap().to_owned()
}

/// For a URL (RFC 3986, section 2.1).
fn encoded(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' | b'-' | b'.' => char::from(byte).to_string(),
            byte => format!("%{byte:02X}"),
        })
        .collect()
}
