//! The door of a server: its ports closed to the outside, open on the loopback interface.
//!
//! On Linux an nftables table of its own, so that nobody else's rules are touched and one command takes it away.
//! Every packet from outside to these ports is dropped, those of established connections too.

use std::io::{self, Write as _};
use std::process::{Command, Stdio};

/// The ports of one server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Door {
    /// Whose ports they are: names the table.
    pub name: String,
    /// TCP ports.
    pub ports: Vec<u16>,
}

impl Door {
    /// Closes it; a closed one stays closed.
    pub fn close(&self) -> io::Result<()> {
        let ports: Vec<String> = self.ports.iter().map(u16::to_string).collect();
        let table = self.table();
        nft(&format!(
            "add table inet {table}\ndelete table inet {table}\ntable inet {table} {{\n  chain input {{\n    \
             type filter hook input priority -10; policy accept;\n    iifname \"lo\" accept\n    \
             tcp dport {{ {} }} drop\n  }}\n}}\n",
            ports.join(", ")
        ))
    }

    /// Opens it; an open one stays open.
    pub fn open(&self) -> io::Result<()> {
        let table = self.table();
        nft(&format!("add table inet {table}\ndelete table inet {table}\n"))
    }

    /// nftables knows letters, digits and few signs in names.
    fn table(&self) -> String {
        let name: String =
            self.name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
        format!("baton_{name}")
    }
}

fn nft(rules: &str) -> io::Result<()> {
    let failed = |text: String| io::Error::other(format!("nft: {text}"));
    let mut child = Command::new("nft")
        .args(["-f", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| failed(error.to_string()))?;
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(rules.as_bytes())?;
    }
    let output = child.wait_with_output()?;
    if output.status.success() {
        return Ok(());
    }
    let text = String::from_utf8_lossy(&output.stderr);
    Err(failed(text.lines().next().unwrap_or("it failed").to_owned()))
}
