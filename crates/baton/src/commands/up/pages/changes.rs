//! Changes, as the commands carry them out.

use baton_designer::{Change, Done, PendingRequest, Problem, SuccessorKey};
use baton_handover::{RecoverRequest, Reset};
use baton_scheduler::{KeyChoice, RenewOptions, RequestOptions};

use super::problem;
use super::servers::{self, Wish};
use crate::commands::{by_hand, request};
use crate::local::{Answer, Request, unexpected};
use crate::wiring::App;

/// Carries a change out, or tells what it would do.
pub(super) async fn execute(app: &App, change: &Change, dry_run: bool) -> Result<Done, Problem> {
    let recover = |target: &str, reset, even_though_valid| Request::Recover {
        target: target.to_owned(),
        request: RecoverRequest { reset, open: false, even_though_valid, dry_run },
    };
    let request = match change {
        Change::Swap { target, new, configuration, enable_tls, protocol } => {
            let (new, configuration) = (*new, *configuration);
            let wish = Wish { target, new, configuration, enable_tls: *enable_tls, protocol: *protocol };
            return servers::hand_over(app, wish, dry_run).await;
        }
        Change::Renew { certificate, key } => Request::Renew {
            names: vec![certificate.clone()],
            options: RenewOptions { force: true, key: key_choice(*key), dry_run, guarded: false },
        },
        Change::Accept { certificates } => Request::Accept {
            certificates: certificates.clone(),
            fetch_chain: true,
            options: RenewOptions { dry_run, ..RenewOptions::default() },
        },
        Change::RollBack { handover } => Request::Rollback { id: Some(handover.0), dry_run },
        Change::Recover { target } => recover(target, Reset::All, false),
        Change::TlsOff { target } => recover(target, Reset::SwitchOff, true),
        Change::TlsOn { target } => Request::TlsOn { target: target.clone(), dry_run },
    };
    done(request::execute(app, request, true).await.map_err(problem)?)
}

/// What became of it, as a page is told.
pub(super) fn done(answer: Answer) -> Result<Done, Problem> {
    match answer {
        Answer::Reports { reports, failure } => {
            Ok(Done { reports, problem: failure.map(|failure| problem(failure.into())) })
        }
        _ => Err(problem(unexpected())),
    }
}

/// Makes a request, or finds the one that was made before.
pub(super) async fn request(
    app: &App,
    certificate: &str,
    key: SuccessorKey,
) -> Result<PendingRequest, Problem> {
    let options = RequestOptions { key: key_choice(key), template: None };
    match by_hand::ask(app, certificate, &options).await.map_err(problem)? {
        Answer::Asked { request, .. } => Ok(pending(request)),
        _ => Err(problem(unexpected())),
    }
}

/// Forgets a request.
pub(super) fn cancel_request(app: &App, id: &str) -> Result<PendingRequest, Problem> {
    match by_hand::forget(app, id).map_err(problem)? {
        Answer::Cancelled { request } => Ok(pending(request)),
        _ => Err(problem(unexpected())),
    }
}

pub(super) fn pending(request: by_hand::PendingRequest) -> PendingRequest {
    PendingRequest {
        id: request.id,
        certificate: request.certificate,
        made_at: request.made_at,
        is_same_key: request.same_key,
        pem: request.request,
    }
}

fn key_choice(key: SuccessorKey) -> Option<KeyChoice> {
    match key {
        SuccessorKey::AsSettled => None,
        SuccessorKey::New => Some(KeyChoice::NewKey),
        SuccessorKey::Same => Some(KeyChoice::SameKey),
    }
}
