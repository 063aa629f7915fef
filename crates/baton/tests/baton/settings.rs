//! The settings, changed by programs: what is written into `baton.toml`, what is not, and that a running `up` goes by it.

#[cfg(target_os = "linux")]
mod pages;

use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use baton_testkit::port::ReservedPort;
use baton_testkit::{Authority, Nginx};
use serde_json::{Value, json};

use crate::up::Up;
use crate::world::World;

const SECRET: &str = "T0-B0-very-secret";

/// Settings as a person writes them.
fn text() -> String {
    format!(
        "# Looked after by the gateway team.\n\
         data = 'baton-data'   # beside this file\n\
         \n\
         [[issuer]]\n\
         name = \"house\"\n\
         kind = \"internal\" # our own\n\
         \n\
         [[issuer]]\n\
         name = 'le'\n\
         kind = 'acme'\n\
         directory = \"letsencrypt-staging\"\n\
         contact = 'admin@example.com'\n\
         challenge = \"http-01\"\n\
         webroot = '/srv/www'\n\
         \n\
         # The site.\n\
         [[target]]\n\
         name = \"website\"\n\
         certificate = 'site.pem'\n\
         key = 'site.key'\n\
         check = [\"nginx\", \"-t\"]\n\
         activate = [\"systemctl\", \"reload\", \"nginx\"]\n\
         endpoints = [\"127.0.0.1:8443\", {{ address = \"127.0.0.1:8444\", name = \"www.example.com\" }}] # both\n\
         \n\
         [[certificate]]\n\
         name = \"site\"\n\
         names = [\n\
         \t\"www.example.com\", # the first is the common name\n\
         \t# the old one\n\
         \t\"example.com\",\n\
         ]\n\
         issuer = \"house\"\n\
         \n\
         [probe]\n\
         interval = '1h'\n\
         \n\
         [[alert]]\n\
         name = \"chat\"\n\
         kind = \"webhook\"\n\
         remind = '12h'\n\
         url = \"https://hooks.example.com/services/{SECRET}\"\n\
         # url = \"https://hooks.example.com/services/{SECRET}-old\"\n\
         \n\
         [heartbeat]\n\
         url = \"https:\\u002F\\u002Fbeats.example.com/{SECRET}\"\n"
    )
}

/// A running `up` that programs talk to.
pub(crate) struct Scene {
    pub(crate) world: World,
    pub(crate) up: Up,
    _port: ReservedPort,
}

impl Scene {
    fn new() -> Self {
        Self::with(&text())
    }

    fn with(text: &str) -> Self {
        Self::start(World::with_settings(text))
    }

    fn start(world: World) -> Self {
        let port = ReservedPort::new();
        let up = Up::start_at(&world, port.address(), &[]);
        Self { world, up, _port: port }
    }

    fn curl(&self, path: &str, body: Option<&Value>) -> (u16, Value) {
        let mut command = Command::new("curl");
        command
            .args(["--silent", "--show-error", "--insecure", "--max-time", "60", "--noproxy", "*"])
            .args(["--write-out", "\n%{http_code}"])
            .arg(format!("https://localhost:{}{path}", self.up.address().port()));
        if let Some(body) = body {
            command.args(["--header", "Content-Type: application/json", "--data", &body.to_string()]);
        }
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let text = String::from_utf8(output.stdout).unwrap();
        let (body, code) = text.rsplit_once('\n').unwrap();
        let object = serde_json::from_str(body).unwrap_or_else(|_| Value::String(body.to_owned()));
        (code.parse().unwrap(), object)
    }

    fn look(&self) -> Value {
        let (code, look) = self.curl("/api/v1/settings", None);
        assert_eq!(code, 200, "{look}");
        look
    }

    fn fingerprint(&self) -> String {
        self.look()["fingerprint"].as_str().unwrap().to_owned()
    }

    fn file(&self) -> String {
        fs_err::read_to_string(self.world.path("baton.toml")).unwrap()
    }

    /// A change of the file as it is now.
    fn change(&self, change: &str, kind: &str, name: Option<&str>, values: &Value) -> (u16, Value) {
        let mut object =
            json!({ "fingerprint": self.fingerprint(), "change": change, "kind": kind, "values": values });
        if let Some(name) = name {
            object["name"] = json!(name);
        }
        self.curl("/api/v1/settings", Some(&object))
    }

    #[track_caller]
    fn set(&self, kind: &str, name: Option<&str>, values: &Value) -> Value {
        let (code, answer) = self.change("set", kind, name, values);
        assert_eq!((code, &answer["error"]), (200, &Value::Null), "{answer}");
        answer
    }
}

/// A table as it is told.
fn table<'a>(look: &'a Value, kind: &str, name: &str) -> &'a Value {
    let tables = look["tables"].as_array().unwrap();
    tables.iter().find(|table| table["kind"] == kind && (name.is_empty() || table["name"] == name)).unwrap()
}

fn values<'a>(table: &'a Value, key: &str) -> &'a Value {
    let fields = table["fields"].as_array().unwrap();
    &fields.iter().find(|field| field["key"] == key).unwrap()["values"]
}

#[test]
fn what_is_changed_is_written_and_taken_up_and_nothing_beside_it() {
    let scene = Scene::new();
    let path = scene.world.path("baton.toml");
    fs_err::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
    let answer = scene.set(
        "certificate",
        Some("site"),
        &json!({ "names": ["www.example.com", "new.example.com", "example.com"], "key": ["rsa-2048"] }),
    );
    assert!(answer["diff"].as_str().unwrap().contains("+\t\"new.example.com\","), "{answer}");
    let wanted = text()
        .replace("\t# the old one\n", "\t\"new.example.com\",\n\t# the old one\n")
        .replace("]\nissuer = \"house\"\n", "]\nissuer = \"house\"\nkey = \"rsa-2048\"\n");
    assert_eq!(scene.file(), wanted);
    assert_eq!(fs_err::metadata(&path).unwrap().permissions().mode() & 0o777, 0o640);
    let look = scene.look();
    assert_eq!((&look["in_force"], &look["error"]), (&json!(true), &Value::Null));
    let (_, certificate) = scene.curl("/api/v1/certificates/site", None);
    assert!(certificate.to_string().contains("new.example.com"), "{certificate}");

    let before = scene.file();
    scene.set("probe", None, &json!({ "interval": ["2h"] }));
    scene.set("proof", None, &json!({ "connections": ["7"], "deadline": ["2m"] }));
    scene.set("alert", Some("chat"), &json!({ "attention": ["now"], "remind": [] }));
    scene.set("heartbeat", None, &json!({ "interval": ["5m"] }));
    scene.set(
        "target",
        Some("website"),
        &json!({
        "endpoints": ["127.0.0.1:8443", "127.0.0.1:8445 example.com"], "time-limit": ["30s"] }),
    );
    scene.set("issuer", Some("le"), &json!({ "profile": ["short \"lived\""], "contact": [] }));
    let wanted = before
        .replace("'1h'", "\"2h\"")
        .replace("remind = '12h'\nurl", "url")
        .replace("/services/T0-B0-very-secret\"\n#", "/services/T0-B0-very-secret\"\nattention = \"now\"\n#")
        .replace(
            "{ address = \"127.0.0.1:8444\", name = \"www.example.com\" }] # both\n",
            "{ address = \"127.0.0.1:8445\", name = \"example.com\" }] # both\ntime-limit = \"30s\"\n",
        )
        .replace("contact = 'admin@example.com'\n", "")
        .replace("webroot = '/srv/www'\n", "webroot = '/srv/www'\nprofile = 'short \"lived\"'\n")
        + "interval = \"5m\"\n\n[proof]\nconnections = 7\ndeadline = \"2m\"\n";
    let wanted = wanted.replace("profile = 'short \"lived\"'", "profile = \"short \\\"lived\\\"\"");
    assert_eq!(scene.file(), wanted);
    scene.world.baton(&["check"]);
    let look = scene.look();
    assert_eq!(values(table(&look, "target", "website"), "endpoints")[1], "127.0.0.1:8445 example.com");
    let audit = scene.curl("/api/v1/audit", None).1.to_string();
    assert!(audit.contains("set certificate \\\"site\\\": key, names") && !audit.contains("new.example.com"));
}

#[test]
fn tables_are_added_and_removed() {
    let scene = Scene::new();
    let (code, answer) = scene.change("add", "issuer", Some("company"), &json!({ "kind": ["manual"] }));
    assert_eq!(code, 200, "{answer}");
    let values = json!({ "names": ["intranet.example.com"], "issuer": ["company"], "targets": ["website"],
        "allow-same-key": ["true"], "longest-key-age": ["30d"], "successor": ["same-key"], "key": [] });
    let (code, answer) = scene.change("add", "certificate", Some("intranet"), &values);
    assert_eq!(code, 200, "{answer}");
    let added = "\n[[certificate]]\nname = \"intranet\"\nnames = [\"intranet.example.com\"]\nissuer = \"company\"\n\
                 successor = \"same-key\"\nallow-same-key = true\nlongest-key-age = \"30d\"\ntargets = [\"website\"]\n\n[probe]";
    assert!(scene.file().contains(added), "{}", scene.file());
    assert!(scene.file().contains("\n[[issuer]]\nname = \"company\"\nkind = \"manual\"\n\n# The site.\n"));

    // What others name stays.
    let (code, answer) = scene.change("remove", "issuer", Some("company"), &json!({}));
    assert_eq!((code, &answer["error"]["code"]), (422, &json!("settings-wrong")), "{answer}");
    assert!(answer["error"]["message"].as_str().unwrap().contains("names an unknown issuer \"company\""));
    assert_eq!(scene.change("remove", "certificate", Some("intranet"), &json!({})).0, 200);
    assert_eq!(scene.change("remove", "issuer", Some("company"), &json!({})).0, 200);
    assert_eq!(scene.file(), text());
    for (kind, name) in [("certificate", Some("nothing")), ("issuer", None), ("probe", None)] {
        assert_eq!(scene.change("remove", kind, name, &json!({})).0, 404, "{kind}");
    }
    assert_eq!(scene.file(), text());
}

#[test]
fn a_bad_value_is_told_at_its_key_and_nothing_is_written() {
    let scene = Scene::new();
    let sound = json!({ "names": ["a.example.com"], "issuer": ["house"] });
    let mut cases = vec![
        ("set", "certificate", "site", "names", json!(["not a name"])),
        ("set", "certificate", "site", "names", json!(["*.*.example.com"])),
        ("set", "certificate", "site", "names", json!([])),
        ("set", "certificate", "site", "names", json!(["a.example.com\nactivate = ['sh']"])),
        ("set", "certificate", "site", "issuer", json!(["nobody"])),
        ("set", "certificate", "site", "issuer", json!([])),
        ("set", "certificate", "site", "issuer", json!(["house", "le"])),
        ("set", "certificate", "site", "key", json!(["dsa-1024"])),
        ("set", "certificate", "site", "successor", json!(["\"\n[[target]]"])),
        ("set", "certificate", "site", "allow-same-key", json!(["yes"])),
        ("set", "certificate", "site", "longest-key-age", json!(["1 month"])),
        ("set", "certificate", "site", "targets", json!(["nowhere"])),
        ("set", "issuer", "le", "directory", json!(["http://ca.example.com/"])),
        ("set", "issuer", "le", "directory", json!([])),
        ("set", "issuer", "le", "contact", json!(["<script>"])),
        ("set", "issuer", "le", "challenge", json!(["dns-01"])),
        ("set", "issuer", "le", "challenge", json!([])),
        ("set", "issuer", "le", "http-port", json!(["80"])),
        ("set", "issuer", "le", "tls-port", json!(["443"])),
        ("set", "issuer", "le", "challenge-addresses", json!(["somewhere"])),
        ("set", "issuer", "house", "lifetime", json!(["-1d"])),
        ("set", "issuer", "house", "permitted", json!(["a b"])),
        ("set", "target", "website", "endpoints", json!(["nowhere"])),
        ("set", "target", "website", "endpoints", json!(["127.0.0.1:99999 name"])),
        ("set", "target", "website", "time-limit", json!(["0s"])),
        ("set", "alert", "chat", "attention", json!(["never"])),
        ("set", "alert", "chat", "remind", json!(["soon"])),
        ("set", "proof", "", "connections", json!(["0"])),
        ("set", "proof", "", "connections", json!(["many"])),
        ("set", "proof", "", "over", json!(["1"])),
        ("set", "probe", "", "interval", json!(["\u{0}"])),
        ("set", "retire", "", "grace", json!(["7 days\u{202e}"])),
        ("set", "heartbeat", "", "interval", json!([""])),
        ("add", "issuer", "x", "kind", json!(["command"])),
        ("add", "issuer", "x", "kind", json!(["nothing"])),
    ];
    for name in ["", "site", "a b", "../x", "-x", "a\"\n[[target]]"] {
        cases.push(("add", "certificate", name, "name", Value::Null));
    }
    for (change, kind, name, key, value) in cases {
        let values = if value.is_null() { sound.clone() } else { json!({ key: value }) };
        let (code, answer) = scene.change(change, kind, Some(name), &values);
        assert_eq!(
            (code, &answer["error"]["code"]),
            (422, &json!("settings-wrong")),
            "{key} {values}: {answer}"
        );
        assert_eq!(answer["keys"][0]["key"], key, "{kind} {name} {values}: {answer}");
        assert!(!answer["keys"][0]["message"].as_str().unwrap().is_empty());
        assert_eq!(scene.file(), text(), "{key} {values}");
    }
    // What is wrong elsewhere because of it is told for the whole.
    let values = json!({ "challenge": ["dns-01"], "profile": ["short"] });
    let (code, answer) = scene.change("set", "issuer", Some("le"), &values);
    assert_eq!((code, &answer["keys"]), (422, &json!([])), "{answer}");
    assert!(answer["error"]["message"].as_str().unwrap().contains("`webroot`"), "{answer}");
    let (code, answer) = scene.change(
        "set",
        "certificate",
        Some("site"),
        &json!({ "key": ["x"], "names": ["a.example.com"] }),
    );
    assert_eq!((code, &answer["keys"][0]["key"]), (422, &json!("key")), "{answer}");
}

/// The keys that may come from a page. Whoever adds one here has seen that it is neither a command nor a path nor a secret.
const EDITED: &[(&str, &[&str])] = &[
    ("certificate", &["allow-same-key", "issuer", "key", "longest-key-age", "names", "successor", "targets"]),
    (
        "issuer",
        &[
            "authority",
            "challenge",
            "challenge-addresses",
            "contact",
            "directory",
            "http-port",
            "kind",
            "lifetime",
            "permitted",
            "poll",
            "profile",
            "template",
            "time-limit",
            "tls-port",
        ],
    ),
    ("target", &["endpoints", "product", "service", "time-limit"]),
    ("alert", &["attention", "remind"]),
    ("heartbeat", &["interval"]),
    ("proof", &["connections", "deadline", "over", "quiet"]),
    ("probe", &["interval"]),
    ("retire", &["grace"]),
];

#[test]
fn no_command_no_path_and_no_secret_comes_from_a_page() {
    let scene = Scene::new();
    let schema: Value =
        serde_json::from_str(&scene.world.baton(&["check", "--schema"]).expect(0).stdout).unwrap();
    let mut tried = 0;
    for (kind, edited) in EDITED {
        let part = &schema["properties"][kind];
        let reference = [&part["items"]["$ref"], &part["$ref"], &part["anyOf"][0]["$ref"]];
        let reference = reference.iter().find_map(|reference| reference.as_str()).unwrap();
        let properties =
            schema.pointer(reference.strip_prefix('#').unwrap()).unwrap()["properties"].as_object().unwrap();
        let names: &[&str] = match *kind {
            "issuer" => &["house", "le"],
            "target" => &["website"],
            "certificate" => &["site"],
            "alert" => &["chat"],
            _ => &[""],
        };
        for key in properties.keys().map(String::as_str).chain(["activate", "command", "data", "x", "name"]) {
            if edited.contains(&key) {
                continue;
            }
            for name in names {
                for change in ["set", "add"] {
                    let values = json!({ key: ["/bin/sh"] });
                    let (code, answer) = scene.change(change, kind, Some(name), &values);
                    assert!((400..500).contains(&code), "{kind}.{key}: {answer}");
                    if change == "set" {
                        assert_eq!(
                            answer["keys"],
                            json!([{ "key": key,
                            "message": "is changed in `baton.toml` on the machine alone", "hint": null }])
                        );
                    }
                    tried += 1;
                }
            }
        }
    }
    assert!(tried > 100, "{tried}");
    // Neither in other kinds of tables, nor as the whole text.
    for kind in ["designer", "store", "data", "node"] {
        assert_eq!(scene.change("set", kind, None, &json!({ "path": ["/"] })).0, 400, "{kind}");
    }
    // The keys of an issuer that this one is not.
    for key in ["authority", "template", "poll", "time-limit", "lifetime"] {
        let (code, _) = scene.change("set", "issuer", Some("le"), &json!({ key: ["x"] }));
        assert_eq!(code, 422, "{key}");
    }
    let form =
        "edit=set&kind=target&name=website&value.time-limit=9s&value.activate=sh&activate=sh&value.check=sh";
    let posted = Command::new("curl")
        .args(["--silent", "--insecure", "--max-time", "60", "--noproxy", "*", "--output", "/dev/null"])
        .args(["--write-out", "%{http_code}", "--data"])
        .arg(format!("{form}&fingerprint={}", scene.fingerprint()))
        .arg(format!("https://localhost:{}/settings/save", scene.up.address().port()))
        .output()
        .unwrap();
    assert_eq!(String::from_utf8_lossy(&posted.stdout), "422");
    assert_eq!(scene.file(), text());
}

#[test]
fn secrets_are_neither_shown_nor_told() {
    let scene = Scene::new();
    let look = scene.look();
    assert_eq!(table(&look, "alert", "chat")["shown"][1]["value"], "https://hooks.example.com/…", "{look}");
    let mut told = vec![look.to_string()];
    for path in ["/settings", "/settings/alert/chat", "/settings/heartbeat"] {
        told.push(scene.curl(path, None).1.to_string());
    }
    told.push(scene.set("alert", Some("chat"), &json!({ "remind": ["9h"] })).to_string());
    told.push(scene.set("heartbeat", None, &json!({ "interval": ["9m"] })).to_string());
    let fingerprint = scene.fingerprint();
    fs_err::write(scene.world.path("baton.toml"), scene.file().replace(SECRET, &format!("{SECRET}-2")))
        .unwrap();
    let change =
        json!({ "fingerprint": fingerprint, "change": "set", "kind": "alert", "name": "chat", "values": {} });
    let (code, answer) = scene.curl("/api/v1/settings", Some(&change));
    assert_eq!(code, 409);
    told.push(answer.to_string());
    told.push(scene.curl("/api/v1/audit", None).1.to_string());
    for told in told {
        assert!(!told.contains(SECRET), "{told}");
    }
}

#[test]
fn a_file_that_was_changed_meanwhile_is_not_written_over() {
    let scene = Scene::new();
    let fingerprint = scene.fingerprint();
    let by_hand = text().replace("'1h'", "'3h' # by hand");
    scene.world.write_settings(&by_hand);
    for is_dry_run in [true, false] {
        let change = json!({ "fingerprint": fingerprint, "change": "set", "kind": "probe",
            "values": { "interval": ["2h"] }, "dry_run": is_dry_run });
        let (code, answer) = scene.curl("/api/v1/settings", Some(&change));
        assert_eq!((code, &answer["error"]["code"]), (409, &json!("settings-changed")));
        let diff = answer["diff"].as_str().unwrap();
        assert!(diff.contains("-interval = '1h'\n+interval = '3h' # by hand\n"), "{diff}");
        assert_eq!(scene.file(), by_hand);
    }
    scene.set("probe", None, &json!({ "interval": ["2h"] }));
    assert_eq!(scene.file(), by_hand.replace("'3h'", "\"2h\""));
    // A file that cannot be read is told, and not written either.
    scene.world.write_settings("[[target]\n");
    let (code, look) = scene.curl("/api/v1/settings", None);
    assert_eq!(
        (code, &look["error"]["code"], &look["in_force"]),
        (200, &json!("settings-wrong"), &json!(false))
    );
    let (code, answer) = scene.change("set", "probe", None, &json!({ "interval": ["2h"] }));
    assert!(code == 409 || code == 422, "{answer}");
    assert_eq!(scene.file(), "[[target]\n");
}

#[test]
fn a_dry_run_writes_nothing() {
    let scene = Scene::new();
    let change = json!({ "fingerprint": scene.fingerprint(), "change": "set", "kind": "retire",
        "values": { "grace": ["14d"] }, "dry_run": true });
    let (code, plan) = scene.curl("/api/v1/settings", Some(&change));
    assert_eq!((code, &plan["written"]), (200, &json!(false)));
    assert!(plan["diff"].as_str().unwrap().contains("+[retire]\n+grace = \"14d\"\n"), "{plan}");
    assert_eq!(scene.file(), text());
}

#[test]
fn a_settings_file_behind_a_link_stays_where_it_is() {
    let world = World::new();
    fs_err::create_dir(world.path("etc")).unwrap();
    let text = format!("\u{feff}{}", text().replace('\n', "\r\n"));
    fs_err::write(world.path("etc/real.toml"), &text).unwrap();
    std::os::unix::fs::symlink("etc/real.toml", world.path("baton.toml")).unwrap();
    let scene = Scene::start(world);
    scene.set("probe", None, &json!({ "interval": ["2h"] }));
    assert!(scene.world.path("baton.toml").is_symlink());
    let written = fs_err::read_to_string(scene.world.path("etc/real.toml")).unwrap();
    assert_eq!(written, text.replace("'1h'", "\"2h\""));
    let (code, answer) = scene.change("set", "certificate", Some("site"), &json!({ "key": ["x"] }));
    assert_eq!((code, &answer["keys"][0]["key"]), (422, &json!("key")), "behind a byte order mark: {answer}");
}

/// An `up` without settings, on a machine whose nginx is this one.
fn without_settings(nginx: &Nginx) -> Scene {
    let world = World::new();
    fs_err::create_dir(world.path("bin")).unwrap();
    let mut command = nginx.check_command();
    command.pop();
    let script = format!("#!/bin/sh\nexec {} \"$@\"\n", command.join(" "));
    fs_err::write(world.path("bin/nginx"), script).unwrap();
    fs_err::set_permissions(world.path("bin/nginx"), std::fs::Permissions::from_mode(0o755)).unwrap();
    #[expect(clippy::disallowed_methods, reason = "tests have no settings to read it from")]
    let path = format!("{}:{}", world.path("bin").display(), std::env::var("PATH").unwrap_or_default());
    let port = ReservedPort::new();
    let mut command = world.command(&["up", "--listen", &port.address().to_string()]);
    command.env("PATH", path);
    let (up, _) = Up::spawn(command, port.address(), "serves the Designer at");
    Scene { world, up, _port: port }
}

/// An nginx with a certificate for a site, and the directory of its files.
fn site() -> (World, Nginx) {
    let world = World::new();
    let certificate = Authority::new("Test CA").issue(&["www.example.com"]).sign();
    let (file, key) = (world.path("site.pem"), world.path("site.key"));
    certificate.write_files(&file, &key);
    let nginx = Nginx::start(&file, &key);
    (world, nginx)
}

#[test]
fn whoever_begins_without_settings_is_shown_what_is_there_and_writes_it() {
    let (files, nginx) = site();
    let scene = without_settings(&nginx);
    let look = scene.look();
    assert_eq!((&look["path"], &look["tables"]), (&Value::Null, &json!([])));
    assert_eq!(scene.change("set", "probe", None, &json!({ "interval": ["2h"] })).0, 404);
    let (code, draft) = scene.curl("/api/v1/settings/draft", None);
    assert_eq!(code, 200, "{draft}");
    let text = draft["text"].as_str().unwrap();
    assert!(
        text.contains(&format!("certificate = \"{}\"", files.path("site.pem").display()))
            && text.contains("activate = "),
        "{text}"
    );
    assert!(draft["servers"].to_string().contains("Test CA"), "{draft}");
    assert!(!scene.world.path("baton.toml").exists(), "nothing is written yet");

    // Another text than the one that was shown is never written.
    let write = |fingerprint: &Value| {
        scene.curl("/api/v1/settings/draft", Some(&json!({ "fingerprint": fingerprint })))
    };
    assert_eq!(write(&json!("00")).1["error"]["code"], "draft-unknown");
    let smuggled = json!({ "fingerprint": draft["fingerprint"], "text": "[[target]]" });
    assert_eq!(scene.curl("/api/v1/settings/draft", Some(&smuggled)).0, 400);
    // A file that came meanwhile stays.
    scene.world.write_settings("# mine\n");
    assert_eq!(write(&draft["fingerprint"]).1["error"]["code"], "settings-exist");
    assert_eq!(scene.file(), "# mine\n");
    fs_err::remove_file(scene.world.path("baton.toml")).unwrap();

    let (code, written) = write(&draft["fingerprint"]);
    assert_eq!(
        (code, &written["written"], &written["error"]),
        (200, &json!(true), &Value::Null),
        "{written}"
    );
    assert_eq!(scene.file(), text);
    let look = scene.look();
    assert_eq!(look["in_force"], true);
    assert_eq!(table(&look, "target", "www.example.com")["name"], "www.example.com", "{look}");
    assert_eq!(scene.curl("/api/v1/targets/www.example.com", None).0, 200, "it is taken up");
    assert_eq!(scene.curl("/api/v1/settings/draft", None).1["error"]["code"], "settings-exist");
    // From now on the file is watched like any other.
    scene.set("retire", None, &json!({ "grace": ["9d"] }));
    assert_eq!(scene.file(), format!("{text}\n[retire]\ngrace = \"9d\"\n"));
}
