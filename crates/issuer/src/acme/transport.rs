//! How the ACME library asks: over our bounded client, with a name of our own, and with an ear for Retry-After.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};

use baton_http::{Bytes, Client, StatusCode, header};
use baton_platform::clock;
use http_body_util::BodyExt as _;
use instant_acme::{BodyWrapper, BytesResponse, Error, HttpClient};
use jiff::{SignedDuration, Timestamp};

const USER_AGENT: &str = concat!("baton/", env!("CARGO_PKG_VERSION"));

/// The longest that a server may send us away for.
const LONGEST_WAIT: SignedDuration = SignedDuration::from_hours(24 * 7);

/// A client of one ACME server.
#[derive(Debug)]
pub(super) struct Transport {
    client: Client,
    retry_at: Mutex<Option<Timestamp>>,
}

impl Transport {
    pub(super) fn new(client: Client) -> Self {
        Self { client, retry_at: Mutex::new(None) }
    }

    /// When the server last said it wants to be asked again, taken once: the library drops the header of an answer
    /// that tells of a problem.
    pub(super) fn take_retry_at(&self) -> Option<Timestamp> {
        self.retry_at.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn note(&self, answer: &http::Response<Bytes>) {
        let is_refusal =
            matches!(answer.status(), StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE);
        let value = answer.headers().get(header::RETRY_AFTER).and_then(|value| value.to_str().ok());
        if let Some(at) = value.filter(|_| is_refusal).and_then(|value| retry_at(value, clock::now())) {
            *self.retry_at.lock().unwrap_or_else(PoisonError::into_inner) = Some(at);
        }
    }
}

/// A share of the transport, as the library takes it.
pub(super) struct Shared(pub(super) Arc<Transport>);

impl HttpClient for Shared {
    fn request(
        &self,
        request: http::Request<BodyWrapper<Bytes>>,
    ) -> Pin<Box<dyn Future<Output = Result<BytesResponse, Error>> + Send>> {
        let transport = Arc::clone(&self.0);
        Box::pin(async move {
            let (mut parts, body) = request.into_parts();
            let Ok(body) = body.collect().await;
            parts.headers.insert(header::USER_AGENT, header::HeaderValue::from_static(USER_AGENT));
            let request = http::Request::from_parts(parts, body.to_bytes());
            let answer =
                transport.client.send(request).await.map_err(|error| Error::Other(Box::new(error)))?;
            transport.note(&answer);
            Ok(answer.map(http_body_util::Full::new).into())
        })
    }
}

/// Retry-After (RFC 9110, 10.2.3): seconds or a date, bounded.
fn retry_at(value: &str, now: Timestamp) -> Option<Timestamp> {
    let value = value.trim();
    let at = match value.parse::<u32>() {
        Ok(seconds) => now.checked_add(SignedDuration::from_secs(i64::from(seconds))).ok()?,
        Err(_) => jiff::fmt::rfc2822::parse(value).ok()?.timestamp(),
    };
    Some(at.clamp(now, now.checked_add(LONGEST_WAIT).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_is_read_in_both_forms_and_bounded() {
        let now: Timestamp = "2026-11-23T12:00:00Z".parse().unwrap();
        let at = |value| retry_at(value, now).map(|at| at.to_string());
        assert_eq!(at("120").as_deref(), Some("2026-11-23T12:02:00Z"));
        assert_eq!(at("Mon, 23 Nov 2026 13:00:00 GMT").as_deref(), Some("2026-11-23T13:00:00Z"));
        assert_eq!(at("Mon, 23 Nov 2020 13:00:00 GMT").as_deref(), Some("2026-11-23T12:00:00Z"));
        assert_eq!(at("4000000000").as_deref(), Some("2026-11-30T12:00:00Z"));
        assert_eq!(at("soon"), None);
    }
}
