//! Dynamic updates at BIND and Knot.

use std::time::Duration;

use baton_dns::{DnsError, DnsSolver, Published};
use baton_finding::{Explain as _, Retry};
use baton_testkit::NameServer;
use baton_testkit::name_server::{Options, Place, Software, TransferKey, Zone};

use crate::world::{OTHER, VALUE, World, config_at, rfc2136, values};

const NAME: &str = "_acme-challenge.www.example.test";
const SOON: Duration = Duration::from_secs(10);

#[tokio::test]
async fn each_server_and_algorithm_two_values_live_side_by_side_and_each_goes_alone() {
    for (software, algorithm) in [
        (Software::Bind, "hmac-sha256"),
        (Software::Bind, "hmac-sha384"),
        (Software::Bind, "hmac-sha512"),
        (Software::Knot, "hmac-sha256"),
        (Software::Knot, "hmac-sha384"),
        (Software::Knot, "hmac-sha512"),
    ] {
        let key = TransferKey::new("baton.key", algorithm);
        let world = World::with_key(software, &[("example.test", "")], key);
        let solver = world.solver();

        let first = solver.publish("www.example.test", VALUE).await.unwrap();
        let second = solver.publish("www.example.test", OTHER).await.unwrap();
        assert_eq!(first.record, NAME);
        assert_eq!(first.zone, "example.test");
        assert_eq!(world.server.txt(NAME), values(&[VALUE, OTHER]), "{software:?} {algorithm}");
        solver.wait_until_visible(&[first.clone(), second.clone()], SOON).await.unwrap();

        // Again, as after a crash: nothing more is there.
        solver.add(&first).await.unwrap();
        assert_eq!(world.server.txt(NAME), values(&[VALUE, OTHER]));

        // What was kept on disk is enough, also for another process.
        let kept = serde_json::to_string(&first).unwrap();
        let kept: Published = serde_json::from_str(&kept).unwrap();
        let later = world.solver();
        later.remove(&kept).await.unwrap();
        assert_eq!(world.server.txt(NAME), values(&[OTHER]));
        later.remove(&kept).await.unwrap();
        assert_eq!(world.server.txt(NAME), values(&[OTHER]));
        later.remove(&second).await.unwrap();
        assert_eq!(world.server.txt(NAME), values(&[]));
        later.remove(&second).await.unwrap();
    }
}

#[tokio::test]
async fn locating_changes_nothing() {
    let world = World::new(Software::Bind, &[("example.test", "")]);
    let solver = world.solver();
    let located = solver.locate("WWW.example.test.", VALUE).await.unwrap();
    assert_eq!(world.server.txt(NAME), values(&[]));
    assert_eq!(located.domain, "www.example.test");
    solver.add(&located).await.unwrap();
    assert_eq!(world.server.txt(NAME), values(&[VALUE]));
}

#[tokio::test]
async fn aliases_lead_into_another_zone() {
    let aliases = "_acme-challenge.www IN CNAME step\nstep IN CNAME www.acme.other.test.";
    let world =
        World::new(Software::Bind, &[("example.test", aliases), ("other.test", ""), ("acme.other.test", "")]);
    let solver = world.solver();
    let published = solver.publish("www.example.test", VALUE).await.unwrap();
    assert_eq!(published.domain, "www.example.test");
    assert_eq!(published.record, "www.acme.other.test");
    assert_eq!(published.zone, "acme.other.test");
    assert_eq!(world.server.txt("www.acme.other.test"), values(&[VALUE]));
    solver.wait_until_visible(std::slice::from_ref(&published), SOON).await.unwrap();
    solver.remove(&published).await.unwrap();
    assert_eq!(world.server.txt("www.acme.other.test"), values(&[]));
}

#[tokio::test]
async fn aliases_in_a_circle_are_told_with_their_names() {
    let circle = "_acme-challenge.www IN CNAME a\na IN CNAME b\nb IN CNAME a";
    let world = World::new(Software::Bind, &[("example.test", circle)]);
    let error = world.solver().publish("www.example.test", VALUE).await.unwrap_err();
    assert_eq!(error.code(), "dns-alias-unusable");
    assert_eq!(
        error.to_string(),
        "the aliases lead in a circle: _acme-challenge.www.example.test → a.example.test → b.example.test → \
         a.example.test"
    );
}

#[tokio::test]
async fn the_nearest_zone_is_taken_and_the_settings_can_name_another() {
    let world = World::new(Software::Bind, &[("example.test", ""), ("sub.example.test", "")]);
    let published = world.solver().publish("a.b.sub.example.test", VALUE).await.unwrap();
    assert_eq!(published.zone, "sub.example.test");

    let mut config = world.config();
    config.zone = Some("example.test.".to_owned());
    let solver = DnsSolver::new(config.clone()).unwrap();
    assert_eq!(solver.publish("www.example.test", VALUE).await.unwrap().zone, "example.test");

    config.zone = Some("sub.example.test".to_owned());
    let solver = DnsSolver::new(config).unwrap();
    let error = solver.publish("www.example.test", VALUE).await.unwrap_err();
    assert_eq!(error.code(), "dns-not-in-zone");
    assert_eq!(error.retry(), Retry::Never);
}

#[tokio::test]
async fn the_primary_can_be_named_by_its_name() {
    let world = World::new(Software::Bind, &[("example.test", "")]);
    let mut config = world.config();
    let port = world.server.address().port();
    rfc2136(&mut config).server = format!("ns1.example.test:{port}").parse().unwrap();
    let solver = DnsSolver::new(config.clone()).unwrap();
    solver.publish("www.example.test", VALUE).await.unwrap();
    assert_eq!(world.server.txt(NAME), values(&[VALUE]));

    rfc2136(&mut config).server = "nobody.example.test".parse().unwrap();
    let error = DnsSolver::new(config).unwrap().publish("www.example.test", VALUE).await.unwrap_err();
    assert!(matches!(error, DnsError::ServerUnknown { .. }), "{error}");
}

/// The code and the whole message of a publication that fails.
async fn failure(solver: &DnsSolver) -> (&'static str, String, Retry) {
    let error = solver.publish("www.example.test", VALUE).await.unwrap_err();
    assert!(error.hint().is_some(), "{error}");
    (error.code(), error.chain(), error.retry())
}

#[tokio::test]
async fn a_wrong_key_a_wrong_secret_and_a_wrong_algorithm_are_told_apart() {
    for software in [Software::Bind, Software::Knot] {
        let world = World::new(software, &[("example.test", "")]);
        let secret = world.key.secret.clone();
        let with = |key: &TransferKey| {
            fs_err::write(world.key_file(), key.file()).unwrap();
            world.solver()
        };

        let unknown = TransferKey { name: "nobody.key".to_owned(), ..world.key.clone() };
        let (code, chain, retry) = failure(&with(&unknown)).await;
        assert_eq!((code, retry), ("dns-key-unknown", Retry::Never), "{software:?} {chain}");
        assert!(chain.contains("\"nobody.key\" with hmac-sha256 (BADKEY)"), "{chain}");

        let other = TransferKey { algorithm: "hmac-sha512".to_owned(), ..world.key.clone() };
        let (code, chain, _) = failure(&with(&other)).await;
        assert_eq!(code, "dns-key-unknown", "{software:?} {chain}");

        let wrong = TransferKey::new("baton.key", "hmac-sha256");
        let (code, chain, retry) = failure(&with(&wrong)).await;
        assert_eq!((code, retry), ("dns-key-wrong", Retry::Never), "{software:?} {chain}");
        for secret in [&secret, &wrong.secret] {
            assert!(!chain.contains(secret.as_str()));
        }
        assert_eq!(world.server.txt(NAME), values(&[]));
    }
}

#[tokio::test]
async fn a_server_with_another_time_is_told_with_the_difference() {
    let key = TransferKey::new("baton.key", "hmac-sha256");
    let place = Place::new(Software::Knot);
    let address = place.address();
    let zone = Zone::Primary {
        name: "example.test".to_owned(),
        records: format!("@ IN NS ns1\nns1 IN A {}", address.ip()),
        key: Some(key.clone()),
        secondaries: Vec::new(),
    };
    let options =
        Options { software: Software::Knot, place, zones: vec![zone], notify_delay: Duration::from_secs(1) };
    let world = World::around(NameServer::start_ahead(options, Duration::from_secs(3600)), key);
    let (code, chain, retry) = failure(&world.solver()).await;
    assert_eq!((code, retry), ("dns-clock-differs", Retry::Backoff), "{chain}");
    let seconds: i64 = chain.split("by ").nth(1).unwrap().split(' ').next().unwrap().parse().unwrap();
    assert!((3590..=3610).contains(&seconds), "{chain}");
}

#[tokio::test]
async fn a_key_without_the_right_and_a_server_without_the_zone_are_told_apart() {
    let key = TransferKey::new("baton.key", "hmac-sha256");
    let place = Place::new(Software::Bind);
    let address = place.address();
    let zone = |name: &str, key| Zone::Primary {
        name: name.to_owned(),
        records: format!("@ IN NS ns1\nns1 IN A {}", address.ip()),
        key,
        secondaries: Vec::new(),
    };
    let zones = vec![zone("example.test", None), zone("other.test", Some(key.clone()))];
    let options = Options { software: Software::Bind, place, zones, notify_delay: Duration::from_secs(1) };
    let world = World::around(NameServer::start(options), key);

    let (code, chain, retry) = failure(&world.solver()).await;
    assert_eq!((code, retry), ("dns-update-refused", Retry::Never), "{chain}");
    assert!(chain.contains("in the zone example.test at"), "{chain}");

    let mut config = world.config();
    config.zone = Some("test".to_owned());
    let (code, chain, retry) = failure(&DnsSolver::new(config).unwrap()).await;
    assert_eq!((code, retry), ("dns-not-authoritative", Retry::Never), "{chain}");
}

#[tokio::test]
async fn a_server_that_is_not_there_is_told() {
    let world = World::new(Software::Bind, &[("example.test", "")]);
    let mut config = config_at(world.server.address(), world.key_file());
    let nobody = Place::new(Software::Bind);
    rfc2136(&mut config).server = nobody.address().to_string().parse().unwrap();
    let (code, chain, retry) = failure(&DnsSolver::new(config).unwrap()).await;
    assert_eq!((code, retry), ("dns-server-unreachable", Retry::Backoff), "{chain}");
}

#[tokio::test]
async fn a_name_without_a_zone_is_told() {
    let world = World::new(Software::Bind, &[("test", "")]);
    // The server is authoritative for `test` only, and refuses to say anything of other names.
    let error = world.solver().publish("www.example.com", VALUE).await.unwrap_err();
    assert_eq!((error.code(), error.retry()), ("dns-lookup-failed", Retry::Backoff), "{}", error.chain());
    assert!(error.chain().ends_with("it answered REFUSED"), "{}", error.chain());
}

#[tokio::test]
async fn what_cannot_be_proven_is_refused_before_anything_is_asked() {
    let world = World::new(Software::Bind, &[("example.test", "")]);
    let solver = world.solver();
    for domain in ["*.example.test", "", "a b.example.test", "x;rm.example.test", "ä.example.test"] {
        let error = solver.publish(domain, VALUE).await.unwrap_err();
        assert_eq!(error.code(), "dns-name-invalid", "{domain:?}");
    }
    for value in ["", "a b", "\"", "$(x)", &"a".repeat(256)] {
        let error = solver.publish("www.example.test", value).await.unwrap_err();
        assert_eq!(error.code(), "dns-value-invalid", "{value:?}");
    }
    let sound = solver.locate("www.example.test", VALUE).await.unwrap();
    for damaged in [
        Published { record: "www.elsewhere.test".to_owned(), ..sound.clone() },
        Published { record: "a b".to_owned(), ..sound.clone() },
        Published { zone: String::new(), ..sound },
    ] {
        assert_eq!(solver.remove(&damaged).await.unwrap_err().code(), "dns-record-damaged");
    }
}
