//! What Pebble lacks, added by a proxy in front of it: renewal information (RFC 9773) and profiles (the ACME profiles
//! extension, draft-ietf-acme-profiles).
//!
//! | the client asks | the proxy |
//! |---|---|
//! | the directory | adds `renewalInfo` and, where there are any, `meta.profiles` |
//! | `GET renewalInfo/<identifier>` | answers as the test says, else a window near two thirds of the lifetime |
//! | for a new order | checks `replaces` and `profile` as the RFC says, records it, and then lets Pebble decide |
//! | about an order | adds `replaces` and `profile`, which a server that accepts them reflects |
//! | anything else | passes it on |
//!
//! A request is signed over its URL. Pebble takes its own URLs from the `Host` header, which is passed on unchanged: so
//! client, proxy and Pebble speak of the same URLs, and Pebble still verifies every signature.
//!
//! No keep-alive: each request is a connection of its own, on either side.

use std::collections::{HashMap, HashSet};
use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use serde_json::Value;

use crate::Pebble;
use crate::acceptor::Acceptor;
use exchange::{Answer, Question, Upstream};
use identifier::Issued;

mod exchange;
mod identifier;
mod rules;

pub use identifier::certificate_identifier;

/// What is answered to `GET renewalInfo/<identifier>`.
#[derive(Clone, Debug)]
pub enum RenewalAnswer {
    /// A window, valid or not.
    Window {
        /// `suggestedWindow.start`.
        start: SystemTime,
        /// `suggestedWindow.end`.
        end: SystemTime,
        /// `explanationURL`.
        explanation: Option<String>,
        /// `Retry-After`, in whole seconds.
        retry_after: Option<Duration>,
    },
    /// An error: 404, 503, …
    Problem {
        /// The HTTP status.
        status: u16,
        /// `Retry-After`, in whole seconds.
        retry_after: Option<Duration>,
    },
    /// 200 and a body that is no renewal information.
    Nonsense(String),
}

/// An order that a client asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordedOrder {
    /// The identifiers, as `type:value`.
    pub identifiers: Vec<String>,
    /// `replaces`, as it was sent.
    pub replaces: Option<String>,
    /// `profile`, as it was sent.
    pub profile: Option<String>,
    /// Why it was refused: the type of the problem, without its namespace.
    pub refused: Option<String>,
}

/// A proxy in front of [`Pebble`], ended together with it when dropped.
#[derive(Debug)]
pub struct AcmeProxy {
    acceptor: Acceptor,
    shared: Arc<Shared>,
    pebble: Pebble,
}

impl AcmeProxy {
    /// Starts a proxy in front of an ACME server. Panics when it cannot.
    #[track_caller]
    pub fn start(pebble: Pebble) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port for the proxy");
        let upstream = Upstream::new(pebble.address(), &pebble.directory_root());
        let (certificate, key) = pebble.own_certificate();
        let tls = exchange::server_config(&certificate, &key);
        let shared = Arc::new(Shared { upstream, known: Mutex::default() });
        let for_server = Arc::clone(&shared);
        let acceptor = Acceptor::start(listener, move |stream| {
            exchange::serve(stream, Arc::clone(&tls), |asked| for_server.answer(asked))
        });
        Self { acceptor, shared, pebble }
    }

    /// The ACME server behind it.
    pub fn pebble(&self) -> &Pebble {
        &self.pebble
    }

    /// The URL of the directory, which clients take as their server.
    pub fn directory_url(&self) -> String {
        format!("https://{}{}", self.acceptor.address(), exchange::DIRECTORY)
    }

    /// A PEM file with the root that the directory's own certificate leads to: what an ACME client must trust.
    pub fn directory_root(&self) -> PathBuf {
        self.pebble.directory_root()
    }

    /// The profiles that the directory offers; an order for any other is refused. None at the start.
    pub fn set_profiles(&self, profiles: &[&str]) {
        self.shared.known().profiles = profiles.iter().map(|name| (*name).to_owned()).collect();
    }

    /// What is answered about one certificate from now on, known or not; see [`certificate_identifier`].
    pub fn set_renewal_info(&self, identifier: &str, answer: RenewalAnswer) {
        self.shared.known().answers.insert(identifier.to_owned(), answer);
    }

    /// From now on every new order is refused with `rateLimited`, status 429 and this `Retry-After`; `None` ends it.
    pub fn refuse_orders(&self, retry_after: Option<Duration>) {
        self.shared.known().rate_limit = retry_after;
    }

    /// The identifiers of all certificates that were downloaded, in their order.
    pub fn issued(&self) -> Vec<String> {
        self.shared.known().issued.iter().map(|issued| issued.identifier.clone()).collect()
    }

    /// The orders that were asked for, in their order.
    pub fn orders(&self) -> Vec<RecordedOrder> {
        self.shared.known().orders.clone()
    }

    /// The identifiers that renewal information was asked for, once for each time.
    pub fn renewal_questions(&self) -> Vec<String> {
        self.shared.known().questions.clone()
    }
}

/// What all connections share.
#[derive(Debug)]
struct Shared {
    upstream: Upstream,
    known: Mutex<Known>,
}

/// What the proxy has seen and was told.
#[derive(Debug, Default)]
struct Known {
    profiles: Vec<String>,
    answers: HashMap<String, RenewalAnswer>,
    rate_limit: Option<Duration>,
    issued: Vec<Issued>,
    orders: Vec<RecordedOrder>,
    questions: Vec<String>,
    /// Of the orders that Pebble accepted, by their `finalize` URL: which of `orders` it is.
    accepted: HashMap<String, usize>,
    /// Of those, the ones that have become invalid: what they would have replaced may be replaced again.
    invalid: HashSet<usize>,
}

impl Shared {
    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn answer(&self, question: &Question) -> io::Result<Answer> {
        if let Some(identifier) =
            question.path.strip_prefix(rules::RENEWAL_INFO).filter(|_| question.is_get())
        {
            return Ok(self.known().renewal_info(identifier));
        }
        let directory = self.directory(&question.host)?;
        let is_new_order = directory["newOrder"] == question.url().as_str();
        let recorded = if is_new_order { self.known().new_order(question) } else { Ok(None) };
        let asked = match recorded {
            Ok(asked) => asked,
            Err(problem) => {
                let nonce = self.nonce(&directory, &question.host)?;
                return Ok(problem.with_header("Replay-Nonce", &nonce));
            }
        };
        let mut answer = self.upstream.ask(question)?;
        if question.path == exchange::DIRECTORY && answer.status == 200 {
            answer.body = self.known().directory(&question.host, directory).to_string().into_bytes();
        }
        let mut known = self.known();
        known.learn_certificate(question, &answer);
        known.learn_order(asked, &mut answer);
        Ok(answer)
    }

    fn directory(&self, host: &str) -> io::Result<Value> {
        let answer = self.upstream.ask(&Question::get(exchange::DIRECTORY, host))?;
        serde_json::from_slice(&answer.body).map_err(io::Error::other)
    }

    /// A nonce for an answer that is not Pebble's own.
    fn nonce(&self, directory: &Value, host: &str) -> io::Result<String> {
        let url = directory["newNonce"].as_str().unwrap_or_default();
        let path = url.splitn(4, '/').nth(3).map(|path| format!("/{path}")).unwrap_or_default();
        let answer = self.upstream.ask(&Question::get(&path, host))?;
        Ok(answer.header("Replay-Nonce").unwrap_or_default().to_owned())
    }
}
