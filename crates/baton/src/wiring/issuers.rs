//! The issuers of the settings.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use baton_issuer::{
    Acme, AcmeSettings, Adcs, AdcsSettings, CommandAuthority, CommandSettings, ExchangeSettings,
    HttpResponder, InternalAuthority, Issuer, KeptRequests, Solver, TlsResponder, Trusted,
};
use baton_platform::{clock, host};
use baton_x509::{Name, Trust, X509};
use jiff::SignedDuration;

use crate::failure::{Exit, Failure};
use crate::place::Place;
use crate::settings::dns::dns_solver;
use crate::settings::{CertificateSettings, Challenge, IssuerKind, IssuerSettings, Settings, rules};
use crate::wiring::own_names;

const DEFAULT_LIFETIME: SignedDuration = SignedDuration::from_hours(47 * 24);

const HTTP_PORT: u16 = 80;
const TLS_PORT: u16 = 443;

/// How long an ACME order may take: CAs that ask a person, or DNS that is slow to spread, need minutes.
const ORDER_PATIENCE: Duration = Duration::from_secs(15 * 60);

/// After how long a request that waits for its approval is asked for again.
const DEFAULT_POLL: SignedDuration = SignedDuration::from_mins(15);

/// Microsoft's program, found on PATH.
const CERTREQ: &str = "certreq";

/// Opens issuers one after the other; what they share is made once.
pub(super) struct IssuerOpener<'a> {
    place: &'a Place,
    /// How long the internal CA's certificates live, where the command line says it.
    lifetime: Option<SignedDuration>,
    /// The port of our own listener, where it is open.
    listens_on: Option<u16>,
    /// Ports of http-01 and tls-alpn-01, shared by the issuers that use the same.
    http: HashMap<Vec<SocketAddr>, Arc<HttpResponder>>,
    tls: HashMap<Vec<SocketAddr>, Arc<TlsResponder>>,
    /// What all issuers' certificates lead to.
    pub(super) roots: Trust,
    /// The challenges that our own listener answers.
    pub(super) own_challenges: Option<Arc<TlsResponder>>,
}

/// Whether the Designer's port is that of tls-alpn-01: it then listens to the outside too, for challenges alone.
pub(crate) fn answers_by_designer(settings: &Settings, port: u16) -> bool {
    settings
        .issuer
        .iter()
        .any(|issuer| issuer.challenge == Some(Challenge::TlsAlpn01) && tls_port(issuer) == port)
}

fn tls_port(settings: &IssuerSettings) -> u16 {
    settings.tls_port.map_or(TLS_PORT, std::num::NonZeroU16::get)
}

impl<'a> IssuerOpener<'a> {
    pub(super) fn new(
        place: &'a Place,
        lifetime: Option<SignedDuration>,
        listens_on: Option<u16>,
        own_challenges: Option<Arc<TlsResponder>>,
    ) -> Self {
        Self {
            place,
            lifetime,
            listens_on,
            http: HashMap::new(),
            tls: HashMap::new(),
            roots: Trust::default(),
            own_challenges,
        }
    }

    pub(super) fn open(&mut self, settings: &IssuerSettings) -> Result<Arc<Issuer>, Failure> {
        let roots = rules::read_roots(&self.place.loaded, settings)?;
        roots.iter().for_each(|root| self.roots.add(root.to_rustls()));
        match settings.kind {
            IssuerKind::Manual => Ok(Arc::new(Issuer::Manual)),
            IssuerKind::Internal => {
                let permitted: Vec<Name> = settings.permitted.iter().map(|name| name.0.clone()).collect();
                let lifetime = settings.lifetime.map(|span| span.signed());
                self.open_internal(&settings.name, lifetime, &permitted)
            }
            IssuerKind::Command => {
                let command = CommandSettings {
                    command: settings.command.clone().unwrap_or_default(),
                    time_limit: settings.time_limit.map_or(rules::DEFAULT_TIME_LIMIT, |span| span.unsigned()),
                };
                let authority = CommandAuthority::new(command, self.exchange(settings, roots));
                Ok(Arc::new(Issuer::Command(Box::new(authority))))
            }
            IssuerKind::Adcs => {
                let adcs = AdcsSettings {
                    program: CERTREQ.into(),
                    authority: settings.authority.clone().unwrap_or_default(),
                    poll: settings.poll.map_or(DEFAULT_POLL, |span| span.signed()),
                };
                Ok(Arc::new(Issuer::Adcs(Box::new(Adcs::new(adcs, self.exchange(settings, roots))))))
            }
            IssuerKind::Acme => {
                let trusted = match settings.root {
                    Some(_) => Trusted::Only(roots.iter().map(|root| root.to_rustls()).collect()),
                    None => Trusted::System,
                };
                self.open_acme(settings, trusted)
            }
        }
    }

    /// What issuers share whose CA is asked by a program.
    fn exchange(&self, settings: &IssuerSettings, roots: Vec<X509>) -> ExchangeSettings {
        ExchangeSettings {
            issuer: settings.name.clone(),
            requests: KeptRequests::new(self.place.data.join("requests")),
            directory: self.place.data.join("exchange"),
            roots,
            template: settings.template.as_ref().map(|template| template.0.clone()),
        }
    }

    /// An internal CA; it is made where it is absent.
    pub(super) fn open_internal(
        &mut self,
        name: &str,
        lifetime: Option<SignedDuration>,
        more: &[Name],
    ) -> Result<Arc<Issuer>, Failure> {
        let mut permitted = own_names();
        let of_issuer = |certificate: &&CertificateSettings| certificate.issuer == name;
        let certificates = self.place.loaded.settings.certificate.iter().filter(of_issuer);
        permitted
            .extend(certificates.flat_map(|certificate| certificate.names.iter().map(|name| name.0.clone())));
        permitted.extend_from_slice(more);
        permitted.sort();
        permitted.dedup();
        let directory = self.place.authority(name);
        let label = host::host_name().unwrap_or_else(|| "this machine".to_owned());
        let authority = InternalAuthority::open(&directory, &label, &permitted, clock::now())?;
        self.roots.add(authority.root().to_rustls());
        let lifetime = self.lifetime.or(lifetime).unwrap_or(DEFAULT_LIFETIME);
        Ok(Arc::new(Issuer::Internal { authority: Arc::new(authority), lifetime }))
    }

    fn open_acme(&mut self, settings: &IssuerSettings, trusted: Trusted) -> Result<Arc<Issuer>, Failure> {
        let Some(directory) = &settings.directory else { return Ok(Arc::new(Issuer::Manual)) };
        let acme = AcmeSettings {
            directory_url: directory.0.clone(),
            trusted,
            contact: settings.contact.iter().map(|contact| contact.0.clone()).collect(),
            external_account: rules::external_account(&self.place.loaded, settings)?,
            profile: settings.profile.clone(),
            solver: self.solver(settings)?,
            patience: ORDER_PATIENCE,
        };
        let files = self.place.data.join("acme").join(&settings.name);
        let acme = Acme::open(files, acme).map_err(|error| Failure::with(Exit::Usage, &error))?;
        Ok(Arc::new(Issuer::Acme(Box::new(acme))))
    }

    fn solver(&mut self, settings: &IssuerSettings) -> Result<Solver, Failure> {
        if let Some(dns) = &settings.dns {
            return Ok(Solver::Dns(Box::new(dns_solver(&self.place.loaded, dns)?)));
        }
        Ok(self.port_solver(settings))
    }

    fn port_solver(&mut self, settings: &IssuerSettings) -> Solver {
        let everywhere = || vec![IpAddr::V4(Ipv4Addr::UNSPECIFIED), IpAddr::V6(Ipv6Addr::UNSPECIFIED)];
        let addresses = settings.challenge_addresses.clone().unwrap_or_else(everywhere);
        let on = |port: u16| addresses.iter().map(|ip| SocketAddr::new(*ip, port)).collect::<Vec<_>>();
        if settings.challenge == Some(Challenge::TlsAlpn01) {
            let port = tls_port(settings);
            if self.listens_on == Some(port) {
                let own = self.own_challenges.get_or_insert_with(|| Arc::new(TlsResponder::new(Vec::new())));
                return Solver::TlsAlpn(Arc::clone(own));
            }
            let addresses = on(port);
            let responder = self.tls.entry(addresses.clone());
            return Solver::TlsAlpn(Arc::clone(
                responder.or_insert_with(|| Arc::new(TlsResponder::new(addresses))),
            ));
        }
        if let Some(webroot) = &settings.webroot {
            return Solver::Webroot(self.place.loaded.resolve(webroot));
        }
        let addresses = on(settings.http_port.map_or(HTTP_PORT, std::num::NonZeroU16::get));
        let responder = self.http.entry(addresses.clone());
        Solver::Http(Arc::clone(responder.or_insert_with(|| Arc::new(HttpResponder::new(addresses)))))
    }
}
