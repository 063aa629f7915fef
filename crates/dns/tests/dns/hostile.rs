//! Servers that lie, stall and flood.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use baton_dns::{CommandConfig, DnsConfig, DnsError, DnsSolver, ExchangeError, ProviderConfig};
use baton_finding::{Explain as _, Retry};
use baton_testkit::name_server::TransferKey;
use hickory_proto::op::{Message, OpCode, ResponseCode};
use hickory_proto::rr::rdata::{A, CNAME, NS, SOA, TXT};
use hickory_proto::rr::{Name, RData, RecordType};

use crate::liar::{Liar, answer, asked, framed, record};
use crate::world::{VALUE, config_at};

/// Publishes by doing nothing, and asks `resolver` where.
fn config(resolver: SocketAddr) -> DnsConfig {
    let nothing = vec!["true".to_owned()];
    let time_limit = Duration::from_secs(5);
    DnsConfig {
        provider: ProviderConfig::Command(CommandConfig {
            publish: nothing.clone(),
            remove: nothing,
            time_limit,
        }),
        zone: None,
        resolvers: vec![resolver],
        authoritative: Vec::new(),
        deadline: Duration::from_secs(30),
    }
}

async fn locate(liar: &Liar) -> Result<baton_dns::Published, DnsError> {
    DnsSolver::new(config(liar.address)).unwrap().locate("www.example.com", VALUE).await
}

fn soa() -> RData {
    let name = Name::from_ascii("ns1.example.com.").unwrap();
    RData::SOA(SOA::new(name.clone(), name, 1, 1, 1, 1, 1))
}

/// An honest answer about a zone example.com without aliases.
fn honest(question: &Message) -> Message {
    let is_zone = asked(question) == Name::from_ascii("example.com.").unwrap();
    let is_soa = question.queries[0].query_type() == RecordType::SOA;
    let records = if is_zone && is_soa { vec![record(question, soa())] } else { Vec::new() };
    answer(question, records)
}

#[tokio::test]
async fn strays_and_forgeries_before_the_answer_are_passed_over() {
    let liar = Liar::new(
        |question| {
            let mut forged = answer(
                question,
                vec![record(question, RData::CNAME(CNAME(Name::from_ascii("evil.").unwrap())))],
            );
            forged.metadata.id ^= 1;
            let echo = question.to_vec().unwrap();
            vec![
                Vec::new(),
                vec![0],
                vec![0xff; 600],
                forged.to_vec().unwrap(),
                echo,
                honest(question).to_vec().unwrap(),
            ]
        },
        |_| Vec::new(),
    );
    let located = locate(&liar).await.unwrap();
    assert_eq!(
        (located.record.as_str(), located.zone.as_str()),
        ("_acme-challenge.www.example.com", "example.com")
    );
}

#[tokio::test]
async fn an_answer_to_another_question_is_none() {
    let liar = Liar::answering(|question| {
        let mut other = answer(question, Vec::new());
        other.queries[0].set_name(Name::from_ascii("other.example.").unwrap());
        other
    });
    let error = locate(&liar).await.unwrap_err();
    assert!(error.chain().ends_with("it answers another question"), "{}", error.chain());
}

#[tokio::test]
async fn aliases_without_end_are_followed_for_eight_steps() {
    let asked_for = std::sync::Arc::new(AtomicUsize::new(0));
    let counter = std::sync::Arc::clone(&asked_for);
    let liar = Liar::answering(move |question| {
        let number = counter.fetch_add(1, Ordering::Relaxed);
        let next = Name::from_ascii(format!("step{number}.example.com.")).unwrap();
        answer(question, vec![record(question, RData::CNAME(CNAME(next)))])
    });
    let error = locate(&liar).await.unwrap_err();
    assert!(matches!(&error, DnsError::AliasTooLong { path } if path.len() == 10), "{error}");
    assert_eq!(asked_for.load(Ordering::Relaxed), 9);
    assert_eq!(error.retry(), Retry::Never);
}

#[tokio::test]
async fn an_alias_to_an_unusual_name_goes_nowhere_and_is_shown_in_plain_characters() {
    for label in [&b"a b"[..], b"$(reboot)", b"\x1b[31m", b"a;b", b"a.b", b"\xff\x00", b"--x=`y`", b"/etc"] {
        let label = label.to_vec();
        let liar = Liar::answering(move |question| {
            let odd = Name::from_labels([label.as_slice(), b"example", b"com"]).unwrap();
            answer(question, vec![record(question, RData::CNAME(CNAME(odd)))])
        });
        let error = locate(&liar).await.unwrap_err();
        assert!(matches!(error, DnsError::AliasOdd { .. }), "{error}");
        assert!(
            error.to_string().chars().all(|character| character == '→' || (' '..='~').contains(&character))
        );
    }
}

#[tokio::test]
async fn records_of_other_names_in_an_answer_do_not_count() {
    let liar = Liar::answering(|question| {
        let mut honest = honest(question);
        let elsewhere = Name::from_ascii("elsewhere.example.").unwrap();
        let mut alias = record(question, RData::CNAME(CNAME(Name::from_ascii("evil.example.").unwrap())));
        alias.name = elsewhere.clone();
        let mut zone = record(question, soa());
        zone.name = elsewhere;
        honest.add_answers([alias, zone]);
        honest
    });
    assert_eq!(locate(&liar).await.unwrap().zone, "example.com");
}

#[tokio::test]
async fn the_root_is_no_zone_to_write_into() {
    let liar = Liar::answering(|question| {
        let records = if asked(question).is_root() { vec![record(question, soa())] } else { Vec::new() };
        answer(question, records)
    });
    assert_eq!(locate(&liar).await.unwrap_err().code(), "dns-zone-not-found");
}

#[tokio::test(start_paused = true)]
async fn a_resolver_that_never_answers_is_given_up() {
    let liar = Liar::new(|_| Vec::new(), |_| Vec::new());
    let begin = tokio::time::Instant::now();
    let error = locate(&liar).await.unwrap_err();
    assert!(matches!(error, DnsError::Lookup { cause: ExchangeError::Silent, .. }), "{error}");
    assert!(begin.elapsed() <= Duration::from_secs(13), "{:?}", begin.elapsed());
}

#[tokio::test]
async fn a_flood_of_strays_ends() {
    let liar = Liar::new(
        |question| {
            let mut stray = answer(question, Vec::new());
            stray.metadata.id ^= 1;
            vec![stray.to_vec().unwrap(); 200]
        },
        |_| Vec::new(),
    );
    let error = locate(&liar).await.unwrap_err();
    assert!(error.chain().ends_with("too many datagrams that are no answer"), "{}", error.chain());
}

/// Cut over UDP, then these bytes over TCP.
fn cut(tcp: impl Fn(&Message) -> Vec<u8> + Send + Sync + 'static) -> Liar {
    let udp = |question: &Message| {
        let mut cut = answer(question, Vec::new());
        cut.metadata.truncation = true;
        // In the middle of something: only its header can be read.
        let mut bytes = cut.to_vec().unwrap();
        bytes.truncate(15);
        vec![bytes]
    };
    Liar::new(udp, tcp)
}

#[tokio::test]
async fn a_cut_answer_is_fetched_over_tcp_up_to_the_largest() {
    let liar = cut(|question| {
        let mut large = honest(question);
        let filler = |number: usize| {
            let mut filler = record(question, RData::TXT(TXT::new(vec!["x".repeat(200)])));
            filler.name = Name::from_ascii(format!("n{number}.example.")).unwrap();
            filler
        };
        let fillers: Vec<_> = (0..270).map(filler).collect();
        large.add_answers(fillers);
        framed(&large.to_vec().unwrap())
    });
    assert_eq!(locate(&liar).await.unwrap().zone, "example.com");
}

#[tokio::test]
async fn garbage_over_tcp_is_told_as_such() {
    let liar = cut(|_| framed(&[0xa5; 65535]));
    let error = locate(&liar).await.unwrap_err();
    assert!(error.chain().contains("its answer cannot be read"), "{}", error.chain());
}

#[tokio::test]
async fn an_answer_over_tcp_that_never_ends_is_given_up() {
    let liar = cut(|_| vec![0xff; 3]);
    let solver = DnsSolver::new(config(liar.address)).unwrap();
    let begin = std::time::Instant::now();
    let error = solver.locate("www.example.com", VALUE).await.unwrap_err();
    assert!(matches!(error, DnsError::Lookup { cause: ExchangeError::Silent, .. }), "{}", error.chain());
    assert!(begin.elapsed() < Duration::from_secs(25), "{:?}", begin.elapsed());
}

#[tokio::test]
async fn a_zone_with_too_many_servers_is_refused() {
    let liar = cut(|question| {
        let servers = (0..1000).map(|number| {
            let server = Name::from_ascii(format!("ns{number}.example.com.")).unwrap();
            record(question, RData::NS(NS(server)))
        });
        let is_ns = question.queries[0].query_type() == RecordType::NS;
        let answer = if is_ns { answer(question, servers.collect()) } else { honest(question) };
        framed(&answer.to_vec().unwrap())
    });
    let solver = DnsSolver::new(config(liar.address)).unwrap();
    let published = solver.publish("www.example.com", VALUE).await.unwrap();
    let error = solver.wait_until_visible(&[published], Duration::from_secs(1)).await.unwrap_err();
    assert!(matches!(error, DnsError::TooManyNameServers { number: 1000, .. }), "{error}");
}

#[tokio::test]
async fn only_an_authoritative_answer_of_the_record_itself_counts() {
    for (lie, told) in [
        ("not authoritative", "it does not answer for the zone"),
        ("other name", "it has no such record"),
        ("other case", "it has another value"),
        ("part", "it has another value"),
    ] {
        let liar = Liar::answering(move |question| {
            let text = match lie {
                "other case" => VALUE.to_lowercase(),
                "part" => VALUE[1..].to_owned(),
                _ => VALUE.to_owned(),
            };
            let mut value = record(question, RData::TXT(TXT::new(vec![text])));
            if lie == "other name" {
                value.name = Name::from_ascii("other.example.com.").unwrap();
            }
            let mut answer = if question.queries[0].query_type() == RecordType::TXT {
                answer(question, vec![value])
            } else {
                honest(question)
            };
            answer.metadata.authoritative = lie != "not authoritative";
            answer
        });
        let mut config = config(liar.address);
        config.authoritative = vec![liar.address];
        let solver = DnsSolver::new(config).unwrap();
        let published = solver.publish("www.example.com", VALUE).await.unwrap();
        let error = solver.wait_until_visible(&[published], Duration::ZERO).await.unwrap_err();
        let DnsError::NotVisible { lacking, .. } = &error else { panic!("{error}") };
        assert_eq!(lacking[0].reason, told, "{lie}");
    }
}

#[tokio::test]
async fn a_silent_name_server_does_not_hold_it_beyond_the_deadline() {
    let liar = Liar::new(
        |question| match question.queries[0].query_type() {
            RecordType::TXT => Vec::new(),
            _ => vec![honest(question).to_vec().unwrap()],
        },
        |_| Vec::new(),
    );
    let mut config = config(liar.address);
    config.authoritative = vec![liar.address];
    let solver = DnsSolver::new(config).unwrap();
    let published = solver.publish("www.example.com", VALUE).await.unwrap();
    let begin = std::time::Instant::now();
    let error = solver.wait_until_visible(&[published], Duration::ZERO).await.unwrap_err();
    // One look is finished, and no more than two seconds are given to it.
    assert!(begin.elapsed() < Duration::from_secs(4), "{:?}", begin.elapsed());
    let DnsError::NotVisible { lacking, .. } = &error else { panic!("{error}") };
    assert_eq!(lacking[0].reason, "no answer");
}

#[tokio::test]
async fn a_value_in_several_strings_is_put_together() {
    let liar = Liar::answering(|question| {
        let text = TXT::new(vec![VALUE[..10].to_owned(), VALUE[10..].to_owned()]);
        match question.queries[0].query_type() {
            RecordType::TXT => answer(question, vec![record(question, RData::TXT(text))]),
            _ => honest(question),
        }
    });
    let mut config = config(liar.address);
    config.authoritative = vec![liar.address];
    let solver = DnsSolver::new(config).unwrap();
    let published = solver.publish("www.example.com", VALUE).await.unwrap();
    solver.wait_until_visible(&[published], Duration::ZERO).await.unwrap();
}

/// A solver whose updates go to the liar, and the file of its key.
fn updating(liar: &Liar) -> (tempfile::TempDir, DnsSolver) {
    let directory = tempfile::tempdir().unwrap();
    let key_file: PathBuf = directory.path().join("key");
    fs_err::write(&key_file, TransferKey::new("baton.key", "hmac-sha256").file()).unwrap();
    let solver = DnsSolver::new(config_at(liar.address, key_file)).unwrap();
    (directory, solver)
}

#[tokio::test]
async fn whoever_says_done_without_the_key_is_not_believed() {
    for with_signature in [false, true] {
        let liar = Liar::answering(move |question| {
            let mut answer = if question.metadata.op_code == OpCode::Update {
                answer(question, Vec::new())
            } else {
                honest(question)
            };
            if with_signature {
                // The client's own signature: the key's name is right, and the MAC is one of the key.
                answer.signature = question.signature.clone();
            }
            answer
        });
        let (_directory, solver) = updating(&liar);
        let error = solver.publish("www.example.com", VALUE).await.unwrap_err();
        assert_eq!(
            (error.code(), error.retry()),
            ("dns-answer-unsigned", Retry::Backoff),
            "{}",
            error.chain()
        );
    }
}

#[tokio::test]
async fn each_code_of_an_update_is_told_by_its_name() {
    for (code, named) in [
        (ResponseCode::NotZone, "dns-not-in-zone"),
        (ResponseCode::NotAuth, "dns-not-authoritative"),
        (ResponseCode::Refused, "dns-update-refused"),
        (ResponseCode::NotImp, "dns-update-unsupported"),
        (ResponseCode::ServFail, "dns-update-failed"),
        (ResponseCode::YXDomain, "dns-update-failed"),
    ] {
        let liar = Liar::answering(move |question| {
            if question.metadata.op_code != OpCode::Update {
                return honest(question);
            }
            let mut answer = answer(question, Vec::new());
            answer.metadata.response_code = code;
            answer
        });
        let (_directory, solver) = updating(&liar);
        let error = solver.publish("www.example.com", VALUE).await.unwrap_err();
        assert_eq!(error.code(), named, "{}", error.chain());
        assert!(error.hint().is_some());
    }
}

#[tokio::test]
async fn a_name_server_without_an_address_is_named() {
    let liar = Liar::answering(|question| match question.queries[0].query_type() {
        RecordType::NS => {
            let server = |name: &str| record(question, RData::NS(NS(Name::from_ascii(name).unwrap())));
            answer(question, vec![server("ns1.example.com."), server("ns2.example.com.")])
        }
        RecordType::A if asked(question) == Name::from_ascii("ns1.example.com.").unwrap() => {
            answer(question, vec![record(question, RData::A(A::new(127, 0, 0, 1)))])
        }
        _ => honest(question),
    });
    let solver = DnsSolver::new(config(liar.address)).unwrap();
    let published = solver.publish("www.example.com", VALUE).await.unwrap();
    let error = solver.wait_until_visible(&[published], Duration::ZERO).await.unwrap_err();
    let DnsError::NotVisible { lacking, .. } = &error else { panic!("{error}") };
    let ns2 = lacking.iter().find(|lacking| lacking.server == "ns2.example.com").unwrap();
    assert_eq!((ns2.address, ns2.reason.as_str()), (None, "its name has no address"));
}
