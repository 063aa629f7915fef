//! Requests that a person carries to the CA: made, remembered with their keys before anyone sees them, and forgotten
//! when their certificate is kept.

use baton_finding::Finding;
use baton_issuer::{CertificateRequest, IssueError, KeptRequest, PendingKey, RequestKey, Template, new_key};
use baton_platform::clock;
use baton_x509::{Certificate, KeyAlgorithm, Name, PrivateKey, X509};
use serde::{Deserialize, Serialize};

use super::keeping_key::KeyInUse;
use super::{KeyChoice, ManagedCertificate, RenewError, Renewals};

/// How a request is asked for.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct RequestOptions {
    /// Another choice of key than the settings'.
    pub key: Option<KeyChoice>,
    /// The template of Active Directory Certificate Services to name.
    pub template: Option<Template>,
}

/// A request that a person may carry to the CA.
#[derive(Debug)]
pub struct Requested {
    /// It is durable, with its key.
    pub request: KeptRequest,
    /// Whether it was made now, and not asked for before.
    pub is_new: bool,
    /// What is to be said about its key.
    pub findings: Vec<Finding>,
}

impl Renewals {
    /// A request for a certificate of the settings. Asked for twice, it is the same one; where anything differs,
    /// another one is kept beside it.
    pub async fn request(&self, name: &str, options: &RequestOptions) -> Result<Requested, RenewError> {
        let certificate = self.named(name)?;
        self.check_key_choice(certificate, options.key)?;
        let standing = self.engine.state().standing(name).await?;
        let is_wanted = options.key == Some(KeyChoice::SameKey);
        let before = if is_wanted || self.keeps_key(certificate, standing.current.as_ref(), options.key) {
            Some(self.with_key_in_use(certificate, &standing)?)
        } else {
            None
        };
        let findings = self.findings_of_key(certificate, &standing, options.key).await?;
        super::keeping_key::log(certificate, &findings);
        let leaf = before.as_ref().map(|before| before.certificate.leaf());
        let algorithm = leaf.map_or(certificate.key, X509::key_algorithm);
        let wanted = Wanted { certificate, template: options.template.as_ref(), before: leaf, algorithm };
        let pending = self.requests.of(name).map_err(|cause| self.not_kept(name, cause))?;
        if let Some(request) = pending.into_iter().find(|request| wanted.is(request)) {
            return Ok(Requested { request, is_new: false, findings });
        }
        let failed = |cause| RenewError::Issue { name: name.to_owned(), cause: Box::new(cause) };
        let request = match &before {
            Some(KeyInUse { signer: Some(signer), certificate }) => {
                let key = PendingKey::InStore(certificate.leaf().public_key().to_vec());
                wanted.make(RequestKey::Kept(signer.as_ref()), key)
            }
            before => {
                let at_hand = before.as_ref().and_then(|before| before.certificate.key());
                wanted.make_with(match at_hand {
                    Some(key) => key.clone(),
                    None => new_key(algorithm).await.map_err(failed)?,
                })
            }
        };
        let request = request.map_err(failed)?;
        // Durable before anyone sees it.
        self.requests.keep(&request).map_err(|cause| self.not_kept(name, cause))?;
        tracing::info!(certificate = name, id = request.id, "a request is pending");
        Ok(Requested { request, is_new: true, findings })
    }

    /// A request for a key that someone else has made, so that its certificate is taken as an answer: the key is durable
    /// when this returns.
    pub async fn request_with(&self, name: &str, key: PrivateKey) -> Result<KeptRequest, RenewError> {
        let certificate = self.named(name)?;
        let wanted = Wanted { certificate, template: None, before: None, algorithm: KeyAlgorithm::Other };
        let failed = |cause| RenewError::Issue { name: name.to_owned(), cause: Box::new(cause) };
        let request = wanted.make_with(key).map_err(failed)?;
        self.requests.keep(&request).map_err(|cause| self.not_kept(name, cause))?;
        Ok(request)
    }

    pub(super) fn not_kept(&self, name: &str, cause: baton_issuer::KeptRequestError) -> RenewError {
        RenewError::Requests { name: name.to_owned(), cause }
    }

    /// Requests whose certificate is kept: their keys are in the store. One for the key of the certificate before may
    /// still be answered.
    pub(super) fn forget_answered(&self, certificate: &ManagedCertificate, successor: &Certificate) {
        let answered = |request: &KeptRequest| {
            request.is_by_hand
                && !request.is_same_key
                && request.key.public_key().is_ok_and(|key| key == successor.leaf().public_key())
        };
        let requests = self.requests.of(&certificate.name).unwrap_or_default();
        requests.iter().filter(|request| answered(request)).for_each(|request| self.forget_request(request));
    }

    /// Its certificate is durable; that it stays is no reason to fail.
    pub(super) fn forget_request(&self, request: &KeptRequest) {
        if let Err(error) = self.requests.forget(request) {
            let error = baton_finding::Explain::chain(&error);
            tracing::warn!(certificate = %request.certificate, "its request is not forgotten: {error}");
        }
    }
}

/// What makes a request the one that is wanted.
struct Wanted<'a> {
    certificate: &'a ManagedCertificate,
    template: Option<&'a Template>,
    /// The certificate whose key it keeps.
    before: Option<&'a X509>,
    algorithm: KeyAlgorithm,
}

impl Wanted<'_> {
    fn is(&self, request: &KeptRequest) -> bool {
        let is_of_key = match self.before {
            Some(before) => request.key.public_key().is_ok_and(|key| key == before.public_key()),
            None => true,
        };
        request.is_by_hand
            && request.issuer == self.certificate.issuer_name
            && same_names(&request.names, &self.certificate.names)
            && request.is_same_key == self.before.is_some()
            && request.algorithm == self.algorithm
            && request.template.as_ref() == self.template
            && is_of_key
    }

    fn make_with(&self, key: PrivateKey) -> Result<KeptRequest, IssueError> {
        self.make(RequestKey::AtHand(&key), key.clone().into())
    }

    fn make(&self, signed_by: RequestKey<'_>, key: PendingKey) -> Result<KeptRequest, IssueError> {
        let names = &self.certificate.names;
        let request = CertificateRequest::new(names, signed_by, self.template)?;
        let public = key.public_key().map_err(|error| IssueError::Failed { reason: error.to_string() })?;
        Ok(KeptRequest {
            id: baton_issuer::request_id(&public),
            certificate: self.certificate.name.clone(),
            issuer: self.certificate.issuer_name.clone(),
            names: names.clone(),
            is_same_key: self.before.is_some(),
            algorithm: self.algorithm,
            template: self.template.cloned(),
            is_by_hand: true,
            key,
            request,
            made_at: clock::now(),
            ca_id: None,
        })
    }
}

/// In whatever order.
fn same_names(one: &[Name], other: &[Name]) -> bool {
    let sorted = |names: &[Name]| {
        let mut names = names.to_vec();
        names.sort();
        names.dedup();
        names
    };
    sorted(one) == sorted(other)
}
