//! Numbers for monitoring systems, in the text form of OpenMetrics that Prometheus reads.
//!
//! Nothing is counted here: every number comes from the status, the journal, or the running loop, at the moment it is
//! asked for. So counters of handovers survive a restart.
//!
//! The names are a promise: rules and dashboards are built on them.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::AtomicU64;

use baton_handover::{Status, StatusRow};
use baton_schedule::{Attention, Lifetime};
use baton_state::{AlertChannel, HANDOVER_SECONDS, HandoverTimes, Measures};
use jiff::Timestamp;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{DescriptorEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;

/// As OpenMetrics 1.0 names it.
pub(crate) const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

const SECONDS_OF_A_DAY: f64 = 86_400.0;

type Labels = Vec<(&'static str, String)>;
type Number = Gauge<f64, AtomicU64>;
type Numbers = Family<Labels, Number>;

/// What there is to measure.
#[derive(Debug, Clone)]
pub struct Measurements {
    /// The version of the program.
    pub version: &'static str,
    /// How everything stands.
    pub status: Status,
    /// What the journal amounts to.
    pub measures: Measures,
    /// How the delivery of alerts goes.
    pub alerts: Vec<AlertChannel>,
    /// When the loop that keeps certificates fresh last turned.
    pub last_turn: Option<Timestamp>,
    /// Renewals that failed since the start before anything was handed over, by code.
    pub renewal_failures: BTreeMap<&'static str, u64>,
}

impl Measurements {
    /// All of it as text.
    pub(crate) fn encode(&self) -> Result<String, String> {
        let mut registry = Registry::with_prefix("baton");
        registry.register(
            "build",
            "Which version runs",
            Info::new(vec![("version", self.version.to_owned())]),
        );
        let attention = Attention::named(&self.status.attention).unwrap_or(Attention::Now);
        let attention_number = Number::default();
        attention_number.set(f64::from(attention as u8));
        registry.register("attention", "Whether a person must look: 0 no, 1 soon, 2 now", attention_number);
        if let Some(last_turn) = self.last_turn {
            let turned = Number::default();
            turned.set(seconds(last_turn));
            registry.register(
                "loop_turned_timestamp_seconds",
                "When the loop of baton up last turned",
                turned,
            );
        }
        self.register_served(&mut registry);
        self.register_journal(&mut registry);
        self.register_alerts(&mut registry);
        let mut text = String::new();
        encode(&mut text, &registry).map_err(|error| error.to_string())?;
        Ok(text)
    }

    fn register_served(&self, registry: &mut Registry) {
        let gauge = |registry: &mut Registry, name: &str, help: &str| {
            let family = Numbers::default();
            registry.register(name, help, family.clone());
            family
        };
        let days =
            gauge(registry, "served_days_left", "Days until what is served ends; negative once it has");
        let share = gauge(
            registry,
            "served_lifetime_left_ratio",
            "Share of the lifetime that is left of what is served",
        );
        let end = gauge(registry, "served_not_after_timestamp_seconds", "When what is served ends");
        let serves =
            gauge(registry, "endpoint_serves", "1 where a certificate was served at the last look, else 0");
        let asked = gauge(registry, "endpoint_asked_timestamp_seconds", "When the endpoint was last asked");
        let due = gauge(registry, "certificate_due_timestamp_seconds", "When the renewal is due");
        let mut dues: BTreeMap<&str, Timestamp> = BTreeMap::new();
        for row in &self.status.rows {
            if let (Some(certificate), Some(at)) = (&row.certificate, row.due) {
                let known = dues.entry(certificate).or_insert(at);
                *known = at.min(*known);
            }
            let Some(labels) = labels_of(row) else { continue };
            serves.get_or_create(&labels).set(if row.served.is_some() { 1.0 } else { 0.0 });
            if let Some(at) = row.probed_at {
                asked.get_or_create(&labels).set(seconds(at));
            }
            if let Some(served) = &row.served {
                let lifetime = Lifetime { not_before: served.not_before, not_after: served.not_after };
                let left = lifetime.remaining(self.status.at).as_secs_f64();
                let total = lifetime.total().as_secs_f64();
                days.get_or_create(&labels).set(left / SECONDS_OF_A_DAY);
                share.get_or_create(&labels).set(if total > 0.0 { left / total } else { 0.0 });
                end.get_or_create(&labels).set(seconds(served.not_after));
            }
        }
        for (certificate, at) in dues {
            due.get_or_create(&vec![("certificate", certificate.to_owned())]).set(seconds(at));
        }
    }

    fn register_journal(&self, registry: &mut Registry) {
        let (last_success, last_proof) = (Numbers::default(), Numbers::default());
        let failures = Family::<Labels, Counter>::default();
        let renewal_failures = Family::<Labels, Counter>::default();
        for (certificate, target, at) in &self.measures.last_served {
            let labels =
                vec![("certificate", certificate.clone().unwrap_or_default()), ("target", target.clone())];
            last_success.get_or_create(&labels).set(seconds(*at));
        }
        for (target, endpoint, address, at) in &self.measures.last_proven {
            let labels = vec![
                ("target", target.clone()),
                ("endpoint", endpoint.clone()),
                ("address", address.clone()),
            ];
            last_proof.get_or_create(&labels).set(seconds(*at));
        }
        for (target, code, count) in &self.measures.failures {
            let labels = vec![("target", target.clone()), ("code", code.clone())];
            failures.get_or_create(&labels).inc_by(*count);
        }
        for (code, count) in &self.renewal_failures {
            renewal_failures.get_or_create(&vec![("code", (*code).to_owned())]).inc_by(*count);
        }
        registry.register(
            "handover_last_success_timestamp_seconds",
            "When a certificate was last proven to be served after a handover",
            last_success,
        );
        registry.register("proof_last_timestamp_seconds", "When the address was last proven", last_proof);
        registry.register("handover_failures", "Handovers that failed, by what has failed", failures);
        registry.register(
            "renewal_failures",
            "Renewals that failed before anything was handed over, since the start",
            renewal_failures,
        );
        registry.register_collector(Box::new(Durations(self.measures.times.clone())));
    }

    fn register_alerts(&self, registry: &mut Registry) {
        let (waiting, attempts) = (Numbers::default(), Numbers::default());
        for channel in &self.alerts {
            let labels = vec![("alert", channel.name.clone())];
            waiting.get_or_create(&labels).set(f64::from(channel.waiting));
            attempts.get_or_create(&labels).set(f64::from(channel.attempts));
        }
        registry.register("alert_waiting_notices", "Notices that wait to be delivered", waiting);
        registry.register("alert_failed_attempts", "Deliveries that failed in a row", attempts);
    }
}

/// The durations of handovers, which the database has counted already.
struct Durations(Vec<HandoverTimes>);

impl fmt::Debug for Durations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Durations").field(&self.0.len()).finish()
    }
}

impl Collector for Durations {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return Ok(());
        }
        let help = "How long handovers took from the check to the proof";
        let mut family = encoder.encode_descriptor("handover_seconds", help, None, MetricType::Histogram)?;
        for times in &self.0 {
            let beyond = times.count.saturating_sub(times.within.iter().sum());
            let mut buckets: Vec<(f64, u64)> = HANDOVER_SECONDS.into_iter().zip(times.within).collect();
            buckets.push((f64::INFINITY, beyond));
            let labels = [("target", times.target.as_str())];
            family.encode_family(&labels)?.encode_histogram::<NoLabelSet>(
                times.seconds,
                times.count,
                &buckets,
                None,
            )?;
        }
        Ok(())
    }
}

/// The labels of an address that was asked.
fn labels_of(row: &StatusRow) -> Option<Labels> {
    Some(vec![
        ("certificate", row.certificate.clone().unwrap_or_default()),
        ("target", row.target.clone().unwrap_or_default()),
        ("endpoint", row.endpoint.clone()?),
        ("address", row.address.clone()?),
    ])
}

fn seconds(at: Timestamp) -> f64 {
    at.as_duration().as_secs_f64()
}
