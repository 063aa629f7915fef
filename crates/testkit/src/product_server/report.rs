//! What a server says of itself once all its endpoints accept connections.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::Path;

use serde::{Deserialize, Serialize};

/// One JSON object on one line: to standard output, and to the file of `--ready`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReadyReport {
    /// The process id of the server.
    pub pid: u32,
    /// Whether any endpoint speaks TLS (or should, under the fault `plain-on-tls-port`).
    pub tls: bool,
    /// The certificate of the first endpoint that speaks TLS: 40 upper-case hex digits.
    pub thumbprint: Option<String>,
    /// Every open port by its name, with an address at which this machine reaches it.
    pub endpoints: BTreeMap<String, SocketAddr>,
    /// The certificate of each endpoint that speaks TLS, by the name of its port.
    pub thumbprints: BTreeMap<String, String>,
    /// The number of every port of the product, open or not: what port 0 was turned into.
    pub ports: BTreeMap<String, u16>,
}

impl ReadyReport {
    /// The report as one line of JSON.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("strings and numbers can be written as JSON")
    }

    /// Reads a report from its JSON.
    pub fn from_json(text: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text)
    }

    /// Writes the report as `path`, in one piece: whoever finds the file finds all of it.
    pub(super) fn write(&self, path: &Path) -> io::Result<()> {
        let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty());
        let mut file = tempfile::NamedTempFile::new_in(directory.unwrap_or(Path::new(".")))?;
        writeln!(file, "{}", self.to_json())?;
        file.persist(path).map(drop).map_err(|error| error.error)
    }
}
