//! Is the successor fit to be served at all?

use baton_finding::{Explain as _, Finding};
use baton_target::Endpoint;
use baton_x509::{Certificate, Trust, X509};
use jiff::Timestamp;

use crate::trust::KnownRoots;

/// What was found about a successor, and the roots that it must be seen to lead to when it is served.
pub(crate) struct Soundness {
    pub(crate) findings: Vec<Finding>,
    pub(crate) trust: Option<Trust>,
}

/// All findings at once, not the first only.
pub(crate) fn examine(
    successor: &Certificate,
    current: Option<&Certificate>,
    endpoints: &[Endpoint],
    roots: &KnownRoots,
    now: Timestamp,
) -> Soundness {
    let leaf = successor.leaf();
    let thumbprint = leaf.thumbprint();
    let mut findings = Vec::new();
    if now > leaf.not_after() {
        findings.push(Finding::error(
            "certificate-expired",
            format!("{thumbprint} has expired on {}", leaf.not_after()),
            "get a new certificate; if it is new, set this machine's clock",
        ));
    }
    if now < leaf.not_before() {
        findings.push(Finding::error(
            "certificate-not-yet-valid",
            format!("{thumbprint} is valid from {} only", leaf.not_before()),
            "wait until then; if it should be valid now, set this machine's clock",
        ));
    }
    for certificate in std::iter::once(leaf).chain(successor.chain()) {
        if let Some(weakness) = certificate.weakness() {
            findings.push(Finding::error(
                "certificate-weak",
                format!("{} ({}) is too weak: {weakness}", certificate.thumbprint(), certificate.subject()),
                "get one with RSA from 2048 bits or ECDSA, signed over SHA-256 or better",
            ));
        }
    }
    let mut uncovered: Vec<&str> =
        endpoints.iter().map(|endpoint| endpoint.name.as_str()).filter(|name| !leaf.covers(name)).collect();
    uncovered.dedup();
    for name in uncovered {
        findings.push(Finding::error(
            "name-not-covered",
            format!("{thumbprint} is for {}, and clients ask for {name}", list(&leaf.names())),
            "get a certificate with that name in its subject alternative name",
        ));
    }
    if leaf.common_name().is_none() {
        findings.push(Finding::warning(
            "common-name-missing",
            format!("{thumbprint} has no common name"),
            "some products ask for one: choose another profile at the CA if yours does",
        ));
    }
    if let Some(current) = current {
        findings.extend(compare(leaf, current.leaf()));
    }
    let trust = examine_chain(successor, current, roots, now, &mut findings);
    Soundness { findings, trust }
}

fn compare(leaf: &X509, current: &X509) -> Vec<Finding> {
    let mut findings = Vec::new();
    let dropped: Vec<String> =
        current.names().into_iter().filter(|name| !leaf.covers(name.trim_start_matches("*."))).collect();
    let dropped: Vec<String> = dropped.into_iter().filter(|name| !leaf.names().contains(name)).collect();
    if !dropped.is_empty() {
        findings.push(Finding::warning(
            "names-dropped",
            format!(
                "the certificate in use is also for {}, and {} is not",
                list(&dropped),
                leaf.thumbprint()
            ),
            "clients that use these names will refuse the connection",
        ));
    }
    if leaf.not_after() < current.not_after() {
        findings.push(Finding::warning(
            "ends-earlier",
            format!("{} ends on {}, before the certificate in use", leaf.thumbprint(), leaf.not_after()),
            "see that OLD and NEW are not mixed up",
        ));
    }
    findings
}

/// The chain must build to a known root. Two chains to an unknown one are told and accepted: one that ends in its
/// own root, since whoever brought it brought the root along, and one that ends where the chain in use ends, since
/// the clients of this server trust that already.
fn examine_chain(
    successor: &Certificate,
    current: Option<&Certificate>,
    roots: &KnownRoots,
    now: Timestamp,
    findings: &mut Vec<Finding>,
) -> Option<Trust> {
    let leaf = successor.leaf();
    // Whether it is valid now has been found above; here it is about signatures and constraints.
    let moment = now.clamp(leaf.not_before(), leaf.not_after().max(leaf.not_before()));
    let verified = |trust: &Trust| trust.verify(leaf, successor.chain(), moment);
    let own_error = match verified(roots.own()) {
        Ok(()) => return Some(roots.own().clone()),
        Err(error) => error,
    };
    if !own_error.is_unknown_issuer() {
        findings.push(Finding::from_error(&own_error));
        return None;
    }
    if leaf.is_self_issued() {
        findings.push(Finding::warning(
            "self-signed",
            format!("{} is self-signed: no client trusts it by itself", leaf.thumbprint()),
            "use it for tests only",
        ));
        return None;
    }
    match verified(roots.system()) {
        Ok(()) => return Some(roots.system().clone()),
        Err(error) if !error.is_unknown_issuer() => {
            findings.push(Finding::from_error(&error));
            return None;
        }
        Err(_) => {}
    }
    match successor.chain().last().filter(|top| top.is_self_issued()) {
        Some(top) => {
            let mut trust = Trust::default();
            trust.add(top.to_rustls());
            if let Err(error) = verified(&trust) {
                findings.push(Finding::from_error(&error));
                return None;
            }
            findings.push(root_unknown(top.subject()));
            Some(trust)
        }
        None if current.is_some_and(|current| current.top().has_issuer_of(successor.top())) => {
            findings.push(root_unknown(successor.top().issuer()));
            None
        }
        None => {
            let last = successor.top();
            findings.push(Finding::error(
                "chain-incomplete",
                format!("the certificate of the issuer of {} is missing: {}", last.subject(), last.issuer()),
                own_error.hint().unwrap_or_default(),
            ));
            None
        }
    }
}

fn root_unknown(root: &str) -> Finding {
    Finding::warning(
        "root-unknown",
        format!("the chain leads to {root}, which this machine does not know"),
        "name that root's file in `root = …` of an [[issuer]], so that what is served can be verified",
    )
}

fn list(names: &[String]) -> String {
    if names.is_empty() { "no name".to_owned() } else { names.join(", ") }
}
