//! `baton init --take-over`: a renewal of win-acme or simple-acme calls Baton from now on.

use std::path::{Path, PathBuf};

use baton_detect::{BatonCall, Client, TakeOver};
use serde::Serialize;
use similar::TextDiff;

use crate::cli::{Globals, Init};
use crate::draft::text::{argument, one_line};
use crate::failure::{Exit, Failure};
use crate::output::{Output, tell};
use crate::settings::Loaded;

/// What becomes of a renewal, as `--json` prints it.
#[derive(Serialize)]
struct TakeOverObject {
    schema: &'static str,
    outcome: &'static str,
    renewal: String,
    target: String,
    diff: String,
    kept: Option<String>,
}

pub(super) fn run(
    globals: &Globals,
    arguments: &Init,
    renewal: &str,
    output: Output,
) -> Result<Exit, Failure> {
    let loaded =
        Loaded::read(globals.settings.as_deref()).map_err(|error| Failure::with(Exit::Usage, &error))?;
    let target = target(&loaded, arguments.target.as_deref())?;
    let file = file_of(renewal, &arguments.directories)?;
    let plan = TakeOver::plan(&file, &call(&loaded, &target)?).map_err(refused)?;
    let diff = diff(&plan);
    if !output.json {
        if plan.is_done() {
            output.line(&format!("{} calls Baton already", one_line(&file.to_string_lossy())));
        } else {
            output.line(&diff);
        }
    }
    let (outcome, kept) = match (plan.is_done(), arguments.dry_run) {
        (true, _) => ("unchanged", None),
        (false, true) => ("planned", None),
        (false, false) => ("written", Some(plan.write().map_err(refused)?)),
    };
    if let Some(kept) = &kept {
        let (file, kept) = (argument(&file.to_string_lossy()), argument(&kept.to_string_lossy()));
        let copy = if cfg!(windows) { "copy /y" } else { "cp -p" };
        tell(&format!("{file} calls Baton now; the way back: {copy} {kept} {file}"));
    }
    if output.json {
        output.object(&TakeOverObject {
            schema: baton_handover::SCHEMA,
            outcome,
            renewal: file.display().to_string(),
            target,
            diff,
            kept: kept.map(|kept| kept.display().to_string()),
        });
    }
    Ok(Exit::Done)
}

fn refused(error: baton_detect::TakeOverError) -> Failure {
    Failure::with(Exit::Refused, &error)
}

/// The target that the renewal is for: the named one, else the only product of the settings.
fn target(loaded: &Loaded, named: Option<&str>) -> Result<String, Failure> {
    let targets = &loaded.settings.target;
    let names: Vec<&str> = targets.iter().map(|target| target.name.as_str()).collect();
    if let Some(named) = named {
        return names.contains(&named).then(|| named.to_owned()).ok_or_else(|| {
            Failure::new(
                Exit::Usage,
                "target-unknown",
                format!("there is no target named {named:?} in the settings"),
                if names.is_empty() {
                    "`baton init` writes them".to_owned()
                } else {
                    format!("the settings have: {}", names.join(", "))
                },
            )
        });
    }
    let products: Vec<&str> =
        targets.iter().filter(|target| target.product.is_some()).map(|target| target.name.as_str()).collect();
    match products.as_slice() {
        [only] => Ok((*only).to_owned()),
        [] => Err(Failure::new(
            Exit::Usage,
            "target-unclear",
            "the settings have no product that the renewal could be for",
            "write settings first: `baton init`; or name a target with --target",
        )),
        several => Err(Failure::new(
            Exit::Usage,
            "target-unclear",
            "the renewal may be for several targets",
            format!("name one with --target: {}", several.join(", ")),
        )),
    }
}

/// The call of this very program with these settings: clients start it in a directory of their own.
fn call(loaded: &Loaded, target: &str) -> Result<BatonCall, Failure> {
    let failed = |reason: String| {
        Failure::new(Exit::Failed, "program-unknown", reason, "start Baton by its full path")
    };
    let program = std::env::current_exe().map_err(|error| failed(error.to_string()))?;
    let settings = loaded.path.as_deref().unwrap_or(Path::new(crate::settings::FILE));
    let settings = std::path::absolute(settings).map_err(|error| failed(error.to_string()))?;
    BatonCall::swap(&program, &settings, target).ok_or_else(|| {
        Failure::new(
            Exit::Refused,
            "path-unquotable",
            format!(
                "`{}` or `{}` cannot stand in a call of the client",
                one_line(&program.to_string_lossy()),
                one_line(&settings.to_string_lossy())
            ),
            "put them where the path has neither quotes nor braces",
        )
    })
}

/// The file of a renewal, named by its path or as the client shows it.
fn file_of(renewal: &str, directories: &[PathBuf]) -> Result<PathBuf, Failure> {
    let path = Path::new(renewal);
    if path.is_file() {
        return Ok(std::path::absolute(path).unwrap_or_else(|_| path.to_owned()));
    }
    let (renewals, _) = baton_detect::renewals(directories);
    let of_windows: Vec<_> = renewals
        .into_iter()
        .filter(|renewal| matches!(renewal.client, Client::WinAcme | Client::SimpleAcme))
        .collect();
    let id = format!("{renewal}.renewal.json");
    let named = of_windows
        .iter()
        .filter(|it| it.name == renewal || it.file.file_name().is_some_and(|name| name == id.as_str()));
    match named.collect::<Vec<_>>().as_slice() {
        [only] => Ok(only.file.clone()),
        [] => Err(Failure::new(
            Exit::Usage,
            "renewal-unknown",
            format!("there is no renewal {renewal:?} of win-acme or simple-acme"),
            match of_windows.as_slice() {
                [] => "name its file: ….renewal.json".to_owned(),
                known => format!(
                    "there are: {}",
                    known.iter().map(|it| one_line(&it.name)).collect::<Vec<_>>().join(", ")
                ),
            },
        )),
        _ => Err(Failure::new(
            Exit::Usage,
            "renewal-unclear",
            format!("there are several renewals called {renewal:?}"),
            "name its file: ….renewal.json",
        )),
    }
}

/// What changes, without what the client protects.
fn diff(plan: &TakeOver) -> String {
    let text = |bytes: &[u8]| {
        let text = String::from_utf8_lossy(bytes);
        text.lines().map(|line| one_line(&without_secrets(line)) + "\n").collect::<String>()
    };
    let (before, after) = (text(plan.before()), text(plan.after()));
    let name = one_line(&plan.path().to_string_lossy());
    let diff = TextDiff::from_lines(&before, &after);
    diff.unified_diff().context_radius(2).header(&name, &name).to_string()
}

/// A line of the file, without the value where that is a password or encrypted.
fn without_secrets(line: &str) -> String {
    let Some((name, value)) = line.split_once(':') else { return line.to_owned() };
    let is_secret = name.to_ascii_lowercase().contains("password") || value.contains("\"enc-");
    if is_secret { format!("{name}: …") } else { line.to_owned() }
}
