//! People who sign in, from outside.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

use baton_designer::{Token, hash_password};
use baton_platform::clock;
use baton_state::{AccessLevel, PrincipalName, SignInAttempt};
use jiff::{SignedDuration, Timestamp};
use zeroize::Zeroizing;

use crate::client::Answer;
use crate::site::Site;

const PASSWORD: &str = "correct horse & battery=staple";
const MINUTE: SignedDuration = SignedDuration::from_mins(1);

fn name(text: &str) -> PrincipalName {
    text.parse().unwrap()
}

async fn hash() -> String {
    hash_password(Zeroizing::new(PASSWORD.to_owned())).await.unwrap()
}

/// A site with the users `ada`, Read / Execute, and `gone`, No access.
async fn site() -> Site {
    let site = Site::start_authenticated().await;
    let hash = hash().await;
    for (user, level) in [("ada", AccessLevel::ReadExecute), ("gone", AccessLevel::NoAccess)] {
        assert!(site.state.add_user(&name(user), level, &hash, clock::now()).await.unwrap());
    }
    site
}

/// As a form is sent: everything but letters and digits in per cent.
fn encoded(text: &str) -> String {
    let letter = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => char::from(byte).to_string(),
        byte => format!("%{byte:02X}"),
    };
    text.bytes().map(letter).collect()
}

async fn post(site: &Site, path: &str, cookie: &str, fields: &[(&str, &str)]) -> Answer {
    let body: Vec<_> = fields.iter().map(|(name, value)| format!("{name}={}", encoded(value))).collect();
    let body = body.join("&");
    let host = format!("localhost:{}", site.address.port());
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: {host}\r\nOrigin: https://{host}\r\nCookie: {cookie}\r\n\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    site.client().await.send(&head).await
}

async fn sign_in(site: &Site, name: &str, password: &str) -> Answer {
    post(site, "/sign-in", "", &[("name", name), ("password", password)]).await
}

async fn get(site: &Site, path: &str, cookie: &str) -> Answer {
    let host = format!("localhost:{}", site.address.port());
    let head = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nCookie: {cookie}\r\n\r\n");
    site.client().await.send(&head).await
}

/// The cookie that an answer sets, as a browser sends it.
fn cookie(answer: &Answer) -> String {
    let set = answer.header("set-cookie").unwrap();
    set.split(';').next().unwrap().to_owned()
}

#[tokio::test]
async fn who_signs_in_gets_a_cookie_that_no_one_else_can_use_or_set() {
    let site = site().await;
    let answer = get(&site, "/", "").await;
    assert_eq!((answer.code, answer.header("location")), (303, Some("/sign-in")));
    let answer = sign_in(&site, " Ada ", PASSWORD).await;
    assert_eq!((answer.code, answer.header("location")), (303, Some("/")), "{}", answer.body);
    let set = answer.header("set-cookie").unwrap();
    assert!(set.starts_with("__Host-baton="), "{set}");
    for attribute in ["Path=/", "Secure", "HttpOnly", "SameSite=Strict"] {
        assert!(set.split("; ").any(|part| part == attribute), "{set}");
    }
    assert!(!set.to_lowercase().contains("domain"), "{set}");
    let cookie = cookie(&answer);
    assert_eq!(get(&site, "/", &cookie).await.code, 200);
    assert_eq!(get(&site, "/", &format!("other=1; {cookie}; more=2")).await.code, 200);
    assert!(get(&site, "/account", &cookie).await.body.contains("Read / Execute"));
    assert_eq!(get(&site, "/audit", &cookie).await.code, 403, "that is for another level");
    let other = cookie.replace("__Host-baton", "baton");
    assert_eq!(get(&site, "/", &other).await.code, 303, "without the prefix it may come from anywhere");
}

#[tokio::test]
async fn a_forged_cookie_is_none() {
    let site = site().await;
    let cookie = cookie(&sign_in(&site, "ada", PASSWORD).await);
    let last = if cookie.ends_with('A') { "B" } else { "A" };
    let forged = [
        "__Host-baton=",
        "__Host-baton=ada",
        "__Host-baton=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        &format!("{}{last}", &cookie[..cookie.len() - 1]),
        &format!("{cookie}A"),
        "__Host-baton=' OR 1=1 --",
        &format!("__Host-baton={}", "A".repeat(8000)),
    ];
    for forged in forged {
        let answer = get(&site, "/", forged).await;
        assert_eq!((answer.code, answer.header("location")), (303, Some("/sign-in")), "{forged}");
        assert_eq!(answer.header("set-cookie"), None);
    }
    assert_eq!(get(&site, "/", &cookie).await.code, 200);
}

#[tokio::test]
async fn signing_out_ends_the_session_and_not_only_the_cookie() {
    let site = site().await;
    let [one, other] = [sign_in(&site, "ada", PASSWORD).await, sign_in(&site, "ada", PASSWORD).await];
    let [one, other] = [cookie(&one), cookie(&other)];
    let answer = post(&site, "/sign-out", &one, &[]).await;
    assert_eq!((answer.code, answer.header("location")), (303, Some("/sign-in")));
    assert!(answer.header("set-cookie").unwrap().contains("__Host-baton=; Max-Age=0"));
    assert_eq!(get(&site, "/", &one).await.code, 303);
    assert_eq!(get(&site, "/", &other).await.code, 200, "the other browser stays signed in");
}

#[tokio::test]
async fn a_wrong_name_and_a_wrong_password_get_the_same_answer() {
    let site = site().await;
    let wrong = sign_in(&site, "ada", "something else entirely").await;
    assert_eq!(wrong.code, 403);
    assert!(wrong.body.contains("Name or password is wrong."), "{}", wrong.body);
    for (name, password) in [
        ("nobody", PASSWORD),
        ("ada", ""),
        ("", PASSWORD),
        ("ada", &PASSWORD.to_uppercase()),
        ("gone", "something else entirely"),
        ("<script>alert(1)</script>", "<script>"),
    ] {
        let answer = sign_in(&site, name, password).await;
        assert_eq!((answer.code, &answer.body), (403, &wrong.body), "{name} {password}");
        assert_eq!(answer.header("set-cookie"), None);
    }
    let no_access = sign_in(&site, "gone", PASSWORD).await;
    assert_eq!(no_access.code, 403);
    assert!(no_access.body.contains("This user has no access."), "{}", no_access.body);
    assert_eq!(post(&site, "/sign-in", "", &[("name", "ada")]).await.code, 400);
}

#[tokio::test]
async fn guessing_is_slowed_down_for_the_name_and_comes_to_an_end() {
    let site = site().await;
    for _ in 0..5 {
        assert_eq!(sign_in(&site, "ada", "a wrong password").await.code, 403);
    }
    let answer = sign_in(&site, "ada", PASSWORD).await;
    assert_eq!(answer.code, 429, "even the right one is not looked at: {}", answer.body);
    let seconds: u64 = answer.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=61).contains(&seconds), "{seconds}");
    let outcomes: Vec<_> = site.state.audit(None, 10).await.unwrap();
    assert_eq!(outcomes.len(), 5, "what was not looked at is not written down: {outcomes:?}");
    // Whoever has a new password from the machine does not wait for those who guessed.
    site.state.set_password(&name("ada"), &hash().await, clock::now()).await.unwrap();
    assert_eq!(sign_in(&site, "ada", PASSWORD).await.code, 303);
}

#[tokio::test]
async fn guessing_is_slowed_down_for_the_address_too() {
    let site = site().await;
    let now = clock::now();
    let here = SignInAttempt { name: None, address: "127.0.0.1".parse().unwrap(), is_known: false };
    for _ in 0..10 {
        site.state.begin_sign_in(here, now, |_, _| SignedDuration::ZERO).await.unwrap();
    }
    assert_eq!(sign_in(&site, "ada", PASSWORD).await.code, 429);
}

#[tokio::test]
async fn strangers_keep_nobody_out_who_has_signed_in_here_before() {
    let site = site().await;
    let (now, ada) = (clock::now(), name("ada"));
    assert_eq!(sign_in(&site, "ada", PASSWORD).await.code, 303);
    // From so many networks that the name waits everywhere else, and with other names from this one.
    let tried = async |name, address: String| {
        let attempt = SignInAttempt { name, address: address.parse().unwrap(), is_known: false };
        site.state.begin_sign_in(attempt, now, |_, _| SignedDuration::ZERO).await.unwrap();
    };
    for stranger in 0..100 {
        tried(Some(&ada), format!("192.0.2.{stranger}")).await;
        tried(None, "127.0.0.1".to_owned()).await;
    }
    assert_eq!(sign_in(&site, "gone", PASSWORD).await.code, 429, "someone who is not known here waits");
    assert_eq!(sign_in(&site, "ada", PASSWORD).await.code, 303);
}

/// A session that began and was used last at these times, as a cookie.
async fn session(site: &Site, started: Timestamp, seen: Timestamp) -> String {
    let token = Token::new().unwrap();
    let (_, kept) = site.state.user(&name("ada")).await.unwrap().unwrap();
    assert!(site.state.start_session(token.hash(), &name("ada"), &kept, started, started).await.unwrap());
    site.state.session_seen(token.hash(), seen).await.unwrap();
    format!("__Host-baton={}", token.expose())
}

#[tokio::test]
async fn a_session_ends_an_hour_after_its_last_use_and_half_a_day_after_its_start() {
    let site = site().await;
    let now = clock::now();
    for (started, seen, code) in [
        (now - MINUTE * 14, now - MINUTE * 14, 200),
        (now - MINUTE * 59, now - MINUTE * 59, 200),
        (now - MINUTE * 61, now - MINUTE * 61, 303),
        (now - MINUTE * 60 * 11, now, 200),
        (now - MINUTE * 60 * 12, now, 303),
    ] {
        let cookie = session(&site, started, seen).await;
        assert_eq!(get(&site, "/", &cookie).await.code, code, "{started} {seen}");
    }
}

#[tokio::test]
async fn a_session_gets_another_token_every_quarter_of_an_hour() {
    let site = site().await;
    let now = clock::now();
    let young = session(&site, now - MINUTE * 14, now).await;
    assert_eq!(get(&site, "/", &young).await.header("set-cookie"), None);
    let old = session(&site, now - MINUTE * 16, now).await;
    let answer = get(&site, "/", &old).await;
    assert_eq!(answer.code, 200);
    let next = cookie(&answer);
    assert_ne!(next, old);
    assert_eq!(get(&site, "/", &old).await.code, 200, "a page that loads at the same time");
    assert_eq!(get(&site, "/", &next).await.code, 200);
    post(&site, "/sign-out", &next, &[]).await;
    assert_eq!(get(&site, "/", &old).await.code, 303);
}

#[tokio::test]
async fn another_level_and_another_password_count_at_once() {
    let site = site().await;
    let cookie = cookie(&sign_in(&site, "ada", PASSWORD).await);
    site.state.set_level(&name("ada"), AccessLevel::ServerAdmin).await.unwrap();
    assert_eq!(get(&site, "/audit", &cookie).await.code, 200);
    site.state.set_level(&name("ada"), AccessLevel::NoAccess).await.unwrap();
    assert_eq!(get(&site, "/", &cookie).await.code, 403);
    assert_eq!(get(&site, "/sign-in", &cookie).await.code, 200, "the way to sign in as someone else");
    site.state.set_level(&name("ada"), AccessLevel::ServerAdmin).await.unwrap();
    site.state.set_password(&name("ada"), "another", clock::now()).await.unwrap();
    assert_eq!(get(&site, "/", &cookie).await.code, 303);
}

#[tokio::test]
async fn a_token_is_good_until_its_end_and_no_longer() {
    let site = site().await;
    let now = clock::now();
    let mut tokens = Vec::new();
    for (called, end) in [("good", now + MINUTE), ("over", now - MINUTE)] {
        let token = Token::for_program().unwrap();
        assert!(token.expose().starts_with("baton_"));
        let (level, made) = (AccessLevel::ReadExecute, now - MINUTE * 2);
        assert!(site.state.add_api_token(&name(called), token.hash(), level, made, end).await.unwrap());
        tokens.push(token);
    }
    let metrics = async |authorization: String| {
        let head = format!("GET /metrics HTTP/1.1\r\nHost: localhost\r\n{authorization}\r\n");
        site.client().await.send(&head).await
    };
    let bearer = |token: &str| format!("Authorization: Bearer {token}\r\n");
    assert_eq!(metrics(bearer(tokens[0].expose())).await.code, 200);
    assert_eq!(metrics(format!("authorization: bearer {}\r\n", tokens[0].expose())).await.code, 200);
    for wrong in [
        String::new(),
        bearer(tokens[1].expose()),
        bearer("baton_AAAA"),
        bearer(""),
        "Authorization: Basic YWRhOmFkYQ==\r\n".to_owned(),
        "Authorization: \u{fc}\r\n".to_owned(),
    ] {
        let answer = metrics(wrong.clone()).await;
        assert_eq!((answer.code, answer.header("www-authenticate")), (401, Some("Bearer")), "{wrong}");
    }
    // A token that is wrong is not made good by a cookie.
    let cookie = cookie(&sign_in(&site, "ada", PASSWORD).await);
    assert_eq!(metrics(format!("Cookie: {cookie}\r\n{}", bearer("baton_AAAA"))).await.code, 401);
    let used = site.state.api_token(tokens[0].hash()).await.unwrap().unwrap().used_at;
    assert!(used.is_some_and(|used| used >= now));
}

#[tokio::test]
async fn the_link_brings_the_first_user_in_and_nobody_after() {
    let site = Site::start_authenticated().await;
    assert!(get(&site, "/sign-in", "").await.body.contains("There is no user yet."));
    let token = Token::new().unwrap();
    site.state.keep_first_link(token.hash(), clock::now() + MINUTE).await.unwrap();
    let path = format!("/first-user?token={}", token.expose());
    let page = get(&site, &path, "").await;
    assert_eq!(page.code, 200);
    assert!(page.body.contains(token.expose()));
    let fields = |token, name, password, repeated| {
        [("token", token), ("name", name), ("password", password), ("repeated", repeated)]
    };
    let long = "x".repeat(1025);
    let (good, evil) = (token.expose(), "\"><script>alert(1)</script>");
    for (fields, code, sentence) in [
        (fields(evil, "ada", PASSWORD, PASSWORD), 403, "no longer good"),
        (fields(good, evil, PASSWORD, PASSWORD), 422, "A name has 1 to 64 letters"),
        (fields(good, "ada", PASSWORD, "another password"), 422, "not the same"),
        (fields(good, "ada", "too short", "too short"), 422, "fewer than 12 characters"),
        (fields(good, "ada", &long, &long), 422, "more than 1024 bytes"),
    ] {
        let answer = post(&site, "/first-user", "", &fields).await;
        assert_eq!(answer.code, code, "{}", answer.body);
        assert!(answer.body.contains(sentence), "{}", answer.body);
        assert!(!answer.body.contains("<script>"), "{}", answer.body);
        assert!(!site.state.has_users().await.unwrap());
    }
    let answer = post(&site, "/first-user", "", &fields(good, "ada", PASSWORD, PASSWORD)).await;
    assert_eq!(answer.code, 303, "{}", answer.body);
    assert_eq!(get(&site, "/audit", &cookie(&answer)).await.code, 200, "a Server Admin");
    assert_eq!(get(&site, &path, "").await.code, 403);
    let again = post(&site, "/first-user", "", &fields(good, "eve", PASSWORD, PASSWORD)).await;
    assert_eq!(again.code, 403);
    assert_eq!(site.state.users().await.unwrap().len(), 1);
    for path in ["/first-user", "/first-user?token=", "/first-user?token=%00", "/first-user?x=1"] {
        assert_eq!(get(&site, path, "").await.code, 403, "{path}");
    }
}

#[tokio::test]
async fn the_audit_log_tells_who_did_what_from_where_and_how_it_ended() {
    let site = site().await;
    sign_in(&site, "ada", "a wrong password").await;
    sign_in(&site, "my secret password, in the wrong field", "").await;
    let cookie = cookie(&sign_in(&site, "ada", PASSWORD).await);
    post(&site, "/sign-out", &cookie, &[]).await;
    let entries = site.state.audit(None, 10).await.unwrap();
    let told: Vec<_> = entries
        .iter()
        .rev()
        .map(|entry| {
            assert_eq!(entry.address.as_deref(), Some("127.0.0.1"));
            let outcome = entry.outcome.as_deref().unwrap();
            [&entry.who, &entry.via, &entry.action, &entry.object, outcome].join(" | ")
        })
        .collect();
    assert_eq!(
        told,
        [
            "ada | nobody | sign in | /sign-in | name or password is wrong",
            "? | nobody | sign in | /sign-in | name or password is wrong",
            "ada | nobody | sign in | /sign-in | signed in",
            "ada | session | POST | /sign-out | 303, see /sign-in",
        ]
    );
}

#[tokio::test]
async fn what_is_sent_is_bounded() {
    let site = site().await;
    let host = format!("localhost:{}", site.address.port());
    for (length, body) in [("99999999999999999999", 0), ("70000", 70_000), ("8000000", 8_000_000)] {
        let head = format!("POST /sign-in HTTP/1.1\r\nHost: {host}\r\nContent-Length: {length}\r\n\r\n");
        // All of it is taken, so that the answer arrives and not the end of the connection.
        let answer = site.client().await.send(&(head + &"a".repeat(body))).await;
        assert!([400, 413].contains(&answer.code), "{length}: {answer:?}");
    }
    // Without a length that is told before.
    let mut client = site.client().await;
    let chunk = format!("8000\r\n{}\r\n", "a".repeat(0x8000));
    let head = format!("POST /sign-in HTTP/1.1\r\nHost: {host}\r\nTransfer-Encoding: chunked\r\n\r\n");
    client.write(&format!("{head}{chunk}{chunk}{chunk}{}0\r\n\r\n", chunk.repeat(100))).await.unwrap();
    assert_eq!(client.read(false).await.unwrap().code, 413);
}

#[tokio::test]
async fn a_user_changes_the_own_password_and_all_other_sessions_end() {
    const NEW: &str = "another battery, another horse";
    let site = site().await;
    let [here, elsewhere] = [sign_in(&site, "ada", PASSWORD).await, sign_in(&site, "ada", PASSWORD).await];
    let [here, elsewhere] = [cookie(&here), cookie(&elsewhere)];
    let change = async |cookie: &str, old: &str, new: &str, repeated: &str| {
        post(&site, "/account/password", cookie, &[("old", old), ("new", new), ("repeated", repeated)]).await
    };
    for (old, new, repeated, code, words) in [
        ("a wrong password", NEW, NEW, 403, "The password until now is wrong"),
        (PASSWORD, NEW, "yet another one", 422, "not the same"),
        (PASSWORD, "short", "short", 422, "fewer than 12"),
    ] {
        let answer = change(&here, old, new, repeated).await;
        assert_eq!(answer.code, code, "{}", answer.body);
        assert!(answer.body.contains(words), "{}", answer.body);
    }
    assert_eq!(change("", PASSWORD, NEW, NEW).await.code, 403, "nobody is signed in");
    assert_eq!(get(&site, "/", &elsewhere).await.code, 200, "nothing was changed so far");

    let answer = change(&here, PASSWORD, NEW, NEW).await;
    assert_eq!(answer.code, 200, "{}", answer.body);
    assert!(answer.body.contains("The password is changed."), "{}", answer.body);
    let renewed = cookie(&answer);
    assert_eq!(get(&site, "/", &renewed).await.code, 200);
    for ended in [&here, &elsewhere] {
        assert_eq!(get(&site, "/", ended).await.code, 303);
    }
    assert_eq!(sign_in(&site, "ada", PASSWORD).await.code, 403);
    assert_eq!(sign_in(&site, "ada", NEW).await.code, 303);
    let log = site.state.audit(None, 20).await.unwrap();
    let told = log.iter().filter(|entry| entry.object == "/account/password");
    let told: Vec<_> = told.map(|entry| (entry.who.as_str(), entry.outcome.as_deref().unwrap())).collect();
    assert_eq!(told.first(), Some(&("ada", "200: password changed")));
    assert_eq!(told.last(), Some(&("ada", "403: the old password is wrong")));
    let text = format!("{log:?}");
    assert!(!text.contains("horse") && !text.contains("short\""), "no password is in the log: {text}");
}

#[tokio::test]
async fn whoever_has_a_session_cannot_guess_the_password_behind_it() {
    let site = site().await;
    let cookie = cookie(&sign_in(&site, "ada", PASSWORD).await);
    let change = async |old: &str| {
        let fields = [("old", old), ("new", "a quite new password"), ("repeated", "a quite new password")];
        post(&site, "/account/password", &cookie, &fields).await
    };
    for _ in 0..5 {
        assert_eq!(change("a wrong password").await.code, 403);
    }
    let answer = change(PASSWORD).await;
    assert_eq!(answer.code, 429, "{}", answer.body);
    assert!(answer.header("retry-after").is_some());
}

#[tokio::test]
async fn a_program_has_no_password_to_change() {
    let site = site().await;
    let (token, now) = (Token::for_program().unwrap(), clock::now());
    let level = AccessLevel::ServerAdmin;
    site.state.add_api_token(&name("ada"), token.hash(), level, now, now + MINUTE).await.unwrap();
    let body = format!("old={}&new=a+quite+new+password&repeated=a+quite+new+password", encoded(PASSWORD));
    let head = format!(
        "POST /account/password HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {}\r\n\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{body}",
        token.expose(),
        body.len()
    );
    assert_eq!(site.client().await.send(&head).await.code, 409);
    assert_eq!(sign_in(&site, "ada", PASSWORD).await.code, 303, "it is as before");
}

#[tokio::test]
async fn a_made_up_cookie_that_signs_out_costs_no_write() {
    let site = site().await;
    // While someone else writes, nobody can: whoever only reads is answered all the same.
    let script = "import sqlite3, sys; c = sqlite3.connect(sys.argv[1], isolation_level=None); \
                  c.execute('BEGIN IMMEDIATE'); print('held', flush=True); sys.stdin.read()";
    let mut writer = Command::new("python3")
        .args(["-c", script])
        .arg(site.files.certificate.with_file_name("state.db"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut held = String::new();
    BufReader::new(writer.stdout.take().unwrap()).read_line(&mut held).unwrap();
    assert_eq!(held, "held\n");
    for made_up in ["__Host-baton=", "__Host-baton=made-up"] {
        assert_eq!(post(&site, "/sign-out", made_up, &[]).await.code, 303);
    }
    drop(writer.stdin.take());
    writer.wait().unwrap();
}

#[tokio::test]
async fn refusals_of_one_user_are_one_entry_of_the_audit_log() {
    let site = site().await;
    let cookie = cookie(&sign_in(&site, "ada", PASSWORD).await);
    for number in 0..35 {
        let path = if number == 0 { "/plan".to_owned() } else { format!("/certificates/{number}/requests") };
        assert_eq!(post(&site, &path, &cookie, &[]).await.code, 403);
    }
    let log = site.state.audit(None, 50).await.unwrap();
    assert_eq!(log.len(), 2, "one of them is that someone signed in: {log:?}");
    assert_eq!((log[0].who.as_str(), log[0].object.as_str()), ("ada", "/plan"));
    let outcome = log[0].outcome.as_deref().unwrap();
    assert_eq!(outcome, "403; 32 within an hour, of which this is the first");
}

#[tokio::test]
async fn nobody_signs_in_where_access_is_anonymous() {
    let site = Site::start().await;
    let answer = sign_in(&site, "ada", PASSWORD).await;
    assert_eq!((answer.code, answer.header("location")), (303, Some("/")));
    assert_eq!(answer.header("set-cookie"), None);
    let account = get(&site, "/account", "").await;
    assert!(account.body.contains("Access is anonymous"), "{}", account.body);
    assert!(account.body.contains("Server Admin"));
    assert!(!account.body.contains("Sign out"));
}
