//! Which requests are answered, and what every answer carries.

use baton_testkit::IssuedCertificate;
use tokio::process::Command;

use crate::authority;
use crate::fixed::Fixed;
use crate::site::Site;

pub(crate) const SECURITY_HEADERS: &[(&str, &str)] = &[
    (
        "content-security-policy",
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
         base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    ),
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "same-origin"),
    ("cache-control", "no-store"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
];

/// The answer to one GET with this request target and these header lines.
async fn ask(site: &Site, target: &str, lines: &str) -> crate::client::Answer {
    site.client().await.send(&format!("GET {target} HTTP/1.1\r\n{lines}\r\n")).await
}

#[tokio::test]
async fn only_names_of_this_machine_are_answered() {
    let site = Site::start().await;
    let port = site.address.port();
    let other_port = port ^ 1;
    let ours = [
        "localhost",
        "LocalHost",
        &format!("localhost:{port}"),
        "127.0.0.1",
        &format!("127.0.0.1:{port}"),
        "[::1]",
        &format!("[::1]:{port}"),
        "gateway.example.com",
        &format!("Gateway.Example.COM:{port}"),
        &format!("[fd00::7]:{port}"),
    ];
    for host in ours {
        assert_eq!(ask(&site, "/", &format!("Host: {host}\r\n")).await.code, 200, "{host}");
    }
    let others = [
        "",
        "evil.example.com",
        &format!("evil.example.com:{port}"),
        &format!("localhost:{other_port}"),
        "localhost.evil.example.com",
        &format!("localhost.evil.example.com:{port}"),
        "evil.localhost",
        &format!("localhost:{port}:{port}"),
        &format!("localhost:0{port}"),
        &format!("localhost:+{port}"),
        &format!("user@localhost:{port}"),
        "192.0.2.1",
        "0.0.0.0",
        "::1",
        "[::2]",
        "fd00::7",
        "localhost/",
        "localhost, localhost",
        "\u{fc}.example.com",
    ];
    for host in others {
        let answer = ask(&site, "/", &format!("Host: {host}\r\n")).await;
        assert_eq!(answer.code, 421, "{host}");
        assert!(answer.body.starts_with("The Designer does not answer to this name."), "{}", answer.body);
        assert!(
            !answer.body.contains(&port.to_string()),
            "nothing is told to a page that has rebound its name"
        );
    }
}

#[tokio::test]
async fn the_request_line_may_name_the_host_too() {
    let site = Site::start().await;
    let port = site.address.port();
    let host = format!("Host: localhost:{port}\r\n");
    assert_eq!(ask(&site, &format!("https://localhost:{port}/"), &host).await.code, 200);
    assert_eq!(ask(&site, &format!("https://evil.example.com:{port}/"), &host).await.code, 421);
    assert_eq!(
        ask(&site, &format!("https://localhost:{port}/"), "Host: evil.example.com\r\n").await.code,
        421
    );
}

#[tokio::test]
async fn a_request_without_a_host_or_with_several_is_a_bad_one() {
    let site = Site::start().await;
    assert_eq!(ask(&site, "/", "").await.code, 400);
    assert_eq!(ask(&site, "/", "Host: localhost\r\nHost: localhost\r\n").await.code, 400);
    assert_eq!(ask(&site, "/", "Host: localhost\r\nHost: evil.example.com\r\n").await.code, 400);
}

#[tokio::test]
async fn the_address_that_is_listened_on_is_a_name_too() {
    let certificate: IssuedCertificate = authority().issue(&["localhost"]).sign();
    let overview = Fixed { status: Err(String::new()), handovers: Ok(Vec::new()), ..Fixed::default() };
    let site = Site::start_with(&certificate, overview, "127.8.0.9:0").await;
    assert_eq!(ask(&site, "/style.css", "Host: 127.8.0.9\r\n").await.code, 200);
    assert_eq!(ask(&site, "/style.css", "Host: 127.8.0.10\r\n").await.code, 421);
}

#[tokio::test]
async fn a_page_that_only_shows_answers_to_get_and_head_alone() {
    let site = Site::start().await;
    let host = format!("localhost:{}", site.address.port());
    let methods =
        ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "PROPFIND", "QUERY", "get", "GETTING"];
    for method in methods {
        for path in ["/", "/style.css"] {
            let answer = site.client().await.request(method, path).await;
            assert_eq!((answer.code, answer.header("allow")), (405, Some("GET,HEAD")), "{method} {path}");
        }
        assert_eq!(site.client().await.request(method, "/nowhere").await.code, 404, "{method}");
    }
    assert_eq!(site.client().await.request("OPTIONS", "*").await.code, 404);
    let connect = format!("CONNECT {host} HTTP/1.1\r\nHost: {host}\r\n\r\n");
    assert_eq!(site.client().await.send(&connect).await.code, 404);
    let form = format!("POST / HTTP/1.1\r\nHost: {host}\r\nContent-Length: 5\r\n\r\na=b&c");
    assert_eq!(site.client().await.send(&form).await.code, 405);
}

#[tokio::test]
async fn a_page_of_another_origin_changes_nothing() {
    let site = Site::start().await;
    let port = site.address.port();
    let ask = async |method: &str, lines: &str| {
        let head = format!("{method} / HTTP/1.1\r\nHost: localhost:{port}\r\n{lines}\r\n");
        site.client().await.send(&head).await
    };
    let forged = [
        "Sec-Fetch-Site: cross-site\r\n",
        "Sec-Fetch-Site: same-site\r\n",
        "Sec-Fetch-Site: \r\n",
        &format!("Sec-Fetch-Site: cross-site\r\nOrigin: https://localhost:{port}\r\n"),
        "Origin: null\r\n",
        "Origin: https://evil.example.com\r\n",
        "Origin: https://localhost\r\n",
        &format!("Origin: http://localhost:{port}\r\n"),
        &format!("Origin: https://localhost:{}\r\n", port ^ 1),
        &format!("Origin: https://localhost:{port}.evil.example.com\r\n"),
    ];
    for lines in forged {
        for method in ["POST", "PUT", "DELETE", "PATCH"] {
            let answer = ask(method, lines).await;
            assert_eq!(answer.code, 403, "{method} {lines}");
            assert!(answer.body.contains("Only the Designer's own pages"), "{}", answer.body);
        }
        assert_eq!(ask("GET", lines).await.code, 200, "a link of another page: {lines}");
    }
    // No page takes it yet, so it is refused as a method.
    let own = [
        "",
        "Sec-Fetch-Site: none\r\n",
        "Sec-Fetch-Site: same-origin\r\nOrigin: null\r\n",
        &format!("Origin: https://localhost:{port}\r\n"),
    ];
    for lines in own {
        assert_eq!(ask("POST", lines).await.code, 405, "{lines}");
    }
}

#[tokio::test]
async fn head_answers_as_get_does_without_the_body() {
    let site = Site::start().await;
    let mut client = site.client().await;
    for (path, code) in [("/", 200), ("/style.css", 200), ("/nowhere", 404)] {
        let (head, get) = (client.request("HEAD", path).await, client.get(path).await);
        assert_eq!((head.code, get.code), (code, code), "{path}");
        for name in ["content-type", "content-length"] {
            assert_eq!(head.header(name), get.header(name), "{path}: {name}");
        }
        assert_eq!(get.header("content-length"), Some(&*get.body.len().to_string()), "{path}");
    }
}

#[tokio::test]
async fn the_pages_have_their_types_and_the_rest_is_missing() {
    let site = Site::start().await;
    let expected = [
        ("/", 200, "text/html; charset=utf-8"),
        ("/?refresh=off", 200, "text/html; charset=utf-8"),
        ("/style.css", 200, "text/css; charset=utf-8"),
        ("/nowhere", 404, "text/html; charset=utf-8"),
        ("/style.css/", 404, "text/html; charset=utf-8"),
        ("//", 404, "text/html; charset=utf-8"),
        ("/../etc/passwd", 404, "text/html; charset=utf-8"),
        ("/%2e%2e/style.css", 404, "text/html; charset=utf-8"),
        ("/favicon.ico", 404, "text/html; charset=utf-8"),
    ];
    for (path, code, content_type) in expected {
        let answer = site.get(path).await;
        assert_eq!((answer.code, answer.header("content-type")), (code, Some(content_type)), "{path}");
    }
    assert!(site.get("/nowhere").await.body.contains("There is no such page."));
}

#[tokio::test]
async fn every_answer_carries_the_security_headers() {
    let site = Site::start().await;
    let broken =
        Fixed { status: Err("unreadable".to_owned()), handovers: Ok(Vec::new()), ..Fixed::default() };
    let broken = Site::start_showing(broken).await;
    let answers = [
        (200, site.get("/").await),
        (200, site.get("/style.css").await),
        (200, site.client().await.request("HEAD", "/").await),
        (400, ask(&site, "/", "").await),
        (404, site.get("/nowhere").await),
        (405, site.client().await.request("POST", "/").await),
        (421, ask(&site, "/", "Host: evil.example.com\r\n").await),
        (500, broken.get("/").await),
    ];
    for (code, answer) in answers {
        assert_eq!(answer.code, code);
        for (name, value) in SECURITY_HEADERS {
            assert_eq!(answer.header(name), Some(*value), "{code}: {name}");
        }
        assert!(
            answer.header("permissions-policy").is_some_and(|policy| policy.contains("camera=()")),
            "{code}"
        );
        // It would hold for every other port of localhost.
        assert_eq!(answer.header("strict-transport-security"), None, "{code}");
        assert_eq!(answer.header("set-cookie"), None, "{code}");
    }
}

#[tokio::test]
async fn curl_reads_the_page_and_verifies_the_certificate() {
    let site = Site::start().await;
    let root = tempfile::NamedTempFile::new().unwrap();
    fs_err::write(root.path(), authority().root_pem()).unwrap();
    let output = Command::new("curl")
        .args(["--silent", "--show-error", "--noproxy", "*", "--max-time", "20", "--cacert"])
        .arg(root.path())
        .args(["--write-out", "\n%{http_version} %{http_code} %{ssl_verify_result}"])
        .arg(format!("https://127.0.0.1:{}/", site.address.port()))
        .output()
        .await
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.contains("<title>Every certificate is fine. · Baton</title>"), "{said}");
    assert!(said.ends_with("</html>\n1.1 200 0"), "{said} {}", String::from_utf8_lossy(&output.stderr));
}
