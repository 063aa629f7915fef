//! Which rows of a status are shown, and in which order, as the address of the page says.
//!
//! What the address says and is not known counts as not said: a link that someone kept stays usable.

use std::cmp::Reverse;
use std::collections::HashMap;

use baton_handover::{Status, StatusRow};

use super::attention::Attention;

/// How many rows a page has.
pub(crate) const ROWS_OF_A_PAGE: usize = 100;

/// What the address says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Listing {
    /// What is looked for, as it was typed.
    pub(crate) search: String,
    /// Only rows that are so urgent.
    pub(crate) attention: Option<Attention>,
    pub(crate) sort: Sort,
    /// From 1 on.
    pub(crate) page: usize,
    /// Whether the page loads itself again. It does unless its reader asks it not to: what moves by itself is hard to
    /// read for some (WCAG 2.2, success criterion 2.2.2).
    pub(crate) refreshes: bool,
}

/// What comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Sort {
    /// What needs a person.
    #[default]
    Urgency,
    Certificate,
    Target,
    /// What ends first.
    TimeLeft,
    /// What is renewed first.
    Due,
}

impl Sort {
    pub(crate) const ALL: [Self; 5] =
        [Self::Urgency, Self::Certificate, Self::Target, Self::TimeLeft, Self::Due];

    /// As the address writes it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Urgency => "urgency",
            Self::Certificate => "certificate",
            Self::Target => "target",
            Self::TimeLeft => "left",
            Self::Due => "due",
        }
    }
}

/// The rows that are asked for.
pub(crate) struct Selection<'a> {
    pub(crate) rows: Vec<&'a StatusRow>,
    /// The position of the first of them, from 1 on; 0 where there is none.
    pub(crate) first: usize,
    /// How many match in all.
    pub(crate) total: usize,
    pub(crate) pages: usize,
}

impl Listing {
    /// Reads what stands behind the question mark.
    pub(crate) fn read(query: &str) -> Self {
        let mut values: HashMap<_, _> = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        let mut value = |name: &str| values.remove(name).unwrap_or_default();
        let known = [Attention::Fine, Attention::Soon, Attention::Now];
        let (attention, sort) = (value("attention"), value("sort"));
        Self {
            search: value("q").trim().to_owned(),
            attention: known.into_iter().find(|known| known.class() == attention),
            sort: Sort::ALL.into_iter().find(|known| known.name() == sort).unwrap_or_default(),
            page: value("page").parse().unwrap_or(1).max(1),
            refreshes: value("refresh") != "off",
        }
    }

    /// The rows of the page that is asked for; of the last one, where there are not so many.
    pub(crate) fn select<'a>(&self, status: &'a Status) -> Selection<'a> {
        let mut rows = self.all(status);
        let total = rows.len();
        let pages = total.div_ceil(ROWS_OF_A_PAGE).max(1);
        let skipped = (self.page.min(pages) - 1) * ROWS_OF_A_PAGE;
        rows = rows.into_iter().skip(skipped).take(ROWS_OF_A_PAGE).collect();
        let first = if rows.is_empty() { 0 } else { skipped + 1 };
        Selection { rows, first, total, pages }
    }

    /// All rows that match, in their order.
    pub(crate) fn all<'a>(&self, status: &'a Status) -> Vec<&'a StatusRow> {
        let wanted = self.search.to_lowercase();
        let is_wanted = |row: &&StatusRow| {
            self.attention.is_none_or(|attention| Attention::read(&row.attention) == attention)
                && (wanted.is_empty() || mentions(row, &wanted))
        };
        let mut rows: Vec<&StatusRow> = status.rows.iter().filter(is_wanted).collect();
        match self.sort {
            Sort::Urgency => rows.sort_by_key(|row| Reverse(Attention::read(&row.attention))),
            Sort::Certificate => rows.sort_by_key(|row| (row.certificate.is_none(), &row.certificate)),
            Sort::Target => rows.sort_by_key(|row| (row.target.is_none(), &row.target)),
            Sort::TimeLeft => rows.sort_by_key(|row| {
                let ends = row.served.as_ref().map(|served| served.not_after);
                (ends.is_none(), ends, row.days_left)
            }),
            Sort::Due => rows.sort_by_key(|row| (row.due.is_none(), row.due)),
        }
        rows
    }

    /// The address of `path` that says the same.
    pub(crate) fn link(&self, path: &str) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        if !self.search.is_empty() {
            query.append_pair("q", &self.search);
        }
        if let Some(attention) = self.attention {
            query.append_pair("attention", attention.class());
        }
        if self.sort != Sort::default() {
            query.append_pair("sort", self.sort.name());
        }
        if self.page > 1 {
            query.append_pair("page", &self.page.to_string());
        }
        if !self.refreshes {
            query.append_pair("refresh", "off");
        }
        match query.finish() {
            query if query.is_empty() => path.to_owned(),
            query => format!("{path}?{query}"),
        }
    }
}

/// Whether a row has this text somewhere that a person would look for; it is in lower case.
fn mentions(row: &StatusRow, wanted: &str) -> bool {
    let own = [&row.certificate, &row.target, &row.endpoint, &row.address];
    let has = |text: &str| text.to_lowercase().contains(wanted);
    own.into_iter().flatten().any(|text| has(text))
        || row.served.as_ref().is_some_and(|served| {
            has(&served.subject) || has(&served.issuer) || has(&served.thumbprint.to_string())
        })
        || row.findings.iter().any(|finding| has(&finding.code))
}
