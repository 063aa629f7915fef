//! The way out when the certificate has expired: TLS is reset as the target's maker documents it, and comes back,
//! with all its settings, with the next handover.

use baton_finding::{Finding, Severity};
use baton_platform::clock;
use baton_state::{Closing, HandoverId, NewHandover, Outcome, Recovery, Step, StepOutcome, StepRecord};
use baton_target::{Action, FileImage, Inspection, KeptFile, Plan, Proof, Target, Tls};
use serde::{Deserialize, Serialize};

use crate::engine::{Engine, Purpose, plan_of};
use crate::error::HandoverError;
use crate::record::{AddressRecord, Prior, Record};
use crate::report::Report;
use crate::running::{Running, ended};

/// What is reset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reset {
    /// All TLS settings, as the maker documents it for an expired certificate.
    All,
    /// The switch alone.
    SwitchOff,
}

/// How TLS of a target is to be reset.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct RecoverRequest {
    /// What is reset.
    pub reset: Reset,
    /// Leave the ports open to the outside, although they answer plain HTTP.
    pub open: bool,
    /// Although the certificate has not expired.
    pub even_though_valid: bool,
    /// Stop after the check.
    pub dry_run: bool,
}

impl Engine {
    /// Resets the TLS settings of a target, restarts it, and proves that it answers; or leaves it as it was.
    pub async fn recover(&self, target: &Target, request: RecoverRequest) -> Result<Report, HandoverError> {
        let _lock = self.lock(target).await?;
        if !request.dry_run {
            self.resume_locked(target, None).await?;
        }
        let started_at = clock::now();
        let of_check =
            |outcome, findings| Report::without_handover("", &target.name, outcome, findings, started_at);
        if let Some(recovery) = self.state.recovery(&target.name).await? {
            let text = format!(
                "{target} was recovered at {:.0}: it answers plain HTTP until the next handover puts TLS back",
                recovery.at
            );
            let finding = Finding::notice("recovered-already", text);
            return Ok(of_check(Outcome::Unchanged, vec![finding]));
        }
        let inspection = match target.inspect() {
            Ok(inspection) => inspection,
            Err(error) => return Ok(of_check(Outcome::Refused, vec![Finding::from_error(&error)])),
        };
        if inspection.tls == Tls::Off && request.reset == Reset::SwitchOff {
            let finding =
                Finding::notice("tls-off", format!("TLS is off already in the settings of {target}"));
            return Ok(of_check(Outcome::Unchanged, vec![finding]));
        }
        let mut findings = refusals(target, &inspection, request, started_at);
        let reset = match request.reset {
            Reset::All => target.reset(&inspection),
            Reset::SwitchOff => target.switch_off(&inspection),
        };
        let reset = match reset {
            Ok(reset) => reset,
            Err(error) => return Ok(of_check(Outcome::Refused, vec![Finding::from_error(&error)])),
        };
        if reset.is_empty() {
            findings.push(nothing_to_reset(target));
        }
        if !request.open && !reset.is_empty() {
            let close =
                target.close_door(&inspection, &target.plain_endpoints(&inspection).unwrap_or_default());
            findings.extend(self.door_findings(target, &inspection, &close, true).await);
        }
        if request.open && reset.iter().any(|action| target.is_access_control(action)) {
            findings.push(access_control(target));
        }
        let plain = target.plain_endpoints(&inspection).unwrap_or_else(|error| {
            findings.push(Finding::from_error(&error));
            Vec::new()
        });
        let Some((old, fingerprint)) = inspection
            .current
            .zip(inspection.leaf().map(|leaf| leaf.fingerprint()))
            .filter(|_| findings.iter().all(|finding| finding.severity != Severity::Error))
        else {
            return Ok(of_check(Outcome::Refused, findings));
        };
        let tls = target.endpoints(&inspection, inspection.leaf());
        let stage = if request.open { Vec::new() } else { vec![target.close_door(&inspection, &plain)] };
        let plan = Plan { stage, switch: reset };
        let plain = self.now(target, plain).await;
        let addresses = self.now(target, tls).await;
        let record = Record {
            purpose: Purpose::Recover,
            plan,
            addresses,
            plain,
            old_ends: None,
            dependents: inspection.dependents,
            guard: None,
            server: None,
        };
        if request.dry_run {
            let mut report = of_check(Outcome::Planned, Vec::new());
            report.old = Some(old);
            report.plan = plan_of(target, &record);
            return Ok(report);
        }
        let begun = NewHandover {
            certificate: None,
            target: target.name.clone(),
            old: Some(old),
            old_fingerprint: Some(fingerprint),
            new: old,
            new_fingerprint: fingerprint,
            plan: record.to_json(),
            findings,
            started_at,
        };
        let check = ended(Step::Check, StepOutcome::Done, String::new(), started_at);
        let done = vec![check];
        let id: HandoverId = self.state.open_handover(&begun, &[], &done, Step::Stage, clock::now()).await?;
        let running = Running { id, target, successor: None, trust: None, record, begun, steps: done };
        self.carry_out(running, Step::Stage).await
    }

    /// It answers: what was reset is remembered, and comes back with the next handover.
    pub(crate) async fn recovered(
        &self,
        mut running: Running<'_>,
        done: StepRecord,
        proofs: &[Proof],
    ) -> Result<Report, HandoverError> {
        let recovery = reset(&running, &running.record.plan.switch, &running.record.plan.stage);
        let is_closed = !recovery.ports.is_empty();
        running.found([Finding::warning(
            "tls-reset",
            format!(
                "{} answers plain HTTP: {}",
                running.target,
                if is_closed {
                    "its ports are closed to the outside until TLS is back"
                } else {
                    "whoever reaches its ports can read and change what is sent"
                }
            ),
            "`baton renew --force` or `baton swap` hands it over to a new certificate, and puts all TLS settings back",
        )]);
        let closing = Closing {
            observed: Some(crate::observe::observed(running.target, proofs)),
            recovery: Some(recovery),
            ..Closing::default()
        };
        tracing::warn!(handover = %running.id, target = %running.target, "recovered: it answers plain HTTP");
        self.close(running, done, Outcome::Pending, closing).await
    }

    /// Where a target that was reset answers plain HTTP now.
    pub(crate) async fn plain_now(&self, target: &Target, inspection: &Inspection) -> Vec<AddressRecord> {
        let endpoints = target.plain_endpoints(inspection).unwrap_or_default();
        let mut addresses = self.now(target, endpoints).await;
        addresses.retain(|address| address.prior == Prior::PlainHttp);
        addresses
    }
}

/// What was reset, to be remembered until the next handover puts it back.
fn reset(running: &Running<'_>, files: &[Action], doors: &[Action]) -> Recovery {
    let kept: Vec<KeptFile> = files.iter().filter_map(kept_file).collect();
    let ports = doors.iter().find_map(|action| match action {
        Action::CloseDoor { ports, .. } => Some(ports.clone()),
        _ => None,
    });
    Recovery {
        target: running.target.name.clone(),
        kept: serde_json::to_string(&kept).unwrap_or_default(),
        ports: ports.unwrap_or_default(),
        at: clock::now(),
    }
}

/// What could neither be finished nor undone: its door stays closed, and what was set aside is remembered, so that the
/// next handover puts it back before it opens the door.
pub(crate) fn left_closed(running: &mut Running<'_>) -> Option<Recovery> {
    let recovery = match &running.record.guard {
        Some(guard) if !guard.held => reset(running, &guard.off, std::slice::from_ref(&guard.close)),
        None if running.record.purpose == Purpose::Recover => {
            reset(running, &running.record.plan.switch, &running.record.plan.stage)
        }
        _ => return None,
    };
    let target = running.target;
    if !recovery.ports.is_empty() {
        running.found([Finding::error(
            "door-closed",
            format!("the ports of {target} stay closed to the outside: that it is as before is not proven"),
            format!(
                "mend the cause; `baton tls on {target}`, or a handover to a certificate that is valid, puts back what \
                 was set aside, and opens them"
            ),
        )]);
    }
    Some(recovery)
}

/// What speaks against it, all at once.
fn refusals(
    target: &Target,
    inspection: &Inspection,
    request: RecoverRequest,
    now: jiff::Timestamp,
) -> Vec<Finding> {
    let mut findings: Vec<Finding> =
        inspection.findings.iter().filter(|finding| finding.severity == Severity::Error).cloned().collect();
    if inspection.tls == Tls::Off {
        findings.push(Finding::error(
            "tls-off",
            format!("TLS is off already in the settings of {target}"),
            "see whether its service runs",
        ));
    }
    let ends = inspection.leaf().map(|leaf| leaf.not_after());
    match ends {
        Some(_) if request.even_though_valid => {}
        Some(ends) if ends < now => {}
        Some(ends) => findings.push(Finding::error(
            "not-expired",
            format!("the certificate of {target} is valid until {ends:.0}"),
            "renew it; `--even-though-valid` resets TLS all the same",
        )),
        None => findings.push(Finding::error(
            "expiry-unknown",
            format!("the certificate that {target} names is not in its store, so when it ends is not known"),
            "`--even-though-valid` resets TLS all the same, once the certificate is in the store",
        )),
    }
    findings
}

/// The door is never open with less access control than before.
fn access_control(target: &Target) -> Finding {
    Finding::error(
        "access-control-dropped",
        format!("without TLS {target} lets everyone in: its access control is set aside meanwhile"),
        "leave `--open` away: then its ports are closed to the outside, and open on this machine",
    )
}

fn nothing_to_reset(target: &Target) -> Finding {
    Finding::error(
        "nothing-to-reset",
        format!("{target} has no TLS settings that could be reset"),
        "only the products have them; give a server with PEM files a new certificate with `baton swap`",
    )
}

/// The file that an action of a recovery sets aside or changes.
fn kept_file(action: &Action) -> Option<KeptFile> {
    match action {
        Action::SetFile { path, before: Some(image), .. } => {
            Some(KeptFile { path: path.clone(), image: FileImage::clone(image) })
        }
        _ => None,
    }
}

/// The settings files that a recovery has kept. A list that cannot be read is no empty one: without it the next
/// handover would leave out what it is there to put back.
pub(crate) fn kept_files(recovery: &Recovery) -> Result<Vec<KeptFile>, HandoverError> {
    serde_json::from_str(&recovery.kept)
        .map_err(|cause| HandoverError::Kept { target: recovery.target.clone(), cause })
}
