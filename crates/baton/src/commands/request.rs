//! What changes something, or asks endpoints: carried out by the running `baton up`, else by the command itself.

use std::sync::Arc;

use baton_platform::progress::{self, Progress};

use crate::commands::{
    accept, account, by_hand, prove, recover, renew, resume, retire, revoke, rollback, swap, tls,
};
use crate::failure::Failure;
use crate::local::{self, Answer, Request};
use crate::place::Place;
use crate::wiring::App;

/// Carries a request out.
pub(crate) async fn carry_out(place: Place, request: Request) -> Result<Answer, Failure> {
    if let Some(answer) = local::ask(&place.socket(), &request, None).await? {
        return answer.into_result();
    }
    // What was interrupted may have left a database that must be looked at first.
    let app = match request {
        Request::Resume { .. } => App::open_thoroughly(place).await?,
        _ => App::open(place, None).await?,
    };
    let answer = execute(&app, request, false).await;
    app.leave().await;
    answer
}

/// The same, while `listener` is told how far it has come.
pub(crate) async fn carry_out_told(
    place: Place,
    request: Request,
    listener: Arc<dyn Progress>,
) -> Result<Answer, Failure> {
    if let Some(answer) = local::ask(&place.socket(), &request, Some(&*listener)).await? {
        return answer.into_result();
    }
    let app = App::open(place, None).await?;
    let answer = progress::listened(listener, execute(&app, request, false)).await;
    app.leave().await;
    answer
}

/// Does what is asked, in this process.
pub(crate) async fn execute(app: &App, request: Request, is_up: bool) -> Result<Answer, Failure> {
    let report = |report| Answer::Reports { reports: vec![report], failure: None };
    Ok(match request {
        Request::Renew { names, options } => {
            let (reports, failure) = renew::execute(app, &names, options, is_up).await?;
            Answer::Reports { reports, failure: failure.map(Into::into) }
        }
        Request::Ask { certificate, options } => by_hand::ask(app, &certificate, &options).await?,
        Request::Pending => by_hand::pending(app)?,
        Request::Cancel { which } => by_hand::forget(app, &which)?,
        Request::Accept { certificates, fetch_chain, options } => {
            let reports = accept::execute(app, &certificates, fetch_chain, options).await?;
            Answer::Reports { reports, failure: None }
        }
        Request::Swap(request) => {
            let (reports, failure) = swap::execute(app, &request).await?;
            Answer::Reports { reports, failure: failure.map(Into::into) }
        }
        Request::Resume { target } => {
            Answer::Reports { reports: resume::execute(app, target.as_deref(), is_up).await?, failure: None }
        }
        Request::Rollback { id, dry_run } => report(rollback::execute(app, id, dry_run).await?),
        Request::Recover { target, request } => report(recover::execute(app, &target, request).await?),
        Request::TlsOn { target, dry_run } => report(tls::execute(app, &target, dry_run).await?),
        Request::Retire { foreign, dry_run } => {
            let (retired, kept) = retire::execute(app, foreign, dry_run).await?;
            Answer::Retired { retired, kept }
        }
        Request::Revoke(request) => Answer::Revoked { issuer: revoke::execute(app, &request).await? },
        Request::Account { issuer, action } => {
            let (issuer, url) = account::execute(app, issuer.as_deref(), action).await?;
            Answer::Account { issuer, url }
        }
        Request::Prove { target } => {
            Answer::Status { status: prove::execute(app, target.as_deref(), is_up).await? }
        }
    })
}
