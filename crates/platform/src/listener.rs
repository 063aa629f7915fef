//! Ports that are listened on.

use std::io;
use std::net::SocketAddr;

use tokio::net::{TcpListener, TcpSocket};

use crate::system;

/// Listens on an address. An IPv6 socket is for IPv6 alone, so that the same port of IPv4 can be bound beside it.
/// `backlog` is how many connections wait to be accepted.
pub fn bind(address: SocketAddr, backlog: u32) -> io::Result<TcpListener> {
    let socket = if address.is_ipv6() {
        let socket = socket2::Socket::new(socket2::Domain::IPV6, socket2::Type::STREAM, None)?;
        socket.set_nonblocking(true)?;
        socket.set_only_v6(true)?;
        TcpSocket::from_std_stream(socket.into())
    } else {
        TcpSocket::new_v4()?
    };
    system::listener::share_left_port(&socket)?;
    socket.bind(address)?;
    socket.listen(backlog)
}

/// Whether an address cannot be bound since this machine has none of its kind.
pub fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::AddrNotAvailable | io::ErrorKind::Unsupported)
        || error.raw_os_error() == Some(system::listener::FAMILY_NOT_SUPPORTED)
}
