//! The way out when the certificate has expired: TLS is reset as the target's maker documents it, and comes back,
//! with all its settings, with the next handover.

use baton_finding::Finding;
use baton_platform::clock;
use baton_platform::door::Door;
use baton_state::{Closing, HandoverId, NewHandover, Outcome, Recovery, Step, StepOutcome, StepRecord};
use baton_target::{Action, Expected, FileImage, Inspection, KeptFile, Plan, Proof, Target, Tls};
use serde::{Deserialize, Serialize};

use crate::engine::{Engine, Purpose};
use crate::error::HandoverError;
use crate::record::{AddressRecord, Prior, Record};
use crate::report::Report;
use crate::running::{Running, ended};

/// How a target is to be recovered.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct RecoverRequest {
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
        let mut findings = refusals(target, &inspection, request, started_at);
        let reset = match target.reset(&inspection) {
            Ok(reset) => reset,
            Err(error) => return Ok(of_check(Outcome::Refused, vec![Finding::from_error(&error)])),
        };
        if reset.is_empty() {
            findings.push(nothing_to_reset(target));
        }
        let plain = target.plain_endpoints(&inspection).unwrap_or_else(|error| {
            findings.push(Finding::from_error(&error));
            Vec::new()
        });
        let Some((old, fingerprint)) = inspection
            .current
            .zip(inspection.leaf().map(|leaf| leaf.fingerprint()))
            .filter(|_| findings.is_empty())
        else {
            return Ok(of_check(Outcome::Refused, findings));
        };
        let tls = target.endpoints(&inspection, inspection.leaf());
        let ports: Vec<u16> = tls.iter().chain(&plain).map(|endpoint| endpoint.address.port()).collect();
        let stage = if request.open {
            Vec::new()
        } else {
            vec![Action::CloseDoor { name: target.name.clone(), ports }]
        };
        let plan = Plan { stage, switch: reset };
        let plain = self.now(target, plain).await;
        let addresses = self.now(target, tls).await;
        if request.dry_run {
            let mut report = of_check(Outcome::Planned, Vec::new());
            report.old = Some(old);
            report.plan.extend(plan.describe());
            report
                .plan
                .extend(target.activation.as_ref().map(|activation| format!("activate: {activation}")));
            report.plan.extend(plain.iter().map(|a| format!("prove: {} answers plain HTTP", a.address)));
            return Ok(report);
        }
        let record = Record { purpose: Purpose::Recover, plan, addresses, plain, old_ends: None };
        let begun = NewHandover {
            certificate: None,
            target: target.name.clone(),
            old: Some(old),
            old_fingerprint: Some(fingerprint),
            new: old,
            new_fingerprint: fingerprint,
            plan: record.to_json(),
            findings: Vec::new(),
            started_at,
        };
        let check = ended(Step::Check, StepOutcome::Done, String::new(), started_at);
        let done = vec![check];
        let id: HandoverId = self.state.open_handover(&begun, &[], &done, Step::Stage, clock::now()).await?;
        let running = Running { id, target, successor: None, trust: None, record, begun, steps: done };
        self.carry_out(running, Step::Stage, true).await
    }

    /// It answers: what was reset is remembered, and comes back with the next handover.
    pub(crate) async fn recovered(
        &self,
        mut running: Running<'_>,
        done: StepRecord,
        proofs: &[Proof],
    ) -> Result<Report, HandoverError> {
        let kept: Vec<KeptFile> = running.record.plan.switch.iter().filter_map(kept_file).collect();
        let closed = running.record.plan.stage.iter().find_map(|action| match action {
            Action::CloseDoor { ports, .. } => Some(ports.clone()),
            _ => None,
        });
        let ports = closed.clone().unwrap_or_default();
        running.found([Finding::warning(
            "tls-reset",
            format!(
                "{} answers plain HTTP: {}",
                running.target,
                if closed.is_some() {
                    "its ports are closed to the outside until TLS is back"
                } else {
                    "whoever reaches its ports can read and change what is sent"
                }
            ),
            "`baton renew --force` or `baton swap` hands it over to a new certificate, and puts all TLS settings back",
        )]);
        let recovery = Recovery {
            target: running.target.name.clone(),
            kept: serde_json::to_string(&kept).unwrap_or_default(),
            ports,
            at: clock::now(),
        };
        let closing = Closing {
            observed: Some(crate::observe::observed(running.target, proofs)),
            recovery: Some(recovery),
            ..Closing::default()
        };
        tracing::warn!(handover = %running.id, target = %running.target, "recovered: it answers plain HTTP");
        self.close(running, done, Outcome::Pending, closing).await
    }

    /// The plain side of a reset.
    pub(crate) async fn prove_plain(&self, running: &Running<'_>) -> Result<Vec<Proof>, Vec<Finding>> {
        let expected = running
            .record
            .plain
            .iter()
            .map(|address| (address.endpoint.clone(), address.address, Expected::PlainHttp))
            .collect();
        running.prove(expected).await
    }

    /// Where a target that was reset answers plain HTTP now.
    pub(crate) async fn plain_now(&self, target: &Target, inspection: &Inspection) -> Vec<AddressRecord> {
        let endpoints = target.plain_endpoints(inspection).unwrap_or_default();
        let mut addresses = self.now(target, endpoints).await;
        addresses.retain(|address| address.prior == Prior::PlainHttp);
        addresses
    }
}

/// What speaks against it, all at once.
fn refusals(
    target: &Target,
    inspection: &Inspection,
    request: RecoverRequest,
    now: jiff::Timestamp,
) -> Vec<Finding> {
    let mut findings: Vec<Finding> = inspection
        .findings
        .iter()
        .filter(|finding| finding.severity == baton_finding::Severity::Error)
        .cloned()
        .collect();
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

/// Opens the ports that a recovery has closed.
pub(crate) fn open_door(recovery: &Recovery) -> Option<Finding> {
    if recovery.ports.is_empty() {
        return None;
    }
    let door = Door { name: recovery.target.clone(), ports: recovery.ports.clone() };
    let error = door.open().err()?;
    tracing::error!("{error}");
    Some(Finding::warning(
        "door-stuck",
        format!("the ports of {} are still closed to the outside: {error}", recovery.target),
        "`nft list tables` shows the table; `nft delete table inet NAME` takes it away",
    ))
}
