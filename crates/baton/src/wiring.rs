//! From settings to the parts that do the work.

mod issuers;

use std::collections::HashMap;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use baton_finding::Explain as _;
use baton_handover::{Engine, KnownRoots, Subject};
use baton_issuer::{Issuer, KeptRequests, TlsResponder};
use baton_platform::door::Doorkeeper;
use baton_platform::{clock, durable, host};
use baton_scheduler::{KeyChoice, ManagedCertificate, Renewals};
use baton_state::State;
use baton_store::SharedStore;
use baton_target::{Activation, Files, Guard, HotSwap, Kind, Placement, Policy, Target, Tls, Understood};
use baton_x509::{KeyAlgorithm, Name};
use jiff::SignedDuration;

use crate::failure::{Exit, Failure};
use crate::place::Place;
use crate::settings::activation::activation;
use crate::settings::{self, CertificateSettings, ProofSettings, Settings, Successor, TargetSettings, rules};
use crate::wiring::issuers::IssuerOpener;
pub(crate) use crate::wiring::issuers::answers_by_designer;

/// The target and certificate of our own listener, and the CA that issues it where the settings name none.
pub(crate) const DESIGNER: &str = "designer";
pub(crate) const INTERNAL: &str = "internal";

/// Two years.
const DEFAULT_KEY_AGE: SignedDuration = SignedDuration::from_hours(730 * 24);
const DEFAULT_GRACE: SignedDuration = SignedDuration::from_hours(7 * 24);

/// What only `up` says about its own listener.
#[derive(Debug, Clone)]
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
    /// The issuers by their names.
    pub(crate) issuers: Vec<(String, Arc<Issuer>)>,
    /// The challenges of tls-alpn-01 that our own listener answers.
    pub(crate) own_challenges: Option<Arc<TlsResponder>>,
}

impl App {
    /// Wires everything; makes the data directory, the store and the internal CAs where they are absent.
    ///
    /// `own` is given by `up` alone; for other commands our own listener is a target that only `up` can change.
    pub(crate) async fn open(place: Place, own: Option<OwnListener>) -> Result<Self, Failure> {
        let thoroughly = own.is_some();
        Self::open_with(place, own, thoroughly).await
    }

    /// Wires everything for a command that mends what was interrupted: the whole state database is checked first.
    pub(crate) async fn open_thoroughly(place: Place) -> Result<Self, Failure> {
        Self::open_with(place, None, true).await
    }

    /// Wires other settings over the same state, for a running `up`.
    pub(crate) fn with_settings(&self, place: Place, own: OwnListener) -> Result<Self, Failure> {
        place.check()?;
        let state = self.renewals.engine.state().clone();
        Self::wire(place, Some(own), state, self.own_challenges.clone())
    }

    async fn open_with(place: Place, own: Option<OwnListener>, thoroughly: bool) -> Result<Self, Failure> {
        place.check()?;
        place.make_data()?;
        let state = place.state(thoroughly).await?;
        Self::wire(place, own, state, None)
    }

    /// `own_challenges` are those that our own listener answers already.
    fn wire(
        place: Place,
        own: Option<OwnListener>,
        state: State,
        own_challenges: Option<Arc<TlsResponder>>,
    ) -> Result<Self, Failure> {
        let store = place.store()?;
        let lifetime = own.as_ref().and_then(|own| own.lifetime);
        let listens_on = own.as_ref().map(|own| own.address.port());
        let mut opener = IssuerOpener::new(&place, lifetime, listens_on, own_challenges);
        let mut issuers = Vec::new();
        for settings in &place.loaded.settings.issuer {
            issuers.push((settings.name.clone(), opener.open(settings)?));
        }
        // Our own listener, its certificate and the CA for it come with the first `up`.
        let has_designer = own.is_some() || place.designer_files().0.exists();
        let has_authority = issuers.iter().any(|(_, issuer)| matches!(**issuer, Issuer::Internal { .. }));
        if !has_authority && (has_designer || rules::names_internal(&place.loaded)) {
            issuers.push((INTERNAL.to_owned(), opener.open_internal(INTERNAL, None, &[])?));
        }
        let IssuerOpener { roots, own_challenges, .. } = opener;
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
        let engine = Engine::new(state, place.data.join("locks"), KnownRoots::new(roots), grace)
            .with_watchdog(place.watchdog()?);
        let renewals = Arc::new(Renewals {
            engine,
            store,
            certificates,
            targets,
            requests: KeptRequests::new(place.data.join("requests")),
        });
        Ok(Self { place, renewals, issuers, own_challenges })
    }

    /// The end of a command that changes something: from time to time a copy of the journal is kept.
    pub(crate) async fn leave(&self) {
        let state = self.renewals.engine.state();
        if let Err(error) = state.keep_copy(clock::now()).await {
            tracing::warn!("no copy of the journal was made: {}", error.chain());
        }
        state.leave().await;
    }

    /// A target by its name.
    pub(crate) fn target(&self, name: &str) -> Result<&Arc<Target>, Failure> {
        self.renewals.targets.iter().find(|target| target.name == name).ok_or_else(|| {
            let known: Vec<&str> = self.renewals.targets.iter().map(|target| target.name.as_str()).collect();
            let hint = match known.as_slice() {
                [] => "add a [[target]] to baton.toml".to_owned(),
                known => format!("the settings have: {}", known.join(", ")),
            };
            Failure::new(
                Exit::Usage,
                "target-unknown",
                format!("there is no target named {name:?} in the settings"),
                hint,
            )
        })
    }

    /// The targets that the settings describe: all but our own listener, which only a running `up` can speak for.
    pub(crate) fn targets_of_settings(&self) -> impl Iterator<Item = &Arc<Target>> {
        self.renewals.targets.iter().filter(|target| target.name != DESIGNER)
    }

    /// All targets that this process can change.
    pub(crate) fn targets_at_hand(&self, is_up: bool) -> impl Iterator<Item = &Arc<Target>> {
        self.renewals.targets.iter().filter(move |target| is_up || target.name != DESIGNER)
    }

    /// Every certificate with each of its targets, then the targets that have none.
    pub(crate) fn subjects(&self) -> Vec<Subject<'_>> {
        self.renewals.subjects()
    }
}

/// What our own certificate is for: localhost and this host's name, and the loopback addresses that people type.
fn own_names() -> Vec<Name> {
    let mut names = vec![Name::Dns("localhost".to_owned())];
    names.extend(host::host_name().filter(|name| name != "localhost").and_then(|name| name.parse().ok()));
    names.push(Name::Ip(Ipv4Addr::LOCALHOST.into()));
    names.push(Name::Ip(Ipv6Addr::LOCALHOST.into()));
    names
}

/// The host names under which the Designer may be asked for: those of this machine, and those of the certificates that
/// are handed over to it.
pub(crate) fn own_hosts(settings: &Settings) -> Vec<String> {
    let is_ours =
        |certificate: &&CertificateSettings| certificate.targets.iter().any(|target| target == DESIGNER);
    let named = settings.certificate.iter().filter(is_ours).flat_map(|certificate| &certificate.names);
    own_names().iter().chain(named.map(|name| &name.0)).map(Name::to_string).collect()
}

/// Where a listener can be asked: one that listens on all addresses, on the loopback interface.
pub(crate) fn asked_at(mut listen: SocketAddr) -> SocketAddr {
    if listen.ip().is_unspecified() {
        listen.set_ip(match listen {
            SocketAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
            SocketAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
        });
    }
    listen
}

fn open_target(place: &Place, settings: &TargetSettings, store: &SharedStore) -> Result<Target, Failure> {
    let loaded = &place.loaded;
    let kind = rules::target_kind(loaded, settings)?;
    let (guard, commands) = rules::guard(loaded, settings)?;
    let activation = activation(loaded, settings, &kind)?;
    Ok(Target {
        name: settings.name.clone(),
        kind,
        store: match settings::store::of_target(loaded, settings)? {
            own if own == settings::store::own(loaded)? => Arc::clone(store),
            other => place.open_store(&other)?,
        },
        activation,
        endpoints: settings.endpoints.iter().map(|endpoint| endpoint.parts()).collect(),
        policy: policy(settings.proof.as_ref(), &loaded.settings.proof),
        doors: Doorkeeper { directory: place.doors(), commands },
        guard,
        nodes: rules::nodes(loaded, settings)?,
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
    let address = asked_at(own.as_ref().map_or_else(|| place.listen(None), |own| own.address));
    Ok(Target {
        name: DESIGNER.to_owned(),
        kind: Kind::Files(Files {
            certificate,
            key,
            check: None,
            time_limit: rules::DEFAULT_TIME_LIMIT,
            placement: Placement::of_this_system(),
            understood: Understood::default(),
        }),
        store: Arc::clone(store),
        activation: own.map(|own| Activation::HotSwap(own.swap)),
        endpoints: vec![(address.into(), Some("localhost".to_owned()))],
        policy: policy(None, &place.loaded.settings.proof),
        doors: Doorkeeper { directory: place.doors(), commands: None },
        guard: Guard { always: false, tls: Tls::On, ports: Vec::new(), limit: Duration::ZERO },
        nodes: Vec::new(),
    })
}

fn managed(
    settings: &CertificateSettings,
    issuers: &[(String, Arc<Issuer>)],
    targets: &HashMap<&str, &Arc<Target>>,
) -> ManagedCertificate {
    let named = |wanted: &String| issuers.iter().find(|(name, _)| name == wanted);
    let first_internal = || issuers.iter().find(|(_, issuer)| matches!(**issuer, Issuer::Internal { .. }));
    let issuer = named(&settings.issuer).or_else(first_internal);
    ManagedCertificate {
        name: settings.name.clone(),
        names: settings.names.iter().map(|name| name.0.clone()).collect(),
        issuer: issuer.map_or_else(|| Arc::new(Issuer::Manual), |(_, issuer)| Arc::clone(issuer)),
        issuer_name: issuer.map_or_else(|| settings.issuer.clone(), |(name, _)| name.clone()),
        key: KeyAlgorithm::from(settings.key),
        successor: KeyChoice::from(settings.successor),
        allows_same_key: settings.allow_same_key || settings.successor == Successor::SameKey,
        longest_key_age: settings.longest_key_age.map_or(DEFAULT_KEY_AGE, |span| span.signed()),
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
    let issuer_name = internal.map(|(name, _)| name.clone()).unwrap_or_default();
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
        issuer_name,
        key: KeyAlgorithm::EcdsaP256,
        successor: KeyChoice::NewKey,
        allows_same_key: false,
        longest_key_age: DEFAULT_KEY_AGE,
        targets: vec![designer],
    }
}
