//! The one sentence above everything else.

use baton_handover::Status;

use super::attention::Attention;
use super::moment::words;
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
    pub(crate) fn of(status: &Status) -> Self {
        let attentions: Vec<Attention> =
            status.rows.iter().map(|row| Attention::read(&row.attention)).collect();
        let Some(attention) = attentions.iter().copied().max() else {
            return Self {
                class: "notice",
                sentence: "There is nothing to look after yet.".to_owned(),
                detail: stretches("The settings name neither a certificate nor a target."),
            };
        };
        let (total, urgent) =
            (attentions.len(), attentions.iter().filter(|each| **each == attention).count());
        // A certificate without a target, and a target that was never asked, have no endpoint.
        let noun = if status.rows.iter().all(|row| row.endpoint.is_some()) { "endpoints" } else { "entries" };
        let when = match attention {
            Attention::Fine => None,
            Attention::Soon => Some("soon"),
            Attention::Now => Some("now"),
        };
        let sentence = match (when, urgent, total) {
            (None, ..) => "Every certificate is fine.".to_owned(),
            (Some(when), 1, 1) => format!("Attention is needed {when}."),
            (Some(when), 1, _) => format!("1 of {total} {noun} needs attention {when}."),
            (Some(when), ..) => format!("{urgent} of {total} {noun} need attention {when}."),
        };
        Self { class: attention.class(), sentence, detail: stretches(&next_renewal(status)) }
    }

    /// The status could not be put together.
    pub(crate) fn unknown(reason: &str) -> Self {
        Self {
            class: Attention::Now.class(),
            sentence: "The state of the certificates cannot be read.".to_owned(),
            detail: stretches(reason),
        }
    }
}

fn next_renewal(status: &Status) -> String {
    match status.rows.iter().filter_map(|row| row.due).min() {
        Some(due) if due <= status.at => "A renewal is due.".to_owned(),
        Some(due) => format!("The next renewal is due in {}.", words(due.duration_since(status.at))),
        None => String::new(),
    }
}
