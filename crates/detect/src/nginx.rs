//! nginx, by its own word: `nginx -T` reads its configuration, tests it, and prints all of it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use baton_finding::{Explain as _, Finding, Severity};
use baton_platform::command::{self, Command};
use baton_target::EndpointAddress;
use baton_x509::{PemContents, Thumbprint, X509};
use fs_err as fs;
use jiff::Timestamp;
use serde::Serialize;

use dump::Dump;
use server::TlsServer;

mod dump;
mod server;
mod syntax;

/// How long nginx may take to print its configuration; it resolves the names in it.
const LIMIT: Duration = Duration::from_secs(30);

/// How much of it is read.
const LONGEST: u64 = 16 * 1024 * 1024;

/// Debian and others keep nginx where not every account looks for programs.
const PROGRAMS: [&str; 3] = ["nginx", "/usr/sbin/nginx", "/usr/local/sbin/nginx"];

/// A pair of PEM files that nginx serves TLS with.
#[derive(Debug, Clone, Serialize)]
pub struct FoundServer {
    /// The file with the leaf and its chain.
    pub certificate: PathBuf,
    /// The file with the private key.
    pub key: PathBuf,
    /// nginx's main configuration file.
    pub configuration: PathBuf,
    /// The `server` blocks that name them, as `file:line`.
    pub places: Vec<String>,
    /// Where they are served, and the name to ask for; without one the default server answers.
    pub endpoints: Vec<FoundEndpoint>,
    /// nginx's test of its configuration.
    pub check: Vec<String>,
    /// What makes nginx read the files again.
    pub activate: Vec<String>,
    /// What the certificate's file holds now.
    pub holds: Option<FoundCertificate>,
    /// Why the files cannot be handed over as they are.
    pub findings: Vec<Finding>,
}

/// Where a certificate is served.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FoundEndpoint {
    /// Host and port.
    pub address: EndpointAddress,
    /// The server name.
    pub name: Option<String>,
}

/// A certificate in use.
#[derive(Debug, Clone, Serialize)]
pub struct FoundCertificate {
    /// Its thumbprint.
    pub thumbprint: Thumbprint,
    /// Its DNS names and addresses.
    pub names: Vec<String>,
    /// Who issued it.
    pub issuer: String,
    /// The end of its validity.
    pub not_after: Timestamp,
}

impl FoundCertificate {
    pub(crate) fn of(leaf: &X509) -> Self {
        Self {
            thumbprint: leaf.thumbprint(),
            names: leaf.names(),
            issuer: leaf.issuer().to_owned(),
            not_after: leaf.not_after(),
        }
    }
}

/// The servers of this machine's own nginx, where there is one, and of further configurations.
pub(crate) async fn find(configurations: &[PathBuf], findings: &mut Vec<Finding>) -> Vec<FoundServer> {
    let Some(program) = PROGRAMS.into_iter().find_map(command::find) else {
        findings.extend(configurations.iter().map(|path| {
            Finding::warning(
                "nginx-missing",
                format!("`{}` looks like nginx's, and there is no nginx to read it", path.display()),
                "install nginx, or put it into the search path",
            )
        }));
        return Vec::new();
    };
    let own = [Vec::new()].into_iter();
    let further = configurations.iter().filter_map(|path| arguments_for(path, findings)).collect::<Vec<_>>();
    let mut servers: Vec<FoundServer> = Vec::new();
    for arguments in own.chain(further) {
        let Some(program) = program.to_str() else { continue };
        let nginx = Nginx { program: program.to_owned(), arguments };
        match nginx.dump().await {
            Ok(dump) => {
                let found = nginx.servers(&dump, findings);
                // The machine's own may have been named as a further one.
                let is_new =
                    |new: &FoundServer| !servers.iter().any(|old| old.certificate == new.certificate);
                let new: Vec<FoundServer> = found.into_iter().filter(is_new).collect();
                servers.extend(new);
            }
            Err(finding) => findings.push(finding),
        }
    }
    servers
}

/// The arguments that make nginx read `DIRECTORY/nginx.conf`, with what it writes in the same directory.
fn arguments_for(configuration: &Path, findings: &mut Vec<Finding>) -> Option<Vec<String>> {
    let words = configuration.parent().and_then(Path::to_str).zip(configuration.to_str());
    let Some((prefix, configuration)) = words else {
        findings.push(crate::not_text(configuration));
        return None;
    };
    Some(["-p", prefix, "-c", configuration].map(str::to_owned).into())
}

/// An nginx with the arguments that name its configuration.
struct Nginx {
    program: String,
    arguments: Vec<String>,
}

impl Nginx {
    fn command(&self, arguments: &[&str]) -> Vec<String> {
        let own = arguments.iter().map(|&argument| argument.to_owned());
        [self.program.clone()].into_iter().chain(self.arguments.iter().cloned()).chain(own).collect()
    }

    async fn dump(&self) -> Result<Dump, Finding> {
        let mut command = Command::new(self.command(&["-T"]), LIMIT);
        command.kept_output = LONGEST;
        let unreadable = |reason: String| {
            Finding::warning(
                "nginx-unreadable",
                format!("`{command}` does not tell nginx's configuration: {reason}"),
                "run it by hand, as the account that runs Baton; mostly that is root",
            )
        };
        let outcome = command.run_to_end().await.map_err(|error| unreadable(error.chain()))?;
        if outcome.exit_code != Some(0) {
            // A configuration that fails the test is not printed: these are nginx's messages alone.
            let said: Vec<&str> =
                outcome.output.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
            return Err(unreadable(format!("{}: {}", outcome.how(), said.join("; "))));
        }
        Dump::read(&outcome.output).map_err(|error| unreadable(error.to_string()))
    }

    /// One for each pair of files.
    fn servers(&self, dump: &Dump, findings: &mut Vec<Finding>) -> Vec<FoundServer> {
        let mut found: Vec<FoundServer> = Vec::new();
        for server in server::tls_servers(dump) {
            for (certificate, key) in &server.pairs {
                let paths =
                    server::path(dump.directory(), certificate).zip(server::path(dump.directory(), key));
                let Some((certificate, key)) = paths else {
                    findings.push(Finding::warning(
                        "certificate-no-file",
                        format!("the server at {} takes its certificate from {certificate:?}", server.place),
                        "only certificates in files of their own are handed over",
                    ));
                    continue;
                };
                let position = found.iter().position(|it| it.certificate == certificate && it.key == key);
                let position = position.unwrap_or_else(|| {
                    found.push(self.found(dump, certificate, key));
                    found.len() - 1
                });
                add_server(&mut found[position], &server);
            }
        }
        found
    }

    fn found(&self, dump: &Dump, certificate: PathBuf, key: PathBuf) -> FoundServer {
        let mut findings = Vec::new();
        let holds = match leaf_of(&certificate) {
            Ok(leaf) => Some(FoundCertificate::of(&leaf)),
            Err(finding) => {
                findings.push(finding);
                None
            }
        };
        if certificate == key {
            findings.push(Finding::error(
                "one-file",
                format!("`{}` holds certificate and key", certificate.display()),
                "give each a file of its own in nginx's configuration",
            ));
        }
        findings.extend(
            [&certificate, &key]
                .into_iter()
                .filter(|path| path.to_str().is_none())
                .map(|path| crate::not_text(path)),
        );
        FoundServer {
            certificate,
            key,
            configuration: dump.main().to_owned(),
            places: Vec::new(),
            endpoints: Vec::new(),
            check: self.command(&["-t"]),
            activate: self.command(&["-s", "reload"]),
            holds,
            findings,
        }
    }
}

impl FoundServer {
    /// Whether something speaks against handing its files over as they are.
    pub fn is_obstructed(&self) -> bool {
        self.findings.iter().any(|finding| finding.severity == Severity::Error)
    }
}

/// One name is enough for each address: all names of a server get the same certificate.
fn add_server(found: &mut FoundServer, server: &TlsServer) {
    found.places.push(server.place.clone());
    let covers = |name: &&String| found.holds.as_ref().is_some_and(|holds| is_covered(&holds.names, name));
    let name = server.names.iter().find(covers).or(server.names.first()).cloned();
    for address in &server.addresses {
        let endpoint = FoundEndpoint { address: address.clone(), name: name.clone() };
        if !found.endpoints.contains(&endpoint) {
            found.endpoints.push(endpoint);
        }
    }
}

/// Whether one of a certificate's names stands for `host`.
pub(crate) fn is_covered(names: &[String], host: &str) -> bool {
    names.iter().any(|name| match name.strip_prefix("*.") {
        Some(parent) => host.split_once('.').is_some_and(|(_, rest)| rest.eq_ignore_ascii_case(parent)),
        None => name.eq_ignore_ascii_case(host),
    })
}

/// The leaf in a PEM file.
pub(crate) fn leaf_of(path: &Path) -> Result<X509, Finding> {
    let unreadable = |reason: String| {
        Finding::warning(
            "certificate-unreadable",
            format!("`{}` cannot be read: {reason}", path.display()),
            "run Baton as an account that may read it",
        )
    };
    let text = fs::read(path).map_err(|error| unreadable(error.to_string()))?;
    let contents = PemContents::read(&text).map_err(|error| unreadable(error.chain()))?;
    contents.certificates.into_iter().next().ok_or_else(|| unreadable("no certificate is in it".to_owned()))
}
