//! The Designer's pages, as a person uses them: a real browser on a real `baton up`, in front of a real nginx and the
//! products' stand-in.

use std::path::Path;
use std::process::Command;

use baton_testkit::chromium::Chromium;
use baton_testkit::product_server::Faults;
use baton_testkit::{Authority, IssuedCertificate, Nginx, Product, ProductFixture, SettingsShape, openssl};

use crate::by_hand::Ca;
use crate::network::Network;
use crate::up::Up;
use crate::world::{World, list, quoted};

const HOST: &str = "sap.example.com";
const SITE: &str = "www.example.com";

/// A product and an nginx, with an `up` that looks after them.
struct Scene {
    world: World,
    product: ProductFixture,
    nginx: Nginx,
    old: IssuedCertificate,
    new: IssuedCertificate,
    /// Who answers requests that people carry.
    ca: Ca,
    up: Up,
    browser: Chromium,
}

impl Scene {
    fn new(product: Product) -> Self {
        Self::with(ProductFixture::new(product), false)
    }

    /// With a certificate at the product that has expired, or is good for long.
    fn with(product: ProductFixture, is_expired: bool) -> Self {
        let world = World::new();
        let authority = Authority::new("Test CA");
        let ca = Ca::new(&world.path("ca"), "Person");
        let issuance = authority.issue(&[HOST]);
        let old = if is_expired { issuance.expired().sign() } else { issuance.sign() };
        let new = authority.issue(&[HOST]).sign();
        product.enable_tls(&old);
        product.install(&new);
        product.start();
        let site = authority.issue(&[SITE]).sign();
        let (certificate, key) = (world.path("site.pem"), world.path("site.key"));
        site.write_files(&certificate, &key);
        let nginx = Nginx::start(&certificate, &key);
        let endpoints: Vec<String> = product
            .endpoints()
            .into_iter()
            .filter(|(name, _)| is_tls(&product, name))
            .map(|(_, address)| format!("'{address}'"))
            .collect();
        // Those that answer without TLS too.
        let ports = product.product().port_names().into_iter();
        let ports: Vec<String> = ports.map(|name| product.address(&name).port().to_string()).collect();
        world.write_settings(&format!(
            "[store]\npath = {}\n\n[proof]\nover = '200ms'\nquiet = '100ms'\ndeadline = '5s'\n\n\
             [[issuer]]\nname = 'house'\nkind = 'internal'\n\n\
             [[issuer]]\nname = 'person'\nkind = 'manual'\nroot = 'ca/root.pem'\n\n\
             [[target]]\nname = 'sap'\nproduct = '{}'\ndirectory = {}\nactivate = {}\nendpoints = [{}]\n\
             guard = {{ always = false, ports = [{}] }}\n\n\
             [[target]]\nname = 'website'\nkind = 'files'\ncertificate = {}\nkey = {}\ncheck = {}\nactivate = {}\n\
             endpoints = [{{ address = '{}', name = '{SITE}' }}]\n\n\
             [[certificate]]\nname = 'site'\nnames = ['{SITE}']\nissuer = 'person'\ntargets = ['website']\n",
            quoted(&product.store()),
            product.product().key(),
            quoted(&product.directory()),
            list(&product.restart_command()),
            endpoints.join(", "),
            ports.join(", "),
            quoted(&certificate),
            quoted(&key),
            list(&nginx.check_command()),
            list(&nginx.reload_command()),
            nginx.address(),
        ));
        let up = Up::start(&world, &[]);
        let browser = Chromium::start();
        Self { world, product, nginx, old, new, ca, up, browser }
    }

    fn open(&mut self, path: &str) {
        let url = format!("https://localhost:{}{path}", self.up.address().port());
        self.browser.open(&url);
    }

    /// Carries out the change whose plan is shown, and waits for its end.
    fn carry_out(&mut self) {
        self.browser.click("form[action='/operations'] button");
        self.browser.wait_until("document.querySelector('[data-ended]')");
    }

    /// Picks the new certificate for the product, up to its plan.
    fn pick(&mut self) {
        self.open("/targets/sap");
        let choice = format!("input[name=new][value='{}']", self.new.thumbprint);
        self.browser.click(&choice);
        self.browser.click("#pick button.primary");
        self.browser.wait_until("document.querySelector('.actions .diff .added')");
    }

    /// What every TLS port of the product serves, seen by OpenSSL.
    fn served(&self) -> Vec<String> {
        let endpoints = self.product.endpoints().into_iter().filter(|(name, _)| is_tls(&self.product, name));
        endpoints.map(|(_, address)| openssl::served_certificate(address, HOST).unwrap().thumbprint).collect()
    }

    fn assert_shows(&mut self, words: &str) {
        self.browser.wait_for_words(words);
    }

    /// Sees a page in both themes.
    fn keep(&mut self, directory: &Path, name: &str) {
        for (theme, is_dark) in [("light", false), ("dark", true)] {
            self.browser.see(is_dark, 1280, 800);
            self.browser.screenshot(&directory.join(format!("{name}-{theme}.png")));
        }
    }
}

/// In the older shape of the settings the configuration server speaks TLS on its one port too.
fn is_tls(product: &ProductFixture, port: &str) -> bool {
    port.ends_with("-tls") || (port == "configuration" && !product.tls_json().exists())
}

#[test]
fn a_certificate_is_picked_saved_and_watched_to_served() {
    let mut scene = Scene::new(Product::Yunio);
    assert!(scene.served().iter().all(|served| *served == scene.old.thumbprint));

    scene.pick();
    let added = "[...document.querySelectorAll('.diff .added')].map(line => line.textContent).join('')";
    let added = scene.browser.evaluate(added).unwrap();
    assert!(added.as_str().unwrap().contains(&scene.new.thumbprint), "{added}");
    assert!(scene.served().iter().all(|served| *served == scene.old.thumbprint), "a plan changes nothing");

    scene.carry_out();
    scene.assert_shows("served");
    let steps = "[...document.querySelectorAll('.course .step')].map(step => step.textContent)";
    let steps = scene.browser.evaluate(steps).unwrap();
    assert_eq!(steps, serde_json::json!(["check", "switch", "activate", "prove"]));
    assert!(scene.served().iter().all(|served| *served == scene.new.thumbprint));

    // The way back, from the page of the handover.
    scene.browser.click("#course a[href^='/history/']");
    scene.browser.click("form[action='/plan'] button");
    scene.browser.wait_until("document.querySelector('.actions')");
    scene.carry_out();
    scene.assert_shows("served");
    assert!(scene.served().iter().all(|served| *served == scene.old.thumbprint));
}

#[test]
fn a_service_that_breaks_is_watched_through_its_roll_back() {
    let mut scene = Scene::new(Product::XtractUniversal);
    let refuse_thumbprint = Some(scene.new.thumbprint.clone());
    scene.product.set_faults(&Faults { refuse_thumbprint, ..Faults::default() });

    scene.pick();
    scene.browser.click("form[action='/operations'] button");
    scene.browser.wait_until("location.pathname.startsWith('/operations/')");
    // Leaving the page does not stop it, and whoever comes later sees all of it.
    let page = scene.browser.evaluate("location.pathname").unwrap();
    scene.open("/history");
    scene.open(page.as_str().unwrap());
    scene.browser.wait_until("document.querySelector('[data-ended]')");
    scene.assert_shows("roll back");
    scene.assert_shows("rolled back");
    assert!(scene.served().iter().all(|served| *served == scene.old.thumbprint));
}

/// What the page says that each of two servers names and serves.
fn servers(browser: &mut Chromium) -> serde_json::Value {
    let rows = "[...document.querySelectorAll('#servers tbody tr')].map(row => \
                [...row.cells].map(cell => cell.innerText.trim().split(/\\s/)[0]))";
    browser.evaluate(rows).unwrap()
}

#[test]
fn both_servers_get_the_certificate_that_is_picked_for_each() {
    let fixture = ProductFixture::with_shape(Product::XtractUniversal, SettingsShape::GeneralJson);
    let mut scene = Scene::with(fixture, false);
    let (old, new) = (scene.old.thumbprint.clone(), scene.new.thumbprint.clone());
    let web = scene.product.reference_files().remove(0);
    scene.open("/targets/sap");
    assert_eq!(
        servers(&mut scene.browser),
        serde_json::json!([["Web", old, old], ["Configuration", old, old]])
    );
    assert!(scene.browser.violations().is_empty());
    let is_shown = "getComputedStyle(document.querySelector('td.configuration')).display !== 'none'";
    assert_eq!(scene.browser.evaluate(is_shown).unwrap(), false, "usually there is one for both");

    // Another one for the configuration server, and another protocol for the web server.
    scene.browser.click("input[name=same]");
    assert_eq!(scene.browser.evaluate(is_shown).unwrap(), true);
    scene.browser.click(&format!("input[name=configuration][value='{new}']"));
    let choose = "document.querySelector('select[name=protocol]').value = 'https-custom-users'";
    scene.browser.evaluate(choose);
    scene.browser.click("#pick button.primary");
    scene.browser.wait_until("document.querySelectorAll('.diff').length === 2");
    scene.assert_shows("web/general.json");
    scene.assert_shows("config/general.json");
    assert_eq!(scene.served(), [old.clone(), old.clone()], "a plan changes nothing");
    scene.carry_out();
    scene.assert_shows("served");
    // In the order of the ports' names: configuration, web.
    assert_eq!(scene.served(), [new.clone(), old.clone()]);
    let text = fs_err::read_to_string(&web).unwrap();
    assert!(text.contains("\"HTTPS - Restricted to custom users with Designer read access\""), "{text}");

    // Now they differ, and the page says so; then both get the same again.
    scene.open("/targets/sap");
    scene.browser.wait_until("document.querySelector('#servers-differ')");
    assert_eq!(
        servers(&mut scene.browser),
        serde_json::json!([["Web", old, old], ["Configuration", new, new]])
    );
    assert!(scene.browser.violations().is_empty());
    scene.browser.click("input[name=same]");
    scene.browser.click(&format!("input[name=new][value='{new}']"));
    scene.browser.click("#pick button.primary");
    scene.browser.wait_until("document.querySelectorAll('.diff').length === 1");
    scene.carry_out();
    assert_eq!(scene.served(), [new.clone(), new.clone()]);
    scene.open("/targets/sap");
    assert_eq!(
        servers(&mut scene.browser),
        serde_json::json!([["Web", new, new], ["Configuration", new, new]])
    );
}

#[test]
fn a_server_that_fails_keeps_the_other_one_from_its_turn() {
    let fixture = ProductFixture::with_shape(Product::BoardConnector, SettingsShape::GeneralJson);
    let mut scene = Scene::with(fixture, false);
    let (old, new) = (scene.old.thumbprint.clone(), scene.new.thumbprint.clone());
    scene.world.baton(&["swap", "", &new, "--target", "sap", "--server", "configuration"]).expect(0);
    // The web server is to go to the certificate that it cannot start with; the configuration server back.
    let refuse_thumbprint = Some(new.clone());
    scene.product.set_faults(&Faults { refuse_thumbprint, ..Faults::default() });
    scene.open("/targets/sap");
    scene.browser.click(&format!("input[name=new][value='{new}']"));
    scene.browser.click(&format!("input[name=configuration][value='{old}']"));
    scene.browser.click("#pick button.primary");
    scene.browser.wait_until("document.querySelector('.actions')");
    scene.carry_out();
    scene.assert_shows("the Configuration Server was left as it is");
    let text = fs_err::read_to_string(scene.product.reference_files().remove(1)).unwrap();
    assert!(text.contains(&new), "{text}");
}

#[test]
fn two_servers_that_share_their_reference_change_together() {
    let mut scene = Scene::new(Product::XtractUniversal);
    scene.open("/targets/sap");
    scene.assert_shows("both have one reference");
    assert_eq!(
        scene.browser.evaluate("document.querySelector('input[name=configuration]')").unwrap(),
        serde_json::Value::Null
    );
    scene.pick();
    scene.carry_out();
    scene.assert_shows("served");
    assert!(scene.served().iter().all(|served| *served == scene.new.thumbprint));
}

#[test]
fn a_request_is_made_and_its_answer_uploaded_to_served() {
    let mut scene = Scene::new(Product::XtractCore);
    scene.open("/certificates/site");
    scene.browser.click("form[action='/certificates/site/requests'] button");
    scene.browser.wait_until("document.querySelector('a.button[href*=\\'/requests/\\']')");
    let request =
        "fetch(document.querySelector('a.button[href*=\\'/requests/\\']').href).then(r => r.text())";
    let request = scene.browser.evaluate(request).unwrap();
    scene.ca.sign(request.as_str().unwrap(), "site");
    scene.browser.choose_file("input[type=file]", &scene.ca.path("site-chain.pem"));
    scene.browser.click("form[action='/answers'] button");
    scene.browser.wait_until("document.querySelector('.actions')");
    scene.carry_out();
    scene.assert_shows("served");
    let served = openssl::served_certificate(scene.nginx.address(), SITE).unwrap();
    assert_eq!(served.thumbprint, scene.ca.thumbprint("site.pem"));
}

#[test]
fn a_pfx_is_imported_and_can_be_picked() {
    let mut scene = Scene::new(Product::BoardConnector);
    let brought = Authority::new("Another CA").issue(&[HOST]).sign();
    let [pem, pfx, password] = ["brought.pem", "brought.pfx", "password"].map(|name| scene.world.path(name));
    fs_err::write(&pem, format!("{}{}", brought.chain_pem, brought.key_pem)).unwrap();
    fs_err::write(&password, "correct horse").unwrap();
    let [from, to] = [&pem, &pfx].map(|path| path.to_str().unwrap());
    let secret = format!("file:{}", password.display());
    let arguments = ["pkcs12", "-export", "-in", from, "-out", to, "-passout", &secret];
    assert!(Command::new("openssl").args(arguments).status().unwrap().success());

    scene.open("/store");
    scene.browser.choose_file("input[type=file]", &pfx);
    scene.browser.fill("input[type=password]", "wrong");
    scene.browser.click("#import button");
    scene.browser.wait_until("document.querySelector('.verdict.soon')");
    scene.assert_shows("nothing was changed");

    scene.open("/store");
    scene.browser.choose_file("input[type=file]", &pfx);
    scene.browser.fill("input[type=password]", "correct horse");
    scene.browser.click("#import button");
    scene.browser.wait_until(&format!("location.pathname === '/store/{}'", brought.thumbprint));
    scene.open("/targets/sap");
    let choice = format!("document.querySelector('input[name=new][value=\"{}\"]')", brought.thumbprint);
    scene.browser.wait_until(&choice);
}

/// What a port answers to plain HTTP: the status, or nothing.
fn plain_status(product: &ProductFixture, port: &str) -> Option<String> {
    let url = format!("http://{}/", product.address(port));
    let asked =
        Command::new("curl").args(["-s", "-o", "/dev/null", "-w", "%{http_code}", &url]).output().unwrap();
    asked.status.success().then(|| String::from_utf8(asked.stdout).unwrap())
}

/// What the firewall of this test's network holds.
fn closed_doors() -> String {
    String::from_utf8(Command::new("nft").args(["list", "tables"]).output().unwrap().stdout).unwrap()
}

#[test]
fn an_expired_yunio_is_reset_answers_plainly_and_comes_back() {
    let _network = Network::enter();
    let mut scene = Scene::with(ProductFixture::new(Product::Yunio), true);
    let before = fs_err::read_to_string(scene.product.tls_json()).unwrap();
    scene.world.baton(&["prove"]);
    scene.open("/");
    scene.browser.click("a[href='/targets/sap#expired']");
    scene.browser.click("#expired form button");
    scene.browser.wait_until("document.querySelector('.actions')");
    for words in
        ["Reset TLS", "tls.json aside", "close the ports", "answers without TLS", "puts every setting back"]
    {
        scene.assert_shows(words);
    }
    assert!(scene.product.tls_json().exists(), "a plan changes nothing");
    assert_eq!(plain_status(&scene.product, "services"), None);

    scene.carry_out();
    scene.assert_shows("answers without TLS");
    for port in ["services", "designer", "websockets"] {
        assert_eq!(plain_status(&scene.product, port).as_deref(), Some("200"), "{port}");
    }
    assert!(!scene.product.tls_json().exists(), "as the maker documents it");
    assert!(closed_doors().contains("baton_sap"), "and the outside sees none of it");

    // What has expired is not switched on again; the next certificate brings everything back.
    scene.open("/targets/sap");
    scene.assert_shows("TLS was reset here");
    scene.browser.click("form[action='/plan'] input[value='tls-on'] ~ p button");
    scene.browser.wait_until("document.querySelector('.verdict, .troubles')");
    scene.assert_shows("It would be refused");
    scene.open("/targets/sap");
    scene.browser.click(&format!("input[name=new][value='{}']", scene.new.thumbprint));
    scene.browser.click("#pick button.primary");
    scene.browser.wait_until("document.querySelector('form[action=\"/operations\"]')");
    scene.assert_shows("tls.json");
    scene.carry_out();
    scene.assert_shows("served");
    assert!(scene.served().iter().all(|served| *served == scene.new.thumbprint));
    let after = fs_err::read_to_string(scene.product.tls_json()).unwrap();
    assert_eq!(
        after.matches("revision").count(),
        before.matches("revision").count(),
        "with all other settings"
    );
    assert_eq!(plain_status(&scene.product, "services"), None);
    assert_eq!(closed_doors(), "");
}

#[test]
fn tls_is_switched_off_and_on_again() {
    let _network = Network::enter();
    let mut scene = Scene::new(Product::XtractCore);
    let before = fs_err::read(scene.product.tls_json()).unwrap();
    scene.open("/targets/sap");
    scene.browser.click("input[name=tls]");
    scene.browser.click("#pick button.primary");
    scene.browser.wait_until("document.querySelector('.actions .diff .added')");
    scene.assert_shows("Switch TLS off");
    scene.carry_out();
    assert_eq!(plain_status(&scene.product, "listener").as_deref(), Some("200"));

    scene.open("/targets/sap");
    scene.browser.click("form[action='/plan'] input[value='tls-on'] ~ p button");
    scene.browser.wait_until("document.querySelector('form[action=\"/operations\"]')");
    scene.carry_out();
    scene.assert_shows("served");
    assert!(scene.served().iter().all(|served| *served == scene.old.thumbprint));
    assert_eq!(fs_err::read(scene.product.tls_json()).unwrap(), before, "to the bit");
}

#[test]
fn a_handover_of_the_command_line_is_watched_too() {
    let mut scene = Scene::new(Product::XtractCore);
    // It is restarted once someone writes into a pipe.
    let (script, pipe) = (scene.world.path("activate.sh"), scene.world.path("pipe"));
    nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).unwrap();
    let restart = scene.product.restart_command();
    fs_err::write(&script, format!("cat {}\n{}\n", pipe.display(), restart.join(" "))).unwrap();
    let settings = fs_err::read_to_string(scene.world.path("baton.toml")).unwrap();
    let slow = list(&["sh".to_owned(), script.display().to_string()]);
    scene.world.write_settings(&settings.replacen(&list(&restart), &slow, 1));
    scene.open("/");
    let page_has =
        |words: &str| format!("fetch('/targets/sap').then(r => r.text()).then(t => t.includes('{words}'))");
    scene.browser.wait_until(&page_has("activate.sh"));
    let new = scene.new.thumbprint.clone();
    let mut swap = scene.world.command(&["swap", "", &new, "--target", "sap"]).spawn().unwrap();
    scene.browser.wait_until(&page_has("under-way"));

    scene.open("/targets/sap");
    scene.browser.click("#under-way a");
    scene.browser.wait_until("document.querySelector('#live') && location.pathname.startsWith('/history/')");
    scene.assert_shows("under way");
    // The very page that is open shows the end.
    scene.browser.evaluate("window.isSamePage = true");
    fs_err::write(&pipe, "go on\n").unwrap();
    scene.browser.wait_until(
        "[...document.querySelectorAll('#live tbody th')].some(step => step.innerText === 'prove')",
    );
    scene.browser.wait_until("document.querySelector('#live h1').innerText.includes('served')");
    assert_eq!(scene.browser.evaluate("window.isSamePage").unwrap(), true);
    assert!(swap.wait().unwrap().success());
    assert!(scene.served().iter().all(|served| *served == new));
}

#[test]
fn rows_are_found_while_someone_types() {
    let mut scene = Scene::new(Product::Yunio);
    scene.world.baton(&["prove"]);
    scene.open("/");
    scene.browser.wait_until("document.querySelectorAll('.certificates tbody').length === 5");
    scene.browser.fill("#search", "website");
    scene.browser.wait_until("document.querySelectorAll('.certificates tbody').length === 1");
    scene.browser.wait_until("location.search.includes('q=website')");
    scene.assert_shows("for website");
}

/// The pages that there are, by the names of their pictures.
fn pages(scene: &Scene) -> Vec<(&'static str, String)> {
    let store = format!("/store/{}", scene.old.thumbprint);
    let fixed = [
        ("overview", "/"),
        ("timeline", "/timeline"),
        ("store", "/store"),
        ("stored", &store),
        ("history", "/history"),
        ("handover", "/history/1"),
        ("target-product", "/targets/sap"),
        ("target-files", "/targets/website"),
        ("certificate", "/certificates/designer"),
        ("certificate-by-hand", "/certificates/site"),
        ("account", "/account"),
        ("settings", "/settings"),
        ("settings-form", "/settings/certificate/site"),
        ("settings-target", "/settings/target/sap"),
        ("missing", "/nowhere"),
    ];
    fixed.map(|(name, path)| (name, path.to_owned())).to_vec()
}

#[test]
fn every_page_is_for_everyone() {
    let mut scene = Scene::new(Product::Yunio);
    for (_, path) in pages(&scene) {
        for (is_dark, language) in [(false, "en"), (true, "de")] {
            scene.browser.see(is_dark, 1280, 800);
            scene.browser.read(language);
            scene.open(&path);
            let is_read = scene.browser.evaluate("document.documentElement.lang").unwrap();
            assert_eq!(is_read, language, "{path}");
            let found = scene.browser.violations();
            assert!(found.is_empty(), "{path} in {language}:\n{}", found.join("\n"));
        }
    }
    // A plan, and a change that has ended.
    for step in ["plan", "end"] {
        match step {
            "plan" => scene.pick(),
            _ => scene.carry_out(),
        }
        let found = scene.browser.violations();
        assert!(found.is_empty(), "{step}:\n{}", found.join("\n"));
    }
}

#[ignore = "makes pictures for people: `scripts/screenshots`"]
#[test]
fn screenshots() {
    #[expect(clippy::disallowed_methods, reason = "tests have no settings to read it from")]
    let directory = std::env::var("BATON_SCREENSHOTS").expect("BATON_SCREENSHOTS names a directory");
    let directory = Path::new(&directory);
    fs_err::create_dir_all(directory).unwrap();
    let mut scene = Scene::new(Product::Yunio);
    scene.world.baton(&["prove"]);
    scene.world.baton(&["request", "site", "--quiet"]).expect(0);
    scene.pick();
    scene.keep(directory, "plan");
    scene.carry_out();
    scene.keep(directory, "change");
    for (name, path) in pages(&scene) {
        scene.browser.see(false, 1280, 800);
        scene.open(&path);
        scene.keep(directory, name);
    }
    scene.browser.read("de");
    scene.open("/");
    scene.keep(directory, "overview-german");
    scene.browser.see(false, 390, 800);
    scene.open("/targets/sap");
    scene.browser.screenshot(&directory.join("target-narrow.png"));
}
