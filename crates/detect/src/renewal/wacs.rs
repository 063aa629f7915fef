//! win-acme and simple-acme: a JSON file for each certificate. Both write the same form.
//!
//! The steps of a renewal name their kind by an identifier that never changes. What the clients have encrypted
//! (`enc-…`) is not looked at.

use std::path::Path;

use baton_finding::{Explain as _, Finding};
use baton_textedit::{JsonDocument, ParseError, Pointer, Scalar};
use fs_err as fs;

use super::{Client, Renewal, Step, calls_baton};

/// The kind of an installation step that runs a script or program.
const SCRIPT: &str = "3bb22c70-358d-4251-86bd-11858363d913";

/// An installation step that runs something.
#[derive(Debug, Clone)]
pub(crate) struct ScriptStep {
    /// What it runs.
    pub(crate) script: Pointer,
    /// With which arguments.
    pub(crate) parameters: Pointer,
    program: String,
    arguments: Option<String>,
}

/// A renewal that cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReadError {
    #[error("the renewal cannot be read")]
    Io(#[source] std::io::Error),
    #[error("it is not what the client writes")]
    Json(#[source] ParseError),
    #[error("it has no {0}")]
    Missing(&'static str),
}

/// Reads a renewal for people to see.
pub(super) fn read(file: &Path) -> Result<Renewal, Finding> {
    renewal(file).map_err(|error| {
        let mut reason = error.to_string();
        if let ReadError::Json(cause) = &error {
            reason = format!("{reason}: {}", cause.chain());
        } else if let ReadError::Io(cause) = &error {
            reason = format!("{reason}: {cause}");
        }
        Finding::warning(
            "renewal-unreadable",
            format!("`{}`: {reason}", file.display()),
            "open it in the client's menu, `Manage renewals`",
        )
    })
}

fn renewal(file: &Path) -> Result<Renewal, ReadError> {
    let content = fs::read(file).map_err(ReadError::Io)?;
    let document = JsonDocument::parse(&content).map_err(ReadError::Json)?;
    let id = text(&document, "/Id").ok_or(ReadError::Missing("Id"))?;
    let is_simple = text(&document, "/$schema").is_some_and(|schema| schema.contains("simple-acme"))
        || file.components().any(|part| part.as_os_str() == "simple-acme");
    let below = |prefix: &'static str| {
        let texts = document.scalars().filter_map(|(pointer, scalar)| Some((pointer, scalar.as_str()?)));
        texts.filter(move |(pointer, _)| pointer.to_string().starts_with(prefix)).map(|(_, text)| text)
    };
    let mut names: Vec<String> = below("/TargetPluginOptions/AlternativeNames/").map(str::to_owned).collect();
    let common_name = text(&document, "/TargetPluginOptions/CommonName");
    names.extend(common_name.filter(|name| !names.iter().any(|known| known == name)).map(str::to_owned));
    Ok(Renewal {
        client: if is_simple { Client::SimpleAcme } else { Client::WinAcme },
        name: text(&document, "/LastFriendlyName")
            .or(text(&document, "/FriendlyName"))
            .unwrap_or(id)
            .to_owned(),
        file: file.to_owned(),
        names,
        files: Vec::new(),
        thumbprints: below("/History/").filter_map(|text| text.parse().ok()).collect(),
        step: step(&document),
    })
}

fn step(document: &JsonDocument) -> Step {
    let steps = script_steps(document);
    if steps.iter().any(ScriptStep::is_baton) {
        return Step::Baton;
    }
    steps.into_iter().next().map_or(Step::Nothing, |step| Step::Script { program: step.program })
}

/// The installation steps that run something.
pub(crate) fn script_steps(document: &JsonDocument) -> Vec<ScriptStep> {
    let list = Pointer::root().member("InstallationPluginOptions");
    let string = |pointer: &Pointer| document.value(pointer).and_then(Scalar::as_str).map(str::to_owned);
    let step = |position: usize| {
        let step = list.index(position);
        let is_script = string(&step.member("Plugin"))?.eq_ignore_ascii_case(SCRIPT);
        let (script, parameters) = (step.member("Script"), step.member("ScriptParameters"));
        let (program, arguments) = (string(&script)?, string(&parameters));
        is_script.then_some(ScriptStep { script, parameters, program, arguments })
    };
    let count = document.scalars().filter(|(pointer, _)| pointer.to_string().ends_with("/Plugin")).count();
    (0..count).filter_map(step).collect()
}

impl ScriptStep {
    /// Whether it calls Baton, itself or by one of Baton's scripts.
    pub(crate) fn is_baton(&self) -> bool {
        calls_baton(&format!("{} {}", self.program, self.arguments.as_deref().unwrap_or_default()))
    }

    pub(crate) fn has_parameters(&self) -> bool {
        self.arguments.is_some()
    }
}

fn text<'document>(document: &'document JsonDocument, pointer: &str) -> Option<&'document str> {
    let text = document.value(&pointer.parse().ok()?).and_then(Scalar::as_str)?;
    (!text.is_empty()).then_some(text)
}
