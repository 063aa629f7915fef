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

use baton_finding::{Explain as _, Finding};
use baton_platform::{command, door, host};
use baton_state::{Recovery, Step};
use baton_target::{Action, Endpoint, Inspection, Proof, Target, Tls, WindowPlan};
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
        if let Some(recovery) = recovery {
            let (name, ports) = (recovery.target.clone(), recovery.ports.clone());
            let close = Action::CloseDoor { name, ports };
            let guard = GuardRecord { close, off: Vec::new(), plain: Vec::new(), held: true };
            return (!recovery.ports.is_empty()).then_some(Window {
                guard,
                back: Vec::new(),
                findings: Vec::new(),
            });
        }
        if !is_asked && !target.guard.always || inspection.tls == Tls::Off {
            return None;
        }
        let mut findings = Vec::new();
        let plain = target.plain_endpoints(inspection).unwrap_or_else(|error| {
            findings.push(Finding::from_error(&error));
            Vec::new()
        });
        let planned = target.window(inspection, &plain).unwrap_or_else(|error| {
            findings.push(Finding::from_error(&error));
            WindowPlan { close: target.close_door(inspection, &plain), off: Vec::new(), back: Vec::new() }
        });
        if !planned.off.is_empty() {
            findings.extend(unknown_ports(target, inspection, &plain));
        }
        if let Err(error) = target.rehearse_door(&planned.close).await {
            findings.push(Finding::from_error(&error));
        }
        if door::outlives_boot() == Some(false) && target.doors.commands.is_none() {
            findings.push(Finding::warning(
                "door-not-over-boot",
                "ports that are closed do not stay closed when this machine starts in between",
                "install packaging/systemd/baton-doors.service, and enable it",
            ));
        }
        let plain = if planned.off.is_empty() { Vec::new() } else { self.now(target, plain).await };
        let guard = GuardRecord { close: planned.close, off: planned.off, plain, held: false };
        Some(Window { guard, back: planned.back, findings })
    }

    /// Closes the door, with someone beside it who opens it should this process be gone.
    pub(crate) async fn close_door(&self, running: &Running<'_>) -> Result<(), Finding> {
        let Some(guard) = &running.record.guard else { return Ok(()) };
        if let Some(watchdog) = &self.watchdog {
            let mut argv = watchdog.clone();
            argv.extend(["--".to_owned(), running.target.name.clone()]);
            command::start_detached(&argv).map_err(|error| Finding::from_error(&error))?;
        }
        let context = running.target.context(None);
        guard.close.apply(context).await.map(drop).map_err(|error| Finding::from_error(&error))
    }

    /// Closes the door of an interrupted handover again: a boot may have opened it. What cannot be closed is brought
    /// back all the same, and the sooner the better.
    pub(crate) async fn hold_door(&self, running: &mut Running<'_>) {
        let Some(guard) = &running.record.guard else { return };
        if let Err(error) = guard.close.apply(running.target.context(None)).await {
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
            close = record.guard.filter(|guard| !guard.held).map(|guard| (guard.close, opens)).or(close);
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
        let closes = |action: &Action| matches!(action, Action::CloseDoor { .. });
        self.record.guard.is_some() || self.record.plan.stage.iter().any(closes)
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

/// A port that is not closed would show to the outside what must not be seen there.
fn unknown_ports(target: &Target, inspection: &Inspection, plain: &[Endpoint]) -> Option<Finding> {
    let tls = target.endpoints(inspection, inspection.leaf());
    let usual = target.usual_ports();
    let is_usual = |endpoint: &Endpoint| usual.contains(&endpoint.address.port());
    let is_told = plain.iter().all(|endpoint| !endpoint.assumed) || tls.iter().all(is_usual);
    (!is_told).then(|| {
        Finding::error(
            "plain-ports-unknown",
            format!("{target} has ports of its own for TLS; where it answers without TLS is not known"),
            "set guard = { ports = […] } to all its ports, those without TLS included",
        )
    })
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
