//! The one sentence above everything else.

use baton_handover::Status;

use crate::language::Language;

use super::attention::Attention;
use super::moment::words_after_preposition;
use super::prose::{Stretch, stretches};

/// How it stands as a whole.
pub(crate) struct Verdict {
    /// The name in the style sheet and of the icon.
    pub(crate) class: &'static str,
    pub(crate) sentence: String,
    /// What comes next, or why it is so; may be empty.
    pub(crate) detail: Vec<Stretch>,
}

impl Verdict {
    pub(crate) fn of(status: &Status, t: Language) -> Self {
        let attentions: Vec<Attention> =
            status.rows.iter().map(|row| Attention::read(&row.attention)).collect();
        let Some(attention) = attentions.iter().copied().max() else {
            return Self {
                class: "notice",
                sentence: t.nothing_yet().to_owned(),
                detail: stretches(t.settings_name_nothing()),
            };
        };
        let (total, urgent) =
            (attentions.len(), attentions.iter().filter(|each| **each == attention).count());
        // A certificate without a target, and a target that was never asked, have no endpoint.
        let has_endpoints = status.rows.iter().all(|row| row.endpoint.is_some());
        let things = if has_endpoints { t.among_endpoints() } else { t.among_entries() };
        let sentence = match (attention, urgent, total) {
            (Attention::Fine, ..) => t.all_is_fine().to_owned(),
            (Attention::Soon, 1, 1) => t.attention_is_needed_soon().to_owned(),
            (Attention::Soon, 1, _) => t.one_needs_attention_soon(total, things),
            (Attention::Soon, ..) => t.some_need_attention_soon(urgent, total, things),
            (Attention::Now, 1, 1) => t.attention_is_needed_now().to_owned(),
            (Attention::Now, 1, _) => t.one_needs_attention_now(total, things),
            (Attention::Now, ..) => t.some_need_attention_now(urgent, total, things),
        };
        Self { class: attention.class(), sentence, detail: stretches(&next_renewal(status, t)) }
    }

    /// The status could not be put together.
    pub(crate) fn unknown(reason: &str, t: Language) -> Self {
        Self {
            class: Attention::Now.class(),
            sentence: t.state_unreadable().to_owned(),
            detail: stretches(reason),
        }
    }
}

fn next_renewal(status: &Status, t: Language) -> String {
    match status.rows.iter().filter_map(|row| row.due).min() {
        Some(due) if due <= status.at => t.renewal_is_due().to_owned(),
        Some(due) => t.next_renewal(words_after_preposition(due.duration_since(status.at), t)),
        None => String::new(),
    }
}
