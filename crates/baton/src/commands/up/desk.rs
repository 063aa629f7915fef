//! The settings as the Designer shows and changes them.
//!
//! What is shown is the file as it is now, not what was read from it once. It is written under one lock, and only when it
//! is still the file that a change was made from; then it is taken up, and whoever wrote it is told whether it was.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::Arc;

use arc_swap::ArcSwap;
use baton_designer::{
    BoxFuture, Problem, SettingsChange, SettingsDesk, SettingsDraft, SettingsForm, SettingsKind,
    SettingsLook, SettingsPlan, SettingsRefusal, SettingsSaved,
};
use tokio::sync::Mutex;

use super::pages::problem;
use super::reload::Reloading;
use crate::failure::{Exit, Failure};
use crate::wiring::App;

mod draft;
mod edit;
mod field;
mod file;
mod look;
mod shown;

use file::{Content, SettingsFile};

/// How many files are remembered that forms were made from, to tell what was changed since.
const REMEMBERED: usize = 16;

/// Where settings are read and written.
pub(super) struct Desk {
    app: Arc<ArcSwap<App>>,
    reloading: Reloading,
    kept: Mutex<Kept>,
}

/// What was shown, and may be asked for again. Whoever writes holds it.
#[derive(Default)]
struct Kept {
    contents: VecDeque<Content>,
    draft: Option<draft::Shown>,
}

impl Kept {
    fn remember(&mut self, content: &Content) {
        if self.contents.iter().any(|known| known.fingerprint == content.fingerprint) {
            return;
        }
        if self.contents.len() == REMEMBERED {
            self.contents.pop_front();
        }
        let Content { text, fingerprint } = content;
        self.contents.push_back(Content { text: text.clone(), fingerprint: fingerprint.clone() });
    }

    /// What a file has become since a change was made from it; nothing where that is not known any more.
    fn changes_since(&self, fingerprint: &str, name: &str, now: &str) -> Option<String> {
        let before = self.contents.iter().find(|known| known.fingerprint == fingerprint)?;
        shown::diff(name, &before.text, now).ok()
    }
}

/// What a change makes of the file.
struct Planned {
    file: SettingsFile,
    after: String,
    diff: String,
}

impl Desk {
    pub(super) fn new(app: Arc<ArcSwap<App>>, reloading: Reloading) -> Self {
        Self { app, reloading, kept: Mutex::default() }
    }

    /// The file that the running settings are from.
    fn path(&self) -> Option<PathBuf> {
        self.app.load().place.loaded.path.clone()
    }

    async fn file(&self) -> Result<SettingsFile, Problem> {
        let none = || {
            let hint = "look for servers on this machine, and write settings for them";
            problem(Failure::new(Exit::Refused, "settings-missing", "there is no settings file", hint))
        };
        let path = self.path().ok_or_else(none)?;
        let content = Content::read(&path)?;
        self.kept.lock().await.remember(&content);
        SettingsFile::of(&path, content)
    }

    /// What a change makes of the file, if that is still the one it was made from.
    fn planned(&self, kept: &mut Kept, change: &SettingsChange) -> Result<Planned, SettingsRefusal> {
        let none = || look::unknown(change.kind, change.name.as_deref());
        let path = self.path().ok_or_else(none)?;
        let content = Content::read(&path)?;
        let name = look::whole(&path);
        if content.fingerprint != change.fingerprint {
            let diff = kept.changes_since(&change.fingerprint, &name, &content.text);
            kept.remember(&content);
            return Err(SettingsRefusal::Changed { diff });
        }
        let file = SettingsFile::of(&path, content)?;
        let after = edit::changed(&file, change)?;
        let diff = shown::diff(&name, &file.loaded.text, &after)?;
        Ok(Planned { file, after, diff })
    }

    async fn taken_up(&self) -> Option<Problem> {
        self.reloading.ask().await.err().map(problem)
    }
}

impl SettingsDesk for Desk {
    fn look(&self) -> BoxFuture<'_, Result<SettingsLook, Problem>> {
        Box::pin(async {
            let Some(path) = self.path() else { return Ok(SettingsLook::default()) };
            match self.file().await {
                Ok(file) => Ok(look::look(&file, &self.app.load().place.loaded.text)),
                Err(problem) => Ok(SettingsLook {
                    path: Some(look::whole(&path)),
                    problem: Some(problem),
                    ..SettingsLook::default()
                }),
            }
        })
    }

    fn form(
        &self,
        kind: SettingsKind,
        name: Option<String>,
        variant: Option<String>,
    ) -> BoxFuture<'_, Result<SettingsForm, Problem>> {
        Box::pin(async move { look::form(&self.file().await?, kind, name.as_deref(), variant.as_deref()) })
    }

    fn plan(&self, change: SettingsChange) -> BoxFuture<'_, Result<SettingsPlan, SettingsRefusal>> {
        Box::pin(async move {
            let planned = self.planned(&mut *self.kept.lock().await, &change)?;
            Ok(SettingsPlan { diff: planned.diff })
        })
    }

    fn save(&self, change: SettingsChange) -> BoxFuture<'_, Result<SettingsSaved, SettingsRefusal>> {
        Box::pin(async move {
            let mut kept = self.kept.lock().await;
            let planned = self.planned(&mut kept, &change)?;
            if planned.after != planned.file.loaded.text {
                planned.file.write(&planned.after)?;
                tracing::info!("the settings were changed in the Designer: {change}");
            }
            drop(kept);
            Ok(SettingsSaved { diff: planned.diff, not_taken_up: self.taken_up().await })
        })
    }

    fn draft(&self) -> BoxFuture<'_, Result<SettingsDraft, Problem>> {
        Box::pin(async {
            let app = self.app.load_full();
            if let Some(path) = &app.place.loaded.path {
                return Err(draft::exists(path));
            }
            let (draft, shown) = draft::draft(&app.place).await?;
            self.kept.lock().await.draft = Some(shown);
            Ok(draft)
        })
    }

    fn write_draft(&self, fingerprint: String) -> BoxFuture<'_, Result<SettingsSaved, Problem>> {
        Box::pin(async move {
            let kept = self.kept.lock().await;
            if let Some(path) = self.path() {
                return Err(draft::exists(&path));
            }
            let (path, text) = draft::write(kept.draft.as_ref(), &fingerprint)?;
            drop(kept);
            let diff = shown::diff(&path.display().to_string(), "", &text)?;
            Ok(SettingsSaved { diff, not_taken_up: self.taken_up().await })
        })
    }
}
