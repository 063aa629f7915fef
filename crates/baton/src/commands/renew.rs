//! `baton renew`

use std::collections::HashSet;
use std::sync::Arc;

use baton_handover::Report;
use baton_issuer::{AcmeError, IssueError};
use baton_platform::progress::Progress;
use baton_scheduler::{KeyChoice, ManagedCertificate, RenewError, RenewOptions};

use crate::cli::{Globals, Renew};
use crate::commands::request::carry_out_told;
use crate::failure::{Exit, Failure};
use crate::local::{self, Answer, Request};
use crate::output::Output;
use crate::place::Place;
use crate::progress::Display;
use crate::wiring::{App, DESIGNER};

pub(crate) async fn run(globals: &Globals, arguments: &Renew, output: Output) -> Result<Exit, Failure> {
    let options = RenewOptions {
        force: arguments.force,
        key: KeyChoice::of_flags(arguments.same_key, arguments.new_key),
        dry_run: arguments.dry_run,
        guarded: arguments.guarded,
    };
    let place = Place::find(globals)?;
    let request = Request::Renew { names: arguments.names.clone(), options };
    let display = Display::new(globals);
    let answer = carry_out_told(place, request, Arc::clone(&display) as Arc<dyn Progress>).await;
    display.clear();
    let Answer::Reports { reports, failure } = answer? else {
        return Err(local::unexpected());
    };
    reports.iter().for_each(|report| output.report(report));
    let exit = reports.iter().map(|report| Exit::of(report.outcome)).fold(Exit::Done, Exit::worse);
    match failure {
        // Told after what was done for the others.
        Some(failure) => {
            let failure = Failure::from(failure);
            output.failure(&failure);
            Ok(exit.worse(failure.exit))
        }
        None => Ok(exit),
    }
}

/// Renews some at a time; the failure of one does not keep the others from their turn.
pub(crate) async fn execute(
    app: &App,
    names: &[String],
    options: RenewOptions,
    is_up: bool,
) -> Result<(Vec<Report>, Option<Failure>), Failure> {
    let mut wanted: Vec<&str> = names.iter().map(String::as_str).collect();
    if wanted.is_empty() {
        // What a person has brought is handed over by any of them.
        let standings = app.renewals.engine.state().standings().await?;
        let pending: HashSet<&str> = standings
            .iter()
            .filter(|standing| standing.pending.is_some())
            .map(|standing| standing.name.as_str())
            .collect();
        let is_wanted = |certificate: &&ManagedCertificate| {
            certificate.issuer.is_automatic() || pending.contains(certificate.name.as_str())
        };
        let known = app.renewals.certificates.iter().filter(is_wanted);
        wanted = known.map(|certificate| certificate.name.as_str()).collect();
        wanted.retain(|name| is_up || *name != DESIGNER);
        if wanted.is_empty() {
            return Err(Failure::new(
                Exit::Usage,
                "nothing-to-renew",
                "there is no certificate to renew",
                "add a [[certificate]] to baton.toml, or start `baton up`",
            ));
        }
    }
    let known: HashSet<&str> =
        app.renewals.certificates.iter().map(|certificate| certificate.name.as_str()).collect();
    // A name that is not there ends it before anything is done for the others.
    for name in &wanted {
        if *name == DESIGNER && !is_up {
            return Err(Failure::new(
                Exit::Refused,
                "up-not-running",
                "the Designer's certificate is renewed by `baton up`, which is not running",
                "start `baton up`",
            ));
        }
        if !known.contains(name) {
            return Err(Failure::with(Exit::Usage, &RenewError::Unknown((*name).to_owned())));
        }
    }
    let (mut reports, mut worst) = (Vec::new(), None::<Failure>);
    let results = app.renewals.renew_all(&wanted, options).await;
    for result in results.map_err(|error| Failure::with(exit_of(&error), &error))? {
        match result {
            Ok(more) => reports.extend(more),
            Err(error) => {
                let exit = exit_of(&error);
                if worst.as_ref().is_none_or(|known| known.exit.worse(exit) != known.exit) {
                    worst = Some(Failure::with(exit, &error));
                }
            }
        }
    }
    Ok((reports, worst))
}

pub(crate) fn exit_of(error: &RenewError) -> Exit {
    match error {
        RenewError::Unknown(_) => Exit::Usage,
        RenewError::NoKey { .. }
        | RenewError::SameKeyNotAllowed { .. }
        | RenewError::IssuerResting { .. } => Exit::Refused,
        RenewError::Issue { cause, .. } => match **cause {
            IssueError::NameNotPermitted { .. }
            | IssueError::RootEnds { .. }
            | IssueError::Acme(AcmeError::Wildcard { .. })
            | IssueError::ByHand => Exit::Refused,
            _ => Exit::Failed,
        },
        _ => Exit::Failed,
    }
}
