//! One order, from the first request to the certificate (RFC 8555, 7.4).

use std::time::Duration;

use baton_finding::Explain as _;
use baton_platform::clock;
use baton_platform::progress::{self, Stage};
use baton_x509::{Certificate, Name, PemContents, PrivateKey};
use instant_acme::{
    Account, AuthorizationStatus, ChallengeStatus, Identifier, NewOrder, Order as Remote, OrderStatus,
};

use super::challenge::{Held, Task, kind_shown, shown};
use super::error::words;
use super::kept::{KeptOrder, Purpose};
use super::patience::patiently;
use super::{Acme, AcmeError, renewal_id};
use crate::key::new_key;
use crate::{CertificateRequest, IssueError, KeySource, Order, certificate_of_answer};

/// The pauses between two looks at an order: short ones first, as a small CA has long answered then.
const FIRST_PAUSE: Duration = Duration::from_millis(5);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// How often an order that is ready is finalized: the answer may be lost, and the next look says whether it was.
const FINALIZATIONS: u32 = 3;

/// Obtains a certificate: by the order that is under way, else by a new one.
pub(super) async fn obtain(acme: &Acme, order: &Order<'_>) -> Result<Certificate, AcmeError> {
    if let Some(name) = order.names.iter().find(|name| is_wildcard(name))
        && !acme.settings.solver.takes_wildcards()
    {
        let challenge = acme.settings.solver.name();
        return Err(AcmeError::Wildcard { name: name.clone(), challenge });
    }
    let mut account = acme.accounts.open().await?;
    let begun = match begin(acme, &account, order).await {
        Err(error) if is_unknown_account(&error) => {
            // The CA has lost it, or someone deactivated it elsewhere.
            acme.accounts.forget_registration().await?;
            account = acme.accounts.open().await?;
            begin(acme, &account, order).await
        }
        begun => begun,
    };
    let (mut remote, mut kept, key) = begun?;
    let result = drive(acme, order, &mut remote, &mut kept, &key).await;
    // Nothing more is to be had from these; else it is kept until the certificate is durable elsewhere.
    if let Err(
        AcmeError::Validation { .. }
        | AcmeError::Invalid { .. }
        | AcmeError::NoChallenge { .. }
        | AcmeError::WrongCertificate { .. },
    ) = &result
    {
        acme.forget(order.certificate)?;
    }
    result
}

/// The order to go on with: the one that is kept, if it serves the purpose and the server knows it; else a new one.
async fn begin(
    acme: &Acme,
    account: &Account,
    order: &Order<'_>,
) -> Result<(Remote, KeptOrder, PrivateKey), AcmeError> {
    progress::report(Stage::Authorizing, Some(order.certificate), None);
    let purpose =
        Purpose { account: account.id(), names: order.names, profile: acme.settings.profile.as_deref() };
    let same = match order.key {
        KeySource::Same(key) => Some(key),
        KeySource::New(_) | KeySource::Kept(_) => None,
    };
    let known = match KeptOrder::read(&acme.files, order.certificate) {
        Err(error @ AcmeError::Damaged { .. }) => {
            tracing::warn!("an order that was interrupted cannot be taken up: {error}");
            None
        }
        known => known?,
    };
    if let Some(kept) = known {
        if let Some(key) = kept.key_for(purpose, same, clock::now()) {
            let remote =
                patiently!(acme.accounts.patience("taking up an order"), account.order(kept.url.clone()));
            match remote {
                Ok(mut remote) => {
                    if remote.state().status != OrderStatus::Invalid {
                        tracing::info!(
                            certificate = order.certificate,
                            "an order that was interrupted is taken up"
                        );
                        return Ok((remote, kept, key));
                    }
                }
                // The server has forgotten it.
                Err(AcmeError::Refused { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        clear(acme, &kept).await;
    }
    let no_key = |reason: String| AcmeError::Make { what: "the key", reason };
    let key = match &order.key {
        KeySource::Same(key) => (*key).clone(),
        KeySource::New(algorithm) => new_key(*algorithm).await.map_err(|error| no_key(error.to_string()))?,
        // An order that is interrupted must have its key with it.
        KeySource::Kept(_) => return Err(no_key("it does not leave its store".to_owned())),
    };
    let remote = place(acme, account, order).await?;
    let kept = KeptOrder::new(&acme.files, order.certificate, purpose, remote.url(), &key, clock::now());
    // From here on no failure costs another order.
    kept.write()?;
    Ok((remote, kept, key))
}

/// Places a new order; it says which certificate it replaces where the server wants to know (RFC 9773, 5).
async fn place(acme: &Acme, account: &Account, order: &Order<'_>) -> Result<Remote, AcmeError> {
    let mut identifiers: Vec<Identifier> = order.names.iter().map(identifier).collect();
    let mut seen = Vec::new();
    identifiers.retain(|identifier| {
        let is_new = !seen.contains(identifier);
        seen.push(identifier.clone());
        is_new
    });
    let plain = || {
        let new = NewOrder::new(&identifiers);
        match &acme.settings.profile {
            Some(profile) => new.profile(profile),
            None => new,
        }
    };
    if let Some(id) = order.replaces.and_then(renewal_id) {
        let new = plain().replaces(id);
        let placed = patiently!(acme.accounts.patience("placing the order"), account.new_order(&new));
        match placed {
            // The server knows no such thing, or does not want it said of this certificate: it is a courtesy.
            Err(AcmeError::Unsupported { .. } | AcmeError::Nonsense { .. }) => {}
            Err(AcmeError::Refused { kind, detail, .. }) if is_about_replaces(&kind) => {
                tracing::info!("the CA takes no order in place of the certificate before: {detail}");
            }
            other => return other,
        }
    }
    let new = plain();
    patiently!(acme.accounts.patience("placing the order"), account.new_order(&new))
}

/// Problems that may be about `replaces` and nothing else (RFC 9773, 5 and 7.4).
fn is_about_replaces(kind: &str) -> bool {
    [":alreadyReplaced", ":malformed", ":conflict", ":unauthorized"].iter().any(|end| kind.ends_with(end))
}

fn is_unknown_account(error: &AcmeError) -> bool {
    matches!(error, AcmeError::Refused { kind, .. } if kind.ends_with(":accountDoesNotExist"))
}

/// Goes on from whatever state the order is in, until there is a certificate.
async fn drive(
    acme: &Acme,
    order: &Order<'_>,
    remote: &mut Remote,
    kept: &mut KeptOrder,
    key: &PrivateKey,
) -> Result<Certificate, AcmeError> {
    let request = request(order.names, key)?;
    let mut held: Option<Vec<Held>> = None;
    let mut finalizations = 0;
    let mut pauses = Pauses::default();
    loop {
        match remote.state().status {
            OrderStatus::Pending if held.is_none() => {
                held = Some(answer(acme, order.certificate, remote, kept).await?);
                pauses = Pauses::default();
            }
            OrderStatus::Pending | OrderStatus::Processing => {}
            OrderStatus::Ready if finalizations < FINALIZATIONS => {
                held = Some(Vec::new());
                finalizations += 1;
                progress::report(Stage::Finalizing, Some(order.certificate), None);
                pauses = Pauses::default();
                let done =
                    patiently!(acme.accounts.patience("finalizing the order"), remote.finalize_csr(&request));
                match done {
                    // Its state came with the answer.
                    Ok(()) if remote.state().status != OrderStatus::Ready => continue,
                    Ok(()) => {}
                    // It was finalized, and the answer was lost; or the server is not ready yet: the next look tells.
                    Err(AcmeError::Refused { kind, .. }) if kind.ends_with(":orderNotReady") => {}
                    Err(error) => return Err(error),
                }
            }
            OrderStatus::Valid => {
                progress::report(Stage::Downloading, Some(order.certificate), None);
                clear(acme, kept).await;
                let text =
                    patiently!(acme.accounts.patience("downloading the certificate"), remote.certificate())?;
                return check(&text.unwrap_or_default(), order, key);
            }
            OrderStatus::Ready | OrderStatus::Invalid => {
                clear(acme, kept).await;
                return Err(reason(acme, remote).await);
            }
        }
        tokio::time::sleep(pauses.next()).await;
        patiently!(acme.accounts.patience("looking at the order"), async {
            remote.refresh().await.map(|_| ())
        })?;
    }
}

/// Answers every challenge that is open, and tells the CA to look.
async fn answer(
    acme: &Acme,
    certificate: &str,
    remote: &mut Remote,
    kept: &mut KeptOrder,
) -> Result<Vec<Held>, AcmeError> {
    let solver = &acme.settings.solver;
    let tasks = open_challenges(acme, remote).await?;
    let mut leaves = Vec::new();
    for task in &tasks {
        leaves.push(solver.leaves(task).await?);
    }
    let unknown: Vec<_> =
        leaves.iter().flatten().filter(|placed| !kept.placed.contains(placed)).cloned().collect();
    if !unknown.is_empty() {
        kept.placed.extend(unknown);
        kept.write()?;
    }
    let mut held = Vec::new();
    for (task, placed) in tasks.iter().zip(&leaves) {
        held.push(solver.answer(task, placed.as_ref()).await?);
    }
    let placed: Vec<_> = leaves.into_iter().flatten().collect();
    solver.wait(&placed).await?;
    for task in &tasks {
        let name = shown(&task.identifier, false);
        progress::report(Stage::Validating { name }, Some(certificate), None);
    }
    ready(acme, remote).await?;
    Ok(held)
}

/// The challenge of the right kind of every authorization that is open.
async fn open_challenges(acme: &Acme, remote: &mut Remote) -> Result<Vec<Task>, AcmeError> {
    let solver = &acme.settings.solver;
    let mut tasks = Vec::new();
    fetch_authorizations(acme, remote).await?;
    let mut authorizations = remote.authorizations();
    while let Some(authorization) = authorizations.next().await {
        let mut authorization =
            authorization.map_err(|error| AcmeError::of("reading an authorization", error, None))?;
        if authorization.status != AuthorizationStatus::Pending {
            continue;
        }
        let name = shown(authorization.identifier().identifier, authorization.wildcard);
        let offered =
            authorization.challenges.iter().map(|challenge| kind_shown(&challenge.r#type)).collect();
        let Some(challenge) = authorization.challenge(solver.kind()) else {
            return Err(AcmeError::NoChallenge { name, wanted: solver.name(), offered });
        };
        tasks.push(Task {
            identifier: challenge.identifier().identifier.clone(),
            token: challenge.token.clone(),
            authorization: challenge.key_authorization(),
        });
    }
    Ok(tasks)
}

/// Asks for all authorizations; the library keeps them, so that a request that failed is repeated alone.
async fn fetch_authorizations(acme: &Acme, remote: &mut Remote) -> Result<(), AcmeError> {
    patiently!(acme.accounts.patience("reading an authorization"), async {
        let mut authorizations = remote.authorizations();
        while let Some(authorization) = authorizations.next().await {
            authorization?;
        }
        Ok(())
    })
}

/// Tells the CA that all answers are in place (RFC 8555, 7.5.1).
async fn ready(acme: &Acme, remote: &mut Remote) -> Result<(), AcmeError> {
    let kind = acme.settings.solver.kind();
    let mut told: Vec<String> = Vec::new();
    patiently!(acme.accounts.patience("answering a challenge"), async {
        let mut authorizations = remote.authorizations();
        while let Some(authorization) = authorizations.next().await {
            let mut authorization = authorization?;
            if authorization.status != AuthorizationStatus::Pending {
                continue;
            }
            let Some(mut challenge) = authorization.challenge(kind.clone()) else { continue };
            if challenge.status == ChallengeStatus::Pending && !told.contains(&challenge.url) {
                challenge.set_ready().await?;
                told.push(challenge.url.clone());
            }
        }
        Ok(())
    })
}

/// Why an order became invalid: its authorizations say so.
async fn reason(acme: &Acme, remote: &mut Remote) -> AcmeError {
    let detail = match &remote.state().error {
        Some(problem) => words(problem).1,
        None => "the server gives no reason".to_owned(),
    };
    let mut found = None;
    let looked: Result<(), AcmeError> =
        patiently!(acme.accounts.patience("reading an authorization"), async {
            let mut authorizations = remote.authorizations();
            while let Some(authorization) = authorizations.next().await {
                let mut authorization = authorization?;
                authorization.refresh().await?;
                let problem = authorization.challenges.iter().find_map(|challenge| challenge.error.as_ref());
                if let Some(problem) =
                    problem.filter(|_| authorization.status == AuthorizationStatus::Invalid)
                {
                    let (kind, detail) = words(problem);
                    let name = shown(authorization.identifier().identifier, authorization.wildcard);
                    found = Some(AcmeError::Validation { name, kind, detail });
                    break;
                }
            }
            Ok(())
        });
    if let Err(error) = looked {
        tracing::debug!("why the order became invalid is not known: {error}");
    }
    found.unwrap_or(AcmeError::Invalid { detail })
}

/// Whether the CA issued what was ordered: for this key, for these names, with its chain.
fn check(text: &str, order: &Order<'_>, key: &PrivateKey) -> Result<Certificate, AcmeError> {
    let wrong = |reason: String| AcmeError::WrongCertificate { reason };
    let contents = PemContents::read(text.as_bytes()).map_err(|error| wrong(error.to_string()))?;
    certificate_of_answer(contents.certificates, order.names, &key.clone().into(), clock::now())
        .map_err(|error| wrong(error.to_string()))
}

/// The request: the names and the key, and nothing that the CA decides.
fn request(names: &[Name], key: &PrivateKey) -> Result<Vec<u8>, AcmeError> {
    let made = CertificateRequest::of_names(names, key);
    let failed =
        |error: IssueError| AcmeError::Make { what: "the certificate request", reason: error.to_string() };
    made.map(|request| request.der().to_vec()).map_err(failed)
}

fn identifier(name: &Name) -> Identifier {
    match name {
        Name::Dns(name) => Identifier::Dns(name.clone()),
        Name::Ip(address) => Identifier::Ip(*address),
    }
}

fn is_wildcard(name: &Name) -> bool {
    matches!(name, Name::Dns(name) if name.starts_with("*."))
}

/// Clears away what challenges left behind. What stays is told, and is no reason to fail.
async fn clear(acme: &Acme, kept: &KeptOrder) {
    for placed in &kept.placed {
        if let Err(error) = acme.settings.solver.clear(placed).await {
            tracing::warn!("left behind: {}", error.chain());
        }
    }
}

/// Pauses that grow.
struct Pauses(Duration);

impl Default for Pauses {
    fn default() -> Self {
        Self(FIRST_PAUSE)
    }
}

impl Pauses {
    fn next(&mut self) -> Duration {
        let pause = self.0;
        self.0 = (pause * 3 / 2).min(LONGEST_PAUSE);
        pause
    }
}

#[cfg(test)]
mod tests {
    use baton_testkit::Authority;
    use baton_x509::KeyAlgorithm;

    use super::*;

    fn pair(authority: &Authority, names: &[&str]) -> (String, PrivateKey) {
        let directory = tempfile::tempdir().unwrap();
        let (certificate, key) = (directory.path().join("c.pem"), directory.path().join("k.pem"));
        authority.issue(names).sign().write_files(&certificate, &key);
        let contents = PemContents::read(&fs_err::read(&key).unwrap()).unwrap();
        (fs_err::read_to_string(&certificate).unwrap(), contents.keys.into_iter().next().unwrap())
    }

    #[test]
    fn what_was_not_ordered_is_refused() {
        let authority = Authority::new("CA");
        let names: Vec<Name> = vec!["www.example.com".parse().unwrap(), "example.com".parse().unwrap()];
        let order = Order {
            certificate: "site",
            names: &names,
            key: KeySource::New(KeyAlgorithm::EcdsaP256),
            replaces: None,
        };
        let (sound, key) = pair(&authority, &["example.com", "www.example.com"]);
        assert!(check(&sound, &order, &key).is_ok());
        let (other_names, their_key) = pair(&authority, &["example.com", "www.example.com", "evil.example"]);
        let (fewer_names, fewer_key) = pair(&authority, &["example.com"]);
        let (_, other_key) = pair(&authority, &["example.com", "www.example.com"]);
        let leaf = &sound[..sound.find("-----END CERTIFICATE-----").unwrap() + 26];
        let foreign = format!("{leaf}{}", Authority::new("Another").root_pem());
        for (text, key, reason) in [
            (&sound, &other_key, "another key"),
            (&other_names, &their_key, "evil.example"),
            (&fewer_names, &fewer_key, "www.example.com"),
            (&String::new(), &key, "neither a certificate"),
            (&"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n".to_owned(), &key, ""),
            (&foreign, &key, "chain"),
        ] {
            let error = check(text, &order, key).unwrap_err();
            assert!(matches!(error, AcmeError::WrongCertificate { .. }), "{error:?}");
            assert!(error.to_string().contains(reason), "{error}");
        }
    }
}
