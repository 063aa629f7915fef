//! How commands reach a running `baton up`: one line of JSON there, events and at last the answer back, over the local
//! socket.
//!
//! Commands that change something are carried out by `up` where it lives, so that there is one scheduler and one
//! listener; elsewhere the command acts itself, under the same locks.

use std::path::Path;
use std::sync::Arc;

use baton_finding::Finding;
use baton_handover::{Kept, RecoverRequest, Report, Retired, Status};
use baton_platform::local_socket::{self, LocalListener, LocalStream, LocalWriter};
use baton_platform::progress::{self, Event, Progress};
use baton_scheduler::{RenewOptions, RequestOptions};
use baton_target::{ProductServer, Protocol};
use baton_x509::Thumbprint;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::sync::mpsc::{self, UnboundedSender};

use crate::cli::Reason;
use crate::commands::by_hand::PendingRequest;
use crate::failure::{Exit, Failure};

/// The longest request that is read.
const LONGEST_REQUEST: u64 = 1024 * 1024;

/// What is asked of `up`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "kebab-case")]
pub(crate) enum Request {
    Renew {
        names: Vec<String>,
        options: RenewOptions,
    },
    Ask {
        certificate: String,
        options: RequestOptions,
    },
    Pending,
    Cancel {
        which: String,
    },
    /// `certificates` in PEM.
    Accept {
        certificates: String,
        fetch_chain: bool,
        options: RenewOptions,
    },
    Swap(SwapRequest),
    Prove {
        target: Option<String>,
    },
    Resume {
        target: Option<String>,
    },
    Rollback {
        id: Option<i64>,
        dry_run: bool,
    },
    Retire {
        foreign: bool,
        dry_run: bool,
    },
    Recover {
        target: String,
        request: RecoverRequest,
    },
    TlsOn {
        target: String,
        dry_run: bool,
    },
    Revoke(RevokeRequest),
    Account {
        issuer: Option<String>,
        action: AccountAction,
    },
}

/// A revocation.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct RevokeRequest {
    pub(crate) thumbprint: Thumbprint,
    pub(crate) reason: Reason,
    pub(crate) issuer: Option<String>,
    pub(crate) in_use: bool,
}

/// What is done with an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum AccountAction {
    Show,
    RollOver,
    Deactivate,
}

/// A swap to a certificate that is in the store.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct SwapRequest {
    pub(crate) old: Option<Thumbprint>,
    pub(crate) new: Thumbprint,
    pub(crate) targets: Vec<String>,
    pub(crate) enable_tls: bool,
    pub(crate) protocol: Option<Protocol>,
    /// One of a product's two servers alone.
    pub(crate) server: Option<ProductServer>,
    pub(crate) guarded: bool,
    pub(crate) dry_run: bool,
}

/// What `up` answers.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "answer", rename_all = "kebab-case")]
pub(crate) enum Answer {
    Reports { reports: Vec<Report>, failure: Option<FailureText> },
    Status { status: Status },
    Asked { request: PendingRequest, is_new: bool, findings: Vec<Finding> },
    Requests { requests: Vec<PendingRequest>, unreadable: Vec<String> },
    Cancelled { request: PendingRequest },
    Retired { retired: Vec<Retired>, kept: Vec<Kept> },
    Revoked { issuer: String },
    Account { issuer: String, url: String },
    Failed { failure: FailureText },
}

/// One line from `up`: any number of events, then the answer.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Line {
    Progress(Event),
    Answer(Answer),
}

/// A failure on its way through the socket.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct FailureText {
    exit: u8,
    code: String,
    chain: Vec<String>,
    hint: Option<String>,
}

impl From<Failure> for FailureText {
    fn from(failure: Failure) -> Self {
        Self { exit: failure.exit as u8, code: failure.code, chain: failure.chain, hint: failure.hint }
    }
}

impl From<FailureText> for Failure {
    fn from(text: FailureText) -> Self {
        Self {
            exit: Exit::from_code(text.exit),
            code: text.code,
            chain: text.chain,
            hint: text.hint,
            key: None,
        }
    }
}

impl Answer {
    /// The answer, or the failure that it is.
    pub(crate) fn into_result(self) -> Result<Self, Failure> {
        match self {
            Self::Failed { failure } => Err(failure.into()),
            answer => Ok(answer),
        }
    }
}

/// What `up` answers to something else than was asked.
pub(crate) fn unexpected() -> Failure {
    Failure::new(
        Exit::Failed,
        "answer-unreadable",
        "the running `baton up` answered something else than was asked",
        "run the same version of Baton as the one that is running",
    )
}

/// Asks a running `up`, while `listener` is told how far it has come; `None` when none is running.
pub(crate) async fn ask(
    socket: &Path,
    request: &Request,
    listener: Option<&dyn Progress>,
) -> Result<Option<Answer>, Failure> {
    let broken = |error: &dyn std::fmt::Display| {
        Failure::new(
            Exit::Failed,
            "up-unreachable",
            format!("the running `baton up` did not answer: {error}"),
            "see its output; `baton history` shows how far it came",
        )
    };
    let Some(stream) = local_socket::connect(socket).await.map_err(|error| broken(&error))? else {
        return Ok(None);
    };
    let (reader, mut writer) = stream.into_split();
    let mut line = serde_json::to_vec(request).map_err(|error| broken(&error))?;
    line.push(b'\n');
    writer.write_all(&line).await.map_err(|error| broken(&error))?;
    let mut reader = BufReader::new(reader);
    loop {
        let mut line = Vec::new();
        reader.read_until(b'\n', &mut line).await.map_err(|error| broken(&error))?;
        if line.is_empty() {
            return Err(broken(&"it ended meanwhile"));
        }
        match serde_json::from_slice(&line).map_err(|error| broken(&error))? {
            Line::Progress(event) => {
                if let Some(listener) = listener {
                    listener.reached(event);
                }
            }
            Line::Answer(answer) => return Ok(Some(answer)),
        }
    }
}

/// Answers requests until it is dropped. Each connection is a task of its own; a client that goes away does not
/// end the work that it asked for.
pub(crate) async fn serve<F, Fut>(listener: LocalListener, answer: F)
where
    F: Fn(Request) -> Fut + Clone + Send + 'static,
    Fut: Future<Output = Answer> + Send + 'static,
{
    loop {
        match listener.accept().await {
            Ok(stream) => {
                let answer = answer.clone();
                tokio::spawn(async move {
                    if let Err(error) = converse(stream, answer).await {
                        tracing::debug!("a local command went away: {error}");
                    }
                });
            }
            Err(error) => {
                tracing::warn!("the local socket failed: {error}");
                tokio::time::sleep(std::time::Duration::from_secs(1)).await;
            }
        }
    }
}

async fn converse<F, Fut>(stream: LocalStream, answer: F) -> std::io::Result<()>
where
    F: Fn(Request) -> Fut,
    Fut: Future<Output = Answer>,
{
    let (reader, mut writer) = stream.into_split();
    let mut line = Vec::new();
    BufReader::new(reader.take(LONGEST_REQUEST)).read_until(b'\n', &mut line).await?;
    let answer = match serde_json::from_slice(&line) {
        Ok(request) => told(answer(request), &mut writer).await,
        Err(error) => Answer::Failed {
            failure: Failure::new(
                Exit::Failed,
                "request-unreadable",
                format!("the request cannot be read: {error}"),
                "run the same version of Baton as the one that is running",
            )
            .into(),
        },
    };
    write(&mut writer, &Line::Answer(answer)).await
}

/// The answer; while it is worked out, the client is told how far that has come.
async fn told(answer: impl Future<Output = Answer>, writer: &mut LocalWriter) -> Answer {
    let (sender, mut events) = mpsc::unbounded_channel();
    let answer = progress::listened(Arc::new(Listener(sender)), answer);
    tokio::pin!(answer);
    loop {
        let event = tokio::select! {
            biased;
            event = events.recv() => event,
            answer = &mut answer => return answer,
        };
        if let Some(event) = event {
            // A client that has gone away does not end the work that it asked for.
            let _ = write(writer, &Line::Progress(event)).await;
        }
    }
}

async fn write(writer: &mut LocalWriter, line: &Line) -> std::io::Result<()> {
    let mut text = serde_json::to_vec(line).map_err(std::io::Error::other)?;
    text.push(b'\n');
    writer.write_all(&text).await
}

struct Listener(UnboundedSender<Event>);

impl Progress for Listener {
    fn reached(&self, event: Event) {
        // Whoever received it is gone when the work is over.
        let _ = self.0.send(event);
    }
}
