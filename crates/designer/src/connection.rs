//! One connection: the handshake, then requests one after another.
//!
//! Whoever connects and says nothing is dropped: after [`HANDSHAKE_LIMIT`] without a TLS handshake, after
//! [`REQUEST_LIMIT`] without a whole request head, between two requests as well; and after [`WRITE_LIMIT`] in which
//! nothing of an answer was read.
//!
//! Whoever comes from another machine to an address that is not meant for pages is shown the certificate of a challenge
//! under way (tls-alpn-01, RFC 8737), if that is what was asked for, and nothing else.

use std::io;
use std::net::IpAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use rustls::ServerConfig;
use rustls::server::Acceptor;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_rustls::LazyConfigAcceptor;
use tokio_rustls::server::TlsStream;
use tower::ServiceExt as _;

use crate::access::ClientAddress;
use crate::hosts::ReachedAddress;
use crate::write_limit::WriteLimit;

/// The protocol that a CA offers for a challenge (RFC 8737, 6.2).
const ACME_TLS: &[u8] = b"acme-tls/1";

const HANDSHAKE_LIMIT: Duration = Duration::from_secs(10);
const REQUEST_LIMIT: Duration = Duration::from_secs(10);
const WRITE_LIMIT: Duration = Duration::from_secs(30);

/// The most that is held of a request: its head must fit. A body is bounded by the gate of its route.
const BUFFER: usize = 16 * 1024;

/// What a connection needs of its listener.
pub(crate) struct Connection {
    pub(crate) tls: Arc<ServerConfig>,
    /// TLS for the challenges under way, where this port answers them.
    pub(crate) challenges: Option<Arc<ServerConfig>>,
    /// Where it comes from.
    pub(crate) client: IpAddr,
    /// The address of this machine that it has come to.
    pub(crate) reached: IpAddr,
    /// Whether it is answered with pages, and not with challenges alone.
    pub(crate) finds_pages: bool,
    pub(crate) router: Router,
    /// Changes once: when the listener shuts down.
    pub(crate) ended: watch::Receiver<()>,
}

impl Connection {
    /// The handshake; nothing where it was all there was to it.
    async fn handshake(&self, stream: TcpStream) -> io::Result<Option<TlsStream<TcpStream>>> {
        let start = LazyConfigAcceptor::new(Acceptor::default(), stream).await?;
        let asks_for_challenge =
            start.client_hello().alpn().is_some_and(|mut offered| offered.any(|p| p == ACME_TLS));
        if asks_for_challenge && let Some(challenges) = &self.challenges {
            start.into_stream(Arc::clone(challenges)).await?.shutdown().await?;
            return Ok(None);
        }
        if !self.finds_pages {
            return Ok(None);
        }
        start.into_stream(Arc::clone(&self.tls)).await.map(Some)
    }

    /// Serves it to its end. What a client does wrong is its own matter, and is told at the level `debug`.
    pub(crate) async fn serve(self, stream: TcpStream) {
        // Without it an answer may wait for the client's acknowledgement; that is slow, and nothing worse.
        let _ = stream.set_nodelay(true);
        let mut ended = self.ended.clone();
        let stream = tokio::select! {
            _ = ended.changed() => return,
            shaken = timeout(HANDSHAKE_LIMIT, self.handshake(stream)) => match shaken {
                Ok(Ok(Some(stream))) => stream,
                Ok(Ok(None)) => return,
                Ok(Err(error)) => return tracing::debug!("no TLS handshake: {error}"),
                Err(_) => return tracing::debug!("no TLS handshake in time"),
            },
        };
        let (client, reached) = (ClientAddress(self.client), ReachedAddress(self.reached));
        let service = self.router.map_request(move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(client);
            request.extensions_mut().insert(reached);
            request
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(REQUEST_LIMIT)
            .max_buf_size(BUFFER)
            .serve_connection(
                TokioIo::new(WriteLimit::new(stream, WRITE_LIMIT)),
                TowerToHyperService::new(service),
            );
        let mut connection = pin!(connection);
        let served = tokio::select! {
            served = connection.as_mut() => served,
            _ = ended.changed() => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        if let Err(error) = served {
            tracing::debug!("a connection ended early: {error}");
        }
    }
}
