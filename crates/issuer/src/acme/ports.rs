//! Ports on which challenges are answered: taken when the first answer is given, left with the last.

use std::collections::HashMap;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use baton_platform::listener;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

use super::AcmeError;

/// How many connections wait to be accepted.
const BACKLOG: u32 = 128;

/// How long a port is waited for that another process holds for an order of its own.
const PATIENCE: Duration = Duration::from_secs(10);

/// How many connections are open at once at one port, and how long each may take.
const MOST_CONNECTIONS: usize = 64;
const CONNECTION_LIMIT: Duration = Duration::from_secs(20);

/// Answers by what they are asked for: a path, or a server name.
pub(super) struct Answers<T>(Mutex<HashMap<String, Arc<T>>>);

impl<T> Default for Answers<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T> fmt::Debug for Answers<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answers").finish_non_exhaustive()
    }
}

impl<T> Answers<T> {
    pub(super) fn find(&self, question: &str) -> Option<Arc<T>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(question).cloned()
    }

    fn put(&self, question: &str, answer: T) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(question.to_owned(), Arc::new(answer));
    }

    fn remove(&self, question: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(question);
    }
}

/// What is given as long as it is held.
pub(super) struct Answer {
    withdraw: Option<Box<dyn FnOnce() + Send + Sync>>,
    _ports: Option<Arc<Open>>,
}

impl Drop for Answer {
    fn drop(&mut self) {
        if let Some(withdraw) = self.withdraw.take() {
            withdraw();
        }
    }
}

/// Open ports; closed when the last answer is gone.
pub(super) struct Open(Vec<JoinHandle<()>>);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.iter().for_each(JoinHandle::abort);
    }
}

/// Addresses, and the ports on them while they are open.
#[derive(Debug)]
pub(super) struct Ports {
    challenge: &'static str,
    addresses: Vec<SocketAddr>,
    open: tokio::sync::Mutex<Weak<Open>>,
}

impl fmt::Debug for Open {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Open").field("ports", &self.0.len()).finish()
    }
}

impl Ports {
    pub(super) fn new(challenge: &'static str, addresses: Vec<SocketAddr>) -> Self {
        Self { challenge, addresses, open: tokio::sync::Mutex::default() }
    }

    /// Gives an answer on these ports: takes them if need be; `serve` handles a connection.
    pub(super) async fn answer<T, F>(
        &self,
        answers: &Arc<Answers<T>>,
        question: &str,
        answer: T,
        serve: impl Fn(TcpStream) -> F + Clone + Send + Sync + 'static,
    ) -> Result<Answer, AcmeError>
    where
        T: Send + Sync + 'static,
        F: Future<Output = ()> + Send + 'static,
    {
        answers.put(question, answer);
        let (known, question) = (Arc::clone(answers), question.to_owned());
        let mut given = Answer { withdraw: Some(Box::new(move || known.remove(&question))), _ports: None };
        given._ports = Some(self.take(serve).await?);
        Ok(given)
    }

    async fn take<F>(
        &self,
        serve: impl Fn(TcpStream) -> F + Clone + Send + Sync + 'static,
    ) -> Result<Arc<Open>, AcmeError>
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let mut open = self.open.lock().await;
        if let Some(open) = open.upgrade() {
            return Ok(open);
        }
        let mut tasks = Vec::new();
        for address in &self.addresses {
            match self.bind(*address).await {
                Ok(listener) => tasks.push(tokio::spawn(listen(listener, serve.clone()))),
                // A machine without one of the two families; the other one is enough.
                Err(error) if listener::is_absent(&error) && self.addresses.len() > 1 => {}
                Err(cause) => {
                    drop(Open(tasks));
                    return Err(AcmeError::Port { challenge: self.challenge, address: *address, cause });
                }
            }
        }
        let taken = Arc::new(Open(tasks));
        *open = Arc::downgrade(&taken);
        Ok(taken)
    }

    async fn bind(&self, address: SocketAddr) -> io::Result<TcpListener> {
        let patience_ends = tokio::time::Instant::now() + PATIENCE;
        loop {
            match listener::bind(address, BACKLOG) {
                Err(error)
                    if error.kind() == io::ErrorKind::AddrInUse
                        && tokio::time::Instant::now() < patience_ends =>
                {
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
                result => return result,
            }
        }
    }
}

async fn listen<F>(listener: TcpListener, serve: impl Fn(TcpStream) -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            Some(_) = connections.join_next() => {}
            accepted = listener.accept(), if connections.len() < MOST_CONNECTIONS => match accepted {
                Ok((stream, _)) => {
                    let _ = stream.set_nodelay(true);
                    let connection = serve(stream);
                    connections.spawn(async move {
                        let _ = tokio::time::timeout(CONNECTION_LIMIT, connection).await;
                    });
                }
                Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
            },
        }
    }
}
