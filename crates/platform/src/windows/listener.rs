//! Options of listening sockets.

use std::io;

use tokio::net::TcpSocket;

/// WSAEAFNOSUPPORT, which has no kind of its own.
pub(crate) const FAMILY_NOT_SUPPORTED: i32 = 10047;

/// Nothing: a port that was just left can be taken again without it, and the option of that name would take the port of
/// someone who still listens there.
pub(crate) fn share_left_port(_socket: &TcpSocket) -> io::Result<()> {
    Ok(())
}
