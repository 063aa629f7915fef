//! A target as the settings describe it.

use std::fmt;
use std::path::PathBuf;

use baton_finding::Finding;
use baton_platform::door::Doorkeeper;
use baton_store::SharedStore;
use baton_x509::{Certificate, Thumbprint, X509};
use serde::{Deserialize, Serialize};

use crate::action::{Action, ActionContext};
use crate::activation::{Activation, ActivationError};
use crate::endpoint::{Endpoint, EndpointAddress};
use crate::files::Files;
use crate::guard::Guard;
use crate::image::KeptFile;
use crate::inspection::{Found, Inspection, PlanError, TargetError};
use crate::key_access;
use crate::node::{self, Node};
use crate::product::{Product, ProductServer, Protocol};
use crate::prove::Policy;

/// What kind of server it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// It reads PEM files.
    Files(Files),
    /// It names a certificate of a store in its settings.
    Product(Product),
}

/// A server that names a certificate.
#[derive(Debug, Clone)]
pub struct Target {
    /// Its name in the settings.
    pub name: String,
    /// What kind of server it is.
    pub kind: Kind,
    /// Where the server, or the stage of its files, takes certificates from.
    pub store: SharedStore,
    /// How it takes up a change; `None` when nobody said.
    pub activation: Option<Activation>,
    /// Where it can be asked, as the settings say: an address, and a name where one is given.
    pub endpoints: Vec<(EndpointAddress, Option<String>)>,
    /// When it counts as proven.
    pub policy: Policy,
    /// How its ports are closed to the outside.
    pub doors: Doorkeeper,
    /// How it is handed over behind a closed door, where that is asked for.
    pub guard: Guard,
    /// product: the other machines that read the same settings files.
    pub nodes: Vec<Node>,
}

/// What a handover would do: journaled before anything is done.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// Before anything that is in use changes.
    pub stage: Vec<Action>,
    /// The references, all as one.
    pub switch: Vec<Action>,
}

impl Plan {
    /// What it would do now, for people: a text for each action.
    pub fn describe(&self) -> impl Iterator<Item = String> {
        let of_step = |step: &'static str, actions: &[Action]| -> Vec<String> {
            actions.iter().map(|action| format!("{step}: {}", action.describe())).collect()
        };
        of_step("stage", &self.stage).into_iter().chain(of_step("switch", &self.switch))
    }
}

impl Target {
    /// Whether it takes keys from its store, so that a key that cannot be taken out does for it.
    pub fn uses_key_in_store(&self) -> bool {
        matches!(self.kind, Kind::Product(_))
    }

    /// Looks at the target; changes nothing.
    pub fn inspect(&self) -> Result<Inspection, TargetError> {
        self.inspect_with(&[])
    }

    /// Looks at the target as if the settings files that were set aside were in place.
    pub fn inspect_with(&self, kept: &[KeptFile]) -> Result<Inspection, TargetError> {
        let mut inspection = match &self.kind {
            Kind::Files(files) => files.inspect()?,
            Kind::Product(product) => product.inspect(self.store.as_ref(), kept)?,
        };
        if self.activation.is_none() {
            inspection.findings.push(Finding::error(
                "activation-unknown",
                format!("how the service of {:?} is restarted is not known", self.name),
                "set `activate` of the target, for example activate = [\"systemctl\", \"restart\", \"NAME\"]",
            ));
        }
        if let Some(Activation::Service(service)) = &self.activation {
            match service.status().and_then(|_| service.running_dependents()) {
                Ok(dependents) => inspection.dependents = dependents,
                Err(error) => inspection.findings.push(Finding::from_error(&error)),
            }
        }
        Ok(inspection)
    }

    /// Where the target can be asked, and for which name: the settings' own endpoints, else the product's.
    ///
    /// An address without a name is asked for `certificate`'s first DNS name, which is what its clients use.
    pub fn endpoints(&self, inspection: &Inspection, certificate: Option<&X509>) -> Vec<Endpoint> {
        let own_name = certificate
            .and_then(|certificate| certificate.dns_names().first())
            // A wildcard cannot be asked for; any one name below it can.
            .map(|name| name.replacen("*.", "www.", 1));
        let name_for = |address: &EndpointAddress| {
            let is_ip = address.host().parse::<std::net::IpAddr>().is_ok();
            let covered = certificate.is_some_and(|certificate| certificate.covers(address.host()));
            match &own_name {
                Some(name) if is_ip && !covered => name.clone(),
                _ => address.host().to_owned(),
            }
        };
        let is_meant =
            |(address, _): &&(EndpointAddress, Option<String>)| match (&self.kind, &inspection.found) {
                (Kind::Product(product), Found::Product(found)) => product.is_meant_at(found, address.port()),
                _ => true,
            };
        let told: Vec<_> = self.endpoints.iter().filter(is_meant).collect();
        if !told.is_empty() {
            let endpoint = |(address, name): &(EndpointAddress, Option<String>)| Endpoint {
                name: name.clone().unwrap_or_else(|| name_for(address)),
                address: address.clone(),
                assumed: false,
            };
            return told.into_iter().map(endpoint).collect();
        }
        match (&self.kind, &inspection.found) {
            (Kind::Product(product), Found::Product(found)) => {
                product.endpoints_of(found, own_name.as_deref().unwrap_or("localhost"))
            }
            _ => Vec::new(),
        }
    }

    /// The same target, with one of its product's two servers alone, or all of it. It keeps the lock and the journal of
    /// the whole.
    #[must_use]
    pub fn only(&self, server: Option<ProductServer>) -> Self {
        let mut target = self.clone();
        if let Kind::Product(product) = &mut target.kind {
            product.server = server;
        }
        target
    }

    /// The one of its product's two servers that it is for; `None` for all of it.
    pub fn server(&self) -> Option<ProductServer> {
        match &self.kind {
            Kind::Product(product) => product.server,
            Kind::Files(_) => None,
        }
    }

    /// What a handover to `successor` would do, and what speaks against it. `protocol` is what the web server is to
    /// speak, where that is to change.
    pub fn plan(
        &self,
        inspection: &Inspection,
        successor: &Certificate,
        enable_tls: bool,
        protocol: Option<Protocol>,
    ) -> Result<(Plan, Vec<Finding>), PlanError> {
        let mut findings = Vec::new();
        // What has to be put in yet must be at hand.
        let is_present = self.store.contains(successor.thumbprint());
        let needs_key_itself = !self.uses_key_in_store() || !is_present;
        findings.extend(key_access::examine(successor, needs_key_itself));
        let mut actions = match (&self.kind, &inspection.found) {
            (Kind::Files(files), Found::Files(found)) => files.plan(found, successor)?,
            (Kind::Product(product), Found::Product(found)) => {
                findings.extend(protocol.and_then(|_| product.protocol_missing(found)));
                product.plan(found, successor.leaf(), enable_tls, protocol)?
            }
            // An inspection belongs to the target that made it.
            _ => Default::default(),
        };
        if let Kind::Product(product) = &self.kind {
            let thumbprint = successor.thumbprint();
            actions.stage.extend((!is_present).then_some(Action::Import { thumbprint }));
            let store = self.store.as_ref();
            let service = product.service_name(self.activation.as_ref());
            let (grant, more) = key_access::plan(service, store, inspection.current, thumbprint);
            actions.stage.extend(grant);
            findings.extend(more);
        }
        Ok((Plan { stage: actions.stage, switch: actions.switch }, findings))
    }

    /// What would reset its TLS settings as its maker documents it; empty where there is nothing to reset.
    pub fn reset(&self, inspection: &Inspection) -> Result<Vec<Action>, PlanError> {
        match (&self.kind, &inspection.found) {
            (Kind::Product(product), Found::Product(found)) => product.reset(found),
            _ => Ok(Vec::new()),
        }
    }

    /// Where it answers plain HTTP while TLS is off: the ports of its settings that are no endpoint's, else the
    /// product's.
    pub fn plain_endpoints(&self, inspection: &Inspection) -> Result<Vec<Endpoint>, TargetError> {
        let (Kind::Product(product), Found::Product(found)) = (&self.kind, &inspection.found) else {
            return Ok(Vec::new());
        };
        let tls = self.endpoints(inspection, inspection.leaf());
        let is_plain = |port: &&u16| !tls.iter().any(|endpoint| endpoint.address.port() == **port);
        let told: Vec<u16> = self.guard.ports.iter().filter(is_plain).copied().collect();
        if told.is_empty() { product.plain_endpoints(found) } else { Ok(product.plain_at(&told, false)) }
    }

    /// What its actions work with.
    pub fn context<'a>(&'a self, successor: Option<&'a Certificate>) -> ActionContext<'a> {
        ActionContext { store: self.store.as_ref(), doors: &self.doors, successor }
    }

    /// What speaks against a successor on the other machines that read its settings files.
    pub async fn check_nodes(&self, successor: Thumbprint) -> Vec<Finding> {
        node::check_all(&self.nodes, successor).await
    }

    /// Brings the target to take up what was changed, and then its other nodes, one after the other; returns what the
    /// commands wrote. `dependents` are the services that ran before anything was changed and depend on the target's.
    pub async fn activate(&self, dependents: &[String]) -> Result<String, ActivationError> {
        let mut output = match &self.activation {
            Some(activation) => activation.run(dependents).await?,
            None => String::new(),
        };
        for node in &self.nodes {
            output.push_str(&node.activate().await?);
        }
        Ok(output)
    }

    /// What its activation does, for people.
    pub fn describe_activation(&self) -> impl Iterator<Item = String> {
        let own = self.activation.as_ref().map(ToString::to_string);
        own.into_iter().chain(self.nodes.iter().map(Node::describe))
    }

    /// Removes what an interrupted change left beside the target's files. Call it only under the target's lock.
    pub fn remove_leftovers(&self) -> std::io::Result<()> {
        match &self.kind {
            Kind::Files(files) => files.remove_leftovers(),
            Kind::Product(product) => product.remove_leftovers(),
        }
    }

    /// The places in the target that name a certificate.
    pub fn mentions(&self, thumbprint: Thumbprint) -> Result<Vec<String>, TargetError> {
        match &self.kind {
            Kind::Files(files) => files.mentions(thumbprint),
            Kind::Product(product) => product.mentions(thumbprint),
        }
    }

    /// The target's own copies of a certificate that it does not use now.
    pub fn copies(&self, thumbprint: Thumbprint) -> Vec<PathBuf> {
        match &self.kind {
            Kind::Files(files) => files.versions_of(thumbprint),
            Kind::Product(_) => Vec::new(),
        }
    }

    /// A certificate with its key out of such a copy.
    pub fn read_copy(&self, thumbprint: Thumbprint) -> Option<Certificate> {
        match &self.kind {
            Kind::Files(files) => files.read_version(thumbprint),
            Kind::Product(_) => None,
        }
    }

    /// Removes those copies, with their keys.
    pub fn remove_copies(&self, thumbprint: Thumbprint) -> std::io::Result<()> {
        self.copies(thumbprint).iter().try_for_each(|path| baton_platform::durable::remove_directory(path))
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}
