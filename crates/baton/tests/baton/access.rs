//! Who may use the Designer: users and tokens on the machine, the first link, and listening for others.

use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::process::{Command, Stdio};

use baton_testkit::port::ReservedPort;

use crate::up::Up;
use crate::world::{Ran, World};

#[cfg(target_os = "linux")]
mod pages;

const AUTHENTICATED: &str = "[designer]\naccess = \"authenticated\"\n";
const PASSWORD: &str = "correct horse battery staple";

fn world(settings: &str) -> World {
    let world = World::with_settings(settings);
    fs_err::write(world.path("password"), format!("{PASSWORD}\n")).unwrap();
    world
}

fn add(world: &World, name: &str, level: &str) -> Ran {
    world.baton(&["user", "add", name, "--level", level, "--password-file", "password"])
}

/// What curl makes of a URL, without a look at the certificate: code, page and cookies are below `world`.
fn curl(world: &World, url: &str, more: &[&str]) -> (String, String) {
    let output = Command::new("curl")
        .args(["--silent", "--show-error", "--insecure", "--max-time", "20", "--noproxy", "*"])
        .args(["--write-out", "\n%{http_code}", "--cookie-jar", "cookies", "--cookie", "cookies"])
        .args(more)
        .arg(url)
        .current_dir(world.root())
        .output()
        .unwrap();
    assert!(output.status.success(), "{url}: {}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    let (page, code) = text.rsplit_once('\n').unwrap();
    (code.to_owned(), page.to_owned())
}

/// An address of this machine that is not on its loopback interface.
fn outer_address() -> IpAddr {
    let socket = UdpSocket::bind("0.0.0.0:0").unwrap();
    // Nothing is sent: the system tells which address it would be sent from.
    socket.connect("203.0.113.1:9").unwrap();
    socket.local_addr().unwrap().ip()
}

#[test]
fn users_are_added_listed_changed_and_removed() {
    let world = world(AUTHENTICATED);
    let none = world.baton(&["user", "list"]).expect(0);
    assert!(none.stdout.contains("no users"), "{}", none.stdout);
    assert!(!world.path("baton-data").exists(), "whoever looks makes nothing");
    assert_eq!(add(&world, "Ada", "server-admin").expect(0).stdout, "ada is added\n");
    add(&world, "bob", "no-access").expect(0);
    let taken = add(&world, "ADA", "read-execute").expect(2);
    assert!(taken.stderr.contains("there is a user named ada already"), "{}", taken.stderr);
    world.baton(&["user", "set-level", "bob", "--level", "create-modify"]).expect(0);
    let users = world.baton(&["--json", "user", "list"]).expect(0).json();
    let told: Vec<_> = users["users"]
        .as_array()
        .unwrap()
        .iter()
        .map(|user| (user["name"].as_str().unwrap(), user["level"].as_str().unwrap()))
        .collect();
    assert_eq!(told, [("ada", "server-admin"), ("bob", "create-modify")]);
    let text = world.baton(&["user", "list"]).expect(0).stdout;
    assert!(text.contains("Server Admin") && text.contains("Create / Modify"), "{text}");
    for command in [["user", "remove", "bob"], ["user", "remove", "bob"]] {
        world.baton(&command);
    }
    for arguments in [
        &["user", "remove", "bob"][..],
        &["user", "set-level", "bob", "--level", "no-access"],
        &["user", "reset-password", "bob", "--password-file", "password"],
    ] {
        let unknown = world.baton(arguments).expect(2);
        assert!(unknown.stderr.contains("there is no user named bob"), "{}", unknown.stderr);
    }
    let state = fs_err::read(world.path("baton-data/state.db")).unwrap();
    let log = fs_err::read(world.path("baton-data/state.db-wal")).unwrap_or_default();
    for bytes in [state, log] {
        assert!(!bytes.windows(PASSWORD.len()).any(|part| part == PASSWORD.as_bytes()));
    }
}

#[test]
fn a_password_that_can_be_guessed_is_not_taken_and_none_is_asked_for_without_a_terminal() {
    let world = world(AUTHENTICATED);
    fs_err::write(world.path("password"), "short\n").unwrap();
    let short = add(&world, "ada", "server-admin").expect(2);
    assert!(short.stderr.contains("fewer than 12 characters"), "{}", short.stderr);
    // A session of its own has no terminal.
    let program = env!("CARGO_BIN_EXE_baton");
    let output = Command::new("setsid")
        .args(["--wait", program, "--json", "user", "add", "ada", "--level", "server-admin"])
        .current_dir(world.root())
        .stdin(Stdio::null())
        .output();
    let asked = Ran::from(output.unwrap()).expect(2);
    assert_eq!(asked.json()["error"]["code"], "password-missing");
    for wrong in ["", "a b", "<script>", "-x"] {
        add(&world, wrong, "server-admin").expect(2);
    }
    add(&world, "ada", "admin").expect(2);
    assert_eq!(world.baton(&["--json", "user", "list"]).expect(0).json()["users"], serde_json::json!([]));
}

#[test]
fn anonymous_access_stays_on_this_machine_and_the_check_names_the_line() {
    let world = world("# a comment\n[designer]\nlisten = \"0.0.0.0:8177\"\n");
    for command in [&["check"][..], &["up"]] {
        let refused = world.baton(command).expect(2);
        assert!(
            refused.stderr.contains("baton.toml:3:10: the Designer would listen on 0.0.0.0:8177"),
            "{}",
            refused.stderr
        );
        assert!(refused.stderr.contains("baton user add"), "{}", refused.stderr);
    }
    world.write_settings("[designer]\nlisten = \"8177\"\n");
    let refused = world.baton(&["--json", "up", "--listen", "[::]:0"]).expect(2);
    assert_eq!(refused.json()["error"]["code"], "designer-not-loopback");
    world.write_settings("[designer]\nlisten = \"0.0.0.0:8177\"\naccess = \"authenticated\"\n");
    assert_eq!(world.listing(), ["baton.toml", "password"], "nothing was made");
    world.baton(&["check"]).expect(0);
}

#[test]
fn others_reach_the_designer_once_there_is_a_user_and_not_before() {
    let world = world(AUTHENTICATED);
    let port = ReservedPort::new();
    let everywhere = SocketAddr::from(([0, 0, 0, 0], port.address().port()));
    let listen = everywhere.to_string();
    let refused = world.baton(&["--json", "up", "--listen", &listen]).expect(2);
    assert_eq!(refused.json()["error"]["code"], "designer-without-user");
    assert_eq!(world.listing(), ["baton.toml", "password"], "nothing was made");
    add(&world, "ada", "read-execute").expect(0);

    let _up = Up::start_at(&world, everywhere, &[]);
    let base = format!("https://{}", SocketAddr::new(outer_address(), everywhere.port()));
    let (code, page) = curl(&world, &format!("{base}/"), &["--location"]);
    assert_eq!(code, "200", "{page}");
    assert!(page.contains("<form method=\"post\" action=\"/sign-in\""), "{page}");
    let fields = ["--data-urlencode", "name=ada", "--data-urlencode", &format!("password={PASSWORD}")];
    assert_eq!(curl(&world, &format!("{base}/sign-in"), &fields).0, "303");
    assert_eq!(curl(&world, &format!("{base}/"), &[]).0, "200");
    assert_eq!(curl(&world, &format!("{base}/audit"), &[]).0, "403");
    let (code, _) = curl(&world, &format!("{base}/"), &["--header", "Host: evil.example.com"]);
    assert_eq!(code, "421");

    // On the machine, while it runs.
    fs_err::write(world.path("password"), "another long password\n").unwrap();
    world.baton(&["user", "reset-password", "ada", "--password-file", "password"]).expect(0);
    assert_eq!(curl(&world, &format!("{base}/"), &[]).0, "303", "the session is over");
}

/// What a process has of the memory of the machine, in KiB.
#[cfg(target_os = "linux")]
fn resident(pid: u32) -> u64 {
    let status = fs_err::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

#[cfg(target_os = "linux")]
#[test]
fn the_memory_that_a_password_takes_is_given_back() {
    let world = world(AUTHENTICATED);
    add(&world, "ada", "read-execute").expect(0);
    let up = Up::start(&world, &[]);
    let url = format!("https://localhost:{}/sign-in", up.address().port());
    let fields = ["--data-urlencode", "name=ada", "--data-urlencode", &format!("password={PASSWORD}")];
    let before = resident(up.pid());
    for _ in 0..5 {
        std::thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| assert_eq!(curl(&world, &url, &fields).0, "303"));
            }
        });
    }
    let after = resident(up.pid());
    // Each takes 19 MiB while it is worked out.
    assert!(after < before + 19 * 1024, "{before} KiB before, {after} KiB after");
}

#[test]
fn the_first_start_prints_a_link_that_brings_in_the_first_user_once() {
    let world = world(AUTHENTICATED);
    let port = ReservedPort::new();
    let (up, told) = Up::start_until(&world, port.address(), &[], "/first-user?token=");
    let link = told.last().unwrap().trim().to_owned();
    assert_eq!(curl(&world, &link, &[]).0, "200");
    let (page, token) = link.split_once("?token=").unwrap();
    let fields = |name: &str| {
        ["token", "name", "password", "repeated"]
            .into_iter()
            .zip([token, name, PASSWORD, PASSWORD])
            .flat_map(|(field, value)| ["--data-urlencode".to_owned(), format!("{field}={value}")])
            .collect::<Vec<_>>()
    };
    let post = |name: &str| {
        let fields = fields(name);
        curl(&world, page, &fields.iter().map(String::as_str).collect::<Vec<_>>()).0
    };
    assert_eq!(post("ada"), "303");
    assert_eq!(post("eve"), "403");
    assert_eq!(curl(&world, &link, &[]).0, "403");
    let overview = page.replace("first-user", "audit");
    let (code, audit) = curl(&world, &overview, &[]);
    assert_eq!(code, "200", "the first user is Server Admin");
    assert!(audit.contains("add the first user"), "{audit}");
    assert_eq!(up.stop(), 0);

    let (up, told) = Up::start_until(&world, port.address(), &[], "Ctrl-C");
    assert!(!told.iter().any(|line| line.contains("first-user")), "{told:#?}");
    assert_eq!(up.stop(), 0);
}

#[test]
fn a_token_is_shown_once_carries_a_level_and_can_be_taken_away() {
    let world = world(AUTHENTICATED);
    let port = ReservedPort::new();
    let _up = Up::start_at(&world, port.address(), &[]);
    let made =
        world.baton(&["--json", "token", "add", "prometheus", "--level", "read-execute"]).expect(0).json();
    let token = made["token"].as_str().unwrap();
    assert!(token.starts_with("baton_"), "{token}");
    let url = |path: &str| format!("https://localhost:{}{path}", port.address().port());
    let authorization = format!("Authorization: Bearer {token}");
    let with_token = |path: &str| curl(&world, &url(path), &["--header", &authorization]).0;
    assert_eq!(with_token("/metrics"), "200");
    assert_eq!(with_token("/audit"), "403");
    assert_eq!(curl(&world, &url("/metrics"), &[]).0, "401");
    let list = world.baton(&["token", "list"]).expect(0).stdout;
    assert!(list.contains("prometheus") && list.contains("Read / Execute"), "{list}");
    assert!(!list.contains(&token[6..]), "{list}");
    world.baton(&["token", "add", "prometheus", "--level", "server-admin"]).expect(2);
    world.baton(&["token", "revoke", "prometheus"]).expect(0);
    assert_eq!(with_token("/metrics"), "401");
    world.baton(&["token", "revoke", "prometheus"]).expect(2);
    let wrong =
        world.baton(&["token", "add", "ci", "--level", "read-execute", "--lifetime", "soon"]).expect(2);
    assert!(wrong.stderr.contains("no time span"), "{}", wrong.stderr);
}
