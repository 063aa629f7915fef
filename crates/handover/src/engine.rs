//! The handover from its check to its proof.

use std::path::PathBuf;
use std::time::Duration;

use baton_finding::{Explain as _, Finding};
use baton_platform::clock;
use baton_platform::lock::FileLock;
use baton_platform::progress::{self, Stage};
use baton_state::{
    Closing, HandoverId, Met, NewHandover, Origin, Outcome, ProofRecord, State, Step, StepOutcome, StepRecord,
};
use baton_target::{Action, ActionContext, Counterpart, Expected, Proof, Protocol, Target, family_of};
use baton_x509::{Certificate, Thumbprint};
use futures_util::StreamExt as _;
use futures_util::future::BoxFuture;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::check::Checked;
use crate::error::HandoverError;
use crate::record::{AddressRecord, Prior, Record};
use crate::report::Report;
use crate::running::{Running, ended};
use crate::trust::KnownRoots;
use crate::window::inside;

/// How long a handover waits for another one of the same target.
const LOCK_PATIENCE: Duration = Duration::from_secs(300);

/// How many targets are handed over at the same time: most of the time of each is waiting for proof.
const SIDE_BY_SIDE: usize = 64;

/// Moves targets from one certificate to the next.
#[derive(Debug, Clone)]
pub struct Engine {
    pub(crate) state: State,
    pub(crate) locks: PathBuf,
    pub(crate) roots: KnownRoots,
    pub(crate) grace: SignedDuration,
    pub(crate) watchdog: Option<Vec<String>>,
}

/// Who asked for the handover, which decides what a roll back is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Purpose {
    /// A certificate was issued and is kept: the handover will be tried again.
    Renew,
    /// Someone asked for this certificate at this moment.
    Swap,
    /// The certificate has expired, and TLS is reset.
    Recover,
}

impl Purpose {
    /// How a handover ends that was undone and proven.
    pub(crate) fn undone(self) -> Outcome {
        match self {
            Self::Renew => Outcome::Pending,
            Self::Swap | Self::Recover => Outcome::RolledBack,
        }
    }
}

/// One handover.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// The `[[certificate]]` of the settings, where there is one.
    pub certificate: Option<&'a str>,
    /// The server.
    pub target: &'a Target,
    /// What it shall serve, with its key.
    pub successor: &'a Certificate,
    /// What the caller thinks the target names now: compared, not believed.
    pub old: Option<Thumbprint>,
    /// Who asked.
    pub purpose: Purpose,
    /// Switch TLS on along the way where it is off.
    pub enable_tls: bool,
    /// What the web server of a product is to speak from then on.
    pub protocol: Option<Protocol>,
    /// Close its ports to the outside meanwhile, also where its settings do not ask for it.
    pub guarded: bool,
    /// Stop after the check.
    pub dry_run: bool,
}

impl Engine {
    /// An engine over a journal. `locks` is a directory; `grace` is how long an old certificate is kept after
    /// its successor was proven, and again in the trash.
    pub fn new(state: State, locks: PathBuf, roots: KnownRoots, grace: SignedDuration) -> Self {
        Self { state, locks, roots, grace, watchdog: None }
    }

    /// Has `argv`, with a target's name behind it, started beside every door that is closed: a program that brings the
    /// target back when this one is gone.
    #[must_use]
    pub fn with_watchdog(self, argv: Vec<String>) -> Self {
        Self { watchdog: Some(argv), ..self }
    }

    /// The journal.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// Takes a target from its certificate to the successor, or leaves it as it was.
    pub async fn hand_over(&self, request: &Request<'_>) -> Result<Report, HandoverError> {
        let begins = || progress::report(Stage::Check, request.certificate, Some(&request.target.name));
        if request.dry_run {
            begins();
            let checked = self.check(request).await;
            return Ok(planned(request, checked));
        }
        let _lock = self.lock(request.target).await?;
        begins();
        self.resume_locked(request.target, Some(request.successor)).await?;
        let started_at = clock::now();
        let checked = self.check(request).await;
        let met = met(request, &checked);
        let begun = new_handover(request, &checked, started_at);
        if checked.is_refused() {
            let step = ended(Step::Check, StepOutcome::Failed, String::new(), started_at);
            tracing::warn!(target = %request.target, "refused by the checks: nothing was changed");
            let outcome = match request.purpose {
                // The certificate is issued and kept; what speaks against it can be mended.
                Purpose::Renew => Outcome::Pending,
                Purpose::Swap | Purpose::Recover => Outcome::Refused,
            };
            return self.record_ended(begun, &met, &[step], &[], outcome).await;
        }
        let check = ended(Step::Check, StepOutcome::Done, String::new(), started_at);
        let is_shut = checked.guard.as_ref().is_some_and(|guard| guard.held);
        if checked.names_already(request.successor) && !checked.tls_stays_off && !is_shut {
            let proving_at = clock::now();
            let running = running(HandoverId(0), request, &checked, begun.clone());
            // Named and served already. Named and not served is what a forgotten restart looks like: go on.
            if let Ok(proofs) = self.prove_successor(&running).await {
                let prove = ended(Step::Prove, StepOutcome::Done, String::new(), proving_at);
                self.observe_proofs(request.target, &proofs).await?;
                let proofs: Vec<_> = proofs.iter().filter_map(crate::observe::proof_record).collect();
                return self.record_ended(begun, &met, &[check, prove], &proofs, Outcome::Unchanged).await;
            }
        }
        let mut running = running(HandoverId(0), request, &checked, begun);
        let (mut next, mut done) = (running.record.after(Step::Check), vec![check]);
        // Nothing to stage is staged already: that saves a write.
        if next == Some(Step::Stage) && checked.plan.stage.is_empty() {
            done.push(ended(Step::Stage, StepOutcome::Done, String::new(), clock::now()));
            next = running.record.after(Step::Stage);
        }
        let next = next.unwrap_or(Step::Switch);
        running.id = self.state.open_handover(&running.begun, &met, &done, next, clock::now()).await?;
        tracing::info!(handover = %running.id, target = %request.target, "checked: nothing speaks against it");
        running.steps = done;
        self.carry_out(running, next).await
    }

    /// Hands several targets over side by side, so many at a time that one hung server delays no more than its
    /// own. What fails for one is told after what was done for the others.
    pub async fn hand_over_all(&self, requests: &[Request<'_>]) -> (Vec<Report>, Option<HandoverError>) {
        let mut handovers: Vec<BoxFuture<'_, Result<Report, HandoverError>>> = Vec::new();
        for request in requests {
            handovers.push(Box::pin(self.hand_over(request)));
        }
        let results: Vec<_> = futures_util::stream::iter(handovers).buffered(SIDE_BY_SIDE).collect().await;
        let (mut reports, mut failure) = (Vec::new(), None);
        for result in results {
            match result {
                Ok(report) => reports.push(report),
                Err(error) => {
                    tracing::error!("{}", error.chain());
                    failure = failure.or(Some(error));
                }
            }
        }
        (reports, failure)
    }

    /// The lock of a target: one handover at a time, across processes.
    pub(crate) async fn lock(&self, target: &Target) -> Result<FileLock, HandoverError> {
        self.lock_named("target", &target.name).await
    }

    /// Whether a handover of the target is under way, in whatever process.
    pub(crate) fn is_locked(&self, target: &Target) -> Result<bool, HandoverError> {
        let path = self.locks.join(format!("target-{}.lock", target.name));
        let error = |cause| HandoverError::Lock { target: target.name.clone(), cause };
        Ok(FileLock::try_acquire(&path).map_err(error)?.is_none())
    }

    /// The lock of a certificate: one order at a time, across processes.
    pub async fn lock_certificate(&self, name: &str) -> Result<FileLock, HandoverError> {
        self.lock_named("certificate", name).await
    }

    async fn lock_named(&self, kind: &str, name: &str) -> Result<FileLock, HandoverError> {
        let path = self.locks.join(format!("{kind}-{name}.lock"));
        let error = |cause| HandoverError::Lock { target: name.to_owned(), cause };
        let patience_ends = tokio::time::Instant::now() + LOCK_PATIENCE;
        let mut told = false;
        loop {
            if let Some(lock) = FileLock::try_acquire(&path).map_err(error)? {
                return Ok(lock);
            }
            if tokio::time::Instant::now() > patience_ends {
                return Err(HandoverError::Busy { target: name.to_owned() });
            }
            if !told {
                tracing::info!("another change of {kind} {name:?} is under way; waiting for it");
                let (certificate, target) =
                    if kind == "certificate" { (Some(name), None) } else { (None, Some(name)) };
                progress::report(Stage::Wait, certificate, target);
                told = true;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// All steps from `first` on; any failure leads back.
    pub(crate) async fn carry_out(
        &self,
        mut running: Running<'_>,
        first: Step,
    ) -> Result<Report, HandoverError> {
        let (mut step, mut proofs) = (first, Vec::new());
        loop {
            running.tell(stage(step));
            let started_at = clock::now();
            let output = match self.act(&mut running, step, &mut proofs).await {
                Ok(output) => output,
                Err(findings) => return self.fail(running, step, started_at, findings).await,
            };
            let done = ended(step, StepOutcome::Done, output, started_at);
            tracing::info!(handover = %running.id, target = %running.target, "{step} done");
            let Some(next) = running.record.after(step) else {
                return match step {
                    Step::Switch => self.close(running, done, Outcome::Pending, Closing::default()).await,
                    _ => self.served(running, done, &proofs).await,
                };
            };
            if matches!(step, Step::Activate | Step::Prove) {
                // What is only looked at next, or opened after the proof, is right with or without the journal.
                self.advance_if_possible(&mut running, done, next).await;
            } else if let Err(error) = self.advance(&mut running, done, next).await {
                // Nothing further may be done without the journal: what was done is undone.
                tracing::error!(handover = %running.id, target = %running.target, "{}", error.chain());
                running.found([Finding::from_error(&error)]);
                return self.roll_back(running, step).await;
            }
            step = next;
        }
    }

    /// Does one step; returns the output of its commands.
    async fn act(
        &self,
        running: &mut Running<'_>,
        step: Step,
        proofs: &mut Vec<Proof>,
    ) -> Result<String, Vec<Finding>> {
        let dependents = running.record.dependents.clone();
        let activate = async |target: &Target| {
            target.activate(&dependents).await.map_err(|error| vec![Finding::from_error(&error)])
        };
        match step {
            Step::Close => {
                self.close_door(running).await.map(|()| String::new()).map_err(|finding| vec![finding])
            }
            Step::Stage | Step::Switch => {
                if step == Step::Stage && running.record.guard.is_none() && running.is_behind_door() {
                    self.before_closing(running.target).await.map_err(|finding| vec![finding])?;
                }
                self.apply(running, step).await.map_err(|finding| vec![finding])
            }
            Step::TlsOff => {
                self.apply(running, step).await.map_err(|finding| vec![finding])?;
                let output = activate(running.target).await?;
                let plain =
                    running.record.guard.as_ref().map(|guard| guard.plain.clone()).unwrap_or_default();
                running.prove_plain(&plain).await?;
                Ok(output)
            }
            Step::Activate => activate(running.target).await,
            Step::Prove => {
                *proofs = self.prove_successor(running).await?;
                Ok(String::new())
            }
            Step::Open => self.open_door(running, proofs).await.map(|()| String::new()),
            Step::Check | Step::RollBack | Step::Retire => Ok(String::new()),
        }
    }

    /// The successor is proven: that is the end, and the beginning of the end of the certificate before.
    pub(crate) async fn served(
        &self,
        running: Running<'_>,
        done: StepRecord,
        proofs: &[Proof],
    ) -> Result<Report, HandoverError> {
        if running.record.purpose == Purpose::Recover {
            return self.recovered(running, done, proofs).await;
        }
        let closing = Closing {
            proofs: proofs.iter().filter_map(crate::observe::proof_record).collect(),
            observed: Some(crate::observe::observed(running.target, proofs)),
            in_use: Some(running.new_fingerprint()),
            replaced: running.old_fingerprint().map(|old| self.replaced(old, &running.target.name)),
            recovered: Some(running.target.name.clone()),
            ..Closing::default()
        };
        tracing::info!(handover = %running.id, target = %running.target, "served: the new certificate is proven");
        self.close(running, done, Outcome::Served, closing).await
    }

    async fn fail(
        &self,
        mut running: Running<'_>,
        step: Step,
        started_at: Timestamp,
        findings: Vec<Finding>,
    ) -> Result<Report, HandoverError> {
        let reason = findings.iter().map(|finding| finding.message.as_str()).collect::<Vec<_>>().join("; ");
        tracing::warn!(handover = %running.id, target = %running.target, "{step} failed: {reason}");
        running.begun.findings.extend(findings);
        let failed = ended(step, StepOutcome::Failed, reason, started_at);
        self.advance_if_possible(&mut running, failed, Step::RollBack).await;
        self.roll_back(running, step).await
    }

    /// Does all actions of a step; returns the output of their commands.
    async fn apply(&self, running: &mut Running<'_>, step: Step) -> Result<String, Finding> {
        let context: ActionContext<'_> = running.target.context(running.successor);
        let actions = running.record.actions(step).clone();
        let mut output = String::new();
        for (position, action) in actions.iter().enumerate() {
            match action.apply(context).await {
                Ok(report) => {
                    output.push_str(&report.output);
                    running.begun.findings.extend(report.findings);
                }
                Err(error) => {
                    // What was refused before it was touched, and what comes after it, has nothing to undo.
                    let touched = if error.is_before_touching() { position } else { position + 1 };
                    running.record.actions(step).truncate(touched);
                    if step != Step::Switch {
                        running.record.plan.switch.clear();
                    }
                    return Err(Finding::from_error(&error));
                }
            }
        }
        Ok(output)
    }

    /// Asks every address; while the door is closed, those on this machine.
    pub(crate) async fn prove_successor(&self, running: &Running<'_>) -> Result<Vec<Proof>, Vec<Finding>> {
        if running.record.purpose == Purpose::Recover {
            return running.prove_plain(&running.record.plain).await;
        }
        let addresses = &running.record.addresses;
        if running.is_behind_door() {
            return self.prove_successor_at(running, &inside(addresses)).await;
        }
        self.prove_successor_at(running, addresses).await
    }

    pub(crate) async fn prove_successor_at(
        &self,
        running: &Running<'_>,
        addresses: &[AddressRecord],
    ) -> Result<Vec<Proof>, Vec<Finding>> {
        let family =
            running.successor.map_or(baton_target::KeyFamily::Any, |successor| family_of(successor.leaf()));
        let expected = Expected::Certificate {
            fingerprint: running.new_fingerprint(),
            trust: running.trust.clone(),
            family,
            counterpart: running.old_fingerprint().map(Counterpart::Old),
        };
        let expected =
            |address: &AddressRecord| (address.endpoint.clone(), address.address, expected.clone());
        running.prove(addresses.iter().map(expected).collect()).await
    }

    async fn record_ended(
        &self,
        begun: NewHandover,
        met: &[Met<'_>],
        steps: &[StepRecord],
        proofs: &[ProofRecord],
        outcome: Outcome,
    ) -> Result<Report, HandoverError> {
        let now = clock::now();
        let id = self.state.record_ended_handover(&begun, met, steps, proofs, outcome, now).await?;
        Ok(Report::of(id, &begun, Some(outcome), steps, proofs))
    }
}

/// The certificates that a handover meets: they are remembered together with it.
fn met<'a>(request: &Request<'a>, checked: &'a Checked) -> Vec<Met<'a>> {
    let new = Met { certificate: request.successor.leaf(), name: request.certificate, origin: Origin::Found };
    let old = checked.certificate.as_ref();
    let old = old.map(|old| Met { certificate: old.leaf(), name: None, origin: Origin::Found });
    [new].into_iter().chain(old).collect()
}

fn record(request: &Request<'_>, checked: &Checked) -> Record {
    Record {
        purpose: request.purpose,
        plan: checked.plan.clone(),
        addresses: checked.addresses.clone(),
        plain: checked.plain.clone(),
        // From a reset target one goes back to plain HTTP, not to the certificate that has expired.
        old_ends: (checked.certificate.as_ref())
            .filter(|_| checked.recovery.is_none())
            .map(|certificate| certificate.leaf().not_after().as_second()),
        dependents: checked.dependents.clone(),
        guard: checked.guard.clone(),
        server: request.target.server(),
    }
}

fn new_handover(request: &Request<'_>, checked: &Checked, started_at: Timestamp) -> NewHandover {
    NewHandover {
        certificate: request.certificate.map(str::to_owned),
        target: request.target.name.clone(),
        old: checked.current,
        old_fingerprint: checked.old_fingerprint(),
        new: request.successor.thumbprint(),
        new_fingerprint: request.successor.fingerprint(),
        plan: record(request, checked).to_json(),
        findings: checked.findings.clone(),
        started_at,
    }
}

fn running<'a>(id: HandoverId, request: &Request<'a>, checked: &Checked, begun: NewHandover) -> Running<'a> {
    Running {
        id,
        target: request.target,
        successor: Some(request.successor),
        trust: checked.trust.clone(),
        record: record(request, checked),
        begun,
        steps: Vec::new(),
    }
}

/// What each step would do, for people.
pub(crate) fn plan_of(target: &Target, record: &Record) -> Vec<String> {
    let told = |step: Step, actions: &[Action]| -> Vec<String> {
        actions.iter().map(|action| format!("{step}: {}", action.describe())).collect()
    };
    let guard = record.guard.as_ref();
    let mut plan = Vec::new();
    for step in record.steps() {
        match step {
            Step::Close => plan.extend(guard.map(|guard| format!("{step}: {}", guard.close.describe()))),
            Step::Stage => plan.extend(told(step, &record.plan.stage)),
            Step::TlsOff => {
                plan.extend(guard.map(|guard| told(step, &guard.off)).unwrap_or_default());
                plan.extend(target.describe_activation().map(|activation| format!("{step}: {activation}")));
            }
            Step::Switch => plan.extend(told(step, &record.plan.switch)),
            Step::Activate => {
                plan.extend(target.describe_activation().map(|activation| format!("{step}: {activation}")));
            }
            Step::Prove if record.purpose == Purpose::Recover => {
                plan.extend(record.plain.iter().map(|a| format!("{step}: {} answers plain HTTP", a.address)));
            }
            Step::Prove => plan.extend(record.addresses.iter().map(|address| match address.prior {
                Prior::Served(_) => format!("{step}: ask {} at {}", address.endpoint, address.address),
                Prior::PlainHttp => format!("{step}: ask {} (plain HTTP now)", address.endpoint),
                Prior::Closed => format!("{step}: ask {} (closed now)", address.endpoint),
            })),
            Step::Open => plan.push(format!("{step}: open the ports to the outside")),
            Step::Check | Step::RollBack | Step::Retire => {}
        }
    }
    plan
}

/// What is told of a step while it is under way.
fn stage(step: Step) -> Stage {
    match step {
        Step::Close => Stage::Close,
        Step::Stage => Stage::Stage,
        Step::TlsOff => Stage::TlsOff,
        Step::Switch => Stage::Switch,
        Step::Activate => Stage::Activate,
        Step::Prove => Stage::Prove,
        Step::Open => Stage::Open,
        Step::RollBack => Stage::RollBack,
        Step::Check | Step::Retire => Stage::Check,
    }
}

fn planned(request: &Request<'_>, checked: Checked) -> Report {
    let refused = checked.is_refused();
    let mut plan: Vec<String> = Vec::new();
    if !refused {
        plan = plan_of(request.target, &record(request, &checked));
    }
    let now = clock::now();
    let outcome = if refused { Outcome::Refused } else { Outcome::Planned };
    let mut report = Report::without_handover("", &request.target.name, outcome, checked.findings, now);
    report.certificate = request.certificate.map(str::to_owned);
    report.old = checked.current;
    report.new = Some(request.successor.thumbprint());
    report.plan = plan;
    report
}
