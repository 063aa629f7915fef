//! A server that is told things over plain HTTP, and answers as a test says: with a status, with far too much, or
//! never.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::acceptor::Acceptor;

/// The longest body that is read.
const LONGEST_BODY: u64 = 1024 * 1024;

/// How a request is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// This status, without a body.
    Status(u16),
    /// 200, with a body of a hundred megabytes.
    Endless,
    /// Not at all: the connection stays open.
    Silence,
}

/// A request as it came.
#[derive(Clone, Debug)]
pub struct Received {
    /// `POST`, `GET`, …
    pub method: String,
    /// Path and query.
    pub path: String,
    /// The header lines, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: String,
    /// When it was read.
    pub at: Instant,
    /// What it was answered with.
    pub answered: Answer,
}

/// A server at a free port of 127.0.0.1; it ends when it is dropped.
#[derive(Debug)]
pub struct Receiver {
    acceptor: Acceptor,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    answer: Mutex<Answer>,
    received: Mutex<Vec<Received>>,
}

impl Receiver {
    /// A server that answers every request as `answer` says.
    pub fn start(answer: Answer) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let shared = Arc::new(Shared { answer: Mutex::new(answer), received: Mutex::default() });
        let own = Arc::clone(&shared);
        let acceptor = Acceptor::start(listener, move |stream| serve(stream, &own));
        Self { acceptor, shared }
    }

    /// A URL of it.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.acceptor.address())
    }

    /// From here on requests are answered so.
    pub fn answer_with(&self, answer: Answer) {
        *lock(&self.shared.answer) = answer;
    }

    /// All requests so far, in their order.
    pub fn received(&self) -> Vec<Received> {
        lock(&self.shared.received).clone()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn serve(stream: TcpStream, shared: &Shared) -> io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let mut words = line.split_whitespace().map(str::to_owned);
    let (Some(method), Some(path)) = (words.next(), words.next()) else { return Ok(()) };
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? <= 2 {
            break;
        }
        if let Some((name, value)) = line.trim_end().split_once(": ") {
            headers.push((name.to_ascii_lowercase(), value.to_owned()));
        }
    }
    let length = headers.iter().find(|(name, _)| name == "content-length");
    let length = length.and_then(|(_, value)| value.parse().ok()).unwrap_or(0_u64);
    let mut body = String::new();
    reader.take(length.min(LONGEST_BODY)).read_to_string(&mut body)?;
    let answered = *lock(&shared.answer);
    let received = Received { method, path, headers, body, at: Instant::now(), answered };
    lock(&shared.received).push(received);
    answer(stream, answered)
}

fn answer(mut stream: TcpStream, answer: Answer) -> io::Result<()> {
    match answer {
        Answer::Status(status) => {
            let head = format!("HTTP/1.1 {status} Status\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
            stream.write_all(head.as_bytes())
        }
        Answer::Endless => {
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 104857600\r\nConnection: close\r\n\r\n")?;
            let block = [b'x'; 65536];
            for _ in 0..1600 {
                stream.write_all(&block)?;
            }
            Ok(())
        }
        Answer::Silence => {
            // Until the client gives up.
            stream.set_read_timeout(Some(Duration::from_secs(60)))?;
            stream.read(&mut [0]).map(drop)
        }
    }
}
