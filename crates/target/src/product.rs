//! Targets that name their certificate in settings files: yunIO, Xtract Universal, Board Connector, Xtract Core.
//!
//! The references are found in the product's own files, never believed from the caller: every JSON file
//! below `config/server*` is read, and every field that names the certificate now in use is changed. Nothing
//! outside is touched (a source below `config` may name another certificate for another purpose), and no
//! file is created.

use std::path::{Path, PathBuf};

use baton_finding::{Explain as _, Finding};
use baton_platform::durable::{self, is_temporary, is_writable, remove_leftovers_of};
use baton_store::Store;
use baton_textedit::{Change, JsonDocument, Pointer, Scalar};
use baton_x509::{Certificate, Thumbprint, X509};
use fs_err as fs;

pub use look::Look;
pub use preset::{ProductKind, UnknownProduct};
pub use protocol::{Protocol, UnknownProtocol};
pub use server::{ProductServer, UnknownServer};
pub use service::{Listener, Service};

use crate::action::Action;
use crate::endpoint::{Endpoint, EndpointAddress};
use crate::files::not_writable;
use crate::image::{FileImage, KeptFile};
use crate::inspection::{Actions, Found, Inspection, PlanError, Reference, TargetError};
use crate::settings_file::{Place, SettingsFile};

mod format;
mod look;
mod preset;
mod protocol;
mod server;
mod service;

/// The settings of the web server, and of the configuration server.
const WEB_SETTINGS: &str = "web/general.json";
const CONFIGURATION_SETTINGS: &str = "config/general.json";

/// How deep below `config/server*` settings files are looked for.
const DEEPEST: usize = 4;

/// An installed product.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Product {
    /// Which one.
    pub kind: ProductKind,
    /// Where it is installed.
    pub directory: PathBuf,
    /// The one of its two servers that is meant; `None` for all of it.
    pub server: Option<ProductServer>,
}

pub(crate) struct FoundSettings {
    /// The files with the places in them that name the certificate in use.
    files: Vec<(SettingsFile, Vec<Place>)>,
    endpoints: Vec<(u16, bool)>,
    /// The access control that was set aside.
    access: Option<KeptFile>,
    /// Where the configuration server listens, of a product that has one.
    configuration_port: Option<u16>,
    /// What the configuration server names by itself; `None` where both servers share their reference.
    configuration: Option<Option<Thumbprint>>,
    /// Whether it names another certificate than the one in use.
    differs: bool,
    /// The web server's protocol, as its settings say it.
    pub(crate) protocol: Option<String>,
}

impl Product {
    /// Reads the product's settings and finds what they name.
    ///
    /// `kept` are settings files that were set aside: they count as if they were in place.
    pub(crate) fn inspect(&self, store: &dyn Store, kept: &[KeptFile]) -> Result<Inspection, TargetError> {
        if !self.directory.is_dir() {
            return Err(TargetError::NoDirectory(self.directory.clone()));
        }
        let mut findings = Vec::new();
        let mut files = self.settings_files(&mut findings)?;
        files.retain(|file| !kept.iter().any(|kept| kept.path == file.real_path()));
        let is_access = |file: &&KeptFile| self.is_access_file(&file.path);
        let (access, kept): (Vec<&KeptFile>, Vec<&KeptFile>) = kept.iter().partition(is_access);
        for file in kept {
            files.push(SettingsFile::kept(file)?);
        }
        let current = self.current(&files);
        let configuration = self.configuration(&files);
        findings.extend(self.only_one(configuration.is_some()));
        let mut references = Vec::new();
        let mut matching = Vec::new();
        for file in files {
            let mut places = Vec::new();
            let named = if self.is_meant(&file.path) { file.places() } else { Vec::new() };
            for place in named {
                let text = format!("{}#{}", file.path.display(), place.field);
                if place.thumbprint == current {
                    references.push(Reference { place: text, names: place.thumbprint });
                    places.push(place);
                } else if let Some(other) = place.thumbprint {
                    findings.push(Finding::warning(
                        "other-certificate-named",
                        format!("{text} names another certificate, {other}, and is left alone"),
                        "give both servers the same certificate in the Designer if that was not meant",
                    ));
                }
            }
            if !places.is_empty() {
                let is_kept = file.is_kept();
                let directory = file.real_path().parent().unwrap_or(Path::new("/"));
                findings.extend((!is_writable(directory)).then(|| not_writable(directory)));
                findings.extend(
                    (!is_kept && !is_writable(file.real_path())).then(|| not_writable(file.real_path())),
                );
            }
            matching.push((file, places));
        }
        if references.is_empty() {
            findings.push(Finding::error(
                "reference-missing",
                format!("no settings file below `{}` names a certificate", self.servers().display()),
                format!("pick a certificate once in the Designer of {}", self.kind.display_name()),
            ));
        }
        let certificate = match current.map(|current| store.find(current)).transpose() {
            Ok(found) => found.flatten().map(Certificate::without_key),
            Err(error) => {
                findings.push(Finding {
                    severity: baton_finding::Severity::Warning,
                    ..Finding::from_error(&error)
                });
                None
            }
        };
        if let (Some(current), None) = (current, &certificate) {
            findings.push(Finding::warning(
                "old-not-recoverable",
                format!("the certificate in use, {current}, is not in the store {}", store.location()),
                "the settings can be put back; whether the server would start with them is not known",
            ));
        }
        let leaf = certificate.as_ref().map(Certificate::leaf);
        findings.extend(matching.iter().filter_map(|(file, places)| format::unknown(file, places, leaf)));
        let tls = self.tls(&matching);
        let endpoints = self.endpoints(&matching)?;
        let protocol = file_ending(&matching, WEB_SETTINGS).and_then(|(file, _)| file.string_at("/protocol"));
        Ok(Inspection {
            references,
            current,
            certificate,
            tls,
            dependents: Vec::new(),
            findings,
            found: Found::Product(FoundSettings {
                protocol: protocol.map(str::to_owned),
                configuration_port: self.configuration_port(&matching).map(|(port, _)| port),
                differs: configuration.flatten().is_some_and(|named| Some(named) != current),
                configuration,
                files: matching,
                endpoints,
                access: access.into_iter().next().cloned(),
            }),
        })
    }

    /// The fields that name a certificate, the one in use or another.
    pub(crate) fn mentions(&self, thumbprint: Thumbprint) -> Result<Vec<String>, TargetError> {
        if !self.directory.is_dir() {
            return Err(TargetError::NoDirectory(self.directory.clone()));
        }
        let mut mentions = Vec::new();
        for file in self.settings_files(&mut Vec::new())? {
            let places = file.places().into_iter().filter(|place| place.thumbprint == Some(thumbprint));
            mentions.extend(places.map(|place| format!("{}#{}", file.path.display(), place.field)));
        }
        Ok(mentions)
    }

    /// The edits that hand the references over.
    pub(crate) fn plan(
        &self,
        found: &FoundSettings,
        successor: &X509,
        enable_tls: bool,
        protocol: Option<Protocol>,
    ) -> Result<Actions, PlanError> {
        let protocol = protocol.or_else(|| self.protocol_with_tls(found).filter(|_| enable_tls));
        let mut actions = Actions::default();
        // Before TLS is on: nobody is let in meanwhile who was not before.
        if let Some(KeptFile { path, image }) = &found.access {
            let before = FileImage::read(path).map_err(PlanError::Io)?;
            actions.switch.push(Action::SetFile { path: path.clone(), before, after: Some(image.clone()) });
        }
        for (file, places) in &found.files {
            let protocol = protocol.filter(|_| file.path.ends_with(WEB_SETTINGS));
            if !places.is_empty() || file.is_kept() || protocol.is_some() {
                actions.switch.extend(file.hand_over(places, successor, enable_tls, protocol)?);
            }
        }
        Ok(actions)
    }

    /// What resets the TLS settings as the maker documents it: `tls.json` is set aside, or the protocol of the web
    /// server becomes plain HTTP.
    pub(crate) fn reset(&self, found: &FoundSettings) -> Result<Vec<Action>, PlanError> {
        let reset = match file_ending(&found.files, "servers/tls.json") {
            Some((file, _)) => file.set_aside()?,
            None => match file_ending(&found.files, WEB_SETTINGS) {
                Some((file, _)) => file.set(plain_protocol())?,
                None => return Ok(Vec::new()),
            },
        };
        Ok(self.set_access_aside()?.into_iter().chain([reset]).collect())
    }

    /// What sets aside the access control that TLS is a condition of; empty where there is none.
    pub(crate) fn set_access_aside(&self) -> Result<Option<Action>, PlanError> {
        let Some(path) = self.access_file() else { return Ok(None) };
        let before = FileImage::read(&path).map_err(PlanError::Io)?;
        Ok(before.map(|image| Action::SetFile { path, before: Some(image), after: None }))
    }

    /// The file of the access control itself, links followed, whether or not it is there now.
    fn access_file(&self) -> Option<PathBuf> {
        Some(durable::followed(&self.servers().join(self.kind.access_file()?)))
    }

    pub(crate) fn is_access_file(&self, path: &Path) -> bool {
        self.access_file().is_some_and(|own| own == path)
    }

    /// Whether the web server's protocol in a settings file restricts who may use it.
    pub(crate) fn restricts(settings: &FileImage) -> bool {
        let protocol = Pointer::root().member("protocol");
        let document = JsonDocument::parse(settings.content()).ok();
        let protocol = document.as_ref().and_then(|it| it.value(&protocol)).and_then(Scalar::as_str);
        protocol.is_some_and(|protocol| !protocol.ends_with("- Unrestricted"))
    }

    /// What switches TLS off, and what has to be set aside for that; every other setting stays.
    pub(crate) fn switch_off(&self, found: &FoundSettings) -> Result<Vec<Action>, PlanError> {
        let mut actions: Vec<Action> = self.set_access_aside()?.into_iter().collect();
        if let Some((file, _)) = file_ending(&found.files, "servers/tls.json")
            && file.bool_at("/tlsEnabled") != Some(false)
        {
            actions.push(file.set(Change::bool(Pointer::root().member("tlsEnabled"), false))?);
        }
        if let Some((file, places)) = file_ending(&found.files, WEB_SETTINGS)
            && !places.is_empty()
            && file.string_at("/protocol").is_some_and(|protocol| protocol != Protocol::Http.as_written())
        {
            actions.push(file.set(plain_protocol())?);
        }
        Ok(actions)
    }

    /// Where the product answers while TLS is off, on this machine.
    pub(crate) fn plain_endpoints(&self, found: &FoundSettings) -> Result<Vec<Endpoint>, TargetError> {
        let told = match self.kind {
            ProductKind::XtractCore => self.listener_port("/insecurePort")?,
            _ => file_ending(&found.files, WEB_SETTINGS).and_then(|(file, _)| file.port_at("/httpPort")),
        };
        let assumed = told.is_none();
        let ports = told.map_or_else(|| self.kind.plain_ports().to_vec(), |port| vec![port]);
        Ok(self.plain_at(&ports, assumed))
    }

    /// Plain endpoints on this machine.
    pub(crate) fn plain_at(&self, ports: &[u16], assumed: bool) -> Vec<Endpoint> {
        let endpoint = |&port: &u16| Endpoint {
            address: EndpointAddress::from(std::net::SocketAddr::from(([127, 0, 0, 1], port))),
            name: "localhost".to_owned(),
            assumed,
        };
        ports.iter().map(endpoint).collect()
    }

    /// The endpoints on this machine, by the ports that the settings tell, or else by the usual ones.
    pub(crate) fn endpoints_of(&self, found: &FoundSettings, name: &str) -> Vec<Endpoint> {
        let endpoint = |&(port, assumed): &(u16, bool)| {
            let address = EndpointAddress::from(std::net::SocketAddr::from(([127, 0, 0, 1], port)));
            Endpoint { address, name: name.to_owned(), assumed }
        };
        found.endpoints.iter().map(endpoint).collect()
    }

    /// Removes what an interrupted edit left beside the settings files.
    pub(crate) fn remove_leftovers(&self) -> std::io::Result<()> {
        let mut paths = Vec::new();
        for directory in self.server_directories().map_err(std::io::Error::other)? {
            collect_json(&directory, DEEPEST, &mut paths).map_err(std::io::Error::other)?;
        }
        // Those that are set aside are missing now.
        paths.push(self.servers().join("tls.json"));
        paths.extend(self.access_file());
        let real = |path: &PathBuf| fs::canonicalize(path).unwrap_or_else(|_| path.clone());
        paths.iter().try_for_each(|path| remove_leftovers_of(&real(path)))
    }

    fn servers(&self) -> PathBuf {
        self.directory.join("config").join("servers")
    }

    /// `config/server*`: there the product's own settings are, and nothing else.
    fn server_directories(&self) -> Result<Vec<PathBuf>, TargetError> {
        let mut directories = sorted_entries(&self.directory.join("config"))?;
        directories.retain(|directory| {
            let name = directory.file_name().unwrap_or_default().to_string_lossy();
            name.starts_with("server") && directory.is_dir()
        });
        Ok(directories)
    }

    /// All JSON files below `config/server*`. One that cannot be understood refuses the handover when it is
    /// one that names the certificate; others may be in any form.
    fn settings_files(&self, findings: &mut Vec<Finding>) -> Result<Vec<SettingsFile>, TargetError> {
        let mut paths = Vec::new();
        for directory in self.server_directories()? {
            collect_json(&directory, DEEPEST, &mut paths)?;
        }
        // Who may use the server is none of our business, in whatever form it is written.
        paths.retain(|path| self.kind.access_file().is_none_or(|name| !path.ends_with(name)));
        let mut files = Vec::new();
        for path in paths {
            match SettingsFile::read(&path) {
                Ok(file) => files.extend(file),
                Err(error) if is_reference_file(&path) => return Err(error),
                Err(error) => findings.push(Finding::warning(
                    error.code(),
                    format!("{}; it is left alone", error.chain()),
                    "if it names the certificate, mend it first",
                )),
            }
        }
        Ok(files)
    }

    /// The certificate in use: the one in `tls.json`; without that file, the web server's; else the first.
    fn current(&self, files: &[SettingsFile]) -> Option<Thumbprint> {
        let named_in = |wanted: &dyn Fn(&Path) -> bool| {
            let of_file = |file: &SettingsFile| file.places().into_iter().find_map(|place| place.thumbprint);
            let meant = files.iter().filter(|file| self.is_meant(&file.path));
            meant.filter(|file| wanted(&file.path)).find_map(of_file)
        };
        named_in(&|path| path.ends_with("servers/tls.json"))
            .or_else(|| named_in(&|path| path.ends_with(WEB_SETTINGS)))
            .or_else(|| named_in(&|_| true))
    }

    /// The TLS ports, and whether nobody told them.
    fn endpoints(&self, files: &[(SettingsFile, Vec<Place>)]) -> Result<Vec<(u16, bool)>, TargetError> {
        let told = match self.kind {
            ProductKind::XtractCore => self.listener_port("/securePort")?,
            _ => file_ending(files, WEB_SETTINGS).and_then(|(file, _)| file.port_at("/httpsPort")),
        };
        let mut endpoints: Vec<(u16, bool)> = match told {
            _ if self.server == Some(ProductServer::Configuration) => Vec::new(),
            Some(port) => vec![(port, false)],
            None => self.kind.tls_ports().iter().map(|&port| (port, true)).collect(),
        };
        let is_named =
            file_ending(files, CONFIGURATION_SETTINGS).is_some_and(|(_, places)| !places.is_empty());
        if is_named || self.server == Some(ProductServer::Configuration) {
            endpoints.extend(self.configuration_port(files));
        }
        Ok(endpoints)
    }
}

fn plain_protocol() -> Change {
    Change::string(Pointer::root().member("protocol"), Protocol::Http.as_written().to_owned())
}

fn file_ending<'a>(
    files: &'a [(SettingsFile, Vec<Place>)],
    ending: &str,
) -> Option<&'a (SettingsFile, Vec<Place>)> {
    files.iter().find(|(file, _)| file.path.ends_with(ending))
}

fn is_reference_file(path: &Path) -> bool {
    path.ends_with("servers/tls.json") || path.ends_with("general.json")
}

fn collect_json(directory: &Path, depth: usize, paths: &mut Vec<PathBuf>) -> Result<(), TargetError> {
    for path in sorted_entries(directory)? {
        if is_temporary(&path) {
            continue;
        }
        if path.is_dir() {
            if depth > 0 {
                collect_json(&path, depth - 1, paths)?;
            }
        } else if path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("json")) {
            paths.push(path);
        }
    }
    Ok(())
}

fn sorted_entries(directory: &Path) -> Result<Vec<PathBuf>, TargetError> {
    let entries = match fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(cause) => return Err(TargetError::Io(cause)),
    };
    let mut paths: Vec<PathBuf> = entries
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<_, _>>()
        .map_err(TargetError::Io)?;
    paths.sort();
    Ok(paths)
}
