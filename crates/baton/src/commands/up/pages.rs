//! What the Designer shows and does: the same functions that commands use, on the parts of the running `up`.

use std::sync::Arc;

use arc_swap::ArcSwap;
use baton_designer::{
    Actions, BoxFuture, CertificateLook, Change, Done, ManagedLook, Measurements, Overview, PendingRequest,
    Problem, ProblemKind, StoreLook, SuccessorKey, TargetLook, Upload,
};
use baton_finding::Explain as _;
use baton_handover::{Report, Status};
use baton_platform::progress::{self, Progress};
use baton_scheduler::Vitals;
use baton_state::{HandoverFilter, HandoverId};
use baton_x509::Thumbprint;
use tokio::sync::Notify;

use crate::commands::history;
use crate::failure::{Exit, Failure};
use crate::wiring::App;

mod certificate;
mod changes;
mod servers;
mod target;
mod uploads;

/// What the Designer shows and does.
pub(super) struct Pages {
    pub(super) app: Arc<ArcSwap<App>>,
    pub(super) vitals: Arc<Vitals>,
    /// Tells the loop of `up` that something was changed.
    pub(super) changed: Arc<Notify>,
}

impl Overview for Pages {
    fn status(&self) -> BoxFuture<'_, Result<Status, String>> {
        Box::pin(async {
            let app = self.app.load_full();
            app.renewals.engine.status(&app.subjects()).await.map_err(|error| error.chain())
        })
    }

    fn handovers(&self, filter: HandoverFilter, limit: u32) -> BoxFuture<'_, Result<Vec<Report>, String>> {
        Box::pin(async move {
            reports(&self.app.load_full(), &filter, limit).await.map_err(|problem| problem.message)
        })
    }

    fn handover(&self, id: HandoverId) -> BoxFuture<'_, Result<Report, Problem>> {
        Box::pin(async move {
            let app = self.app.load_full();
            let state = app.renewals.engine.state();
            let handover = history::handover(state, id).await.map_err(unknown)?;
            Report::read(state, &handover).await.map_err(|error| problem(error.into()))
        })
    }

    fn target(&self, name: String) -> BoxFuture<'_, Result<TargetLook, Problem>> {
        Box::pin(async move { target::look(&self.app.load_full(), &name).await })
    }

    fn store(&self) -> BoxFuture<'_, Result<StoreLook, Problem>> {
        Box::pin(async { certificate::store(&self.app.load_full()) })
    }

    fn certificate(&self, thumbprint: Thumbprint) -> BoxFuture<'_, Result<CertificateLook, Problem>> {
        Box::pin(async move { certificate::look(&self.app.load_full(), thumbprint).await })
    }

    fn managed(&self, name: String) -> BoxFuture<'_, Result<ManagedLook, Problem>> {
        Box::pin(async move { certificate::managed(&self.app.load_full(), name).await })
    }

    fn measurements(&self) -> BoxFuture<'_, Result<Measurements, String>> {
        Box::pin(async {
            let status = self.status().await?;
            let app = self.app.load_full();
            let state = app.renewals.engine.state();
            Ok(Measurements {
                version: env!("CARGO_PKG_VERSION"),
                status,
                measures: state.measures().await.map_err(|error| error.chain())?,
                alerts: state.alert_channels().await.map_err(|error| error.chain())?,
                last_turn: self.vitals.last_turn(),
                renewal_failures: self.vitals.failures(),
            })
        })
    }
}

impl Actions for Pages {
    fn plan(&self, change: Change) -> BoxFuture<'_, Result<Done, Problem>> {
        Box::pin(async move { changes::execute(&self.app.load_full(), &change, true).await })
    }

    fn carry_out(&self, change: Change, progress: Arc<dyn Progress>) -> BoxFuture<'_, Result<Done, Problem>> {
        Box::pin(async move {
            let app = self.app.load_full();
            let done = progress::listened(progress, changes::execute(&app, &change, false)).await;
            self.changed.notify_one();
            done
        })
    }

    fn request(
        &self,
        certificate: String,
        key: SuccessorKey,
    ) -> BoxFuture<'_, Result<PendingRequest, Problem>> {
        Box::pin(async move { changes::request(&self.app.load_full(), &certificate, key).await })
    }

    fn cancel_request(&self, id: String) -> BoxFuture<'_, Result<PendingRequest, Problem>> {
        Box::pin(async move { changes::cancel_request(&self.app.load_full(), &id) })
    }

    fn read_answer(&self, upload: Upload) -> BoxFuture<'_, Result<String, Problem>> {
        Box::pin(async move { uploads::read_answer(upload).await })
    }

    fn import(&self, upload: Upload) -> BoxFuture<'_, Result<Thumbprint, Problem>> {
        Box::pin(async move { uploads::import(&self.app.load_full(), upload).await })
    }
}

async fn reports(app: &App, filter: &HandoverFilter, limit: u32) -> Result<Vec<Report>, Problem> {
    let state = app.renewals.engine.state();
    let failed = |error: baton_state::StateError| problem(error.into());
    let mut reports = Vec::new();
    for handover in state.handovers_of(filter, limit).await.map_err(failed)? {
        reports.push(Report::read(state, &handover).await.map_err(failed)?);
    }
    Ok(reports)
}

/// A failure as a page tells it.
pub(super) fn problem(failure: Failure) -> Problem {
    let kind = match failure.exit {
        Exit::Usage | Exit::Refused => ProblemKind::Refused,
        _ => ProblemKind::Failed,
    };
    Problem { kind, code: failure.code, message: failure.chain.join(": "), hint: failure.hint }
}

/// The same, of a name that comes from the address of a page.
fn unknown(failure: Failure) -> Problem {
    let is_unknown = failure.exit == Exit::Usage;
    let problem = problem(failure);
    if is_unknown { Problem { kind: ProblemKind::Unknown, ..problem } } else { problem }
}
