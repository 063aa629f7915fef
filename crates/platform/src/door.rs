//! The door of a server: its ports closed to the outside, open on the loopback interface.
//!
//! On Linux an nftables table of its own, so that nobody else's rules are touched and one command takes it away: every
//! packet from outside to these ports is dropped, and every packet from them to the outside, those of established
//! connections too. The rules are in a file as well, written before they take effect and gone before they end, so that
//! a boot can load them before the server starts (`nft 'include "DIRECTORY/*.nft"'`) and a door that someone else's
//! `flush ruleset` has torn down is closed again ([`Door::hold`]).
//!
//! On Windows it is a rule of the firewall, which outlives a reboot by itself; elsewhere, or where the settings say so,
//! commands of the administrator.

use std::io;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use baton_finding::Explain;

use crate::command::{Command, CommandError};
use crate::durable::{self, Attributes};
use crate::lock::FileLock;

/// How long one command of the firewall may take.
const TIME_LIMIT: Duration = Duration::from_secs(30);

/// How long a change of the doors waits for another one.
const LOCK_PATIENCE: Duration = Duration::from_secs(60);

/// How the ports of servers are closed on this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Doorkeeper {
    /// Where the rules of closed doors are kept.
    pub directory: PathBuf,
    /// The administrator's own commands; without them this system's firewall.
    pub commands: Option<DoorCommands>,
}

/// Commands that close and open ports where Baton knows no firewall.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DoorCommands {
    /// Closes them; run again while they are closed, it must change nothing.
    pub close: Vec<String>,
    /// Opens them; run again while they are open, it must change nothing.
    pub open: Vec<String>,
    /// How long each may run.
    pub time_limit: Duration,
}

/// The ports of one server.
#[derive(Debug, Clone, Copy)]
pub struct Door<'a> {
    /// How they are closed.
    pub keeper: &'a Doorkeeper,
    /// Whose ports they are: names the rules.
    pub name: &'a str,
    /// The ports, of TCP and UDP.
    pub ports: &'a [u16],
}

/// Ports cannot be closed or opened.
#[derive(Debug, thiserror::Error)]
pub enum DoorError {
    /// The rules cannot be kept.
    #[error("the rules of closed ports cannot be kept in `{}`", .directory.display())]
    Files {
        /// Where.
        directory: PathBuf,
        /// What the system said, with the path.
        #[source]
        cause: io::Error,
    },
    /// A command failed.
    #[error("the ports of {name:?} cannot be {wanted}")]
    Command {
        /// Whose ports.
        name: String,
        /// `closed` or `opened`.
        wanted: &'static str,
        /// What it said.
        #[source]
        cause: CommandError,
    },
    /// The firewall took the rules, and does not show them; or shows them still.
    #[error("the firewall says that it has {wanted} the ports of {name:?}, and its rules say otherwise")]
    NoEffect {
        /// Whose ports.
        name: String,
        /// `closed` or `opened`.
        wanted: &'static str,
    },
}

impl Explain for DoorError {
    fn code(&self) -> &'static str {
        "door-stuck"
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Files { .. } => "see that the disk of the data directory has room".to_owned(),
            Self::Command { .. } | Self::NoEffect { .. } => {
                "it takes root and the program `nft` (package nftables), or commands of your own: guard = { close = \
                 […], open = […] }"
                    .to_owned()
            }
        })
    }
}

impl Door<'_> {
    /// Closes it; a closed one stays closed. When this returns, it is closed: the firewall was asked.
    pub async fn close(&self) -> Result<(), DoorError> {
        let _lock = self.lock().await?;
        let rules = self.rules();
        durable::replace(&self.file(), rules.as_bytes(), Attributes::private_file())
            .map_err(|e| self.files(e))?;
        self.load(rules).await
    }

    /// Opens it; an open one stays open. When this returns, it is open: the firewall was asked.
    pub async fn open(&self) -> Result<(), DoorError> {
        let _lock = self.lock().await?;
        if self.file().exists() {
            durable::remove_file(&self.file()).map_err(|cause| self.files(cause))?;
        }
        let ran = match &self.keeper.commands {
            Some(commands) => self.run(&commands.open, commands.time_limit, String::new(), "opened").await,
            None => self.remove().await,
        };
        match (self.is_in_force().await, ran) {
            (Some(false), _) | (None, Ok(())) => Ok(()),
            (Some(true), Ok(())) => Err(DoorError::NoEffect { name: self.name.to_owned(), wanted: "opened" }),
            (_, Err(error)) => Err(error),
        }
    }

    /// Closes it again if it should be closed and its rules are gone; whether they were.
    pub async fn hold(&self) -> Result<bool, DoorError> {
        let _lock = self.lock().await?;
        if !self.file().exists() || self.is_in_force().await != Some(false) {
            return Ok(false);
        }
        self.load(self.rules()).await?;
        Ok(true)
    }

    /// Whether it is closed, or should be: its rules are kept for as long.
    pub async fn is_closed(&self) -> bool {
        self.file().exists() || self.is_in_force().await == Some(true)
    }

    /// Whether it could be closed here: the firewall looks at the rules, and takes none.
    pub async fn rehearse(&self) -> Result<(), DoorError> {
        if self.keeper.commands.is_some() || cfg!(windows) {
            return Ok(());
        }
        let argv = ["nft", "--check", "--file", "-"];
        self.run(&argv.map(str::to_owned), TIME_LIMIT, self.rules(), "closed").await
    }

    async fn load(&self, rules: String) -> Result<(), DoorError> {
        match &self.keeper.commands {
            Some(commands) => self.run(&commands.close, commands.time_limit, String::new(), "closed").await?,
            None if cfg!(windows) => {
                self.remove().await?;
                self.run(&firewall_rule(self.name, self.ports), TIME_LIMIT, String::new(), "closed").await?;
            }
            None => {
                let argv = ["nft", "--file", "-"];
                self.run(&argv.map(str::to_owned), TIME_LIMIT, rules, "closed").await?;
            }
        }
        match self.is_in_force().await {
            Some(false) => Err(DoorError::NoEffect { name: self.name.to_owned(), wanted: "closed" }),
            Some(true) | None => Ok(()),
        }
    }

    async fn remove(&self) -> Result<(), DoorError> {
        if cfg!(windows) {
            // That there is none is no fault; whether there is one still is asked afterwards.
            let _ = self.command(firewall("delete", self.name), TIME_LIMIT, String::new()).run().await;
            return Ok(());
        }
        let table = self.table();
        let rules = format!("add table inet {table}\ndelete table inet {table}\n");
        self.run(&["nft", "--file", "-"].map(str::to_owned), TIME_LIMIT, rules, "opened").await
    }

    /// Whether the firewall has its rules now, as it says itself; `None` where that cannot be known: nobody knows where the
    /// administrator's commands close ports, and a firewall that cannot be asked says nothing.
    pub async fn is_in_force(&self) -> Option<bool> {
        if self.keeper.commands.is_some() {
            return None;
        }
        let argv = if cfg!(windows) {
            firewall("show", self.name)
        } else {
            ["nft", "list", "table", "inet", &self.table()].map(str::to_owned).to_vec()
        };
        match self.command(argv, TIME_LIMIT, String::new()).run().await {
            Ok(_) => Some(true),
            Err(CommandError::Failed { output, .. }) if cfg!(windows) || output.contains("No such file") => {
                Some(false)
            }
            Err(_) => None,
        }
    }

    async fn run(
        &self,
        argv: &[String],
        time_limit: Duration,
        input: String,
        wanted: &'static str,
    ) -> Result<(), DoorError> {
        let ran = self.command(argv.to_vec(), time_limit, input).run().await;
        ran.map(drop).map_err(|cause| DoorError::Command { name: self.name.to_owned(), wanted, cause })
    }

    fn command(&self, argv: Vec<String>, time_limit: Duration, input: String) -> Command {
        Command { input: input.into_bytes(), ..Command::new(argv, time_limit) }
    }

    async fn lock(&self) -> Result<FileLock, DoorError> {
        durable::create_private_directory(&self.keeper.directory).map_err(|cause| self.files(cause))?;
        let (path, patience_ends) = (self.keeper.directory.join(".lock"), Instant::now() + LOCK_PATIENCE);
        loop {
            if let Some(lock) = FileLock::try_acquire(&path).map_err(|cause| self.files(cause))? {
                // Whoever was broken off while writing has left it: under this lock nobody else writes here.
                durable::remove_leftovers(&self.keeper.directory).map_err(|cause| self.files(cause))?;
                return Ok(lock);
            }
            if Instant::now() > patience_ends {
                return Err(
                    self.files(io::Error::new(io::ErrorKind::TimedOut, "another change of them hangs"))
                );
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    fn files(&self, cause: io::Error) -> DoorError {
        DoorError::Files { directory: self.keeper.directory.clone(), cause }
    }

    fn file(&self) -> PathBuf {
        self.keeper.directory.join(self.table()).with_extension("nft")
    }

    /// Both ways: what arrives, and what is still on its way out of connections that were established before.
    /// Before translation of addresses, and only what is meant for this machine.
    fn rules(&self) -> String {
        let (table, ports) = (self.table(), list(self.ports));
        format!(
            "add table inet {table}\ndelete table inet {table}\ntable inet {table} {{\n  chain arriving {{\n    \
             type filter hook prerouting priority -310; policy accept;\n    iifname != \"lo\" fib daddr type local \
             meta l4proto {{ tcp, udp }} th dport {{ {ports} }} drop\n  }}\n  chain leaving {{\n    \
             type filter hook output priority -310; policy accept;\n    oifname != \"lo\" \
             meta l4proto {{ tcp, udp }} th sport {{ {ports} }} drop\n  }}\n}}\n"
        )
    }

    /// nftables knows letters, digits and few signs in names.
    fn table(&self) -> String {
        let sign = |c: char| match c {
            '-' => "_".to_owned(),
            c if c.is_ascii_alphanumeric() => c.to_string(),
            c => format!("_x{:x}", u32::from(c)),
        };
        format!("baton_{}", self.name.chars().map(sign).collect::<String>())
    }
}

fn list(ports: &[u16]) -> String {
    let mut ports: Vec<u16> = ports.to_vec();
    ports.sort_unstable();
    ports.dedup();
    ports.iter().map(u16::to_string).collect::<Vec<_>>().join(", ")
}

/// `netsh advfirewall firewall VERB rule`: a rule that blocks goes before all that allow, and none is for loopback.
fn firewall(verb: &str, name: &str) -> Vec<String> {
    let rule = format!("name=Baton: {name} is closed to the outside");
    ["netsh", "advfirewall", "firewall", verb, "rule", &rule].map(str::to_owned).to_vec()
}

fn firewall_rule(name: &str, ports: &[u16]) -> Vec<String> {
    let mut argv = firewall("add", name);
    let ports = format!("localport={}", list(ports).replace(' ', ""));
    argv.extend(["dir=in", "action=block", "profile=any", "protocol=TCP", &ports].map(str::to_owned));
    argv
}

/// Whether closed ports stay closed over a boot, as far as this machine tells: systemd runs, and the unit that loads
/// their rules is enabled. `None` where something else starts the machine.
pub fn outlives_boot(directory: &std::path::Path) -> Option<bool> {
    let is_systemd = std::path::Path::new("/run/systemd/system").is_dir();
    let enabled = "/etc/systemd/system/sysinit.target.wants/baton-doors.service";
    let is_loaded = || directory == "/var/lib/baton/doors" && std::path::Path::new(enabled).exists();
    (is_systemd && !cfg!(windows)).then(is_loaded)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_tables_are_their_own() {
        let keeper = Doorkeeper { directory: PathBuf::from("doors"), commands: None };
        let table = |name| Door { keeper: &keeper, name, ports: &[443] }.table();
        assert_eq!(table("sap-gateway"), "baton_sap_gateway");
        assert_ne!(table("a-b"), table("a_b"));
        assert_ne!(table("a.b"), table("a_b"));
    }

    #[test]
    fn windows_blocks_all_ports_by_one_rule() {
        let argv = firewall_rule("sap", &[8175, 8075, 8175]).join(" ");
        assert_eq!(
            argv,
            "netsh advfirewall firewall add rule name=Baton: sap is closed to the outside dir=in action=block \
             profile=any protocol=TCP localport=8075,8175"
        );
    }
}
