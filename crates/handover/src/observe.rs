//! What endpoints were seen to serve, for `status` and the Designer.

use baton_platform::clock;
use baton_state::{Observation, ProofRecord, Served};
use baton_target::{Endpoint, Handshake, Inspection, Proof, Seen, Target, Tls};
use baton_x509::X509;

use crate::check::ask_all;
use crate::engine::Engine;
use crate::error::HandoverError;

impl Engine {
    /// Asks every endpoint of a target once, and remembers the answers.
    ///
    /// A target that cannot be looked at is asked at the endpoints that its settings name.
    pub async fn observe(&self, target: &Target) -> Result<Vec<Observation>, HandoverError> {
        let inspection = target.inspect();
        let endpoints = match &inspection {
            Ok(inspection) if inspection.tls == Tls::Off => Vec::new(),
            Ok(inspection) => target.endpoints(inspection, inspection.leaf()),
            Err(_) => target.endpoints.iter().map(|(address, _)| Endpoint::of(address.clone())).collect(),
        };
        let inspection = inspection.ok();
        let named = inspection.as_ref().and_then(|inspection| inspection.current);
        let leaf = inspection.as_ref().and_then(Inspection::leaf);
        let mut observations = Vec::new();
        for (endpoint, answers) in ask_all(endpoints, target, leaf).await {
            let answers = match answers {
                Ok(answers) => answers,
                Err(error) => {
                    let trouble = ("endpoint-unresolved".to_owned(), error.to_string());
                    let address = endpoint.address.to_string();
                    observations.push(observation(target, &endpoint, address, None, Some(trouble)));
                    continue;
                }
            };
            let one_answers = answers.iter().any(|(_, seen)| seen.handshake().is_some());
            for (address, seen) in answers {
                if one_answers && matches!(seen, Seen::Refused) {
                    continue;
                }
                let trouble = trouble(&endpoint, &seen, named);
                observations.push(observation(
                    target,
                    &endpoint,
                    address.to_string(),
                    seen.handshake(),
                    trouble,
                ));
            }
        }
        self.state.record_observations(&target.name, &observations).await?;
        Ok(observations)
    }

    pub(crate) async fn observe_proofs(
        &self,
        target: &Target,
        proofs: &[Proof],
    ) -> Result<(), HandoverError> {
        let (target, observations) = observed(target, proofs);
        Ok(self.state.record_observations(&target, &observations).await?)
    }
}

/// What proofs have shown, as observations of the target.
pub(crate) fn observed(target: &Target, proofs: &[Proof]) -> (String, Vec<Observation>) {
    let observed = |proof: &Proof| {
        observation(target, &proof.endpoint, proof.address.to_string(), proof.handshake.as_ref(), None)
    };
    (target.name.clone(), proofs.iter().map(observed).collect())
}

fn trouble(
    endpoint: &Endpoint,
    seen: &Seen,
    named: Option<baton_x509::Thumbprint>,
) -> Option<(String, String)> {
    match (seen.handshake(), named) {
        (None, _) => Some((seen.code().to_owned(), format!("{endpoint} {seen}"))),
        (Some(handshake), Some(named)) if handshake.leaf.thumbprint() != named => {
            Some((seen.code().to_owned(), format!("{endpoint} {seen}, and the settings name {named}")))
        }
        _ => None,
    }
}

fn observation(
    target: &Target,
    endpoint: &Endpoint,
    address: String,
    handshake: Option<&Handshake>,
    trouble: Option<(String, String)>,
) -> Observation {
    Observation {
        target: target.name.clone(),
        endpoint: endpoint.to_string(),
        address,
        served: handshake.map(|handshake| served(&handshake.leaf)),
        trouble,
        at: clock::now(),
    }
}

fn served(leaf: &X509) -> Served {
    Served {
        fingerprint: leaf.fingerprint(),
        thumbprint: leaf.thumbprint(),
        subject: leaf.subject().to_owned(),
        issuer: leaf.issuer().to_owned(),
        not_before: leaf.not_before(),
        not_after: leaf.not_after(),
    }
}

/// The record of a proof; plain HTTP, which a roll back may expect, shows no certificate to keep.
pub(crate) fn proof_record(proof: &Proof) -> Option<ProofRecord> {
    let handshake = proof.handshake.as_ref()?;
    Some(ProofRecord {
        endpoint: proof.endpoint.to_string(),
        address: proof.address.to_string(),
        thumbprint: handshake.leaf.thumbprint(),
        fingerprint: handshake.leaf.fingerprint(),
        chain: std::iter::once(&handshake.leaf).chain(&handshake.chain).map(X509::fingerprint).collect(),
        tls_version: handshake.tls_version.to_owned(),
        stale_milliseconds: i64::try_from(proof.stale.as_millis()).unwrap_or(i64::MAX),
        at: proof.at,
    })
}
