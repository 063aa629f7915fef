//! `status`, `prove`, `history` and `target`: what they tell about a product.

use baton_testkit::{Authority, Product, ProductFixture};

use crate::world::{World, list, quoted};

const HOST: &str = "sap.example.com";

#[test]
fn status_tells_when_what_is_served_differs_from_what_is_named() {
    let authority = Authority::new("Test CA");
    let (old, new) = (authority.issue(&[HOST]).sign(), authority.issue(&[HOST]).sign());
    let fixture = ProductFixture::new(Product::XtractCore);
    fixture.enable_tls(&old);
    fixture.install(&new);
    fixture.start();
    let world = World::with_settings(&format!(
        "[store]\npath = {}\n\n[proof]\nover = '100ms'\nquiet = '50ms'\n\n\
         [[issuer]]\nname = 'house'\nkind = 'manual'\n\n\
         [[target]]\nname = 'core'\nproduct = 'xtract-core'\ndirectory = {}\nactivate = {}\n\n\
         [[certificate]]\nname = 'sap'\nnames = ['{HOST}']\nissuer = 'house'\ntargets = ['core']\n",
        quoted(&fixture.store()),
        quoted(&fixture.directory()),
        list(&fixture.restart_command()),
    ));
    let missing = world.baton(&["status"]).expect(2);
    assert!(missing.stderr.contains("there is no data directory"), "{}", missing.stderr);

    world.baton(&["swap", "", &new.thumbprint]).expect(0);
    let status = world.baton(&["status", "--json"]).expect(0).json();
    let rows = status["rows"].as_array().unwrap();
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0]["certificate"], "sap");
    assert_eq!(rows[0]["served"]["thumbprint"], new.thumbprint.as_str());
    assert_eq!(rows[0]["named"], new.thumbprint.as_str());
    assert_eq!(rows[0]["differs"], false);
    assert_eq!(rows[0]["days_left"], 89);

    // What the script of today does: the thumbprint is replaced, and nobody restarts the server.
    let text = fs_err::read_to_string(fixture.tls_json()).unwrap();
    fs_err::write(fixture.tls_json(), text.replace(&new.thumbprint, &old.thumbprint)).unwrap();
    let status = world.baton(&["status", "--json"]).expect(10).json();
    assert_eq!(status["rows"][0]["differs"], true);
    let findings = status["rows"][0]["findings"].as_array().unwrap();
    let codes: Vec<&str> = findings.iter().map(|finding| finding["code"].as_str().unwrap()).collect();
    assert_eq!(codes, ["other-certificate-named", "served-differs"]);
    let text = world.baton(&["status"]).expect(10).stdout;
    assert!(text.contains("and the settings name") && text.contains("hint:"), "{text}");

    fixture.stop();
    let proof = world.baton(&["prove", "core", "--json"]).expect(11).json();
    assert_eq!(proof["rows"][0]["findings"].as_array().unwrap().last().unwrap()["code"], "endpoint-refused");
    let check = world.baton(&["target", "check", "core"]).expect(3);
    assert!(check.stdout.contains("endpoint-refused"), "{}", check.stdout);
}

#[test]
fn a_certificate_that_ends_soon_needs_attention() {
    let authority = Authority::new("Test CA");
    let fixture = ProductFixture::new(Product::XtractCore);
    // Valid from an hour ago: 7 minutes left are about a tenth, 3 less than that.
    for (minutes, exit) in [(600, 0), (15, 10), (3, 11)] {
        let certificate =
            authority.issue(&[HOST]).valid_for(std::time::Duration::from_secs(60 * minutes)).sign();
        fixture.enable_tls(&certificate);
        fixture.restart();
        let address = fixture.address("listener-tls").to_string();
        World::new().baton(&["prove", &address]).expect(exit);
    }
}

#[test]
fn status_tells_of_a_renewal_that_fails_while_the_certificate_in_use_is_fine() {
    let world = World::new();
    let settings =
        |name: &str| format!("[[certificate]]\nname = 'x'\nnames = ['{name}']\nissuer = 'internal'\n");
    world.write_settings(&settings("localhost"));
    world.baton(&["renew", "x"]).expect(0);
    world.baton(&["status"]).expect(0);
    // The CA was made for other names.
    world.write_settings(&settings("www.example.com"));
    for (exit, severity) in [(0, "notice"), (10, "warning"), (10, "warning")] {
        world.baton(&["renew", "x"]).expect(3);
        let status = world.baton(&["status", "--json"]).expect(exit).json();
        let finding = &status["rows"][0]["findings"][0];
        assert_eq!((&finding["code"], &finding["severity"]), (&"renewal-failing".into(), &severity.into()));
        assert!(finding["message"].as_str().unwrap().contains("www.example.com"), "{finding}");
    }
    world.write_settings(&settings("localhost"));
    world.baton(&["renew", "x", "--force"]).expect(0);
    world.baton(&["status"]).expect(0);
}

#[test]
fn status_tells_what_is_issued_and_not_handed_over() {
    let scene = crate::nginx::Scene::new();
    let settings = fs_err::read_to_string(scene.world.path("baton.toml")).unwrap();
    let reload = settings.lines().find(|line| line.starts_with("activate")).unwrap();
    // A reload that says 0 and does nothing.
    scene.world.write_settings(&settings.replace(reload, "activate = ['true']"));
    assert_eq!(scene.renew().exit, 6);
    let status = scene.world.baton(&["status", "--json"]).expect(10).json();
    let row = &status["rows"][0];
    assert_eq!(row["findings"][0]["code"], "not-handed-over", "{row}");
    assert_eq!((&row["certificate"], row["pending"].is_string()), (&"site".into(), true));
    scene.world.write_settings(&settings);
    assert_eq!(scene.renew().exit, 0);
    scene.world.baton(&["status"]).expect(0);
}

#[test]
fn targets_are_listed_with_their_references() {
    let authority = Authority::new("Test CA");
    let old = authority.issue(&[HOST]).sign();
    let fixture = ProductFixture::new(Product::Yunio);
    fixture.enable_tls(&old);
    let world = World::with_settings(&format!(
        "[store]\npath = {}\n\n[[target]]\nname = 'yunio'\nproduct = 'yunio'\ndirectory = {}\n",
        quoted(&fixture.store()),
        quoted(&fixture.directory()),
    ));
    let target = world.baton(&["target", "list", "--json"]).expect(0).json();
    assert_eq!(target["named"], old.thumbprint.as_str());
    assert_eq!(target["references"][0]["names"], old.thumbprint.as_str());
    let endpoints: Vec<&str> =
        target["endpoints"].as_array().unwrap().iter().map(|endpoint| endpoint.as_str().unwrap()).collect();
    let expected = [8175, 8177, 8176].map(|port| format!("127.0.0.1:{port} ({HOST}) (assumed)"));
    assert_eq!(endpoints, expected, "the product's usual ports");
    assert!(target["findings"][0]["code"] == "activation-unknown");
}

#[test]
fn status_tells_when_a_certificate_is_due_and_why() {
    let certificate = |name: &str, names: &str| {
        format!("[[certificate]]\nname = '{name}'\nnames = ['{names}']\nissuer = 'house'\n\n")
    };
    let issuer = "[[issuer]]\nname = 'house'\nkind = 'internal'\nlifetime = '45d'\n\n";
    let world = World::with_settings(&format!("{issuer}{}", certificate("fine", "fine.example")));
    world.baton(&["renew"]).expect(0);
    // A name that the CA was not made for: it cannot be issued, and that delays nothing else.
    let both =
        format!("{issuer}{}{}", certificate("failing", "other.example"), certificate("fine", "fine.example"));
    world.write_settings(&both);
    world.baton(&["renew", "--force"]).expect(3);

    let status = world.baton(&["status", "--json"]).json();
    let row = |name: &str| {
        let rows = status["rows"].as_array().unwrap();
        rows.iter().find(|row| row["certificate"] == name).unwrap().clone()
    };
    let days = |row: &serde_json::Value| {
        let at: jiff::Timestamp = row["due"].as_str().unwrap().parse().unwrap();
        let now: jiff::Timestamp = status["at"].as_str().unwrap().parse().unwrap();
        at.duration_since(now).as_secs_f64() / 86_400.0
    };
    assert_eq!(row("fine")["due_reason"], "lifetime");
    assert!((27.0..30.1).contains(&days(&row("fine"))), "{}", days(&row("fine")));
    assert_eq!(row("failing")["due_reason"], "retry");
    assert!((0.0..0.001).contains(&days(&row("failing"))), "{}", days(&row("failing")));
    let codes: Vec<_> =
        row("failing")["findings"].as_array().unwrap().iter().map(|it| it["code"].clone()).collect();
    assert_eq!(codes, ["not-issued"]);
    let text = world.baton(&["status"]).stdout;
    assert!(text.contains("(lifetime)") && text.contains("(retry)"), "{text}");
}

#[test]
fn an_issuer_that_is_to_be_left_alone_is_left_alone_after_a_restart_too() {
    let world = World::with_settings(
        "[[issuer]]\nname = 'house'\nkind = 'internal'\n\n\
         [[certificate]]\nname = 'site'\nnames = ['site.example']\nissuer = 'house'\n",
    );
    world.baton(&["renew"]).expect(0);
    let sql = |statement: &str| {
        let database = world.path("baton-data/state.db");
        // By the library that Python comes with.
        let script =
            "import sqlite3, sys; sqlite3.connect(sys.argv[1], isolation_level=None).execute(sys.argv[2])";
        let arguments = ["python3", "-c", script, database.to_str().unwrap(), statement];
        baton_testkit::invocation::run(&arguments, std::time::Duration::from_secs(20))
            .unwrap()
            .expect_success();
    };
    sql("INSERT INTO issuer VALUES ('house', NULL, unixepoch('now', '+1 hour') * 1000)");
    world.baton(&["renew", "--json"]).expect(0);
    let other = "[[certificate]]\nname = 'other'\nnames = ['site.example']\nissuer = 'house'\n";
    world.write_settings(&format!("{}{other}", fs_err::read_to_string(world.path("baton.toml")).unwrap()));
    let ran = world.baton(&["renew", "other", "--json"]).expect(3);
    assert_eq!(ran.json()["error"]["code"], "issuer-resting");
    // That is no failure of the certificate.
    let row = world.baton(&["status", "--json"]).json()["rows"][0].clone();
    assert_eq!((&row["due_reason"], &row["findings"]), (&"lifetime".into(), &serde_json::json!([])));
    world.baton(&["renew", "other", "--force"]).expect(0);
    sql("UPDATE issuer SET rest_until = unixepoch('now', '-1 hour') * 1000");
    sql("DELETE FROM renewal WHERE name = 'other'");
    world.baton(&["renew", "other"]).expect(0);

    // What an issuer suggested is told, with its explanation.
    sql(
        "INSERT INTO suggestion SELECT 'site', current, 0, 1000, 500, 'https://ca.example/why', 0, 0 FROM renewal WHERE name = 'site'",
    );
    let row = world.baton(&["status", "--json"]).json()["rows"][0].clone();
    assert_eq!(row["renewal_window"]["explanation"], "https://ca.example/why");
}
