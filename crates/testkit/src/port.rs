//! TCP ports of the loopback interface that belong to one test, also while nobody listens on them.
//!
//! To bind port 0, note the number and let it go is a race twice over: another test may take the number, and the
//! kernel may hand it to an outgoing connection while a server restarts. A [`ReservedPort`] therefore keeps a
//! socket that is bound to the number and does not listen. With `SO_REUSEADDR` on both sides a server may bind
//! and listen beside it (Rust's standard library and nginx set it), a connection is refused while no server
//! listens, and nobody else is given the number: neither by port 0 nor for an outgoing connection.
//!
//! Windows knows no such placeholder. There the number is one that the system gives to nobody of itself, and a socket for
//! UDP keeps it from other fixtures.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher as _, Hasher as _};
#[cfg(windows)]
use std::net::TcpListener;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};

#[cfg(unix)]
use socket2::{Domain, Protocol, Socket, Type};

/// How often a port for both protocols is drawn.
const ATTEMPTS: usize = 50;

/// A port of 127.0.0.1 that is kept free for one server until this value is dropped.
#[derive(Debug)]
pub struct ReservedPort {
    number: u16,
    #[cfg(unix)]
    _placeholder: Socket,
    #[cfg(windows)]
    _placeholder: UdpSocket,
}

impl ReservedPort {
    /// Reserves a free port, chosen by the kernel.
    #[cfg(unix)]
    #[expect(clippy::new_without_default, reason = "each call takes another port")]
    pub fn new() -> Self {
        let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let placeholder = placeholder(any).expect("a free port on the loopback interface");
        let address = placeholder.local_addr().expect("the address of a bound socket");
        let number = address.as_socket().expect("an IPv4 address").port();
        Self { number, _placeholder: placeholder }
    }

    /// Reserves a free port, drawn by lot.
    #[cfg(windows)]
    #[track_caller]
    #[expect(clippy::new_without_default, reason = "each call takes another port")]
    pub fn new() -> Self {
        for _ in 0..ATTEMPTS {
            let number = drawn();
            let address = SocketAddr::from((Ipv4Addr::LOCALHOST, number));
            if let (Ok(placeholder), Ok(_free)) = (UdpSocket::bind(address), TcpListener::bind(address)) {
                return Self { number, _placeholder: placeholder };
            }
        }
        panic!("no free port in {ATTEMPTS} attempts");
    }

    /// Reserves a port for a server that listens over TCP and UDP alike.
    ///
    /// A placeholder cannot keep a port of UDP free. So this one is below those that the kernel hands out to clients
    /// (ip(7), `ip_local_port_range`): nobody but a fixture of ours asks for it.
    #[cfg(unix)]
    #[track_caller]
    pub fn for_tcp_and_udp() -> Self {
        for _ in 0..ATTEMPTS {
            let number = drawn();
            let address = SocketAddr::from((Ipv4Addr::LOCALHOST, number));
            if let (Ok(_free), Some(placeholder)) = (UdpSocket::bind(address), placeholder(address)) {
                return Self { number, _placeholder: placeholder };
            }
        }
        panic!("no free port in {ATTEMPTS} attempts");
    }

    /// The port's number.
    pub fn number(&self) -> u16 {
        self.number
    }

    /// 127.0.0.1 with the port's number.
    pub fn address(&self) -> SocketAddr {
        SocketAddr::from((Ipv4Addr::LOCALHOST, self.number))
    }
}

/// A port below those that the system gives out of itself.
fn drawn() -> u16 {
    10_000 + u16::try_from(RandomState::new().build_hasher().finish() % 22_000).unwrap_or(0)
}

/// A socket at `address` that does not listen; `None` when somebody has it.
#[cfg(unix)]
fn placeholder(address: SocketAddr) -> Option<Socket> {
    let placeholder = Socket::new(Domain::IPV4, Type::STREAM, Some(Protocol::TCP)).expect("a socket");
    // Bound without SO_REUSEADDR, so that the number is nobody else's; set after, so that the server may join.
    placeholder.bind(&address.into()).ok()?;
    placeholder.set_reuse_address(true).expect("SO_REUSEADDR");
    Some(placeholder)
}

#[cfg(all(test, unix))]
mod tests {
    use std::io::ErrorKind;
    use std::net::{TcpListener, TcpStream};

    use super::*;

    #[test]
    fn a_server_may_come_and_go_and_nobody_answers_between() {
        let port = ReservedPort::new();
        for _ in 0..3 {
            let refused = TcpStream::connect(port.address()).map_err(|error| error.kind());
            assert_eq!(refused.map(drop), Err(ErrorKind::ConnectionRefused));

            let listener = TcpListener::bind(port.address()).unwrap();
            let client = TcpStream::connect(port.address()).unwrap();
            let (server, _) = listener.accept().unwrap();
            drop(server); // closed by the server first: the port is left in TIME_WAIT
            drop((client, listener));
        }
    }

    #[test]
    fn the_number_is_nobody_elses() {
        let port = ReservedPort::new();
        let other = Socket::new(Domain::IPV4, Type::STREAM, Some(Protocol::TCP)).unwrap();
        let taken = other.bind(&port.address().into()).map_err(|error| error.kind());
        assert_eq!(taken, Err(ErrorKind::AddrInUse));
    }
}
