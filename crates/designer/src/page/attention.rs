//! How urgently something needs a person, as it is shown.

use crate::language::Language;

/// The words of [`Status`](baton_handover::Status), the most urgent last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Attention {
    Fine,
    Soon,
    Now,
}

impl Attention {
    /// Reads the word of a status. One that is not known is taken for urgent rather than passed over.
    pub(crate) fn read(word: &str) -> Self {
        match word {
            "fine" => Self::Fine,
            "soon" => Self::Soon,
            _ => Self::Now,
        }
    }

    /// The name in the style sheet and of the icon.
    pub(crate) fn class(self) -> &'static str {
        match self {
            Self::Fine => "fine",
            Self::Soon => "soon",
            Self::Now => "now",
        }
    }

    /// What stands beside the icon.
    pub(crate) fn label(self, t: &Language) -> &'static str {
        match self {
            Self::Fine => t.fine(),
            Self::Soon => t.attention_soon(),
            Self::Now => t.attention_now(),
        }
    }
}
