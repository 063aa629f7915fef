//! The lifetimes of all certificates as a drawing, with their renewal windows and past handovers.
//!
//! The drawing is made here, of rectangles and circles in fixed units; the style sheet gives them their colours. All
//! that it shows stands in words beside it, for those who do not see it.

use askama::Template;
use baton_handover::{Report, Status, StatusRow};
use jiff::{SignedDuration, Timestamp};

use super::attention::Attention;
use super::listing::Listing;
use super::moment::Moment;
use crate::language::Language;

/// How many certificates are drawn.
const MOST_ROWS: usize = 200;

/// What lies further away from now is cut off.
const LONGEST: SignedDuration = SignedDuration::from_hours(400 * 24);

/// The room for the names, and the width of all, in units of the drawing.
const LEFT: f64 = 220.0;
const WIDTH: f64 = 1100.0;
const ROW: usize = 26;
const HEAD: usize = 30;

/// The page with the drawing.
#[derive(Template)]
#[template(path = "timeline.html")]
pub(crate) struct TimelinePage {
    t: Language,
    here: &'static str,
    listing: Listing,
    rows: Vec<TimelineRow>,
    ticks: Vec<(f64, String)>,
    now: f64,
    height: usize,
    omitted: usize,
    problem: Option<String>,
}

/// One certificate.
struct TimelineRow {
    label: String,
    link: Option<String>,
    class: &'static str,
    /// Where its row begins, from above.
    top: usize,
    start: f64,
    width: f64,
    window: Option<(f64, f64)>,
    /// Where handovers were, and what they were.
    handovers: Vec<(f64, String)>,
    words: String,
}

/// From when to when is drawn.
#[derive(Clone, Copy)]
struct Span {
    start: Timestamp,
    end: Timestamp,
}

impl Span {
    fn of(rows: &[&StatusRow], now: Timestamp) -> Self {
        let served = || rows.iter().filter_map(|row| row.served.as_ref());
        let (earliest, latest) = (now - LONGEST, now + LONGEST);
        let start = served().map(|served| served.not_before).min().unwrap_or(now).clamp(earliest, now);
        let end = served().map(|served| served.not_after).max().unwrap_or(now).clamp(now, latest);
        // Now lies within, also where all of it is over or yet to come.
        let margin = SignedDuration::from_secs((end.duration_since(start).as_secs() / 20).max(60));
        Self { start: start - margin, end: end + margin }
    }

    /// Where a moment lies.
    #[expect(clippy::cast_precision_loss, reason = "milliseconds of some years: far below 2^52")]
    fn place(self, at: Timestamp) -> f64 {
        let part = |duration: SignedDuration| duration.as_millis() as f64;
        let at = at.clamp(self.start, self.end);
        let share = part(at.duration_since(self.start)) / part(self.end.duration_since(self.start));
        (LEFT + share * (WIDTH - LEFT)).round()
    }

    /// Moments to write down, six at most.
    fn ticks(self) -> Vec<(f64, String)> {
        let step = self.end.duration_since(self.start) / 6;
        let format = if step.as_hours() < 24 { "%m-%d %H:%M" } else { "%Y-%m-%d" };
        (1..6)
            .map(|number| self.start + step * number)
            .map(|at| (self.place(at), at.strftime(format).to_string()))
            .collect()
    }
}

impl TimelinePage {
    pub(crate) fn new(
        status: Result<Status, String>,
        handovers: Result<Vec<Report>, String>,
        listing: Listing,
        t: Language,
    ) -> Self {
        let mut page = Self {
            t,
            here: "/timeline",
            listing,
            rows: Vec::new(),
            ticks: Vec::new(),
            now: 0.0,
            height: 0,
            omitted: 0,
            problem: None,
        };
        match (status, handovers) {
            (Ok(status), Ok(handovers)) => page.draw(&status, &handovers),
            (Err(reason), _) | (_, Err(reason)) => page.problem = Some(reason),
        }
        page
    }

    fn draw(&mut self, status: &Status, handovers: &[Report]) {
        let mut rows: Vec<&StatusRow> = Vec::new();
        for row in self.listing.all(status) {
            // A certificate at two addresses of one target is one row.
            let is_same = |other: &&StatusRow| {
                (&other.certificate, &other.target) == (&row.certificate, &row.target)
                    && other.served.as_ref().map(|served| served.fingerprint)
                        == row.served.as_ref().map(|served| served.fingerprint)
            };
            if row.served.is_some() && !rows.iter().rev().take(8).any(is_same) {
                rows.push(row);
            }
        }
        self.omitted = rows.len().saturating_sub(MOST_ROWS);
        rows.truncate(MOST_ROWS);
        let span = Span::of(&rows, status.at);
        self.ticks = span.ticks();
        self.now = span.place(status.at);
        self.height = HEAD + rows.len() * ROW + 10;
        let drawn = rows.iter().enumerate();
        self.rows = drawn.filter_map(|(number, row)| self.row(number, row, span, handovers)).collect();
    }

    fn row(&self, number: usize, row: &StatusRow, span: Span, handovers: &[Report]) -> Option<TimelineRow> {
        let served = row.served.as_ref()?;
        let names: Vec<&str> =
            [&row.certificate, &row.target].into_iter().flatten().map(String::as_str).collect();
        let label = names.join(" · ");
        let (start, end) = (span.place(served.not_before), span.place(served.not_after));
        let window = row.renewal_window.as_ref().map(|window| (window.start, window.end));
        let window = window.or_else(|| row.due.map(|due| (due, due)));
        let own = handovers.iter().filter(|report| {
            row.target.as_deref() == Some(report.target.as_str()) && report.started_at >= span.start
        });
        let date = |at: Timestamp| at.strftime("%Y-%m-%d").to_string();
        Some(TimelineRow {
            link: row.target.as_ref().map(|target| format!("/targets/{target}")),
            class: Attention::read(&row.attention).class(),
            top: HEAD + number * ROW,
            start,
            width: (end - start).max(2.0),
            window: window.map(|(from, to)| {
                let from = span.place(from);
                (from, (span.place(to) - from).max(3.0))
            }),
            handovers: own
                .map(|report| {
                    let title =
                        format!("{} {}", self.t.past_handover(), Moment::new(report.started_at).second);
                    (span.place(report.started_at), title)
                })
                .collect(),
            words: self.t.timeline_row(&label, date(served.not_before), date(served.not_after)),
            label: shortened(&label),
        })
    }
}

/// What fits beside the drawing.
fn shortened(label: &str) -> String {
    const MOST: usize = 30;
    if label.chars().count() <= MOST {
        return label.to_owned();
    }
    label.chars().take(MOST - 1).chain(['…']).collect()
}
