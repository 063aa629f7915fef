//! The interface for programs, as a stranger's tool finds it: schemathesis makes up requests from the OpenAPI document
//! and compares what comes back with it.

use std::path::Path;
use std::process::Command;

use baton_testkit::port::ReservedPort;
use serde_json::Value;

use crate::up::Up;
use crate::world::World;

/// Where `scripts/test` puts it.
fn schemathesis() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/schemathesis/bin/schemathesis")
}

fn world() -> World {
    World::with_settings("[designer]\naccess = \"authenticated\"\n")
}

fn token(world: &World, level: &str) -> String {
    world.baton(&["token", "add", level, "--level", level]).expect(0).stdout.trim().to_owned()
}

/// What curl gets for a path, with a token.
fn curl(world: &World, up: &Up, token: &str, path: &str) -> (String, String) {
    let output = Command::new("curl")
        .args(["--silent", "--show-error", "--insecure", "--max-time", "60", "--noproxy", "*"])
        .args(["--write-out", "\n%{http_code}", "--header", &format!("Authorization: Bearer {token}")])
        .arg(format!("https://localhost:{}{path}", up.address().port()))
        .current_dir(world.root())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    let (body, code) = text.rsplit_once('\n').unwrap();
    (code.to_owned(), body.to_owned())
}

#[test]
fn no_private_key_leaves_by_any_answer() {
    let world = world();
    let port = ReservedPort::new();
    let up = Up::start_at(&world, port.address(), &[]);
    let token = token(&world, "server-admin");
    let json = |path: &str| {
        let (code, body) = curl(&world, &up, &token, path);
        assert_eq!(code, "200", "{path}: {body}");
        body
    };
    let store: Value = serde_json::from_str(&json("/api/v1/store")).unwrap();
    let thumbprint = store["certificates"][0]["thumbprint"].as_str().unwrap().to_owned();
    assert_eq!(store["certificates"][0]["has_key"], true, "there is one that could");
    let kept = world.path("baton-data/certificates").join(&thumbprint).join("key.pem");
    let key = fs_err::read_to_string(kept).unwrap();
    let line = key.lines().nth(1).unwrap();
    for path in [
        "/api/v1/status",
        "/api/v1/store",
        &format!("/api/v1/store/{thumbprint}"),
        "/api/v1/targets/designer",
        "/api/v1/certificates/designer",
        "/api/v1/handovers",
        "/api/v1/audit",
        "/api/v1/settings",
        "/settings",
        "/store",
        &format!("/store/{thumbprint}"),
        "/targets/designer",
        "/certificates/designer",
        "/history",
    ] {
        let body = json(path);
        assert!(!body.contains("PRIVATE KEY") && !body.contains(line), "{path}: {body}");
    }
}

#[test]
fn schemathesis_finds_no_failure_and_no_answer_that_the_document_does_not_tell() {
    let program = schemathesis();
    assert!(program.exists(), "scripts/test installs schemathesis as {}", program.display());
    let world = world();
    let port = ReservedPort::new();
    let up = Up::start_at(&world, port.address(), &[]);
    let token = token(&world, "server-admin");
    fs_err::write(world.path("root.pem"), world.baton(&["ca", "root"]).expect(0).stdout).unwrap();
    // No schema says which settings are sound together.
    let configuration = "[[operations]]\ninclude-name = \"POST /api/v1/settings\"\n\
                         checks.positive_data_acceptance.expected-statuses = [\"2xx\", \"404\", \"409\", \"422\"]\n";
    fs_err::write(world.path("schemathesis.toml"), configuration).unwrap();
    let output = Command::new(program)
        .args(["run", &format!("https://localhost:{}/api/v1/openapi.json", up.address().port())])
        .args(["--tls-verify", "root.pem", "--header", &format!("Authorization: Bearer {token}")])
        // What is no request ends its connection; the next one must not be sent on it meanwhile.
        .args(["--header", "Connection: close"])
        // A plan waits for a renewal of the same certificate that is under way.
        .args(["--request-timeout", "300", "--max-examples", "10", "--seed", "1", "--no-color"])
        .current_dir(world.root())
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{told}\n{}", String::from_utf8_lossy(&output.stderr));
    assert!(told.contains("Tested: 18"), "{told}");
}
