//! The agenda of all certificates, kept in step with the state, and the tasks that are under way.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use baton_finding::Explain as _;
use baton_platform::clock;
use baton_platform::progress::{self, Event, Progress, Stage};
use baton_schedule::{Agenda, CertificateId, IssuerId, Limiter, Situation, Task};
use baton_state::{Standing, StateError};
use jiff::{SignedDuration, Timestamp};
use tokio::task::{AbortHandle, Id, JoinError, JoinSet};

use crate::renewals::{ManagedCertificate, RenewError, Renewals, limiter, limits};
use crate::vitals::Vitals;

/// The pause after a task that ended and left everything as it was, so that it is not begun again and again.
const AFTER_NOTHING: SignedDuration = SignedDuration::from_secs(60);

/// A moment that does not come.
const NEVER: Timestamp = Timestamp::MAX;

/// What is to be done, and what is being done.
#[derive(Debug)]
pub(crate) struct Work {
    renewals: Arc<Renewals>,
    vitals: Arc<Vitals>,
    agenda: Agenda,
    issuers: HashMap<String, IssuerId>,
    certificates: HashMap<String, CertificateId>,
    /// The names of those of the agenda, by their index.
    names: Vec<String>,
    tasks: JoinSet<Result<(), RenewError>>,
    under_way: HashMap<Id, UnderWay>,
}

/// A task that was begun.
#[derive(Debug)]
struct UnderWay {
    certificate: String,
    task: Task,
    handle: AbortHandle,
    course: Arc<Course>,
}

/// Of each target of a task, and of its certificate, whether it only waits for a change that someone else carries out.
#[derive(Debug, Default)]
pub(crate) struct Course(Mutex<HashMap<Option<String>, bool>>);

impl Course {
    pub(crate) fn only_waits(&self) -> bool {
        let waits = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        !waits.is_empty() && waits.values().all(|waits| *waits)
    }
}

impl Progress for Course {
    fn reached(&self, event: Event) {
        let mut waits = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        waits.insert(event.target, event.stage == Stage::Wait);
    }
}

impl Work {
    pub(crate) fn new(renewals: Arc<Renewals>, vitals: Arc<Vitals>) -> Self {
        Self {
            renewals,
            vitals,
            agenda: Agenda::default(),
            issuers: HashMap::new(),
            certificates: HashMap::new(),
            names: Vec::new(),
            tasks: JoinSet::new(),
            under_way: HashMap::new(),
        }
    }

    /// Takes other certificates, and reads where they stand. What is under way goes on as it began.
    pub(crate) async fn take(&mut self, renewals: Arc<Renewals>) -> Result<(), StateError> {
        let standings = standings(&renewals).await?;
        let limiters = limiters(&renewals).await?;
        let before = std::mem::take(&mut self.agenda);
        let issuers = std::mem::take(&mut self.issuers);
        (self.certificates, self.names) = Default::default();
        let known = |name: &str| issuers.get(name).map(|id| before.limiter(*id));
        for certificate in &renewals.certificates {
            let name = &certificate.issuer_name;
            let issuer = *self.issuers.entry(name.clone()).or_insert_with(|| {
                let written = limiters.get(name).copied();
                let limiter = latest(known(name), written);
                self.agenda.add_issuer(limits(&certificate.issuer), limiter)
            });
            let id = self.agenda.add(issuer, situation(&renewals, certificate, &standings));
            self.certificates.insert(certificate.name.clone(), id);
            self.names.push(certificate.name.clone());
        }
        for begun in self.under_way.values() {
            if let Some(id) = self.certificates.get(&begun.certificate) {
                self.agenda.begun(*id, begun.task);
            }
        }
        self.renewals = renewals;
        Ok(())
    }

    /// Reads anew where everything stands: someone else has changed something.
    pub(crate) async fn refresh(&mut self) -> Result<(), StateError> {
        let standings = standings(&self.renewals).await?;
        for certificate in &self.renewals.certificates {
            if let Some(id) = self.certificates.get(&certificate.name) {
                self.agenda.update(*id, situation(&self.renewals, certificate, &standings));
            }
        }
        self.refresh_limiters().await
    }

    /// Begins what is due. Each task is one of its own: one that hangs or fails delays no other.
    pub(crate) fn begin(&mut self, now: Timestamp) {
        for (id, task) in self.agenda.turn(now) {
            let name = self.names[id.index()].clone();
            let (renewals, certificate) = (Arc::clone(&self.renewals), name.clone());
            let work = async move {
                match task {
                    Task::Ask => renewals.ask(&certificate).await,
                    Task::Order => renewals.order_due(&certificate).await,
                    Task::HandOver => renewals.hand_over_pending(&certificate).await,
                }
            };
            let course = Arc::new(Course::default());
            let handle = self.tasks.spawn(progress::listened(Arc::clone(&course) as Arc<dyn Progress>, work));
            self.under_way.insert(handle.id(), UnderWay { certificate: name, task, handle, course });
        }
    }

    /// When there is something to begin next.
    pub(crate) fn look_again(&self, now: Timestamp) -> Option<Timestamp> {
        self.agenda.look_again(now).filter(|at| *at < NEVER)
    }

    /// How many certificates are looked after, and how many tasks are under way.
    pub(crate) fn counts(&self) -> (usize, usize) {
        (self.names.len(), self.under_way.len())
    }

    /// Waits until a task ends; for ever when there is none.
    pub(crate) async fn ended(&mut self) -> Result<(Id, Result<(), RenewError>), JoinError> {
        match self.tasks.join_next_with_id().await {
            Some(ended) => ended,
            None => std::future::pending().await,
        }
    }

    /// Takes note of a task that has ended, and reads where its certificate stands now.
    pub(crate) async fn settle(&mut self, ended: Result<(Id, Result<(), RenewError>), JoinError>) {
        let (id, result) = match ended {
            Ok((id, result)) => (id, result),
            Err(error) => {
                tracing::error!("a task ended abnormally: {error}");
                (error.id(), Ok(()))
            }
        };
        let Some(UnderWay { certificate: name, task, .. }) = self.under_way.remove(&id) else { return };
        let is_resting = matches!(result, Err(RenewError::IssuerResting { .. }));
        if let Err(error) = &result {
            self.vitals.failed(error.code());
        }
        log(&name, result);
        let Some(id) = self.certificates.get(&name).copied() else { return };
        let now = clock::now();
        let read = self.read(&name).await;
        let situation = read.unwrap_or_else(|error| {
            tracing::error!(certificate = %name, "{}", error.chain());
            self.agenda.situation(id)
        });
        let next = situation.next(now);
        let is_as_before = next.task == task && next.at <= now && !is_resting;
        self.agenda.ended(id, if is_as_before { held_back(situation, now) } else { situation });
        if let Err(error) = self.refresh_limiters().await {
            tracing::error!("{}", error.chain());
        }
    }

    /// Waits until everything that is under way has ended, for so long; `false` when it has not. What only waits for the
    /// change of another has begun nothing, and is given up.
    pub(crate) async fn finish(mut self, patience: Duration) -> bool {
        self.under_way.values().filter(|task| task.course.only_waits()).for_each(|task| task.handle.abort());
        tokio::time::timeout(patience, async { while self.tasks.join_next().await.is_some() {} })
            .await
            .is_ok()
    }

    async fn read(&self, name: &str) -> Result<Situation, RenewError> {
        let certificate = self.renewals.named(name)?;
        let standing = self.renewals.engine.state().standing(name).await?;
        Ok(for_agenda(certificate, self.renewals.situation(certificate, &standing)))
    }

    async fn refresh_limiters(&mut self) -> Result<(), StateError> {
        for (name, written) in limiters(&self.renewals).await? {
            if let Some(id) = self.issuers.get(&name) {
                let counted = latest(Some(self.agenda.limiter(*id)), Some(written));
                self.agenda.set_limiter(*id, counted);
            }
        }
        Ok(())
    }
}

async fn standings(renewals: &Renewals) -> Result<HashMap<String, Standing>, StateError> {
    let standings = renewals.engine.state().standings().await?;
    Ok(standings.into_iter().map(|standing| (standing.name.clone(), standing)).collect())
}

async fn limiters(renewals: &Renewals) -> Result<HashMap<String, Limiter>, StateError> {
    let uses = renewals.engine.state().issuer_uses().await?;
    Ok(uses.into_iter().map(|used| (used.name.clone(), limiter(&used))).collect())
}

fn situation(
    renewals: &Renewals,
    certificate: &ManagedCertificate,
    standings: &HashMap<String, Standing>,
) -> Situation {
    let nothing = Standing::default();
    for_agenda(
        certificate,
        renewals.situation(certificate, standings.get(&certificate.name).unwrap_or(&nothing)),
    )
}

/// What a person brings is handed over like any other, and never ordered.
fn for_agenda(certificate: &ManagedCertificate, situation: Situation) -> Situation {
    if certificate.issuer.is_automatic() {
        return situation;
    }
    Situation { rest_until: Some(NEVER), ..situation }
}

/// What was counted here and what is written down: an order is counted here before it is written.
fn latest(counted: Option<Limiter>, written: Option<Limiter>) -> Limiter {
    let (counted, written) = (counted.unwrap_or_default(), written.unwrap_or_default());
    Limiter { full_at: counted.full_at.max(written.full_at), rest_until: written.rest_until }
}

/// Not to be tried again for a while, whatever it is.
fn held_back(mut situation: Situation, now: Timestamp) -> Situation {
    let until = now.checked_add(AFTER_NOTHING).ok();
    situation.issuing.retry_at = situation.issuing.retry_at.max(until);
    situation.handover.retry_at = situation.handover.retry_at.max(until);
    situation.ask_at = situation.ask_at.map(|at| until.map_or(at, |until| at.max(until)));
    situation
}

fn log(name: &str, result: Result<(), RenewError>) {
    match result {
        Ok(()) => {}
        Err(error @ RenewError::IssuerResting { .. }) => tracing::info!(certificate = name, "{error}"),
        Err(error) => {
            tracing::error!(certificate = name, "not renewed: {}", error.chain());
            if let Some(hint) = error.hint() {
                tracing::info!(certificate = name, "hint: {hint}");
            }
        }
    }
}
