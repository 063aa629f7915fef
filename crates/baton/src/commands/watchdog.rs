//! The watchdog of a guarded window: a process of its own beside the one that has closed a door.
//!
//! It sees to it that the door stays closed, and when whoever closed it is gone for longer than the limit, it does what
//! the next start would do: access control and TLS as they were, the proof, and only then the door. What it cannot
//! bring back it tells, and leaves closed.

use std::sync::Arc;
use std::time::Duration;

use baton_alarm::Alarm;
use baton_finding::Explain as _;
use baton_handover::Watched;
use baton_platform::{clock, host, local_socket};
use baton_target::Target;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::cli::Globals;
use crate::failure::{Exit, Failure};
use crate::place::Place;
use crate::settings::alerts;
use crate::wiring::App;

/// How often it looks.
const INTERVAL: Duration = Duration::from_secs(1);

/// How long its last words may take to arrive.
const LAST_WORDS: Duration = Duration::from_secs(60);

pub(crate) async fn run(globals: &Globals, target: &str) -> Result<Exit, Failure> {
    let mut app = App::open(Place::find(globals)?, None).await?;
    let mut target = Arc::clone(app.target(target)?);
    let mut left_at = None;
    loop {
        tokio::time::sleep(INTERVAL).await;
        match app.renewals.engine.watch(&target).await {
            Ok(Watched::Over) => break,
            Ok(Watched::AtWork) => left_at = None,
            Ok(Watched::Left) => {
                let since = *left_at.get_or_insert_with(Instant::now);
                if since.elapsed() >= target.guard.limit {
                    // The journal may have been damaged, and put back from a copy, since this process has opened it.
                    app = App::open_thoroughly(Place::find(globals)?).await?;
                    target = Arc::clone(app.target(&target.name)?);
                    bring_back(&app, &target).await;
                    left_at = None;
                }
            }
            Err(error) => tracing::error!(%target, "{}", error.chain()),
        }
    }
    app.leave().await;
    Ok(Exit::Done)
}

async fn bring_back(app: &App, target: &Target) {
    tracing::warn!(%target, "whoever closed its door is gone: it is brought back");
    match app.renewals.engine.resume(target).await {
        Ok(reports) => {
            let worst = reports.iter().map(|report| Exit::of(report.outcome)).fold(Exit::Done, Exit::worse);
            if worst != Exit::Stuck {
                return;
            }
        }
        Err(error) => tracing::error!(%target, "{}", error.chain()),
    }
    if let Err(failure) = tell(app).await {
        tracing::error!("nobody was told: {}", failure.chain.join(": "));
    }
}

/// Tells how everything stands, where no running `up` does.
async fn tell(app: &App) -> Result<(), Failure> {
    if matches!(local_socket::connect(&app.place.socket()).await, Ok(Some(_))) {
        return Ok(());
    }
    let engine = &app.renewals.engine;
    let host = host::host_name().unwrap_or_else(|| "localhost".to_owned());
    let alarm = Arc::new(Alarm::new(engine.state().clone(), host, alerts::channels(&app.place.loaded)?));
    let (_, troubles) = engine.look(&app.subjects()).await?;
    alarm.consider(troubles, clock::now()).await?;
    let (stop, stopped) = watch::channel(());
    let delivery = tokio::spawn(alarm.deliver(stopped));
    let patience_ends = Instant::now() + LAST_WORDS;
    while Instant::now() < patience_ends {
        tokio::time::sleep(INTERVAL).await;
        if engine.state().alert_channels().await?.iter().all(|channel| channel.waiting == 0) {
            break;
        }
    }
    let _ = stop.send(());
    let _ = delivery.await;
    Ok(())
}
