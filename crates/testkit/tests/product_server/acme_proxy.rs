//! The proxy in front of Pebble, with another client than Baton's own words as the witness: instant-acme, which holds a
//! server to RFC 9773 itself.

use std::path::Path;
use std::time::{Duration, SystemTime};

use baton_testkit::{
    AcmeProxy, Pebble, PebbleOptions, RecordedOrder, RenewalAnswer, Webroot, certificate_identifier,
    invocation,
};
use instant_acme::{
    Account, CertificateIdentifier, ChallengeType, Error, Identifier, NewAccount, NewOrder, OrderStatus,
    RetryPolicy,
};

const LIMIT: Duration = Duration::from_secs(20);

/// The proxy, and an account there.
struct Scene {
    proxy: AcmeProxy,
    account: Account,
    webroot: Webroot,
}

impl Scene {
    /// In front of a strict Pebble: what the proxy adds must not be refused there.
    async fn new() -> Self {
        let options = PebbleOptions { strict: true, ..PebbleOptions::default() };
        let proxy = AcmeProxy::start(Pebble::with(&options));
        let account = account(&proxy).await;
        let webroot = Webroot::serve(proxy.pebble().http_address());
        Self { proxy, account, webroot }
    }

    /// Carries an order out; the identifier of what it gave.
    async fn issue(&self, order: NewOrder<'_>) -> Result<String, Error> {
        let mut order = self.account.new_order(&order).await?;
        let mut authorizations = order.authorizations();
        while let Some(authorization) = authorizations.next().await {
            let mut authorization = authorization?;
            let mut challenge = authorization.challenge(ChallengeType::Http01).unwrap();
            let file = self.webroot.challenge_directory().join(&challenge.token);
            fs_err::write(file, challenge.key_authorization().as_str()).unwrap();
            challenge.set_ready().await?;
        }
        order.poll_ready(&RetryPolicy::default()).await?;
        order.finalize().await?;
        let chain = order.poll_certificate(&RetryPolicy::default()).await?;
        Ok(certificate_identifier(&leaf(&chain)))
    }
}

async fn account(proxy: &AcmeProxy) -> Account {
    let new = NewAccount { contact: &[], terms_of_service_agreed: true, only_return_existing: false };
    let builder = Account::builder_with_root(proxy.directory_root()).unwrap();
    builder.create(&new, proxy.directory_url(), None).await.unwrap().0
}

/// The DER of the first certificate, by OpenSSL.
fn leaf(chain: &str) -> Vec<u8> {
    let directory = tempfile::tempdir().unwrap();
    let (pem, der) = (directory.path().join("chain.pem"), directory.path().join("leaf.der"));
    fs_err::write(&pem, chain).unwrap();
    let convert = ["openssl", "x509", "-in", text(&pem), "-outform", "DER", "-out", text(&der)];
    invocation::run(&convert, LIMIT).unwrap().expect_success();
    fs_err::read(der).unwrap()
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn dns(name: &str) -> [Identifier; 1] {
    [Identifier::Dns(name.to_owned())]
}

fn replaced(identifier: &str) -> CertificateIdentifier<'_> {
    let (authority, serial) = identifier.split_once('.').unwrap();
    CertificateIdentifier { authority_key_identifier: authority.into(), serial: serial.into() }
}

/// The type of the problem that a server answered with.
#[track_caller]
fn problem<T>(result: Result<T, Error>) -> String {
    match result {
        Err(Error::Api(problem)) => problem.r#type.unwrap_or_default().rsplit(':').next().unwrap().to_owned(),
        Err(error) => panic!("another error: {error}"),
        Ok(_) => panic!("not refused"),
    }
}

#[tokio::test]
async fn renewal_information_is_what_the_test_says() {
    let scene = Scene::new().await;
    let identifier = scene.issue(NewOrder::new(&dns("a.example"))).await.unwrap();
    assert_eq!(scene.proxy.issued(), std::slice::from_ref(&identifier));

    // By itself: near two thirds of the 90 days.
    let (info, pause) = scene.account.renewal_info(&replaced(&identifier)).await.unwrap();
    #[expect(clippy::disallowed_methods, reason = "the proxy stands on no clock of Baton")]
    let now = SystemTime::now();
    let from_now = SystemTime::from(info.suggested_window.start).duration_since(now).unwrap();
    assert_eq!(from_now.as_secs() / (24 * 60 * 60), 59);
    assert!(info.suggested_window.start < info.suggested_window.end);
    assert!(pause > Duration::from_secs(6 * 60 * 60 - 60), "{pause:?}");

    let (start, end) = (SystemTime::UNIX_EPOCH, SystemTime::UNIX_EPOCH + Duration::from_secs(60));
    let explanation = Some("https://ca.example/incident".to_owned());
    let retry_after = Some(Duration::from_secs(600));
    let answer = RenewalAnswer::Window { start, end, explanation: explanation.clone(), retry_after };
    scene.proxy.set_renewal_info(&identifier, answer);
    let (info, pause) = scene.account.renewal_info(&replaced(&identifier)).await.unwrap();
    assert_eq!((SystemTime::from(info.suggested_window.start), info.explanation_url), (start, explanation));
    assert!(pause <= Duration::from_secs(600) && pause > Duration::from_secs(590), "{pause:?}");

    scene.proxy.set_renewal_info(&identifier, RenewalAnswer::Problem { status: 404, retry_after });
    assert_eq!(problem(scene.account.renewal_info(&replaced(&identifier)).await), "malformed");
    scene.proxy.set_renewal_info(&identifier, RenewalAnswer::Nonsense("<html>".to_owned()));
    assert!(scene.account.renewal_info(&replaced(&identifier)).await.is_err());
    assert!(scene.account.renewal_info(&replaced("aYhb.aYhb")).await.is_err(), "not known");
    assert_eq!(scene.proxy.renewal_questions().len(), 5);
}

#[tokio::test]
async fn what_an_order_replaces_is_checked_recorded_and_reflected() {
    let scene = Scene::new().await;
    let names = dns("a.example");
    let first = scene.issue(NewOrder::new(&names)).await.unwrap();
    let order = async |identifier| {
        let order = NewOrder::new(&names).replaces(replaced(identifier));
        scene.account.new_order(&order).await
    };

    // instant-acme itself refuses an order in which the server does not reflect it.
    let second = scene.issue(NewOrder::new(&names).replaces(replaced(&first))).await.unwrap();
    assert_ne!(first, second);
    assert_eq!(problem(order(&first).await), "alreadyReplaced");
    assert_eq!(problem(order("aYhb.aYhb").await), "malformed");
    assert_eq!(problem(order("a+.aYhb").await), "malformed");
    let other_names = dns("b.example");
    let other = NewOrder::new(&other_names).replaces(replaced(&second));
    assert_eq!(problem(scene.account.new_order(&other).await), "malformed");
    let stranger = account(&scene.proxy).await;
    let foreign = stranger.new_order(&NewOrder::new(&names).replaces(replaced(&second))).await;
    assert_eq!(problem(foreign), "unauthorized");

    let orders = scene.proxy.orders();
    let recorded = |replaces: Option<&str>, refused: Option<&str>| RecordedOrder {
        identifiers: vec!["dns:a.example".to_owned()],
        replaces: replaces.map(str::to_owned),
        profile: None,
        refused: refused.map(str::to_owned),
    };
    assert_eq!(orders[0], recorded(None, None));
    assert_eq!(orders[1], recorded(Some(&first), None));
    assert_eq!(orders[2], recorded(Some(&first), Some("alreadyReplaced")));
}

#[tokio::test]
async fn an_order_that_failed_replaces_nothing() {
    let scene = Scene::new().await;
    let names = dns("a.example");
    let first = scene.issue(NewOrder::new(&names)).await.unwrap();
    let order = NewOrder::new(&names).replaces(replaced(&first));
    let mut failing = scene.account.new_order(&order).await.unwrap();
    let mut authorizations = failing.authorizations();
    while let Some(authorization) = authorizations.next().await {
        let mut authorization = authorization.unwrap();
        // Nothing is put into the webroot: the validation fails.
        authorization.challenge(ChallengeType::Http01).unwrap().set_ready().await.unwrap();
    }
    let status = failing.poll_ready(&RetryPolicy::default()).await;
    assert!(!matches!(status, Ok(OrderStatus::Ready)), "{status:?}");
    let status = failing.refresh().await.unwrap().status;
    assert_eq!(status, OrderStatus::Invalid);
    scene.issue(order).await.unwrap();
}

#[tokio::test]
async fn profiles_and_rate_limits_are_what_the_test_says() {
    let scene = Scene::new().await;
    let names = dns("a.example");
    let order = |profile| NewOrder::new(&names).profile(profile);
    assert_eq!(problem(scene.account.new_order(&order("shortlived")).await), "invalidProfile");
    scene.proxy.set_profiles(&["classic", "shortlived"]);
    scene.issue(order("shortlived")).await.unwrap();
    // The directory is read when an account is made.
    let account = account(&scene.proxy).await;
    let mut offered: Vec<_> = account.profiles().map(|profile| profile.name.to_owned()).collect();
    offered.sort();
    assert_eq!(offered, ["classic", "shortlived"]);

    scene.proxy.refuse_orders(Some(Duration::from_secs(3600)));
    assert_eq!(problem(scene.account.new_order(&order("classic")).await), "rateLimited");
    scene.proxy.refuse_orders(None);
    scene.account.new_order(&order("classic")).await.unwrap();
    let refused: Vec<_> = scene.proxy.orders().into_iter().map(|order| order.refused).collect();
    assert_eq!(refused, [Some("invalidProfile".to_owned()), None, Some("rateLimited".to_owned()), None]);
}
