//! Key files: as BIND writes them, a secret alone, and everything else.

use std::time::Duration;

use baton_dns::{ConfigError, DnsConfig, DnsSolver, ProviderConfig, Rfc2136Config, TsigAlgorithm};
use baton_finding::Explain as _;
use baton_testkit::invocation;
use proptest::prelude::*;

const SECRET: &str = "c2VjcmV0LXNlY3JldC1zZWNyZXQ=";

fn read(
    text: impl AsRef<[u8]>,
    key_name: Option<&str>,
    algorithm: Option<TsigAlgorithm>,
) -> Result<String, ConfigError> {
    let directory = tempfile::tempdir().unwrap();
    let key_file = directory.path().join("key");
    fs_err::write(&key_file, text).unwrap();
    let config = DnsConfig {
        provider: ProviderConfig::Rfc2136(Rfc2136Config {
            server: "192.0.2.1".parse().unwrap(),
            key_file,
            key_name: key_name.map(str::to_owned),
            algorithm,
            ttl: Duration::from_secs(60),
        }),
        zone: None,
        resolvers: vec!["192.0.2.1:53".parse().unwrap()],
        authoritative: Vec::new(),
        deadline: Duration::from_secs(30),
    };
    DnsSolver::new(config).map(|solver| format!("{solver:?}"))
}

fn wrong(text: &str, key_name: Option<&str>, algorithm: Option<TsigAlgorithm>) -> String {
    let error = read(text, key_name, algorithm).unwrap_err();
    assert!(error.hint().is_some() && error.code() == "dns-key-unusable");
    let chain = error.chain();
    assert!(!chain.contains(SECRET), "{chain}");
    chain.split("cannot be used: ").nth(1).unwrap().to_owned()
}

fn statement(name: &str, algorithm: &str) -> String {
    format!("key \"{name}\" {{\n\talgorithm {algorithm};\n\tsecret \"{SECRET}\";\n}};\n")
}

#[test]
fn what_tsig_keygen_writes_is_read() {
    for algorithm in ["hmac-sha256", "hmac-sha384", "hmac-sha512"] {
        let argv = ["tsig-keygen", "-a", algorithm, "baton.example.com"];
        let text = invocation::run(&argv, Duration::from_secs(10)).unwrap().expect_success().stdout;
        let solver = read(&text, None, None).unwrap();
        assert!(solver.contains("baton.example.com"), "{solver}");
        let secret = text.lines().find(|line| line.contains("secret")).unwrap().split('"').nth(1).unwrap();
        assert!(!solver.contains(secret));
    }
}

#[test]
fn comments_other_statements_and_several_keys_are_no_hindrance() {
    let text = format!(
        "# one\n// two\n/* three\n{{ */ options {{ a {{ b; }}; }};\ninclude \"x\";\n{}{}",
        statement("one.", "HMAC-SHA256"),
        statement("two", "hmac-sha512")
    );
    assert!(read(&text, Some("ONE"), None).unwrap().contains("\"one\""));
    assert!(read(&text, Some("two."), Some(TsigAlgorithm::HmacSha512)).unwrap().contains("\"two\""));
    assert_eq!(wrong(&text, None, None), "it has the key \"one\", the key \"two\"");
    assert_eq!(wrong(&text, Some("three"), None), "it has the key \"one\", the key \"two\"");
    let other = "the key is for hmac-sha256, the settings say hmac-sha384";
    assert_eq!(wrong(&text, Some("one"), Some(TsigAlgorithm::HmacSha384)), other);
}

#[test]
fn a_secret_alone_needs_a_name() {
    let text = format!("{}\n  {}\n", &SECRET[..8], &SECRET[8..]);
    assert!(read(&text, Some("baton"), None).is_ok());
    assert_eq!(wrong(&text, None, None), "it has a secret without the name of the key");
    let odd = "\"a b\" is no name of a key: a name has letters, digits and hyphens; other scripts are written in \
               their xn-- form";
    assert_eq!(wrong(&text, Some("a b"), None), odd);
}

#[test]
fn damage_is_told_by_its_line_and_never_by_its_content() {
    for (text, told) in [
        (String::new(), "the secret is not base64"),
        (format!("{SECRET}!"), "the secret is not base64"),
        (
            statement("k", "hmac-md5"),
            "the algorithm \"hmac-md5\" is not supported: take hmac-sha256, hmac-sha384 or hmac-sha512",
        ),
        (statement("k", "hmac-sha256").replace(SECRET, &format!("{SECRET}!")), "the secret is not base64"),
        (format!("key k {{ secret \"{SECRET}\"; }};"), "line 1: a key has no algorithm or no secret"),
        (format!("key k {{\n secret \"{SECRET}\n;"), "line 2: a quote is not closed"),
        (format!("key k {{\n secret {SECRET} {SECRET};"), "line 2: `;` is missing"),
        (format!("key k {{ secret {SECRET}; secret {SECRET};"), "line 1: a key says the same thing twice"),
        ("/* {".to_owned(), "line 1: a comment is not closed"),
        ("options {".to_owned(), "line 1: `;` is missing"),
        ("{".to_owned(), "line 1: a brace without a statement"),
        ("a {".repeat(40), "line 1: too many braces"),
        ("options {};".to_owned(), "it has no key"),
        ("{".repeat(70_000), "it is too large for a key file"),
    ] {
        assert_eq!(wrong(&text, Some("k"), None), told, "{}", &text[..text.len().min(80)]);
    }
    let error = read(b"\xff\xfe{", None, None).unwrap_err();
    assert!(error.chain().ends_with("line 1: it is no text"));
}

proptest! {
    #[test]
    fn no_file_makes_it_fail_otherwise_than_with_an_error(text in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = read(text, Some("k"), None);
    }

    #[test]
    fn no_broken_statement_shows_its_secret(cut in 0..90_usize, with in "[{};\"/*# a-z\n]{0,6}") {
        let text = statement("baton", "hmac-sha256");
        let cut = cut.min(text.len());
        let broken = format!("{}{with}{}", &text[..cut], &text[cut..]);
        match read(&broken, None, None) {
            Ok(solver) => prop_assert!(!solver.contains(&SECRET[..12])),
            // A name is told, and a broken quote can make the secret one: only whole statements have names.
            Err(error) => prop_assert!(!error.chain().contains(&SECRET[..12])),
        }
    }

    #[test]
    fn any_sound_statement_is_read(
        name in "[a-z][a-z0-9-]{0,20}(\\.[a-z0-9]{1,10}){0,3}\\.?",
        algorithm in prop::sample::select(vec!["hmac-sha256", "HMAC-SHA384", "hmac-sha512"]),
        bytes in proptest::collection::vec(any::<u8>(), 1..80),
        blank in "[ \t\n]{0,3}( # x\n|\n// y\n|\t/\\* \\{ \\*/)?",
    ) {
        let secret = data_encoding::BASE64.encode(&bytes);
        let text = format!("{blank}key {blank}\"{name}\"{blank}{{{blank}algorithm {algorithm}{blank};{blank}secret \"{secret}\";{blank}}}{blank};");
        prop_assert!(read(&text, Some(&name), None).is_ok(), "{text}");
    }
}
