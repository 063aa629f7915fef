//! Requests that are repeated for reasons that pass: above the library, which gives up on stale nonces after three
//! tries.

use std::sync::Arc;
use std::time::Duration;

use instant_acme::Error;

use super::AcmeError;
use super::transport::Transport;

/// How often a request is repeated that was refused for its nonce. Each time the library has tried three times: a
/// server that refuses half of all nonces wears this out once in a quintillion requests.
const NONCE_TRIES: u32 = 20;

/// The pauses before a request is repeated that broke off.
const PAUSES: [Duration; 4] =
    [Duration::from_millis(200), Duration::from_secs(1), Duration::from_secs(4), Duration::from_secs(10)];

/// The patience with one request.
pub(super) struct Patience {
    action: &'static str,
    transport: Arc<Transport>,
    nonces: u32,
    pauses: std::slice::Iter<'static, Duration>,
}

impl Patience {
    pub(super) fn new(action: &'static str, transport: Arc<Transport>) -> Self {
        Self { action, transport, nonces: 0, pauses: PAUSES.iter() }
    }

    /// Returns, after a pause, when the request is worth another try.
    pub(super) async fn after(&mut self, error: Error) -> Result<(), AcmeError> {
        let error = AcmeError::of(self.action, error, self.transport.take_retry_at());
        if error.is_bad_nonce() && self.nonces < NONCE_TRIES {
            self.nonces += 1;
            return Ok(());
        }
        match self.pauses.next() {
            Some(pause) if error.is_transient() => {
                tracing::debug!("tried again: {error}");
                tokio::time::sleep(*pause).await;
                Ok(())
            }
            _ => Err(error),
        }
    }
}

/// Makes a request until it succeeds or is not worth another try. A macro, as the future of an async closure cannot
/// be shown to be `Send` where the closure borrows.
macro_rules! patiently {
    ($patience:expr, $request:expr) => {{
        let mut patience = $patience;
        loop {
            match $request.await {
                Ok(value) => break Ok(value),
                Err(error) => {
                    if let Err(error) = patience.after(error).await {
                        break Err(error);
                    }
                }
            }
        }
    }};
}
pub(super) use patiently;
