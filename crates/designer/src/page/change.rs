//! What a change would do, before it is done.

use askama::Template;
use baton_handover::Report;
use baton_state::Outcome;

use super::handover::OutcomeCell;
use super::problem::ProblemView;
use super::prose::{Stretch, Trouble, stretches};
use crate::change::{Change, Done, SuccessorKey};
use crate::language::Language;

/// The plan, and the question whether to go on.
#[derive(Template)]
#[template(path = "plan.html")]
pub(crate) struct PlanPage {
    t: Language,
    here: &'static str,
    title: &'static str,
    /// What it is, in a few sentences.
    summary: &'static str,
    subject: String,
    /// Where one came from.
    back: String,
    plans: Vec<PlanView>,
    problem: Option<ProblemView>,
    /// What the form that carries it out sends.
    fields: Vec<(&'static str, String)>,
    /// Whether it may be carried out.
    is_possible: bool,
}

/// What would be done to one target.
pub(crate) struct PlanView {
    pub(crate) target: String,
    pub(crate) outcome: OutcomeCell,
    pub(crate) troubles: Vec<Trouble>,
    pub(crate) actions: Vec<ActionView>,
}

/// One thing that would be done.
pub(crate) struct ActionView {
    pub(crate) step: String,
    pub(crate) text: Vec<Stretch>,
    /// The lines of a unified diff, each with the name of its kind in the style sheet.
    pub(crate) diff: Vec<(&'static str, String)>,
}

impl PlanPage {
    pub(crate) fn new(change: &Change, done: Done, t: Language) -> Self {
        let is_refused = |report: &Report| report.outcome == Some(Outcome::Refused);
        let is_possible = done.problem.is_none() && !done.reports.iter().any(is_refused);
        Self {
            t,
            here: "",
            title: title(change, t),
            summary: summary(change, t),
            subject: subject(change, &done),
            back: origin(change),
            plans: done.reports.iter().map(|report| PlanView::new(report, t)).collect(),
            problem: done.problem.map(|problem| ProblemView::new(&problem, t)),
            fields: fields(change),
            is_possible,
        }
    }
}

impl PlanView {
    fn new(report: &Report, t: Language) -> Self {
        Self {
            target: report.target.clone(),
            outcome: OutcomeCell::new(report, t),
            troubles: Trouble::all(&report.findings),
            actions: report.plan.iter().map(|text| ActionView::read(text)).collect(),
        }
    }
}

impl ActionView {
    /// Takes a line of a plan apart: `STEP: what is done`, and below it a diff or more of the same.
    fn read(text: &str) -> Self {
        let (step, rest) = text.split_once(": ").unwrap_or(("", text));
        let is_diff = |line: &str| line.starts_with("--- ");
        let before = rest.lines().take_while(|line| !is_diff(line)).collect::<Vec<_>>().join("\n");
        let diff = rest.lines().skip_while(|line| !is_diff(line));
        Self {
            step: step.to_owned(),
            text: stretches(&before),
            diff: diff.map(|line| (kind_of_line(line), line.to_owned())).collect(),
        }
    }
}

pub(crate) fn kind_of_line(line: &str) -> &'static str {
    let heads = ["--- ", "+++ ", "@@"];
    match line.as_bytes().first() {
        _ if heads.iter().any(|head| line.starts_with(head)) => "place",
        Some(b'+') => "added",
        Some(b'-') => "removed",
        _ => "same",
    }
}

/// What it is called.
pub(crate) fn title(change: &Change, t: Language) -> &'static str {
    match change {
        Change::Swap { .. } => t.change_swap(),
        Change::Renew { .. } => t.change_renew(),
        Change::Accept { .. } => t.change_accept(),
        Change::RollBack { .. } => t.change_roll_back(),
        Change::Recover { .. } => t.change_recover(),
        Change::TlsOff { .. } => t.change_tls_off(),
        Change::TlsOn { .. } => t.change_tls_on(),
    }
}

fn summary(change: &Change, t: Language) -> &'static str {
    match change {
        Change::Swap { .. } | Change::Renew { .. } | Change::Accept { .. } | Change::RollBack { .. } => {
            t.carry_out_hint()
        }
        Change::Recover { .. } => t.recover_summary(),
        Change::TlsOff { .. } => t.tls_off_summary(),
        Change::TlsOn { .. } => t.tls_on_summary(),
    }
}

/// What it is about.
fn subject(change: &Change, done: &Done) -> String {
    match change {
        Change::Swap { target, new, configuration, .. } => match configuration {
            Some(configuration) if configuration != new => format!("{target} → {new}, {configuration}"),
            _ => format!("{target} → {new}"),
        },
        Change::Renew { certificate, .. } => certificate.clone(),
        Change::RollBack { handover } => handover.to_string(),
        Change::Recover { target } | Change::TlsOff { target } | Change::TlsOn { target } => target.clone(),
        Change::Accept { .. } => {
            let certificate = done.reports.iter().find_map(|report| report.certificate.clone());
            certificate.unwrap_or_default()
        }
    }
}

/// The page that it belongs to.
pub(crate) fn origin(change: &Change) -> String {
    match change {
        Change::Swap { target, .. }
        | Change::Recover { target }
        | Change::TlsOff { target }
        | Change::TlsOn { target } => format!("/targets/{target}"),
        Change::Renew { certificate, .. } => format!("/certificates/{certificate}"),
        Change::RollBack { handover } => format!("/history/{handover}"),
        Change::Accept { .. } => "/".to_owned(),
    }
}

/// The fields of a form that asks for it.
pub(crate) fn fields(change: &Change) -> Vec<(&'static str, String)> {
    let name = |name: &str| ("change", name.to_owned());
    let of_target = |kind, target: &String| vec![name(kind), ("target", target.clone())];
    match change {
        Change::Swap { target, new, configuration, enable_tls, protocol } => {
            let mut fields = of_target("swap", target);
            fields.push(("new", new.to_string()));
            fields.extend(configuration.map(|configuration| ("configuration", configuration.to_string())));
            fields.extend(protocol.map(|protocol| ("protocol", protocol.key().to_owned())));
            if *enable_tls {
                fields.push(("tls", "on".to_owned()));
            }
            fields
        }
        Change::Renew { certificate, key } => {
            let key = match key {
                SuccessorKey::AsSettled => "as-settled",
                SuccessorKey::New => "new",
                SuccessorKey::Same => "same",
            };
            vec![name("renew"), ("certificate", certificate.clone()), ("key", key.to_owned())]
        }
        Change::Accept { certificates } => vec![name("accept"), ("certificates", certificates.clone())],
        Change::RollBack { handover } => vec![name("roll-back"), ("handover", handover.to_string())],
        Change::Recover { target } => of_target("recover", target),
        Change::TlsOff { target } => of_target("tls-off", target),
        Change::TlsOn { target } => of_target("tls-on", target),
    }
}
