//! One question to one server: over UDP, and over TCP when the answer is cut (RFC 1035, section 4.2; RFC 7766).
//!
//! Bounds: [`UDP_TRIES`] tries, [`DATAGRAMS`] datagrams looked at in each, [`TCP_LIMIT`] for a whole exchange over TCP,
//! 64 KiB for an answer, which is what its length field can say.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use hickory_proto::op::{Edns, Message, MessageType, OpCode, Query, ResponseCode};
use hickory_proto::rr::{Name, RecordType};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpStream, UdpSocket};
use tokio::time::timeout;

/// How long each try over UDP waits for the answer.
const UDP_TRIES: [Duration; 3] = [Duration::from_secs(1), Duration::from_secs(2), Duration::from_secs(3)];

/// How many datagrams a try looks at: strays and forgeries are passed over, and not without end.
const DATAGRAMS: usize = 64;

/// How long an exchange over TCP may take, the connection included.
const TCP_LIMIT: Duration = Duration::from_secs(10);

/// The size of answers that are asked for over UDP (RFC 6891, section 6.2.5): larger ones are lost to fragmentation.
const PAYLOAD: u16 = 1232;

/// A server was asked, and there is no answer to go on with.
#[derive(Debug, thiserror::Error)]
pub enum ExchangeError {
    /// It said nothing in time.
    #[error("no answer")]
    Silent,
    /// There is no route to it, or no address of its family here.
    #[error("this machine has no route to it")]
    NoRoute,
    /// The system refused, or the connection broke.
    #[error("it cannot be asked")]
    Io(#[source] io::Error),
    /// What it said is no answer to the question.
    #[error("its answer cannot be read: {0}")]
    Malformed(String),
    /// It refused to answer, or could not (RFC 1035, section 4.1.1; RFC 6895, section 2.3).
    #[error("it answered {0}")]
    Code(String),
}

impl From<io::Error> for ExchangeError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::NetworkUnreachable
            | io::ErrorKind::HostUnreachable
            | io::ErrorKind::AddrNotAvailable
            | io::ErrorKind::Unsupported => Self::NoRoute,
            _ => Self::Io(error),
        }
    }
}

/// Asks one server one question. The answer has the id and the question of what was asked, and is not cut.
pub(crate) async fn ask(
    server: SocketAddr,
    name: &Name,
    record_type: RecordType,
    recursion: Recursion,
) -> Result<Message, ExchangeError> {
    let mut question = Message::query();
    question.metadata.recursion_desired = recursion == Recursion::Desired;
    question.add_query(Query::query(name.clone(), record_type));
    let mut edns = Edns::new();
    edns.set_max_payload(PAYLOAD);
    question.set_edns(edns);
    let bytes = question.to_vec().map_err(|error| ExchangeError::Malformed(error.to_string()))?;
    match over_udp(server, &question, &bytes).await? {
        Some(answer) => Ok(answer),
        None => read_answer(&question, &over_tcp(server, &bytes).await?),
    }
}

/// Whether the server is asked to find out from others (RFC 1035, section 4.1.1, RD).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Recursion {
    Desired,
    Not,
}

/// Fails unless the answer says that it is one, or that the name has no such record.
pub(crate) fn expect_answer(answer: Message) -> Result<Message, ExchangeError> {
    match answer.metadata.response_code {
        ResponseCode::NoError | ResponseCode::NXDomain => Ok(answer),
        code => Err(ExchangeError::Code(code_text(code))),
    }
}

/// The code as the tools of DNS write it: `REFUSED`.
pub(crate) fn code_text(code: ResponseCode) -> String {
    match code {
        ResponseCode::FormErr => "FORMERR".to_owned(),
        ResponseCode::ServFail => "SERVFAIL".to_owned(),
        ResponseCode::NXDomain => "NXDOMAIN".to_owned(),
        ResponseCode::NotImp => "NOTIMP".to_owned(),
        ResponseCode::Refused => "REFUSED".to_owned(),
        ResponseCode::NotAuth => "NOTAUTH".to_owned(),
        ResponseCode::NotZone => "NOTZONE".to_owned(),
        other => format!("the code {}", u16::from(other)),
    }
}

/// The answer over UDP; `None` when it was cut (RFC 1035, section 4.1.1, TC).
async fn over_udp(
    server: SocketAddr,
    question: &Message,
    bytes: &[u8],
) -> Result<Option<Message>, ExchangeError> {
    let any: SocketAddr =
        if server.is_ipv4() { (Ipv4Addr::UNSPECIFIED, 0).into() } else { (Ipv6Addr::UNSPECIFIED, 0).into() };
    // A port of the kernel's choice for each question, and a connected socket: others cannot answer from elsewhere.
    let socket = UdpSocket::bind(any).await?;
    socket.connect(server).await?;
    let mut last = ExchangeError::Silent;
    for limit in UDP_TRIES {
        match timeout(limit, udp_try(&socket, question, bytes)).await {
            Ok(Err(ExchangeError::Io(error))) => last = ExchangeError::Io(error),
            Ok(outcome) => return outcome,
            Err(_) => last = ExchangeError::Silent,
        }
    }
    Err(last)
}

async fn udp_try(
    socket: &UdpSocket,
    question: &Message,
    bytes: &[u8],
) -> Result<Option<Message>, ExchangeError> {
    let mut datagram = [0; 4096];
    socket.send(bytes).await?;
    for _ in 0..DATAGRAMS {
        let length = socket.recv(&mut datagram).await?;
        let datagram = &datagram[..length];
        // The header alone first: a cut answer may end in the middle of a record.
        let Some(&[id_high, id_low, flags, _]) = datagram.first_chunk::<4>() else { continue };
        if u16::from_be_bytes([id_high, id_low]) != question.metadata.id || flags & 0x80 == 0 {
            continue;
        }
        if flags & 0x02 != 0 {
            return Ok(None);
        }
        return read_answer(question, datagram).map(Some);
    }
    Err(ExchangeError::Malformed("too many datagrams that are no answer".to_owned()))
}

/// Sends one message over TCP and reads one (RFC 7766, section 8).
pub(crate) async fn over_tcp(server: SocketAddr, message: &[u8]) -> Result<Vec<u8>, ExchangeError> {
    let length = u16::try_from(message.len())
        .map_err(|_| ExchangeError::Malformed("the question is too long".to_owned()))?;
    let exchange = async {
        let mut stream = TcpStream::connect(server).await?;
        let framed = [length.to_be_bytes().as_slice(), message].concat();
        stream.write_all(&framed).await?;
        let length = stream.read_u16().await?;
        let mut answer = vec![0; usize::from(length)];
        stream.read_exact(&mut answer).await?;
        Ok(answer)
    };
    match timeout(TCP_LIMIT, exchange).await {
        Ok(outcome) => outcome.map_err(|error: io::Error| error.into()),
        Err(_) => Err(ExchangeError::Silent),
    }
}

/// The message, when it answers the question.
pub(crate) fn read_answer(question: &Message, bytes: &[u8]) -> Result<Message, ExchangeError> {
    let malformed = |reason: String| ExchangeError::Malformed(reason);
    let answer = Message::from_vec(bytes).map_err(|error| malformed(error.to_string()))?;
    let metadata = &answer.metadata;
    if metadata.id != question.metadata.id || metadata.message_type != MessageType::Response {
        return Err(malformed("it answers another question".to_owned()));
    }
    // An update's answer need not repeat the zone (RFC 2136, section 3.8), nor one that the server could not read.
    let may_be_bare = metadata.op_code == OpCode::Update || metadata.response_code != ResponseCode::NoError;
    let is_same = answer.queries == question.queries || (answer.queries.is_empty() && may_be_bare);
    if metadata.op_code != question.metadata.op_code || !is_same {
        return Err(malformed("it answers another question".to_owned()));
    }
    Ok(answer)
}
