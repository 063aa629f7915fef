//! The loop of `baton up`: nothing but timers wakes it.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use baton_alarm::{Alarm, Heartbeat};
use baton_finding::Explain as _;
use baton_handover::HandoverError;
use baton_platform::clock;
use baton_platform::progress;
use futures_util::FutureExt as _;
use jiff::Timestamp;
use tokio::sync::Notify;
use tokio::task::JoinSet;

use crate::renewals::{RenewError, Renewals};
use crate::vitals::Vitals;
use crate::work::{Course, Work};

/// Timers run on the monotonic clock and stand still while a machine sleeps: so the wall clock is looked at
/// again at least this often.
const LONGEST_SLEEP: Duration = Duration::from_secs(600);

/// The pause before the state database is asked again that could not be read.
const AFTER_FAILURE: Duration = Duration::from_secs(60);

/// When something was seen that may be gone at once, it is looked at again after this.
const SECOND_LOOK: Duration = Duration::from_secs(10);

/// How long the end of the loop waits for handovers that are under way.
const PATIENCE_AT_END: Duration = Duration::from_secs(20);

const STILL_UNDER_WAY: &str = "a handover is still under way: the next start finishes it";

/// Who watches over the loop: a service manager.
pub trait Supervisor: std::fmt::Debug + Send + Sync {
    /// How often it wants to hear from the loop.
    fn interval(&self) -> Option<Duration>;

    /// What was interrupted is finished, and the loop begins.
    fn ready(&self);

    /// The loop goes round.
    fn alive(&self);

    /// How it stands, in one line.
    fn status(&self, text: &str);
}

/// Keeps all certificates fresh.
#[derive(Debug)]
pub struct Scheduler {
    plan: Mutex<Plan>,
    alarm: Arc<Alarm>,
    heartbeat: Option<Heartbeat>,
    supervisor: Option<Arc<dyn Supervisor>>,
    changed: Arc<Notify>,
    vitals: Arc<Vitals>,
}

/// What the settings say. Replaced as a whole.
#[derive(Debug, Clone)]
struct Plan {
    renewals: Arc<Renewals>,
    /// How often every endpoint is asked what it serves.
    probe_interval: Duration,
}

impl Scheduler {
    /// A scheduler over the given certificates.
    pub fn new(
        renewals: Arc<Renewals>,
        probe_interval: Duration,
        alarm: Arc<Alarm>,
        heartbeat: Option<Heartbeat>,
        supervisor: Option<Arc<dyn Supervisor>>,
    ) -> Self {
        Self {
            plan: Mutex::new(Plan { renewals, probe_interval }),
            alarm,
            heartbeat,
            supervisor,
            changed: Arc::default(),
            vitals: Arc::default(),
        }
    }

    /// What is known of the loop while it runs.
    pub fn vitals(&self) -> Arc<Vitals> {
        Arc::clone(&self.vitals)
    }

    /// Tells the loop that something was changed by someone else: it then looks at everything anew.
    pub fn changed(&self) -> Arc<Notify> {
        Arc::clone(&self.changed)
    }

    /// Other certificates take the place of those before; what is under way ends as it began.
    pub fn replace(&self, renewals: Arc<Renewals>, probe_interval: Duration) {
        *self.plan.lock().unwrap_or_else(PoisonError::into_inner) = Plan { renewals, probe_interval };
        self.changed.notify_one();
    }

    fn plan(&self) -> Plan {
        self.plan.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Finishes what was interrupted, then renews, asks and retires what is due, until `shutdown` comes; then
    /// waits a while for handovers that are under way. One that takes longer is finished by the next start.
    pub async fn run(&self, shutdown: impl Future<Output = ()>) {
        let mut shutdown = shutdown.shared();
        let mut plan = self.plan();
        let course = Arc::new(Course::default());
        let impatient = async {
            shutdown.clone().await;
            if !course.only_waits() {
                tokio::time::sleep(PATIENCE_AT_END).await;
                tracing::warn!("{STILL_UNDER_WAY}");
            }
        };
        tokio::select! {
            () = progress::listened(course.clone(), resume(&plan.renewals)) => {}
            () = impatient => return,
        }
        let mut work = Work::new(Arc::clone(&plan.renewals), Arc::clone(&self.vitals));
        let mut is_read = false;
        let mut probing = JoinSet::new();
        let mut next_probe = clock::now();
        let mut pulse = self.heartbeat.as_ref().map(Heartbeat::start);
        let (mut is_sound, mut is_news) = (true, true);
        if let Some(supervisor) = &self.supervisor {
            supervisor.ready();
        }
        loop {
            let now = clock::now();
            let new = self.plan();
            let is_new = !Arc::ptr_eq(&new.renewals, &plan.renewals);
            if is_new {
                // What the settings say of the interval counts from now on.
                next_probe = now;
            }
            plan = new;
            if is_new || !is_read {
                is_read = match work.take(Arc::clone(&plan.renewals)).await {
                    Ok(()) => true,
                    Err(error) => {
                        tracing::error!("{}", error.chain());
                        false
                    }
                };
            }
            work.begin(now);
            let is_set_back = next_probe.duration_since(now).unsigned_abs() > plan.probe_interval;
            if (next_probe <= now || is_set_back) && probing.is_empty() {
                probing.spawn(probe(Arc::clone(&plan.renewals), now));
                next_probe = now.checked_add(plan.probe_interval).unwrap_or(Timestamp::MAX);
            }
            if std::mem::take(&mut is_news) {
                match self.look(&plan.renewals, now).await {
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
            // While they are asked, their end is what is waited for.
            let mut next = if probing.is_empty() { next_probe } else { Timestamp::MAX };
            // A loop whose state cannot be read or written is as good as dead.
            if let Some(pulse) = pulse.as_mut().filter(|_| is_sound && is_read) {
                next = next.min(pulse.beat(clock::now()).await);
            }
            match retire(&plan.renewals, now).await {
                Ok(at) => next = next.min(at.unwrap_or(next)),
                Err(error) => tracing::error!("nothing was retired: {}", error.chain()),
            }
            next = next.min(work.look_again(now).unwrap_or(next));
            let mut pause = pause_until(next, now);
            if !is_read {
                pause = pause.min(AFTER_FAILURE);
            }
            if let Some(supervisor) = &self.supervisor {
                supervisor.alive();
                supervisor.status(&status(work.counts(), work.look_again(now)));
                pause = supervisor.interval().map_or(pause, |interval| pause.min(interval));
            }
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = self.changed.notified() => {
                    is_news = true;
                    if let Err(error) = work.refresh().await {
                        tracing::error!("{}", error.chain());
                        is_read = false;
                    }
                }
                () = &mut shutdown => break,
                ended = work.ended() => {
                    is_news = true;
                    work.settle(ended).await;
                }
                Some(probed) = probing.join_next() => {
                    is_news = true;
                    is_sound = probed.unwrap_or(false);
                }
            }
        }
        if !work.finish(PATIENCE_AT_END).await {
            tracing::warn!("{STILL_UNDER_WAY}");
        }
    }

    /// Looks at how everything stands, for the alarm. Whether a second look, soon, would tell more.
    async fn look(&self, renewals: &Renewals, now: Timestamp) -> Result<bool, HandoverError> {
        if self.alarm.is_silent() {
            return Ok(false);
        }
        let (_, troubles) = renewals.engine.look(&renewals.subjects()).await?;
        Ok(self.alarm.consider(troubles, now).await?)
    }
}

/// Finishes or undoes what was interrupted.
async fn resume(renewals: &Renewals) {
    for target in &renewals.targets {
        if let Err(error) = renewals.engine.resume(target).await {
            tracing::error!(%target, "not resumed: {}", error.chain());
        }
    }
}

/// Asks every endpoint what it serves, and keeps a copy of the journal. Whether what was seen could be written down.
async fn probe(renewals: Arc<Renewals>, now: Timestamp) -> bool {
    if let Err(error) = renewals.engine.state().keep_copy(now).await {
        tracing::error!("no copy of the journal was made: {}", error.chain());
    }
    if let Err(error) = renewals.engine.hold_doors(&renewals.targets).await {
        tracing::error!("{}", error.chain());
    }
    let mut asking = JoinSet::new();
    for target in &renewals.targets {
        let (engine, target) = (renewals.engine.clone(), Arc::clone(target));
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

async fn retire(renewals: &Renewals, now: Timestamp) -> Result<Option<Timestamp>, RenewError> {
    let engine = &renewals.engine;
    if engine.next_retirement().await?.is_some_and(|at| at <= now) {
        engine.retire_due(renewals.places(), false, false).await?;
    }
    // One that is still in use stays due: it is looked at again with the next probe, not at once.
    Ok(engine.next_retirement().await?.filter(|at| *at > now))
}

fn status((certificates, under_way): (usize, usize), next: Option<Timestamp>) -> String {
    let next = next.map(|at| format!(", next at {at:.0}")).unwrap_or_default();
    match (certificates, under_way) {
        (1, 0) => format!("1 certificate{next}"),
        (certificates, 0) => format!("{certificates} certificates{next}"),
        (certificates, under_way) => format!("{certificates} certificates, {under_way} under way"),
    }
}

fn pause_until(next: Timestamp, now: Timestamp) -> Duration {
    let pause = next.duration_since(now);
    // Rounded up: to wake a little too early would mean to turn round and round until the moment comes.
    let milliseconds = u64::try_from(pause.as_millis().max(0)).unwrap_or(u64::MAX).saturating_add(1);
    Duration::from_millis(milliseconds).min(LONGEST_SLEEP)
}
