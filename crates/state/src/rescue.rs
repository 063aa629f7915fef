//! The last good copy of the database, and the way back to it.
//!
//! A copy is made once a day, after a check of the whole database, and whenever something begins or ends that must not
//! be forgotten. When the database is found damaged it is put
//! aside, never deleted, and the copy takes its place. What the copy says of handovers that were under way may be
//! older than the truth: they are marked, and are compared with their targets before anything else is done.

use std::path::{Path, PathBuf};

use baton_platform::durable;
use baton_platform::lock::FileLock;
use fs_err as fs;
use jiff::{SignedDuration, Timestamp};

use crate::database::{State, failed, lock, lock_of};
use crate::error::StateError;

/// How old a copy may be before the next one is made.
const COPY_AGE: SignedDuration = SignedDuration::from_hours(24);

/// What was done about a damaged database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rescue {
    /// Where the damaged one is kept.
    pub damaged: PathBuf,
    /// When the copy was made that is in its place now; `None`: there was none, and it begins anew.
    pub copy: Option<Timestamp>,
}

impl State {
    /// Reads the whole database.
    ///
    /// # Errors
    /// [`StateError::Damaged`] with what SQLite found first.
    pub async fn check(&self) -> Result<(), StateError> {
        let found: String = sqlx::query_scalar("PRAGMA quick_check(1)")
            .fetch_one(&mut *self.connection().await?)
            .await
            .map_err(failed("check the database"))?;
        if found == "ok" {
            return Ok(());
        }
        Err(StateError::Damaged { path: self.path.clone(), found })
    }

    /// Makes a copy of the database, checked and durable, when the last one is older than a day.
    pub async fn keep_copy(&self, now: Timestamp) -> Result<(), StateError> {
        let copy = copy_of(&self.path);
        if made_at(&copy).is_some_and(|at| now.duration_since(at).abs() < COPY_AGE) {
            return Ok(());
        }
        let open_error = |cause| StateError::Open { path: copy.clone(), cause };
        let Some(_lock) = FileLock::try_acquire(&lock_of(&self.path)).map_err(open_error)? else {
            // Another process is at it.
            return Ok(());
        };
        self.write_copy(&copy).await
    }

    /// Makes a copy at once, whatever the age of the last one: what is written down now must not be forgotten.
    pub async fn copy(&self) -> Result<(), StateError> {
        let copy = copy_of(&self.path);
        let lock = lock(&self.path).await;
        let _lock = lock.map_err(|cause| StateError::Open { path: copy.clone(), cause })?;
        self.write_copy(&copy).await
    }

    /// Removes what a copy has left that was broken off; one that another process is at stays.
    pub fn remove_leftovers(&self) -> Result<(), StateError> {
        let copy = copy_of(&self.path);
        let remove = || match FileLock::try_acquire(&lock_of(&self.path))? {
            Some(_lock) => remove_leftovers_of(&copy),
            None => Ok(()),
        };
        remove().map_err(|cause| StateError::Open { path: copy.clone(), cause })
    }

    /// Under the lock of the database.
    async fn write_copy(&self, copy: &Path) -> Result<(), StateError> {
        let open_error = |cause| StateError::Open { path: copy.to_owned(), cause };
        remove_leftovers_of(copy).map_err(open_error)?;
        self.check().await?;
        let temporary = durable::temporary_for(copy).map_err(open_error)?;
        sqlx::query("VACUUM INTO ?")
            .bind(temporary.display().to_string())
            .execute(&mut *self.connection().await?)
            .await
            .map_err(failed("copy the database"))?;
        durable::persist(temporary, copy).map_err(open_error)
    }

    /// Puts a damaged database aside, and the last good copy in its place. The caller sees to it that no other
    /// process uses the database.
    pub async fn rescue(path: &Path, now: Timestamp) -> Result<Rescue, StateError> {
        let open_error = |cause| StateError::Open { path: path.to_owned(), cause };
        let damaged = beside(path, &format!(".damaged-{}", now.strftime("%Y%m%dT%H%M%SZ")));
        for suffix in ["-wal", "-shm", ""] {
            let part = beside(path, suffix);
            if part.exists() {
                durable::rename(&part, &beside(&damaged, suffix)).map_err(open_error)?;
            }
        }
        let copy = copy_of(path);
        let made_at = made_at(&copy);
        if made_at.is_some() {
            let content = fs::read(&copy).map_err(open_error)?;
            durable::replace(path, &content, durable::Attributes::private_file()).map_err(open_error)?;
            let state = Self::open(path).await?;
            sqlx::query("UPDATE handover SET restored = 1 WHERE outcome IS NULL")
                .execute(&mut *state.connection().await?)
                .await
                .map_err(failed("mark what was under way"))?;
            // Someone may have signed out, or have got another password, since the copy was made.
            sqlx::query("DELETE FROM session")
                .execute(&mut *state.connection().await?)
                .await
                .map_err(failed("end the sessions"))?;
            state.close().await;
        }
        Ok(Rescue { damaged, copy: made_at })
    }
}

/// `state.db` is copied to `state.copy.db`.
fn copy_of(path: &Path) -> PathBuf {
    path.with_extension("copy.db")
}

fn remove_leftovers_of(copy: &Path) -> std::io::Result<()> {
    durable::remove_leftovers_of(copy)?;
    // SQLite writes a journal beside the copy while it makes it.
    durable::remove_leftovers_of(&beside(copy, "-journal"))
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(suffix);
    path.with_file_name(name)
}

fn made_at(copy: &Path) -> Option<Timestamp> {
    let modified = fs::metadata(copy).ok()?.modified().ok()?;
    Timestamp::try_from(modified).ok()
}
