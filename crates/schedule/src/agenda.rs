//! What is to be done for many certificates, and when to look again.

use std::collections::BTreeSet;

use jiff::Timestamp;

use crate::queue::Queue;
use crate::{Limiter, Limits, Situation, Task};

/// One certificate of an [`Agenda`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CertificateId(u32);

impl CertificateId {
    /// Which of the certificates it is, in the order in which they were added, from 0.
    #[must_use]
    pub fn index(self) -> usize {
        index(self.0)
    }
}

/// One issuer of an [`Agenda`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IssuerId(u32);

/// What is to be done for a set of certificates: their situations, a queue of the moments at which each is to be looked
/// at, and the limits of their issuers.
///
/// It is told what becomes of things, and asked at a moment what is to begin ([`Agenda::turn`]) and when to ask again
/// ([`Agenda::look_again`]). It has no clock: a moment earlier than the one before is a clock that was set back, and
/// then everything is looked at anew.
///
/// A certificate has one task at a time. A task that takes long holds up no other certificate but those that wait for
/// the same issuer, of which so many are served at a time as its limits allow: first those that end first.
#[derive(Debug, Default)]
pub struct Agenda {
    certificates: Vec<Entry>,
    issuers: Vec<Issuer>,
    /// Those to be looked at by the next turn, as something was told of them.
    told: Vec<CertificateId>,
    /// When each idle certificate is to be looked at. An entry that is not what the certificate says is stale.
    queue: Queue<CertificateId>,
    last_turn: Option<Timestamp>,
}

#[derive(Debug)]
struct Entry {
    issuer: IssuerId,
    situation: Situation,
    phase: Phase,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// To be looked at by the next turn.
    Told,
    /// In the queue.
    Queued(Timestamp),
    /// Among those that wait for their issuer.
    Waiting(Task),
    /// A task was begun, and has not ended.
    Busy(Task),
}

#[derive(Debug)]
struct Issuer {
    limits: Limits,
    limiter: Limiter,
    orders: Desk,
    questions: Desk,
}

/// What one issuer does at a time, and who waits.
#[derive(Debug, Default)]
struct Desk {
    busy: u32,
    waiting: BTreeSet<(Timestamp, CertificateId)>,
}

impl Agenda {
    /// Adds an issuer, with what it was asked so far.
    pub fn add_issuer(&mut self, limits: Limits, limiter: Limiter) -> IssuerId {
        let id = IssuerId(number(self.issuers.len()));
        self.issuers.push(Issuer { limits, limiter, orders: Desk::default(), questions: Desk::default() });
        id
    }

    /// Adds a certificate.
    pub fn add(&mut self, issuer: IssuerId, situation: Situation) -> CertificateId {
        let id = CertificateId(number(self.certificates.len()));
        self.certificates.push(Entry { issuer, situation, phase: Phase::Told });
        self.told.push(id);
        id
    }

    /// Tells what is known of a certificate; a task that is under way goes on.
    pub fn update(&mut self, id: CertificateId, situation: Situation) {
        let entry = &mut self.certificates[id.index()];
        let before = std::mem::replace(&mut entry.situation, situation);
        match entry.phase {
            Phase::Busy(_) => return,
            Phase::Waiting(task) => {
                let issuer = &mut self.issuers[index(entry.issuer.0)];
                issuer.desk(task).waiting.remove(&(before.ends(), id));
            }
            Phase::Told | Phase::Queued(_) => {}
        }
        self.look_at_anew(id);
    }

    /// Tells that a task was begun elsewhere: the certificate is left alone until it has ended.
    pub fn begun(&mut self, id: CertificateId, task: Task) {
        let entry = &mut self.certificates[id.index()];
        entry.phase = Phase::Busy(task);
        self.issuers[index(entry.issuer.0)].desk(task).busy += u32::from(task != Task::HandOver);
    }

    /// Tells that the task of a certificate has ended, and what is known of it now.
    pub fn ended(&mut self, id: CertificateId, situation: Situation) {
        let entry = &mut self.certificates[id.index()];
        entry.situation = situation;
        if let Phase::Busy(task @ (Task::Ask | Task::Order)) = entry.phase {
            let desk = self.issuers[index(entry.issuer.0)].desk(task);
            desk.busy = desk.busy.saturating_sub(1);
        }
        self.look_at_anew(id);
    }

    /// What is known of a certificate.
    #[must_use]
    pub fn situation(&self, id: CertificateId) -> Situation {
        self.certificates[id.index()].situation
    }

    /// Tells what an issuer was asked so far, where others ask it too.
    pub fn set_limiter(&mut self, issuer: IssuerId, limiter: Limiter) {
        self.issuers[index(issuer.0)].limiter = limiter;
    }

    /// What an issuer was asked so far.
    #[must_use]
    pub fn limiter(&self, issuer: IssuerId) -> Limiter {
        self.issuers[index(issuer.0)].limiter
    }

    /// What is to begin at this moment. Each is under way from now on, until [`Agenda::ended`] is told.
    pub fn turn(&mut self, now: Timestamp) -> Vec<(CertificateId, Task)> {
        if self.last_turn.is_none_or(|last| now < last) {
            self.start_over(now);
        }
        self.last_turn = Some(now);
        let mut tasks = Vec::new();
        for id in std::mem::take(&mut self.told) {
            let entry = &mut self.certificates[id.index()];
            if entry.phase == Phase::Told {
                entry.situation = entry.situation.settled(now);
                self.look_at(id, now, &mut tasks);
            }
        }
        while let Some((at, id)) = self.queue.pop(now) {
            if self.certificates[id.index()].phase == Phase::Queued(at) {
                self.look_at(id, now, &mut tasks);
            }
        }
        for issuer in &mut self.issuers {
            for task in [Task::Ask, Task::Order] {
                while let Some(id) = issuer.admit(task, now) {
                    self.certificates[id.index()].phase = Phase::Busy(task);
                    tasks.push((id, task));
                }
            }
        }
        tasks
    }

    /// When there is something to do next, unless something is told before; `None` when there is nothing but to wait
    /// for what is under way.
    #[must_use]
    pub fn look_again(&self, now: Timestamp) -> Option<Timestamp> {
        let queued = if self.told.is_empty() { self.queue.first() } else { Some(now) };
        let admitted = self.issuers.iter().filter_map(|issuer| issuer.admits_at(now));
        admitted.chain(queued).min()
    }

    /// Puts a certificate where it belongs: into the queue, to those that wait, or to what begins.
    fn look_at(&mut self, id: CertificateId, now: Timestamp, tasks: &mut Vec<(CertificateId, Task)>) {
        let entry = &mut self.certificates[id.index()];
        let next = entry.situation.next(now);
        if next.at > now {
            entry.phase = Phase::Queued(next.at);
            self.queue.push(next.at, id);
        } else if next.task == Task::HandOver {
            entry.phase = Phase::Busy(Task::HandOver);
            tasks.push((id, Task::HandOver));
        } else {
            entry.phase = Phase::Waiting(next.task);
            let ends = entry.situation.ends();
            self.issuers[index(entry.issuer.0)].desk(next.task).waiting.insert((ends, id));
        }
    }

    fn look_at_anew(&mut self, id: CertificateId) {
        self.certificates[id.index()].phase = Phase::Told;
        self.told.push(id);
    }

    /// At the first turn, and when the clock was set back: moments that were computed by what it said before hold no
    /// longer.
    fn start_over(&mut self, now: Timestamp) {
        self.queue.clear();
        for issuer in &mut self.issuers {
            issuer.limiter = issuer.limiter.settled(issuer.limits, now);
            issuer.orders.waiting.clear();
            issuer.questions.waiting.clear();
        }
        self.told.clear();
        for (position, entry) in self.certificates.iter_mut().enumerate() {
            if !matches!(entry.phase, Phase::Busy(_)) {
                entry.phase = Phase::Told;
                self.told.push(CertificateId(number(position)));
            }
        }
    }
}

impl Issuer {
    fn desk(&mut self, task: Task) -> &mut Desk {
        match task {
            Task::Ask => &mut self.questions,
            Task::Order | Task::HandOver => &mut self.orders,
        }
    }

    /// The next certificate that may begin, counted as begun.
    fn admit(&mut self, task: Task, now: Timestamp) -> Option<CertificateId> {
        let (limits, mut limiter) = (self.limits, self.limiter);
        let desk = self.desk(task);
        let is_open = desk.busy < limits.at_a_time.get()
            && match task {
                Task::Order => limiter.next(limits) <= now,
                _ => limiter.resting(now).is_none(),
            };
        let (_, id) = if is_open { desk.waiting.pop_first()? } else { return None };
        desk.busy += 1;
        if task == Task::Order {
            limiter.take(limits, now);
            self.limiter = limiter;
        }
        Some(id)
    }

    /// When the next of those that wait may begin; `None` when there is none, or when something must end first.
    fn admits_at(&self, now: Timestamp) -> Option<Timestamp> {
        let is_ready = |desk: &Desk| !desk.waiting.is_empty() && desk.busy < self.limits.at_a_time.get();
        let order = is_ready(&self.orders).then(|| self.limiter.next(self.limits));
        let question = is_ready(&self.questions).then(|| self.limiter.resting(now).unwrap_or(now));
        order.into_iter().chain(question).min()
    }
}

fn number(index: usize) -> u32 {
    u32::try_from(index).unwrap_or(u32::MAX)
}

fn index(number: u32) -> usize {
    // Every system that Baton runs on counts in at least 32 bits.
    usize::try_from(number).unwrap_or(usize::MAX)
}
