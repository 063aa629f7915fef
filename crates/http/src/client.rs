use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode, Uri};
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::Client as Pool;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::crypto::aws_lc_rs;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::CertificateDer;

use crate::HttpError;

/// How long a connection that nobody uses is kept for the next request.
const IDLE: Duration = Duration::from_secs(10);

/// Which authorities are believed.
#[derive(Debug, Clone)]
pub enum Trusted {
    /// Those that the system trusts.
    System,
    /// These alone: those of a private server.
    Only(Vec<CertificateDer<'static>>),
}

/// The bounds of one exchange.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// From the first byte sent, the connection included, to the last one received.
    pub time: Duration,
    /// The most bytes of an answer's body.
    pub body: usize,
}

/// A client with its pool of connections. Clones share it.
#[derive(Clone)]
pub struct Client {
    pool: Pool<HttpsConnector<HttpConnector>, Full<Bytes>>,
    limits: Limits,
    is_plain_allowed: bool,
}

impl Client {
    /// A client for URLs of the scheme `https` alone.
    pub fn secure(trusted: &Trusted, limits: Limits) -> Result<Self, HttpError> {
        Self::new(trusted, limits, false)
    }

    /// A client for `https` and for plain `http`, which a server on this machine may speak.
    pub fn plain_too(trusted: &Trusted, limits: Limits) -> Result<Self, HttpError> {
        Self::new(trusted, limits, true)
    }

    fn new(trusted: &Trusted, limits: Limits, is_plain_allowed: bool) -> Result<Self, HttpError> {
        let roots = match trusted {
            Trusted::System => system_roots(),
            Trusted::Only(certificates) => {
                let mut roots = RootCertStore::empty();
                for certificate in certificates {
                    roots.add(certificate.clone()).map_err(|cause| HttpError::Root { cause })?;
                }
                Arc::new(roots)
            }
        };
        let tls = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|cause| HttpError::Root { cause })?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let mut tcp = HttpConnector::new();
        tcp.set_nodelay(true);
        tcp.enforce_http(false);
        tcp.set_connect_timeout(Some(limits.time));
        let connector = hyper_rustls::HttpsConnectorBuilder::new().with_tls_config(tls);
        let connector = if is_plain_allowed { connector.https_or_http() } else { connector.https_only() };
        let connector = connector.enable_http1().wrap_connector(tcp);
        let pool = Pool::builder(TokioExecutor::new())
            .pool_idle_timeout(IDLE)
            .pool_timer(TokioTimer::new())
            .build(connector);
        Ok(Self { pool, limits, is_plain_allowed })
    }

    /// Sends one request and waits for the whole answer, whatever its status.
    pub async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let host = self.permitted(request.uri())?;
        let late = HttpError::TimedOut { host: host.clone(), limit: self.limits.time };
        tokio::time::timeout(self.limits.time, self.exchange(request, host)).await.unwrap_or(Err(late))
    }

    /// Sends one request and waits for the status of its answer alone. The body is not read: a receiver that has said
    /// yes has said all, however long it goes on.
    pub async fn deliver(&self, request: Request<Bytes>) -> Result<StatusCode, HttpError> {
        let host = self.permitted(request.uri())?;
        let late = HttpError::TimedOut { host: host.clone(), limit: self.limits.time };
        let head = tokio::time::timeout(self.limits.time, self.head(request, &host)).await;
        head.unwrap_or(Err(late)).map(|answer| answer.status())
    }

    /// Scheme, host and port of a URL that this client speaks to.
    fn permitted(&self, uri: &Uri) -> Result<String, HttpError> {
        let host = host(uri);
        let is_known = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => self.is_plain_allowed,
            _ => false,
        };
        if is_known && uri.host().is_some() { Ok(host) } else { Err(HttpError::Scheme { host }) }
    }

    async fn head(&self, request: Request<Bytes>, host: &str) -> Result<Response<Incoming>, HttpError> {
        self.pool.request(request.map(Full::new)).await.map_err(|cause| {
            let (host, is_connect) = (host.to_owned(), cause.is_connect());
            let cause = Box::new(cause);
            if is_connect { HttpError::Connect { host, cause } } else { HttpError::Broken { host, cause } }
        })
    }

    async fn exchange(&self, request: Request<Bytes>, host: String) -> Result<Response<Bytes>, HttpError> {
        let (parts, body) = self.head(request, &host).await?.into_parts();
        match Limited::new(body, self.limits.body).collect().await {
            Ok(body) => Ok(Response::from_parts(parts, body.to_bytes())),
            Err(cause) if cause.is::<LengthLimitError>() => {
                Err(HttpError::TooLarge { host, limit: self.limits.body })
            }
            Err(cause) => Err(HttpError::Broken { host, cause }),
        }
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("limits", &self.limits).finish_non_exhaustive()
    }
}

/// Scheme, host and port: paths and queries may hold a secret.
fn host(uri: &Uri) -> String {
    let scheme = uri.scheme_str().unwrap_or("?");
    let port = uri.port().map_or_else(String::new, |port| format!(":{port}"));
    format!("{scheme}://{}{port}", uri.host().unwrap_or("?"))
}

/// Read once: they are hundreds of files.
fn system_roots() -> Arc<RootCertStore> {
    static ROOTS: OnceLock<Arc<RootCertStore>> = OnceLock::new();
    Arc::clone(ROOTS.get_or_init(|| {
        let mut roots = RootCertStore::empty();
        // One that cannot be read or used is one that nothing leads to.
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        Arc::new(roots)
    }))
}
