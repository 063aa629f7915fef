//! What was found wrong becomes durable notices, and these reach people.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use baton_finding::Explain as _;
use baton_handover::Trouble;
use baton_platform::clock;
use baton_schedule::{Lifetime, backoff_within};
use baton_state::{Alert, AlertChanges, AlertChannel, State, StateError, WaitingNotice};
use jiff::{SignedDuration, Timestamp};
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;

use crate::channel::Channel;
use crate::decide::{Decision, Told, decide};
use crate::error::DeliveryError;
use crate::message::Message;
use crate::notice::Notice;
use crate::suspicion::Suspicions;

/// The most notices in one message.
const MOST_NOTICES: u32 = 100;

/// Timers stand still while a machine sleeps: so the wall clock is looked at again at least this often.
const LONGEST_SLEEP: Duration = Duration::from_secs(600);

/// The pause after the state database has failed.
const AFTER_FAILURE: Duration = Duration::from_secs(60);

/// How long messages that are on their way may take once the shutdown has begun.
const LAST_MESSAGES: Duration = Duration::from_secs(5);

/// All channels, and what is known of the troubles that they are told.
#[derive(Debug)]
pub struct Alarm {
    state: State,
    host: String,
    channels: Vec<Listening>,
    suspicions: Mutex<Suspicions>,
}

#[derive(Debug)]
struct Listening {
    channel: Channel,
    /// There is something new to deliver.
    wake: Notify,
}

impl Alarm {
    /// An alarm that tells the channels what happens on `host`.
    pub fn new(state: State, host: String, channels: Vec<Channel>) -> Self {
        let channels =
            channels.into_iter().map(|channel| Listening { channel, wake: Notify::new() }).collect();
        Self { state, host, channels, suspicions: Mutex::default() }
    }

    /// Whether anyone is told anything.
    pub fn is_silent(&self) -> bool {
        self.channels.is_empty()
    }

    /// Decides what is told of the troubles that there are now, and makes it durable. Nothing is sent here.
    ///
    /// True when a second look, soon, would tell more.
    pub async fn consider(&self, troubles: Vec<Trouble>, now: Timestamp) -> Result<bool, StateError> {
        let mut told: HashMap<String, Vec<Told>> = HashMap::new();
        for alert in self.state.alerts().await? {
            let channel = alert.channel.clone();
            told.entry(channel).or_default().extend(read(&alert));
        }
        let causes: HashSet<String> = told.values().flatten().map(|told| told.notice.cause.clone()).collect();
        // The lock guards no promise that a panicking holder could have broken.
        let sifted = self.suspicions.lock().unwrap_or_else(PoisonError::into_inner).sift(troubles, &causes);
        let standing = self.state.alert_channels().await?;
        for Listening { channel, wake } in &self.channels {
            let told = told.remove(&channel.name).unwrap_or_default();
            let is_waiting = standing.iter().any(|one| one.name == channel.name && one.waiting > 0);
            let decision = decide(&channel.name, channel.policy, &sifted.sure, &told, is_waiting, now);
            if decision.is_empty() {
                continue;
            }
            for notice in &decision.notices {
                tracing::info!(alert = %channel.name, "{}: {}", notice.event, notice.message);
            }
            self.state.record_alerts(&channel.name, &changes(&channel.name, &decision)).await?;
            wake.notify_one();
        }
        Ok(sifted.look_again)
    }

    /// Delivers what waits, until `stopped` changes; each channel by itself. Channels that the settings do not have any
    /// more are forgotten first.
    pub async fn deliver(self: Arc<Self>, mut stopped: watch::Receiver<()>) {
        if let Err(error) = self.forget_others().await {
            tracing::error!("{}", error.chain());
        }
        let mut channels = JoinSet::new();
        for position in 0..self.channels.len() {
            let (alarm, stopped) = (Arc::clone(&self), stopped.clone());
            channels.spawn(async move { alarm.serve(&alarm.channels[position], stopped).await });
        }
        let _ = stopped.changed().await;
        if tokio::time::timeout(LAST_MESSAGES, channels.join_all()).await.is_err() {
            tracing::warn!("an alert is still on its way: the next start delivers it");
        }
    }

    async fn forget_others(&self) -> Result<(), StateError> {
        let known: HashSet<&str> = self.channels.iter().map(|one| one.channel.name.as_str()).collect();
        let mut names: HashSet<String> =
            self.state.alerts().await?.into_iter().map(|one| one.channel).collect();
        names.extend(self.state.alert_channels().await?.into_iter().map(|one| one.name));
        for name in names.iter().filter(|name| !known.contains(name.as_str())) {
            self.state.forget_alert_channel(name).await?;
        }
        Ok(())
    }

    async fn serve(&self, listening: &Listening, mut stopped: watch::Receiver<()>) {
        let mut delivered = 0;
        loop {
            let pause = self.deliver_next(&listening.channel, &mut delivered).await.unwrap_or_else(|error| {
                tracing::error!(alert = %listening.channel.name, "{}", error.chain());
                AFTER_FAILURE
            });
            tokio::select! {
                _ = stopped.changed() => return,
                () = tokio::time::sleep(pause) => {}
                () = listening.wake.notified() => {}
            }
        }
    }

    /// Delivers what waits for a channel, if it is time. Returns how long there is nothing more to do, unless something
    /// new comes. `delivered` is the last number that was delivered: should that not become durable, it is not
    /// delivered again and again.
    async fn deliver_next(&self, channel: &Channel, delivered: &mut i64) -> Result<Duration, StateError> {
        let waiting = self.state.waiting_notices(&channel.name, MOST_NOTICES).await?;
        let Some(last) = waiting.last().map(|notice| notice.id) else { return Ok(LONGEST_SLEEP) };
        if last > *delivered {
            let standing = self.standing(&channel.name).await?;
            let now = clock::now();
            if let Some(pause) = pause(channel, &standing, now) {
                return Ok(pause);
            }
            let fresh = waiting.iter().filter(|notice| notice.id > *delivered);
            let message = Message::new(&self.host, fresh.filter_map(numbered).collect(), now);
            if let Err(error) = channel.deliver(&message).await {
                return self.failed(channel, &standing, &error).await;
            }
            if standing.failure.is_some() {
                tracing::info!(alert = %channel.name, "delivered again");
            }
            *delivered = last;
        }
        self.state.notices_delivered(&channel.name, last, clock::now()).await?;
        // There may be more than one message holds.
        Ok(Duration::ZERO)
    }

    async fn standing(&self, name: &str) -> Result<AlertChannel, StateError> {
        Ok(self.state.alert_channels().await?.into_iter().find(|one| one.name == name).unwrap_or_default())
    }

    async fn failed(
        &self,
        channel: &Channel,
        standing: &AlertChannel,
        error: &DeliveryError,
    ) -> Result<Duration, StateError> {
        let attempts = standing.attempts.saturating_add(1);
        let pause = backoff_within(attempts, channel.name.as_bytes(), until_reminder(channel, clock::now()));
        let retry_at = clock::now().checked_add(pause).unwrap_or(Timestamp::MAX);
        tracing::warn!(alert = %channel.name, "not delivered, and tried again at {retry_at:.0}: {}", error.chain());
        if let Some(hint) = error.hint() {
            tracing::info!(alert = %channel.name, "hint: {hint}");
        }
        self.state.notices_undelivered(&channel.name, &error.chain(), retry_at).await?;
        Ok(pause.unsigned_abs().min(LONGEST_SLEEP))
    }
}

/// How long a channel that has failed is left alone; `None` when it is time.
fn pause(channel: &Channel, standing: &AlertChannel, now: Timestamp) -> Option<Duration> {
    let left = standing.retry_at?.duration_since(now);
    // Longer than any pause is: the clock was put back.
    let longest = until_reminder(channel, now).total() / 20 + SignedDuration::from_secs(1);
    let is_early = left > SignedDuration::ZERO && left <= longest;
    is_early.then(|| left.unsigned_abs().min(LONGEST_SLEEP))
}

/// The span in which the pauses between attempts are fitted: what is not told until its reminder is told too late.
fn until_reminder(channel: &Channel, now: Timestamp) -> Lifetime {
    let not_after = now.checked_add(channel.policy.remind).unwrap_or(Timestamp::MAX);
    Lifetime { not_before: now, not_after }
}

/// A notice with its number; one that another version wrote and this one cannot read is passed over.
fn numbered(waiting: &WaitingNotice) -> Option<Notice> {
    match serde_json::from_str::<Notice>(&waiting.notice) {
        Ok(notice) => Some(Notice { id: waiting.id, ..notice }),
        Err(error) => {
            tracing::error!("a notice of another version is passed over: {error}");
            None
        }
    }
}

fn read(alert: &Alert) -> Option<Told> {
    let notice = serde_json::from_str(&alert.notice).ok()?;
    Some(Told { notice, at: alert.told_at })
}

fn changes(channel: &str, decision: &Decision) -> AlertChanges {
    // Text, numbers and times: nothing in it can fail.
    let json = |notice: &Notice| serde_json::to_string(notice).unwrap_or_default();
    let told = |told: &Told| Alert {
        channel: channel.to_owned(),
        cause: told.notice.cause.clone(),
        notice: json(&told.notice),
        told_at: told.at,
    };
    AlertChanges {
        told: decision.told.iter().map(told).collect(),
        ended: decision.ended.clone(),
        notices: decision.notices.iter().map(json).collect(),
    }
}
