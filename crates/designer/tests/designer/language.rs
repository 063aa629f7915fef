//! Which language a page is in.

use crate::site::Site;

async fn page_for(site: &Site, accepted: &str) -> String {
    let head = format!("GET / HTTP/1.1\r\nHost: localhost\r\nAccept-Language: {accepted}\r\n\r\n");
    site.client().await.send(&head).await.body
}

#[tokio::test]
async fn the_browser_chooses_the_language() {
    let site = Site::start().await;
    let cases = [
        ("de", "de"),
        ("de-AT, en;q=0.8", "de"),
        ("DE-de", "de"),
        ("en;q=0.5, de;q=0.9", "de"),
        ("fr, de;q=0.3", "de"),
        ("en, de", "en"),
        ("en-GB;q=0.9, de;q=0.8", "en"),
        ("de;q=0", "en"),
        ("fr", "en"),
        ("*", "en"),
        ("", "en"),
        ("de;q=much", "en"),
    ];
    for (accepted, language) in cases {
        let page = page_for(&site, accepted).await;
        assert!(page.contains(&format!("<html lang=\"{language}\">")), "{accepted}");
    }
    let german = page_for(&site, "de").await;
    assert!(german.contains("<title>Alle Zertifikate sind in Ordnung. · Baton</title>"), "{german}");
    assert!(german.contains("Die nächste Erneuerung ist in 31\u{a0}Tagen fällig."), "{german}");
    assert!(german.contains("62\u{a0}Tage<"), "{german}");
    assert!(german.contains("vor 12\u{a0}s"));
    assert!(site.get("/").await.body.contains("<html lang=\"en\">"), "without a wish it is English");
}
