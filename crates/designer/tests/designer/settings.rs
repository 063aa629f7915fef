//! The settings as pages and as objects: what is asked of the binary, and what is made of its answers.

use std::sync::{Arc, Mutex};

use baton_designer::{
    BoxFuture, Control, FoundServer, KeyProblem, Problem, ProblemKind, SettingsChange, SettingsDesk,
    SettingsDraft, SettingsField, SettingsForm, SettingsKind, SettingsLook, SettingsPlan, SettingsRefusal,
    SettingsSaved, SettingsTable, ShownSetting,
};
use serde_json::{Value, json};

use crate::client::Answer;
use crate::site::Site;

const FORM: &str = "application/x-www-form-urlencoded";

/// Settings that are always the same.
#[derive(Default)]
pub(crate) struct FixedSettings {
    look: SettingsLook,
    /// Why every change is refused.
    refusal: Option<SettingsRefusal>,
    not_taken_up: Option<Problem>,
    draft: Option<SettingsDraft>,
    asked: Arc<Mutex<Vec<String>>>,
}

impl FixedSettings {
    fn answer<T>(&self, what: String, answer: T) -> Result<T, SettingsRefusal> {
        self.asked.lock().unwrap().push(what);
        self.refusal.clone().map_or(Ok(answer), Err)
    }
}

fn problem(code: &str) -> Problem {
    Problem {
        kind: ProblemKind::Refused,
        code: code.to_owned(),
        message: "it is not so".to_owned(),
        hint: None,
    }
}

impl SettingsDesk for FixedSettings {
    fn look(&self) -> BoxFuture<'_, Result<SettingsLook, Problem>> {
        Box::pin(async { Ok(self.look.clone()) })
    }

    fn form(
        &self,
        kind: SettingsKind,
        name: Option<String>,
        variant: Option<String>,
    ) -> BoxFuture<'_, Result<SettingsForm, Problem>> {
        Box::pin(async move {
            let tables = self.look.tables.iter();
            let mut found =
                tables.filter(|table| table.kind == kind && (name.is_none() || table.name == name));
            let unknown = Problem { kind: ProblemKind::Unknown, ..problem("unknown") };
            let table = found.next().cloned().ok_or(unknown)?;
            let is_new = kind.has_names() && name.is_none();
            let mut table = SettingsTable { name, ..table };
            if is_new {
                table.fields.iter_mut().for_each(|field| field.values.clear());
                table.shown = variant
                    .map(|value| ShownSetting { key: "variant".to_owned(), value })
                    .into_iter()
                    .collect();
            }
            Ok(SettingsForm { fingerprint: self.look.fingerprint.clone(), table, is_new })
        })
    }

    fn plan(&self, change: SettingsChange) -> BoxFuture<'_, Result<SettingsPlan, SettingsRefusal>> {
        let plan = SettingsPlan { diff: "--- a\n+++ b\n@@ -1 +1 @@\n-<old>\n+<new>\n".to_owned() };
        let answer = self.answer(format!("plan {change:?}"), plan);
        Box::pin(async { answer })
    }

    fn save(&self, change: SettingsChange) -> BoxFuture<'_, Result<SettingsSaved, SettingsRefusal>> {
        let saved = SettingsSaved { diff: "-<old>\n".to_owned(), not_taken_up: self.not_taken_up.clone() };
        let answer = self.answer(format!("save {change:?}"), saved);
        Box::pin(async { answer })
    }

    fn draft(&self) -> BoxFuture<'_, Result<SettingsDraft, Problem>> {
        Box::pin(async { self.draft.clone().ok_or_else(|| problem("settings-exist")) })
    }

    fn write_draft(&self, fingerprint: String) -> BoxFuture<'_, Result<SettingsSaved, Problem>> {
        self.asked.lock().unwrap().push(format!("write {fingerprint}"));
        let known = self.draft.as_ref().is_some_and(|draft| draft.fingerprint == fingerprint);
        Box::pin(async move {
            if known {
                Ok(SettingsSaved { diff: String::new(), not_taken_up: None })
            } else {
                Err(problem("draft-unknown"))
            }
        })
    }
}

fn field(key: &str, control: Control, values: &[&str]) -> SettingsField {
    SettingsField {
        key: key.to_owned(),
        control,
        values: values.iter().map(|value| (*value).to_owned()).collect(),
        explanation: "What it is for".to_owned(),
    }
}

fn sample() -> FixedSettings {
    let choices = || vec!["one".to_owned(), "<two>".to_owned()];
    let certificate = SettingsTable {
        kind: SettingsKind::Certificate,
        name: Some("sap".to_owned()),
        fields: vec![
            field("names", Control::Lines, &["a.example.com", "b.example.com"]),
            field("issuer", Control::Choice(choices()), &["one"]),
            field("targets", Control::Choices(choices()), &["<two>"]),
            field("longest-key-age", Control::Line, &[]),
        ],
        shown: vec![ShownSetting { key: "activate".to_owned(), value: "[\"<sh>\"]".to_owned() }],
    };
    let look = SettingsLook {
        path: Some("/etc/baton/baton.toml".to_owned()),
        fingerprint: "F00D".to_owned(),
        is_in_force: true,
        problem: None,
        tables: vec![certificate],
        others: vec![ShownSetting { key: "data".to_owned(), value: "\"/var/lib/baton\"".to_owned() }],
        can_be_added: vec![(SettingsKind::Certificate, Vec::new()), (SettingsKind::Issuer, choices())],
    };
    FixedSettings { look, ..FixedSettings::default() }
}

async fn post(site: &Site, path: &str, body: &str) -> Answer {
    site.client().await.post(path, FORM, body).await
}

const CHANGE: &str = "edit=set&kind=certificate&name=sap&fingerprint=F00D&value.names=a.example.com%0D%0Ac.example.com\
                      &value.targets=&value.targets=one&value.longest-key-age=";

#[tokio::test]
async fn what_stands_in_the_file_is_shown_with_the_ways_to_change_it() {
    let site = Site::start_with_settings(sample()).await;
    let page = site.get("/settings").await;
    assert_eq!(page.code, 200);
    for words in [
        "/etc/baton/baton.toml",
        "b.example.com",
        "[&#34;&#60;sh&#62;&#34;]",
        "/var/lib/baton",
        "href=\"/settings/certificate/sap\"",
        "href=\"/settings/certificate\"",
        "href=\"/settings/issuer?variant=%3Ctwo%3E\"",
    ] {
        assert!(page.body.contains(words), "{words}: {}", page.body);
    }
    let form = site.get("/settings/certificate/sap").await;
    assert!(
        form.body.contains("name=\"value.names\"")
            && form.body.contains("a.example.com\nb.example.com</textarea>")
    );
    assert!(!form.body.contains("name=\"value.activate\""), "what is shown is no field");
    let new = site.get("/settings/certificate?variant=%3Cx%3E").await;
    assert!(new.body.contains("value=\"add\"") && new.body.contains("&#60;x&#62;"), "{}", new.body);
    for path in ["/settings/nothing", "/settings/certificate/web", "/settings/proof/x", "/settings/%ff"] {
        let answer = site.get(path).await;
        assert!([404, 400].contains(&answer.code), "{path}: {answer:?}");
    }
}

#[tokio::test]
async fn a_change_is_shown_first_and_then_written() {
    let settings = sample();
    let asked = Arc::clone(&settings.asked);
    let site = Site::start_with_settings(settings).await;
    let plan = post(&site, "/settings/plan", CHANGE).await;
    assert_eq!(plan.code, 200, "{}", plan.body);
    assert!(
        plan.body.contains("class=\"removed\">-&#60;old&#62;")
            && plan.body.contains("action=\"/settings/save\"")
    );
    assert!(plan.body.contains("a.example.com\nc.example.com</textarea>"), "{}", plan.body);
    let change = "SettingsChange { fingerprint: \"F00D\", kind: Certificate, name: Some(\"sap\"), edit: Set({\
                  \"longest-key-age\": [], \"names\": [\"a.example.com\", \"c.example.com\"], \"targets\": [\"one\"]}) }";
    assert_eq!(*asked.lock().unwrap(), [format!("plan {change}")]);
    let saved = post(&site, "/settings/save", CHANGE).await;
    assert_eq!((saved.code, saved.header("location")), (303, Some("/settings")));
    assert_eq!(asked.lock().unwrap().last(), Some(&format!("save {change}")));
    let entries = site.state.audit(None, 10).await.unwrap();
    let outcomes: Vec<_> = entries.iter().filter_map(|entry| entry.outcome.as_deref()).collect();
    assert_eq!(
        outcomes,
        [
            "303: set certificate \"sap\": longest-key-age, names, targets, see /settings",
            "200: plan: set certificate \"sap\": longest-key-age, names, targets"
        ]
    );
}

#[tokio::test]
async fn a_bad_value_is_told_at_its_field_and_what_was_entered_stays() {
    let key = |key: &str, message: &str| KeyProblem {
        key: key.to_owned(),
        message: message.to_owned(),
        hint: Some("write `another`".to_owned()),
    };
    let keys = vec![key("names", "<that> is no name"), key("activate", "that is set on the machine")];
    let refusal = SettingsRefusal::Values { problem: None, keys };
    let settings = FixedSettings { refusal: Some(refusal), ..sample() };
    let site = Site::start_with_settings(settings).await;
    let form = post(&site, "/settings/plan", &CHANGE.replace("c.example.com", "%3Cc%3E")).await;
    assert_eq!(form.code, 422);
    let field = form.body.split("class=\"field\"").find(|part| part.contains("value.names")).unwrap();
    assert!(field.contains("id=\"error-names\"") && field.contains("&#60;that&#62; is no name"), "{field}");
    assert!(field.contains("aria-invalid=\"true\"") && field.contains("<code>another</code>"), "{field}");
    assert!(field.contains("a.example.com\n&#60;c&#62;</textarea>"), "{field}");
    assert!(form.body.contains("<code>activate</code>: that is set on the machine"), "{}", form.body);
    let fields = form.body.split("class=\"field\"");
    assert_eq!(fields.filter(|field| field.contains("aria-invalid")).count(), 1);
    // A new one that is refused keeps its name too.
    let body = CHANGE.replace("edit=set", "edit=add").replace("name=sap", "name=s%20%22p");
    let form = post(&site, "/settings/plan", &body).await;
    assert!(form.code == 422 && form.body.contains("value=\"s &#34;p\""), "{}", form.body);
    let removed =
        post(&site, "/settings/plan", "edit=remove&kind=certificate&name=sap&fingerprint=F00D").await;
    assert!(removed.code == 422 && removed.body.contains("is no name"), "{}", removed.body);
}

#[tokio::test]
async fn a_file_that_was_changed_meanwhile_is_shown_and_not_written_over() {
    let diff = Some("-before\n+<after>\n".to_owned());
    let settings = FixedSettings { refusal: Some(SettingsRefusal::Changed { diff }), ..sample() };
    let site = Site::start_with_settings(settings).await;
    let answer = post(&site, "/settings/save", CHANGE).await;
    assert_eq!(answer.code, 409);
    assert!(
        answer.body.contains("+&#60;after&#62;")
            && answer.body.contains("href=\"/settings/certificate/sap\"")
    );
}

#[tokio::test]
async fn what_is_written_and_not_taken_up_says_why() {
    let settings = FixedSettings { not_taken_up: Some(problem("restart-needed")), ..sample() };
    let site = Site::start_with_settings(settings).await;
    let answer = post(&site, "/settings/save", CHANGE).await;
    assert!(answer.code == 200 && answer.body.contains("restart-needed"), "{answer:?}");
}

#[tokio::test]
async fn a_form_that_is_not_complete_asks_for_nothing() {
    let settings = sample();
    let asked = Arc::clone(&settings.asked);
    let site = Site::start_with_settings(settings).await;
    for missing in ["edit=set", "kind=certificate", "fingerprint=F00D"] {
        for path in ["/settings/plan", "/settings/save"] {
            let answer = post(&site, path, &CHANGE.replace(missing, "x=y")).await;
            assert_eq!(answer.code, 400, "{missing} at {path}");
        }
    }
    assert_eq!(post(&site, "/settings/first-run", "text=%5B%5Btarget%5D%5D").await.code, 400);
    assert_eq!(*asked.lock().unwrap(), [""; 0]);
}

#[tokio::test]
async fn what_was_found_is_shown_and_written_by_its_fingerprint_alone() {
    let draft = SettingsDraft {
        path: "/srv/baton.toml".to_owned(),
        text: "# <found>\n".to_owned(),
        fingerprint: "BEEF".to_owned(),
        servers: vec![FoundServer {
            title: "yunIO".to_owned(),
            notes: vec!["names <a certificate>".to_owned()],
            reasons: vec!["Write the command".to_owned()],
        }],
        findings: Vec::new(),
    };
    let settings = FixedSettings { draft: Some(draft), ..FixedSettings::default() };
    let asked = Arc::clone(&settings.asked);
    let site = Site::start_with_settings(settings).await;
    assert!(site.get("/settings").await.body.contains("href=\"/settings/first-run\""));
    let page = site.get("/settings/first-run").await;
    for words in
        ["/srv/baton.toml", "# &#60;found&#62;", "names &#60;a certificate&#62;", "Write the command", "BEEF"]
    {
        assert!(page.body.contains(words), "{words}: {}", page.body);
    }
    assert_eq!(post(&site, "/settings/first-run", "fingerprint=BAD").await.code, 422);
    let written = post(&site, "/settings/first-run", "fingerprint=BEEF&text=x").await;
    assert_eq!((written.code, written.header("location")), (303, Some("/settings")));
    assert_eq!(*asked.lock().unwrap(), ["write BAD", "write BEEF"]);
    let site = Site::start_with_settings(sample()).await;
    assert_eq!(site.get("/settings/first-run").await.code, 422);
}

async fn object(site: &Site, body: &Value) -> (u16, Value) {
    let answer = site.client().await.post("/api/v1/settings", "application/json", &body.to_string()).await;
    (answer.code, serde_json::from_str(&answer.body).unwrap())
}

#[tokio::test]
async fn programs_see_and_change_the_same() {
    let settings = sample();
    let asked = Arc::clone(&settings.asked);
    let site = Site::start_with_settings(settings).await;
    let look: Value = serde_json::from_str(&site.get("/api/v1/settings").await.body).unwrap();
    assert_eq!((&look["fingerprint"], &look["in_force"]), (&json!("F00D"), &json!(true)));
    assert_eq!(look["tables"][0]["fields"][1], json!({ "key": "issuer", "values": ["one"] }));
    assert_eq!(look["tables"][0]["shown"][0]["key"], "activate");
    let change = json!({ "fingerprint": "F00D", "change": "set", "kind": "certificate", "name": "sap",
        "values": { "names": ["a.example.com"] }, "dry_run": true });
    let (code, plan) = object(&site, &change).await;
    assert_eq!((code, &plan["written"], &plan["error"]), (200, &json!(false), &Value::Null));
    let mut change = change;
    change["dry_run"] = json!(false);
    let (code, saved) = object(&site, &change).await;
    assert_eq!((code, &saved["written"]), (200, &json!(true)));
    assert_eq!(asked.lock().unwrap().len(), 2);
    for (key, value) in [
        ("kind", json!("designer")),
        ("change", json!("replace")),
        ("values", json!({ "names": "x" })),
        ("values", json!({ "names": [1] })),
        ("text", json!("[[target]]")),
    ] {
        let mut wrong = change.clone();
        wrong[key] = value;
        let (code, answer) = object(&site, &wrong).await;
        assert_eq!((code, &answer["error"]["code"]), (400, &json!("object-wrong")), "{key}");
    }
    assert_eq!(asked.lock().unwrap().len(), 2);
}

#[tokio::test]
async fn programs_are_told_what_is_wrong_with_which_key() {
    let key = KeyProblem { key: "names".to_owned(), message: "no".to_owned(), hint: None };
    let values = SettingsRefusal::Values { problem: None, keys: vec![key] };
    let changed = SettingsRefusal::Changed { diff: None };
    let unknown = SettingsRefusal::Problem(Problem { kind: ProblemKind::Unknown, ..problem("unknown") });
    for (refusal, code, name) in
        [(values, 422, "settings-wrong"), (changed, 409, "settings-changed"), (unknown, 404, "unknown")]
    {
        let settings = FixedSettings { refusal: Some(refusal), ..sample() };
        let site = Site::start_with_settings(settings).await;
        let change =
            json!({ "fingerprint": "F00D", "change": "remove", "kind": "certificate", "name": "sap" });
        let (status, answer) = object(&site, &change).await;
        assert_eq!((status, &answer["error"]["code"]), (code, &json!(name)));
        if code == 422 {
            assert_eq!(answer["keys"], json!([{ "key": "names", "message": "no", "hint": null }]));
        }
    }
}
