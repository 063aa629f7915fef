//! Help, schema, completions, and the manual page.

use crate::world::World;

#[test]
fn help_lists_commands_and_exit_codes() {
    let help = World::new().baton(&["--help"]).expect(0).stdout;
    for command in [
        "up", "renew", "swap", "status", "history", "prove", "store", "target", "ca", "guide", "selftest",
        "check",
    ] {
        assert!(
            help.lines().any(|line| line.trim_start().starts_with(&format!("{command} "))),
            "{command}: {help}"
        );
    }
    for exit in ["3  refused by the checks", "6  issued, not handed over", "11  `status` and `prove` only"] {
        assert!(help.contains(exit), "{help}");
    }
}

#[test]
fn every_flag_is_explained() {
    for command in [
        &["up"][..],
        &["renew"],
        &["swap"],
        &["request"],
        &["request", "cancel"],
        &["accept"],
        &["status"],
        &["history"],
        &["prove"],
        &["store", "import"],
        &["store", "export"],
        &["target", "check"],
        &["ca", "root"],
        &["guide"],
        &["selftest"],
        &["check"],
    ] {
        let help = World::new().baton(&[command, &["-h"]].concat()).expect(0).stdout;
        for line in help.lines().filter(|line| line.trim_start().starts_with('-')) {
            assert!(line.trim().contains("  "), "{command:?} does not explain: {line}");
        }
    }
}

#[test]
fn usage_errors_end_with_2() {
    let world = World::new();
    for arguments in [
        &["frobnicate"][..],
        &["swap", "onlyone"],
        &["renew", "--same-key", "--new-key"],
        &["request"],
        &["request", "site", "--same-key", "--new-key"],
        &["request", "site", "--template", "Web Server"],
        &["request", "--der", "list"],
        &["accept"],
        &["up", "--lifetime", "soon"],
    ] {
        world.baton(arguments).expect(2);
    }
    world.baton(&["renew", "nobody"]).expect(2);
    let ran = world.baton(&["swap", "", "zz"]).expect(2);
    assert!(ran.stderr.contains("hint:"), "{}", ran.stderr);
}

#[test]
fn the_schema_knows_every_table() {
    let schema: serde_json::Value =
        serde_json::from_str(&World::new().baton(&["check", "--schema"]).expect(0).stdout).unwrap();
    for table in [
        "store",
        "issuer",
        "target",
        "certificate",
        "designer",
        "proof",
        "probe",
        "retire",
        "alert",
        "heartbeat",
    ] {
        assert!(schema["properties"][table].is_object(), "{table}");
    }
    assert_eq!(schema["additionalProperties"], false);
}

#[test]
fn every_setting_is_in_the_reference() {
    let reference =
        fs_err::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/settings.md")).unwrap();
    let schema: serde_json::Value =
        serde_json::from_str(&World::new().baton(&["check", "--schema"]).expect(0).stdout).unwrap();
    let mut names: Vec<String> = schema["properties"].as_object().unwrap().keys().cloned().collect();
    for definition in schema["$defs"].as_object().unwrap().values() {
        names
            .extend(definition["properties"].as_object().into_iter().flatten().map(|(name, _)| name.clone()));
    }
    for name in names {
        assert!(reference.contains(&format!("`{name}`")), "{name} is not in docs/settings.md");
    }
}

#[test]
fn completions_and_the_manual_page_are_generated() {
    let world = World::new();
    for shell in ["bash", "zsh", "fish", "powershell"] {
        let script = world.baton(&["completions", shell]).expect(0).stdout;
        assert!(script.contains("baton") && script.contains("renew"), "{shell}");
    }
    let page = world.baton(&["man"]).expect(0).stdout;
    assert!(
        page.contains(".TH baton 1") && page.contains("EXIT CODES") | page.contains("Exit codes"),
        "{page}"
    );
    assert!(page.contains("swap"), "{page}");
}
