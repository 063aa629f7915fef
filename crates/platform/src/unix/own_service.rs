//! This program as a service of systemd.

use std::path::{Path, PathBuf};
use std::time::Duration;

use fs_err as fs;

use crate::command::{Command, CommandError};
use crate::durable::{self, Attributes};
use crate::own_service::{OwnService, OwnServiceError};

/// The unit as it is shipped.
const UNIT: &str = include_str!("../../../../packaging/systemd/baton.service");

/// Where the administrator's units are.
const PATH: &str = "/etc/systemd/system/baton.service";

/// The name of the unit.
const NAME: &str = "baton.service";

/// What the shipped unit keeps its state in.
const DATA: &str = "/var/lib/baton";

/// How long systemd may take: as long as the unit may, and a little more.
const LIMIT: Duration = Duration::from_secs(11 * 60);

/// Where the service keeps what it keeps, where the settings do not say it.
pub fn default_data() -> Option<PathBuf> {
    Some(PathBuf::from(DATA))
}

/// Makes the unit, and has it started with the machine; what could not be set is told, in lines.
///
/// # Errors
/// Before anything is changed: when there is no systemd, the account may not, or there is such a unit.
pub async fn install(own: &OwnService) -> Result<Vec<String>, OwnServiceError> {
    permitted()?;
    if Path::new(PATH).exists() {
        return Err(OwnServiceError::Installed);
    }
    durable::replace(Path::new(PATH), unit(own).as_bytes(), Attributes::public_file())
        .map_err(unit_failed)?;
    let enabled = match systemctl(&["daemon-reload"]).await {
        Ok(_) => systemctl(&["enable", NAME]).await,
        failed => failed,
    };
    if enabled.is_err() {
        // Half of it would be in the way of the next try.
        let _ = fs::remove_file(PATH);
    }
    enabled.map(|_| Vec::new())
}

/// Stops the service and removes its unit. What it keeps stays.
pub async fn uninstall() -> Result<(), OwnServiceError> {
    installed()?;
    systemctl(&["disable", "--now", NAME]).await?;
    fs::remove_file(PATH).map_err(unit_failed)?;
    systemctl(&["daemon-reload"]).await.map(drop)
}

/// Starts the service, and waits until it runs; returns what systemd says.
pub async fn start() -> Result<String, OwnServiceError> {
    installed()?;
    systemctl(&["start", NAME]).await
}

/// Stops the service, and waits until it has stopped; returns what systemd says.
pub async fn stop() -> Result<String, OwnServiceError> {
    installed()?;
    systemctl(&["stop", NAME]).await
}

fn permitted() -> Result<(), OwnServiceError> {
    // As sd_booted(3) finds it out.
    if !Path::new("/run/systemd/system").is_dir() {
        return Err(OwnServiceError::NoManager);
    }
    if !nix::unistd::geteuid().is_root() {
        return Err(OwnServiceError::NotPermitted);
    }
    Ok(())
}

fn installed() -> Result<(), OwnServiceError> {
    permitted()?;
    if Path::new(PATH).exists() { Ok(()) } else { Err(OwnServiceError::Missing) }
}

/// The shipped unit with another command, and another directory for its state.
fn unit(own: &OwnService) -> String {
    let is_usual = own.data == Path::new(DATA);
    let mut unit = String::new();
    for line in UNIT.lines() {
        match line.split_once('=') {
            Some(("ExecStart", _)) => {
                let command: Vec<String> = own.command.iter().map(|argument| quoted(argument)).collect();
                unit.push_str(&format!("ExecStart={}", command.join(" ")));
            }
            Some(("StateDirectory" | "StateDirectoryMode", _)) if !is_usual => continue,
            _ => unit.push_str(line),
        }
        unit.push('\n');
    }
    unit
}

/// An argument as systemd.service(5) reads it: nothing in it is expanded.
fn quoted(argument: &str) -> String {
    let argument = argument.replace('\\', r"\\").replace('"', "\\\"").replace('%', "%%").replace('$', "$$");
    format!("\"{argument}\"")
}

async fn systemctl(arguments: &[&str]) -> Result<String, OwnServiceError> {
    let argv = std::iter::once(&"systemctl").chain(arguments).map(|argument| (*argument).to_owned());
    let outcome = Command::new(argv.collect(), LIMIT).run().await;
    outcome
        .map(|outcome| outcome.output.trim_end().to_owned())
        .map_err(|error: CommandError| OwnServiceError::Command(error))
}

fn unit_failed(cause: std::io::Error) -> OwnServiceError {
    OwnServiceError::Io { what: format!("the unit `{PATH}`"), cause }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own(data: &str, settings: &str) -> OwnService {
        let command =
            ["/usr/local/bin/baton", "--data", data, "--settings", settings, "up"].map(str::to_owned);
        OwnService { command: command.to_vec(), data: data.into() }
    }

    #[test]
    fn the_unit_is_the_shipped_one_with_another_command() {
        let usual = unit(&own(DATA, "/etc/baton/baton.toml"));
        let differing: Vec<(&str, &str)> =
            usual.lines().zip(UNIT.lines()).filter(|(ours, theirs)| ours != theirs).collect();
        assert_eq!(differing.len(), 1, "{differing:?}");
        assert_eq!(
            differing[0].0,
            r#"ExecStart="/usr/local/bin/baton" "--data" "/var/lib/baton" "--settings" "/etc/baton/baton.toml" "up""#
        );
        // Nothing of a path is expanded, and systemd makes no other directory.
        let other = unit(&own("/srv/50%", "/srv/a \"b\"/$HOME.toml"));
        assert!(
            other.contains(r#""--data" "/srv/50%%" "--settings" "/srv/a \"b\"/$$HOME.toml" "up""#),
            "{other}"
        );
        assert!(!other.contains("StateDirectory"), "{other}");
    }
}
