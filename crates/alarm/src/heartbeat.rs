//! A sign of life to a service that raises its own alarm when none comes (a dead man's switch).
//!
//! It is no task with a life of its own: the loop that keeps certificates fresh beats it at its turns. When the loop
//! hangs or ends, so do the signs.

use std::sync::Arc;
use std::time::Duration;

use baton_finding::Explain as _;
use baton_http::Trusted;
use jiff::Timestamp;
use tokio::task::JoinHandle;

use crate::error::DeliveryError;
use crate::receiver::Receiver;
use crate::url::SecretUrl;

/// Where signs of life go, and how often.
#[derive(Debug, Clone)]
pub struct Heartbeat {
    receiver: Arc<Receiver>,
    interval: Duration,
}

/// The signs of life of one loop.
#[derive(Debug)]
pub struct Pulse {
    heartbeat: Heartbeat,
    next: Timestamp,
    /// The sign that is on its way; none is sent beside it.
    sending: Option<JoinHandle<Result<(), DeliveryError>>>,
    is_failing: bool,
}

impl Heartbeat {
    /// Signs of life to `url`, one in each `interval`.
    pub fn new(url: SecretUrl, interval: Duration) -> Self {
        Self { receiver: Arc::new(Receiver::new(url, Trusted::System)), interval }
    }

    /// Begins: the first sign is due at once.
    pub fn start(&self) -> Pulse {
        Pulse { heartbeat: self.clone(), next: Timestamp::MIN, sending: None, is_failing: false }
    }
}

impl Pulse {
    /// Sends a sign of life if one is due, and does not wait for it. Returns when the next one is due.
    pub async fn beat(&mut self, now: Timestamp) -> Timestamp {
        if let Some(sending) = self.sending.take_if(|sending| sending.is_finished())
            && let Ok(result) = sending.await
        {
            self.tell(result);
        }
        // A clock that was put back would make it wait for hours.
        let latest = now.checked_add(self.heartbeat.interval).unwrap_or(Timestamp::MAX);
        if self.next <= now || self.next > latest {
            if self.sending.is_none() {
                let receiver = Arc::clone(&self.heartbeat.receiver);
                self.sending = Some(tokio::spawn(async move { receiver.get().await }));
            }
            self.next = latest;
        }
        self.next
    }

    /// Once when it begins to fail, and once when it is over: whoever listens raises the alarm, not we.
    fn tell(&mut self, result: Result<(), DeliveryError>) {
        match &result {
            Ok(()) if self.is_failing => tracing::info!("the heartbeat arrives again"),
            Err(error) if !self.is_failing => {
                tracing::warn!("the heartbeat does not arrive: {}", error.chain())
            }
            Ok(()) | Err(_) => {}
        }
        self.is_failing = result.is_err();
    }
}
