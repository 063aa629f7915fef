//! A name server that answers what a test wants, over UDP and TCP at one port.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::sync::Arc;
use std::thread;

use hickory_proto::op::{Message, MessageType};
use hickory_proto::rr::{Name, RData, Record};

/// What comes back to one question: datagrams over UDP, bytes over TCP as they are.
pub(crate) struct Liar {
    pub(crate) address: SocketAddr,
}

impl Liar {
    /// Answers over UDP with the datagrams, over TCP with the bytes. Its threads end with the test's process.
    pub(crate) fn new(
        udp: impl Fn(&Message) -> Vec<Vec<u8>> + Send + 'static,
        tcp: impl Fn(&Message) -> Vec<u8> + Send + Sync + 'static,
    ) -> Self {
        let (udp_socket, listener) = loop {
            let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
            if let Ok(listener) = TcpListener::bind(udp.local_addr().unwrap()) {
                break (udp, listener);
            }
        };
        let address = udp_socket.local_addr().unwrap();
        thread::spawn(move || {
            let mut question = [0; 4096];
            while let Ok((length, from)) = udp_socket.recv_from(&mut question) {
                for answer in udp(&Message::from_vec(&question[..length]).unwrap()) {
                    udp_socket.send_to(&answer, from).unwrap();
                }
            }
        });
        let tcp = Arc::new(tcp);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (Ok(mut stream), tcp) = (stream, Arc::clone(&tcp)) else { break };
                thread::spawn(move || {
                    let mut length = [0; 2];
                    stream.read_exact(&mut length).unwrap();
                    let mut question = vec![0; usize::from(u16::from_be_bytes(length))];
                    stream.read_exact(&mut question).unwrap();
                    let _ = stream.write_all(&tcp(&Message::from_vec(&question).unwrap()));
                    // Kept open: a client that waits for more has to give up by itself.
                    let _ = stream.read(&mut length);
                });
            }
        });
        Self { address }
    }

    /// Answers each question over UDP, and over TCP the same.
    pub(crate) fn answering(answer: impl Fn(&Message) -> Message + Send + Sync + 'static) -> Self {
        let answer = Arc::new(answer);
        let over_tcp = Arc::clone(&answer);
        Self::new(
            move |question| vec![answer(question).to_vec().unwrap()],
            move |question| framed(&over_tcp(question).to_vec().unwrap()),
        )
    }
}

/// An answer to the question, with these records.
pub(crate) fn answer(question: &Message, records: Vec<Record>) -> Message {
    let mut answer = question.clone();
    answer.metadata.message_type = MessageType::Response;
    answer.metadata.authoritative = true;
    answer.signature = None;
    answer.edns = None;
    answer.authorities.clear();
    answer.add_answers(records);
    answer
}

/// A record at the name that was asked for.
pub(crate) fn record(question: &Message, data: RData) -> Record {
    Record::from_rdata(asked(question), 60, data)
}

/// The name that was asked for.
pub(crate) fn asked(question: &Message) -> Name {
    question.queries[0].name().clone()
}

/// A message as it goes over TCP.
pub(crate) fn framed(message: &[u8]) -> Vec<u8> {
    [&u16::try_from(message.len()).unwrap().to_be_bytes(), message].concat()
}
