//! `baton hook`: the deploy hook of an ACME client that is already there, or of the autoenrollment of Windows.
//!
//! A client calls its hook for every certificate that it issues, also for those of other servers. So a hook takes
//! only the targets that the new certificate is for, and what no target uses is no failure. It is never guessed
//! whether a target wants a certificate: the names of the one in use and of the target's endpoints decide.

mod passed;

use std::path::Path;

use baton_finding::Finding;
use baton_handover::Report;
use baton_store::CertificateFile;
use baton_target::{Kind, Target};
use baton_x509::{Thumbprint, X509};
use fs_err as fs;

use crate::cli::{Globals, Hook, HookTargets};
use crate::commands::swap::{self, Swapped};
use crate::failure::{Exit, Failure};
use crate::local::SwapRequest;
use crate::output::{Output, tell};
use crate::place::Place;
use crate::settings::machine_file;
use crate::wiring::App;
use passed::{Issued, Passed, passed};

pub(crate) async fn run(globals: &Globals, hook: &Hook, output: Output) -> Result<Exit, Failure> {
    let Some(passed) = passed(hook)? else { return Ok(Exit::Done) };
    let place = Place::find(globals)?;
    if place.loaded.settings.target.is_empty() {
        // The client decides in which directory its hook runs, so that ./baton.toml is easily another one or none.
        let machine = machine_file().map(|path| format!(", or keep them in {}", path.display()));
        let hint = format!("name the settings with --settings FILE{}", machine.unwrap_or_default());
        return Err(Failure::new(Exit::Usage, "target-unclear", "the settings have no target", hint));
    }
    let app = App::open(place, None).await?;
    let named = &targets_of(hook).names;
    let result = match &passed {
        Passed::Files(issued) => hand_over_files(&app, named, issued).await,
        Passed::Stored { old, new } => hand_over_stored(&app, named, *old, *new).await,
    };
    app.leave().await;
    Ok(swap::print(&result?, output))
}

/// Hands over to what a client has put into files.
async fn hand_over_files(app: &App, named: &[String], issued: &Issued) -> Result<Swapped, Failure> {
    // A wrong name is told before anything is read.
    named.iter().try_for_each(|name| app.target(name).map(drop))?;
    let file = CertificateFile { path: &issued.certificate, key: Some(&issued.key), password: None };
    let certificate = file.read().map_err(|error| Failure::with(Exit::Refused, &error))?;
    let mut chosen = choose_targets(app, named, certificate.leaf(), None);
    let names = std::mem::take(&mut chosen.names);
    let was_none = names.is_empty();
    for name in names {
        match reads_issued_files(app.target(&name)?, issued) {
            Some(finding) => chosen.untouched.push(swap::refused(&name, finding)),
            None => chosen.names.push(name),
        }
    }
    if !chosen.names.is_empty() {
        swap::import(app, &certificate).await?;
    }
    if was_none {
        tell_unused(&chosen, certificate.leaf());
    }
    hand_over(app, chosen, None, certificate.thumbprint()).await
}

/// Hands over to what is in the store already.
async fn hand_over_stored(
    app: &App,
    named: &[String],
    old: Option<Thumbprint>,
    new: Thumbprint,
) -> Result<Swapped, Failure> {
    named.iter().try_for_each(|name| app.target(name).map(drop))?;
    let certificate = swap::find_anywhere(app, new)?;
    let chosen = choose_targets(app, named, certificate.leaf(), old);
    if chosen.names.is_empty() {
        tell_unused(&chosen, certificate.leaf());
    }
    hand_over(app, chosen, old, new).await
}

fn tell_unused(chosen: &Chosen, leaf: &X509) {
    if chosen.untouched.is_empty() {
        tell(&format!(
            "no target of the settings uses {}: nothing to do (--target NAME hands one over all the same)",
            leaf.names().join(", ")
        ));
    }
}

async fn hand_over(
    app: &App,
    chosen: Chosen,
    old: Option<Thumbprint>,
    new: Thumbprint,
) -> Result<Swapped, Failure> {
    let (mut reports, mut failure) = (chosen.untouched, None);
    if !chosen.names.is_empty() {
        let targets = chosen.names;
        let request = SwapRequest {
            old,
            new,
            targets,
            enable_tls: false,
            protocol: None,
            server: None,
            guarded: false,
            dry_run: false,
        };
        let (more, worst) = swap::hand_over(app, &request).await?;
        reports.extend(more);
        failure = worst;
    }
    Ok((reports, failure))
}

/// Why a target cannot be handed over to files that it reads itself: the client has replaced them before anything
/// could be checked, and would replace them again.
fn reads_issued_files(target: &Target, issued: &Issued) -> Option<Finding> {
    let Kind::Files(files) = &target.kind else { return None };
    let is_same = |one: &Path, other: &Path| match (fs::canonicalize(one), fs::canonicalize(other)) {
        (Ok(one), Ok(other)) => one == other,
        _ => false,
    };
    let shared = [(&files.certificate, &issued.certificate), (&files.key, &issued.key)]
        .into_iter()
        .find(|(own, issued)| is_same(own, issued));
    shared.map(|(own, _)| {
        Finding::error(
            "target-reads-issued-files",
            format!("{:?} reads a file that the ACME client itself writes: `{}`", target.name, own.display()),
            "copy certificate and key to files of the server's own, and name these in its configuration and in \
             baton.toml",
        )
    })
}

fn targets_of(hook: &Hook) -> &HookTargets {
    match hook {
        Hook::Certbot(targets) | Hook::Lego(targets) | Hook::AcmeSh(targets) => targets,
        Hook::Dehydrated { targets, .. } => targets,
        Hook::Adcs(adcs) => &adcs.targets,
    }
}

/// The targets that a certificate is for.
#[derive(Debug, Default)]
struct Chosen {
    names: Vec<String>,
    /// Targets that are left as they are, each with the reason.
    untouched: Vec<Report>,
}

/// The named ones; else those that use one of the certificate's names, or the certificate before; else the only one,
/// where nothing tells which names it uses.
fn choose_targets(app: &App, named: &[String], leaf: &X509, old: Option<Thumbprint>) -> Chosen {
    let mut chosen = Chosen::default();
    if !named.is_empty() {
        for name in named {
            // Named twice is handed over once.
            if !chosen.names.contains(name) {
                chosen.names.push(name.clone());
            }
        }
        return chosen;
    }
    let targets: Vec<_> = app.targets_of_settings().collect();
    for target in &targets {
        match uses(target, leaf, old) {
            Ok(Use::Yes) => chosen.names.push(target.name.clone()),
            Ok(Use::Unknown) if targets.len() == 1 => chosen.names.push(target.name.clone()),
            Ok(Use::Unknown | Use::No) => {}
            Err(finding) => chosen.untouched.push(swap::refused(&target.name, finding)),
        }
    }
    chosen
}

/// Whether a target uses one of the names of a certificate.
#[derive(Debug, PartialEq, Eq)]
enum Use {
    Yes,
    No,
    /// It has no certificate yet, or a self-signed one that its setup has made, and its endpoints have no names.
    Unknown,
}

fn uses(target: &Target, leaf: &X509, old: Option<Thumbprint>) -> Result<Use, Finding> {
    let inspection = target.inspect().map_err(|error| Finding::from_error(&error))?;
    if old.is_some() && inspection.current == old {
        return Ok(Use::Yes);
    }
    let wanted = leaf.names();
    let is_wanted = |name: &str| wanted.iter().any(|wanted| wanted.eq_ignore_ascii_case(name));
    let in_use = inspection.leaf();
    let names_in_use = in_use.map(X509::names).unwrap_or_default();
    let of_endpoints: Vec<&str> = target
        .endpoints
        .iter()
        .map(|(address, name)| name.as_deref().unwrap_or_else(|| address.host()))
        .filter(|name| name.parse::<std::net::IpAddr>().is_err())
        .collect();
    if names_in_use.iter().any(|name| is_wanted(name)) || of_endpoints.iter().any(|name| leaf.covers(name)) {
        return Ok(Use::Yes);
    }
    let is_placeholder = in_use.is_none_or(X509::is_self_issued);
    Ok(if is_placeholder && of_endpoints.is_empty() { Use::Unknown } else { Use::No })
}
