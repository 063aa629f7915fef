//! The loop of `baton up`: nothing but timers wakes it.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use baton_finding::Explain as _;
use baton_platform::clock;
use jiff::Timestamp;
use tokio::sync::Notify;
use tokio::task::JoinSet;

use crate::renewals::{RenewError, RenewOptions, Renewals};

/// Timers run on the monotonic clock and stand still while a machine sleeps: so the wall clock is looked at
/// again at least this often.
const LONGEST_SLEEP: Duration = Duration::from_secs(600);

/// The pause after a renewal that could not even be recorded.
const AFTER_FAILURE: Duration = Duration::from_secs(60);

/// How long the end of the loop waits for handovers that are under way.
const PATIENCE_AT_END: Duration = Duration::from_secs(20);

/// Keeps all certificates fresh.
#[derive(Debug)]
pub struct Scheduler {
    renewals: Arc<Renewals>,
    /// How often every endpoint is asked what it serves.
    probe_interval: Duration,
    changed: Arc<Notify>,
}

impl Scheduler {
    /// A scheduler over the given certificates.
    pub fn new(renewals: Arc<Renewals>, probe_interval: Duration) -> Self {
        Self { renewals, probe_interval, changed: Arc::default() }
    }

    /// Tells the loop that something was changed by someone else: it then looks at everything anew.
    pub fn changed(&self) -> Arc<Notify> {
        Arc::clone(&self.changed)
    }

    /// Finishes what was interrupted, then renews, asks and retires what is due, until `shutdown` comes; then
    /// waits a while for handovers that are under way. One that takes longer is finished by the next start.
    ///
    /// Each renewal is a task of its own: one that hangs or fails delays no other.
    pub async fn run(&self, shutdown: impl Future<Output = ()>) {
        tokio::pin!(shutdown);
        for target in &self.renewals.targets {
            if let Err(error) = self.renewals.engine.resume(target).await {
                tracing::error!(%target, "not resumed: {}", error.chain());
            }
        }
        let mut renewing = JoinSet::new();
        let mut under_way: HashSet<String> = HashSet::new();
        // A renewal that failed before it could write down when to try again.
        let mut held_back: HashMap<String, Timestamp> = HashMap::new();
        let mut next_probe = clock::now();
        loop {
            let now = clock::now();
            if next_probe <= now {
                if let Err(error) = self.renewals.engine.state().keep_copy(now).await {
                    tracing::error!("no copy of the journal was made: {}", error.chain());
                }
                self.probe_all().await;
                next_probe = now.checked_add(self.probe_interval).unwrap_or(Timestamp::MAX);
            }
            let mut next = next_probe;
            for certificate in &self.renewals.certificates {
                if under_way.contains(&certificate.name) {
                    continue;
                }
                let held_until = held_back.get(&certificate.name).copied().unwrap_or(Timestamp::MIN);
                match self
                    .renewals
                    .next_attempt(certificate, now)
                    .await
                    .map(|at| at.map(|at| at.max(held_until)))
                {
                    Ok(Some(at)) if at <= now => {
                        under_way.insert(certificate.name.clone());
                        let (renewals, name) = (Arc::clone(&self.renewals), certificate.name.clone());
                        renewing.spawn(async move {
                            let result = renewals.renew(&name, RenewOptions::default()).await;
                            (name, result.map(|_| ()))
                        });
                    }
                    Ok(Some(at)) => next = next.min(at),
                    Ok(None) => {}
                    Err(error) => tracing::error!(certificate = %certificate.name, "{}", error.chain()),
                }
            }
            match self.retire(now).await {
                Ok(Some(at)) => next = next.min(at),
                Ok(None) => {}
                Err(error) => tracing::error!("nothing was retired: {}", error.chain()),
            }
            let pause = pause_until(next, now);
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = self.changed.notified() => {}
                () = &mut shutdown => break,
                Some(done) = renewing.join_next() => {
                    match done {
                        Ok((name, result)) => {
                            under_way.remove(&name);
                            if result.is_err() {
                                let until = clock::now().checked_add(AFTER_FAILURE).unwrap_or(Timestamp::MAX);
                                held_back.insert(name.clone(), until);
                            }
                            log(&name, result);
                        }
                        // A panic in one renewal; its certificate is taken up again by the next turn.
                        Err(error) => {
                            tracing::error!("a renewal ended abnormally: {error}");
                            under_way.clear();
                        }
                    }
                }
            }
        }
        if tokio::time::timeout(PATIENCE_AT_END, renewing.join_all()).await.is_err() {
            tracing::warn!("a handover is still under way: the next start finishes it");
        }
    }

    async fn probe_all(&self) {
        let mut asking = JoinSet::new();
        for target in &self.renewals.targets {
            let (engine, target) = (self.renewals.engine.clone(), Arc::clone(target));
            asking.spawn(async move {
                if let Err(error) = engine.observe(&target).await {
                    tracing::error!(%target, "not asked: {}", error.chain());
                }
            });
        }
        asking.join_all().await;
    }

    async fn retire(&self, now: Timestamp) -> Result<Option<Timestamp>, RenewError> {
        let engine = &self.renewals.engine;
        if engine.next_retirement().await?.is_some_and(|at| at <= now) {
            engine.retire_due(self.renewals.places(), false, false).await?;
        }
        // One that is still in use stays due: it is looked at again with the next probe, not at once.
        Ok(engine.next_retirement().await?.filter(|at| *at > now))
    }
}

fn log(name: &str, result: Result<(), RenewError>) {
    if let Err(error) = result {
        tracing::error!(certificate = name, "not renewed: {}", error.chain());
        if let Some(hint) = error.hint() {
            tracing::info!(certificate = name, "hint: {hint}");
        }
    }
}

fn pause_until(next: Timestamp, now: Timestamp) -> Duration {
    let pause = next.duration_since(now);
    // Rounded up: to wake a little too early would mean to turn round and round until the moment comes.
    let milliseconds = u64::try_from(pause.as_millis().max(0)).unwrap_or(u64::MAX).saturating_add(1);
    Duration::from_millis(milliseconds).min(LONGEST_SLEEP)
}
