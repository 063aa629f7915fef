//! The loop of `baton up`: nothing but timers wakes it.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use baton_alarm::{Alarm, Heartbeat};
use baton_finding::Explain as _;
use baton_handover::HandoverError;
use baton_platform::clock;
use jiff::Timestamp;
use tokio::sync::Notify;
use tokio::task::JoinSet;

use crate::renewals::{RenewError, RenewOptions, Renewals};
use crate::vitals::Vitals;

/// Timers run on the monotonic clock and stand still while a machine sleeps: so the wall clock is looked at
/// again at least this often.
const LONGEST_SLEEP: Duration = Duration::from_secs(600);

/// The pause after a renewal that could not even be recorded.
const AFTER_FAILURE: Duration = Duration::from_secs(60);

/// When something was seen that may be gone at once, it is looked at again after this.
const SECOND_LOOK: Duration = Duration::from_secs(10);

/// How long the end of the loop waits for handovers that are under way.
const PATIENCE_AT_END: Duration = Duration::from_secs(20);

/// Keeps all certificates fresh.
#[derive(Debug)]
pub struct Scheduler {
    renewals: Arc<Renewals>,
    /// How often every endpoint is asked what it serves.
    probe_interval: Duration,
    alarm: Arc<Alarm>,
    heartbeat: Option<Heartbeat>,
    changed: Arc<Notify>,
    vitals: Arc<Vitals>,
}

impl Scheduler {
    /// A scheduler over the given certificates.
    pub fn new(
        renewals: Arc<Renewals>,
        probe_interval: Duration,
        alarm: Arc<Alarm>,
        heartbeat: Option<Heartbeat>,
    ) -> Self {
        Self { renewals, probe_interval, alarm, heartbeat, changed: Arc::default(), vitals: Arc::default() }
    }

    /// What is known of the loop while it runs.
    pub fn vitals(&self) -> Arc<Vitals> {
        Arc::clone(&self.vitals)
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
        let mut pulse = self.heartbeat.as_ref().map(Heartbeat::start);
        let (mut is_sound, mut is_news) = (true, true);
        loop {
            let now = clock::now();
            if next_probe <= now {
                if let Err(error) = self.renewals.engine.state().keep_copy(now).await {
                    tracing::error!("no copy of the journal was made: {}", error.chain());
                }
                is_sound = self.probe_all().await;
                next_probe = now.checked_add(self.probe_interval).unwrap_or(Timestamp::MAX);
                is_news = true;
            }
            if std::mem::take(&mut is_news) {
                match self.look(now).await {
                    Ok(true) => {
                        next_probe = next_probe.min(now.checked_add(SECOND_LOOK).unwrap_or(Timestamp::MAX));
                    }
                    Ok(false) => {}
                    Err(error) => {
                        is_sound = false;
                        tracing::error!("nothing can be told of how it stands: {}", error.chain());
                    }
                }
            }
            self.vitals.turned(clock::now());
            let mut next = next_probe;
            // A loop whose state cannot be read or written is as good as dead.
            if let Some(pulse) = pulse.as_mut().filter(|_| is_sound) {
                next = next.min(pulse.beat(clock::now()).await);
            }
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
                () = self.changed.notified() => is_news = true,
                () = &mut shutdown => break,
                Some(done) = renewing.join_next() => {
                    is_news = true;
                    match done {
                        Ok((name, result)) => {
                            under_way.remove(&name);
                            if let Err(error) = &result {
                                self.vitals.failed(error.code());
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

    /// Whether what was seen could be written down.
    async fn probe_all(&self) -> bool {
        let mut asking = JoinSet::new();
        for target in &self.renewals.targets {
            let (engine, target) = (self.renewals.engine.clone(), Arc::clone(target));
            asking.spawn(async move {
                let observed = engine.observe(&target).await;
                if let Err(error) = &observed {
                    tracing::error!(%target, "not asked: {}", error.chain());
                }
                observed.is_ok()
            });
        }
        asking.join_all().await.into_iter().all(|is_written| is_written)
    }

    /// Looks at how everything stands, for the alarm. Whether a second look, soon, would tell more.
    async fn look(&self, now: Timestamp) -> Result<bool, HandoverError> {
        if self.alarm.is_silent() {
            return Ok(false);
        }
        let (_, troubles) = self.renewals.engine.look(&self.renewals.subjects()).await?;
        Ok(self.alarm.consider(troubles, now).await?)
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
