//! A mail server: SMTP (RFC 5321) as far as one client needs it, in the clear, with STARTTLS (RFC 3207) or with TLS
//! from the first byte, and with a login (RFC 4954, PLAIN) where a test asks for one.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustls::crypto::aws_lc_rs;
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

use crate::acceptor::Acceptor;
use crate::authority::IssuedCertificate;

const LIMIT: Duration = Duration::from_secs(60);

/// How the server is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MailTls {
    /// In the clear.
    Off,
    /// In the clear until the client asks for TLS; no mail is taken before.
    StartTls,
    /// TLS from the first byte.
    Implicit,
}

/// How the server behaves.
#[derive(Clone, Debug)]
pub struct MailOptions {
    /// How it is spoken to.
    pub tls: MailTls,
    /// What it shows for TLS.
    pub certificate: Option<IssuedCertificate>,
    /// Who must sign in: user and password.
    pub login: Option<(String, String)>,
}

/// A mail that was taken.
#[derive(Clone, Debug)]
pub struct ReceivedMail {
    /// Whether it came over TLS.
    pub is_encrypted: bool,
    /// Who signed in.
    pub user: Option<String>,
    /// The sender of the envelope.
    pub from: String,
    /// The receivers of the envelope.
    pub to: Vec<String>,
    /// Head and body, lines joined by `\n`.
    pub text: String,
}

/// A server at a free port of 127.0.0.1; it ends when it is dropped.
#[derive(Debug)]
pub struct MailServer {
    acceptor: Acceptor,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    options: MailOptions,
    tls: Option<Arc<ServerConfig>>,
    mails: Mutex<Vec<ReceivedMail>>,
}

impl MailServer {
    /// Starts a server. Panics when its certificate cannot be served.
    #[track_caller]
    pub fn start(options: MailOptions) -> Self {
        let tls = options.certificate.as_ref().map(configuration);
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let shared = Arc::new(Shared { options, tls, mails: Mutex::default() });
        let own = Arc::clone(&shared);
        let acceptor = Acceptor::start(listener, move |stream| serve(stream, &own));
        Self { acceptor, shared }
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        self.acceptor.address().port()
    }

    /// All mails so far, in their order.
    pub fn mails(&self) -> Vec<ReceivedMail> {
        self.shared.mails.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn configuration(certificate: &IssuedCertificate) -> Arc<ServerConfig> {
    let chain = CertificateDer::pem_slice_iter(certificate.chain_pem.as_bytes()).collect::<Result<_, _>>();
    let key = PrivateKeyDer::from_pem_slice(certificate.key_pem.as_bytes());
    let configuration = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("the provider's own protocol versions")
        .with_no_client_auth()
        .with_single_cert(chain.expect("a chain in PEM"), key.expect("a key in PEM"));
    Arc::new(configuration.expect("certificate and key fit"))
}

trait Stream: Read + Write {}
impl<T: Read + Write> Stream for T {}

struct Session<'a> {
    shared: &'a Shared,
    socket: TcpStream,
    stream: BufReader<Box<dyn Stream>>,
    is_encrypted: bool,
    user: Option<String>,
}

fn serve(socket: TcpStream, shared: &Shared) -> io::Result<()> {
    socket.set_read_timeout(Some(LIMIT))?;
    let stream: Box<dyn Stream> = Box::new(socket.try_clone()?);
    let mut session =
        Session { shared, socket, stream: BufReader::new(stream), is_encrypted: false, user: None };
    if shared.options.tls == MailTls::Implicit {
        session.encrypt()?;
    }
    session.say("220 testkit ready")?;
    session.talk()
}

impl Session<'_> {
    fn encrypt(&mut self) -> io::Result<()> {
        let configuration = self.shared.tls.clone().expect("a server with TLS has a certificate");
        let connection = ServerConnection::new(configuration).map_err(io::Error::other)?;
        self.stream = BufReader::new(Box::new(StreamOwned::new(connection, self.socket.try_clone()?)));
        self.is_encrypted = true;
        Ok(())
    }

    fn say(&mut self, line: &str) -> io::Result<()> {
        let stream = self.stream.get_mut();
        stream.write_all(format!("{line}\r\n").as_bytes())?;
        stream.flush()
    }

    fn line(&mut self) -> io::Result<Option<String>> {
        let mut line = String::new();
        let count = self.stream.read_line(&mut line)?;
        Ok((count > 0).then(|| line.trim_end_matches(['\r', '\n']).to_owned()))
    }

    fn talk(&mut self) -> io::Result<()> {
        let (mut from, mut to) = (String::new(), Vec::new());
        while let Some(line) = self.line()? {
            let word = line.split([' ', ':']).next().unwrap_or_default().to_ascii_uppercase();
            match word.as_str() {
                "EHLO" | "HELO" => self.greet()?,
                "STARTTLS" if self.shared.options.tls == MailTls::StartTls && !self.is_encrypted => {
                    self.say("220 go ahead")?;
                    self.encrypt()?;
                }
                "AUTH" => self.sign_in(&line)?,
                "MAIL" if !self.may_send() => self.say("530 first TLS and a login")?,
                "MAIL" => {
                    from = address(&line);
                    self.say("250 ok")?;
                }
                "RCPT" => {
                    to.push(address(&line));
                    self.say("250 ok")?;
                }
                "DATA" => {
                    let mail = self.read_mail(std::mem::take(&mut from), std::mem::take(&mut to))?;
                    self.shared.mails.lock().unwrap_or_else(PoisonError::into_inner).push(mail);
                    self.say("250 taken")?;
                }
                "QUIT" => return self.say("221 bye"),
                "RSET" | "NOOP" => self.say("250 ok")?,
                _ => self.say("502 not known here")?,
            }
        }
        Ok(())
    }

    fn greet(&mut self) -> io::Result<()> {
        self.say("250-testkit")?;
        if self.shared.options.tls == MailTls::StartTls && !self.is_encrypted {
            self.say("250-STARTTLS")?;
        }
        if self.shared.options.login.is_some() {
            self.say("250-AUTH PLAIN")?;
        }
        self.say("250 8BITMIME")
    }

    /// RFC 4616: nothing, the user and the password, each behind a zero byte, in base64.
    fn sign_in(&mut self, line: &str) -> io::Result<()> {
        let Some((user, password)) = self.shared.options.login.clone() else {
            return self.say("502 not known here");
        };
        let given = line.split(' ').nth(2).unwrap_or_default();
        if given == base64(format!("\0{user}\0{password}").as_bytes()) {
            self.user = Some(user);
            self.say("235 welcome")
        } else {
            self.say("535 no")
        }
    }

    fn may_send(&self) -> bool {
        (self.is_encrypted || self.shared.options.tls == MailTls::Off)
            && (self.user.is_some() || self.shared.options.login.is_none())
    }

    fn read_mail(&mut self, from: String, to: Vec<String>) -> io::Result<ReceivedMail> {
        self.say("354 go on")?;
        let mut lines = Vec::new();
        while let Some(line) = self.line()?.filter(|line| line != ".") {
            lines.push(line.strip_prefix('.').map(str::to_owned).unwrap_or(line));
        }
        let text = lines.join("\n");
        Ok(ReceivedMail { is_encrypted: self.is_encrypted, user: self.user.clone(), from, to, text })
    }
}

/// What stands between `<` and `>`.
fn address(line: &str) -> String {
    let rest = line.split_once('<').map_or("", |(_, rest)| rest);
    rest.split_once('>').map_or("", |(address, _)| address).to_owned()
}

fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let bits =
            chunk.iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for place in 0..4 {
            let digit = usize::try_from(bits >> (18 - 6 * place) & 63).unwrap_or_default();
            text.push(if place <= chunk.len() { char::from(ALPHABET[digit]) } else { '=' });
        }
    }
    text
}
