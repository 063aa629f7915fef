use std::time::Duration;

use baton_finding::{Explain, Retry};

/// There is no answer. Messages name the scheme, the host and the port alone: paths may hold a secret.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// A root certificate cannot be used.
    #[error("a root certificate cannot be used")]
    Root {
        /// Why.
        #[source]
        cause: rustls::Error,
    },
    /// The URL has another scheme than this client speaks, or no host.
    #[error("{host} is no URL that can be asked here")]
    Scheme {
        /// What there is of scheme and host.
        host: String,
    },
    /// There is no connection: the name has no address, nobody listens, or the TLS handshake failed.
    #[error("{host} cannot be reached")]
    Connect {
        /// Scheme, host and port.
        host: String,
        /// Why.
        #[source]
        cause: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The whole exchange took too long.
    #[error("{host} has not answered in {} s", .limit.as_secs())]
    TimedOut {
        /// Scheme, host and port.
        host: String,
        /// How long it may take.
        limit: Duration,
    },
    /// The answer is longer than any that makes sense.
    #[error("{host} answers with more than {limit} bytes")]
    TooLarge {
        /// Scheme, host and port.
        host: String,
        /// The most bytes.
        limit: usize,
    },
    /// The connection broke, or what came is no HTTP.
    #[error("the answer of {host} broke off")]
    Broken {
        /// Scheme, host and port.
        host: String,
        /// Why.
        #[source]
        cause: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl Explain for HttpError {
    fn code(&self) -> &'static str {
        match self {
            Self::Root { .. } => "root-unusable",
            Self::Scheme { .. } => "url-unusable",
            Self::Connect { .. } => "server-unreachable",
            Self::TimedOut { .. } => "server-timed-out",
            Self::TooLarge { .. } => "answer-too-large",
            Self::Broken { .. } => "answer-broken",
        }
    }

    fn retry(&self) -> Retry {
        match self {
            Self::Root { .. } | Self::Scheme { .. } => Retry::Never,
            _ => Retry::Backoff,
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Root { .. } => "name a PEM file with the server's root certificate".to_owned(),
            Self::Scheme { .. } => "write the whole URL, with https://".to_owned(),
            Self::Connect { cause, .. } if is_unknown_issuer(cause.as_ref()) => {
                "its certificate leads to no root that is trusted here: name the root of a private server with \
                 root = \"ca.pem\""
                    .to_owned()
            }
            Self::Connect { .. } => "see that the name resolves, and that a firewall lets it out".to_owned(),
            Self::TimedOut { .. } | Self::Broken { .. } => "it is tried again".to_owned(),
            Self::TooLarge { .. } => "see that the URL is the right one".to_owned(),
        })
    }
}

fn is_unknown_issuer(error: &(dyn std::error::Error + 'static)) -> bool {
    let mut next = Some(error);
    while let Some(error) = next {
        let tls = error.downcast_ref::<rustls::Error>();
        if let Some(rustls::Error::InvalidCertificate(rustls::CertificateError::UnknownIssuer)) = tls {
            return true;
        }
        // The source of an `io::Error` is that of what it wraps: look at what it wraps first.
        let wrapped = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        next = match wrapped {
            Some(wrapped) => Some(wrapped as _),
            None => error.source(),
        };
    }
    false
}
