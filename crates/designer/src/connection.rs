//! One connection: the handshake, then requests one after another.
//!
//! Whoever connects and says nothing is dropped: after [`HANDSHAKE_LIMIT`] without a TLS handshake, after
//! [`REQUEST_LIMIT`] without a whole request head, between two requests as well.

use std::pin::pin;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

const HANDSHAKE_LIMIT: Duration = Duration::from_secs(10);
const REQUEST_LIMIT: Duration = Duration::from_secs(10);

/// The most that is held of a request: its head must fit. No page here takes a body.
const BUFFER: usize = 16 * 1024;

/// What a connection needs of its listener.
pub(crate) struct Connection {
    pub(crate) acceptor: TlsAcceptor,
    pub(crate) router: Router,
    /// Changes once: when the listener shuts down.
    pub(crate) ended: watch::Receiver<()>,
}

impl Connection {
    /// Serves it to its end. What a client does wrong is its own matter, and is told at the level `debug`.
    pub(crate) async fn serve(mut self, stream: TcpStream) {
        // Without it an answer may wait for the client's acknowledgement; that is slow, and nothing worse.
        let _ = stream.set_nodelay(true);
        let stream = tokio::select! {
            _ = self.ended.changed() => return,
            shaken = timeout(HANDSHAKE_LIMIT, self.acceptor.accept(stream)) => match shaken {
                Ok(Ok(stream)) => stream,
                Ok(Err(error)) => return tracing::debug!("no TLS handshake: {error}"),
                Err(_) => return tracing::debug!("no TLS handshake in time"),
            },
        };
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(REQUEST_LIMIT)
            .max_buf_size(BUFFER)
            .serve_connection(TokioIo::new(stream), TowerToHyperService::new(self.router));
        let mut connection = pin!(connection);
        let served = tokio::select! {
            served = connection.as_mut() => served,
            _ = self.ended.changed() => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        if let Err(error) = served {
            tracing::debug!("a connection ended early: {error}");
        }
    }
}
