//! The guarded window, in a network of its own: what the outside sees is asked from outside, and captured there.

use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use baton_testkit::condition::{wait_for, wait_until};
use baton_testkit::product_server::Faults;
use baton_testkit::{Authority, IssuedCertificate, Product, ProductFixture, SettingsShape, openssl};

use crate::network::{INSIDE, Network, run};
use crate::products::{HOST, handed_over};
use crate::up::Up;
use crate::world::{Ran, World, list, quoted};

const UNIT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../packaging/systemd/baton-doors.service");

const LIMIT: Duration = Duration::from_secs(20);

/// Access control that no JSON parser would take: nobody needs to understand it.
const PERMISSION: &[u8] = b"\xEF\xBB\xBF{ users: [ 'x' ] }\r\n\x00";

/// A product that the outside reaches.
pub(crate) struct Scene {
    pub(crate) network: Network,
    pub(crate) world: World,
    pub(crate) fixture: ProductFixture,
    old: IssuedCertificate,
    new: IssuedCertificate,
    plain: &'static str,
    tls: &'static str,
}

impl Scene {
    fn yunio(guard: &str) -> Self {
        let scene = Self::new(ProductFixture::new(Product::Yunio), "services", "services-tls", guard);
        scene.restrict_access();
        scene.restart();
        scene
    }

    fn restrict_access(&self) {
        fs_err::write(self.permission(), PERMISSION).unwrap();
        fs_err::set_permissions(self.permission(), std::fs::Permissions::from_mode(0o640)).unwrap();
    }

    fn new(fixture: ProductFixture, plain: &'static str, tls: &'static str, guard: &str) -> Self {
        let network = Network::enter();
        let authority = Authority::new("Test CA");
        let (old, new) = (authority.issue(&[HOST]).sign(), authority.issue(&[HOST]).sign());
        fixture.enable_tls(&old);
        fixture.install(&new);
        let world = World::new();
        fs_err::write(world.path("root.pem"), authority.root_pem()).unwrap();
        let scene = Self { network, world, fixture, old, new, plain, tls };
        scene.write_activation("");
        scene.write_settings(guard, "");
        scene.restart();
        scene
    }

    fn write_settings(&self, guard: &str, more: &str) {
        let guard = if guard.is_empty() { String::new() } else { format!("guard = {guard}\n") };
        let endpoints = [("127.0.0.1", self.tls), (INSIDE, self.tls)]
            .map(|(host, name)| format!("{host}:{}", self.port(name)));
        self.world.write_settings(&format!(
            "[store]\npath = {}\n\n[proof]\nover = '200ms'\nquiet = '100ms'\ndeadline = '4s'\n\n\
             [[issuer]]\nname = 'house'\nkind = 'manual'\nroot = 'root.pem'\n\n\
             [[target]]\nname = 'sap'\nproduct = '{}'\ndirectory = {}\nactivate = {}\nendpoints = {}\n{guard}{more}",
            quoted(&self.fixture.store()),
            self.fixture.product().key(),
            quoted(&self.fixture.directory()),
            list(&["sh".to_owned(), self.activation().display().to_string()]),
            list(&endpoints),
        ));
    }

    /// Restarts the product, and tells then what the outside and the inside see. `more` runs between the two.
    fn write_activation(&self, more: &str) {
        let (plain, tls) = (self.port(self.plain), self.port(self.tls));
        let (log, outside, restart) =
            (self.log().display().to_string(), self.network.prefix(), self.command());
        let see = |who: &str, prefix: &str, url: &str| {
            format!(
                "echo \"{who} $({prefix} curl -sk -o /dev/null --connect-timeout 0.4 --max-time 2 \
                 -w '%{{http_code}}' {url})\" >> {log}\n"
            )
        };
        let text = [
            "set -e\n".to_owned(),
            format!("{restart}\n"),
            "set +e\n".to_owned(),
            format!("{more}\n"),
            see("outside-plain", &outside, &format!("http://{INSIDE}:{plain}/")),
            see("outside-tls", &outside, &format!("https://{INSIDE}:{tls}/")),
            see("inside-plain", "", &format!("http://127.0.0.1:{plain}/")),
            see("inside-tls", "", &format!("https://127.0.0.1:{tls}/")),
            "exit 0\n".to_owned(),
        ];
        fs_err::write(self.activation(), text.concat()).unwrap();
    }

    fn activation(&self) -> PathBuf {
        self.world.path("activate.sh")
    }

    fn log(&self) -> PathBuf {
        self.world.path("seen.log")
    }

    /// What was seen at each restart since the last time.
    fn seen(&self) -> Vec<String> {
        let text = fs_err::read_to_string(self.log()).unwrap_or_default();
        let _ = fs_err::remove_file(self.log());
        text.lines().map(str::to_owned).collect()
    }

    fn command(&self) -> String {
        let mut words = self.fixture.restart_command();
        if self.fixture.product() == Product::Yunio {
            // Its usual ports: nothing tells others.
            while let Some(position) = words.iter().position(|word| word == "--port") {
                words.drain(position..position + 2);
            }
        }
        format!("{} --address 0.0.0.0", words.join(" "))
    }

    /// As a boot does, or a person.
    fn restart(&self) {
        run(&self.command());
    }

    fn permission(&self) -> PathBuf {
        self.fixture.directory().join("config/servers/permission.json")
    }

    fn port(&self, name: &str) -> u16 {
        match name {
            "services" => 8075,
            "services-tls" => 8175,
            _ => self.fixture.address(name).port(),
        }
    }

    fn served(&self) -> Option<String> {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, self.port(self.tls)));
        openssl::served_certificate(address, HOST).ok().map(|served| served.thumbprint)
    }

    /// What a request without credentials is answered, from outside: 401, or 200 for everyone.
    fn access(&self) -> String {
        let url = format!("https://{INSIDE}:{}/", self.port(self.tls));
        let output = self.network.outside(&["curl", "-sk", "-o", "/dev/null", "-w", "%{http_code}", &url]);
        String::from_utf8(output.stdout).unwrap()
    }

    fn swap(&self, more: &[&str]) -> Ran {
        let mut arguments = vec!["swap", "", &self.new.thumbprint, "--json"];
        arguments.extend(more);
        self.world.baton(&arguments)
    }

    fn tables(&self) -> String {
        String::from_utf8(Command::new("nft").args(["list", "tables"]).output().unwrap().stdout).unwrap()
    }

    fn rules_kept(&self) -> usize {
        let Ok(doors) = fs_err::read_dir(self.world.path("baton-data/doors")) else { return 0 };
        doors.filter(|entry| entry.as_ref().unwrap().path().extension().is_some_and(|it| it == "nft")).count()
    }

    /// Everything as before the window, and open: nobody is let in who was not before.
    fn assert_as_before(&self, tls_json: &[u8]) {
        assert_eq!(fs_err::read(self.fixture.tls_json()).unwrap(), tls_json);
        self.assert_open_with_access_control();
    }

    fn assert_open_with_access_control(&self) {
        assert_eq!(fs_err::read(self.permission()).unwrap(), PERMISSION);
        assert_eq!(fs_err::metadata(self.permission()).unwrap().mode() & 0o7777, 0o640);
        assert_eq!(self.access(), "401", "open, with its access control");
        assert_eq!(self.tables(), "");
        assert_eq!(self.rules_kept(), 0);
    }

    /// Starts a guarded swap that hangs behind the closed door, with TLS off, and kills it there.
    fn kill_in_window(&self) {
        self.write_activation("sleep 60");
        let mut swap = self.world.command(&["swap", "", &self.new.thumbprint, "--guarded"]);
        let mut swap = swap.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        wait_until("it answers without TLS", LIMIT, || !self.permission().exists() && self.answers_plain());
        swap.kill().unwrap();
        swap.wait().unwrap();
        self.write_activation("");
    }

    /// As a disk does that fails.
    fn damage_journal(&self) {
        let _ = fs_err::remove_file(self.world.path("baton-data/state.db-wal"));
        fs_err::write(self.world.path("baton-data/state.db"), [0xA5; 8192]).unwrap();
    }

    fn answers_plain(&self) -> bool {
        let url = format!("http://127.0.0.1:{}/", self.port(self.plain));
        Command::new("curl").args(["-s", "-o", "/dev/null", &url]).status().unwrap().success()
    }
}

fn steps(ran: &Ran) -> Vec<String> {
    let report = ran.json();
    let steps = report["steps"].as_array().unwrap().iter();
    steps.map(|step| step["step"].as_str().unwrap().to_owned()).collect()
}

/// The outside gets no answer, the inside one without TLS, then one with TLS.
const BEHIND_DOOR: [&str; 8] = [
    "outside-plain 000",
    "outside-tls 000",
    "inside-plain 200",
    "inside-tls 000",
    "outside-plain 000",
    "outside-tls 000",
    "inside-plain 000",
    "inside-tls 401",
];

#[test]
fn the_outside_sees_no_plain_http_not_for_one_packet() {
    let scene = Scene::yunio("");
    let before = fs_err::read(scene.fixture.tls_json()).unwrap();
    assert_eq!(scene.access(), "401");
    let capture = scene.network.capture(&scene.world.path("outside.pcap"));
    // Someone who asks all the time.
    let (plain, tls) = (scene.port(scene.plain), scene.port(scene.tls));
    let client = format!(
        "while :; do curl -s -o /dev/null --connect-timeout 0.2 http://{INSIDE}:{plain}/; \
         curl -sk -o /dev/null --connect-timeout 0.2 https://{INSIDE}:{tls}/; done"
    );
    let mut client = scene.network.start_outside(&["sh", "-c", &client]);

    let planned = scene.world.baton(&["swap", "", &scene.new.thumbprint, "--guarded", "--dry-run"]).expect(0);
    for part in ["close: close the ports", "tls-off: set ", "tls-off: write ", "switch: put ", "open: "] {
        assert!(planned.stdout.contains(part), "{part}: {}", planned.stdout);
    }
    assert_eq!(scene.seen(), [""; 0], "a dry run changes nothing");
    let swapped = scene.swap(&["--guarded"]).expect(0);

    client.kill().unwrap();
    client.wait().unwrap();
    assert_eq!(swapped.json()["outcome"], "served");
    assert_eq!(
        steps(&swapped),
        ["check", "close", "stage", "tls-off", "switch", "activate", "prove", "open"]
    );
    assert_eq!(scene.seen(), BEHIND_DOOR);
    assert_eq!(scene.served(), Some(scene.new.thumbprint.clone()));
    scene.assert_as_before(&handed_over(&before, &scene.old, &scene.new));
    let proven: Vec<String> = (swapped.json()["proof"].as_array().unwrap().iter())
        .map(|proof| proof["address"].as_str().unwrap().to_owned())
        .collect();
    assert!(proven.contains(&format!("{INSIDE}:{tls}")), "proven as the outside knows it: {proven:?}");
    let seen = capture.seen();
    assert!(seen.len() > 10_000, "the outside has asked all the time: {} bytes", seen.len());
    let plain = |word: &[u8]| seen.windows(word.len()).any(|window| window == word);
    assert!(!plain(b"HTTP/1."), "neither a request nor an answer without TLS");
}

#[test]
fn a_restricted_protocol_comes_back_as_it_was() {
    let fixture = ProductFixture::with_shape(Product::XtractUniversal, SettingsShape::GeneralJson);
    let scene = Scene::new(fixture, "web", "web-tls", "{ limit = '90s' }");
    let [web, configuration] = <[PathBuf; 2]>::try_from(scene.fixture.reference_files()).unwrap();
    let restricted = "HTTPS - Restricted to custom users with Designer read access";
    let text = fs_err::read_to_string(&web).unwrap().replace("HTTPS - Unrestricted", restricted);
    fs_err::write(&web, &text).unwrap();
    let before = fs_err::read(&configuration).unwrap();
    scene.restart();

    let swapped = scene.swap(&[]).expect(0);

    assert_eq!(swapped.json()["outcome"], "served");
    assert!(steps(&swapped).contains(&"tls-off".to_owned()), "its settings ask for the window");
    assert_eq!(scene.seen(), BEHIND_DOOR);
    let handed = |content: &[u8]| handed_over(content, &scene.old, &scene.new);
    assert_eq!(fs_err::read(&web).unwrap(), handed(text.as_bytes()));
    assert_eq!(fs_err::read(&configuration).unwrap(), handed(&before));
    assert_eq!(scene.access(), "401");
    assert_eq!(scene.tables(), "");
}

#[test]
fn a_product_that_refuses_the_successor_is_as_before_when_the_door_opens() {
    let scene = Scene::yunio("{ tls = 'off' }");
    let before = fs_err::read(scene.fixture.tls_json()).unwrap();
    let refuse_thumbprint = Some(scene.new.thumbprint.clone());
    scene.fixture.set_faults(&Faults { refuse_thumbprint, ..Faults::default() });

    let ran = scene.swap(&[]).expect(4);

    assert_eq!(ran.json()["outcome"], "rolled-back");
    scene.assert_as_before(&before);
    assert_eq!(scene.served(), Some(scene.old.thumbprint.clone()));
    assert!(scene.seen().iter().all(|seen| !seen.starts_with("outside") || seen.ends_with("000")));
}

#[test]
fn what_cannot_be_brought_back_stays_closed_until_the_next_handover() {
    let scene = Scene::yunio("{}");
    let before = fs_err::read(scene.fixture.tls_json()).unwrap();
    // From the second start on it does not come up any more.
    let starts = scene.world.path("starts");
    let count =
        format!("echo >> {}; test $(wc -l < {}) -lt 2 || exit 9\n", starts.display(), starts.display());
    let activation = fs_err::read_to_string(scene.activation()).unwrap();
    fs_err::write(scene.activation(), count + &activation).unwrap();

    let ran = scene.swap(&[]).expect(5);

    assert_eq!(ran.json()["outcome"], "stuck");
    assert!(ran.codes().contains(&"door-closed".to_owned()), "{}", ran.stdout);
    assert_eq!(fs_err::read(scene.permission()).unwrap(), PERMISSION, "it is back on the disk at least");
    assert!(scene.tables().contains("baton_sap"), "and the door stays closed");
    assert!(!scene.network.reaches(scene.port(scene.plain)));
    let status = scene.world.baton(&["status", "--json"]).expect(11);
    assert!(status.stdout.contains("tls-reset"), "{}", status.stdout);

    scene.write_activation("");
    let on = scene.world.baton(&["tls", "on", "sap", "--json"]).expect(0);

    assert_eq!(on.json()["outcome"], "served");
    scene.assert_as_before(&before);
    scene.world.baton(&["status"]).expect(0);
}

#[test]
fn a_window_that_is_left_alone_is_closed_by_its_watchdog() {
    let scene = Scene::yunio("{ limit = '2s' }");
    let before = fs_err::read(scene.fixture.tls_json()).unwrap();

    scene.kill_in_window();

    assert!(!scene.network.reaches(scene.port(scene.plain)), "closed as long as it is without TLS");
    wait_until("the watchdog opens the door", LIMIT, || scene.tables().is_empty());
    scene.assert_as_before(&before);
    assert_eq!(scene.served(), Some(scene.old.thumbprint.clone()));
    wait_until("the journal tells so", LIMIT, || {
        scene.world.baton(&["history", "--json"]).expect(0).stdout.contains("rolled-back")
    });
    scene.world.baton(&["resume"]).expect(0);
}

#[test]
fn a_watchdog_that_cannot_bring_it_back_tells_and_leaves_the_door_closed() {
    let scene = Scene::yunio("{ limit = '1s' }");
    let told = scene.world.path("told");
    let command = ["sh".to_owned(), "-c".to_owned(), format!("cat >> {}", told.display())];
    let alert = format!("\n[[alert]]\nname = 'mine'\nkind = 'command'\ncommand = {}\n", list(&command));
    scene.write_settings("{ limit = '1s' }", &alert);
    let activation = fs_err::read_to_string(scene.activation()).unwrap();
    scene.kill_in_window();
    fs_err::write(scene.activation(), "exit 9\n").unwrap();
    scene.fixture.stop();

    let text =
        wait_for(LIMIT, || fs_err::read_to_string(&told).ok().filter(|text| text.contains("handover-stuck")));

    assert!(text.is_some(), "somebody is told: {:?}", fs_err::read_to_string(&told));
    assert!(scene.tables().contains("baton_sap"));
    assert_eq!(fs_err::read(scene.permission()).unwrap(), PERMISSION);
    fs_err::write(scene.activation(), activation).unwrap();
    scene.world.baton(&["tls", "on", "sap"]).expect(0);
    scene.assert_open_with_access_control();
}

#[test]
fn a_boot_in_the_window_finds_the_door_closed() {
    let scene = Scene::yunio("{ limit = '10m' }");
    let before = fs_err::read(scene.fixture.tls_json()).unwrap();
    scene.kill_in_window();
    scene.fixture.stop();
    run("nft flush ruleset");

    // What the unit of the boot does, before the product starts.
    let unit = fs_err::read_to_string(UNIT).unwrap();
    let line = unit.lines().find_map(|line| line.strip_prefix("ExecStart=/usr/sbin/nft ")).unwrap();
    let doors = line.strip_prefix('"').unwrap().strip_suffix('"').unwrap().replace("\\\"", "\"");
    let doors = doors.replace("/var/lib/baton", &scene.world.path("baton-data").display().to_string());
    assert!(Command::new("nft").arg(doors).status().unwrap().success());
    scene.restart();

    assert!(scene.answers_plain(), "it has started without TLS, as it was left");
    assert!(!scene.network.reaches(scene.port(scene.plain)));
    let resumed = scene.world.baton(&["resume", "--json"]).expect(4);
    assert_eq!(resumed.json()["outcome"], "rolled-back");
    scene.assert_as_before(&before);
    assert!(scene.seen().iter().all(|seen| !seen.starts_with("outside") || seen.ends_with("000")));
}

#[test]
fn a_journal_that_is_lost_in_the_window_keeps_the_door_closed_and_forgets_nothing() {
    let scene = Scene::yunio("{ limit = '2m' }");
    let before = fs_err::read(scene.fixture.tls_json()).unwrap();
    scene.kill_in_window();
    scene.damage_journal();

    let resumed = scene.world.baton(&["resume", "--json"]).expect(5);

    assert!(resumed.stderr.contains("takes its place"), "{}", resumed.stderr);
    assert!(resumed.codes().contains(&"state-restored".to_owned()), "{}", resumed.stdout);
    assert!(resumed.codes().contains(&"door-closed".to_owned()), "{}", resumed.stdout);
    assert!(!scene.network.reaches(scene.port(scene.plain)), "nothing is opened on a guess");
    scene.world.baton(&["tls", "on", "sap"]).expect(0);
    scene.assert_as_before(&before);
}

#[test]
fn a_journal_that_is_lost_after_the_window_closes_no_door() {
    let scene = Scene::yunio("{ limit = '2m' }");
    let before = fs_err::read(scene.fixture.tls_json()).unwrap();
    scene.kill_in_window();
    let copy = scene.world.path("baton-data/state.copy.db");
    let in_the_window = fs_err::read(&copy).unwrap();
    scene.world.baton(&["resume"]).expect(4);

    // The copy that was made at the end knows of the end.
    scene.damage_journal();
    scene.world.baton(&["resume"]).expect(0);
    scene.assert_as_before(&before);

    // Where it could not be made the one before has the window still open, and the door is the witness.
    fs_err::write(&copy, in_the_window).unwrap();
    scene.damage_journal();
    let resumed = scene.world.baton(&["resume", "--json"]).expect(4);
    assert_eq!(resumed.json()["outcome"], "rolled-back");
    scene.assert_as_before(&before);
}

#[test]
fn a_firewall_that_is_flushed_in_the_window_is_closed_again() {
    let scene = Scene::yunio("{}");
    scene.write_activation("nft flush ruleset; sleep 3");

    scene.swap(&[]).expect(0);

    assert_eq!(scene.seen(), BEHIND_DOOR);
    scene.assert_open_with_access_control();
}

#[test]
fn tls_is_switched_off_and_on_with_all_else_as_it_was() {
    let scene = Scene::yunio("");
    let before = fs_err::read(scene.fixture.tls_json()).unwrap();
    let open = scene.world.baton(&["tls", "off", "sap", "--open", "--json"]).expect(3);
    assert_eq!(open.codes(), ["access-control-dropped"]);
    scene.assert_as_before(&before);

    let off = scene.world.baton(&["tls", "off", "sap", "--json"]).expect(0);

    assert_eq!(off.json()["outcome"], "pending");
    assert!(scene.answers_plain());
    assert!(!scene.network.reaches(scene.port(scene.plain)));
    let text = String::from_utf8(before.clone()).unwrap();
    let changed = text.replace("\"tlsEnabled\": true", "\"tlsEnabled\": false");
    assert_eq!(fs_err::read_to_string(scene.fixture.tls_json()).unwrap(), changed, "the switch alone");
    let again = scene.world.baton(&["tls", "off", "sap", "--json"]).expect(0);
    assert_eq!(again.json()["outcome"], "unchanged");

    let on = scene.world.baton(&["tls", "on", "sap", "--json"]).expect(0);

    assert_eq!(on.json()["outcome"], "served");
    scene.assert_as_before(&before);
    assert_eq!(scene.served(), Some(scene.old.thumbprint.clone()));
    let again = scene.world.baton(&["tls", "on", "sap", "--json"]).expect(0);
    assert_eq!(again.json()["outcome"], "unchanged");
}

#[test]
fn commands_of_the_administrator_close_and_open_where_no_firewall_is_known() {
    let scene = Scene::yunio("");
    let [close, open] = ["close", "open"].map(|verb| {
        list(&["sh".to_owned(), "-c".to_owned(), format!("echo {verb} >> {}", scene.log().display())])
    });
    scene.write_settings(&format!("{{ close = {close}, open = {open}, tls = 'on' }}"), "");

    let swapped = scene.swap(&[]).expect(0);

    assert_eq!(steps(&swapped), ["check", "close", "stage", "switch", "activate", "prove", "open"]);
    let seen = scene.seen();
    assert_eq!((seen.first().unwrap().as_str(), seen.last().unwrap().as_str()), ("close", "open"));
    scene.write_settings(&format!("{{ close = {close} }}"), "");
    let wrong = scene.world.baton(&["check"]).expect(2);
    assert!(wrong.stderr.contains("lacks one of its commands"), "{}", wrong.stderr);
}

#[test]
fn a_running_up_guards_what_its_settings_ask_for_and_brings_back_what_was_left() {
    let scene = Scene::yunio("{ limit = '10m' }");
    let before = fs_err::read(scene.fixture.tls_json()).unwrap();
    scene.kill_in_window();

    let up = Up::start(&scene.world, &[]);

    wait_until("its start opens the door", LIMIT, || scene.tables().is_empty());
    wait_until("the journal tells so", LIMIT, || {
        scene.world.baton(&["history", "--json"]).expect(0).stdout.contains("rolled-back")
    });
    scene.assert_as_before(&before);
    scene.seen();
    let swapped = scene.swap(&[]).expect(0);
    assert!(steps(&swapped).contains(&"close".to_owned()));
    assert_eq!(scene.seen(), BEHIND_DOOR);
    scene.assert_as_before(&handed_over(&before, &scene.old, &scene.new));
    assert_eq!(up.stop(), 0);
}

/// Asks over one connection, as long as that lasts, and writes down when it was answered.
const CLIENT: &str = r#"
import http.client, ssl, sys, time
context = ssl._create_unverified_context()
connection = None
while True:
    try:
        if connection is None:
            connection = http.client.HTTPSConnection(sys.argv[1], int(sys.argv[2]), context=context, timeout=0.3)
        connection.request("GET", "/")
        connection.getresponse().read()
        with open(sys.argv[3], "a") as log:
            log.write(f"{time.time_ns()} {connection.sock.getsockname()[1]}\n")
    except Exception:
        connection = None
    time.sleep(0.02)
"#;

#[test]
fn an_established_connection_is_cut_off_while_nginx_is_handed_over_by_renew() {
    let network = Network::enter();
    let scene = crate::nginx::Scene::new();
    let port = scene.nginx.address().port();
    let configuration = scene.nginx.prefix().join("nginx.conf");
    let text = fs_err::read_to_string(&configuration).unwrap();
    let everywhere =
        text.replace(&format!("listen {}", scene.nginx.address()), &format!("listen 0.0.0.0:{port}"));
    fs_err::write(&configuration, everywhere).unwrap();
    let mut nginx = scene.nginx;
    nginx.stop();
    nginx.start_again().unwrap();
    let world = scene.world;
    let path = |name: &str| world.path(name).display().to_string();
    let activation = format!(
        "date +%s%N > {}; sleep 1; {}; sleep 1; date +%s%N > {}\n",
        path("begins"),
        nginx.reload_command().join(" "),
        path("ends")
    );
    fs_err::write(world.path("activate.sh"), activation).unwrap();
    let settings = fs_err::read_to_string(world.path("baton.toml")).unwrap();
    let reload = format!("activate = {}", list(&nginx.reload_command()));
    let guarded = format!("activate = {}", list(&["sh".to_owned(), path("activate.sh")]));
    assert!(settings.contains(&reload));
    world.write_settings(&settings.replace(&reload, &guarded));
    let answers = path("answers");
    let number = port.to_string();
    let mut client = network.start_outside(&["python3", "-c", CLIENT, INSIDE, &number, &answers]);
    let count = || fs_err::read_to_string(&answers).unwrap_or_default().lines().count();
    wait_until("the outside is answered", LIMIT, || count() > 5);

    let ran = world.baton(&["renew", "site", "--force", "--guarded", "--json"]).expect(0);

    assert_eq!(ran.json()["outcome"], "served");
    assert_eq!(steps(&ran), ["check", "close", "stage", "switch", "activate", "prove", "open"]);
    assert!(
        ran.codes().contains(&"outside-not-asked".to_owned()),
        "its endpoint is on the loopback interface"
    );
    let before = count();
    wait_until("the outside is answered again", LIMIT, || count() > before + 5);
    client.kill().unwrap();
    client.wait().unwrap();
    let (begins, ends) = (moment(&path("begins")), moment(&path("ends")));
    let answered: Vec<u128> = (fs_err::read_to_string(&answers).unwrap().lines())
        .map(|line| line.split(' ').next().unwrap().parse().unwrap())
        .collect();
    let inside = answered.iter().filter(|at| (begins..ends).contains(*at)).count();
    assert_eq!(inside, 0, "of {} answers", answered.len());
    assert!(answered.iter().any(|at| *at < begins) && answered.iter().any(|at| *at > ends));
    let again = world.baton(&["renew", "site", "--force", "--json"]).expect(0);
    assert!(!steps(&again).contains(&"close".to_owned()), "unguarded unless it is asked for");
}

fn moment(path: &str) -> u128 {
    fs_err::read_to_string(path).unwrap().trim().parse().unwrap()
}

/// yunIO with a certificate that has expired, and an issuer that has a new one.
fn expired() -> Scene {
    let scene = Scene::new(ProductFixture::new(Product::Yunio), "services", "services-tls", "");
    let expired = Authority::new("Old CA").issue(&[HOST]).expired().sign();
    scene.fixture.enable_tls(&expired);
    scene.restart();
    let settings = fs_err::read_to_string(scene.world.path("baton.toml")).unwrap();
    scene.world.write_settings(&format!(
        "{settings}\n[[issuer]]\nname = 'internal'\nkind = 'internal'\n\n\
         [[certificate]]\nname = 'sap'\nnames = ['{HOST}']\nissuer = 'internal'\ntargets = ['sap']\n\n\
         [[certificate]]\nname = 'aaa'\nnames = ['aaa.example.com']\nissuer = 'internal'\n"
    ));
    scene
}

fn assert_back(scene: &Scene, renewed: &Ran) {
    assert_eq!(renewed.json()["outcome"], "served", "{}", renewed.stdout);
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 8175));
    let served = openssl::served_certificate(address, HOST).unwrap().thumbprint;
    assert_eq!(renewed.json()["new"], served.as_str());
    assert_eq!(scene.tables(), "");
    assert!(scene.network.reaches(8175));
}

#[test]
fn an_expired_product_that_runs_comes_back_by_one_command() {
    let scene = expired();
    scene.world.baton(&["renew", "aaa"]).expect(0);
    let status = scene.world.baton(&["status", "--json"]).expect(11);
    let rows = &status.json()["rows"];
    assert_eq!(rows[0]["target"], "sap", "what has expired comes first: {rows}");
    assert!(rows[0].to_string().contains("named-expired"), "{rows}");

    assert_back(&scene, &scene.world.baton(&["renew", "sap", "--force", "--json"]).expect(0));
}

#[test]
fn an_expired_product_that_is_down_comes_back_by_one_command() {
    let scene = expired();
    scene.fixture.stop();

    let renewed = scene.world.baton(&["renew", "sap", "--force", "--json"]).expect(0);

    assert!(renewed.codes().contains(&"endpoint-refused".to_owned()), "told, and no refusal");
    assert_back(&scene, &renewed);
}

#[test]
fn an_expired_product_that_was_recovered_comes_back_by_one_command() {
    let scene = expired();
    scene.restrict_access();
    let open = scene.world.baton(&["recover", "sap", "--open", "--json"]).expect(3);
    assert_eq!(open.codes(), ["access-control-dropped"]);
    scene.world.baton(&["recover", "sap"]).expect(0);
    assert!(scene.answers_plain());
    assert!(!scene.permission().exists() && !scene.network.reaches(8075));
    let status = scene.world.baton(&["status", "--json"]).expect(11);
    assert!(status.stdout.contains("tls-reset"), "{}", status.stdout);

    assert_back(&scene, &scene.world.baton(&["renew", "sap", "--force", "--json"]).expect(0));

    scene.assert_open_with_access_control();
}

#[test]
fn tls_off_that_gets_stuck_forgets_nothing() {
    let scene = Scene::yunio("");
    let before = fs_err::read(scene.fixture.tls_json()).unwrap();
    // It stops, and never starts again; and someone has written to the settings meanwhile.
    let file = scene.fixture.tls_json().display().to_string();
    let stop = scene.fixture.stop_command().join(" ");
    fs_err::write(scene.activation(), format!("echo >> {file}; {stop}; exit 9\n")).unwrap();

    let off = scene.world.baton(&["tls", "off", "sap", "--json"]).expect(5);

    assert!(off.codes().contains(&"door-closed".to_owned()), "{}", off.stdout);
    assert_eq!(fs_err::read(scene.permission()).unwrap(), PERMISSION, "undone, whatever else could not be");
    assert!(scene.tables().contains("baton_sap"));
    scene.write_activation("");
    scene.world.baton(&["tls", "on", "sap"]).expect(0);
    scene.assert_as_before(&before);
}

#[test]
fn a_door_does_not_open_where_nothing_was_proven() {
    let scene = Scene::yunio("{ limit = '10m' }");
    // It was down before, as one whose certificate has expired may be.
    let expired = Authority::new("Old CA").issue(&[HOST]).expired().sign();
    scene.fixture.enable_tls(&expired);
    scene.fixture.stop();
    scene.kill_in_window();
    fs_err::write(scene.activation(), "exit 9\n").unwrap();

    scene.world.baton(&["resume"]).expect(5);

    assert!(scene.answers_plain(), "it runs on without TLS");
    assert!(!scene.network.reaches(8075), "so the door stays closed");
    assert!(scene.tables().contains("baton_sap"));
}

#[test]
fn access_control_is_known_wherever_it_is_kept() {
    let scene = Scene::yunio("");
    let elsewhere = scene.world.path("permission-prod.txt");
    fs_err::rename(scene.permission(), &elsewhere).unwrap();
    std::os::unix::fs::symlink(&elsewhere, scene.permission()).unwrap();
    scene.restart();

    let refused = scene.world.baton(&["tls", "off", "sap", "--open", "--json"]).expect(3);
    assert_eq!(refused.codes(), ["access-control-dropped"]);
    scene.world.baton(&["tls", "off", "sap"]).expect(0);
    assert!(!elsewhere.exists());
    let planned = scene.world.baton(&["tls", "on", "sap", "--dry-run"]).expect(0);
    assert!(!planned.stdout.contains("users"), "what it holds is not shown: {}", planned.stdout);
    scene.world.baton(&["tls", "on", "sap"]).expect(0);

    assert!(fs_err::symlink_metadata(scene.permission()).unwrap().is_symlink());
    scene.assert_open_with_access_control();
}

#[test]
fn a_restricted_protocol_is_access_control() {
    let fixture = ProductFixture::with_shape(Product::XtractUniversal, SettingsShape::GeneralJson);
    let scene = Scene::new(fixture, "web", "web-tls", "");
    let [web, _] = <[PathBuf; 2]>::try_from(scene.fixture.reference_files()).unwrap();
    let restricted = "HTTPS - Restricted to custom users with Designer read access";
    let text = fs_err::read_to_string(&web).unwrap().replace("HTTPS - Unrestricted", restricted);
    fs_err::write(&web, &text).unwrap();
    scene.restart();

    let refused = scene.world.baton(&["tls", "off", "sap", "--open", "--json"]).expect(3);

    assert_eq!(refused.codes(), ["access-control-dropped"]);
    assert_eq!(scene.access(), "401");
}

#[test]
fn a_door_that_would_leave_a_port_open_is_refused() {
    let scene = Scene::yunio("{ ports = [8175, 8075] }");
    for arguments in [&["swap", "", &scene.new.thumbprint, "--json"][..], &["tls", "off", "sap", "--json"]] {
        let refused = scene.world.baton(arguments).expect(3);
        assert!(refused.codes().contains(&"plain-ports-unknown".to_owned()), "{}", refused.stdout);
        assert!(refused.stdout.contains("8077"), "{}", refused.stdout);
    }
    assert_eq!(scene.tables(), "");
}

#[test]
fn a_window_without_tls_off_that_got_stuck_opens_with_the_certificate_in_use() {
    let scene = Scene::yunio("{ tls = 'on' }");
    let before = fs_err::read(scene.fixture.tls_json()).unwrap();
    let stop = scene.fixture.stop_command().join(" ");
    fs_err::write(scene.activation(), format!("{stop}; exit 9\n")).unwrap();
    scene.swap(&[]).expect(5);
    assert!(scene.tables().contains("baton_sap"));
    let status = scene.world.baton(&["status", "--json"]).expect(11);
    assert!(status.stdout.contains("door-closed"), "{}", status.stdout);
    scene.write_activation("");
    scene.restart();

    let on = scene.world.baton(&["tls", "on", "sap", "--json"]).expect(0);

    assert_eq!(on.json()["outcome"], "served");
    scene.assert_as_before(&before);
}

#[test]
fn a_door_outlives_the_name_of_its_target_and_a_flush() {
    let scene = Scene::yunio("");
    scene.world.baton(&["tls", "off", "sap"]).expect(0);
    let settings = fs_err::read_to_string(scene.world.path("baton.toml")).unwrap();
    scene.world.write_settings(&settings.replace("name = 'sap'", "name = 'gateway'"));
    let status = scene.world.baton(&["status", "--json"]).expect(11);
    assert!(status.stdout.contains("target-lost"), "{}", status.stdout);
    scene.world.write_settings(&settings);
    run("nft flush ruleset");

    let up = Up::start(&scene.world, &[]);

    wait_until("a running up closes it again", LIMIT, || scene.tables().contains("baton_sap"));
    assert_eq!(up.stop(), 0);
    scene.world.baton(&["tls", "on", "sap"]).expect(0);
    scene.assert_open_with_access_control();
}
