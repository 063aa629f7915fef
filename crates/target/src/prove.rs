//! Proof: new connections to every address until each of them shows what is expected.
//!
//! Servers take up a new certificate late and unevenly (old workers of nginx answer for a tenth of a second
//! after a reload has returned), so one good handshake proves little. An address is proven when several
//! consecutive connections over some time showed the expected certificate and the last other answer is a
//! while ago.

use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use baton_finding::Finding;
use baton_platform::clock;
use baton_x509::{Fingerprint, Trust};
use jiff::Timestamp;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::endpoint::Endpoint;
use crate::probe::{Handshake, KeyFamily, Seen, probe};

/// When an address counts as proven, and how long to try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// How many connections in a row must show it.
    pub connections: u32,
    /// Over how long a time, at the least.
    pub over: Duration,
    /// How long nothing else must have been seen.
    pub quiet: Duration,
    /// How long to try.
    pub deadline: Duration,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            connections: 5,
            over: Duration::from_secs(1),
            quiet: Duration::from_millis(500),
            deadline: Duration::from_secs(60),
        }
    }
}

impl Policy {
    /// A single connection may take this long.
    pub fn connection_limit(&self) -> Duration {
        self.deadline.min(Duration::from_secs(10))
    }

    fn pause(&self) -> Duration {
        let gaps = self.connections.saturating_sub(1).max(1);
        (self.over / gaps).max(Duration::from_millis(10))
    }
}

/// What an address shall answer.
#[derive(Debug, Clone)]
pub enum Expected {
    /// This certificate.
    Certificate {
        /// Its fingerprint.
        fingerprint: Fingerprint,
        /// The roots that what is served must lead to; `None` when the chain leads to no known root anyway.
        trust: Option<Trust>,
        /// The family of its key.
        family: KeyFamily,
        /// The other side of the change: seeing it on is told apart from seeing a third one.
        counterpart: Option<Counterpart>,
    },
    /// HTTP without TLS.
    PlainHttp,
}

/// The certificate that shall not be seen any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counterpart {
    /// The one before, while the new one is proven.
    Old(Fingerprint),
    /// The new one, while the one before is proven after a roll back.
    New(Fingerprint),
}

/// The handshakes that showed the certificate at one address.
#[derive(Debug, Clone)]
pub struct Proof {
    /// The endpoint.
    pub endpoint: Endpoint,
    /// The address that was asked.
    pub address: SocketAddr,
    /// The last of the handshakes; `None` when plain HTTP was expected and seen.
    pub handshake: Option<Handshake>,
    /// How long after the first question something else was still seen: servers take up a change late.
    pub stale: Duration,
    /// When it was made.
    pub at: Timestamp,
}

/// An address that did not answer as expected before the deadline.
#[derive(Debug, Clone)]
pub struct Unproven {
    /// The endpoint.
    pub endpoint: Endpoint,
    /// The address that was asked.
    pub address: SocketAddr,
    /// What it answered last.
    pub seen: Seen,
    /// What that means.
    pub finding: Finding,
}

impl fmt::Display for Unproven {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.finding.message)
    }
}

/// Asks all addresses side by side, each until it is proven or the deadline has passed.
pub async fn prove(
    expected: Vec<(Endpoint, SocketAddr, Expected)>,
    policy: Policy,
) -> Result<Vec<Proof>, Vec<Unproven>> {
    let mut asking = JoinSet::new();
    for (position, (endpoint, address, expected)) in expected.into_iter().enumerate() {
        asking.spawn(async move { (position, prove_one(endpoint, address, &expected, policy).await) });
    }
    let mut results = asking.join_all().await;
    results.sort_by_key(|(position, _)| *position);
    let (mut proofs, mut failures) = (Vec::new(), Vec::new());
    for (_, result) in results {
        match result {
            Ok(proof) => proofs.push(proof),
            Err(unproven) => failures.push(*unproven),
        }
    }
    if failures.is_empty() { Ok(proofs) } else { Err(failures) }
}

async fn prove_one(
    endpoint: Endpoint,
    address: SocketAddr,
    expected: &Expected,
    policy: Policy,
) -> Result<Proof, Box<Unproven>> {
    let started = Instant::now();
    let mut streak: u32 = 0;
    let mut streak_began = started;
    let mut last_other: Option<Instant> = None;
    loop {
        let asked_at = Instant::now();
        let (seen, trouble) = ask(&endpoint, address, expected, policy).await;
        match trouble {
            None => {
                if streak == 0 {
                    streak_began = asked_at;
                }
                streak += 1;
                let is_quiet = last_other.is_none_or(|other| asked_at.duration_since(other) >= policy.quiet);
                let is_plain = matches!(expected, Expected::PlainHttp);
                let is_long =
                    streak >= policy.connections && asked_at.duration_since(streak_began) >= policy.over;
                if is_plain || (is_long && is_quiet) {
                    if let Some((seen, finding)) =
                        other_family_serves_old(&endpoint, address, expected, policy).await
                    {
                        if started.elapsed() >= policy.deadline {
                            return Err(Box::new(Unproven { endpoint, address, seen, finding }));
                        }
                        streak = 0;
                        last_other = Some(Instant::now());
                        continue;
                    }
                    let handshake = seen.handshake().cloned();
                    let stale = last_other.map_or(Duration::ZERO, |other| other.duration_since(started));
                    return Ok(Proof { endpoint, address, handshake, stale, at: clock::now() });
                }
            }
            Some(finding) => {
                streak = 0;
                last_other = Some(Instant::now());
                if started.elapsed() >= policy.deadline {
                    return Err(Box::new(Unproven { endpoint, address, seen, finding }));
                }
            }
        }
        // A server that still flickers at twice the deadline will not come to rest.
        if started.elapsed() >= policy.deadline * 2 {
            let finding = Finding::error(
                "endpoint-flickers",
                format!("{endpoint} serves the certificate only now and then"),
                "look for a second server or an old worker behind the same address",
            );
            return Err(Box::new(Unproven { endpoint, address, seen, finding }));
        }
        let pause = if streak > 0 { policy.pause() } else { policy.pause().min(Duration::from_millis(50)) };
        tokio::time::sleep_until(asked_at + pause).await;
    }
}

/// A server can hold one certificate for each family of keys: clients that ask for the other family than the
/// successor's must not see the old one any more either.
async fn other_family_serves_old(
    endpoint: &Endpoint,
    address: SocketAddr,
    expected: &Expected,
    policy: Policy,
) -> Option<(Seen, Finding)> {
    let Expected::Certificate { fingerprint, family, counterpart: Some(Counterpart::Old(old)), .. } =
        expected
    else {
        return None;
    };
    let other = match family {
        KeyFamily::Ecdsa => KeyFamily::Rsa,
        KeyFamily::Rsa => KeyFamily::Ecdsa,
        KeyFamily::Any => return None,
    };
    let seen = probe(address, &endpoint.name, other, policy.connection_limit()).await;
    if seen.handshake()?.leaf.fingerprint() != *old {
        return None;
    }
    judge(endpoint, &seen, *fingerprint, None, Some(Counterpart::Old(*old))).map(|finding| (seen, finding))
}

/// One connection; the finding when it is not as expected.
async fn ask(
    endpoint: &Endpoint,
    address: SocketAddr,
    expected: &Expected,
    policy: Policy,
) -> (Seen, Option<Finding>) {
    let limit = policy.connection_limit();
    match expected {
        Expected::PlainHttp => {
            let seen = probe(address, &endpoint.name, KeyFamily::Any, limit).await;
            let trouble = (!matches!(seen, Seen::PlainHttp)).then(|| {
                Finding::error(
                    seen.code(),
                    format!("{endpoint} {seen} where it answered plain HTTP before"),
                    "see the service's own log",
                )
            });
            (seen, trouble)
        }
        Expected::Certificate { fingerprint, trust, family, counterpart } => {
            let seen = probe(address, &endpoint.name, *family, limit).await;
            let trouble = judge(endpoint, &seen, *fingerprint, trust.as_ref(), *counterpart);
            (seen, trouble)
        }
    }
}

fn judge(
    endpoint: &Endpoint,
    seen: &Seen,
    expected: Fingerprint,
    trust: Option<&Trust>,
    counterpart: Option<Counterpart>,
) -> Option<Finding> {
    let Some(handshake) = seen.handshake() else {
        let hint = match seen {
            Seen::PlainHttp => "switch TLS on in the server's settings",
            Seen::Refused => "see whether the service runs and listens on that port",
            _ => "see the service's own log",
        };
        return Some(Finding::error(seen.code(), format!("{endpoint} {seen}"), hint));
    };
    let served = handshake.leaf.fingerprint();
    if served == expected {
        let trust = trust?;
        let error = trust.verify(&handshake.leaf, &handshake.chain, clock::now()).err()?;
        return Some(Finding::error(
            "endpoint-wrong-chain",
            format!("{endpoint} serves the right certificate with a chain that does not build: {error}"),
            "see that the server sends the intermediate certificates behind its own",
        ));
    }
    if counterpart == Some(Counterpart::New(served)) {
        return Some(Finding::error(
            "endpoint-serves-new",
            format!(
                "{endpoint} still serves the new certificate {}, which was undone",
                handshake.leaf.thumbprint()
            ),
            "the reload or restart that brings the one before back was not taken up: see the service's own log",
        ));
    }
    if counterpart == Some(Counterpart::Old(served)) {
        return Some(Finding::error(
            "endpoint-serves-old",
            format!("{endpoint} still serves the old certificate {}", handshake.leaf.thumbprint()),
            "the reload or restart has not been taken up: see the service's own log",
        ));
    }
    Some(Finding::error(
        "endpoint-serves-other",
        format!("{endpoint} {seen} ({}), which is neither the old nor the new one", handshake.leaf.subject()),
        "look for a second server or a proxy on that address",
    ))
}
