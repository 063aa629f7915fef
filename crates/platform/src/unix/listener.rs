//! Options of listening sockets.

use std::io;

use tokio::net::TcpSocket;

/// EAFNOSUPPORT, which has no kind of its own.
pub(crate) const FAMILY_NOT_SUPPORTED: i32 = nix::errno::Errno::EAFNOSUPPORT as i32;

/// A port that was just left can be taken again.
pub(crate) fn share_left_port(socket: &TcpSocket) -> io::Result<()> {
    socket.set_reuseaddr(true)
}
