//! What is handed to a program, and what it leaves.

use std::path::{Path, PathBuf};

use baton_finding::Explain as _;
use baton_platform::{durable, foreign_file};
use baton_x509::{Certificate, KeyAlgorithm, Name, Trust, X509};
use fs_err as fs;
use jiff::Timestamp;

use super::ProgramError;
use crate::answer::{certificates_of_file, completed};
use crate::key::new_key;
use crate::{
    CertificateRequest, KeptRequest, KeptRequests, KeySource, Order, PendingKey, RequestKey, Template,
    certificate_of_answer, request_id,
};

/// The most bytes of a file that a program leaves: certificate chains are a few kilobytes.
const LONGEST_ANSWER: u64 = 1024 * 1024;

/// The names of what a program finds in its directory.
pub(super) const REQUEST_PEM: &str = "request.pem";
pub(super) const REQUEST_DER: &str = "request.der";

/// What every CA needs that a program asks.
#[derive(Debug)]
pub struct ExchangeSettings {
    /// The name of the issuer: its requests are kept under it.
    pub issuer: String,
    /// Where requests are kept.
    pub requests: KeptRequests,
    /// The directory in which each program gets one of its own.
    pub directory: PathBuf,
    /// What its certificates lead to, and intermediates that an answer may lack.
    pub roots: Vec<X509>,
    /// The template that requests name (Active Directory Certificate Services).
    pub template: Option<Template>,
}

/// Requests out, certificates in.
#[derive(Debug)]
pub(super) struct Exchange {
    settings: ExchangeSettings,
    trust: Trust,
}

/// A certificate that a program has left.
pub(super) struct Left {
    pub(super) certificate: Certificate,
    /// Whether it leads to the issuer's root: then nothing of it is missing.
    pub(super) is_verified: bool,
}

impl Exchange {
    pub(super) fn new(settings: ExchangeSettings) -> Self {
        let mut trust = Trust::default();
        settings.roots.iter().for_each(|root| trust.add(root.to_rustls()));
        Self { settings, trust }
    }

    /// The request for an order: the one that is kept, if it says what a new one would say; else a new one, durably
    /// kept. `is_ours` may refuse one that was handed in somewhere else.
    pub(super) async fn request_for(
        &self,
        order: &Order<'_>,
        is_ours: impl Fn(&KeptRequest) -> bool,
        now: Timestamp,
    ) -> Result<KeptRequest, ProgramError> {
        for kept in self.kept(order.certificate)? {
            if self.serves(&kept, order) && is_ours(&kept) {
                return Ok(kept);
            }
            tracing::info!(
                certificate = order.certificate,
                id = kept.id,
                "a request is given up: another is wanted"
            );
            self.give_up(&kept)?;
        }
        let new;
        let (signed_by, key, algorithm) = match order.key {
            KeySource::New(algorithm) => {
                let made = new_key(algorithm).await;
                new = made.map_err(|error| ProgramError::Make { reason: error.chain() })?;
                (RequestKey::AtHand(&new), new.clone().into(), algorithm)
            }
            KeySource::Same(key) => (key.into(), key.clone().into(), KeyAlgorithm::Other),
            KeySource::Kept(signer) => {
                let key = PendingKey::InStore(signer.certificate().public_key().to_vec());
                (RequestKey::Kept(signer), key, KeyAlgorithm::Other)
            }
        };
        let public = key.public_key().map_err(|error| ProgramError::Make { reason: error.chain() })?;
        let kept = KeptRequest {
            id: request_id(&public),
            certificate: order.certificate.to_owned(),
            issuer: self.settings.issuer.clone(),
            names: order.names.to_vec(),
            is_same_key: !matches!(order.key, KeySource::New(_)),
            is_by_hand: false,
            template: self.settings.template.clone(),
            algorithm,
            request: self.request(order.names, signed_by)?,
            key,
            made_at: now,
            ca_id: None,
        };
        self.keep(&kept)?;
        Ok(kept)
    }

    /// Keeps what has become known of a request.
    pub(super) fn keep(&self, kept: &KeptRequest) -> Result<(), ProgramError> {
        Ok(self.settings.requests.keep(kept)?)
    }

    /// The directory that a program works in for a request; it may not be there.
    pub(super) fn directory(&self, kept: &KeptRequest) -> PathBuf {
        self.settings.directory.join(format!("{}-{}", kept.certificate, kept.id))
    }

    /// Makes that directory anew, with the request in it and nothing else.
    pub(super) fn prepare(&self, kept: &KeptRequest) -> Result<PathBuf, ProgramError> {
        let directory = self.directory(kept);
        let files_error = |cause| ProgramError::Files { directory: directory.clone(), cause };
        let make = || {
            durable::remove_directory(&directory)?;
            durable::create_private_directory(&directory)?;
            fs::write(directory.join(REQUEST_PEM), kept.request.to_pem())?;
            fs::write(directory.join(REQUEST_DER), kept.request.der())
        };
        durable::create_private_directory(&self.settings.directory)
            .and_then(|()| make())
            .map_err(files_error)?;
        Ok(directory)
    }

    /// The certificate that `program` has left in `files`, the first of which must be there. `said` is what it wrote.
    pub(super) fn left(
        &self,
        kept: &KeptRequest,
        files: &[&Path],
        (program, said): (&str, &str),
        now: Timestamp,
    ) -> Result<Left, ProgramError> {
        let unreadable = |reason: String| ProgramError::Unreadable {
            program: program.to_owned(),
            reason,
            said: said.to_owned(),
        };
        let mut certificates = Vec::new();
        for (position, file) in files.iter().enumerate() {
            let content = match foreign_file::read(file, LONGEST_ANSWER) {
                Ok(content) => content,
                Err(error) if error.kind() == std::io::ErrorKind::NotFound && position == 0 => {
                    let (program, said) = (program.to_owned(), said.to_owned());
                    return Err(ProgramError::NoCertificate { program, said });
                }
                Err(error) if position == 0 => return Err(unreadable(error.to_string())),
                Err(_) => continue,
            };
            match certificates_of_file(&content) {
                Ok(found) => certificates.extend(found),
                Err(error) if position == 0 => return Err(unreadable(error.chain())),
                // The chain is a help: what is missing may be in the file of the root.
                Err(error) => {
                    tracing::info!(certificate = kept.certificate, "the chain is not read: {error}")
                }
            }
        }
        let certificates = completed(certificates, &self.settings.roots, &kept.key);
        let certificate =
            certificate_of_answer(certificates, &kept.names, &kept.key, now).map_err(ProgramError::Wrong)?;
        let is_verified = !self.settings.roots.is_empty();
        if is_verified {
            let verified = self.trust.verify(certificate.leaf(), certificate.chain(), now);
            verified.map_err(ProgramError::Untrusted)?;
        }
        Ok(Left { certificate, is_verified })
    }

    /// The certificate that a program has left whose end nobody has seen: only one that leads to the issuer's root, for
    /// it may have been ended while it wrote.
    pub(super) fn left_before(
        &self,
        kept: &KeptRequest,
        files: &[&Path],
        now: Timestamp,
    ) -> Option<Certificate> {
        let left = self.left(kept, files, ("", ""), now).ok().filter(|left| left.is_verified)?;
        tracing::info!(certificate = kept.certificate, "a certificate that was left before is taken");
        Some(left.certificate)
    }

    /// Forgets all requests of a certificate: what they gave is durable elsewhere.
    pub(super) fn forget(&self, certificate: &str) -> Result<(), ProgramError> {
        self.kept(certificate)?.iter().try_for_each(|kept| self.give_up(kept))
    }

    /// Forgets one request, with its key and all that a program has left.
    pub(super) fn give_up(&self, kept: &KeptRequest) -> Result<(), ProgramError> {
        let directory = self.directory(kept);
        if directory.exists() {
            let files_error = |cause| ProgramError::Files { directory: directory.clone(), cause };
            durable::remove_directory(&directory).map_err(files_error)?;
        }
        Ok(self.settings.requests.forget(kept)?)
    }

    /// Those of a certificate that this issuer was asked with.
    fn kept(&self, certificate: &str) -> Result<Vec<KeptRequest>, ProgramError> {
        let mut kept = self.settings.requests.of(certificate)?;
        // What a person carries is none of ours.
        kept.retain(|kept| kept.issuer == self.settings.issuer && !kept.is_by_hand);
        Ok(kept)
    }

    /// Whether a request is what would be asked for now: names, template, and the key.
    fn serves(&self, kept: &KeptRequest, order: &Order<'_>) -> bool {
        let has_public = |public: &[u8]| kept.key.public_key().is_ok_and(|own| own == public);
        let signed_by = match (&order.key, &kept.key) {
            (KeySource::Same(key), _) if key.public_key().is_ok_and(|public| has_public(&public)) => {
                (*key).into()
            }
            (KeySource::Kept(signer), _) if has_public(signer.certificate().public_key()) => {
                RequestKey::Kept(*signer)
            }
            (KeySource::New(algorithm), PendingKey::AtHand(key))
                if !kept.is_same_key && kept.algorithm == *algorithm =>
            {
                key.into()
            }
            _ => return false,
        };
        self.request(order.names, signed_by).is_ok_and(|wanted| wanted.says_the_same(&kept.request))
    }

    fn request(&self, names: &[Name], key: RequestKey<'_>) -> Result<CertificateRequest, ProgramError> {
        CertificateRequest::new(names, key, self.settings.template.as_ref())
            .map_err(|error| ProgramError::Make { reason: error.chain() })
    }
}

#[cfg(test)]
mod tests {
    use baton_x509::PrivateKey;

    use super::*;
    use crate::key::{key_pair, private_key};

    fn request(names: &[&str], key: &PrivateKey, template: Option<&str>) -> CertificateRequest {
        let names: Vec<Name> = names.iter().map(|name| name.parse().unwrap()).collect();
        let template: Option<Template> = template.map(|template| template.parse().unwrap());
        CertificateRequest::new(&names, key, template.as_ref()).unwrap()
    }

    /// The signature of ECDSA is another one each time; all that is asked for is not.
    #[test]
    fn requests_are_compared_by_what_they_say() {
        let key = || private_key(&key_pair(&KeySource::New(KeyAlgorithm::EcdsaP256)).unwrap());
        let (one, other) = (key(), key());
        let asked = request(&["a.example", "b.example"], &one, None);
        assert_ne!(asked.der(), request(&["a.example", "b.example"], &one, None).der());
        assert!(asked.says_the_same(&request(&["a.example", "b.example"], &one, None)));
        for differs in [
            request(&["b.example", "a.example"], &one, None),
            request(&["a.example"], &one, None),
            request(&["a.example", "b.example"], &other, None),
            request(&["a.example", "b.example"], &one, Some("WebServer")),
            CertificateRequest::from_der(b"rubbish".to_vec()),
        ] {
            assert!(!asked.says_the_same(&differs) && !differs.says_the_same(&asked));
        }
        assert!(
            !CertificateRequest::from_der(Vec::new())
                .says_the_same(&CertificateRequest::from_der(Vec::new()))
        );
    }
}
