//! One clear error with path and hint, the right exit code, nothing half-made left behind.

use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;

use crate::world::World;

#[test]
fn an_unknown_key_names_the_line_and_the_nearest_key() {
    let world = World::with_settings("[store]\npath = 'x'\n\n[[target]]\nname = 'a'\nprodukt = 'yunio'\n");
    let ran = world.baton(&["check"]).expect(2);
    assert!(ran.stderr.contains("baton.toml:6:1: unknown field `produkt`"), "{}", ran.stderr);
    assert!(ran.stderr.contains("hint: did you mean `product`?"), "{}", ran.stderr);
    assert_eq!(world.listing(), ["baton.toml"]);
}

#[test]
fn wrong_values_name_the_line() {
    for (text, expected) in [
        ("[retire]\ngrace = 'soon'\n", "is no time span"),
        (
            "[[certificate]]\nname = 'a'\nnames = ['ex ample']\nissuer = 'x'\n",
            "is neither a DNS name nor an IP",
        ),
        ("[[target]]\nname = 'a'\nendpoints = ['host']\n", "this is no endpoint: write"),
        ("[store\n", "baton.toml:1:"),
        ("[[issuer]]\nname = 'a'\nkind = 'internl'\n", "did you mean `internal`?"),
    ] {
        let world = World::with_settings(text);
        let ran = world.baton(&["check"]).expect(2);
        assert!(ran.stderr.contains(expected), "{text}\n{}", ran.stderr);
        assert!(ran.stderr.contains("baton.toml:"), "{}", ran.stderr);
        assert_eq!(world.listing(), ["baton.toml"]);
    }
}

#[test]
fn names_that_lead_nowhere_are_told_before_anything_is_made() {
    for (text, expected) in [
        (
            "[[certificate]]\nname = 'a'\nnames = ['x.example']\nissuer = 'nobody'\n",
            "unknown issuer \"nobody\"",
        ),
        (
            "[[certificate]]\nname = 'a'\nnames = ['x.example']\nissuer = 'internal'\ntargets = ['nowhere']\n",
            "unknown target \"nowhere\"",
        ),
        ("[[issuer]]\nname = '../a'\nkind = 'internal'\n", "cannot be the name"),
        ("[[target]]\nname = 'a'\n", "lacks its files"),
    ] {
        let world = World::with_settings(text);
        let ran = world.baton(&["check"]).expect(2);
        assert!(ran.stderr.contains(expected), "{text}\n{}", ran.stderr);
        assert!(ran.stderr.contains("hint:"), "{}", ran.stderr);
    }
}

#[test]
fn what_does_not_fit_in_the_settings_of_an_acme_issuer_is_told_before_anything_is_made() {
    let directory = "directory = 'letsencrypt'\n";
    for (text, expected) in [
        ("challenge = 'http-01'\n".to_owned(), "does not say where its CA is"),
        (directory.to_owned(), "does not say how the names are validated"),
        (format!("{directory}challenge = 'http-02'\n"), "did you mean `http-01`?"),
        (
            "directory = 'http://ca.example/dir'\n".to_owned(),
            "is no ACME directory: write its URL with https://",
        ),
        ("directory = 'letsencrpyt'\n".to_owned(), "or one of letsencrypt, letsencrypt-staging"),
        (format!("{directory}contact = 'admin'\n"), "is no contact: write mailto:"),
        (
            format!("{directory}challenge = 'http-01'\nhttp-port = 80\nwebroot = 'w'\n"),
            "a port and a webroot",
        ),
        (
            format!("{directory}challenge = 'http-01'\ntls-port = 443\n"),
            "the key `tls-port`, which belongs to",
        ),
        (format!("{directory}challenge = 'http-01'\nhttp-port = 0\n"), "nonzero"),
        (format!("{directory}challenge = 'dns-01'\n"), "does not say who changes the DNS"),
        (format!("{directory}challenge = 'http-01'\nchallenge-addresses = []\n"), "on no address"),
        (
            format!("{directory}challenge = 'http-01'\nlifetime = '47d'\n"),
            "the key `lifetime`, which belongs to",
        ),
        (format!("{directory}challenge = 'http-01'\nroot = 'nowhere.pem'\n"), "the root of the issuer \"a\""),
        (
            format!(
                "{directory}challenge = 'http-01'\nexternal-account = {{ key-id = 'k', key-file = 'k' }}\n"
            ),
            "it is no base64",
        ),
    ] {
        let issuer = "[[issuer]]\nname = 'a'\nkind = 'acme'\n";
        let world = World::with_settings(&format!("{issuer}{text}"));
        fs_err::write(world.path("k"), "top secret!").unwrap();
        // What is read from files is told when an issuer is opened.
        let command = if text.contains("external") { ["account", "show"] } else { ["check", "-v"] };
        let ran = world.baton(&command).expect(2);
        assert!(ran.stderr.contains(expected), "{text}\n{}", ran.stderr);
        assert!(!ran.stderr.contains("top secret"), "{}", ran.stderr);
        assert!(!world.listing().iter().any(|name| name.contains("acme")), "{:?}", world.listing());
    }
}

#[test]
fn what_does_not_fit_in_the_settings_of_dns_01_is_told_before_anything_is_made() {
    let issuer = "[[issuer]]\nname = 'a'\nkind = 'acme'\ndirectory = 'letsencrypt'\nchallenge = 'dns-01'\n[issuer.dns]\n";
    let key = "key \"k\" { algorithm hmac-md5; secret \"c2VjcmV0\"; };";
    for (text, expected) in [
        ("kind = 'rfc2136'\nkey = 'k'\n", "lacks the key `server`"),
        ("kind = 'rfc2136'\nserver = '192.0.2.1'\n", "lacks the key `key`"),
        ("kind = 'rfc2136'\nserver = '192.0.2.1'\nkey = 'nowhere'\n", "the key in `"),
        (
            "kind = 'rfc2136'\nserver = '192.0.2.1'\nkey = 'k'\n",
            "the algorithm \"hmac-md5\" is not supported",
        ),
        ("kind = 'rfc2136'\nserver = 'a b'\n", "\"a b\" is no server: write"),
        ("kind = 'rfc2136'\nalgorithm = 'hmac-sha1'\n", "take hmac-sha256, hmac-sha384 or hmac-sha512"),
        ("kind = 'rfc2136'\npublish = ['true']\n", "has the key `publish`, which belongs to another"),
        ("kind = 'command'\nremove = ['true']\n", "lacks the key `publish`"),
        ("kind = 'command'\npublish = []\nremove = ['true']\n", "the command to publish a record is empty"),
        ("kind = 'command'\npublish = ['a']\nremove = ['b']\nttl = '60s'\n", "has the key `ttl`"),
        ("kind = 'command'\npublish = ['a']\nremove = ['b']\nzone = 'a b'\n", "\"a b\" is no zone"),
        ("kind = 'command'\nresolver = ['ns1.example.com']\n", "is no IP address: write"),
        ("kind = 'provider'\nprovider = 'cloudflare'\n", "lacks the key `credentials`"),
        (
            "kind = 'provider'\nprovider = 'nobody'\ncredentials = 'c'\n",
            "the provider \"nobody\" cannot be used",
        ),
        ("kind = 'rfc2163'\n", "did you mean `rfc2136`?"),
        ("kind = 'rfc2136'\nkeyname = 'k'\n", "did you mean `key-name`?"),
    ] {
        let world = World::with_settings(&format!("{issuer}{text}"));
        fs_err::write(world.path("k"), key).unwrap();
        let ran = world.baton(&["check"]).expect(2);
        assert!(ran.stderr.contains(expected), "{text}\n{}", ran.stderr);
        assert!(
            ran.stderr.contains("hint:") || ran.stderr.contains("write") || ran.stderr.contains("take"),
            "{}",
            ran.stderr
        );
        assert!(!ran.stderr.contains("c2VjcmV0"), "{}", ran.stderr);
        assert_eq!(world.listing(), ["baton.toml", "k"]);
    }
}

#[test]
fn a_settings_file_that_is_not_there() {
    let world = World::new();
    let ran = world.baton(&["up", "--settings", "nowhere.toml"]).expect(2);
    assert!(ran.stderr.contains("nowhere.toml"), "{}", ran.stderr);
    assert!(world.listing().is_empty());
}

#[test]
fn a_port_in_use_leaves_nothing_behind() {
    let world = World::new();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let ran = world.baton(&["up", "--listen", &port.to_string()]).expect(2);
    assert!(ran.stderr.contains(&port.to_string()) && ran.stderr.contains("hint:"), "{}", ran.stderr);
    assert!(world.listing().is_empty());
}

#[test]
fn the_designer_stays_on_the_loopback_interface() {
    let world = World::new();
    let ran = world.baton(&["up", "--listen", "0.0.0.0:0"]).expect(2);
    assert!(ran.stderr.contains("loopback"), "{}", ran.stderr);
    assert!(world.listing().is_empty());
}

#[test]
fn a_service_is_restarted_by_its_name_on_windows_alone() {
    let world = World::with_settings(
        "[[target]]\nname = 'sap'\nproduct = 'yunio'\ndirectory = 'yunIO'\nservice = 'yunIO Service'\n",
    );
    let ran = world.baton(&["check"]).expect(2);
    assert!(ran.stderr.contains("services are restarted by name on Windows alone"), "{}", ran.stderr);
    assert!(ran.stderr.contains("set activate = [\"systemctl\", \"restart\", \"NAME\"]"), "{}", ran.stderr);
    assert_eq!(world.listing(), ["baton.toml"]);
}

#[test]
fn a_machine_without_systemd_has_no_services() {
    if std::path::Path::new("/run/systemd/system").is_dir() {
        // Here it would be installed.
        return;
    }
    let world = World::with_settings("");
    for command in ["install", "start", "stop", "uninstall"] {
        let ran = world.baton(&["service", command, "--settings", "baton.toml"]).expect(3);
        assert!(ran.stderr.contains("this machine is not run by systemd"), "{}", ran.stderr);
        assert_eq!(world.listing(), ["baton.toml"]);
    }
}

#[test]
fn a_product_directory_that_is_not_there_is_refused() {
    let world = World::with_settings(
        "[[target]]\nname = 'a'\nproduct = 'yunio'\ndirectory = 'nowhere'\nactivate = ['true']\n",
    );
    let ran = world.baton(&["target", "check"]).expect(3);
    assert!(ran.stdout.contains("nowhere") && ran.stdout.contains("does not exist"), "{}", ran.stdout);
    let new = "0C32EEE1053DA57E88E6AE22832DFB13775250F9";
    let ran = world.baton(&["swap", "", new, "--json"]).expect(3);
    assert_eq!(ran.codes(), ["certificate-not-found"]);
}

#[test]
fn a_data_directory_that_is_a_file_or_of_another_account() {
    let world = World::new();
    fs_err::write(world.path("file"), "").unwrap();
    for command in [&["up", "--data", "file"][..], &["status", "--data", "file"][..]] {
        let ran = world.baton(command).expect(2);
        assert!(ran.stderr.contains("file"), "{}", ran.stderr);
    }
    let theirs = world.path("theirs");
    fs_err::create_dir(&theirs).unwrap();
    if std::os::unix::fs::chown(&theirs, Some(65534), Some(65534)).is_ok() {
        let ran = world.baton(&["up", "--data", "theirs"]).expect(2);
        assert!(ran.stderr.contains("belongs to nobody"), "{}", ran.stderr);
        assert!(fs_err::read_dir(&theirs).unwrap().next().is_none());
    }
}

#[test]
fn a_store_that_cannot_be_used_is_named() {
    let world = World::with_settings("[store]\npath = 'store'\n");
    fs_err::write(world.path("store"), "").unwrap();
    let ran = world.baton(&["store", "list"]).expect(2);
    assert!(ran.stderr.contains("store"), "{}", ran.stderr);

    fs_err::remove_file(world.path("store")).unwrap();
    let entry = world.path("store/0C32EEE1053DA57E88E6AE22832DFB13775250F9");
    fs_err::create_dir_all(&entry).unwrap();
    fs_err::set_permissions(world.path("store"), std::fs::Permissions::from_mode(0o700)).unwrap();
    fs_err::write(entry.join("certificate.pem"), "rubbish").unwrap();
    let ran = world.baton(&["store", "list", "--json"]).expect(0);
    assert!(
        ran.json()["unreadable"][0].as_str().unwrap().contains("neither a certificate nor a private key")
    );
}

#[test]
fn a_file_of_rubbish_is_no_certificate() {
    let world = World::new();
    for (name, content) in
        [("text", b"hello".to_vec()), ("zeros", vec![0; 4096]), ("big", vec![0x30; 2 * 1024 * 1024])]
    {
        fs_err::write(world.path(name), content).unwrap();
        let ran = world.baton(&["store", "import", name]).expect(3);
        assert!(ran.stderr.contains(name) && ran.stderr.contains("hint:"), "{}", ran.stderr);
    }
    assert_eq!(world.listing(), ["big", "text", "zeros"]);
}

#[test]
fn a_damaged_settings_file_of_a_product_is_told_with_line_and_column() {
    let world = World::with_settings(
        "[[target]]\nname = 'a'\nproduct = 'xtract-core'\ndirectory = 'core'\nactivate = ['true']\n",
    );
    fs_err::create_dir_all(world.path("core/config/servers")).unwrap();
    fs_err::write(world.path("core/config/servers/tls.json"), "{\n\t\"tlsEnabled\": true, // yes\n}")
        .unwrap();
    let ran = world.baton(&["target", "check", "--json"]).expect(3);
    let codes = ran.codes();
    assert_eq!(codes, ["settings-unreadable"], "{}", ran.stdout);
    assert!(ran.stdout.contains("line 2"), "{}", ran.stdout);
}
