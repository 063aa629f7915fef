//! The renewal article: every command that it shows is carried out, in the order and the state in which it shows it.

mod scene;

use std::collections::BTreeSet;
use std::path::Path;

use baton_testkit::{Authority, Product, ProductFixture, SettingsShape, invocation};

use crate::world::{World, quoted};
use scene::{By, HOST, Scene, Shown, commands};

/// The part of a guide that is for another day, while the certificate is valid.
const IF_EXPIRED: &str = "If the certificate has expired";

const PRODUCTS: [Product; 4] =
    [Product::Yunio, Product::XtractUniversal, Product::BoardConnector, Product::XtractCore];

/// Carries out what the guide shows for today, and returns all that it shows.
fn carry_out(scene: &Scene) -> Vec<Shown> {
    let shown = commands(&scene.guide());
    assert!(shown.len() >= 10, "{shown:?}");
    for command in &shown {
        if command.section != IF_EXPIRED {
            scene.carry_out(command);
        }
    }
    scene.end();
    shown
}

fn of_product(product: Product, shape: SettingsShape, by: By, is_expired: bool) {
    let scene = Scene::of_product(product, shape, by, is_expired);
    let shown = carry_out(&scene);
    let is_way_out = |command: &Shown| command.line == "baton recover sap";
    let way_out = shown.iter().find(|command| is_way_out(command)).unwrap();
    if is_expired {
        assert_eq!(way_out.section, "The certificate has expired: the way out");
        assert!(shown[..2].iter().any(is_way_out), "what is urgent comes first: {shown:?}");
    } else {
        assert_eq!(way_out.section, IF_EXPIRED);
    }
}

#[test]
fn yunio_by_the_house() {
    of_product(Product::Yunio, SettingsShape::TlsJson, By::House, false);
}

#[test]
fn yunio_by_a_person() {
    of_product(Product::Yunio, SettingsShape::TlsJson, By::Person, false);
}

#[test]
fn an_expired_yunio_by_the_house() {
    of_product(Product::Yunio, SettingsShape::TlsJson, By::House, true);
}

#[test]
fn an_expired_yunio_by_a_person() {
    of_product(Product::Yunio, SettingsShape::TlsJson, By::Person, true);
}

#[test]
fn xtract_universal_by_the_house() {
    of_product(Product::XtractUniversal, SettingsShape::TlsJson, By::House, false);
}

#[test]
fn an_expired_xtract_universal_of_the_older_shape_by_a_person() {
    of_product(Product::XtractUniversal, SettingsShape::GeneralJson, By::Person, true);
}

#[test]
fn board_connector_by_a_person() {
    of_product(Product::BoardConnector, SettingsShape::TlsJson, By::Person, false);
}

#[test]
fn an_expired_board_connector_by_the_house() {
    of_product(Product::BoardConnector, SettingsShape::TlsJson, By::House, true);
}

#[test]
fn xtract_core_by_the_house() {
    of_product(Product::XtractCore, SettingsShape::TlsJson, By::House, false);
}

#[test]
fn an_expired_xtract_core_that_nobody_keeps_fresh() {
    of_product(Product::XtractCore, SettingsShape::TlsJson, By::Nobody, true);
}

#[test]
fn pem_files_by_the_house() {
    let shown = carry_out(&Scene::of_files(By::House, false));
    assert!(!shown.iter().any(|command| ["tls", "recover"].contains(&command.name())), "{shown:?}");
}

#[test]
fn expired_pem_files_by_a_person() {
    let shown = carry_out(&Scene::of_files(By::Person, true));
    assert_eq!(shown[0].section, "The certificate has expired: the way out");
}

#[test]
fn a_server_that_was_recovered_is_told_the_way_back() {
    let scene = Scene::of_product(Product::XtractCore, SettingsShape::TlsJson, By::House, false);
    scene.world.baton(&["tls", "off", "sap"]).expect(0);
    let guide = scene.guide();
    assert!(guide.contains("## TLS is off: the way back"), "{guide}");
    assert!(guide.contains("ports are closed to the"), "{guide}");
    assert!(!guide.contains("recover sap"), "{guide}");
    carry_out(&scene);
    assert!(!scene.guide().contains("## TLS is off"));
}

#[test]
fn a_server_whose_tls_is_off_is_told_the_way_back() {
    for is_expired in [false, true] {
        let scene = Scene::of_product(Product::XtractCore, SettingsShape::TlsJson, By::House, is_expired);
        scene.switch_off();
        for by in [By::House, By::Person, By::House] {
            scene.write_settings(by);
            let guide = scene.guide();
            let urgent =
                if is_expired { "## The certificate has expired" } else { "## TLS is off: the way back" };
            assert!(
                guide.contains(urgent) && guide.contains("TLS is switched off in the settings"),
                "{guide}"
            );
        }
        carry_out(&scene);
        assert!(!scene.guide().contains("TLS is switched off in the settings"));
    }
}

/// The client is one of Windows; what it calls is ours.
#[test]
fn what_win_acme_calls_hands_over() {
    let scene = Scene::of_product(Product::Yunio, SettingsShape::TlsJson, By::Nobody, false);
    let guide = scene.guide();
    let (_, parameters) = guide.split_once("--scriptparameters \"").unwrap();
    let (parameters, _) = parameters.split_once("\"\n").unwrap();
    let new = scene.import();
    let line =
        parameters.replace("\\\"", "\"").replace("{OldCertThumbprint}", "").replace("{CertThumbprint}", &new);
    scene.carry_out(&Shown { section: "win-acme".to_owned(), line: format!("baton {line}"), exit: 0 });
    assert!(scene.guide().contains(&format!("- In use: `{new}`")));
}

fn article(product: Product) -> String {
    World::new().baton(&["guide", "--product", product.key()]).expect(0).stdout
}

/// So each of them is carried out by the tests above.
#[test]
fn the_articles_of_the_products_show_no_command_that_no_guide_shows() {
    for product in PRODUCTS {
        let scene = Scene::of_product(product, SettingsShape::TlsJson, By::House, false);
        let mut shown: BTreeSet<(String, i32)> = BTreeSet::new();
        for by in [By::House, By::Person] {
            scene.write_settings(by);
            let guide = scene.guide();
            shown.extend(
                commands(&guide).into_iter().map(|command| (without_thumbprint(&command.line), command.exit)),
            );
        }
        let of_article = commands(&article(product)).into_iter().map(|command| (command.line, command.exit));
        for command in of_article {
            assert!(shown.contains(&command), "{product:?}: {command:?} is in no guide: {shown:?}");
        }
    }
}

fn without_thumbprint(line: &str) -> String {
    let is_thumbprint = |word: &str| word.len() == 40 && word.bytes().all(|byte| byte.is_ascii_hexdigit());
    let words = line.split(' ').map(|word| if is_thumbprint(word) { "THUMBPRINT" } else { word });
    words.collect::<Vec<_>>().join(" ")
}

/// With `BATON_WRITE_DOCUMENTS=1` in the environment they are written instead.
#[test]
fn the_articles_in_the_documents_are_up_to_date() {
    let documents = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs");
    for product in PRODUCTS {
        let (name, article) = (format!("products/{}.md", product.key()), article(product));
        crate::documents::compare_file(&name, &article);
        let links: Vec<&str> =
            article.split("](").skip(1).filter_map(|rest| rest.split(')').next()).collect();
        assert!(links.len() > 3, "{links:?}");
        for link in links {
            assert!(documents.join("products").join(link).is_file(), "{name} has a dead link: {link}");
        }
    }
}

#[test]
fn a_guide_has_the_real_names_and_dates() {
    let scene = Scene::of_product(Product::XtractCore, SettingsShape::TlsJson, By::Person, false);
    let facts = scene.world.baton(&["guide", "sap", "--json"]).expect(0).json();
    let guide = scene.guide();
    assert_eq!((&facts["target"], &facts["general"]), (&"sap".into(), &false.into()));
    assert_eq!(facts["product"]["service"]["is_told"], true);
    assert_eq!(facts["managed"][0]["issuer_kind"], "manual");
    assert_eq!(facts["certificate"]["days_left"], 89);
    for fact in [
        &facts["product"]["directory"],
        &facts["product"]["service"]["name"],
        &facts["named"],
        &facts["references"][0]["place"],
        &facts["endpoints"][0]["endpoint"],
        &facts["plain_endpoints"][0],
        &facts["store"],
        &facts["managed"][0]["issuer"],
    ] {
        let fact = fact.as_str().unwrap();
        assert!(guide.contains(fact), "{fact} is not in\n{guide}");
    }
    assert!(guide.contains("89 days left") && guide.contains(HOST), "{guide}");
}

#[test]
fn what_is_not_known_is_said() {
    let world = World::with_settings("[[target]]\nname = 'sap'\nproduct = 'yunio'\ndirectory = 'nowhere'\n");
    let guide = world.baton(&["guide", "sap"]).expect(0).stdout;
    assert!(guide.contains("**The server could not be looked at**"), "{guide}");
    assert!(guide.contains("- In use: not known") && guide.contains("- TLS: not known"), "{guide}");
    assert!(guide.contains("To take up a change: not known"), "{guide}");
    let unknown = world.baton(&["guide", "other"]).expect(2);
    assert!(unknown.stderr.contains("sap"), "{}", unknown.stderr);
}

/// What a CA or a settings file holds is text, and stays text: in Markdown, in HTML made of it, on a terminal.
#[test]
fn what_comes_from_others_is_text() {
    let authority = Authority::new("*Bad* [CA](http://bad) <b>`x` | # \u{202E}\u{1B}[31m");
    let certificate = authority.issue(&[HOST]).sign();
    let fixture = ProductFixture::new(Product::XtractCore);
    fixture.enable_tls(&certificate);
    let world = World::new();
    let odd = world.path("odd `dir` _x_");
    std::os::unix::fs::symlink(fixture.directory(), &odd).unwrap();
    world.write_settings(&format!(
        "[store]\npath = {}\n\n[[target]]\nname = 'sap'\nproduct = 'xtract-core'\ndirectory = {}\nactivate = []\n",
        quoted(&fixture.store()),
        quoted(&odd),
    ));

    let guide = world.baton(&["guide", "sap"]).expect(0).stdout;

    let escaped = r#"CN="\*Bad\* \[CA\](http://bad) \<b\>\`x\` \| \# \[31m Intermediate", O="#;
    assert!(guide.contains(&format!("- Issued by: {escaped}")), "{guide}");
    assert!(guide.contains(&format!("``{}``", odd.display())), "{guide}");
    assert!(!guide.contains(['\u{202E}', '\u{1B}']), "{guide}");
}

#[test]
fn a_terminal_gets_lines_that_fit_and_no_marks() {
    let world = World::new();
    let show = |color: &str| {
        let baton = env!("CARGO_BIN_EXE_baton");
        let command = format!("stty columns 72; {color} {baton} guide --product yunio");
        let terminal = ["script", "--quiet", "--return", "--command", &command, "/dev/null"];
        let limit = std::time::Duration::from_secs(30);
        invocation::run(&terminal, limit).unwrap().expect_success().stdout.replace('\r', "")
    };
    let plain = show("NO_COLOR=1");
    assert!(!plain.contains('\u{1B}') && !plain.contains("```") && !plain.contains("**"), "{plain}");
    assert!(plain.starts_with("yunIO: renew the certificate\n════"), "{plain}");
    assert!(plain.contains("\n    $ baton recover sap\n"), "{plain}");
    let is_text = |line: &&str| !line.starts_with("    ");
    for line in plain.lines().filter(is_text) {
        assert!(line.chars().count() <= 72, "{line}");
    }
    let coloured = show("");
    assert!(coloured.starts_with("\u{1B}[1myunIO"), "{coloured}");
    let markdown = world.baton(&["guide", "--product", "yunio", "--markdown"]).expect(0).stdout;
    assert_eq!(markdown, article(Product::Yunio), "the same as through a pipe");
}
