//! From settings to the parts that do the work.

use std::collections::{HashMap, HashSet};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use baton_handover::{Engine, KnownRoots, Subject};
use baton_issuer::{InternalAuthority, Issuer};
use baton_platform::{clock, durable, host};
use baton_scheduler::{KeyChoice, ManagedCertificate, Renewals};
use baton_state::State;
use baton_store::{DirectoryStore, SharedStore};
use baton_target::{Activation, Files, HotSwap, Kind, Policy, Product, ProductKind, Target};
use baton_x509::{KeyAlgorithm, Name, PemContents, Trust, X509};
use fs_err as fs;
use jiff::SignedDuration;

use crate::cli::Globals;
use crate::failure::{Exit, Failure};
use crate::settings::{
    CertificateSettings, IssuerKind, IssuerSettings, Loaded, ProofSettings, TargetKind, TargetSettings,
};

/// The target and certificate of our own listener, and the CA that issues it where the settings name none.
pub(crate) const DESIGNER: &str = "designer";
const INTERNAL: &str = "internal";

const DEFAULT_LISTEN: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 8177);
const DEFAULT_LIFETIME: SignedDuration = SignedDuration::from_hours(47 * 24);
const DEFAULT_GRACE: SignedDuration = SignedDuration::from_hours(7 * 24);
const DEFAULT_TIME_LIMIT: Duration = Duration::from_secs(60);
const DEFAULT_PROBE_INTERVAL: Duration = Duration::from_secs(300);

/// Settings and data directory: enough to look at things.
#[derive(Debug)]
pub(crate) struct Place {
    pub(crate) loaded: Loaded,
    pub(crate) data: PathBuf,
}

/// What only `up` says about its own listener.
#[derive(Debug)]
pub(crate) struct OwnListener {
    pub(crate) address: SocketAddr,
    pub(crate) swap: Arc<dyn HotSwap>,
    pub(crate) lifetime: Option<SignedDuration>,
}

/// All parts, wired.
#[derive(Debug)]
pub(crate) struct App {
    pub(crate) place: Place,
    pub(crate) renewals: Arc<Renewals>,
}

impl Place {
    /// Finds settings and data directory; makes nothing.
    pub(crate) fn find(globals: &Globals) -> Result<Self, Failure> {
        let loaded =
            Loaded::read(globals.settings.as_deref()).map_err(|error| Failure::with(Exit::Usage, &error))?;
        let data = match (&globals.data, &loaded.settings.data) {
            (Some(data), _) => std::path::absolute(data).unwrap_or_else(|_| data.clone()),
            (None, Some(data)) => loaded.resolve(data),
            (None, None) => loaded.directory().join("baton-data"),
        };
        Ok(Self { loaded, data })
    }

    /// The same, for commands that only look: without a data directory there is nothing to see.
    pub(crate) fn find_existing(globals: &Globals) -> Result<Self, Failure> {
        let place = Self::find(globals)?;
        if !place.data.is_dir() {
            return Err(Failure::new(
                Exit::Usage,
                "data-missing",
                format!("there is no data directory `{}`", place.data.display()),
                "run `baton up` first, or name the directory with --data",
            ));
        }
        place.check_owner()?;
        Ok(place)
    }

    /// What can be wrong about the settings and the data directory before anything is made.
    pub(crate) fn check(&self) -> Result<(), Failure> {
        check_names(&self.loaded)?;
        check_references(&self.loaded)?;
        for target in &self.loaded.settings.target {
            target_kind(&self.loaded, target)?;
        }
        for issuer in &self.loaded.settings.issuer {
            read_roots(&self.loaded, issuer)?;
        }
        self.check_owner()
    }

    fn check_owner(&self) -> Result<(), Failure> {
        let unusable = |error: std::io::Error| {
            Failure::new(
                Exit::Usage,
                "data-unusable",
                format!("the data directory cannot be used: {error}"),
                "run Baton as the account that owns it, or name another with --data",
            )
        };
        match host::is_ours(&self.data).map_err(unusable)? {
            Some(false) => Err(Failure::new(
                Exit::Usage,
                "data-of-other-account",
                format!(
                    "the data directory `{}` belongs to {}, and this is {}",
                    self.data.display(),
                    host::owner(&self.data).unwrap_or_default(),
                    host::account()
                ),
                "run Baton as that account, or name another directory with --data",
            )),
            Some(true) if !self.data.is_dir() => Err(unusable(std::io::Error::new(
                std::io::ErrorKind::NotADirectory,
                format!("`{}` is not a directory", self.data.display()),
            ))),
            _ => Ok(()),
        }
    }

    pub(crate) fn make_data(&self) -> Result<(), Failure> {
        for directory in [self.data.clone(), self.data.join("locks")] {
            durable::create_private_directory(&directory).map_err(|error| {
                Failure::new(
                    Exit::Usage,
                    "data-unusable",
                    format!("the data directory cannot be made: {error}"),
                    "name another directory with --data",
                )
            })?;
        }
        Ok(())
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.data.join("baton.sock")
    }

    pub(crate) fn listen(&self, flag: Option<SocketAddr>) -> SocketAddr {
        flag.or(self.loaded.settings.designer.listen.map(|address| address.0)).unwrap_or(DEFAULT_LISTEN)
    }

    pub(crate) fn probe_interval(&self) -> Duration {
        self.loaded.settings.probe.interval.map_or(DEFAULT_PROBE_INTERVAL, |span| span.unsigned())
    }

    pub(crate) async fn state(&self) -> Result<State, Failure> {
        Ok(State::open(&self.data.join("state.db")).await?)
    }

    /// The store; it is made where it is absent.
    pub(crate) fn store(&self) -> Result<SharedStore, Failure> {
        open_store(&self.store_path())
    }

    /// The store, for commands that only look.
    pub(crate) fn existing_store(&self) -> Result<SharedStore, Failure> {
        let path = self.store_path();
        if !path.is_dir() {
            return Err(Failure::new(
                Exit::Usage,
                "store-missing",
                format!("there is no certificate store `{}`", path.display()),
                "`baton store import FILE` makes it; name another with [store] path, or with --data",
            ));
        }
        open_store(&path)
    }

    fn store_path(&self) -> PathBuf {
        match &self.loaded.settings.store.path {
            Some(path) => self.loaded.resolve(path),
            None => self.data.join("certificates"),
        }
    }

    /// The directory of an internal CA.
    pub(crate) fn authority(&self, issuer: &str) -> PathBuf {
        self.data.join("ca").join(issuer)
    }

    /// The names of the internal CAs that exist.
    pub(crate) fn authorities(&self) -> Vec<String> {
        let entries = fs::read_dir(self.data.join("ca")).into_iter().flatten().flatten();
        let mut names: Vec<String> = entries
            .filter(|entry| entry.path().join("root.pem").is_file())
            .map(|entry| entry.file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    }

    /// Our own listener's files.
    pub(crate) fn designer_files(&self) -> (PathBuf, PathBuf) {
        let directory = self.data.join(DESIGNER);
        (directory.join("certificate.pem"), directory.join("key.pem"))
    }
}

impl App {
    /// Wires everything; makes the data directory, the store and the internal CAs where they are absent.
    ///
    /// `own` is given by `up` alone; for other commands our own listener is a target that only `up` can change.
    pub(crate) async fn open(place: Place, own: Option<OwnListener>) -> Result<Self, Failure> {
        place.check()?;
        place.make_data()?;
        let store = place.store()?;
        let state = place.state().await?;
        let lifetime = own.as_ref().and_then(|own| own.lifetime);
        let mut issuers = Vec::new();
        let mut roots = Trust::default();
        for settings in &place.loaded.settings.issuer {
            issuers.push((settings.name.clone(), open_issuer(&place, settings, lifetime, &mut roots)?));
        }
        // Our own listener, its certificate and the CA for it come with the first `up`.
        let has_designer = own.is_some() || place.designer_files().0.exists();
        let has_authority = issuers.iter().any(|(_, issuer)| matches!(**issuer, Issuer::Internal { .. }));
        if !has_authority && (has_designer || names_internal(&place.loaded)) {
            let settings = IssuerSettings {
                name: INTERNAL.to_owned(),
                kind: IssuerKind::Internal,
                lifetime: None,
                permitted: Vec::new(),
                root: None,
            };
            issuers.push((INTERNAL.to_owned(), open_issuer(&place, &settings, lifetime, &mut roots)?));
        }
        let mut targets = Vec::new();
        for settings in &place.loaded.settings.target {
            targets.push(Arc::new(open_target(&place, settings, &store)?));
        }
        if has_designer {
            targets.push(Arc::new(designer_target(&place, own, &store)?));
        }
        let by_name: HashMap<&str, &Arc<Target>> =
            targets.iter().map(|target| (target.name.as_str(), target)).collect();
        let mut certificates: Vec<ManagedCertificate> = place
            .loaded
            .settings
            .certificate
            .iter()
            .map(|settings| managed(settings, &issuers, &by_name))
            .collect();
        let has_certificate =
            |certificate: &ManagedCertificate| certificate.targets.iter().any(|t| t.name == DESIGNER);
        if let Some(designer) = targets.iter().find(|target| target.name == DESIGNER)
            && !certificates.iter().any(has_certificate)
        {
            certificates.push(designer_certificate(&issuers, Arc::clone(designer)));
        }
        let grace = place.loaded.settings.retire.grace.map_or(DEFAULT_GRACE, |span| span.signed());
        let engine = Engine::new(state, place.data.join("locks"), KnownRoots::new(roots), grace);
        let renewals = Arc::new(Renewals { engine, store, certificates, targets });
        Ok(Self { place, renewals })
    }

    /// A target by its name.
    pub(crate) fn target(&self, name: &str) -> Result<&Arc<Target>, Failure> {
        self.renewals.targets.iter().find(|target| target.name == name).ok_or_else(|| {
            let known: Vec<&str> = self.renewals.targets.iter().map(|target| target.name.as_str()).collect();
            Failure::new(
                Exit::Usage,
                "target-unknown",
                format!("there is no target named {name:?} in the settings"),
                format!("the settings have: {}", known.join(", ")),
            )
        })
    }

    /// The targets that the settings describe: all but our own listener, which only a running `up` can speak for.
    pub(crate) fn targets_of_settings(&self) -> impl Iterator<Item = &Arc<Target>> {
        self.renewals.targets.iter().filter(|target| target.name != DESIGNER)
    }

    /// Every certificate with each of its targets, then the targets that have none.
    pub(crate) fn subjects(&self) -> Vec<Subject<'_>> {
        let certificates = &self.renewals.certificates;
        let mut subjects = Vec::new();
        for certificate in certificates {
            let name = Some(certificate.name.as_str());
            if certificate.targets.is_empty() {
                subjects.push(Subject { certificate: name, target: None });
            }
            for target in &certificate.targets {
                subjects.push(Subject { certificate: name, target: Some(target) });
            }
        }
        let used: HashSet<&str> = certificates
            .iter()
            .flat_map(|certificate| &certificate.targets)
            .map(|target| target.name.as_str())
            .collect();
        let unused = self.renewals.targets.iter().filter(|target| !used.contains(target.name.as_str()));
        subjects.extend(unused.map(|target| Subject { certificate: None, target: Some(target) }));
        subjects
    }
}

fn wrong(loaded: &Loaded, message: impl Into<String>, hint: impl Into<String>) -> Failure {
    Failure::with(Exit::Usage, &loaded.wrong(message, hint))
}

/// Names become file names of locks and directories, and are typed on command lines.
fn check_names(loaded: &Loaded) -> Result<(), Failure> {
    let settings = &loaded.settings;
    let lists: [(&str, Vec<&str>); 3] = [
        ("issuer", settings.issuer.iter().map(|issuer| issuer.name.as_str()).collect()),
        ("target", settings.target.iter().map(|target| target.name.as_str()).collect()),
        ("certificate", settings.certificate.iter().map(|certificate| certificate.name.as_str()).collect()),
    ];
    for (kind, names) in lists {
        let mut seen = HashSet::new();
        for name in &names {
            let is_sound = (1..=100).contains(&name.len())
                && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
                && !name.starts_with(['.', '-']);
            if !is_sound {
                return Err(wrong(
                    loaded,
                    format!("{name:?} cannot be the name of a [[{kind}]]"),
                    "use letters, digits, hyphen, underscore and dot",
                ));
            }
            if !seen.insert(name) {
                return Err(wrong(
                    loaded,
                    format!("there are two [[{kind}]] named {name:?}"),
                    "give each its own name",
                ));
            }
            if kind == "target" && *name == DESIGNER {
                return Err(wrong(
                    loaded,
                    format!("{DESIGNER:?} is the name of Baton's own listener"),
                    "choose another name for the [[target]]",
                ));
            }
        }
    }
    Ok(())
}

/// Every name that one part of the settings uses must be given by another.
fn check_references(loaded: &Loaded) -> Result<(), Failure> {
    let settings = &loaded.settings;
    let issuers: HashSet<&str> = settings.issuer.iter().map(|issuer| issuer.name.as_str()).collect();
    let targets: HashSet<&str> = settings.target.iter().map(|target| target.name.as_str()).collect();
    let has_own_authority = settings.issuer.iter().any(|issuer| issuer.kind == IssuerKind::Internal);
    for certificate in &settings.certificate {
        let name = &certificate.name;
        if certificate.names.is_empty() {
            return Err(wrong(
                loaded,
                format!("the certificate {name:?} has no names"),
                "set names = [\"…\"]",
            ));
        }
        let is_internal = certificate.issuer == INTERNAL && !has_own_authority;
        if name == DESIGNER && !certificate.targets.iter().any(|target| target == DESIGNER) {
            return Err(wrong(
                loaded,
                format!("the certificate {name:?} is the one of Baton's own listener"),
                "choose another name, or add \"designer\" to its targets",
            ));
        }
        if !is_internal && !issuers.contains(certificate.issuer.as_str()) {
            return Err(wrong(
                loaded,
                format!("the certificate {name:?} names an unknown issuer {:?}", certificate.issuer),
                "add an [[issuer]] of that name",
            ));
        }
        for target in &certificate.targets {
            if target != DESIGNER && !targets.contains(target.as_str()) {
                return Err(wrong(
                    loaded,
                    format!("the certificate {name:?} names an unknown target {target:?}"),
                    "add a [[target]] of that name",
                ));
            }
        }
    }
    Ok(())
}

/// Whether a certificate asks for the internal CA that needs no `[[issuer]]`.
fn names_internal(loaded: &Loaded) -> bool {
    loaded.settings.certificate.iter().any(|certificate| certificate.issuer == INTERNAL)
}

fn open_store(path: &Path) -> Result<SharedStore, Failure> {
    Ok(Arc::new(DirectoryStore::open(path)?))
}

/// The roots that an issuer's certificates lead to, as its settings name them.
fn read_roots(loaded: &Loaded, settings: &IssuerSettings) -> Result<Vec<X509>, Failure> {
    let Some(root) = &settings.root else { return Ok(Vec::new()) };
    let unusable = |reason: String| {
        wrong(
            loaded,
            format!("the root of the issuer {:?} cannot be read: {reason}", settings.name),
            "name a PEM file with the CA's root certificate",
        )
    };
    let text = fs::read(loaded.resolve(root)).map_err(|error| unusable(error.to_string()))?;
    let contents = PemContents::read(&text).map_err(|error| unusable(error.to_string()))?;
    Ok(contents.certificates)
}

fn open_issuer(
    place: &Place,
    settings: &IssuerSettings,
    lifetime: Option<SignedDuration>,
    roots: &mut Trust,
) -> Result<Arc<Issuer>, Failure> {
    read_roots(&place.loaded, settings)?.iter().for_each(|root| roots.add(root.to_rustls()));
    if settings.kind == IssuerKind::Manual {
        return Ok(Arc::new(Issuer::Manual));
    }
    let mut permitted = own_names();
    let of_issuer = |certificate: &&CertificateSettings| certificate.issuer == settings.name;
    let certificates = place.loaded.settings.certificate.iter().filter(of_issuer);
    permitted
        .extend(certificates.flat_map(|certificate| certificate.names.iter().map(|name| name.0.clone())));
    permitted.extend(settings.permitted.iter().map(|name| name.0.clone()));
    permitted.sort();
    permitted.dedup();
    let directory = place.authority(&settings.name);
    let label = host::host_name().unwrap_or_else(|| "this machine".to_owned());
    let authority = InternalAuthority::open(&directory, &label, &permitted, clock::now())?;
    roots.add(authority.root().to_rustls());
    let lifetime = lifetime.or(settings.lifetime.map(|span| span.signed())).unwrap_or(DEFAULT_LIFETIME);
    Ok(Arc::new(Issuer::Internal { authority: Box::new(authority), lifetime }))
}

/// What our own certificate is for: localhost and this host's name, and the loopback addresses that people type.
fn own_names() -> Vec<Name> {
    let mut names = vec![Name::Dns("localhost".to_owned())];
    names.extend(host::host_name().filter(|name| name != "localhost").and_then(|name| name.parse().ok()));
    names.push(Name::Ip(std::net::Ipv4Addr::LOCALHOST.into()));
    names.push(Name::Ip(std::net::Ipv6Addr::LOCALHOST.into()));
    names
}

/// The host names under which the Designer may be asked for.
pub(crate) fn own_hosts() -> Vec<String> {
    own_names().iter().map(Name::to_string).collect()
}

fn time_limit(settings: &TargetSettings) -> Duration {
    settings.time_limit.map_or(DEFAULT_TIME_LIMIT, |span| span.unsigned())
}

/// What kind of server the settings describe; tells what does not fit before anything is made.
fn target_kind(loaded: &Loaded, settings: &TargetSettings) -> Result<Kind, Failure> {
    let time_limit = time_limit(settings);
    let refuse = |message: String, hint: &str| {
        wrong(loaded, format!("the target {:?} {message}", settings.name), hint)
    };
    Ok(match (settings.product, settings.kind) {
        (Some(_), Some(TargetKind::Files)) => {
            return Err(refuse(
                "is a product and of the kind \"files\"".to_owned(),
                "take one of the two away",
            ));
        }
        (Some(product), _) => {
            let product = ProductKind::from(product);
            let directory = match (&settings.directory, product.default_directory()) {
                (Some(directory), _) => loaded.resolve(directory),
                (None, Some(directory)) => PathBuf::from(directory),
                (None, None) => return Err(refuse("has no directory".to_owned(), "set directory = \"…\"")),
            };
            Kind::Product(Product { kind: product, directory })
        }
        (None, Some(TargetKind::Product)) => {
            return Err(refuse(
                "does not say which product it is".to_owned(),
                "set product = \"yunio\" or another",
            ));
        }
        (None, _) => match (&settings.certificate, &settings.key) {
            (Some(certificate), Some(key)) if certificate != key => Kind::Files(Files {
                certificate: loaded.resolve(certificate),
                key: loaded.resolve(key),
                check: settings.check.clone().filter(|argv| !argv.is_empty()),
                time_limit,
            }),
            (Some(_), Some(_)) => {
                return Err(refuse(
                    "has certificate and key in one file".to_owned(),
                    "give each a file of its own",
                ));
            }
            _ => return Err(refuse("lacks its files".to_owned(), "set certificate = \"…\" and key = \"…\"")),
        },
    })
}

fn open_target(place: &Place, settings: &TargetSettings, store: &SharedStore) -> Result<Target, Failure> {
    let loaded = &place.loaded;
    let time_limit = time_limit(settings);
    let kind = target_kind(loaded, settings)?;
    let is_files = matches!(kind, Kind::Files(_));
    let activation = match settings.activate.clone() {
        Some(argv) if argv.is_empty() => Some(Activation::Watches),
        Some(argv) => Some(Activation::command(argv, time_limit)),
        None => is_files.then_some(Activation::Watches),
    };
    Ok(Target {
        name: settings.name.clone(),
        kind,
        store: match &settings.store {
            Some(path) => open_store(&loaded.resolve(path))?,
            None => Arc::clone(store),
        },
        activation,
        endpoints: settings.endpoints.iter().map(|endpoint| endpoint.parts()).collect(),
        policy: policy(settings.proof.as_ref(), &loaded.settings.proof),
    })
}

fn policy(own: Option<&ProofSettings>, common: &ProofSettings) -> Policy {
    let default = Policy::default();
    let own = own.copied().unwrap_or_default();
    Policy {
        connections: own
            .connections
            .or(common.connections)
            .map_or(default.connections, std::num::NonZeroU32::get),
        over: own.over.or(common.over).map_or(default.over, |span| span.unsigned()),
        quiet: own.quiet.or(common.quiet).map_or(default.quiet, |span| span.unsigned()),
        deadline: own.deadline.or(common.deadline).map_or(default.deadline, |span| span.unsigned()),
    }
}

/// Our own listener: PEM files like any other server's, taken up by a hot swap.
fn designer_target(place: &Place, own: Option<OwnListener>, store: &SharedStore) -> Result<Target, Failure> {
    let (certificate, key) = place.designer_files();
    let directory = place.data.join(DESIGNER);
    durable::create_private_directory(&directory).map_err(|error| {
        Failure::new(
            Exit::Failed,
            "data-unusable",
            error.to_string(),
            "see that the disk is writable and has room",
        )
    })?;
    let address = own.as_ref().map_or_else(|| place.listen(None), |own| own.address);
    Ok(Target {
        name: DESIGNER.to_owned(),
        kind: Kind::Files(Files { certificate, key, check: None, time_limit: DEFAULT_TIME_LIMIT }),
        store: Arc::clone(store),
        activation: own.map(|own| Activation::HotSwap(own.swap)),
        endpoints: vec![(address.into(), Some("localhost".to_owned()))],
        policy: policy(None, &place.loaded.settings.proof),
    })
}

fn managed(
    settings: &CertificateSettings,
    issuers: &[(String, Arc<Issuer>)],
    targets: &HashMap<&str, &Arc<Target>>,
) -> ManagedCertificate {
    let named = |wanted: &String| issuers.iter().find(|(name, _)| name == wanted);
    let first_internal = || issuers.iter().find(|(_, issuer)| matches!(**issuer, Issuer::Internal { .. }));
    let issuer = named(&settings.issuer).or_else(first_internal).map(|(_, issuer)| Arc::clone(issuer));
    ManagedCertificate {
        name: settings.name.clone(),
        names: settings.names.iter().map(|name| name.0.clone()).collect(),
        issuer: issuer.unwrap_or_else(|| Arc::new(Issuer::Manual)),
        key: KeyAlgorithm::from(settings.key),
        successor: KeyChoice::from(settings.successor),
        targets: settings
            .targets
            .iter()
            .enumerate()
            // Named twice is handed over once.
            .filter(|(position, name)| !settings.targets[..*position].contains(name))
            .filter_map(|(_, name)| targets.get(name.as_str()).map(|target| Arc::clone(target)))
            .collect(),
    }
}

fn designer_certificate(issuers: &[(String, Arc<Issuer>)], designer: Arc<Target>) -> ManagedCertificate {
    let internal = issuers.iter().find(|(_, issuer)| matches!(**issuer, Issuer::Internal { .. }));
    let issuer = internal.map_or_else(|| Arc::new(Issuer::Manual), |(_, issuer)| Arc::clone(issuer));
    let mut names = own_names();
    if let Issuer::Internal { authority, .. } = &*issuer {
        // The host may have another name today than when its CA was made.
        names.retain(|name| authority.permits(name));
    }
    ManagedCertificate {
        name: DESIGNER.to_owned(),
        names,
        issuer,
        key: KeyAlgorithm::EcdsaP256,
        successor: KeyChoice::NewKey,
        targets: vec![designer],
    }
}
