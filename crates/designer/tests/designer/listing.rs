//! Hundreds of rows: search, filter, order, pages; and the same as a drawing.

use baton_finding::Finding;
use baton_handover::{DueReason, StatusRow, WindowReport};

use crate::fixed::Fixed;
use crate::sample::{DAY, noon, report, row, served, status, troubled};
use crate::site::Site;

/// The names of the rows of a page, in their order.
fn names(page: &str) -> Vec<&str> {
    let links = page.split("<th role=\"rowheader\" scope=\"row\"><a href=\"/certificates/").skip(1);
    links.map(|rest| rest.split('"').next().unwrap()).collect()
}

async fn of(rows: Vec<StatusRow>) -> Site {
    Site::start_showing(Fixed { status: Ok(status(rows)), ..Fixed::default() }).await
}

#[tokio::test]
async fn rows_are_searched_filtered_and_sorted_by_the_address() {
    let expired = Finding::error("served-expired", "", "");
    let mut near = row("beta");
    near.served = Some(served(80 * DAY, 10 * DAY));
    near.due = Some(noon() + DAY);
    near.target = Some("web-7".to_owned());
    let rows = vec![row("alpha"), near, troubled("gamma", "now", expired)];
    let site = of(rows).await;
    let cases = [
        ("/", vec!["gamma", "alpha", "beta"]),
        ("/?sort=certificate", vec!["alpha", "beta", "gamma"]),
        ("/?sort=left", vec!["beta", "alpha", "gamma"]),
        ("/?sort=due", vec!["beta", "alpha", "gamma"]),
        ("/?sort=target", vec!["alpha", "gamma", "beta"]),
        ("/?q=WEB-7", vec!["beta"]),
        ("/?q=served-expired", vec!["gamma"]),
        ("/?q=sap.example", vec!["gamma", "alpha", "beta"]),
        ("/?attention=now", vec!["gamma"]),
        ("/?attention=fine&q=a&sort=certificate", vec!["alpha", "beta"]),
        ("/?q=nobody", vec![]),
        ("/?sort=of+the+future&attention=%ff&page=none", vec!["gamma", "alpha", "beta"]),
    ];
    for (address, expected) in cases {
        let answer = site.get(address).await;
        assert_eq!((answer.code, names(&answer.body)), (200, expected), "{address}");
    }
    let page = site.get("/?q=%3Cb%3E%22&sort=due").await.body;
    assert!(page.contains("value=\"&#60;b&#62;&#34;\""), "what was typed stays: {page}");
    assert!(page.contains("Nothing matches.") && page.contains("<option value=\"due\" selected>"));
    assert!(page.contains("href=\"/?q=%3Cb%3E%22&#38;sort=due&#38;refresh=off\""), "{page}");
}

#[tokio::test]
async fn a_thousand_rows_come_in_pages_of_a_hundred() {
    let site = of((0..1001).map(|number| row(&format!("c{number:04}"))).collect()).await;
    let first = site.get("/").await.body;
    assert_eq!(names(&first).len(), 100);
    assert!(first.contains("1 to 100 of 1001") && first.contains("href=\"/?page=2\""));
    assert!(!first.contains("rel=\"prev\""));
    let last = site.get("/?page=11&sort=certificate").await.body;
    assert_eq!(names(&last), ["c1000"]);
    assert!(
        last.contains("1001 to 1001 of 1001") && last.contains("href=\"/?sort=certificate&#38;page=10\"")
    );
    assert!(!last.contains("rel=\"next\""));
    assert_eq!(names(&site.get("/?page=99").await.body), ["c1000"], "beyond the last is the last");
}

#[tokio::test]
async fn the_timeline_draws_lifetimes_windows_and_handovers() {
    let mut windowed = row("windowed");
    windowed.due_reason = Some(DueReason::Ari);
    let (start, end) = (noon() + 20 * DAY, noon() + 30 * DAY);
    windowed.renewal_window = Some(WindowReport { start, end, explanation: None });
    let evil = row("<script>alert(1)</script>");
    let silent = StatusRow { served: None, ..row("silent") };
    let shown = Fixed {
        status: Ok(status(vec![windowed, evil, silent, row("other"), row("other")])),
        handovers: Ok(vec![report()]),
        ..Fixed::default()
    };
    let page = Site::start_showing(shown).await.get("/timeline").await.body;
    assert_eq!(page.matches("class=\"lifetime\"").count(), 3, "{page}");
    assert_eq!(page.matches("cy=\"11\"").count(), 3, "a handover of the target in each row");
    assert!(page.contains("windowed · sap-gateway: from 2026-11-03 to 2027-02-01"), "{page}");
    assert!(!page.contains("<script>alert") && page.contains("&#60;script&#62;"));
    // Ten days of 90 in 880 units, the margins apart.
    let window = page.split("class=\"window\" x=\"").nth(1).unwrap();
    let width: f64 = window.split("width=\"").nth(1).unwrap().split('"').next().unwrap().parse().unwrap();
    assert!((80.0..100.0).contains(&width), "{width}");
}
