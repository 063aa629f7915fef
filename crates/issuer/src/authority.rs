//! The internal CA: a root that signs intermediates, and an intermediate that signs leaves.
//!
//! ```text
//! <data>/ca/<issuer>/     0700
//!   root.pem              the certificate that clients trust
//!   root.key              0600, needed again only when the intermediate is renewed
//!   intermediate.pem      0600, certificate and key in one file, so that they change as one
//! ```
//!
//! On Windows the two with a key are sealed for the machine.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use baton_platform::durable::{self, Attributes};
use baton_platform::sealed;
use baton_x509::{Certificate, KeptKey, KeyAlgorithm, Name, PemContents, X509};
use fs_err as fs;
use jiff::{SignedDuration, Timestamp};
use rcgen::{CertificateParams, Issuer as SigningIssuer, KeyPair, PublicKeyData};

use crate::key::{KeptSigningKey, failed, key_pair, private_key};
use crate::{IssueError, KeySource, Order, profile};

const ROOT: &str = "root.pem";
const ROOT_KEY: &str = "root.key";
const INTERMEDIATE: &str = "intermediate.pem";

const ROOT_LIFETIME: SignedDuration = SignedDuration::from_hours(10 * 365 * 24);
const INTERMEDIATE_LIFETIME: SignedDuration = SignedDuration::from_hours(2 * 365 * 24);

/// A CA of our own, in a directory.
#[derive(Debug)]
pub struct InternalAuthority {
    directory: PathBuf,
    root: X509,
    permitted: Vec<Name>,
}

impl InternalAuthority {
    /// Opens the CA in `directory`; makes it, limited to `permitted`, where it does not exist.
    ///
    /// An existing CA keeps the limits that it was made with.
    pub fn open(
        directory: &Path,
        label: &str,
        permitted: &[Name],
        now: Timestamp,
    ) -> Result<Self, IssueError> {
        if !directory.is_dir() {
            create(directory, label, permitted, now)?;
        }
        let root = read_certificate(directory, ROOT)?;
        // The limits in the CA's own certificate are the truth about them.
        let permitted = root.permitted_names().to_vec();
        Ok(Self { directory: directory.to_owned(), root, permitted })
    }

    /// The certificate that clients trust.
    pub fn root(&self) -> &X509 {
        &self.root
    }

    /// Issues a certificate. The chain has the intermediate and not the root, which clients have.
    fn issue(
        &self,
        order: &Order<'_>,
        lifetime: SignedDuration,
        now: Timestamp,
    ) -> Result<Certificate, IssueError> {
        if let Some(name) = order.names.iter().find(|name| !self.permits(name)) {
            return Err(IssueError::NameNotPermitted {
                name: name.clone(),
                permitted: self.permitted.iter().map(Name::to_string).collect(),
            });
        }
        let ends = now.checked_add(lifetime).unwrap_or(Timestamp::MAX);
        if ends > self.root.not_after() {
            return Err(IssueError::RootEnds { ends: self.root.not_after() });
        }
        let (intermediate, intermediate_key) = self.intermediate(ends, now)?;
        if let KeySource::Kept(signer) = order.key {
            let params = profile::server(order.names, signer.certificate().key_algorithm(), lifetime, now)?;
            // A CA needs the public key alone.
            let leaf = sign(&params, &KeptSigningKey(signer), &intermediate, intermediate_key)?;
            return Ok(Certificate::with_kept_key(leaf, vec![intermediate], KeptKey::NotExportable));
        }
        let key = key_pair(&order.key)?;
        let algorithm = match order.key {
            KeySource::New(algorithm) => algorithm,
            _ if key.algorithm() == &rcgen::PKCS_RSA_SHA256 => KeyAlgorithm::Rsa2048,
            _ => KeyAlgorithm::EcdsaP256,
        };
        let params = profile::server(order.names, algorithm, lifetime, now)?;
        let leaf = sign(&params, &key, &intermediate, intermediate_key)?;
        Ok(Certificate::new(leaf, vec![intermediate], Some(private_key(&key))))
    }

    /// The intermediate with its key; a new one where the present one would end before the leaf.
    fn intermediate(&self, leaf_ends: Timestamp, now: Timestamp) -> Result<(X509, KeyPair), IssueError> {
        let path = self.directory.join(INTERMEDIATE);
        let text = sealed::read(&path).map_err(|cause| self.files(cause))?;
        let contents = PemContents::read(&text).map_err(|error| self.damaged(error.to_string()))?;
        let (Some(certificate), Some(key)) = (contents.certificates.first(), contents.keys.first()) else {
            return Err(self.damaged(format!("{INTERMEDIATE} lacks the certificate or the key")));
        };
        if certificate.not_after() >= leaf_ends {
            return Ok((certificate.clone(), key_pair(&KeySource::Same(key))?));
        }
        let root_key = read_key(&self.directory, ROOT_KEY)?;
        let lifetime = INTERMEDIATE_LIFETIME.min(self.root.not_after().duration_since(now));
        let (certificate, key, text) =
            make_intermediate(&self.root, root_key, &self.permitted, lifetime, now)?;
        sealed::replace(&path, text.as_bytes()).map_err(|cause| self.files(cause))?;
        Ok((certificate, key))
    }

    /// Whether the CA's limits let it issue for a name.
    pub fn permits(&self, name: &Name) -> bool {
        self.permitted.iter().any(|permitted| match (permitted, name) {
            (Name::Dns(permitted), Name::Dns(name)) => {
                let name = name.trim_start_matches("*.");
                name == permitted || name.strip_suffix(permitted).is_some_and(|rest| rest.ends_with('.'))
            }
            (Name::Ip(permitted), Name::Ip(address)) => {
                permitted == address
                    || (permitted.is_loopback() && address.is_ipv4() && address.is_loopback())
            }
            _ => false,
        })
    }

    fn files(&self, cause: std::io::Error) -> IssueError {
        IssueError::Files { directory: self.directory.clone(), cause }
    }

    fn damaged(&self, reason: String) -> IssueError {
        IssueError::Damaged { directory: self.directory.clone(), reason }
    }
}

/// Issues on a thread of its own: an RSA key takes a second to find, and others are served meanwhile.
pub(crate) async fn issue_aside(
    authority: Arc<InternalAuthority>,
    order: &Order<'_>,
    lifetime: SignedDuration,
    now: Timestamp,
) -> Result<Certificate, IssueError> {
    let (certificate, names) = (order.certificate.to_owned(), order.names.to_vec());
    let (algorithm, same) = match order.key {
        KeySource::New(algorithm) => (algorithm, None),
        KeySource::Same(key) => (KeyAlgorithm::Other, Some(key.clone())),
        KeySource::Kept(_) => return authority.issue(order, lifetime, now),
    };
    let issued = tokio::task::spawn_blocking(move || {
        let key = same.as_ref().map_or(KeySource::New(algorithm), KeySource::Same);
        let order = Order { certificate: &certificate, names: &names, key, replaces: None };
        authority.issue(&order, lifetime, now)
    });
    issued.await.unwrap_or_else(|error| Err(IssueError::Failed { reason: error.to_string() }))
}

fn create(directory: &Path, label: &str, permitted: &[Name], now: Timestamp) -> Result<(), IssueError> {
    let files_error = |cause| IssueError::Files { directory: directory.to_owned(), cause };
    let root_key = key_pair(&KeySource::New(KeyAlgorithm::EcdsaP256))?;
    let name = format!("Baton Root CA of {label}");
    let params = profile::authority(&name, permitted, 1, ROOT_LIFETIME, now)?;
    let root = to_x509(params.self_signed(&root_key).map_err(failed)?.der())?;
    let root_key_sealed = sealed::seal(private_key(&root_key).to_pem().as_bytes()).map_err(files_error)?;
    let (_, _, intermediate_text) =
        make_intermediate(&root, root_key, permitted, INTERMEDIATE_LIFETIME, now)?;
    let intermediate_sealed = sealed::seal(intermediate_text.as_bytes()).map_err(files_error)?;
    let root_text = root.to_pem();
    if let Some(parent) = directory.parent() {
        durable::create_private_directory(parent).map_err(files_error)?;
    }
    durable::create_directory_with(
        directory,
        Attributes::private_directory(),
        &[
            (OsStr::new(ROOT), root_text.as_bytes(), Attributes::public_file()),
            (OsStr::new(ROOT_KEY), &root_key_sealed, Attributes::private_file()),
            (OsStr::new(INTERMEDIATE), &intermediate_sealed, Attributes::private_file()),
        ],
    )
    .map_err(files_error)
}

fn make_intermediate(
    root: &X509,
    root_key: KeyPair,
    permitted: &[Name],
    lifetime: SignedDuration,
    now: Timestamp,
) -> Result<(X509, KeyPair, zeroize::Zeroizing<String>), IssueError> {
    let key = key_pair(&KeySource::New(KeyAlgorithm::EcdsaP256))?;
    let name = root.common_name().unwrap_or("Baton Root CA").replacen("Root", "Intermediate", 1);
    let params = profile::authority(&name, permitted, 0, lifetime, now)?;
    let certificate = sign(&params, &key, root, root_key)?;
    let mut text = certificate.to_pem();
    text.push_str(&private_key(&key).to_pem());
    Ok((certificate, key, zeroize::Zeroizing::new(text)))
}

fn sign(
    params: &CertificateParams,
    key: &impl PublicKeyData,
    issuer: &X509,
    issuer_key: KeyPair,
) -> Result<X509, IssueError> {
    let issuer = SigningIssuer::from_ca_cert_der(&issuer.to_rustls(), issuer_key).map_err(failed)?;
    to_x509(params.signed_by(key, &issuer).map_err(failed)?.der())
}

fn to_x509(der: &[u8]) -> Result<X509, IssueError> {
    X509::from_der(der).map_err(|error| IssueError::Failed { reason: error.to_string() })
}

fn read_certificate(directory: &Path, name: &str) -> Result<X509, IssueError> {
    let damaged = |reason: String| IssueError::Damaged { directory: directory.to_owned(), reason };
    let text = fs::read(directory.join(name))
        .map_err(|cause| IssueError::Files { directory: directory.to_owned(), cause })?;
    let contents = PemContents::read(&text).map_err(|error| damaged(error.to_string()))?;
    contents.certificates.into_iter().next().ok_or_else(|| damaged(format!("{name} holds no certificate")))
}

fn read_key(directory: &Path, name: &str) -> Result<KeyPair, IssueError> {
    let damaged = |reason: String| IssueError::Damaged { directory: directory.to_owned(), reason };
    let text = sealed::read(&directory.join(name))
        .map_err(|cause| IssueError::Files { directory: directory.to_owned(), cause })?;
    let contents = PemContents::read(&text).map_err(|error| damaged(error.to_string()))?;
    let key = contents.keys.first().ok_or_else(|| damaged(format!("{name} holds no key")))?;
    key_pair(&KeySource::Same(key))
}
