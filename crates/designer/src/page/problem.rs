//! Why something cannot be shown or done.

use askama::Template;

use super::prose::{Stretch, stretches};
use crate::language::Language;
use crate::problem::{Problem, ProblemKind};

/// A page of a problem and nothing else.
#[derive(Template)]
#[template(path = "problem.html")]
pub(crate) struct ProblemPage {
    t: Language,
    here: &'static str,
    problem: ProblemView,
}

/// A problem as it is shown.
pub(crate) struct ProblemView {
    /// The name in the style sheet and of the icon.
    pub(crate) class: &'static str,
    pub(crate) sentence: &'static str,
    pub(crate) code: String,
    pub(crate) message: Vec<Stretch>,
    /// Empty when there is nothing to do.
    pub(crate) hint: Vec<Stretch>,
}

impl ProblemPage {
    pub(crate) fn new(problem: &Problem, t: Language) -> Self {
        Self { t, here: "", problem: ProblemView::new(problem, t) }
    }
}

impl ProblemView {
    pub(crate) fn new(problem: &Problem, t: Language) -> Self {
        let (class, sentence) = match problem.kind {
            ProblemKind::Unknown => ("notice", t.problem_unknown()),
            ProblemKind::Refused => ("soon", t.problem_refused()),
            ProblemKind::Failed => ("now", t.problem_failed()),
        };
        Self {
            class,
            sentence,
            code: problem.code.clone(),
            message: stretches(&problem.message),
            hint: stretches(problem.hint.as_deref().unwrap_or_default()),
        }
    }
}
