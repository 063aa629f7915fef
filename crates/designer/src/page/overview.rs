//! How everything stands, and the last handovers.

use askama::Template;
use baton_handover::{Report, Status};

use super::attention::Attention;
use super::certificate::{self, CertificateRow};
use super::handover::HandoverRow;
use super::listing::{Listing, Sort};
use super::moment::Moment;
use super::prose::{Stretch, Trouble, stretches};
use super::verdict::Verdict;
use super::{CALM_INTERVAL, interval};
use crate::language::Language;

/// The first page.
#[derive(Template)]
#[template(path = "overview.html")]
pub(crate) struct OverviewPage {
    t: Language,
    here: &'static str,
    verdict: Verdict,
    /// When the status was put together; `None` when it could not be.
    at: Option<Moment>,
    listing: Listing,
    /// Whether there is anything to choose from.
    has_rows: bool,
    rows: Vec<CertificateRow>,
    /// Position of the first row, of the last one, and how many match.
    shown: (usize, usize, usize),
    /// The addresses of the page before and of the next one.
    neighbours: (Option<String>, Option<String>),
    /// What is wrong beside the certificates.
    troubles: Vec<Trouble>,
    /// Else why they cannot be read.
    handovers: Result<Vec<HandoverRow>, Vec<Stretch>>,
    /// Seconds until the page loads itself again.
    interval: u32,
    /// The address of this page.
    own: String,
    /// The address of the page that does the other: stays, or loads itself again.
    toggle: String,
}

impl OverviewPage {
    pub(crate) fn new(
        status: Result<Status, String>,
        handovers: Result<Vec<Report>, String>,
        listing: Listing,
        t: Language,
    ) -> Self {
        let now = status.as_ref().ok().map(|status| status.at);
        let handovers = match handovers {
            Ok(reports) => Ok(HandoverRow::all(&reports, now, t)),
            Err(reason) => Err(stretches(&reason)),
        };
        let toggle = Listing { refreshes: !listing.refreshes, ..listing.clone() }.link("/");
        let mut page = Self {
            t,
            here: "/",
            verdict: Verdict::unknown("", t),
            at: now.map(Moment::new),
            has_rows: false,
            rows: Vec::new(),
            shown: (0, 0, 0),
            neighbours: (None, None),
            troubles: Vec::new(),
            handovers,
            interval: CALM_INTERVAL,
            toggle,
            own: listing.link("/"),
            listing,
        };
        match status {
            Ok(status) => page.fill(&status),
            Err(reason) => page.verdict = Verdict::unknown(&reason, t),
        }
        page
    }

    fn fill(&mut self, status: &Status) {
        let selection = self.listing.select(status);
        let of_page = |page| Some(Listing { page, ..self.listing.clone() }.link("/"));
        let page = self.listing.page.min(selection.pages);
        self.neighbours = (
            if page > 1 { of_page(page - 1) } else { None },
            if page < selection.pages { of_page(page + 1) } else { None },
        );
        self.has_rows = !status.rows.is_empty();
        self.shown =
            (selection.first, selection.first + selection.rows.len().saturating_sub(1), selection.total);
        self.rows = selection.rows.iter().map(|row| CertificateRow::new(row, status.at, self.t)).collect();
        self.verdict = Verdict::of(status, self.t);
        self.troubles = Trouble::all(&status.findings);
        self.interval = interval(status);
    }

    /// What a list can be narrowed down to: name, label, and whether it is.
    fn attentions(&self) -> [(&'static str, &'static str, bool); 3] {
        [Attention::Now, Attention::Soon, Attention::Fine].map(|attention| {
            (attention.class(), attention.label(&self.t), self.listing.attention == Some(attention))
        })
    }

    fn sorts(&self) -> [(&'static str, &'static str, bool); 5] {
        Sort::ALL.map(|sort| {
            let label = match sort {
                Sort::Urgency => self.t.sort_urgency(),
                Sort::Certificate => self.t.certificate(),
                Sort::Target => self.t.target(),
                Sort::TimeLeft => self.t.time_left(),
                Sort::Due => self.t.renewal_due(),
            };
            (sort.name(), label, self.listing.sort == sort)
        })
    }
}
