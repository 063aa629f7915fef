//! Where everything is: the settings file, and the data directory with what lies in it.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use baton_designer::Access;
use baton_finding::Explain as _;
use baton_platform::lock::FileLock;
use baton_platform::{clock, durable, host, local_socket};
use baton_state::{State, StateError};
use baton_store::{DirectoryStore, SharedStore};
use fs_err as fs;

use crate::cli::Globals;
use crate::failure::{Exit, Failure};
use crate::output::tell;
use crate::settings::store::StoreChoice;
use crate::settings::{self, Loaded, rules};
use crate::wiring::DESIGNER;

const DEFAULT_LISTEN: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 8177);
const DEFAULT_PROBE_INTERVAL: Duration = Duration::from_secs(300);

/// Settings and data directory: enough to look at things.
#[derive(Debug)]
pub(crate) struct Place {
    pub(crate) loaded: Loaded,
    pub(crate) data: PathBuf,
}

impl Place {
    /// Finds settings and data directory; makes nothing.
    pub(crate) fn find(globals: &Globals) -> Result<Self, Failure> {
        let loaded =
            Loaded::read(globals.settings.as_deref()).map_err(|error| Failure::with(Exit::Usage, &error))?;
        Ok(Self::of(globals, loaded))
    }

    /// The place that settings mean; makes nothing.
    pub(crate) fn of(globals: &Globals, loaded: Loaded) -> Self {
        let data = match (&globals.data, &loaded.settings.data) {
            (Some(data), _) => std::path::absolute(data).unwrap_or_else(|_| data.clone()),
            (None, Some(data)) => loaded.resolve(data),
            (None, None) => loaded.directory().join("baton-data"),
        };
        Self { loaded, data }
    }

    /// The same, for commands that only look: without a data directory there is nothing to see.
    pub(crate) fn find_existing(globals: &Globals) -> Result<Self, Failure> {
        let place = Self::find(globals)?;
        if !place.data.is_dir() {
            return Err(Failure::new(
                Exit::Usage,
                "data-missing",
                format!("there is no data directory `{}`", place.data.display()),
                "run `baton up` first, or name the directory with --data",
            ));
        }
        place.check_owner()?;
        Ok(place)
    }

    /// What can be wrong about the settings and the data directory before anything is made.
    pub(crate) fn check(&self) -> Result<(), Failure> {
        rules::check(&self.loaded)?;
        self.check_owner()
    }

    /// The data directory, where it is there, is one of this account.
    pub(crate) fn check_owner(&self) -> Result<(), Failure> {
        let unusable = |error: std::io::Error| {
            Failure::new(
                Exit::Usage,
                "data-unusable",
                format!("the data directory cannot be used: {error}"),
                "run Baton as the account that owns it, or name another with --data",
            )
        };
        match host::is_ours(&self.data).map_err(unusable)? {
            Some(false) => Err(Failure::new(
                Exit::Usage,
                "data-of-other-account",
                format!(
                    "the data directory `{}` belongs to {}, and this is {}",
                    self.data.display(),
                    host::owner(&self.data).unwrap_or_default(),
                    host::account()
                ),
                "run Baton as that account, or name another directory with --data",
            )),
            Some(true) if !self.data.is_dir() => Err(unusable(std::io::Error::new(
                std::io::ErrorKind::NotADirectory,
                format!("`{}` is not a directory", self.data.display()),
            ))),
            _ => Ok(()),
        }
    }

    pub(crate) fn make_data(&self) -> Result<(), Failure> {
        for directory in [self.data.clone(), self.data.join("locks")] {
            durable::create_private_directory(&directory).map_err(|error| {
                Failure::new(
                    Exit::Usage,
                    "data-unusable",
                    format!("the data directory cannot be made: {error}"),
                    "name another directory with --data",
                )
            })?;
        }
        Ok(())
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.data.join("baton.sock")
    }

    /// Where the rules of closed ports are kept.
    pub(crate) fn doors(&self) -> PathBuf {
        self.data.join("doors")
    }

    /// The program that looks after a closed door: this one, in the same place.
    pub(crate) fn watchdog(&self) -> Result<Vec<String>, Failure> {
        self.own_command(&["watchdog"])
    }

    /// This program in the same place, with another command.
    pub(crate) fn own_command(&self, command: &[&str]) -> Result<Vec<String>, Failure> {
        let failed = |reason: String| {
            Failure::new(Exit::Failed, "program-unknown", reason, "start Baton by its full path")
        };
        let text = |path: &Path| {
            let absolute = std::path::absolute(path).map_err(|error| failed(error.to_string()))?;
            absolute
                .to_str()
                .map(str::to_owned)
                .ok_or_else(|| failed(format!("{} is no text", absolute.display())))
        };
        let program = std::env::current_exe().map_err(|error| failed(error.to_string()))?;
        let mut argv = vec![text(&program)?, "--data".to_owned(), text(&self.data)?];
        if let Some(settings) = &self.loaded.path {
            argv.extend(["--settings".to_owned(), text(settings)?]);
        }
        argv.extend(command.iter().map(|argument| (*argument).to_owned()));
        Ok(argv)
    }

    pub(crate) fn listen(&self, flag: Option<SocketAddr>) -> SocketAddr {
        let listen = self.loaded.settings.designer.listen.as_ref();
        flag.or(listen.map(|address| address.get_ref().0)).unwrap_or(DEFAULT_LISTEN)
    }

    /// Who is let into the Designer.
    pub(crate) fn access(&self) -> Access {
        self.loaded.settings.designer.access.into()
    }

    pub(crate) fn probe_interval(&self) -> Duration {
        self.loaded.settings.probe.interval.map_or(DEFAULT_PROBE_INTERVAL, |span| span.unsigned())
    }

    /// Whether there is a state database yet.
    pub(crate) fn has_state(&self) -> bool {
        self.data.join("state.db").exists()
    }

    /// The state database. A damaged one is put aside, and the last good copy takes its place, unless a running
    /// `up` still uses it; `thoroughly` reads all of it to find out.
    pub(crate) async fn state(&self, thoroughly: bool) -> Result<State, Failure> {
        let path = self.data.join("state.db");
        let opened = match State::open(&path).await {
            Ok(state) if thoroughly => match state.check().await {
                Ok(()) => Ok(state),
                Err(error) => {
                    state.close().await;
                    Err(error)
                }
            },
            opened => opened,
        };
        match opened {
            Err(error) if error.is_damaged() => self.rescue_state(&path, error).await,
            opened => Ok(opened?),
        }
    }

    async fn rescue_state(&self, path: &Path, error: StateError) -> Result<State, Failure> {
        // One process mends it, and none while `up` works with it.
        let lock = FileLock::try_acquire(&self.data.join("rescue.lock")).ok().flatten();
        let in_use = local_socket::connect(&self.socket()).await.ok().flatten().is_some();
        if lock.is_none() || in_use {
            return Err(error.into());
        }
        let rescue = State::rescue(path, clock::now()).await?;
        let instead = rescue.copy.map_or_else(
            || "there was no copy of it, so it begins anew: the history is empty".to_owned(),
            |at| {
                format!("the copy of {at:.0} takes its place; what came after that is missing in the history")
            },
        );
        tell(&format!(
            "warning: {}\n  it is kept as `{}`; {instead}\n  handovers that were under way are compared with \
             their targets, and nothing is undone by what the copy says",
            error.chain(),
            rescue.damaged.display()
        ));
        Ok(State::open(path).await?)
    }

    /// The store; it is made where it is absent.
    pub(crate) fn store(&self) -> Result<SharedStore, Failure> {
        self.open_store(&settings::store::own(&self.loaded)?)
    }

    /// The store, for commands that only look.
    pub(crate) fn existing_store(&self, choice: &StoreChoice) -> Result<SharedStore, Failure> {
        match choice {
            StoreChoice::Directory(path) if !self.store_path(path.as_deref()).is_dir() => Err(Failure::new(
                Exit::Usage,
                "store-missing",
                format!("there is no certificate store `{}`", self.store_path(path.as_deref()).display()),
                "`baton store import FILE` makes it; name another with [store] path, or with --data",
            )),
            _ => self.open_store(choice),
        }
    }

    /// A store that the settings mean.
    pub(crate) fn open_store(&self, choice: &StoreChoice) -> Result<SharedStore, Failure> {
        Ok(match choice {
            StoreChoice::Directory(path) => {
                Arc::new(DirectoryStore::open(&self.store_path(path.as_deref()))?)
            }
            StoreChoice::Windows(place) => place.clone().open(self.data.join("locks").join("store.lock"))?,
        })
    }

    fn store_path(&self, path: Option<&Path>) -> PathBuf {
        path.map_or_else(|| self.data.join("certificates"), Path::to_owned)
    }

    /// The directory of an internal CA.
    pub(crate) fn authority(&self, issuer: &str) -> PathBuf {
        self.data.join("ca").join(issuer)
    }

    /// The names of the internal CAs that exist.
    pub(crate) fn authorities(&self) -> Vec<String> {
        let entries = fs::read_dir(self.data.join("ca")).into_iter().flatten().flatten();
        let mut names: Vec<String> = entries
            .filter(|entry| entry.path().join("root.pem").is_file())
            .map(|entry| entry.file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    }

    /// Our own listener's files.
    pub(crate) fn designer_files(&self) -> (PathBuf, PathBuf) {
        let directory = self.data.join(DESIGNER);
        (directory.join("certificate.pem"), directory.join("key.pem"))
    }
}
