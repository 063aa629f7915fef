//! The account at an ACME server (RFC 8555, 7.3): one for each directory URL, kept with its key in a file.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use baton_platform::lock::FileLock;
use baton_platform::{durable, sealed};
use instant_acme::{Account, Error, ExternalAccountKey, Key, NewAccount};
use rustls_pki_types::PrivatePkcs8KeyDer;
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;
use tokio::time::Instant;
use zeroize::Zeroizing;

use super::AcmeError;
use super::patience::{Patience, patiently};
use super::transport::{Shared, Transport};

/// How long the server's directory is believed before it is read again.
const FRESH: Duration = Duration::from_secs(3600);

/// An account of another kind that the CA binds ours to (RFC 8555, 7.3.4).
#[derive(Clone)]
pub struct ExternalAccount {
    /// The key identifier that the CA gave.
    pub key_id: String,
    /// The MAC key that the CA gave, decoded.
    pub key: Zeroizing<Vec<u8>>,
}

impl fmt::Debug for ExternalAccount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ExternalAccount").field("key_id", &self.key_id).finish_non_exhaustive()
    }
}

/// What is kept of an account.
#[derive(Serialize, Deserialize)]
struct AccountFile {
    directory: String,
    /// The account's URL; absent while it is not known to be registered.
    url: Option<String>,
    /// PKCS#8 (RFC 5958), base64url.
    key: Zeroizing<String>,
    /// The contacts that the server knows.
    contact: Vec<String>,
}

/// The account of one issuer.
pub(super) struct Accounts {
    path: PathBuf,
    directory_url: String,
    transport: Arc<Transport>,
    contact: Vec<String>,
    external: Option<ExternalAccount>,
    open: Mutex<Option<(Account, Instant)>>,
}

impl fmt::Debug for Accounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Accounts").field("path", &self.path).finish_non_exhaustive()
    }
}

impl Accounts {
    pub(super) fn new(
        files: &Path,
        directory_url: String,
        transport: Arc<Transport>,
        contact: Vec<String>,
        external: Option<ExternalAccount>,
    ) -> Self {
        let of_directory = digest(&SHA256, directory_url.as_bytes());
        let name: String = of_directory.as_ref()[..8].iter().map(|byte| format!("{byte:02x}")).collect();
        let path = files.join(format!("account-{name}.json"));
        Self { path, directory_url, transport, contact, external, open: Mutex::default() }
    }

    /// The account, ready for use: registered where it is new, with the contacts of the settings.
    pub(super) async fn open(&self) -> Result<Account, AcmeError> {
        let mut open = self.open.lock().await;
        if let Some((account, since)) = &*open
            && since.elapsed() < FRESH
        {
            return Ok(account.clone());
        }
        let directory = self.path.parent().unwrap_or(Path::new("."));
        durable::create_private_directory(directory).map_err(|cause| self.files(cause))?;
        // Two processes would register two accounts.
        let _lock = self.lock().await?;
        durable::remove_leftovers_of(&self.path).map_err(|cause| self.files(cause))?;
        let account = match self.read()? {
            Some(AccountFile { url: Some(url), key, contact, .. }) => {
                let account = self.restore(&url, &key).await?;
                if contact != self.contact {
                    self.change_contact(&account, &key).await?;
                }
                account
            }
            // A registration that was interrupted or refused: the same key finds or makes the same account.
            unregistered => match (&self.external, unregistered) {
                (Some(external), _) => self.register_bound(external).await?,
                (None, Some(AccountFile { key, .. })) => self.register(&key).await?,
                (None, None) => {
                    let (_, key) =
                        Key::generate_pkcs8().map_err(|error| self.error("making a key", error))?;
                    let key = encode(key.secret_pkcs8_der());
                    self.write(None, &key, &[])?;
                    self.register(&key).await?
                }
            },
        };
        *open = Some((account.clone(), Instant::now()));
        Ok(account)
    }

    /// Forgets what the server said of the account: it does not know it, and the next use registers it anew.
    pub(super) async fn forget_registration(&self) -> Result<(), AcmeError> {
        *self.open.lock().await = None;
        if let Some(file) = self.read()? {
            if self.external.is_some() {
                return durable::remove_file(&self.path).map_err(|cause| self.files(cause));
            }
            self.write(None, &file.key, &[])?;
        }
        Ok(())
    }

    async fn lock(&self) -> Result<FileLock, AcmeError> {
        let path = self.path.with_extension("lock");
        loop {
            if let Some(lock) = FileLock::try_acquire(&path).map_err(|cause| self.files(cause))? {
                return Ok(lock);
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    pub(super) async fn roll_over_key(&self) -> Result<(), AcmeError> {
        let mut account = self.open().await?;
        let credentials = match account.update_key().await {
            Err(error) => return Err(self.error("changing the account key", error)),
            Ok(credentials) => credentials,
        };
        let key = encode(credentials.private_key().secret_pkcs8_der());
        self.write(Some(account.id()), &key, &self.contact)?;
        *self.open.lock().await = Some((account, Instant::now()));
        Ok(())
    }

    pub(super) async fn deactivate(&self) -> Result<(), AcmeError> {
        let account = self.open().await?;
        account.deactivate().await.map_err(|error| self.error("deactivating the account", error))?;
        *self.open.lock().await = None;
        durable::remove_file(&self.path).map_err(|cause| self.files(cause))
    }

    /// The patience with one request to this server.
    pub(super) fn patience(&self, action: &'static str) -> Patience {
        Patience::new(action, Arc::clone(&self.transport))
    }

    fn error(&self, action: &'static str, error: Error) -> AcmeError {
        AcmeError::of(action, error, self.transport.take_retry_at())
    }

    fn builder(&self) -> instant_acme::AccountBuilder {
        Account::builder_with_http(Box::new(Shared(Arc::clone(&self.transport))))
    }

    async fn restore(&self, url: &str, key: &str) -> Result<Account, AcmeError> {
        let key = self.decode(key)?;
        patiently!(
            self.patience("reading the CA's directory"),
            self.builder().from_parts(
                url.to_owned(),
                PrivatePkcs8KeyDer::from(key.as_slice()),
                self.directory_url.clone()
            )
        )
    }

    /// Registers the account of a key that is kept already, or finds it registered.
    async fn register(&self, key: &Zeroizing<String>) -> Result<Account, AcmeError> {
        let der = self.decode(key)?;
        let (account, _) = patiently!(self.patience("registering an account"), async {
            let owned = PrivatePkcs8KeyDer::from(der.to_vec());
            let pair = Key::from_pkcs8_der(owned.clone_key())?;
            self.builder().create_from_key((pair, owned.into()), self.directory_url.clone()).await
        })?;
        self.write(Some(account.id()), key, &[])?;
        if !self.contact.is_empty() {
            self.change_contact(&account, key).await?;
        }
        Ok(account)
    }

    /// Registers an account that is bound to another one. The library makes its key and takes none of ours; so it
    /// is kept the moment the server has answered.
    async fn register_bound(&self, external: &ExternalAccount) -> Result<Account, AcmeError> {
        let contact: Vec<&str> = self.contact.iter().map(String::as_str).collect();
        let new =
            NewAccount { contact: &contact, terms_of_service_agreed: true, only_return_existing: false };
        let (account, credentials) = patiently!(self.patience("registering an account"), async {
            let key = ExternalAccountKey::new(external.key_id.clone(), &external.key);
            self.builder().create(&new, self.directory_url.clone(), Some(&key)).await
        })?;
        let key = encode(credentials.private_key().secret_pkcs8_der());
        self.write(Some(account.id()), &key, &self.contact)?;
        Ok(account)
    }

    async fn change_contact(&self, account: &Account, key: &Zeroizing<String>) -> Result<(), AcmeError> {
        let contact: Vec<&str> = self.contact.iter().map(String::as_str).collect();
        patiently!(self.patience("changing the account's contact"), account.update_contacts(&contact))?;
        self.write(Some(account.id()), key, &self.contact)
    }

    fn read(&self) -> Result<Option<AccountFile>, AcmeError> {
        match sealed::read(&self.path) {
            Ok(text) => serde_json::from_slice(&text).map(Some).map_err(|error| self.damaged(&error)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(cause) => Err(self.files(cause)),
        }
    }

    fn write(&self, url: Option<&str>, key: &Zeroizing<String>, contact: &[String]) -> Result<(), AcmeError> {
        let file = AccountFile {
            directory: self.directory_url.clone(),
            url: url.map(str::to_owned),
            key: key.clone(),
            contact: contact.to_vec(),
        };
        let text = Zeroizing::new(serde_json::to_vec_pretty(&file).map_err(|error| self.damaged(&error))?);
        sealed::replace(&self.path, &text).map_err(|cause| self.files(cause))
    }

    fn decode(&self, key: &str) -> Result<Zeroizing<Vec<u8>>, AcmeError> {
        BASE64_URL_SAFE_NO_PAD.decode(key).map(Zeroizing::new).map_err(|_| AcmeError::Damaged {
            path: self.path.clone(),
            reason: "its key is no base64".to_owned(),
        })
    }

    /// Only the place of the fault: the text around it may be the key.
    fn damaged(&self, error: &serde_json::Error) -> AcmeError {
        let reason = format!("line {}, column {}", error.line(), error.column());
        AcmeError::Damaged { path: self.path.clone(), reason }
    }

    fn files(&self, cause: std::io::Error) -> AcmeError {
        let directory = self.path.parent().map(Path::to_owned).unwrap_or_default();
        AcmeError::Files { directory, cause }
    }
}

fn encode(der: &[u8]) -> Zeroizing<String> {
    Zeroizing::new(BASE64_URL_SAFE_NO_PAD.encode(der))
}
