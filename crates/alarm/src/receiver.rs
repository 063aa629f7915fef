//! A URL that is asked, and whose answer is a yes or a no.

use std::time::Duration;

use baton_http::{Bytes, Client, HttpError, Limits, Method, Request, Trusted, header};
use tokio::sync::OnceCell;

use crate::error::DeliveryError;
use crate::url::SecretUrl;

/// How long one request may take. The body of its answer is not read.
const LIMITS: Limits = Limits { time: Duration::from_secs(10), body: 0 };

const USER_AGENT: &str = concat!("baton/", env!("CARGO_PKG_VERSION"));

/// A URL with the client for it.
#[derive(Debug)]
pub(crate) struct Receiver {
    url: SecretUrl,
    trusted: Trusted,
    /// Made when it is used first: it reads the system's roots, and most commands send nothing.
    client: OnceCell<Client>,
}

impl Receiver {
    pub(crate) fn new(url: SecretUrl, trusted: Trusted) -> Self {
        Self { url, trusted, client: OnceCell::new() }
    }

    pub(crate) async fn post(&self, json: String) -> Result<(), DeliveryError> {
        self.ask(Method::POST, Bytes::from(json)).await
    }

    pub(crate) async fn get(&self) -> Result<(), DeliveryError> {
        self.ask(Method::GET, Bytes::new()).await
    }

    /// Any status of success is a yes. A redirect is a no: what is told goes to nobody else.
    async fn ask(&self, method: Method, body: Bytes) -> Result<(), DeliveryError> {
        let make = || async { Client::plain_too(&self.trusted, LIMITS) };
        let client = self.client.get_or_try_init(make).await?;
        let mut request = Request::builder()
            .method(method)
            .uri(self.url.uri().clone())
            .header(header::USER_AGENT, USER_AGENT);
        if !body.is_empty() {
            request = request.header(header::CONTENT_TYPE, "application/json");
        }
        // It is a URL, and the headers are constants.
        let wrong = |_| HttpError::Scheme { host: self.url.to_string() };
        match client.deliver(request.body(body).map_err(wrong)?).await? {
            status if status.is_success() => Ok(()),
            status => Err(DeliveryError::Status { host: self.url.to_string(), status }),
        }
    }
}
