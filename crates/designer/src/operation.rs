//! What was begun from a page, while it is done and for a while after.
//!
//! A change is carried out by a task of its own: it goes on when the page that began it is closed, and whoever opens
//! the page later sees all of its steps so far. What became of it stands in the journal too; here is only what a page
//! shows while it waits.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use baton_platform::clock;
use baton_platform::progress::{Event, Progress};
use jiff::Timestamp;
use tokio::sync::watch;

use crate::change::{Actions, Change, Done};
use crate::problem::Problem;

/// How many are kept that have ended.
const KEPT: usize = 64;

/// One change that was begun.
#[derive(Debug)]
pub(crate) struct Operation {
    pub(crate) id: u64,
    pub(crate) change: Change,
    pub(crate) started_at: Timestamp,
    course: watch::Sender<Course>,
}

/// How far it has come.
#[derive(Debug, Default)]
pub(crate) struct Course {
    pub(crate) events: Vec<(Timestamp, Event)>,
    /// When it ended and how; `None` while it is under way.
    pub(crate) end: Option<(Timestamp, Result<Done, Problem>)>,
}

impl Operation {
    /// How far it has come, now and from now on.
    pub(crate) fn watch(&self) -> watch::Receiver<Course> {
        self.course.subscribe()
    }
}

impl Progress for Operation {
    fn reached(&self, event: Event) {
        let at = clock::now();
        self.course.send_modify(|course| course.events.push((at, event)));
    }
}

/// All changes that were begun since the start, the last ones of those that have ended.
#[derive(Debug, Default)]
pub(crate) struct Operations {
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    last: u64,
    operations: VecDeque<Arc<Operation>>,
}

impl Operations {
    /// Begins a change; it goes on by itself. One that is under way is not begun a second time: people click twice.
    pub(crate) fn begin(&self, actions: Arc<dyn Actions>, change: Change) -> Arc<Operation> {
        let (operation, is_new) = self.add(change.clone());
        if !is_new {
            return operation;
        }
        let own = Arc::clone(&operation);
        tokio::spawn(async move {
            let done = actions.carry_out(change, Arc::clone(&own) as Arc<dyn Progress>).await;
            let at = clock::now();
            own.course.send_modify(|course| course.end = Some((at, done)));
        });
        operation
    }

    /// One of them, as long as it is kept.
    pub(crate) fn find(&self, id: u64) -> Option<Arc<Operation>> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.operations.iter().find(|operation| operation.id == id).cloned()
    }

    /// The operation of a change, and whether it is a new one.
    fn add(&self, change: Change) -> (Arc<Operation>, bool) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let has_ended = |operation: &Arc<Operation>| operation.course.borrow().end.is_some();
        let is_this = |operation: &&Arc<Operation>| operation.change == change && !has_ended(operation);
        if let Some(under_way) = known.operations.iter().find(is_this) {
            return (Arc::clone(under_way), false);
        }
        known.last += 1;
        let operation = Arc::new(Operation {
            id: known.last,
            change,
            started_at: clock::now(),
            course: watch::Sender::new(Course::default()),
        });
        let ended = known.operations.iter().filter(|operation| has_ended(operation)).count();
        if ended >= KEPT
            && let Some(oldest) = known.operations.iter().position(has_ended)
        {
            known.operations.remove(oldest);
        }
        known.operations.push_back(Arc::clone(&operation));
        (operation, true)
    }
}
