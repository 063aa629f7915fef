//! The certificates of a certificate's issuers, fetched from where it says they are (Authority Information Access,
//! *caIssuers*, RFC 5280, 4.2.2.1).
//!
//! The URL is whatever a certificate says, and the answer whatever a server says: only plain HTTP is spoken, as RFC
//! 5280 wants it (a chain that is needed to fetch a chain would never end), a redirect is not followed, time, size and
//! the number of steps are bounded, and nothing that comes is believed: whoever asks verifies the chain.

use std::time::Duration;

use baton_finding::Explain;
use baton_http::{Bytes, Client, HttpError, Limits, Request, StatusCode, Trusted};
use baton_x509::{PemContents, X509, read_p7b};

use crate::text::plain;

/// The bounds of each answer: a CA's certificate has a few kilobytes.
const LIMITS: Limits = Limits { time: Duration::from_secs(10), body: 64 * 1024 };

/// No public or private hierarchy is known to be deeper.
const MOST_STEPS: usize = 6;

/// The certificate of an issuer cannot be fetched.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// The certificate does not say where, or not by plain HTTP.
    #[error("{subject} does not say where the certificate of its issuer can be fetched over http")]
    NoAddress {
        /// Whose issuer is missing.
        subject: String,
    },
    /// The server gave none.
    #[error("{} cannot be fetched", plain(.url))]
    Http {
        /// Where it should be.
        url: String,
        /// Why.
        #[source]
        cause: HttpError,
    },
    /// The server answered something else.
    #[error("{} is answered with {}", plain(.url), .status.as_u16())]
    Status {
        /// Where it should be.
        url: String,
        /// With what.
        status: StatusCode,
    },
    /// What came is no certificate of the issuer.
    #[error("what {} holds is not the certificate of the issuer", plain(.url))]
    OtherCertificate {
        /// Where it should be.
        url: String,
    },
}

impl Explain for FetchError {
    fn code(&self) -> &'static str {
        "chain-not-fetched"
    }

    fn hint(&self) -> Option<String> {
        Some(
            "give the file of the missing certificate beside the answer: `baton accept ANSWER CHAIN`"
                .to_owned(),
        )
    }
}

/// What is missing above `last`, step by step up to one that has issued itself, or that says of no issuer. An error
/// comes with what was fetched before it.
pub async fn fetch_issuers(last: &X509) -> (Vec<X509>, Option<FetchError>) {
    let mut fetched: Vec<X509> = Vec::new();
    for _ in 0..MOST_STEPS {
        let below = fetched.last().unwrap_or(last);
        if below.is_self_issued() || (!fetched.is_empty() && below.ca_issuers().is_empty()) {
            break;
        }
        match fetch(below).await {
            Ok(issuer) => fetched.push(issuer),
            Err(error) => return (fetched, Some(error)),
        }
    }
    (fetched, None)
}

async fn fetch(below: &X509) -> Result<X509, FetchError> {
    let is_plain = |url: &&String| url.get(..7).is_some_and(|scheme| scheme.eq_ignore_ascii_case("http://"));
    let none = || FetchError::NoAddress { subject: below.subject().to_owned() };
    let url = below.ca_issuers().iter().find(is_plain).ok_or_else(none)?.clone();
    let failed = |cause| FetchError::Http { url: url.clone(), cause };
    let request = Request::get(&url).body(Bytes::new()).map_err(|_| none())?;
    // No server is believed, so none needs a root.
    let client = Client::plain_too(&Trusted::Only(Vec::new()), LIMITS).map_err(failed)?;
    let answer = client.send(request).await.map_err(failed)?;
    if answer.status() != StatusCode::OK {
        return Err(FetchError::Status { url, status: answer.status() });
    }
    let certificates = certificates(answer.body());
    let issuer = certificates.into_iter().find(|certificate| below.is_named_issuer(certificate));
    issuer.ok_or(FetchError::OtherCertificate { url })
}

/// DER or a P7B, as RFC 5280 has it; some CAs put PEM there.
fn certificates(body: &[u8]) -> Vec<X509> {
    if let Ok(certificate) = X509::from_der(body) {
        return vec![certificate];
    }
    let pem = || PemContents::read(body).map(|contents| contents.certificates).unwrap_or_default();
    read_p7b(body).unwrap_or_else(|_| pem())
}
