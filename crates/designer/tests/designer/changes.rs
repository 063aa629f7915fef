//! What is done from a page: planned, begun, watched; and what is no form of ours.

use std::sync::Arc;

use baton_designer::Done;
use baton_handover::Report;
use baton_state::Outcome;
use baton_x509::Thumbprint;
use tokio::sync::{Notify, Semaphore};

use crate::client::{Answer, Client};
use crate::fixed::Fixed;
use crate::sample::report;
use crate::site::Site;

const FORM: &str = "application/x-www-form-urlencoded";

fn planned() -> Report {
    let plan = vec![
        "switch: edit `/srv/tls.json`, mode 0644\n--- /srv/tls.json\n+++ /srv/tls.json\n@@ -1 +1 @@\n-old <b>\n+new <b>"
            .to_owned(),
        "activate: run `systemctl restart sap`".to_owned(),
    ];
    Report { outcome: Some(Outcome::Planned), plan, ..report() }
}

fn swap() -> String {
    format!("change=swap&target=sap&new={}&tls=on", Thumbprint::of(b"new"))
}

async fn post(site: &Site, path: &str, body: &str) -> Answer {
    site.client().await.post(path, FORM, body).await
}

#[tokio::test]
async fn a_plan_shows_each_action_and_asks_before_anything_is_done() {
    let fixed = Fixed { done: Some(Done { reports: vec![planned()], problem: None }), ..Fixed::default() };
    let asked = Arc::clone(&fixed.asked);
    let site = Site::start_showing(fixed).await;
    let page = post(&site, "/plan", &swap()).await;
    assert_eq!(page.code, 200, "{}", page.body);
    for part in [
        "<span class=\"removed\">-old &#60;b&#62;\n</span><span class=\"added\">+new &#60;b&#62;",
        "<span class=\"step\">activate</span> <span class=\"action\">run <code>systemctl restart sap</code>",
        "<form method=\"post\" action=\"/operations\">",
        "<input type=\"hidden\" name=\"target\" value=\"sap\">",
        "<input type=\"hidden\" name=\"tls\" value=\"on\">",
    ] {
        assert!(page.body.contains(part), "{part} is not in\n{}", page.body);
    }
    let new = Thumbprint::of(b"new");
    let plan = format!(
        "plan Swap {{ target: \"sap\", new: {new:?}, configuration: None, enable_tls: true, protocol: None }}"
    );
    assert_eq!(*asked.lock().unwrap(), [plan]);
}

#[tokio::test]
async fn what_would_be_refused_cannot_be_carried_out() {
    let refused = Report { outcome: Some(Outcome::Refused), ..planned() };
    let fixed = Fixed { done: Some(Done { reports: vec![refused], problem: None }), ..Fixed::default() };
    let page = post(&Site::start_showing(fixed).await, "/plan", &swap()).await.body;
    assert!(page.contains("It would be refused: nothing was changed."), "{page}");
    assert!(!page.contains("action=\"/operations\""), "{page}");
}

#[tokio::test]
async fn tls_that_is_no_longer_chosen_is_switched_off_and_nothing_else() {
    let fixed = Fixed { done: Some(Done::default()), ..Fixed::default() };
    let asked = Arc::clone(&fixed.asked);
    let site = Site::start_showing(fixed).await;
    let form = format!("change=swap&target=sap&new={}&was-on=yes", Thumbprint::of(b"new"));
    assert_eq!(post(&site, "/plan", &form).await.code, 200);
    assert_eq!(*asked.lock().unwrap(), ["plan TlsOff { target: \"sap\" }"]);
}

#[tokio::test]
async fn a_protocol_says_whether_tls_is_on_and_one_that_there_is_not_is_refused() {
    let fixed = Fixed { done: Some(Done::default()), ..Fixed::default() };
    let asked = Arc::clone(&fixed.asked);
    let site = Site::start_showing(fixed).await;
    let new = Thumbprint::of(b"new");
    let form = format!("change=swap&target=sap&new={new}&was-on=yes");
    for (more, code) in [
        ("&protocol=http", 200),
        ("&protocol=https-ad-users&same=on&configuration=damaged", 200),
        ("&protocol=https&configuration=damaged", 400),
        ("&protocol=gopher", 400),
    ] {
        assert_eq!(post(&site, "/plan", &format!("{form}{more}")).await.code, code, "{more}");
    }
    let swap = format!(
        "plan Swap {{ target: \"sap\", new: {new:?}, configuration: Some({new:?}), enable_tls: true, \
         protocol: Some(HttpsAdUsers) }}"
    );
    assert_eq!(*asked.lock().unwrap(), ["plan TlsOff { target: \"sap\" }".to_owned(), swap]);
}

#[tokio::test]
async fn a_form_that_is_not_ours_does_nothing() {
    let fixed = Fixed { done: Some(Done::default()), ..Fixed::default() };
    let asked = Arc::clone(&fixed.asked);
    let site = Site::start_showing(fixed).await;
    let no_thumbprint = "change=swap&target=sap&new=%3Cscript%3Ealert(1)%3C/script%3E";
    let forms = [
        "",
        "change=",
        "change=everything",
        "change=swap",
        no_thumbprint,
        "change=renew",
        "%ff=%00",
        "a;b&&==",
    ];
    for path in ["/plan", "/operations"] {
        for form in forms {
            let answer = post(&site, path, form).await;
            assert_eq!(answer.code, 400, "{path} {form}");
            assert!(answer.body.contains("form-incomplete"), "{}", answer.body);
            assert!(!answer.body.contains("<script>alert"), "nothing is reflected: {}", answer.body);
        }
        let long = format!("change=accept&certificates={}", "A".repeat(2 * 1024 * 1024));
        assert_eq!(post(&site, path, &long).await.code, 413, "{path}");
    }
    assert_eq!(*asked.lock().unwrap(), Vec::<String>::new());
}

/// A form with a file.
fn with_file(name: &str, content: &str) -> (String, String) {
    let body = format!(
        "--edge\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\n\r\n{content}\r\n\
         --edge\r\nContent-Disposition: form-data; name=\"password\"\r\n\r\nsecret\r\n--edge--\r\n"
    );
    ("multipart/form-data; boundary=edge".to_owned(), body)
}

#[tokio::test]
async fn uploads_are_bounded_and_their_content_is_told_nowhere() {
    let fixed = Fixed::default();
    let asked = Arc::clone(&fixed.asked);
    let site = Site::start_showing(fixed).await;
    for (path, verb) in [("/store", "import"), ("/answers", "read")] {
        let (kind, body) = with_file("a.pfx", "PRIVATE");
        let answer = site.client().await.post(path, &kind, &body).await;
        assert_eq!(answer.code, 404, "what the binary says is told: {}", answer.body);
        let told = std::mem::take(&mut *asked.lock().unwrap());
        assert_eq!(told, [format!("{verb} Upload {{ name: \"a.pfx\", length: 7 }}")]);

        let (kind, large) = with_file("a.pfx", &"A".repeat(1024 * 1024 + 1));
        let (_, empty) = with_file("a.pfx", "");
        let cases = [
            (413, kind.as_str(), large.as_str()),
            (400, &kind, &empty),
            (400, &kind, "--edge\r\nno header\r\n"),
            (400, &kind, "--edge--\r\n"),
            (400, &kind, ""),
            (400, "multipart/form-data", &body),
            (400, FORM, "file=a"),
            (400, "text/plain", "file"),
        ];
        for (code, kind, body) in cases {
            let answer = site.client().await.post(path, kind, body).await;
            assert_eq!(answer.code, code, "{path} {kind}: {}", answer.body);
        }
        assert_eq!(*asked.lock().unwrap(), Vec::<String>::new(), "{path}");
    }
}

/// The lines of events up to one that has this in it.
async fn events_until(client: &mut Client, wanted: &str) -> String {
    let mut seen = String::new();
    while !seen.contains(wanted) {
        let line = client.line().await.unwrap();
        seen.push_str(&line);
        seen.push('\n');
    }
    seen
}

#[tokio::test]
async fn whoever_comes_late_sees_all_steps_and_whoever_leaves_stops_nothing() {
    let gate = (Arc::new(Notify::new()), Arc::new(Semaphore::new(0)));
    let (begun, go_on) = (Arc::clone(&gate.0), Arc::clone(&gate.1));
    let done = Some(Done { reports: vec![report()], problem: None });
    let site = Site::start_showing(Fixed { done, gate: Some(gate), ..Fixed::default() }).await;
    let answer = post(&site, "/operations", &swap()).await;
    assert_eq!((answer.code, answer.header("location")), (303, Some("/operations/1")));
    begun.notified().await;
    let again = post(&site, "/operations", &swap()).await;
    assert_eq!(again.header("location"), Some("/operations/1"), "who clicks twice begins it once");

    let page = site.get("/operations/1").await.body;
    assert!(
        page.contains("sse-connect=\"/operations/1/events\"") && page.contains(">switch</span>"),
        "{page}"
    );
    let watch = async || {
        let mut client = site.client().await;
        client.write("GET /operations/1/events HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
        client
    };
    let mut viewer = watch().await;
    let seen = events_until(&mut viewer, ">switch</span>").await;
    assert!(seen.contains("content-type: text/event-stream"), "{seen}");
    assert!(seen.contains(">check</span>") && !seen.contains(">prove</span>"), "{seen}");
    drop(watch().await);

    go_on.add_permits(1);
    let seen = events_until(&mut viewer, "event: ended").await;
    assert!(seen.contains(">prove</span>") && seen.contains("data-ended"), "{seen}");
    let late = events_until(&mut watch().await, "event: ended").await;
    for step in ["check", "switch", "prove"] {
        assert!(late.contains(&format!(">{step}</span>")), "{late}");
    }
    let page = site.get("/operations/1").await.body;
    assert!(page.contains("href=\"/history/17\"") && !page.contains("sse-connect"), "{page}");
    assert_eq!(site.get("/operations/2").await.code, 404);
    assert_eq!(site.get("/operations/x/events").await.code, 404);
}

#[tokio::test]
async fn a_view_without_an_end_does_not_hold_up_the_shutdown() {
    let gate = (Arc::new(Notify::new()), Arc::new(Semaphore::new(0)));
    let begun = Arc::clone(&gate.0);
    let site = Site::start_showing(Fixed { gate: Some(gate), ..Fixed::default() }).await;
    post(&site, "/operations", &swap()).await;
    begun.notified().await;
    let mut viewer = site.client().await;
    viewer.write("GET /operations/1/events HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
    events_until(&mut viewer, ">switch</span>").await;

    // From here on the clock runs on to the next time limit at once.
    tokio::time::pause();
    let start = tokio::time::Instant::now();
    site.shut_down().await.unwrap();
    assert!(start.elapsed().as_secs() < 3, "its connection is not cut off: {:?}", start.elapsed());
}
