//! The guarded window: a handover behind a closed door.
//!
//! The ports of the server are closed to the outside and open on the loopback interface. Where its settings ask for it,
//! TLS is switched off meanwhile, as the makers of the products describe a renewal with the same key; and what would
//! keep TLS from being switched off (the access control of yunIO) is set aside. All of it is back, to the bit, before the
//! door opens.

use std::time::Duration;

use baton_platform::door::{Door, DoorError};
use serde::{Deserialize, Serialize};

use crate::action::Action;
use crate::endpoint::Endpoint;
use crate::inspection::{Found, Inspection, PlanError, Tls};
use crate::product::Product;
use crate::target::{Kind, Target};

/// How a target is handed over behind a closed door.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Guard {
    /// For every handover; else for those that are asked to be guarded.
    pub always: bool,
    /// Whether TLS is switched off meanwhile.
    pub tls: Tls,
    /// The ports that are closed; empty for all that are known.
    pub ports: Vec<u16>,
    /// How long the door may stay closed while nobody is there who would open it.
    pub limit: Duration,
}

/// What a guarded window does beside the handover.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WindowPlan {
    /// Closes the door; its undo opens it.
    pub close: Action,
    /// Sets access control aside and switches TLS off; empty where it stays on.
    pub off: Vec<Action>,
    /// Puts those files back as they were: what changes them for the successor comes after it.
    pub back: Vec<Action>,
}

impl Target {
    /// What a guarded window does; with TLS as it is where it is off already.
    pub fn window(&self, inspection: &Inspection, plain: &[Endpoint]) -> Result<WindowPlan, PlanError> {
        let off = match (&self.kind, &inspection.found) {
            (Kind::Product(product), Found::Product(found))
                if self.guard.tls == Tls::Off && inspection.tls == Tls::On =>
            {
                product.switch_off(found)?
            }
            _ => Vec::new(),
        };
        let back = off.iter().filter_map(put_back).collect();
        Ok(WindowPlan { close: self.close_door(inspection, plain), off, back })
    }

    /// The action that closes the door.
    pub fn close_door(&self, inspection: &Inspection, plain: &[Endpoint]) -> Action {
        Action::CloseDoor { name: self.name.clone(), ports: self.guarded_ports(inspection, plain) }
    }

    /// The ports that a closed door closes: those of the settings, else all that are known.
    pub fn guarded_ports(&self, inspection: &Inspection, plain: &[Endpoint]) -> Vec<u16> {
        let mut ports = self.guard.ports.clone();
        if ports.is_empty() {
            let tls = self.endpoints(inspection, inspection.leaf());
            ports.extend(tls.iter().chain(plain).map(|endpoint| endpoint.address.port()));
            if let (Kind::Product(product), Found::Product(found)) = (&self.kind, &inspection.found) {
                // All of them, also where the settings name only some endpoints.
                let own = product.endpoints_of(found, "localhost");
                ports.extend(own.iter().map(|endpoint| endpoint.address.port()));
                ports.extend(product.kind.other_ports());
            }
            ports.sort_unstable();
            ports.dedup();
        }
        ports
    }

    /// Whether the door could be closed: looks, and closes nothing.
    pub async fn rehearse_door(&self, close: &Action) -> Result<(), DoorError> {
        match close {
            Action::CloseDoor { name, ports } => Door { keeper: &self.doors, name, ports }.rehearse().await,
            _ => Ok(()),
        }
    }

    /// Closes a door again that should be closed and is not; whether it was so.
    pub async fn hold_door(&self, close: &Action) -> Result<bool, DoorError> {
        match close {
            Action::CloseDoor { name, ports } => Door { keeper: &self.doors, name, ports }.hold().await,
            _ => Ok(false),
        }
    }

    /// Whether a door is closed, or should be.
    pub async fn is_door_closed(&self, close: &Action) -> bool {
        match close {
            Action::CloseDoor { name, ports } => Door { keeper: &self.doors, name, ports }.is_closed().await,
            _ => false,
        }
    }

    /// All ports that the product has, by its own settings or by its setup.
    pub fn usual_ports(&self, inspection: &Inspection) -> Vec<u16> {
        let (Kind::Product(product), Found::Product(found)) = (&self.kind, &inspection.found) else {
            return Vec::new();
        };
        let plain = product.plain_endpoints(found).unwrap_or_default();
        let own = product.endpoints_of(found, "localhost");
        let told = own.iter().chain(&plain).map(|endpoint| endpoint.address.port());
        told.chain(product.kind.other_ports().iter().copied()).collect()
    }

    /// Whether an action sets aside who may use the server, or takes a protocol away that restricts it.
    pub fn is_access_control(&self, action: &Action) -> bool {
        match (&self.kind, action) {
            (Kind::Product(product), Action::SetFile { path, before: Some(before), .. }) => {
                product.is_access_file(path) || Product::restricts(before)
            }
            _ => false,
        }
    }

    /// What switches TLS off, and sets aside what would keep it from that; empty where there is nothing to switch.
    pub fn switch_off(&self, inspection: &Inspection) -> Result<Vec<Action>, PlanError> {
        match (&self.kind, &inspection.found) {
            (Kind::Product(product), Found::Product(found)) => product.switch_off(found),
            _ => Ok(Vec::new()),
        }
    }
}

fn put_back(action: &Action) -> Option<Action> {
    let Action::SetFile { path, before: Some(image), after } = action else { return None };
    Some(Action::PutBack { path: path.clone(), image: image.clone(), meanwhile: after.clone() })
}
