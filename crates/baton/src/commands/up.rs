//! `baton up`

use std::future::pending;
use std::sync::Arc;

use arc_swap::ArcSwap;
use baton_alarm::Alarm;
use baton_designer::{CertificateFiles, HotCertificate, Listener, Site};
use baton_finding::Explain as _;
use baton_platform::host;
use baton_platform::local_socket::LocalListener;
use baton_platform::lock::FileLock;
use baton_platform::memory;
use baton_platform::signals::{ReloadSignals, StopSignals};
use baton_scheduler::{RenewOptions, Scheduler, Supervisor};
use baton_target::HotSwap;
use tokio::sync::{Notify, watch};

mod desk;
mod first_user;
mod pages;
mod reload;
mod supervision;

use desk::Desk;
use pages::Pages;
use reload::{Reload, Reloading};
use supervision::Supervision;

use crate::cli::{Globals, Up};
use crate::commands::request;
use crate::failure::{Exit, Failure};
use crate::local::{self, Answer};
use crate::output::tell;
use crate::place::Place;
use crate::settings::alerts;
use crate::wiring::{App, DESIGNER, OwnListener, answers_by_designer, asked_at, own_hosts};

pub(crate) async fn run(globals: &Globals, arguments: &Up) -> Result<Exit, Failure> {
    // Passwords are worked out with much of it, for a moment.
    memory::give_back_large_blocks();
    let place = Place::find(globals)?;
    place.check()?;
    refuse_second(&place)?;
    // Before anything is made: a port in use leaves nothing behind.
    let listen = place.listen(arguments.listen.map(|address| address.0));
    let access = place.access();
    first_user::require_user(&place, listen).await?;
    let listener = if answers_by_designer(&place.loaded.settings, listen.port()) {
        Listener::bind_for_challenges(listen, access).await
    } else {
        Listener::bind(listen, access).await
    };
    let listener = listener.map_err(|error| Failure::with(Exit::Usage, &error))?;
    let address = listener.local_address();
    place.make_data()?;
    let _lock = lock(&place)?;
    let (certificate, key) = place.designer_files();
    let own = HotCertificate::waiting(CertificateFiles { certificate, key });
    let own_listener = OwnListener {
        address,
        swap: Arc::clone(&own) as Arc<dyn HotSwap>,
        lifetime: arguments.lifetime.map(|span| span.signed()),
    };
    let interval = place.probe_interval();
    let (channels, heartbeat) = (alerts::channels(&place.loaded)?, alerts::heartbeat(&place.loaded));
    let socket = place.socket();
    let app = Arc::new(App::open(place, Some(own_listener.clone())).await?);
    let shared = Arc::new(ArcSwap::new(Arc::clone(&app)));
    let local = LocalListener::bind(&socket).map_err(|error| {
        Failure::new(
            Exit::Failed,
            "socket-unusable",
            error.to_string(),
            "see that the data directory is writable",
        )
    })?;
    let (stop, stopped) = watch::channel(());
    let mut ended = stopped.clone();
    let shutdown = async move {
        let _ = ended.changed().await;
    };
    let host = host::host_name().unwrap_or_else(|| "localhost".to_owned());
    let alarm = Arc::new(Alarm::new(app.renewals.engine.state().clone(), host, channels));
    let supervision = Supervision::from_environment();
    let supervisor = supervision.clone().map(|supervision| supervision as Arc<dyn Supervisor>);
    let renewals = Arc::clone(&app.renewals);
    let scheduler = Arc::new(Scheduler::new(renewals, interval, Arc::clone(&alarm), heartbeat, supervisor));
    let pages = Arc::new(Pages {
        app: Arc::clone(&shared),
        vitals: scheduler.vitals(),
        changed: scheduler.changed(),
    });
    let (reloading, reloads) = Reloading::channel();
    let site = Site {
        actions: pages,
        settings: Arc::new(Desk::new(Arc::clone(&shared), reloading)),
        state: app.renewals.engine.state().clone(),
        access,
        hosts: own_hosts(&app.place.loaded.settings),
    };
    let challenges = app.own_challenges.as_ref().map(|responder| responder.configuration()).transpose();
    let challenges = challenges.map_err(|error| Failure::with(Exit::Failed, &error))?;
    let designer = tokio::spawn(listener.serve(Arc::clone(&own), challenges, site, shutdown));
    let alerts = tokio::spawn(alarm.deliver(stopped.clone()));
    let local = tokio::spawn(serve_local(local, Arc::clone(&shared), scheduler.changed()));
    let reload = Reload {
        globals: globals.clone(),
        app: shared,
        own: own_listener,
        listen: arguments.listen.map(|address| address.0),
        scheduler: Arc::clone(&scheduler),
        supervision: supervision.clone(),
    };
    let reload = tokio::spawn(reload.run(ReloadSignals::listen().map_err(signals_failed)?, reloads));
    // Before anyone is told that it runs: whoever stops it then finds it listening.
    let mut stop_signals = StopSignals::listen().map_err(signals_failed)?;
    let work = tokio::spawn(work(Arc::clone(&app), own, scheduler, address, stopped));
    let signal = stop_signals.recv().await;
    tracing::info!("{signal}: stopping");
    if let Some(supervision) = &supervision {
        supervision.stopping();
    }
    local.abort();
    reload.abort();
    // Every part holds a receiver, or has ended already.
    let _ = stop.send(());
    let _ = work.await;
    let _ = alerts.await;
    let _ = designer.await;
    app.renewals.engine.state().close().await;
    Ok(Exit::Done)
}

/// Brings our own certificate up, says so, and then keeps everything renewed.
async fn work(
    app: Arc<App>,
    own: Arc<HotCertificate>,
    scheduler: Arc<Scheduler>,
    address: std::net::SocketAddr,
    mut stopped: watch::Receiver<()>,
) {
    // Without files there is nothing yet, and the first handover brings it.
    if app.place.designer_files().0.exists()
        && let Err(error) = own.reload()
    {
        tracing::error!("the Designer's certificate cannot be used: {error}");
    }
    let mut shutdown = stopped.clone();
    if own.thumbprint().is_none() {
        let options = RenewOptions { force: true, ..RenewOptions::default() };
        tokio::select! {
            result = app.renewals.renew(DESIGNER, options) => {
                if let Err(error) = result {
                    tracing::error!("no certificate for the Designer: {}", error.chain());
                }
            }
            _ = stopped.changed() => return,
        }
    }
    if own.thumbprint().is_some() {
        let base = base(address);
        let state = app.renewals.engine.state();
        let link = first_user::link(state, app.place.access(), &base).await.unwrap_or_else(|failure| {
            tracing::error!("there is no link for the first user: {}", failure.chain.join(": "));
            None
        });
        tell(&banner(&app, &base, link.as_deref()));
    }
    scheduler
        .run(async move {
            let _ = shutdown.changed().await;
        })
        .await;
}

/// Where people find the Designer.
fn base(address: std::net::SocketAddr) -> String {
    let asked_at = asked_at(address);
    if asked_at.ip().is_loopback() {
        format!("https://localhost:{}", address.port())
    } else {
        format!("https://{asked_at}")
    }
}

fn banner(app: &App, url: &str, link: Option<&str>) -> String {
    let link = link.map(|link| {
        format!(
            "\n  first user:     open this link within an hour; it can be used once\n                  {link}"
        )
    });
    format!(
        "Baton serves the Designer at {url}\n  \
         data directory: {}\n  \
         see it:         baton ca root > root.pem && curl --cacert root.pem {url}\n  \
         renew it now:   baton renew --force\n  \
         stop it:        Ctrl-C{}",
        app.place.data.display(),
        link.unwrap_or_default()
    )
}

async fn serve_local(listener: LocalListener, app: Arc<ArcSwap<App>>, changed: Arc<Notify>) {
    let answer = move |request| {
        let (app, changed) = (app.load_full(), Arc::clone(&changed));
        async move {
            let answer = request::execute(&app, request, true)
                .await
                .unwrap_or_else(|failure| Answer::Failed { failure: failure.into() });
            changed.notify_one();
            answer
        }
    };
    local::serve(listener, answer).await;
    pending::<()>().await;
}

/// A second `up` over the same data is told so before it stumbles over the port of the first.
fn refuse_second(place: &Place) -> Result<(), Failure> {
    if place.data.join("up.lock").exists() {
        lock(place)?;
    }
    Ok(())
}

fn lock(place: &Place) -> Result<FileLock, Failure> {
    let path = place.data.join("up.lock");
    match FileLock::try_acquire(&path) {
        Ok(Some(lock)) => Ok(lock),
        Ok(None) => Err(Failure::new(
            Exit::Usage,
            "up-already-running",
            format!("`baton up` is running already with the data directory `{}`", place.data.display()),
            "stop it first, or give this one another --data and --listen",
        )),
        Err(error) => Err(Failure::new(
            Exit::Usage,
            "data-unusable",
            error.to_string(),
            "run Baton as the account that owns the data directory",
        )),
    }
}

fn signals_failed(error: std::io::Error) -> Failure {
    Failure::new(Exit::Failed, "signals", error.to_string(), "see the limits of this account (ulimit -a)")
}
