//! People at each level, in a browser.

use baton_testkit::chromium::Chromium;

use super::{AUTHENTICATED, PASSWORD, add, world};
use crate::up::Up;

/// A person who has signed in.
struct Person {
    browser: Chromium,
    base: String,
}

impl Person {
    fn signed_in(up: &Up, name: &str) -> Self {
        let mut person = Self::who_signs_in(up, name);
        person.browser.wait_until("location.pathname !== '/sign-in'");
        person
    }

    fn who_signs_in(up: &Up, name: &str) -> Self {
        let base = format!("https://localhost:{}", up.address().port());
        let mut person = Self { browser: Chromium::start(), base };
        // Whoever asks for a page is asked to sign in.
        assert_eq!(person.open("/history"), 200);
        person.browser.wait_until("location.pathname === '/sign-in'");
        person.assert_for_everyone("/sign-in");
        person.browser.fill("input[name=name]", name);
        person.browser.fill("input[name=password]", PASSWORD);
        person.browser.click("form[action='/sign-in'] button");
        person
    }

    /// The status code of a page.
    fn open(&mut self, path: &str) -> u64 {
        self.browser.open(&format!("{}{path}", self.base));
        self.status()
    }

    fn status(&mut self) -> u64 {
        self.browser.wait_until("document.readyState === 'complete'");
        let status = "performance.getEntriesByType('navigation')[0].responseStatus";
        self.browser.evaluate(status).unwrap().as_u64().unwrap()
    }

    /// Asks for the plan of a renewal, on the page that offers it.
    fn plan(&mut self) -> u64 {
        assert_eq!(self.open("/certificates/designer"), 200);
        self.browser.click("form[action='/plan'] button.primary");
        self.browser.wait_until("location.pathname === '/plan'");
        self.status()
    }

    #[track_caller]
    fn assert_for_everyone(&mut self, page: &str) {
        self.browser.assert_for_everyone(page);
    }
}

#[test]
fn whoever_signs_in_may_do_what_their_level_says_and_is_refused_the_rest() {
    let world = world(AUTHENTICATED);
    for (name, level) in
        [("ada", "server-admin"), ("bob", "create-modify"), ("eve", "read-execute"), ("mia", "no-access")]
    {
        add(&world, name, level).expect(0);
    }
    let up = Up::start(&world, &[]);
    let handovers = || world.baton(&["history", "--json"]).expect(0).stdout;
    let before = handovers();

    let mut ada = Person::signed_in(&up, "ada");
    assert_eq!((ada.open("/"), ada.plan(), ada.open("/settings/probe")), (200, 200, 200));
    assert_eq!(ada.open("/audit"), 200);
    assert_eq!(ada.open("/account"), 200);
    ada.assert_for_everyone("/account");

    let mut bob = Person::signed_in(&up, "bob");
    assert_eq!((bob.open("/"), bob.plan(), bob.open("/settings/probe")), (200, 200, 403));
    assert_eq!(bob.open("/audit"), 403);

    let mut eve = Person::signed_in(&up, "eve");
    assert_eq!((eve.open("/"), eve.plan(), eve.open("/settings/probe")), (200, 403, 403));
    eve.browser.wait_for_words("eve (Read / Execute) may not do this: it is for Server Admin");

    let mut mia = Person::who_signs_in(&up, "mia");
    mia.browser.wait_until("document.querySelector('.refusal')");
    assert_eq!(mia.browser.evaluate("location.pathname").unwrap(), "/sign-in");
    mia.assert_for_everyone("a refused sign-in");
    mia.open("/");
    mia.browser.wait_until("location.pathname === '/sign-in'");

    assert_eq!(handovers(), before);
    // What others have tried stands in the audit log.
    ada.open("/audit");
    for name in ["bob", "eve", "mia"] {
        ada.browser.wait_for_words(name);
    }
}
