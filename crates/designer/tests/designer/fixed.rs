//! What pages are asked to show in tests, and what is asked of them.

use std::sync::{Arc, Mutex};

use baton_designer::{
    Actions, BoxFuture, CertificateLook, Change, Done, ManagedLook, Measurements, Overview, PendingRequest,
    Problem, ProblemKind, StoreLook, SuccessorKey, TargetLook, Upload,
};
use baton_handover::{Report, Status};
use baton_platform::progress::{Event, Progress, Stage};
use baton_state::{HandoverFilter, HandoverId};
use baton_x509::Thumbprint;
use tokio::sync::{Notify, Semaphore};

use crate::sample;

/// What a page is asked to show: always the same.
pub(crate) struct Fixed {
    pub(crate) status: Result<Status, String>,
    pub(crate) handovers: Result<Vec<Report>, String>,
    pub(crate) target: Option<TargetLook>,
    pub(crate) store: Option<StoreLook>,
    pub(crate) certificate: Option<CertificateLook>,
    pub(crate) managed: Option<ManagedLook>,
    /// What a change would do, and does.
    pub(crate) done: Option<Done>,
    /// Told when it is asked for the status, and lets it answer.
    pub(crate) gate: Option<(Arc<Notify>, Arc<Semaphore>)>,
    /// What it was asked to do.
    pub(crate) asked: Arc<Mutex<Vec<String>>>,
}

impl Default for Fixed {
    fn default() -> Self {
        Self {
            status: Ok(sample::status(Vec::new())),
            handovers: Ok(Vec::new()),
            target: None,
            store: None,
            certificate: None,
            managed: None,
            done: None,
            gate: None,
            asked: Arc::default(),
        }
    }
}

impl Fixed {
    fn note(&self, what: String) {
        self.asked.lock().unwrap().push(what);
    }
}

impl Overview for Fixed {
    fn status(&self) -> BoxFuture<'_, Result<Status, String>> {
        Box::pin(async {
            if let Some((asked, answers)) = &self.gate {
                asked.notify_one();
                answers.acquire().await.unwrap().forget();
            }
            self.status.clone()
        })
    }

    fn handovers(&self, _: HandoverFilter, limit: u32) -> BoxFuture<'_, Result<Vec<Report>, String>> {
        Box::pin(async move {
            let mut handovers = self.handovers.clone()?;
            handovers.truncate(limit as usize);
            Ok(handovers)
        })
    }

    fn handover(&self, id: HandoverId) -> BoxFuture<'_, Result<Report, Problem>> {
        let found = self.handovers.iter().flatten().find(|report| report.id == Some(id));
        given(found.cloned())
    }

    fn target(&self, _: String) -> BoxFuture<'_, Result<TargetLook, Problem>> {
        given(self.target.clone())
    }

    fn store(&self) -> BoxFuture<'_, Result<StoreLook, Problem>> {
        given(self.store.clone())
    }

    fn certificate(&self, _: Thumbprint) -> BoxFuture<'_, Result<CertificateLook, Problem>> {
        given(self.certificate.clone())
    }

    fn managed(&self, _: String) -> BoxFuture<'_, Result<ManagedLook, Problem>> {
        given(self.managed.clone())
    }

    fn measurements(&self) -> BoxFuture<'_, Result<Measurements, String>> {
        Box::pin(async { self.status.clone().map(sample::measurements) })
    }
}

impl Actions for Fixed {
    fn plan(&self, change: Change) -> BoxFuture<'_, Result<Done, Problem>> {
        self.note(format!("plan {change:?}"));
        given(self.done.clone())
    }

    fn carry_out(&self, change: Change, progress: Arc<dyn Progress>) -> BoxFuture<'_, Result<Done, Problem>> {
        self.note(format!("carry out {change:?}"));
        Box::pin(async move {
            let about = |stage| Event { stage, certificate: None, target: Some("sap".to_owned()) };
            progress.reached(about(Stage::Check));
            progress.reached(about(Stage::Switch));
            if let Some((asked, answers)) = &self.gate {
                asked.notify_one();
                answers.acquire().await.unwrap().forget();
            }
            progress.reached(about(Stage::Prove));
            given(self.done.clone()).await
        })
    }

    fn request(&self, name: String, key: SuccessorKey) -> BoxFuture<'_, Result<PendingRequest, Problem>> {
        self.note(format!("request {name} {key:?}"));
        given(None)
    }

    fn cancel_request(&self, id: String) -> BoxFuture<'_, Result<PendingRequest, Problem>> {
        self.note(format!("cancel {id}"));
        given(None)
    }

    fn read_answer(&self, upload: Upload) -> BoxFuture<'_, Result<String, Problem>> {
        self.note(format!("read {upload:?}"));
        given(None)
    }

    fn import(&self, upload: Upload) -> BoxFuture<'_, Result<Thumbprint, Problem>> {
        self.note(format!("import {upload:?}"));
        given(None)
    }
}

fn given<'a, T: Send + 'a>(found: Option<T>) -> BoxFuture<'a, Result<T, Problem>> {
    Box::pin(async {
        found.ok_or_else(|| Problem {
            kind: ProblemKind::Unknown,
            code: "unknown".to_owned(),
            message: "there is nothing of that name".to_owned(),
            hint: None,
        })
    })
}
