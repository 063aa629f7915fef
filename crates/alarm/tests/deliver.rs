//! Delivery to real receivers: a webhook, a mail server, a program; and what is left when they do not take it.

#![expect(clippy::panic, clippy::unwrap_used, reason = "a test that cannot be set up is a failed test")]

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use baton_alarm::{
    Alarm, Channel, Credentials, Encryption, Heartbeat, Mail, Policy, Program, Transport, Webhook,
    parse_mailbox,
};
use baton_finding::Finding;
use baton_handover::{About, Certainty, Trouble};
use baton_platform::clock;
use baton_schedule::Attention;
use baton_state::State;
use baton_testkit::{Answer, Authority, MailOptions, MailServer, MailTls, Receiver};
use jiff::SignedDuration;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use tokio::sync::watch;
use tokio::task::JoinHandle;

const LIMIT: Duration = Duration::from_secs(30);

/// 20 s: so attempts are at most a second or so apart.
const POLICY: Policy = Policy { from: Attention::Soon, remind: SignedDuration::from_secs(20) };

fn trouble() -> Vec<Trouble> {
    vec![Trouble {
        kind: "not-served".to_owned(),
        about: About::Endpoint {
            target: "website".to_owned(),
            endpoint: "www.example.com:443".to_owned(),
            address: "10.0.0.7:443".to_owned(),
        },
        attention: Attention::Now,
        certainty: Certainty::Lasting,
        finding: Finding::error("endpoint-refused", "nobody listens", "see the log"),
    }]
}

async fn state(directory: &Path) -> State {
    State::open(&directory.join("state.db")).await.unwrap()
}

/// An alarm with one channel that delivers until it is stopped.
struct Running {
    alarm: Arc<Alarm>,
    stop: watch::Sender<()>,
    delivering: JoinHandle<()>,
}

impl Running {
    async fn start(directory: &Path, transport: Transport) -> Self {
        Self::with(
            state(directory).await,
            vec![Channel { name: "ops".to_owned(), policy: POLICY, transport }],
        )
    }

    fn with(state: State, channels: Vec<Channel>) -> Self {
        let alarm = Arc::new(Alarm::new(state, "web1".to_owned(), channels));
        let (stop, stopped) = watch::channel(());
        let delivering = tokio::spawn(Arc::clone(&alarm).deliver(stopped));
        Self { alarm, stop, delivering }
    }

    async fn consider(&self, troubles: Vec<Trouble>) {
        self.alarm.consider(troubles, clock::now()).await.unwrap();
    }

    async fn stop(self) {
        self.stop.send(()).unwrap();
        self.delivering.await.unwrap();
    }
}

async fn wait_until(what: &str, mut look: impl AsyncFnMut() -> bool) {
    let waiting = async {
        while !look().await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(LIMIT, waiting).await.unwrap_or_else(|_| panic!("waited in vain until {what}"));
}

fn webhook(receiver: &Receiver) -> Transport {
    let url = receiver.url("/hook/s3cr3t").parse().unwrap();
    Transport::Webhook(Webhook::new(url, baton_http::Trusted::System))
}

async fn waiting(state: &State) -> u32 {
    state.alert_channels().await.unwrap().iter().map(|channel| channel.waiting).sum()
}

#[tokio::test]
async fn a_webhook_gets_json_once() {
    let directory = tempfile::tempdir().unwrap();
    let receiver = Receiver::start(Answer::Status(204));
    let running = Running::start(directory.path(), webhook(&receiver)).await;
    for _ in 0..3 {
        running.consider(trouble()).await;
    }
    let state = state(directory.path()).await;
    wait_until("it is delivered", async || !receiver.received().is_empty() && waiting(&state).await == 0)
        .await;
    running.consider(Vec::new()).await;
    wait_until("the end is delivered", async || receiver.received().len() == 2 && waiting(&state).await == 0)
        .await;
    running.stop().await;

    let received = receiver.received();
    let [raised, cleared] = &received[..] else { panic!("{received:?}") };
    assert_eq!((raised.method.as_str(), raised.path.as_str()), ("POST", "/hook/s3cr3t"));
    assert!(raised.headers.contains(&("content-type".to_owned(), "application/json".to_owned())));
    let json: serde_json::Value = serde_json::from_str(&raised.body).unwrap();
    assert_eq!((&json["schema"], &json["host"]), (&"baton/1".into(), &"web1".into()));
    let notice = &json["notices"][0];
    for (field, value) in [
        ("event", "raised"),
        ("attention", "now"),
        ("code", "endpoint-refused"),
        ("target", "website"),
        ("endpoint", "www.example.com:443"),
        ("address", "10.0.0.7:443"),
        ("message", "nobody listens"),
        ("hint", "see the log"),
    ] {
        assert_eq!(notice[field], value, "{field}");
    }
    let over: serde_json::Value = serde_json::from_str(&cleared.body).unwrap();
    assert_eq!(over["notices"][0]["event"], "cleared");
    assert_eq!(over["notices"][0]["cause"], notice["cause"]);
    assert_eq!(over["notices"][0]["since"], notice["since"]);
    assert!(over["notices"][0]["id"].as_i64() > notice["id"].as_i64());
}

#[tokio::test]
async fn what_is_refused_waits_in_its_order_and_comes_in_one_message() {
    let directory = tempfile::tempdir().unwrap();
    let receiver = Receiver::start(Answer::Status(500));
    let running = Running::start(directory.path(), webhook(&receiver)).await;
    running.consider(trouble()).await;
    wait_until("two attempts have failed", async || receiver.received().len() >= 2).await;
    running.consider(Vec::new()).await;
    let state = state(directory.path()).await;
    let channel = state.alert_channels().await.unwrap().remove(0);
    let failure = channel.failure.unwrap();
    assert!(failure.contains("status 500") && !failure.contains("s3cr3t"), "{failure}");
    assert!(channel.attempts >= 1 && channel.waiting == 2);

    receiver.answer_with(Answer::Status(200));
    wait_until("it is delivered", async || waiting(&state).await == 0).await;
    let last = receiver.received().pop().unwrap();
    let json: serde_json::Value = serde_json::from_str(&last.body).unwrap();
    let events: Vec<&str> =
        json["notices"].as_array().unwrap().iter().map(|notice| notice["event"].as_str().unwrap()).collect();
    assert_eq!(events, ["raised", "cleared"]);
    assert_eq!(state.alert_channels().await.unwrap()[0].failure, None);
    running.stop().await;
}

#[tokio::test]
async fn a_yes_with_a_hundred_megabytes_is_a_yes() {
    let directory = tempfile::tempdir().unwrap();
    let receiver = Receiver::start(Answer::Endless);
    let running = Running::start(directory.path(), webhook(&receiver)).await;
    running.consider(trouble()).await;
    let state = state(directory.path()).await;
    wait_until("it is delivered", async || !receiver.received().is_empty() && waiting(&state).await == 0)
        .await;
    running.stop().await;
    assert_eq!(receiver.received().len(), 1);
}

#[tokio::test]
async fn what_was_raised_and_not_sent_is_sent_by_the_next_start_and_nothing_twice() {
    let directory = tempfile::tempdir().unwrap();
    let receiver = Receiver::start(Answer::Status(200));
    let channel = || vec![Channel { name: "ops".to_owned(), policy: POLICY, transport: webhook(&receiver) }];
    // Decided, and never delivered: the process ends here.
    Alarm::new(state(directory.path()).await, "web1".to_owned(), channel())
        .consider(trouble(), clock::now())
        .await
        .unwrap();
    assert!(receiver.received().is_empty());

    let state = state(directory.path()).await;
    for _ in 0..2 {
        let running = Running::with(state.clone(), channel());
        running.consider(trouble()).await;
        wait_until("it is delivered", async || waiting(&state).await == 0).await;
        running.stop().await;
    }
    assert_eq!(receiver.received().len(), 1);
}

#[tokio::test]
async fn one_that_is_silent_delays_no_other_and_no_decision() {
    let directory = tempfile::tempdir().unwrap();
    let (silent, answering) = (Receiver::start(Answer::Silence), Receiver::start(Answer::Status(200)));
    let channel = |name: &str, receiver| Channel {
        name: name.to_owned(),
        policy: POLICY,
        transport: webhook(receiver),
    };
    let running = Running::with(
        state(directory.path()).await,
        vec![channel("silent", &silent), channel("answering", &answering)],
    );
    let began = std::time::Instant::now();
    running.consider(trouble()).await;
    wait_until("the silent one was asked", async || !silent.received().is_empty()).await;
    wait_until("the other one has it", async || answering.received().len() == 1).await;
    running.consider(Vec::new()).await;
    wait_until("the other one has its end", async || answering.received().len() == 2).await;
    assert!(began.elapsed() < Duration::from_secs(8), "{:?}", began.elapsed());
    assert_eq!(silent.received().len(), 1, "it is still waited for");
    running.stop().await;
}

#[tokio::test]
async fn a_channel_that_is_gone_is_forgotten() {
    let directory = tempfile::tempdir().unwrap();
    let receiver = Receiver::start(Answer::Status(500));
    let running = Running::start(directory.path(), webhook(&receiver)).await;
    running.consider(trouble()).await;
    wait_until("it has failed", async || !receiver.received().is_empty()).await;
    running.stop().await;
    let state = state(directory.path()).await;
    assert_eq!(waiting(&state).await, 1);
    Running::with(state.clone(), Vec::new()).stop().await;
    assert!(state.alert_channels().await.unwrap().is_empty() && state.alerts().await.unwrap().is_empty());
}

fn mail(
    server: &MailServer,
    encryption: Encryption,
    password_file: Option<&Path>,
    root: Option<&str>,
) -> Transport {
    Transport::Mail(Mail {
        host: "localhost".to_owned(),
        port: server.port(),
        encryption,
        credentials: password_file
            .map(|file| Credentials { user: "baton".to_owned(), password_file: file.to_owned() }),
        roots: root.iter().map(|pem| CertificateDer::from_pem_slice(pem.as_bytes()).unwrap()).collect(),
        from: parse_mailbox("baton@example.com").unwrap(),
        to: vec![
            parse_mailbox("Operations <ops@example.com>").unwrap(),
            parse_mailbox("boss@example.com").unwrap(),
        ],
    })
}

#[tokio::test]
async fn mail_goes_out_with_and_without_tls_and_login() {
    let authority = Authority::new("Mail CA");
    let certificate = authority.issue(&["localhost"]).sign();
    for (tls, encryption) in [
        (MailTls::Off, Encryption::Off),
        (MailTls::StartTls, Encryption::StartTls),
        (MailTls::Implicit, Encryption::Implicit),
    ] {
        for has_login in [false, true] {
            let directory = tempfile::tempdir().unwrap();
            let file = directory.path().join("password");
            fs_err::write(&file, "geheim\n").unwrap();
            let server = MailServer::start(MailOptions {
                tls,
                certificate: (tls != MailTls::Off).then(|| certificate.clone()),
                login: has_login.then(|| ("baton".to_owned(), "geheim".to_owned())),
            });
            let file = has_login.then_some(file.as_path());
            let root = (tls != MailTls::Off).then(|| authority.root_pem());
            let running = Running::start(directory.path(), mail(&server, encryption, file, root)).await;
            running.consider(trouble()).await;
            let state = state(directory.path()).await;
            wait_until(&format!("the mail is there with {tls:?}"), async || {
                !server.mails().is_empty() && waiting(&state).await == 0
            })
            .await;
            running.stop().await;
            let mails = server.mails();
            let [mail] = &mails[..] else { panic!("{mails:?}") };
            assert_eq!(mail.is_encrypted, tls != MailTls::Off);
            assert_eq!(mail.user.as_deref(), has_login.then_some("baton"));
            assert_eq!(mail.from, "baton@example.com");
            assert_eq!(mail.to, ["ops@example.com", "boss@example.com"]);
            for part in [
                "Subject: Baton on web1: now: nobody listens",
                "Auto-Submitted: auto-generated",
                "To: Operations <ops@example.com>, boss@example.com",
                "now: website, www.example.com:443",
                "  nobody listens [endpoint-refused]",
            ] {
                assert!(mail.text.contains(part), "{part} is not in\n{}", mail.text);
            }
        }
    }
}

#[tokio::test]
async fn mail_never_goes_to_a_server_that_is_not_proven_or_does_not_offer_tls() {
    let certificate = Authority::new("Mail CA").issue(&["localhost"]).sign();
    let other = Authority::new("Another CA");
    let unknown = MailOptions { tls: MailTls::StartTls, certificate: Some(certificate), login: None };
    let plain = MailOptions { tls: MailTls::Off, certificate: None, login: None };
    for options in [unknown, plain] {
        let directory = tempfile::tempdir().unwrap();
        let server = MailServer::start(options);
        let transport = mail(&server, Encryption::StartTls, None, Some(other.root_pem()));
        let running = Running::start(directory.path(), transport).await;
        running.consider(trouble()).await;
        let state = state(directory.path()).await;
        let failed = async || state.alert_channels().await.unwrap().iter().any(|one| one.failure.is_some());
        wait_until("it has failed", failed).await;
        running.stop().await;
        assert!(server.mails().is_empty());
    }
}

#[tokio::test]
async fn a_wrong_password_is_told_without_the_password() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("password");
    fs_err::write(&file, "falsch").unwrap();
    let login = Some(("baton".to_owned(), "geheim".to_owned()));
    let server = MailServer::start(MailOptions { tls: MailTls::Off, certificate: None, login });
    let running = Running::start(directory.path(), mail(&server, Encryption::Off, Some(&file), None)).await;
    running.consider(trouble()).await;
    let state = state(directory.path()).await;
    let failure = async || state.alert_channels().await.unwrap().first().and_then(|one| one.failure.clone());
    wait_until("it has failed", async || failure().await.is_some()).await;
    let told = failure().await.unwrap();
    assert!(told.contains("535") && !told.contains("falsch"), "{told}");
    // Corrected in its file: no restart is needed.
    fs_err::write(&file, "geheim").unwrap();
    wait_until("the mail is there", async || server.mails().len() == 1).await;
    running.stop().await;
}

#[tokio::test]
async fn a_command_reads_json_and_its_failure_is_kept() {
    let directory = tempfile::tempdir().unwrap();
    let (seen, gate) = (directory.path().join("seen.json"), directory.path().join("gate"));
    let script = format!(
        "test -e {gate} || {{ echo no pager; exit 3; }}; cat > {seen}",
        gate = gate.display(),
        seen = seen.display()
    );
    let program =
        Program { argv: ["sh", "-c", &script].map(str::to_owned).into(), time_limit: Duration::from_secs(5) };
    let running = Running::start(directory.path(), Transport::Command(program)).await;
    running.consider(trouble()).await;
    let state = state(directory.path()).await;
    let failure = async || state.alert_channels().await.unwrap().first().and_then(|one| one.failure.clone());
    wait_until("it has failed", async || failure().await.is_some()).await;
    let told = failure().await.unwrap();
    assert!(told.contains("exit code 3") && told.contains("no pager"), "{told}");
    fs_err::write(&gate, "").unwrap();
    wait_until("it is delivered", async || waiting(&state).await == 0).await;
    running.stop().await;
    let json: serde_json::Value = serde_json::from_str(&fs_err::read_to_string(&seen).unwrap()).unwrap();
    assert_eq!(json["notices"][0]["code"], "endpoint-refused");
}

#[tokio::test]
async fn a_heart_beats_at_its_interval_and_never_waits() {
    let receiver = Receiver::start(Answer::Silence);
    let heartbeat = Heartbeat::new(receiver.url("/ping/s3cr3t").parse().unwrap(), Duration::from_secs(60));
    let mut pulse = heartbeat.start();
    let began = std::time::Instant::now();
    let now = clock::now();
    let minute = SignedDuration::from_mins(1);
    assert_eq!(pulse.beat(now).await, now + minute);
    wait_until("it is asked", async || receiver.received().len() == 1).await;
    // The first one is still on its way: no second beside it.
    assert_eq!(pulse.beat(now + minute).await, now + minute + minute);
    assert_eq!(pulse.beat(now + minute * 3 / 2).await, now + minute + minute);
    assert!(began.elapsed() < Duration::from_secs(5));
    assert_eq!(receiver.received().len(), 1);
    assert_eq!(
        (receiver.received()[0].method.as_str(), receiver.received()[0].path.as_str()),
        ("GET", "/ping/s3cr3t")
    );
    assert!(!format!("{heartbeat:?}").contains("s3cr3t"), "{heartbeat:?}");
    // The clock was put back by a year: it does not fall silent for that long.
    let past = now - SignedDuration::from_hours(365 * 24);
    assert_eq!(pulse.beat(past).await, past + minute);
}

#[test]
fn of_a_url_only_scheme_and_host_are_shown() {
    let url: baton_alarm::SecretUrl =
        "https://hooks.example.com:8443/services/T0/s3cr3t?key=s3cr3t".parse().unwrap();
    assert_eq!(format!("{url} {url:?}"), "https://hooks.example.com:8443 https://hooks.example.com:8443");
    for wrong in [
        "hooks.example.com/s3cr3t",
        "ftp://h/s3cr3t",
        "https:///s3cr3t",
        "https://u:s3cr3t@h/",
        "",
        "https://h/ s3cr3t",
    ] {
        let error = wrong.parse::<baton_alarm::SecretUrl>().unwrap_err().to_string();
        assert!(!error.contains("s3cr3t"), "{error}");
    }
}
