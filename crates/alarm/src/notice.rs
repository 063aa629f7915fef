use std::fmt;

use baton_handover::{About, Trouble};
use baton_schedule::Attention;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// What has become of a trouble.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Event {
    /// It has begun.
    Raised,
    /// It has become more urgent.
    Worse,
    /// It lasts.
    Reminder,
    /// It is over.
    Cleared,
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Raised => "raised",
            Self::Worse => "worse",
            Self::Reminder => "reminder",
            Self::Cleared => "cleared",
        })
    }
}

/// One thing that is told: a trouble, and what has become of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    /// Its number on this machine: the same when it comes a second time. 0 before it has one.
    #[serde(default)]
    pub id: i64,
    /// What has become of the trouble.
    pub event: Event,
    /// What tells the trouble from others: the same from its beginning to its end.
    pub cause: String,
    /// Code of the finding.
    pub code: String,
    /// `soon` or `now`.
    pub attention: String,
    /// The `[[certificate]]` that it is about.
    pub certificate: Option<String>,
    /// The target that it is about.
    pub target: Option<String>,
    /// The endpoint that it is about.
    pub endpoint: Option<String>,
    /// The address that was asked.
    pub address: Option<String>,
    /// The `[[alert]]` that it is about.
    pub alert: Option<String>,
    /// One sentence: what, and where.
    pub message: String,
    /// What to do; may be empty.
    pub hint: String,
    /// When it was told first.
    pub since: Timestamp,
    /// When this was decided.
    pub at: Timestamp,
}

impl Notice {
    /// A notice of a trouble that lasts since `since`.
    pub fn of(trouble: &Trouble, event: Event, since: Timestamp, at: Timestamp) -> Self {
        let (mut certificate, mut target, mut alert) = (None, None, None);
        let (mut endpoint, mut address) = (None, None);
        match trouble.about.clone() {
            About::Certificate(name) => certificate = Some(name),
            About::Target(name) => target = Some(name),
            About::Alert(name) => alert = Some(name),
            About::Endpoint { target: name, endpoint: asked, address: at } => {
                (target, endpoint, address) = (Some(name), Some(asked), Some(at));
            }
        }
        Self {
            id: 0,
            event,
            cause: trouble.cause(),
            code: trouble.finding.code.clone(),
            attention: trouble.attention.name().to_owned(),
            certificate,
            target,
            endpoint,
            address,
            alert,
            message: trouble.finding.message.clone(),
            hint: trouble.finding.hint.clone(),
            since,
            at,
        }
    }

    /// The notice that it is over.
    pub fn cleared(&self, at: Timestamp) -> Self {
        Self { id: 0, event: Event::Cleared, at, hint: String::new(), ..self.clone() }
    }

    /// How urgent it is; what a later version may have written counts as urgent.
    pub fn urgency(&self) -> Attention {
        Attention::named(&self.attention).unwrap_or(Attention::Now)
    }
}
