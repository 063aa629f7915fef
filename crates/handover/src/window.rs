//! The guarded window: what a handover does behind a closed door.
//!
//! ```text
//! check ─► close ─► stage ─► (tls off) ─► switch ─► activate ─► prove ─► open ─► proven from everywhere
//! ```
//!
//! Nothing opens the door before access control and TLS are on the disk as they were, taken up by the server, and
//! proven on this machine. Every way back keeps to that order, in this process, in the next start, and in the watchdog
//! that is started before the door is closed. Where that fails the door stays closed.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use baton_finding::{Explain as _, Finding};
use baton_platform::{command, door, host};
use baton_state::{Recovery, Step};
use baton_target::{Action, Inspection, Proof, Target, WindowPlan};
use serde::{Deserialize, Serialize};

use crate::engine::Engine;
use crate::error::HandoverError;
use crate::record::{AddressRecord, Record};
use crate::running::Running;

/// The journaled part of a window.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct GuardRecord {
    /// Closes the door; its undo opens it.
    pub(crate) close: Action,
    /// Sets access control aside and switches TLS off.
    pub(crate) off: Vec<Action>,
    /// Where it answers while TLS is off.
    pub(crate) plain: Vec<AddressRecord>,
    /// The door was closed before this handover, and stays so when all is undone.
    pub(crate) held: bool,
}

/// A window, and what puts its files back at the beginning of the switch.
#[derive(Debug)]
pub(crate) struct Window {
    pub(crate) guard: GuardRecord,
    pub(crate) back: Vec<Action>,
    pub(crate) findings: Vec<Finding>,
}

impl Engine {
    /// The window of a handover, where it has one: the door that a recovery has closed already, or one of its own.
    pub(crate) async fn window(
        &self,
        target: &Target,
        inspection: &Inspection,
        recovery: Option<&Recovery>,
        is_asked: bool,
    ) -> Option<Window> {
        let is_asked = is_asked || target.guard.always;
        if let Some(recovery) = recovery.filter(|recovery| !recovery.ports.is_empty()) {
            let (name, ports) = (recovery.target.clone(), recovery.ports.clone());
            let close = Action::CloseDoor { name, ports };
            let guard = GuardRecord { close, off: Vec::new(), plain: Vec::new(), held: true };
            return Some(Window { guard, back: Vec::new(), findings: Vec::new() });
        }
        if !is_asked {
            return None;
        }
        let mut findings = Vec::new();
        let plain = target.plain_endpoints(inspection).unwrap_or_else(|error| {
            findings.push(Finding::from_error(&error));
            Vec::new()
        });
        let mut planned = target.window(inspection, &plain).unwrap_or_else(|error| {
            findings.push(Finding::from_error(&error));
            WindowPlan { close: target.close_door(inspection, &plain), off: Vec::new(), back: Vec::new() }
        });
        if recovery.is_some() {
            // It is without TLS already, and comes back with this handover.
            (planned.off, planned.back) = Default::default();
        }
        findings
            .extend(self.door_findings(target, inspection, &planned.close, !planned.off.is_empty()).await);
        let plain = if planned.off.is_empty() { Vec::new() } else { self.now(target, plain).await };
        let guard = GuardRecord { close: planned.close, off: planned.off, plain, held: false };
        Some(Window { guard, back: planned.back, findings })
    }

    /// What speaks against closing a door, or should be known of it.
    pub(crate) async fn door_findings(
        &self,
        target: &Target,
        inspection: &Inspection,
        close: &Action,
        is_tls_off: bool,
    ) -> Vec<Finding> {
        let mut findings = Vec::new();
        if is_tls_off {
            findings.extend(unknown_ports(target, inspection, close));
            findings.extend(open_nodes(target));
        }
        if let Err(error) = target.rehearse_door(close).await {
            findings.push(Finding::from_error(&error));
        }
        if door::outlives_boot(&target.doors.directory) == Some(false) && target.doors.commands.is_none() {
            findings.push(Finding::warning(
                "door-not-over-boot",
                "ports that are closed do not stay closed when this machine starts in between",
                "install packaging/systemd/baton-doors.service for this data directory, and enable it",
            ));
        }
        findings
    }

    /// Closes the door, with someone beside it who opens it should this process be gone.
    pub(crate) async fn close_door(&self, running: &Running<'_>) -> Result<(), Finding> {
        let Some(guard) = &running.record.guard else { return Ok(()) };
        self.before_closing(running.target).await?;
        let context = running.target.context(None);
        guard.close.apply(context).await.map(drop).map_err(|error| Finding::from_error(&error))
    }

    /// What must be there before a door is closed: someone who opens it, and a copy of the journal that knows what is
    /// behind it.
    pub(crate) async fn before_closing(&self, target: &Target) -> Result<(), Finding> {
        self.state.copy().await.map_err(|error| Finding::from_error(&error))?;
        self.start_watchdog(target)
    }

    fn start_watchdog(&self, target: &Target) -> Result<(), Finding> {
        let Some(watchdog) = &self.watchdog else { return Ok(()) };
        let mut argv = watchdog.clone();
        argv.extend(["--".to_owned(), target.name.clone()]);
        command::start_detached(&argv).map_err(|error| Finding::from_error(&error))
    }

    /// Closes the door of an interrupted handover again: a boot may have opened it. What cannot be closed is brought
    /// back all the same, and the sooner the better.
    pub(crate) async fn hold_door(&self, running: &mut Running<'_>) {
        let Some(close) = running.record.closes() else { return };
        if let Err(error) = close.apply(running.target.context(None)).await {
            tracing::error!(target = %running.target, "{}", error.chain());
            running.found([Finding::from_error(&error)]);
        }
    }

    /// Opens the door, and proves from everywhere what was proven on this machine.
    pub(crate) async fn open_door(
        &self,
        running: &mut Running<'_>,
        proofs: &mut Vec<Proof>,
    ) -> Result<(), Vec<Finding>> {
        let Some(guard) = &running.record.guard else { return Ok(()) };
        let context = running.target.context(None);
        guard.close.undo(context).await.map_err(|error| vec![Finding::from_error(&error)])?;
        let outside = outside(&running.record.addresses);
        if outside.is_empty() {
            running.found([outside_not_asked(running)]);
        }
        let more = self.prove_successor_at(running, &outside).await?;
        *proofs = latest(std::mem::take(proofs), more);
        Ok(())
    }
}

impl Engine {
    /// Closes every door again that is to stay closed until a target is handed over: someone may have flushed the
    /// firewall.
    pub async fn hold_doors(&self, targets: &[Arc<Target>]) -> Result<(), HandoverError> {
        for recovery in self.state.recoveries().await?.into_iter().filter(|it| !it.ports.is_empty()) {
            let Some(target) = targets.iter().find(|target| target.name == recovery.target) else { continue };
            let close = Action::CloseDoor { name: recovery.target, ports: recovery.ports };
            if target.hold_door(&close).await.map_err(HandoverError::Door)? {
                tracing::warn!(%target, "its door was opened by someone else, and is closed again");
            }
        }
        Ok(())
    }
}

/// How an open window is looked after.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Watched {
    /// There is none.
    Over,
    /// Whoever opened it is at work.
    AtWork,
    /// Whoever opened it is gone.
    Left,
}

impl Engine {
    /// Looks after the window of a target: a door that someone else has opened is closed again.
    pub async fn watch(&self, target: &Target) -> Result<Watched, HandoverError> {
        let mut close = None;
        for handover in self.state.open_handovers(&target.name).await? {
            let record = Record::read(&handover)?;
            let steps = self.state.steps(handover.id).await?;
            let opens = steps.last().is_some_and(|step| step.step == Step::Open);
            close = record.closes().cloned().map(|it| (it, opens)).or(close);
        }
        let Some((close, opens)) = close else { return Ok(Watched::Over) };
        if !opens && target.hold_door(&close).await.map_err(HandoverError::Door)? {
            tracing::warn!(%target, "its door was opened by someone else, and is closed again");
        }
        Ok(if self.is_locked(target)? { Watched::AtWork } else { Watched::Left })
    }
}

impl Running<'_> {
    /// Whether a step has been begun, as far as is known; `now` is the one that is under way.
    pub(crate) fn has_reached(&self, step: Step, now: Step) -> bool {
        now == step || self.steps.iter().any(|ended| ended.step == step)
    }

    /// Whether its ports are closed while it is under way.
    pub(crate) fn is_behind_door(&self) -> bool {
        self.record.closes().is_some()
    }
}

/// The addresses that answer while the door is closed: this machine's own. Where none is, the same ports on the
/// loopback interface.
pub(crate) fn inside(addresses: &[AddressRecord]) -> Vec<AddressRecord> {
    let own: Vec<AddressRecord> =
        addresses.iter().filter(|address| host::is_own_address(address.address.ip())).cloned().collect();
    if !own.is_empty() {
        return own;
    }
    let on_loopback = |address: &AddressRecord| {
        let mut address = address.clone();
        address.address.set_ip(IpAddr::V4(Ipv4Addr::LOCALHOST));
        address
    };
    addresses.iter().map(on_loopback).collect()
}

/// The addresses that the door was closed for.
pub(crate) fn outside(addresses: &[AddressRecord]) -> Vec<AddressRecord> {
    addresses.iter().filter(|address| !address.address.ip().is_loopback()).cloned().collect()
}

/// One proof for each address.
pub(crate) fn latest(mut proofs: Vec<Proof>, more: Vec<Proof>) -> Vec<Proof> {
    proofs.retain(|proof| !more.iter().any(|other| other.address == proof.address));
    proofs.extend(more);
    proofs
}

/// They read the same settings, and the door of this machine closes no port of theirs.
fn open_nodes(target: &Target) -> Option<Finding> {
    let node = target.nodes.first()?;
    Some(Finding::error(
        "nodes-not-closed",
        format!("{target} would be without TLS on node {:?} too, and its ports there stay open", node.name),
        "close its ports there by other means, and leave out `--guarded`; `recover` and `tls off` have `--open`",
    ))
}

/// A port that is not closed would show to the outside what must not be seen there.
fn unknown_ports(target: &Target, inspection: &Inspection, close: &Action) -> Option<Finding> {
    let Action::CloseDoor { ports, .. } = close else { return None };
    let tls = target.endpoints(inspection, inspection.leaf());
    let usual = target.usual_ports(inspection);
    let has_own = tls.iter().any(|endpoint| !usual.contains(&endpoint.address.port()));
    let missing: Vec<u16> = match (has_own, target.guard.ports.is_empty()) {
        (true, false) => return None,
        (true, true) => Vec::new(),
        (false, _) => usual.into_iter().filter(|port| !ports.contains(port)).collect(),
    };
    let message = match (has_own, missing.is_empty()) {
        (true, _) => {
            format!("{target} has ports of its own for TLS; where it answers without TLS is not known")
        }
        (false, false) => {
            format!("the ports {missing:?} of {target} would stay open while it is without TLS")
        }
        (false, true) => return None,
    };
    Some(Finding::error(
        "plain-ports-unknown",
        message,
        "set guard = { ports = […] } to all its ports, those without TLS included",
    ))
}

fn outside_not_asked(running: &Running<'_>) -> Finding {
    Finding::notice(
        "outside-not-asked",
        format!(
            "the door of {} is open; no endpoint of it is known that the outside reaches",
            running.target
        ),
    )
}
