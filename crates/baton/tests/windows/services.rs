//! Products that are restarted by their service: served, rolled back, told.

use std::time::Duration;

use baton_testkit::Product;
use baton_testkit::condition::wait_until;
use baton_testkit::product_server::Faults;
use baton_testkit::share::on_share;

use crate::scene::Scene;

/// The names that the setups of the products give their services; of Xtract Core the one in its own file.
pub(crate) const SERVICES: [(Product, &str); 4] = [
    (Product::Yunio, "yunIO Service"),
    (Product::XtractUniversal, "XtractUniversal Service"),
    (Product::BoardConnector, "BOARD Connector Service"),
    (Product::XtractCore, "SAP Connector Service"),
];

#[test]
fn every_product_is_handed_over_by_its_usual_service() {
    for (product, name) in SERVICES {
        let scene = Scene::new(product, name, &Faults::default(), "");
        let (before, process) = (scene.references(), scene.service.process().unwrap());
        scene.assert_served(&scene.old);

        let report = scene.swap().expect(0).json();

        assert_eq!(report["outcome"], "served", "{product:?}");
        let steps = report["steps"].as_array().unwrap();
        let activate = steps.iter().find(|step| step["step"] == "activate").unwrap();
        let detail = activate["detail"].as_str().unwrap();
        assert!(detail.contains(&format!("started the service `{name}`")), "{detail}");
        assert!(scene.service.is_running());
        assert_ne!(scene.service.process(), Some(process), "{product:?}");
        scene.assert_served(&scene.new);
        scene.assert_handed_over(before);
    }
}

/// Servers behind a load balancer have one `config` on a share.
#[test]
fn a_product_on_a_share_is_handed_over_and_brought_back() {
    let name = "baton-test-share";
    let scene = Scene::new(Product::XtractCore, name, &Faults::default(), &format!("service = '{name}'"));
    let share = on_share(&scene.fixture.directory());
    assert!(share.starts_with(r"\\localhost\c$"), "{}", share.display());
    scene.reach_product_by(&share);
    let before = scene.references();

    assert_eq!(scene.swap().expect(0).json()["outcome"], "served");
    scene.assert_served(&scene.new);
    scene.assert_handed_over(before);

    let before = scene.references();
    let faults = Faults { refuse_thumbprint: Some(scene.old.thumbprint.clone()), ..Faults::default() };
    scene.fixture.set_faults(&faults);
    scene.swap_back().expect(4);
    assert_eq!(scene.references(), before);
    scene.assert_served(&scene.new);
}

#[test]
fn a_service_that_does_not_start_with_the_new_certificate_is_brought_back() {
    let scene = Scene::new(Product::Yunio, "baton-test-refuses", &Faults::default(), "");
    let log = scene.fixture.service_log();
    scene.write_settings(&format!("service = {{ name = 'baton-test-refuses', log = '{}' }}", log.display()));
    let faults = Faults { refuse_thumbprint: Some(scene.new.thumbprint.clone()), ..Faults::default() };
    scene.fixture.set_faults(&faults);
    let before = scene.references();

    let ran = scene.swap().expect(4);

    let report = ran.json();
    assert_eq!(report["outcome"], "rolled-back");
    let finding = finding(&report, "service-died");
    assert!(finding.contains("`baton-test-refuses` ended at its start, with exit code 1"), "{finding}");
    let last_line = format!("error: certificate {} is refused", scene.new.thumbprint);
    assert!(finding.ends_with(&last_line), "{finding}");
    assert_eq!(scene.references(), before);
    assert!(scene.service.is_running());
    scene.assert_served(&scene.old);
}

#[test]
fn a_service_that_starts_no_more_is_told_with_its_exit_code() {
    let name = "baton-test-dies";
    let scene = Scene::new(Product::XtractCore, name, &Faults::default(), &format!("service = '{name}'"));
    scene.fixture.set_faults(&Faults { die_at_start: Some(77), ..Faults::default() });
    let before = scene.references();

    let report = scene.swap().expect(5).json();

    assert_eq!(report["outcome"], "stuck");
    let finding = finding(&report, "service-died");
    assert!(finding.contains(&format!("`{name}` ended at its start, with exit code 77")), "{finding}");
    assert_eq!(scene.references(), before);

    // Mended, and started by a person.
    scene.fixture.clear_faults();
    scene.service.start();
    assert_eq!(scene.swap().expect(0).json()["outcome"], "served");
    scene.assert_served(&scene.new);
}

#[test]
fn a_stop_that_hangs_is_told_and_the_service_not_killed() {
    let name = "baton-test-hangs";
    let faults = Faults { stop_delay_ms: 20_000, ..Faults::default() };
    let more = format!("service = '{name}'\ntime-limit = '2s'");
    let scene = Scene::new(Product::XtractUniversal, name, &faults, &more);
    let (before, process) = (scene.references(), scene.service.process());

    let ran = scene.swap().expect(4);

    let report = ran.json();
    assert_eq!(report["outcome"], "rolled-back");
    let finding = finding(&report, "service-hung");
    assert_eq!(finding, format!("the service `{name}` is still stopping 2 s after it was told to stop"));
    assert_eq!(scene.references(), before);
    // It serves on, as the same process: nobody has ended it.
    scene.assert_served(&scene.old);
    assert!(process.is_some());
    wait_until("it has stopped by itself", Duration::from_secs(60), || scene.service.is_stopped());
    let log = fs_err::read_to_string(scene.fixture.service_log()).unwrap();
    assert_eq!(log.lines().last(), Some("stopped"), "{log}");
}

#[test]
#[ignore = "needs Windows: Wine 8 does not notice that the process of a service was ended"]
fn a_stop_that_hangs_is_ended_where_the_settings_allow_it() {
    let name = "baton-test-killed";
    let faults = Faults { stop_delay_ms: 60_000, ..Faults::default() };
    let more = format!("service = {{ name = '{name}', kill = true }}\ntime-limit = '5s'");
    let scene = Scene::new(Product::BoardConnector, name, &faults, &more);

    assert_eq!(scene.swap().expect(0).json()["outcome"], "served");

    scene.assert_served(&scene.new);
    let log = fs_err::read_to_string(scene.fixture.service_log()).unwrap();
    assert!(!log.lines().any(|line| line == "stopped"), "{log}");
    // Its end takes no minute.
    scene.fixture.clear_faults();
    scene.swap_back().expect(0);
}

#[test]
fn a_restart_that_was_broken_off_is_finished() {
    let name = "baton-test-broken-off";
    let faults = Faults { stop_delay_ms: 3_000, ..Faults::default() };
    let scene = Scene::new(Product::XtractCore, name, &faults, &format!("service = '{name}'"));
    let arguments = ["swap", &scene.old.thumbprint, &scene.new.thumbprint];
    let mut swap = scene.world.command(&arguments).spawn().unwrap();
    wait_until("the service is told to stop", Duration::from_secs(60), || {
        fs_err::read_to_string(scene.fixture.service_log()).unwrap().contains("told to stop")
    });
    swap.kill().unwrap();
    swap.wait().unwrap();

    scene.world.baton(&["resume"]).expect(0);

    assert!(scene.service.is_running());
    scene.assert_served(&scene.new);
}

#[test]
fn a_service_that_does_not_exist_is_refused_and_nothing_changed() {
    let scene = Scene::new(Product::XtractCore, "baton-test-exists", &Faults::default(), "");
    scene.write_settings("service = 'baton-test-does-not'");
    let (before, process) = (scene.references(), scene.service.process());

    let ran = scene.swap().expect(3);

    assert!(ran.codes().contains(&"service-missing".to_owned()), "{}", ran.stdout);
    assert_eq!(finding(&ran.json(), "service-missing"), "there is no service `baton-test-does-not`");
    assert_eq!(scene.references(), before);
    assert_eq!(scene.service.process(), process);
    scene.assert_served(&scene.old);
}

#[track_caller]
pub(crate) fn finding(report: &serde_json::Value, code: &str) -> String {
    let findings = report["findings"].as_array().unwrap();
    let found = findings.iter().find(|finding| finding["code"] == code);
    found.unwrap_or_else(|| panic!("no {code} in {findings:#?}"))["message"].as_str().unwrap().to_owned()
}
