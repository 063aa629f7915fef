//! Where a self-test works, and how nothing of it stays.
//!
//! A run has a directory of its own in the data directory, or beside it where there is none yet, named after its process.
//! Everything that it makes elsewhere (services, certificate stores, rules of the firewall) has that name too. So the
//! directory is the record of it all: made before anything else and removed after it. A run holds a lock in its
//! directory for as long as it lives; one that nobody holds was broken off, and the next run clears it away.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use baton_issuer::{InternalAuthority, Issuer, KeySource, Order};
use baton_platform::command::Command;
use baton_platform::door::{Door, Doorkeeper};
use baton_platform::lock::FileLock;
use baton_platform::{clock, durable, host};
use baton_x509::{Certificate, KeyAlgorithm, Name};
use fs_err as fs;
use jiff::SignedDuration;
use tokio::runtime::Handle;

use super::line::NotPassed;
use crate::failure::{Exit, Failure};
use crate::output::tell;

/// How the names of all that is made begin; the number of the process follows.
const PREFIX: &str = "baton-selftest-";

/// The lock of a run that lives.
const LOCK: &str = "run.lock";

/// The name in the certificates of a self-test.
pub(super) const HOST: &str = "localhost";

/// How long a line may wait for something.
const PATIENCE: Duration = Duration::from_secs(120);

/// How long the certificates of a self-test are good.
const LIFETIME: SignedDuration = SignedDuration::from_hours(1);

/// What the lines of one run share.
pub(super) struct Bench {
    /// How many runs had left something behind.
    pub(super) removed: usize,
    place: RunPlace,
    lock: FileLock,
    runtime: Handle,
    certificates: Mutex<HashMap<KeyAlgorithm, Certificate>>,
    /// Texts that nobody else needs to see, and what stands in their place.
    private: Vec<(String, &'static str)>,
}

/// The directory of a run, and the name of all that it makes.
#[derive(Debug, Clone)]
struct RunPlace {
    directory: PathBuf,
    name: String,
}

impl Bench {
    /// Clears away what broken-off runs have left, and begins a new one.
    pub(super) fn set_up(data: &Path, runtime: Handle) -> Result<Self, Failure> {
        let unusable = |error: std::io::Error| {
            Failure::new(
                Exit::Usage,
                "data-unusable",
                format!("there is no place for a self-test: {error}"),
                "name another directory with --data",
            )
        };
        let home = data.ancestors().find(|path| path.is_dir()).unwrap_or(Path::new("."));
        let mut removed = 0;
        for directory in
            [Some(home), data.parent().filter(|above| *above != home && above.is_dir())].into_iter().flatten()
        {
            removed += remove_leftovers(directory, &runtime).map_err(unusable)?;
        }
        let name = format!("{PREFIX}{}", std::process::id());
        let place = RunPlace { directory: home.join(format!(".{name}")), name };
        durable::create_private_directory(&place.directory).map_err(unusable)?;
        let lock = FileLock::try_acquire(&place.directory.join(LOCK)).map_err(unusable)?;
        let lock = lock.ok_or_else(|| unusable(std::io::ErrorKind::ResourceBusy.into()))?;
        let private = private_names(data);
        Ok(Self { removed, place, lock, runtime, certificates: Mutex::default(), private })
    }

    /// Removes everything that was made.
    pub(super) fn clear_away(self) -> Result<(), Failure> {
        let Self { place, lock, runtime, .. } = self;
        drop(lock);
        place.clear_away(&runtime).map_err(|error| {
            Failure::new(
                Exit::Failed,
                "selftest-left-behind",
                format!("not all of the self-test `{}` could be removed: {error}", place.name),
                "the next `baton selftest` tries again",
            )
        })
    }

    /// The name of whatever is made outside of the directory.
    pub(super) fn name(&self) -> &str {
        &self.place.name
    }

    /// A path in the directory of this run.
    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.place.directory.join(name)
    }

    /// How ports are closed.
    pub(super) fn doorkeeper(&self) -> Doorkeeper {
        self.place.doorkeeper()
    }

    /// Waits for something, for a while.
    pub(super) fn wait<T>(&self, future: impl Future<Output = T>) -> Result<T, NotPassed> {
        let limited = async { tokio::time::timeout(PATIENCE, future).await };
        let answer = self.runtime.block_on(limited);
        answer.map_err(|_| NotPassed::Failed(format!("no answer within {} s", PATIENCE.as_secs())))
    }

    /// Lets something go on beside.
    pub(super) fn spawn(
        &self,
        future: impl Future<Output = ()> + Send + 'static,
    ) -> tokio::task::JoinHandle<()> {
        self.runtime.spawn(future)
    }

    /// A certificate by a CA of this run alone, without that CA beside it: nothing of it goes where others look for CAs.
    pub(super) fn certificate(&self, algorithm: KeyAlgorithm) -> Result<Certificate, NotPassed> {
        let mut certificates = self.certificates.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(certificate) = certificates.get(&algorithm) {
            return Ok(certificate.clone());
        }
        let (names, now) = ([HOST.parse::<Name>()?], clock::now());
        let authority = Arc::new(InternalAuthority::open(&self.path("ca"), "a self-test", &names, now)?);
        let issuer = Issuer::Internal { authority, lifetime: LIFETIME };
        let order =
            Order { certificate: "selftest", names: &names, key: KeySource::New(algorithm), replaces: None };
        let issued = self.wait(issuer.issue(&order, now))??;
        let certificate = Certificate::new(issued.leaf().clone(), Vec::new(), issued.key().cloned());
        certificates.insert(algorithm, certificate.clone());
        Ok(certificate)
    }

    /// What another process of this program says that does a task of [`super::peer`].
    pub(super) fn ask_peer(&self, task: &str, path: &Path) -> Result<String, NotPassed> {
        let program = std::env::current_exe()?.display().to_string();
        let argv = [program.as_str(), "selftest", task, &path.display().to_string()].map(str::to_owned);
        let outcome = self.wait(Command::new(argv.to_vec(), PATIENCE).run())??;
        Ok(outcome.output.trim().to_owned())
    }

    /// The same text without names of people, hosts and private paths.
    pub(super) fn without_private_names(&self, text: &str) -> String {
        self.private.iter().fold(text.to_owned(), |text, (private, instead)| text.replace(private, instead))
    }
}

impl RunPlace {
    fn doorkeeper(&self) -> Doorkeeper {
        Doorkeeper { directory: self.directory.join("doors"), commands: None }
    }

    /// The directory last, as it tells what else there is.
    fn clear_away(&self, runtime: &Handle) -> std::io::Result<()> {
        let keeper = self.doorkeeper();
        if keeper.directory.is_dir() {
            let door = Door { keeper: &keeper, name: &self.name, ports: &[] };
            runtime.block_on(door.open()).map_err(std::io::Error::other)?;
        }
        #[cfg(windows)]
        super::windows::clear_away(&self.name, runtime)?;
        fs::remove_dir_all(&self.directory)
    }
}

/// Clears away the runs in a directory that were broken off; how many there were.
fn remove_leftovers(directory: &Path, runtime: &Handle) -> std::io::Result<usize> {
    let mut removed = 0;
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let file_name = entry.file_name().to_string_lossy().into_owned();
        let Some(name) = file_name.strip_prefix('.').filter(|name| is_of_run(name)) else { continue };
        // Anyone may have put something of that name into a directory that many may write to.
        if !entry.file_type()?.is_dir() || host::is_ours(&entry.path())? != Some(true) {
            continue;
        }
        let place = RunPlace { directory: entry.path(), name: name.to_owned() };
        // Whoever holds the lock lives, and clears up itself.
        let Ok(Some(lock)) = FileLock::try_acquire(&place.directory.join(LOCK)) else { continue };
        drop(lock);
        match place.clear_away(runtime) {
            Ok(()) => removed += 1,
            // It is tried again by each run, and is in the way of none.
            Err(error) => {
                tell(&format!("warning: what the run `{name}` has left behind cannot be removed: {error}"));
            }
        }
    }
    Ok(removed)
}

fn is_of_run(name: &str) -> bool {
    let process = name.strip_prefix(PREFIX).unwrap_or_default();
    !process.is_empty() && process.bytes().all(|byte| byte.is_ascii_digit())
}

/// The longest first: one may be part of another.
fn private_names(data: &Path) -> Vec<(String, &'static str)> {
    let text = |path: &Path| path.display().to_string();
    let program = std::env::current_exe().ok().and_then(|path| path.parent().map(text));
    let mut names = vec![
        (text(data), "DATA"),
        (text(data.parent().unwrap_or(data)), "ABOVE-DATA"),
        (text(&std::env::temp_dir()), "TEMPORARY"),
        (program.unwrap_or_default(), "PROGRAM"),
        (std::env::home_dir().map(|home| text(&home)).unwrap_or_default(), "HOME"),
        (host::host_name().unwrap_or_default(), "HOST"),
    ];
    // Short ones would be found in the middle of words.
    names.retain(|(name, _)| name.len() > 4 && name != HOST);
    names.sort_by_key(|(name, _)| std::cmp::Reverse(name.len()));
    names
}
