//! Moments of many certificates, the earliest first.

use std::collections::BTreeMap;

use jiff::Timestamp;

/// Certificates by moment, in buckets of about a minute: most moments are either near the present or all about as far
/// away, so few buckets are touched, and what is touched is near each other in memory.
#[derive(Debug)]
pub(crate) struct Queue<T> {
    /// By the number of the bucket; none is empty.
    buckets: BTreeMap<i64, Vec<(Timestamp, T)>>,
}

impl<T> Default for Queue<T> {
    fn default() -> Self {
        Self { buckets: BTreeMap::new() }
    }
}

impl<T: Copy> Queue<T> {
    pub(crate) fn push(&mut self, at: Timestamp, entry: T) {
        self.buckets.entry(bucket(at)).or_default().push((at, entry));
    }

    /// Takes one whose moment has come; not always the earliest of them.
    pub(crate) fn pop(&mut self, now: Timestamp) -> Option<(Timestamp, T)> {
        let mut first = self.buckets.first_entry().filter(|first| *first.key() <= bucket(now))?;
        let entries = first.get_mut();
        let position = entries.iter().rposition(|(at, _)| *at <= now)?;
        let taken = entries.swap_remove(position);
        if entries.is_empty() {
            first.remove();
        }
        Some(taken)
    }

    /// The earliest moment.
    pub(crate) fn first(&self) -> Option<Timestamp> {
        let (_, entries) = self.buckets.first_key_value()?;
        entries.iter().map(|(at, _)| *at).min()
    }

    pub(crate) fn clear(&mut self) {
        self.buckets.clear();
    }
}

fn bucket(at: Timestamp) -> i64 {
    at.as_second() >> 6
}
