//! The same in a browser, as a person does it.

use baton_testkit::chromium::Chromium;

use super::{SECRET, Scene, site, text, without_settings};

/// A person in front of a running `up`.
struct Person {
    scene: Scene,
    browser: Chromium,
}

impl Person {
    fn at(scene: Scene) -> Self {
        Self { scene, browser: Chromium::start() }
    }

    fn open(&mut self, path: &str) {
        let url = format!("https://localhost:{}{path}", self.scene.up.address().port());
        self.browser.open(&url);
    }

    /// Takes other text into a field.
    fn enter(&mut self, key: &str, text: &str) {
        let selector = format!("#value-{key}");
        self.browser.wait_until(&format!("document.querySelector({selector:?})"));
        self.browser.evaluate(&format!("document.querySelector({selector:?}).select()"));
        if text.is_empty() {
            self.browser.evaluate(&format!("document.querySelector({selector:?}).value = ''"));
        } else {
            self.browser.fill(&selector, text);
        }
    }

    /// Asks what would be written.
    fn preview(&mut self) {
        self.browser.click("form.fields button.primary");
    }

    fn save(&mut self) {
        self.browser.click("form[action='/settings/save'] button.primary");
    }

    #[track_caller]
    fn assert_shows(&mut self, words: &str) {
        self.browser.wait_for_words(words);
    }

    /// For people who do not see the page, in both languages and themes.
    #[track_caller]
    fn assert_for_everyone(&mut self, page: &str) {
        self.browser.assert_for_everyone(page);
    }
}

#[test]
fn the_names_of_a_certificate_are_changed_and_comments_stay() {
    let mut person = Person::at(Scene::new());
    person.open("/settings");
    person.assert_shows("www.example.com");
    person.assert_for_everyone("/settings");
    person.browser.click("a[href='/settings/certificate/site']");
    person.browser.wait_until("document.querySelector('#value-names')");
    let before = person.browser.evaluate("document.querySelector('#value-names').value").unwrap();
    assert_eq!(before, "www.example.com\nexample.com");
    person.enter("names", "www.example.com\nshop.example.com\nexample.com");
    person.browser.click("input[name='value.targets'][value=website]");
    person.assert_for_everyone("the form");
    person.preview();
    person.browser.wait_until("document.querySelector('.diff .added')");
    person.assert_shows("+\t\"shop.example.com\",");
    person.assert_for_everyone("the plan");
    assert_eq!(person.scene.file(), text(), "a plan writes nothing");
    person.save();
    person.browser.wait_until("location.pathname === '/settings' && document.querySelector('#certificate')");
    person.assert_shows("shop.example.com");
    let written = person.scene.file();
    assert_eq!(
        written,
        text().replace("\t# the old one\n", "\t\"shop.example.com\",\n\t# the old one\n").replace(
            "issuer = \"house\"\n\n[probe]",
            "issuer = \"house\"\ntargets = [\"website\"]\n\n[probe]"
        ),
    );
}

#[test]
fn a_bad_value_is_told_at_its_field() {
    let mut person = Person::at(Scene::new());
    person.open("/settings/certificate/site");
    person.enter("names", "www.example.com\nno name at all");
    person.enter("longest-key-age", "9d");
    person.preview();
    person.browser.wait_until("document.querySelector('#error-names')");
    let invalid = "[...document.querySelectorAll('[aria-invalid=true]')].map(field => field.name).join()";
    assert_eq!(person.browser.evaluate(invalid).unwrap(), "value.names");
    person.assert_shows("no name at all");
    let kept = person.browser.evaluate("document.querySelector('#value-longest-key-age').value").unwrap();
    assert_eq!(kept, "9d", "what was entered stays");
    person.assert_for_everyone("a form with an error");
    person.enter("names", "www.example.com");
    person.preview();
    person.browser.wait_until("document.querySelector('.diff .added')");
    assert_eq!(person.scene.file(), text());
}

#[test]
fn a_file_that_was_changed_meanwhile_is_shown() {
    let mut person = Person::at(Scene::new());
    person.open("/settings/probe");
    person.enter("interval", "2h");
    person.preview();
    person.browser.wait_until("document.querySelector('.diff .added')");
    let by_hand = text().replace("# our own", "# our very own");
    person.scene.world.write_settings(&by_hand);
    person.save();
    person.browser.wait_until("document.querySelector('.verdict.soon')");
    person.assert_shows("+kind = \"internal\" # our very own");
    person.assert_for_everyone("what was changed meanwhile");
    assert_eq!(person.scene.file(), by_hand);
}

#[test]
fn commands_paths_and_secrets_have_no_field() {
    let mut person = Person::at(Scene::new());
    for (path, shown) in [
        ("/settings/target/website", "[\"systemctl\", \"reload\", \"nginx\"]"),
        ("/settings/issuer/le", "'/srv/www'"),
        ("/settings/alert/chat", "https://hooks.example.com/…"),
    ] {
        person.open(path);
        person.browser.wait_until("document.querySelector('form.fields')");
        person.assert_shows(shown);
        person.assert_for_everyone(path);
        let names = "[...document.querySelectorAll('main [name]')].map(field => field.name).join()";
        let names = person.browser.evaluate(names).unwrap();
        for key in ["activate", "check", "certificate", "key", "webroot", "url"] {
            assert!(
                !names.as_str().unwrap().split(',').any(|name| name == format!("value.{key}")),
                "{names}"
            );
        }
        let page = person.browser.evaluate("document.documentElement.outerHTML").unwrap();
        assert!(!page.as_str().unwrap().contains(SECRET));
        // Nor does one that somebody puts in.
        person.browser.evaluate(
            "document.querySelector('form.fields').insertAdjacentHTML('beforeend', \
             '<input name=value.activate value=sh>')",
        );
        person.preview();
        person.browser.wait_until("document.querySelector('.verdict')");
        person.assert_shows("on the machine alone");
    }
    assert_eq!(person.scene.file(), text());
}

#[test]
fn an_issuer_is_added_and_removed() {
    let mut person = Person::at(Scene::new());
    person.browser.read("de");
    person.open("/settings");
    person.browser.click("a[href='/settings/issuer?variant=internal']");
    person.browser.fill("#name", "labor");
    person.enter("lifetime", "10d");
    person.enter("permitted", "lab.example.com\n10.0.0.7");
    person.assert_for_everyone("a new issuer");
    person.preview();
    person.save();
    person.browser.wait_until("location.pathname === '/settings' && document.querySelector('#issuer')");
    let added = "\n[[issuer]]\nname = \"labor\"\nkind = \"internal\"\nlifetime = \"10d\"\n\
                 permitted = [\"lab.example.com\", \"10.0.0.7\"]\n\n# The site.\n";
    assert!(person.scene.file().contains(added), "{}", person.scene.file());
    person.browser.evaluate("document.querySelector('form input[value=labor]').form.requestSubmit()");
    person.save();
    person
        .browser
        .wait_until("location.pathname === '/settings' && !document.body.innerText.includes('labor')");
    assert_eq!(person.scene.file(), text());
}

#[test]
fn the_first_page_writes_what_was_found() {
    let (_files, nginx) = site();
    let mut person = Person::at(without_settings(&nginx));
    person.open("/settings");
    person.assert_for_everyone("no settings");
    person.browser.click("a[href='/settings/first-run']");
    person.browser.wait_until("document.querySelector('pre.file')");
    person.assert_shows("Test CA");
    person.assert_for_everyone("what was found");
    let shown = person.browser.evaluate("document.querySelector('pre.file').textContent").unwrap();
    assert!(!person.scene.world.path("baton.toml").exists());
    person.browser.click("form[action='/settings/first-run'] button.primary");
    person.browser.wait_until("location.pathname === '/settings' && document.querySelector('#target')");
    assert_eq!(person.scene.file(), shown.as_str().unwrap());
    person.assert_shows("www.example.com");
    person.open("/targets/www.example.com");
    person.assert_shows("Test CA");
}
