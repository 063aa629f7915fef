//! `baton history`

use baton_handover::Report;
use baton_state::{Handover, HandoverId, State};

use crate::cli::{Globals, History};
use crate::failure::{Exit, Failure};
use crate::output::Output;
use crate::place::Place;

/// One handover, by the number that a person gave.
pub(crate) async fn handover(state: &State, id: HandoverId) -> Result<Handover, Failure> {
    state.handover(id).await?.ok_or_else(|| {
        Failure::new(
            Exit::Usage,
            "handover-unknown",
            format!("there is no handover {id}"),
            "`baton history` lists those there are",
        )
    })
}

pub(crate) async fn run(globals: &Globals, arguments: &History, output: Output) -> Result<Exit, Failure> {
    let state = Place::find_existing(globals)?.state(false).await?;
    if let Some(id) = arguments.id {
        let handover = handover(&state, HandoverId(id)).await?;
        output.report(&Report::read(&state, &handover).await?);
        return Ok(Exit::Done);
    }
    let mut reports = Vec::new();
    for handover in state.handovers(arguments.limit).await? {
        reports.push((Report::read(&state, &handover).await?, handover.finished_at));
    }
    state.leave().await;
    if output.json {
        reports.iter().for_each(|(report, _)| output.object(report));
        return Ok(Exit::Done);
    }
    let rows = reports.iter().map(|(report, finished_at)| {
        let short = |thumbprint: Option<baton_x509::Thumbprint>| {
            thumbprint.map_or_else(|| "-".to_owned(), |thumbprint| thumbprint.to_string()[..8].to_owned())
        };
        let seconds = finished_at.map(|at| at.duration_since(report.started_at).as_secs_f64());
        vec![
            report.id.map(|id| id.to_string()).unwrap_or_default(),
            report.started_at.strftime("%Y-%m-%d %H:%M:%S").to_string(),
            report.certificate.clone().unwrap_or_else(|| "-".to_owned()),
            report.target.clone(),
            report.outcome.map_or_else(|| "open".to_owned(), |outcome| outcome.to_string()),
            format!("{} → {}", short(report.old), short(report.new)),
            seconds.map_or_else(|| "-".to_owned(), |seconds| format!("{seconds:.1} s")),
        ]
    });
    let rows: Vec<_> = rows.collect();
    if rows.is_empty() {
        output.line("no handover yet");
    } else {
        output.table(&["ID", "BEGAN (UTC)", "CERTIFICATE", "TARGET", "OUTCOME", "OLD → NEW", "TOOK"], rows);
    }
    Ok(Exit::Done)
}
