//! A change while it is carried out, and how it ended.

use askama::Template;
use baton_handover::Report;
use baton_platform::progress::Event;
use baton_state::HandoverId;
use jiff::Timestamp;

use super::change::{origin, title};
use super::handover::OutcomeCell;
use super::moment::elapsed;
use super::problem::ProblemView;
use super::prose::Trouble;
use crate::language::Language;
use crate::operation::{Course, Operation};

/// The whole page.
#[derive(Template)]
#[template(path = "operation.html")]
pub(crate) struct OperationPage {
    t: Language,
    here: &'static str,
    id: u64,
    title: &'static str,
    back: String,
    course: CourseView,
}

/// The part that changes while one looks.
#[derive(Template)]
#[template(path = "course.html")]
pub(crate) struct CourseView {
    t: Language,
    steps: Vec<StepView>,
    results: Vec<ResultView>,
    problem: Option<ProblemView>,
    pub(crate) has_ended: bool,
}

/// A stage that was reached.
struct StepView {
    words: String,
    about: String,
    /// Since the beginning.
    after: String,
    /// The name in the style sheet and of the icon.
    class: &'static str,
}

/// What became of one target.
struct ResultView {
    id: Option<HandoverId>,
    target: String,
    outcome: OutcomeCell,
    proofs: usize,
    troubles: Vec<Trouble>,
}

impl OperationPage {
    pub(crate) fn new(operation: &Operation, t: Language) -> Self {
        let course = CourseView::new(operation, &operation.watch().borrow(), t);
        Self {
            t,
            here: "",
            id: operation.id,
            title: title(&operation.change, t),
            back: origin(&operation.change),
            course,
        }
    }
}

impl CourseView {
    pub(crate) fn new(operation: &Operation, course: &Course, t: Language) -> Self {
        let count = course.events.len();
        let has_ended = course.end.is_some();
        let steps = course.events.iter().enumerate().map(|(position, (at, event))| {
            let is_last = position + 1 == count;
            let class = if is_last && !has_ended { "notice" } else { "fine" };
            StepView::new(event, *at, operation.started_at, class, t)
        });
        let (results, problem) = match &course.end {
            Some((_, Ok(done))) => {
                let problem = done.problem.as_ref().map(|problem| ProblemView::new(problem, t));
                (done.reports.iter().map(|report| ResultView::new(report, t)).collect(), problem)
            }
            Some((_, Err(problem))) => (Vec::new(), Some(ProblemView::new(problem, t))),
            None => (Vec::new(), None),
        };
        Self { t, steps: steps.collect(), results, problem, has_ended }
    }
}

impl StepView {
    fn new(event: &Event, at: Timestamp, start: Timestamp, class: &'static str, t: Language) -> Self {
        let about: Vec<&str> =
            [&event.certificate, &event.target].into_iter().flatten().map(String::as_str).collect();
        Self {
            words: event.stage.to_string(),
            about: about.join(" · "),
            after: elapsed(at.duration_since(start).as_secs_f64().max(0.0), t),
            class: if matches!(event.stage, baton_platform::progress::Stage::RollBack) {
                "soon"
            } else {
                class
            },
        }
    }
}

impl ResultView {
    fn new(report: &Report, t: Language) -> Self {
        Self {
            id: report.id,
            target: report.target.clone(),
            outcome: OutcomeCell::new(report, t),
            proofs: report.proof.len(),
            troubles: Trouble::all(&report.findings),
        }
    }
}
