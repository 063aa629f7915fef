//! The report, as it can be pasted into a bug report: nothing in it names a person, a host or a private path.

use baton_platform::host;
use serde::Serialize;

use super::line::{LineOutcome, LineResult, Machine};
use crate::output::Output;

#[derive(Debug, Serialize)]
pub(super) struct Report {
    schema: &'static str,
    version: &'static str,
    system: String,
    /// The version of Wine, where it is no Windows.
    wine: Option<String>,
    /// Whether the account is root or an administrator.
    administrator: bool,
    passed: usize,
    failed: usize,
    ignored: usize,
    lines: Vec<LineResult>,
}

impl Report {
    pub(super) fn new(machine: &Machine, lines: Vec<LineResult>) -> Self {
        let count = |outcome| lines.iter().filter(|line| line.outcome == outcome).count();
        Self {
            schema: baton_handover::SCHEMA,
            version: env!("CARGO_PKG_VERSION"),
            system: host::system(),
            wine: machine.wine.clone(),
            administrator: machine.is_administrator,
            passed: count(LineOutcome::Passed),
            failed: count(LineOutcome::Failed),
            ignored: count(LineOutcome::Ignored),
            lines,
        }
    }

    pub(super) fn has_failed(&self) -> bool {
        self.failed > 0
    }

    pub(super) fn print(&self, output: Output) {
        if output.json {
            output.object(self);
            return;
        }
        output.line(&format!("Baton {}, self-test", self.version));
        output.line(&format!("system: {}", self.system));
        if let Some(version) = &self.wine {
            output.line(&format!("Wine:   {version}; this is not Windows, and proves nothing about it"));
        }
        let rights = match (self.administrator, cfg!(windows)) {
            (true, true) => "administrator",
            (true, false) => "root",
            (false, _) => "those of an ordinary account",
        };
        output.line(&format!("rights: {rights}\n"));
        let row = |line: &LineResult| {
            let seconds = format!("{:.2}", line.seconds);
            // A line of the table is a line.
            let reason = line.reason.lines().map(str::trim).collect::<Vec<_>>().join(" ");
            vec![line.name.clone(), line.outcome.to_string(), seconds, reason]
        };
        output.table(&["NAME", "OUTCOME", "SECONDS", "REASON"], self.lines.iter().map(row).collect());
        output.line(&format!("\n{} passed, {} failed, {} ignored", self.passed, self.failed, self.ignored));
    }
}
