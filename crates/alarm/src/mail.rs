//! Mail over SMTP (RFC 5321).

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use fs_err as fs;
use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::transport::smtp::authentication::Credentials as Login;
use lettre::transport::smtp::client::{Certificate, CertificateStore, Tls, TlsParametersBuilder};
use lettre::transport::smtp::extension::ClientId;
use lettre::{AsyncSmtpTransport, AsyncTransport as _, Message as Letter, Tokio1Executor};
use rustls_pki_types::CertificateDer;
use zeroize::Zeroizing;

use crate::error::DeliveryError;
use crate::message::Message;

pub use lettre::message::Mailbox;

/// How long the delivery of one mail may take, all in all.
const LIMIT: Duration = Duration::from_secs(30);

/// How mail is protected on its way to the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encryption {
    /// TLS after a greeting in the clear (RFC 3207); a server that does not offer it is refused.
    StartTls,
    /// TLS from the first byte (RFC 8314).
    Implicit,
    /// None.
    Off,
}

/// Who we are to the mail server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credentials {
    /// The user's name.
    pub user: String,
    /// A file with the password, read for each mail.
    pub password_file: PathBuf,
}

/// A mail server, and who gets mail.
#[derive(Debug)]
pub struct Mail {
    /// The server's host.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How mail is protected on its way there.
    pub encryption: Encryption,
    /// Who we are to it.
    pub credentials: Option<Credentials>,
    /// The roots that its certificate may lead to; none: those that the system trusts.
    pub roots: Vec<CertificateDer<'static>>,
    /// Who writes.
    pub from: Mailbox,
    /// Who gets it.
    pub to: Vec<Mailbox>,
}

/// The text is no mail address.
#[derive(Debug, thiserror::Error)]
#[error("{0:?} is no mail address: write ops@example.com, or Operations <ops@example.com>")]
pub struct InvalidMailbox(String);

/// Reads `ops@example.com`, or `Operations <ops@example.com>`.
pub fn parse_mailbox(text: &str) -> Result<Mailbox, InvalidMailbox> {
    text.parse().map_err(|_| InvalidMailbox(text.to_owned()))
}

impl fmt::Display for Mail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

impl Mail {
    /// Sends a mail: the server has taken it over for all receivers when this returns.
    pub(crate) async fn send(&self, message: &Message) -> Result<(), DeliveryError> {
        let letter = self.letter(message)?;
        let late = || DeliveryError::SmtpTimedOut { server: self.to_string(), limit: LIMIT };
        let failed = |cause| DeliveryError::Smtp { server: self.to_string(), cause };
        let transport = self.transport(&message.host).await?;
        let sent = tokio::time::timeout(LIMIT, transport.send(letter)).await.map_err(|_| late())?;
        sent.map(drop).map_err(failed)
    }

    fn letter(&self, message: &Message) -> Result<Letter, DeliveryError> {
        // The same when it is sent again, so that a mail server can drop the second.
        let id = message.notices.last().map_or(0, |notice| notice.id);
        let second = message.notices.first().map_or(message.at, |notice| notice.at).as_second();
        let mut letter = Letter::builder()
            .from(self.from.clone())
            .subject(message.subject())
            .message_id(Some(format!("<baton-{second}-{id}@{}>", message.host)))
            .header(ContentType::TEXT_PLAIN);
        for to in &self.to {
            letter = letter.to(to.clone());
        }
        let mut letter = letter.body(message.text.clone()).map_err(DeliveryError::Letter)?;
        // RFC 3834: nobody's holiday notice answers it.
        let name = HeaderName::new_from_ascii_str("Auto-Submitted");
        letter.headers_mut().insert_raw(HeaderValue::new(name, "auto-generated".to_owned()));
        Ok(letter)
    }

    async fn transport(&self, host: &str) -> Result<AsyncSmtpTransport<Tokio1Executor>, DeliveryError> {
        let mut transport = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&self.host)
            .port(self.port)
            .timeout(Some(LIMIT))
            .hello_name(ClientId::Domain(host.to_owned()))
            .tls(self.tls()?);
        if let Some(credentials) = &self.credentials {
            let path = credentials.password_file.clone();
            let text = fs::tokio::read_to_string(path).await.map_err(DeliveryError::Password)?;
            let text = Zeroizing::new(text);
            let password = text.trim_end_matches(['\r', '\n']).to_owned();
            transport = transport.credentials(Login::new(credentials.user.clone(), password));
        }
        Ok(transport.build())
    }

    fn tls(&self) -> Result<Tls, DeliveryError> {
        let failed = |cause| DeliveryError::Smtp { server: self.to_string(), cause };
        if self.encryption == Encryption::Off {
            return Ok(Tls::None);
        }
        let mut parameters = TlsParametersBuilder::new(self.host.clone());
        if !self.roots.is_empty() {
            parameters = parameters.certificate_store(CertificateStore::None);
        }
        for root in &self.roots {
            let root = Certificate::from_der(root.to_vec()).map_err(failed)?;
            parameters = parameters.add_root_certificate(root);
        }
        let parameters = parameters.build().map_err(failed)?;
        Ok(match self.encryption {
            Encryption::StartTls => Tls::Required(parameters),
            Encryption::Implicit | Encryption::Off => Tls::Wrapper(parameters),
        })
    }
}
