//! A renewal of win-acme or simple-acme that shall call Baton: the edit of its script step.
//!
//! The client goes on to issue. Only what it runs afterwards becomes `baton swap`, and the certificate before is kept
//! in the store, since the client would delete it even where the handover has failed. Every other byte stays, and the
//! file as it was is kept beside it.

use std::path::{Path, PathBuf};

use baton_finding::Explain;
use baton_platform::durable::{self, Attributes};
use baton_textedit::{Change, ConflictError, EditError, JsonDocument, NewValue, ParseError, Pointer, Scalar};
use fs_err as fs;

use crate::renewal::wacs::{ScriptStep, script_steps};

/// The kind of a store step that puts certificates into the store of Windows.
const WINDOWS_STORE: &str = "e30adc8e-d756-4e16-a6f2-450f784b1a97";

/// How the file is called that is kept: not `….renewal.json`, or the client would read it too.
const KEPT: &str = "before-baton";

/// The call of Baton that a client makes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BatonCall {
    /// The program.
    pub program: String,
    /// Its arguments, with what the client puts in.
    pub parameters: String,
}

impl BatonCall {
    /// `swap` for a target of these settings. `None` when a path cannot stand in quotes.
    pub fn swap(program: &Path, settings: &Path, target: &str) -> Option<Self> {
        let (program, settings) = (program.to_str()?, settings.to_str()?);
        let is_sound = |path: &str| !path.contains(['"', '{', '}']) && !path.contains(char::is_control);
        (is_sound(program) && is_sound(settings)).then(|| Self {
            program: program.to_owned(),
            parameters: format!(
                "swap \"{{OldCertThumbprint}}\" {{CertThumbprint}} --target {target} --settings \"{settings}\""
            ),
        })
    }
}

/// What would become of a renewal's file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TakeOver {
    path: PathBuf,
    before: Vec<u8>,
    after: Vec<u8>,
}

/// The renewal cannot be made to call Baton. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum TakeOverError {
    /// The file cannot be read.
    #[error("the renewal cannot be read")]
    Read(#[source] std::io::Error),
    /// The file is not the client's, or is damaged.
    #[error("`{}` is not what the client writes", .path.display())]
    Json {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        cause: ParseError,
    },
    /// Nothing runs after the renewal, so there is nothing to put Baton in place of.
    #[error("`{}` runs no script", .path.display())]
    NoScript {
        /// The file.
        path: PathBuf,
    },
    /// It is not clear which script Baton shall take the place of.
    #[error("`{}` runs {count} scripts", .path.display())]
    SeveralScripts {
        /// The file.
        path: PathBuf,
        /// How many.
        count: usize,
    },
    /// The certificate does not get into the store of Windows.
    #[error("`{}` does not put the certificate into the store of Windows", .path.display())]
    NoStore {
        /// The file.
        path: PathBuf,
    },
    /// A value cannot be edited.
    #[error("`{}` cannot be edited", .path.display())]
    Edit {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        cause: EditError,
    },
    /// An edit does not fit the text it was made for.
    #[error("`{}` cannot be edited", .path.display())]
    Conflict {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        cause: ConflictError,
    },
    /// Someone else has written the file since it was read.
    #[error("`{}` was changed by someone else meanwhile", .path.display())]
    Changed {
        /// The file.
        path: PathBuf,
    },
    /// The file, or the copy that is kept, cannot be written.
    #[error("the renewal cannot be written")]
    Write(#[source] std::io::Error),
}

impl Explain for TakeOverError {
    fn code(&self) -> &'static str {
        match self {
            Self::Read(_) => "renewal-unreadable",
            Self::Json { .. } => "renewal-unreadable",
            Self::NoScript { .. } => "renewal-without-script",
            Self::SeveralScripts { .. } => "renewal-with-several-scripts",
            Self::NoStore { .. } => "renewal-without-store",
            Self::Edit { .. } | Self::Conflict { .. } => "renewal-not-editable",
            Self::Changed { .. } => "renewal-changed",
            Self::Write(_) => "renewal-not-writable",
        }
    }

    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Read(_) | Self::Write(_) => {
                "run Baton as an administrator: the clients keep their files to them"
            }
            Self::Json { .. } | Self::Edit { .. } => {
                "open it in the client's menu, `Manage renewals`: the client may be a newer one"
            }
            Self::NoScript { .. } => {
                "give it an installation step in the client's menu, `Manage renewals`; docs/guides/acme-clients.md has the call"
            }
            Self::SeveralScripts { .. } => {
                "take away those that Baton stands for in the client's menu, `Manage renewals`"
            }
            Self::NoStore { .. } => {
                "let the client put it into the certificate store, and there into `My`: a product reads no other"
            }
            Self::Changed { .. } | Self::Conflict { .. } => "run the command again",
        };
        Some(hint.to_owned())
    }
}

impl TakeOver {
    /// Reads a renewal, and plans the edit that makes it call Baton. One that does already is left as it is.
    pub fn plan(path: &Path, call: &BatonCall) -> Result<Self, TakeOverError> {
        let before = fs::read(path).map_err(TakeOverError::Read)?;
        let edits = Edits { path, content: before.clone() };
        let after = edits.with_script(call)?.with_kept_certificates()?.content;
        Ok(Self { path: path.to_owned(), before, after })
    }

    /// The file of the renewal.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The file as it is.
    pub fn before(&self) -> &[u8] {
        &self.before
    }

    /// The file as it would be.
    pub fn after(&self) -> &[u8] {
        &self.after
    }

    /// Whether it calls Baton in this very way already.
    pub fn is_done(&self) -> bool {
        self.before == self.after
    }

    /// Keeps the file as it is beside it, then replaces it in one step; owner, mode and access list stay. Returns what
    /// was kept.
    pub fn write(&self) -> Result<PathBuf, TakeOverError> {
        let attributes = || Attributes::of(&self.path).map_err(TakeOverError::Write);
        let kept = self.kept()?;
        durable::replace(&kept, &self.before, attributes()?).map_err(TakeOverError::Write)?;
        if fs::read(&self.path).map_err(TakeOverError::Read)? != self.before {
            return Err(TakeOverError::Changed { path: self.path.clone() });
        }
        durable::replace(&self.path, &self.after, attributes()?).map_err(TakeOverError::Write)?;
        Ok(kept)
    }

    /// A free name beside the file, or one that holds the same already: an earlier copy is never overwritten.
    fn kept(&self) -> Result<PathBuf, TakeOverError> {
        for number in 1_u32.. {
            let mut name = self.path.file_name().unwrap_or_default().to_owned();
            name.push(format!(".{KEPT}"));
            if number > 1 {
                name.push(format!("-{number}"));
            }
            let path = self.path.with_file_name(name);
            match fs::read(&path) {
                Ok(content) if content == self.before => return Ok(path),
                Ok(_) => {}
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(path),
                Err(error) => return Err(TakeOverError::Write(error)),
            }
        }
        Err(TakeOverError::Write(std::io::ErrorKind::AlreadyExists.into()))
    }
}

/// A renewal's file on its way from edit to edit.
struct Edits<'path> {
    path: &'path Path,
    content: Vec<u8>,
}

impl Edits<'_> {
    fn document(&self) -> Result<JsonDocument, TakeOverError> {
        JsonDocument::parse(&self.content)
            .map_err(|cause| TakeOverError::Json { path: self.path.to_owned(), cause })
    }

    /// The one script step calls Baton.
    fn with_script(self, call: &BatonCall) -> Result<Self, TakeOverError> {
        let document = self.document()?;
        let mut steps = script_steps(&document);
        // A step that is Baton's already is the one, whatever else runs.
        if let Some(own) = steps.iter().position(ScriptStep::is_baton) {
            steps = vec![steps.swap_remove(own)];
        }
        let path = || self.path.to_owned();
        let step = match steps.as_slice() {
            [step] => step,
            [] => return Err(TakeOverError::NoScript { path: path() }),
            several => return Err(TakeOverError::SeveralScripts { path: path(), count: several.len() }),
        };
        let program = Change::string(step.script.clone(), call.program.clone());
        if step.has_parameters() {
            let parameters = Change::string(step.parameters.clone(), call.parameters.clone());
            return self.edited(&document, &[program, parameters]);
        }
        let edited = self.edited(&document, &[program])?;
        let parameters = NewValue::String(call.parameters.clone());
        edited.inserted(&step.script, "ScriptParameters", &parameters)
    }

    /// Each step that puts certificates into the store of Windows keeps the one before.
    fn with_kept_certificates(mut self) -> Result<Self, TakeOverError> {
        let list = Pointer::root().member("StorePluginOptions");
        let is_store = |document: &JsonDocument, step: &Pointer| {
            let kind = document.value(&step.member("Plugin")).and_then(Scalar::as_str);
            kind.is_some_and(|kind| kind.eq_ignore_ascii_case(WINDOWS_STORE))
        };
        let mut stores = 0;
        for position in 0.. {
            let (step, document) = (list.index(position), self.document()?);
            if document.value(&step.member("Plugin")).is_none() {
                break;
            }
            if !is_store(&document, &step) {
                continue;
            }
            stores += 1;
            let keep = step.member("KeepExisting");
            self = match document.value(&keep) {
                Some(Scalar::Bool(_)) => self.edited(&document, &[Change::bool(keep, true)])?,
                _ => self.inserted(&step.member("Plugin"), "KeepExisting", &NewValue::Bool(true))?,
            };
        }
        if stores == 0 {
            return Err(TakeOverError::NoStore { path: self.path.to_owned() });
        }
        Ok(self)
    }

    fn edited(self, document: &JsonDocument, changes: &[Change]) -> Result<Self, TakeOverError> {
        let patch = document.edit(changes).map_err(|cause| self.not_editable(cause))?;
        self.patched(&patch)
    }

    fn inserted(self, sibling: &Pointer, name: &str, value: &NewValue) -> Result<Self, TakeOverError> {
        let document = self.document()?;
        let patch = document.insert_after(sibling, name, value).map_err(|cause| self.not_editable(cause))?;
        self.patched(&patch)
    }

    fn patched(self, patch: &baton_textedit::Patch) -> Result<Self, TakeOverError> {
        let conflict = |cause| TakeOverError::Conflict { path: self.path.to_owned(), cause };
        Ok(Self { content: patch.apply(&self.content).map_err(conflict)?, path: self.path })
    }

    fn not_editable(&self, cause: EditError) -> TakeOverError {
        TakeOverError::Edit { path: self.path.to_owned(), cause }
    }
}
