//! A directory that is served over plain HTTP: where ACME clients that have no server of their own put the answers
//! to http-01 (RFC 8555, section 8.3).

use std::io::{self, BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Component, Path, PathBuf};
use std::time::Duration;

use tempfile::TempDir;

use crate::acceptor::Acceptor;

/// How long a client may take to ask.
const LIMIT: Duration = Duration::from_secs(10);

/// Serves the files below a temporary directory until it is dropped.
#[derive(Debug)]
pub struct Webroot {
    // The server first: it is ended before its directory goes.
    _acceptor: Acceptor,
    directory: TempDir,
}

impl Webroot {
    /// Serves a new, empty directory at `address`. Panics when the address cannot be bound.
    #[track_caller]
    pub fn serve(address: SocketAddr) -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        fs_err::create_dir_all(challenges(directory.path())).expect("a directory for the challenges");
        let listener = match TcpListener::bind(address) {
            Ok(listener) => listener,
            Err(error) => panic!("cannot listen at {address}: {error}"),
        };
        let root = directory.path().to_owned();
        let acceptor = Acceptor::start(listener, move |stream| answer(stream, &root));
        Self { _acceptor: acceptor, directory }
    }

    /// The directory that is served under `/.well-known/acme-challenge/`.
    pub fn challenge_directory(&self) -> PathBuf {
        challenges(self.directory.path())
    }
}

fn challenges(root: &Path) -> PathBuf {
    root.join(".well-known/acme-challenge")
}

fn answer(mut stream: TcpStream, root: &Path) -> io::Result<()> {
    stream.set_read_timeout(Some(LIMIT))?;
    let mut lines = BufReader::new(stream.try_clone()?).lines();
    let request = lines.next().transpose()?.unwrap_or_default();
    // The rest of the question is read: a connection closed on unread bytes would take the answer with it.
    for line in lines {
        if line?.is_empty() {
            break;
        }
    }
    let path = request.strip_prefix("GET /").and_then(|rest| rest.split(' ').next()).map(Path::new);
    let path = path.filter(|path| path.components().all(|part| matches!(part, Component::Normal(_))));
    let (status, body) = match path.map(|path| fs_err::read(root.join(path))) {
        Some(Ok(body)) => ("200 OK", body),
        _ => ("404 Not Found", Vec::new()),
    };
    let head = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
    stream.write_all(head.as_bytes())?;
    stream.write_all(&body)
}
