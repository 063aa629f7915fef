//! What is damaged, unreadable, strange or newer than this version: told, and the rest is found all the same.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use baton_testkit::{Product, ProductFixture};
use serde_json::Value;

use super::{Scene, copy, servers_in};

fn codes(value: &Value) -> Vec<&str> {
    value["findings"].as_array().unwrap().iter().map(|finding| finding["code"].as_str().unwrap()).collect()
}

#[test]
fn a_configuration_that_nginx_refuses_is_told_in_its_words() {
    let scene = Scene::new();
    let (nginx, _first) = scene.nginx();
    let broken = scene.world.path("broken");
    fs_err::create_dir(&broken).unwrap();
    fs_err::write(broken.join("nginx.conf"), "events {}\nhttp { server { listen 443 ssl; } \n").unwrap();
    copy(nginx.prefix(), &scene.world.path("sound"));
    let found = scene.init(&["--json"], scene.world.root()).expect(0).json();
    let finding =
        found["findings"].as_array().unwrap().iter().find(|it| it["code"] == "nginx-unreadable").unwrap();
    let message = finding["message"].as_str().unwrap();
    assert!(
        message.contains("unexpected end of file, expecting") && message.contains("broken/nginx.conf"),
        "{message}"
    );
    assert_eq!(servers_in(&found, scene.world.root()).len(), 1, "the sound one is found");
}

#[test]
fn products_that_cannot_be_understood_stand_there_as_comments() {
    let scene = Scene::new();
    let certificate = scene.authority.issue(&["sap.example.com"]).sign();
    let directory = scene.world.path("products");
    let product = |name: &str, tls: Option<&str>| {
        let fixture = ProductFixture::new(Product::Yunio);
        fixture.enable_tls(&certificate);
        copy(&fixture.directory(), &directory.join(name));
        if let Some(tls) = tls {
            fs_err::write(directory.join(name).join("config/servers/tls.json"), tls).unwrap();
        }
    };
    product("yunIO broken", Some("{\"tlsEnabled\": true,, }"));
    product(
        "yunIO newer",
        Some("{\"formatVersion\": 9, \"certificates\": [{\"fingerprint\": \"sha256:00\"}]}"),
    );
    product("yunIO sound", None);
    product("yunIO and Xtract Universal", None);

    let found = scene.init(&["--json"], &directory).expect(0).json();
    let products = found["products"].as_array().unwrap();
    let of = |name: &str| {
        let is_it = |product: &&Value| Path::new(product["directory"].as_str().unwrap()).ends_with(name);
        products.iter().find(is_it).unwrap()
    };
    assert_eq!(codes(of("yunIO broken")), ["settings-unreadable"]);
    assert_eq!(codes(of("yunIO newer")), ["reference-missing"]);
    assert!(codes(of("yunIO sound")).is_empty());
    assert_eq!(codes(of("yunIO and Xtract Universal")), ["product-unclear"]);
    assert!(!scene.settings().lines().any(|line| line == "[[target]]"), "{}", scene.settings());
    scene.world.baton(&["check"]).expect(0);
}

/// Names may hold whatever a file system takes. None of it may become settings, or reach a terminal.
#[test]
fn quotes_line_ends_and_other_characters_in_paths_change_nothing() {
    let scene = Scene::new();
    let certificate = scene.authority.issue(&["sap.example.com"]).sign();
    let directory = scene.world.path("odd");
    let odd = [
        "yunIO \"\"\"q'",
        "yunIO\n[[issuer]]\nname = \"x\"",
        "yunIO \u{1b}[31m\u{202e}\u{7f}",
        "yunIO \\u0041",
    ];
    for name in odd {
        let fixture = ProductFixture::new(Product::Yunio);
        fixture.enable_tls(&certificate);
        copy(&fixture.directory(), &directory.join(name));
    }
    // One that cannot be read is told with its path.
    fs_err::write(directory.join(odd[2]).join("config/servers/tls.json"), "{").unwrap();
    let shown = scene.init(&[], &directory).expect(0);
    assert!(shown.stdout.contains("[settings-unreadable]"), "{}", shown.stdout);
    assert!(!shown.stdout.contains(['\u{1b}', '\u{202e}', '\u{7f}']), "{:?}", shown.stdout);
    assert!(!scene.settings().contains(['\u{1b}', '\u{202e}', '\u{7f}']), "{:?}", scene.settings());
    scene.world.baton(&["check"]).expect(0);

    fs_err::remove_file(scene.world.path("baton.toml")).unwrap();
    fs_err::copy(
        directory.join(odd[0]).join("config/servers/tls.json"),
        directory.join(odd[2]).join("config/servers/tls.json"),
    )
    .unwrap();
    scene.init(&[], &directory).expect(0);
    // What stands there leads to these very directories.
    scene.uncomment();
    let targets = scene.world.baton(&["target", "list", "--json"]).expect(0).stdout;
    let objects: Vec<Value> = targets.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(objects.len(), 4);
    for object in &objects {
        assert_eq!(object["named"], certificate.thumbprint.as_str(), "{object}");
    }
}

#[test]
fn a_path_that_is_no_text_is_told() {
    use std::os::unix::ffi::OsStringExt as _;
    let scene = Scene::new();
    let name = std::ffi::OsString::from_vec(b"yunIO \xff".to_vec());
    fs_err::create_dir_all(scene.world.path("odd").join(name).join("config/servers")).unwrap();
    let found = scene.init(&["--json"], &scene.world.path("odd")).expect(0).json();
    assert!(codes(&found).contains(&"path-not-text"), "{found}");
    scene.world.baton(&["check"]).expect(0);
}

#[test]
fn what_may_not_be_read_is_told_and_what_is_missing_is_refused() {
    let scene = Scene::new();
    let missing = scene.init(&["--json"], &scene.world.path("absent")).expect(2).json();
    assert_eq!(missing["error"]["code"], "directory-missing");
    assert!(!scene.world.path("baton.toml").exists());

    // Any account but root.
    let closed = scene.world.path("closed/inner");
    fs_err::create_dir_all(&closed).unwrap();
    fs_err::set_permissions(&closed, std::fs::Permissions::from_mode(0o000)).unwrap();
    fs_err::set_permissions(scene.world.root(), std::fs::Permissions::from_mode(0o777)).unwrap();
    let mut command = scene.world.command(&["init", "--json", "--dry-run"]);
    if nix::unistd::geteuid().is_root() {
        use std::os::unix::process::CommandExt as _;
        command.uid(65534).gid(65534);
    }
    let ran = crate::world::Ran::from(command.arg(scene.world.path("closed")).output().unwrap());
    fs_err::set_permissions(&closed, std::fs::Permissions::from_mode(0o700)).unwrap();
    let found = ran.expect(0).json();
    assert!(codes(&found).contains(&"directory-unreadable"), "{found}");
}

#[test]
fn settings_that_are_wrong_are_told_and_not_replaced() {
    let scene = Scene::new();
    let (nginx, _first) = scene.nginx();
    scene.world.write_settings("[[target]\n");
    let ran = scene.init(&["--json"], nginx.prefix()).expect(2).json();
    assert_eq!(ran["error"]["code"], "settings-wrong");
    assert_eq!(scene.settings(), "[[target]\n");
    fs_err::remove_file(scene.world.path("baton.toml")).unwrap();
    fs_err::os::unix::fs::symlink("nowhere", scene.world.path("baton.toml")).unwrap();
    scene.init(&[], nginx.prefix()).expect(2);
    assert!(!scene.world.path("nowhere").exists(), "nothing is written through a link");
}
