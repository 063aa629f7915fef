//! Waiting for every authoritative server.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use baton_dns::{DnsConfig, DnsError, DnsSolver};
use baton_finding::Explain as _;
use baton_testkit::NameServer;
use baton_testkit::name_server::{Options, Place, Software, TransferKey, Zone, have_usual_port};

use crate::world::{OTHER, VALUE, World, config_at, values};

const NAME: &str = "_acme-challenge.example.test";
const LONG: Duration = Duration::from_secs(30);

/// A primary and a secondary. BIND tells its secondary of every second change three seconds late.
fn pair(software: Software) -> (World, NameServer) {
    let key = TransferKey::new("baton.key", "hmac-sha256");
    let (first, second) = (Place::new(software), Place::new(software));
    let name = || "example.test".to_owned();
    let (one, two) = (first.address(), second.address());
    let records = format!("@ IN NS ns1\n@ IN NS ns2\nns1 IN A {}\nns2 IN A {}", one.ip(), two.ip());
    let primary = Zone::Primary { name: name(), records, key: Some(key.clone()), secondaries: vec![two] };
    let options =
        |place, zone| Options { software, place, zones: vec![zone], notify_delay: Duration::from_secs(3) };
    let primary = NameServer::start(options(first, primary));
    let secondary = NameServer::start(options(second, Zone::Secondary { name: name(), primary: one }));
    (World::around(primary, key), secondary)
}

fn asking(world: &World, authoritative: &[SocketAddr]) -> DnsSolver {
    DnsSolver::new(DnsConfig { authoritative: authoritative.to_vec(), ..world.config() }).unwrap()
}

#[tokio::test]
async fn it_waits_for_a_secondary_that_is_late() {
    let (world, secondary) = pair(Software::Bind);
    let solver = asking(&world, &[world.server.address(), secondary.address()]);
    // The first change is told at once, the second one three seconds later: name and wildcard in one order.
    let first = solver.publish("example.test", VALUE).await.unwrap();
    let second = solver.publish("example.test", OTHER).await.unwrap();
    assert_eq!(world.server.txt(NAME), values(&[VALUE, OTHER]));
    assert_ne!(secondary.txt(NAME), values(&[VALUE, OTHER]), "the secondary is not late");

    solver.wait_until_visible(&[first, second], LONG).await.unwrap();
    assert_eq!(secondary.txt(NAME), values(&[VALUE, OTHER]));
}

#[tokio::test]
async fn it_finds_the_servers_that_the_zone_names() {
    if !have_usual_port() {
        return;
    }
    let (world, secondary) = pair(Software::Knot);
    let solver = asking(&world, &[]);
    let first = solver.publish("example.test", VALUE).await.unwrap();
    let second = solver.publish("example.test", OTHER).await.unwrap();
    solver.wait_until_visible(&[first.clone(), second], LONG).await.unwrap();
    assert_eq!(secondary.txt(NAME), values(&[VALUE, OTHER]));

    let second_address = secondary.address();
    secondary.suspend();
    let error = solver.wait_until_visible(&[first], Duration::from_millis(10)).await.unwrap_err();
    assert_eq!(error.code(), "dns-not-visible");
    let DnsError::NotVisible { lacking, .. } = &error else { panic!("{error}") };
    assert_eq!(lacking.len(), 1, "{error}");
    assert_eq!((lacking[0].server.as_str(), lacking[0].address), ("ns2.example.test", Some(second_address)));
    assert!(error.to_string().contains(&format!("ns2.example.test ({second_address}) does not show")));
}

#[tokio::test]
async fn it_goes_on_when_a_server_that_hung_answers_again() {
    let (world, secondary) = pair(Software::Bind);
    let solver = asking(&world, &[world.server.address(), secondary.address()]);
    let published = [solver.publish("example.test", VALUE).await.unwrap()];
    solver.wait_until_visible(&published, LONG).await.unwrap();
    secondary.suspend();
    let waiting = solver.wait_until_visible(&published, LONG);
    tokio::pin!(waiting);
    // Longer than a look at a server that answers takes, shorter than the tries at one that does not.
    let early = tokio::time::timeout(Duration::from_secs(2), &mut waiting).await;
    assert!(early.is_err(), "it did not wait for the server that hangs");
    secondary.wake();
    waiting.await.unwrap();
}

#[tokio::test]
async fn at_the_deadline_the_one_server_of_three_that_lacks_it_is_named() {
    let (world, secondary) = pair(Software::Bind);
    let key = TransferKey::new("baton.key", "hmac-sha256");
    let elsewhere = World::with_key(Software::Bind, &[("other.test", "")], key);
    let lame = elsewhere.server.address();
    let all = [world.server.address(), secondary.address(), lame];
    let solver = asking(&world, &all);
    let published = solver.publish("example.test", VALUE).await.unwrap();

    let begin = Instant::now();
    let deadline = Duration::from_secs(4);
    let error = solver.wait_until_visible(&[published], deadline).await.unwrap_err();
    assert!(begin.elapsed() >= deadline && begin.elapsed() < deadline * 3, "{:?}", begin.elapsed());
    let DnsError::NotVisible { lacking, .. } = &error else { panic!("{error}") };
    assert_eq!(lacking.len(), 1, "{error}");
    assert_eq!(lacking[0].address, Some(lame));
    assert_eq!(lacking[0].reason, "it answered REFUSED");
    assert_eq!(lacking[0].record, NAME);
}

#[tokio::test]
async fn at_the_deadline_it_is_told_what_a_server_has_instead() {
    let world = World::new(Software::Bind, &[("example.test", "")]);
    let copy = World::new(
        Software::Bind,
        &[("example.test", "_acme-challenge IN TXT \"something\"\n_acme-challenge IN TXT \"else\"")],
    );
    let solver = asking(&world, &[copy.server.address()]);
    let mut published = solver.publish("example.test", VALUE).await.unwrap();
    let reason = async |published| {
        let error = solver.wait_until_visible(&[published], Duration::ZERO).await.unwrap_err();
        match error {
            DnsError::NotVisible { lacking, .. } => lacking[0].reason.clone(),
            other => panic!("{other}"),
        }
    };
    assert_eq!(reason(published.clone()).await, "it has 2 other values");
    published.record = "_acme-challenge.www.example.test".to_owned();
    assert_eq!(reason(published).await, "it has no such record");
}

#[tokio::test]
async fn an_answer_that_is_cut_is_asked_for_over_tcp() {
    let world = World::new(Software::Bind, &[("example.test", "")]);
    let solver = world.solver();
    let mut published = Vec::new();
    for number in 0..60 {
        let value = format!("{number:043}");
        published.push(solver.publish("example.test", &value).await.unwrap());
    }
    // 60 values are more than the 1232 bytes that an answer over UDP may have.
    let whole = world.server.txt(NAME);
    assert_eq!(whole.len(), 60);
    solver.wait_until_visible(&published, LONG).await.unwrap();
}

#[tokio::test]
async fn a_server_that_is_gone_does_not_hold_it_beyond_the_deadline() {
    let world = World::new(Software::Bind, &[("example.test", "")]);
    let published = world.solver().publish("example.test", VALUE).await.unwrap();
    let nobody = Place::new(Software::Bind);
    let gone = nobody.address();
    let mut config = config_at(world.server.address(), world.key_file());
    config.authoritative.push(gone);
    let solver = DnsSolver::new(config).unwrap();
    let begin = Instant::now();
    let error = solver.wait_until_visible(&[published], Duration::from_secs(1)).await.unwrap_err();
    assert!(begin.elapsed() < Duration::from_secs(8), "{:?}", begin.elapsed());
    let DnsError::NotVisible { lacking, .. } = &error else { panic!("{error}") };
    assert_eq!(lacking.iter().map(|lacking| lacking.address).collect::<Vec<_>>(), [Some(gone)]);
}
