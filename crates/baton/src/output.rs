//! What is printed: data to standard output, everything else to standard error.

use std::io::Write as _;

use baton_finding::{Finding, Severity};
use baton_handover::{Report, Status, StatusRow, WindowReport};
use baton_state::{Outcome, StepOutcome};
use comfy_table::{Table, presets};
use jiff::Timestamp;
use owo_colors::OwoColorize as _;
use serde::Serialize;

use crate::failure::Failure;

/// How data is printed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Output {
    pub(crate) json: bool,
}

impl Output {
    /// One JSON object on a line of its own.
    pub(crate) fn object(self, object: &impl Serialize) {
        if let Ok(text) = serde_json::to_string(object) {
            self.line(&text);
        }
    }

    /// A line of data. A reader that has gone away is no error of ours.
    pub(crate) fn line(self, text: &str) {
        let _ = writeln!(anstream::stdout().lock(), "{}", text.trim_end_matches('\n'));
    }

    /// A handover: the object, or a few lines.
    pub(crate) fn report(self, report: &Report) {
        if self.json {
            self.object(report);
        } else {
            self.line(&report_text(report));
        }
    }

    pub(crate) fn status(self, status: &Status) {
        if self.json {
            self.object(status);
        } else {
            self.line(&status_text(status));
        }
    }

    /// A table with headers.
    pub(crate) fn table(self, headers: &[&str], rows: Vec<Vec<String>>) {
        self.line(&table(headers, rows));
    }

    pub(crate) fn failure(self, failure: &Failure) {
        if self.json {
            self.line(&failure.to_json());
        }
        let mut stderr = anstream::stderr().lock();
        let mut chain = failure.chain.iter();
        if let Some(message) = chain.next() {
            let _ = writeln!(stderr, "{} {message}", "error:".red().bold());
        }
        for cause in chain {
            let _ = writeln!(stderr, "  {} {cause}", "caused by:".dimmed());
        }
        if let Some(hint) = failure.hint.as_ref().filter(|hint| !hint.is_empty()) {
            let _ = writeln!(stderr, "  {} {hint}", "hint:".cyan());
        }
    }
}

/// A message for the person at the terminal.
pub(crate) fn tell(text: &str) {
    let _ = writeln!(anstream::stderr().lock(), "{text}");
}

fn table(headers: &[&str], rows: Vec<Vec<String>>) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(headers.to_vec());
    rows.into_iter().for_each(|row| {
        table.add_row(row);
    });
    table.lines().map(|line| line.trim_end().to_owned()).collect::<Vec<_>>().join("\n")
}

fn report_text(report: &Report) -> String {
    let outcome = report.outcome.map_or_else(|| "open".to_owned(), |outcome| outcome.to_string());
    let coloured = match report.outcome {
        Some(Outcome::Served | Outcome::Unchanged | Outcome::Planned) => outcome.green().to_string(),
        Some(Outcome::Refused | Outcome::RolledBack | Outcome::Pending) => outcome.yellow().to_string(),
        Some(Outcome::Stuck) | None => outcome.red().to_string(),
    };
    let mut lines = Vec::new();
    let target = if report.target.is_empty() { "(no target)" } else { &report.target };
    let names = match (&report.old, &report.new) {
        (Some(old), Some(new)) if old != new => format!("{old} → {new}"),
        (_, Some(new)) => new.to_string(),
        (Some(old), None) => old.to_string(),
        (None, None) => String::new(),
    };
    let number = report.id.map(|id| format!("handover {id}: ")).unwrap_or_default();
    lines.push(format!("{number}{target}: {coloured}  {names}"));
    for step in &report.steps {
        let mark = match step.outcome {
            StepOutcome::Done => "✓",
            StepOutcome::Failed => "✗",
            StepOutcome::Begun => "…",
        };
        lines.push(format!("  {mark} {:<9} {:>7.3} s", step.step, step.seconds));
        let detail = step.detail.trim();
        lines.extend(detail.lines().map(|line| format!("      {line}")));
    }
    for proof in &report.proof {
        let at = proof.at.strftime("%H:%M:%S");
        let stale = match proof.stale_seconds {
            0.0 => String::new(),
            seconds => format!(", something else until {seconds:.2} s after the activation"),
        };
        lines.push(format!(
            "  proof: {} at {} served {} at {at} UTC ({}{stale})",
            proof.endpoint, proof.address, proof.thumbprint, proof.tls_version
        ));
    }
    lines.extend(report.plan.iter().map(|action| format!("  would {}", action.replace('\n', "\n  "))));
    lines.extend(report.findings.iter().flat_map(finding_lines));
    lines.join("\n")
}

pub(crate) fn finding_lines(finding: &Finding) -> Vec<String> {
    let severity = finding.severity.to_string();
    let coloured = match finding.severity {
        Severity::Notice => severity.cyan().to_string(),
        Severity::Warning => severity.yellow().to_string(),
        Severity::Error => severity.red().to_string(),
    };
    let mut lines = vec![format!("  {coloured}: {} [{}]", finding.message, finding.code)];
    if !finding.hint.is_empty() {
        lines.push(format!("    hint: {}", finding.hint));
    }
    lines
}

fn status_text(status: &Status) -> String {
    let headers =
        ["CERTIFICATE", "TARGET", "ENDPOINT", "SERVED", "ISSUED BY", "LEFT", "DUE", "ASKED", "STATE"];
    let rows = status.rows.iter().map(|row| status_row(row, status.at)).collect();
    let mut lines = vec![table(&headers, rows)];
    for row in &status.rows {
        let window = row.renewal_window.as_ref().filter(|window| window.explanation.is_some());
        if !row.findings.is_empty() || window.is_some() {
            let what = [row.certificate.as_deref(), row.target.as_deref(), row.endpoint.as_deref()];
            lines.push(format!("\n{}:", what.into_iter().flatten().collect::<Vec<_>>().join(" / ")));
            lines.extend(row.findings.iter().flat_map(finding_lines));
            lines.extend(window.map(window_line));
        }
    }
    if !status.findings.is_empty() {
        lines.push("\nbeside the certificates:".to_owned());
        lines.extend(status.findings.iter().flat_map(finding_lines));
    }
    if status.rows.is_empty() {
        lines.push("nothing to watch: add a [[certificate]] or a [[target]] to baton.toml".to_owned());
    }
    lines.join("\n")
}

fn status_row(row: &StatusRow, now: Timestamp) -> Vec<String> {
    let text = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
    let served = row.served.as_ref().map(|served| served.thumbprint.to_string());
    let left = row
        .served
        .as_ref()
        .map(|served| served.not_after)
        .map(|end| span_text(end.duration_since(now).as_secs()));
    vec![
        text(&row.certificate),
        text(&row.target),
        text(&row.endpoint),
        text(&served),
        row.served.as_ref().map_or_else(|| "-".to_owned(), |served| common_name(&served.issuer)),
        left.or_else(|| row.days_left.map(|days| format!("{days} d"))).unwrap_or_else(|| "-".to_owned()),
        due_text(row),
        row.probed_at.map_or_else(
            || "never".to_owned(),
            |at| format!("{} ago", span_text(now.duration_since(at).as_secs())),
        ),
        row.attention.clone(),
    ]
}

/// Why the issuer wants it to be renewed then.
fn window_line(window: &WindowReport) -> String {
    let moment = |at: Timestamp| at.strftime("%Y-%m-%d %H:%M").to_string();
    let explanation = window.explanation.as_deref().unwrap_or_default();
    format!(
        "  the issuer suggests to renew it between {} and {}: {explanation}",
        moment(window.start),
        moment(window.end)
    )
}

/// The moment, and why then.
fn due_text(row: &StatusRow) -> String {
    let Some(due) = row.due else { return "-".to_owned() };
    let reason = row.due_reason.map(|reason| format!(" ({reason})")).unwrap_or_default();
    format!("{}{reason}", due.strftime("%Y-%m-%d %H:%M"))
}

/// A span in its largest fitting unit.
pub(crate) fn span_text(seconds: i64) -> String {
    match seconds.abs() {
        0..120 => format!("{seconds} s"),
        120..7200 => format!("{} min", seconds / 60),
        7200..172_800 => format!("{} h", seconds / 3600),
        _ => format!("{} d", seconds / 86_400),
    }
}

/// The common name of a distinguished name as .NET prints it, else the whole.
pub(crate) fn common_name(name: &str) -> String {
    let value = name.split(", ").find_map(|part| part.strip_prefix("CN="));
    value.unwrap_or(name).to_owned()
}
