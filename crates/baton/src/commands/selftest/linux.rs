//! What only Linux has.

use std::path::Path;
use std::time::Duration;

use baton_platform::command::{Command, CommandError};
use fs_err as fs;

use super::bench::Bench;
use super::line::{Line, NotPassed, Proven, ensure};

/// How long a command may take.
const LIMIT: Duration = Duration::from_secs(30);

pub(super) fn lines() -> Vec<Line> {
    vec![Line::new("staged-check", staged), Line::new("systemd", systemd)]
}

/// A server's own test sees staged files in place of the live ones, and nobody else does.
fn staged(bench: &Bench) -> Proven {
    let (live, staged) = (bench.path("live.pem"), bench.path("staged.pem"));
    fs::write(&live, "live")?;
    fs::write(&staged, "staged")?;
    let cat = |bound: Vec<_>| {
        let argv = vec!["cat".to_owned(), live.display().to_string()];
        bench.wait(async move { Command { bound, ..Command::new(argv, LIMIT) }.run().await })
    };
    let seen = match cat(vec![(staged.clone(), live.clone())])? {
        Err(error @ CommandError::NotBound { .. }) => return Err(NotPassed::Ignored(error.to_string())),
        ran => ran?.output,
    };
    ensure(seen == "staged", || format!("the command sees {seen:?} and not the staged file"))?;
    let seen = cat(Vec::new())??.output;
    ensure(seen == "live", || format!("afterwards another command sees {seen:?} and not the live file"))?;
    Ok("by private mounts".to_owned())
}

/// The manager of the services answers.
fn systemd(bench: &Bench) -> Proven {
    // As sd_booted(3) finds it out.
    if !Path::new("/run/systemd/system").is_dir() {
        return Err(NotPassed::Ignored("this machine is not run by systemd".to_owned()));
    }
    let argv = ["systemctl", "show", "--property=Version", "--value"].map(str::to_owned);
    let said = bench.wait(async { Command::new(argv.to_vec(), LIMIT).run().await })??.output;
    ensure(!said.trim().is_empty(), || "systemctl tells no version".to_owned())?;
    Ok(format!("version {}", said.trim()))
}
