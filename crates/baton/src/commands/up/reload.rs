//! Other settings for a running `up`: when their file changes, on SIGHUP, and when the Designer has written it.
//!
//! Settings that are refused change nothing: those before hold on. What is under way ends by the settings with which
//! it began.

use std::path::Path;
use std::sync::Arc;

use arc_swap::ArcSwap;
use baton_platform::file_watch::FileWatch;
use baton_platform::signals::{RELOAD_HINT, ReloadSignals};
use baton_scheduler::Scheduler;
use fs_err as fs;
use tokio::sync::{mpsc, oneshot};

use super::supervision::Supervision;
use crate::cli::Globals;
use crate::failure::{Exit, Failure};
use crate::place::Place;
use crate::wiring::{App, OwnListener};

/// Asks for the settings to be taken up now.
#[derive(Clone)]
pub(super) struct Reloading(mpsc::Sender<oneshot::Sender<Result<(), Failure>>>);

/// What was asked for.
pub(super) type Asked = mpsc::Receiver<oneshot::Sender<Result<(), Failure>>>;

impl Reloading {
    /// Both ends.
    pub(super) fn channel() -> (Self, Asked) {
        let (sender, asked) = mpsc::channel(1);
        (Self(sender), asked)
    }

    /// Waits until they are taken up, or refused.
    pub(super) async fn ask(&self) -> Result<(), Failure> {
        let ended = || {
            let hint = "the next start takes the settings up";
            Failure::new(Exit::Failed, "up-ending", "`baton up` is about to end", hint)
        };
        let (answer, answered) = oneshot::channel();
        self.0.send(answer).await.map_err(|_| ended())?;
        answered.await.map_err(|_| ended())?
    }
}

/// A running `up`, as far as its settings are concerned.
pub(super) struct Reload {
    pub(super) globals: Globals,
    pub(super) app: Arc<ArcSwap<App>>,
    pub(super) own: OwnListener,
    /// The address that the command line asks for.
    pub(super) listen: Option<std::net::SocketAddr>,
    pub(super) scheduler: Arc<Scheduler>,
    pub(super) supervision: Option<Arc<Supervision>>,
}

impl Reload {
    /// Takes changed settings up, until it is dropped.
    pub(super) async fn run(self, mut signals: ReloadSignals, mut asked: Asked) {
        let mut path = self.app.load().place.loaded.path.clone();
        let mut watch = path.as_deref().and_then(watch);
        let mut known = path.as_deref().map(content);
        loop {
            let (is_asked_for, answer) = tokio::select! {
                () = signals.recv() => (true, None),
                Some(answer) = asked.recv() => (true, Some(answer)),
                result = changed(&mut watch) => {
                    if let Err(error) = result {
                        tracing::warn!("the settings are not watched any more, {RELOAD_HINT}: {error}");
                        watch = None;
                    }
                    (false, None)
                }
            };
            let found = path.as_deref().map(content);
            // A file that was touched, or is just being replaced, is nothing new.
            let is_new = found != known && found.as_ref().is_none_or(Option::is_some);
            if is_new || is_asked_for {
                known = found;
                let taken = self.reload().await;
                if let Some(answer) = answer {
                    // Whoever asked may be gone.
                    let _ = answer.send(taken);
                }
            }
            if path.is_none() {
                path = self.app.load().place.loaded.path.clone();
                watch = path.as_deref().and_then(self::watch);
                known = path.as_deref().map(content);
            }
        }
    }

    async fn reload(&self) -> Result<(), Failure> {
        if let Some(supervision) = &self.supervision {
            supervision.reloading();
        }
        let taken = self.take();
        let refused = match &taken {
            Ok(()) => {
                tracing::info!("the settings are taken up");
                None
            }
            Err(failure) => {
                let reason = failure.chain.join(": ");
                let hint = failure.hint.as_deref().map(|hint| format!(" ({hint})")).unwrap_or_default();
                tracing::error!("the new settings are refused, the old ones hold: {reason}{hint}");
                Some(reason)
            }
        };
        if let Some(supervision) = &self.supervision {
            supervision.reloaded(refused.as_deref());
        }
        self.scheduler.changed().notify_one();
        taken
    }

    fn take(&self) -> Result<(), Failure> {
        let before = self.app.load_full();
        let place = Place::find(&self.globals)?;
        if place.data != before.place.data {
            return Err(Failure::new(
                Exit::Usage,
                "restart-needed",
                format!("they name another data directory, `{}`", place.data.display()),
                "start `baton up` anew",
            ));
        }
        if place.listen(self.listen) != before.place.listen(self.listen) {
            tracing::warn!("another address of the Designer counts from the next start on");
        }
        if place.access() != before.place.access() {
            tracing::warn!("who is let into the Designer changes with the next start");
        }
        let interval = place.probe_interval();
        let app = Arc::new(before.with_settings(place, self.own.clone())?);
        self.scheduler.replace(Arc::clone(&app.renewals), interval);
        self.app.store(app);
        Ok(())
    }
}

fn watch(path: &Path) -> Option<FileWatch> {
    match FileWatch::new(path) {
        Ok(watch) => Some(watch),
        Err(error) => {
            tracing::warn!("the settings are not watched, {RELOAD_HINT}: {error}");
            None
        }
    }
}

async fn changed(watch: &mut Option<FileWatch>) -> std::io::Result<()> {
    match watch {
        Some(watch) => watch.changed().await,
        None => std::future::pending().await,
    }
}

fn content(path: &Path) -> Option<Vec<u8>> {
    fs::read(path).ok()
}
