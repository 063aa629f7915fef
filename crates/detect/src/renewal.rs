//! Certificates that an ACME client renews: which ones, and what the client does with them afterwards.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use baton_finding::Finding;
use baton_platform::host;
use baton_target::ProductKind;
use baton_x509::Thumbprint;
use serde::Serialize;

use crate::nginx::FoundServer;
use crate::places::{Places, entries, is_renewal, unreadable};
use crate::product::FoundProduct;

mod certbot;
mod lego;
pub(crate) mod wacs;

/// Where certbot keeps what it knows, unless told otherwise.
const CERTBOT: &str = "/etc/letsencrypt/renewal";

/// An ACME client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Client {
    /// certbot
    Certbot,
    /// lego
    Lego,
    /// win-acme
    WinAcme,
    /// simple-acme
    SimpleAcme,
}

/// What a client does after it has issued.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum Step {
    /// It calls Baton.
    Baton,
    /// It runs something else.
    Script {
        /// The program or script.
        program: String,
    },
    /// It runs nothing.
    Nothing,
    /// What it runs is told to it at each call, and stands in no file.
    ToldAtEachCall,
}

/// A certificate that an ACME client renews.
#[derive(Debug, Clone, Serialize)]
pub struct Renewal {
    /// The client.
    pub client: Client,
    /// What the client calls it.
    pub name: String,
    /// The file in which the client remembers it.
    pub file: PathBuf,
    /// The names of the certificate.
    pub names: Vec<String>,
    /// The files that the client writes it to.
    pub files: Vec<PathBuf>,
    /// The certificates that it has issued so far, as far as the client remembers.
    pub thumbprints: Vec<Thumbprint>,
    /// What it does afterwards.
    pub step: Step,
}

/// All renewals: of the clients' own places, beside the servers' files, and in named directories.
pub(crate) fn find(places: &Places, servers: &[FoundServer], findings: &mut Vec<Finding>) -> Vec<Renewal> {
    let mut renewals = Vec::new();
    let mut certbot: BTreeSet<PathBuf> = places.certbot.iter().cloned().collect();
    certbot.extend(servers.iter().filter_map(|server| certbot::directory_of(&server.certificate)));
    certbot.insert(PathBuf::from(CERTBOT));
    for directory in certbot.iter().filter(|directory| directory.is_dir()) {
        certbot::read(directory, &mut renewals, findings);
    }
    for server in servers {
        renewals.extend(lego::beside(&server.certificate));
    }
    let mut files: BTreeSet<PathBuf> = places.renewals.iter().cloned().collect();
    for client in ["win-acme", "simple-acme"] {
        let Some(directory) = host::program_data().map(|path| path.join(client)) else { continue };
        // One directory for each CA.
        for authority in entries(&directory).into_iter().flatten().filter(|path| path.is_dir()) {
            match entries(&authority) {
                Ok(paths) => files.extend(paths.into_iter().filter(|path| is_renewal(path))),
                Err(error) => findings.push(unreadable(&error)),
            }
        }
    }
    for file in files {
        match wacs::read(&file) {
            Ok(renewal) => renewals.push(renewal),
            Err(finding) => findings.push(finding),
        }
    }
    renewals
}

impl Client {
    /// Its name for people.
    pub fn display_name(self) -> &'static str {
        match self {
            Self::Certbot => "certbot",
            Self::Lego => "lego",
            Self::WinAcme => "win-acme",
            Self::SimpleAcme => "simple-acme",
        }
    }

    /// Whether it puts certificates into the store of Windows.
    fn has_windows_store(self) -> bool {
        matches!(self, Self::WinAcme | Self::SimpleAcme)
    }
}

impl Step {
    /// Of a command line that a client keeps.
    fn of_command(command: &str) -> Self {
        let command = command.trim();
        if command.is_empty() {
            Self::Nothing
        } else if calls_baton(command) {
            Self::Baton
        } else {
            Self::Script { program: command.to_owned() }
        }
    }
}

/// Whether a command line is one of Baton's, under whatever path.
fn calls_baton(command: &str) -> bool {
    let is_command = ["hook", "swap"].iter().any(|name| command.split_whitespace().any(|word| word == *name));
    is_command && command.to_ascii_lowercase().contains("baton")
}

impl Renewal {
    /// Whether the client writes this file.
    pub fn writes(&self, path: &Path) -> bool {
        let real = |path: &Path| fs_err::canonicalize(path).ok();
        self.files.iter().any(|file| file == path || (real(file).is_some() && real(file) == real(path)))
    }

    /// Whether it is for this server: the client writes its files, or renews a certificate of the same names.
    pub fn is_of_server(&self, server: &FoundServer) -> bool {
        let is_alike = |names: &[String]| !names.is_empty() && is_same_set(names, &self.names);
        self.writes(&server.certificate)
            || (!self.client.has_windows_store()
                && server.holds.as_ref().is_some_and(|holds| is_alike(&holds.names)))
    }

    /// Whether it is for this product: it has issued the certificate in use, or runs the script of the product's maker,
    /// or renews a certificate of the same names.
    pub fn is_of_product(&self, product: &FoundProduct) -> bool {
        let names = product.names();
        self.client.has_windows_store()
            && (product.thumbprint.is_some_and(|thumbprint| self.thumbprints.contains(&thumbprint))
                || product.kind().is_some_and(|kind| self.runs_script_of(kind))
                || (!names.is_empty() && is_same_set(&names, &self.names)))
    }

    /// Whether it runs the script that the product's maker publishes.
    fn runs_script_of(&self, kind: ProductKind) -> bool {
        let script = match kind {
            ProductKind::Yunio => "yunio-le.ps1",
            ProductKind::XtractUniversal => "xu-le.ps1",
            ProductKind::BoardConnector => "bc-le.ps1",
            ProductKind::XtractCore => return false,
        };
        match &self.step {
            Step::Script { program } => program.to_ascii_lowercase().ends_with(script),
            _ => false,
        }
    }
}

fn is_same_set(one: &[String], other: &[String]) -> bool {
    let set = |names: &[String]| names.iter().map(|name| name.to_ascii_lowercase()).collect::<BTreeSet<_>>();
    set(one) == set(other)
}
