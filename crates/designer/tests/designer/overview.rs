//! What the page says.

use baton_finding::Finding;
use baton_handover::{Report, StatusRow};
use baton_state::Outcome;
use baton_x509::Thumbprint;
use jiff::SignedDuration;

use crate::fixed::Fixed;
use crate::sample::{DAY, HOUR, MINUTE, noon, report, row, served, status, troubled};
use crate::site::Site;

/// The page for these rows and handovers.
async fn page_of(rows: Vec<StatusRow>, handovers: Vec<Report>) -> String {
    let site =
        Site::start_showing(Fixed { status: Ok(status(rows)), handovers: Ok(handovers), ..Fixed::default() })
            .await;
    let answer = site.get("/").await;
    assert_eq!(answer.code, 200);
    answer.body
}

/// What a reader sees: the text without markup, blanks run together.
fn text(page: &str) -> String {
    let body = &page[page.find("<main ").unwrap()..page.find("</main>").unwrap()];
    let pieces = body.split('<').map(|piece| piece.split_once('>').map_or(piece, |(_, text)| text));
    pieces.collect::<Vec<_>>().join(" ").split_whitespace().collect::<Vec<_>>().join(" ")
}

#[track_caller]
fn assert_says(page: &str, expected: &str) {
    assert!(text(page).contains(expected), "{expected:?} is not in:\n{}", text(page));
}

#[tokio::test]
async fn a_row_tells_what_is_served_and_until_when() {
    let page = page_of(vec![row("sap")], Vec::new()).await;
    assert_says(&page, "Every certificate is fine. The next renewal is due in 31 days.");
    let thumbprint = Thumbprint::of(b"served").to_string();
    let short = &thumbprint[..8];
    assert_says(
        &page,
        &format!(
            "sap for sap-gateway Fine sap. example. com:8175 127.0.0.1:8175 sap. example. com {short}… issued by R11, \
             Let&#39;s Encrypt, &#34;LE&#34; 62 days in 31 days 2027-01-01 12:00 UTC by its lifetime 12 s ago 11:59 UTC"
        ),
    );
    assert!(page.contains(&format!("title=\"{thumbprint}\"")));
    let all = (90 * DAY).as_secs();
    assert!(page.contains(&format!("min=\"0\" max=\"{all}\" value=\"{}\"", (62 * DAY).as_secs())), "{page}");
    assert!(page.contains("<time datetime=\"2026-12-01T11:59:48Z\""));
    assert!(
        page.contains("<html lang=\"en\">") && page.contains("scope=\"row\"") && page.contains("<caption>")
    );
    assert_says(&page, "As of 2026-12-01 12:00:00 UTC");
}

#[tokio::test]
async fn what_needs_a_person_comes_first_and_says_what_to_do() {
    let soon = Finding::warning("served-differs", "the settings name another", "restart the server");
    let now = Finding::error("served-expired", "it has expired", "run `baton renew`");
    let mut last = troubled("ccc", "now", now);
    last.findings.insert(0, Finding::notice("tls-off", "TLS is off"));
    let page = page_of(vec![row("aaa"), troubled("bbb", "soon", soon), last], Vec::new()).await;
    assert_says(&page, "1 of 3 endpoints needs attention now.");
    assert!(page.contains("<title>1 of 3 endpoints needs attention now. · Baton</title>"));
    let said = text(&page);
    let order =
        ["ccc for", "it has expired", "TLS is off", "bbb for", "the settings name another", "aaa for"];
    let places: Vec<_> = order.iter().map(|words| said.find(words).expect(words)).collect();
    assert!(places.is_sorted(), "{places:?} in {said}");
    assert_says(&page, "error: it has expired served-expired run baton renew");
    assert!(page.contains("run <code>baton renew</code>"));
    assert_says(&page, "warning: the settings name another served-differs restart the server");
}

#[tokio::test]
async fn the_sentence_counts() {
    let finding = || Finding::warning("code", "message", "hint");
    let soon = |name| troubled(name, "soon", finding());
    let cases = [
        (vec![], "There is nothing to look after yet."),
        (vec![soon("a")], "Attention is needed soon."),
        (vec![soon("a"), soon("b"), row("c")], "2 of 3 endpoints need attention soon."),
        (vec![soon("a"), troubled("b", "now", finding())], "1 of 2 endpoints needs attention now."),
        (vec![StatusRow { endpoint: None, ..soon("a") }, row("b")], "1 of 2 entries needs attention soon."),
        (vec![troubled("a", "a word of the future", finding())], "Attention is needed now."),
    ];
    for (rows, sentence) in cases {
        assert_says(&page_of(rows, Vec::new()).await, sentence);
    }
}

#[tokio::test]
async fn the_time_left_is_as_exact_as_it_is_short() {
    let seconds = SignedDuration::from_secs;
    let cases = [
        (30 * DAY, 60 * DAY, "60 days", "30"),
        (30 * DAY, 36 * HOUR, "36 h", "30"),
        (HOUR, 47 * HOUR - seconds(60), "46 h 59 min", "30"),
        (HOUR, HOUR + 5 * MINUTE, "1 h 5 min", "30"),
        (30 * MINUTE, 30 * MINUTE, "30 min", "30"),
        (30 * MINUTE, 30 * MINUTE - seconds(1), "29 min", "5"),
        (4 * MINUTE, 4 * MINUTE + seconds(7), "4 min 7 s", "5"),
        (40 * MINUTE, seconds(43), "43 s", "5"),
        (91 * DAY, -3 * DAY, "expired 3 days ago", "30"),
        (91 * DAY, -seconds(90), "expired 1 min 30 s ago", "30"),
    ];
    for (past, left, words, interval) in cases {
        let page =
            page_of(vec![StatusRow { served: Some(served(past, left)), ..row("sap") }], Vec::new()).await;
        assert_says(&page, &format!("&#34;LE&#34; {words} in 31 days"));
        assert!(page.contains(&format!("<meta http-equiv=\"refresh\" content=\"{interval}\">")), "{words}");
        assert!(
            page.contains(&format!("value=\"{}\"", left.as_secs().max(0))),
            "{words}: the bar is never negative"
        );
    }
}

#[tokio::test]
async fn a_certificate_that_ends_before_it_begins_breaks_nothing() {
    let backwards = StatusRow { served: Some(served(-DAY, -2 * DAY)), ..row("sap") };
    let page = page_of(vec![backwards], Vec::new()).await;
    assert!(page.contains("min=\"0\" max=\"1\" value=\"0\""), "{page}");
}

#[tokio::test]
async fn what_is_not_known_is_said_in_words() {
    let bare = StatusRow {
        certificate: None,
        target: None,
        endpoint: None,
        address: None,
        served: None,
        named: None,
        days_left: None,
        due: None,
        probed_at: None,
        ..row("sap")
    };
    let page = page_of(vec![bare], Vec::new()).await;
    assert_says(&page, "not in the settings Fine none known not asked yet not known not known not asked yet");
    assert_says(&page, "There was no handover yet.");

    let unanswered = StatusRow { served: None, days_left: Some(44), ..row("sap") };
    assert_says(
        &page_of(vec![unanswered], Vec::new()).await,
        "127.0.0.1:8175 nothing 44 days as issued in 31 days",
    );

    let mut nameless = row("sap");
    nameless.served.as_mut().unwrap().subject = String::new();
    assert_says(&page_of(vec![nameless], Vec::new()).await, "no common name");
}

#[tokio::test]
async fn a_handover_is_told_in_one_row() {
    let page = page_of(vec![row("sap")], vec![report()]).await;
    let [old, new] = [b"old", b"new"].map(|text| Thumbprint::of(text).to_string());
    assert_says(
        &page,
        &format!(
            "17 served 28 days ago 2026-11-03 12:00 UTC sap sap-gateway {}… → to {}… 2.7 s 2",
            &old[..8],
            &new[..8]
        ),
    );
    assert!(page.contains(&format!("title=\"{old}\"")) && page.contains(&format!("title=\"{new}\"")));
}

#[tokio::test]
async fn a_handover_that_failed_says_why_and_others_do_not_talk() {
    let findings = vec![
        Finding::notice("a", "only told"),
        Finding::warning("b", "a warning", ""),
        Finding::error("c", "the reason", "what to do"),
    ];
    let outcomes = [
        (None, "under way", false),
        (Some(Outcome::Served), "served", false),
        (Some(Outcome::Unchanged), "unchanged", false),
        (Some(Outcome::Planned), "planned", true),
        (Some(Outcome::Refused), "refused", true),
        (Some(Outcome::RolledBack), "rolled back", true),
        (Some(Outcome::Pending), "pending", true),
        (Some(Outcome::Stuck), "stuck", true),
    ];
    for (outcome, words, tells) in outcomes {
        let handover = Report { outcome, findings: findings.clone(), ..report() };
        let page = page_of(vec![row("sap")], vec![handover]).await;
        assert_says(&page, &format!("17 {words} 28 days ago"));
        let reason = text(&page).contains("error: the reason c what to do warning: a warning b");
        assert_eq!((reason, text(&page).contains("only told")), (tells, false), "{words}");
    }
}

#[tokio::test]
async fn handovers_keep_their_order() {
    let handover = |id| Report { id: Some(baton_state::HandoverId(id)), ..report() };
    let said = text(&page_of(Vec::new(), vec![handover(31), handover(29), handover(30)]).await);
    let places = ["31 served", "29 served", "30 served"].map(|words| said.find(words).unwrap());
    assert!(places.is_sorted(), "{said}");
}

#[tokio::test]
async fn refreshing_can_be_stopped() {
    let site = Site::start().await;
    let moving = site.get("/").await.body;
    assert!(moving.contains("http-equiv=\"refresh\"") && moving.contains("href=\"/?refresh=off\""));
    let still = site.get("/?refresh=off").await.body;
    assert!(!still.contains("http-equiv") && still.contains("href=\"/\""), "{still}");
}

#[tokio::test]
async fn what_cannot_be_read_is_told_and_the_rest_is_shown() {
    let broken = Fixed {
        status: Err("the disk is full".to_owned()),
        handovers: Ok(vec![report()]),
        ..Fixed::default()
    };
    let answer = Site::start_showing(broken).await.get("/").await;
    assert_eq!(answer.code, 500);
    assert_says(&answer.body, "The state of the certificates cannot be read. the disk is full");
    assert_says(&answer.body, "17 served");
    assert!(answer.body.contains("http-equiv=\"refresh\" content=\"30\""), "it recovers by itself");

    let broken = Fixed {
        status: Ok(status(vec![row("sap")])),
        handovers: Err("no such table".to_owned()),
        ..Fixed::default()
    };
    let answer = Site::start_showing(broken).await.get("/").await;
    assert_eq!(answer.code, 500);
    assert_says(&answer.body, "Every certificate is fine.");
    assert_says(&answer.body, "The last handovers cannot be read. no such table");
}

#[tokio::test]
async fn markup_in_names_is_shown_and_never_obeyed() {
    let evil = "<script>alert(1)</script>\"'><img src=x>`<b>`&amp;";
    let mut row = troubled(evil, "now", Finding::error(evil, evil, evil));
    row.target = Some(evil.to_owned());
    row.endpoint = Some(evil.to_owned());
    row.address = Some(format!("{evil} "));
    let served = row.served.as_mut().unwrap();
    served.subject = format!("CN=\"{}\"", evil.replace('"', "\"\""));
    served.issuer = evil.to_owned();
    let mut handover = report();
    handover.certificate = Some(evil.to_owned());
    handover.target = evil.to_owned();
    handover.outcome = Some(Outcome::Stuck);
    handover.findings = vec![Finding::warning(evil, evil, evil)];
    let page = page_of(vec![row], vec![handover]).await;
    let escaped = "&#60;script&#62;alert(1)&#60;/script&#62;&#34;&#39;&#62;&#60;img src=x&#62;";
    assert!(page.matches(escaped).count() >= 14, "{} of\n{page}", page.matches(escaped).count());

    let broken = Fixed { status: Err(evil.to_owned()), handovers: Err(evil.to_owned()), ..Fixed::default() };
    let site = Site::start_showing(broken).await;
    let broken = site.get("/").await.body;
    let missing = site.get("/%3Cscript%3E?<script>").await.body;
    for page in [page, broken, missing] {
        for tag in ["<script>", "<img", "<b>"] {
            assert!(!page.contains(tag), "{tag} in {page}");
        }
    }
}

#[tokio::test]
async fn distinguished_names_are_shortened() {
    let cases = [
        ("CN=R11, O=Let's Encrypt, C=US", "R11, Let&#39;s Encrypt"),
        ("CN=\"Doe, \"\"John\"\"\", OU=x", "Doe, &#34;John&#34;"),
        ("O=Example, C=DE", "Example"),
        ("OU=Unit, DC=example", "OU=Unit, DC=example"),
        ("CN=a + OU=b, O=\"c+d\"", "a, c+d"),
        ("CN=\"not closed", "not closed"),
        ("no name at all", "no name at all"),
    ];
    for (issuer, short) in cases {
        let mut row = row("sap");
        row.served.as_mut().unwrap().issuer = issuer.to_owned();
        let page = page_of(vec![row], Vec::new()).await;
        assert_says(&page, &format!("issued by {short} 62 days"));
    }
}

#[tokio::test]
async fn distances_in_time_are_told_both_ways() {
    let due = StatusRow { due: Some(noon() - 3 * HOUR), ..row("sap") };
    let page = page_of(vec![row("other"), due], Vec::new()).await;
    assert_says(&page, "A renewal is due.");
    assert_says(&page, "3 h ago 09:00 UTC");

    let asked = StatusRow { probed_at: Some(noon() - SignedDuration::from_millis(300)), ..row("sap") };
    assert_says(&page_of(vec![asked], Vec::new()).await, "just now 11:59 UTC");
}
