use jiff::Timestamp;
use serde::Serialize;

use crate::notice::{Event, Notice};

/// The longest subject of a mail, in characters.
const LONGEST_SUBJECT: usize = 120;

/// What is delivered at once: all notices that wait for a channel, up to a limit.
#[derive(Debug, Clone, Serialize)]
pub struct Message {
    /// `baton/1`.
    pub schema: &'static str,
    /// The name of this machine.
    pub host: String,
    /// When it is sent.
    pub at: Timestamp,
    /// All of it for people, as in a mail. Chat services show a field of this name.
    pub text: String,
    /// The notices, in the order in which they came about.
    pub notices: Vec<Notice>,
}

impl Message {
    /// A message of these notices.
    pub fn new(host: &str, notices: Vec<Notice>, at: Timestamp) -> Self {
        let lines: Vec<String> = notices.iter().map(lines).collect();
        let text = format!("Baton on {host}\n\n{}\n", lines.join("\n\n"));
        Self { schema: baton_handover::SCHEMA, host: host.to_owned(), at, text, notices }
    }

    /// As JSON, on one line.
    pub fn to_json(&self) -> String {
        // Text, numbers and times: nothing in it can fail.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// One line that says the most urgent.
    pub fn subject(&self) -> String {
        let urgency = |notice: &&Notice| (notice.event != Event::Cleared).then(|| notice.urgency());
        // Of those alike, the first.
        let first = self.notices.iter().rev().max_by_key(urgency);
        let Some(first) = first else { return format!("Baton on {}", self.host) };
        let others = match self.notices.len() - 1 {
            0 => String::new(),
            count => format!(" (and {count} more)"),
        };
        let room = LONGEST_SUBJECT.saturating_sub(others.len());
        let subject = one_line(&format!("Baton on {}: {}: {}", self.host, headline(first), first.message));
        subject.chars().take(room).chain(others.chars()).collect()
    }
}

fn headline(notice: &Notice) -> String {
    match notice.event {
        Event::Raised | Event::Worse => notice.attention.clone(),
        Event::Reminder => format!("still {}", notice.attention),
        Event::Cleared => "over".to_owned(),
    }
}

fn lines(notice: &Notice) -> String {
    let about = [&notice.certificate, &notice.target, &notice.endpoint, &notice.alert];
    let about: Vec<&str> = about.into_iter().flatten().map(String::as_str).collect();
    let mut lines = vec![
        format!("{}: {}", headline(notice), about.join(", ")),
        format!("  {} [{}]", one_line(&notice.message), notice.code),
    ];
    if !notice.hint.is_empty() {
        lines.push(format!("  hint: {}", one_line(&notice.hint)));
    }
    if notice.event != Event::Raised {
        lines.push(format!("  since {:.0}", notice.since));
    }
    lines.join("\n")
}

/// The output of commands has many lines, and what stands in a certificate may be anything.
fn one_line(text: &str) -> String {
    text.split(|character: char| character.is_control()).collect::<Vec<_>>().join(" ")
}
