use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use baton_platform::durable;
use baton_platform::lock::FileLock;
use jiff::Timestamp;
use sqlx::migrate::Migrator;
use sqlx::sqlite::{
    SqliteArguments, SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteRow, SqliteSynchronous,
};
use sqlx::{
    Arguments as _, AssertSqlSafe, Connection as _, Encode, Sqlite, SqliteConnection, SqlitePool, Type,
};

use crate::error::StateError;

/// How long a write waits for another process that writes.
const LOCK_PATIENCE: Duration = Duration::from_secs(20);

static MIGRATIONS: Migrator = sqlx::migrate!();

/// After how many pages the log is written back into the database: a start that finds a log reads all of it.
const LOG_PAGES: &str = "128";

/// How many rows are handed over from SQLite's thread before it waits.
const ROWS_AT_ONCE: usize = 4096;

/// The state database.
#[derive(Debug, Clone)]
pub struct State {
    pub(crate) path: PathBuf,
    pub(crate) pool: SqlitePool,
}

impl State {
    /// Opens the database at `path`; makes it, 0600, and its directory, 0700, where they are absent.
    pub async fn open(path: &Path) -> Result<Self, StateError> {
        let path: PathBuf = path.to_owned();
        let open_error = |cause| StateError::Open { path: path.clone(), cause };
        if let Some(directory) = path.parent() {
            durable::create_private_directory(directory).map_err(open_error)?;
        }
        // The first start makes the file and its form: one process at a time.
        let mut lock = if path.exists() { None } else { Some(lock(&path).await.map_err(open_error)?) };
        // SQLite gives its side files the mode of the database: so make it private before it opens it.
        durable::create_private_file(&path).map_err(open_error)?;
        let options = SqliteConnectOptions::new()
            .filename(&path)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(LOCK_PATIENCE)
            // Rows come from a thread of their own: in large parcels, so that the two wake each other seldom.
            .row_buffer_size(ROWS_AT_ONCE)
            .pragma("wal_autocheckpoint", LOG_PAGES)
            .foreign_keys(true);
        // One connection: writes queue here, not in SQLite's busy handler, and nothing wakes up by itself.
        let pool = SqlitePoolOptions::new()
            .max_connections(1)
            .idle_timeout(None)
            .max_lifetime(None)
            // It is a file: there is no server that could have gone away meanwhile.
            .test_before_acquire(false)
            .after_release(|connection, _| Box::pin(is_sound(connection)))
            .connect_with(options)
            .await
            .map_err(|cause| StateError::Connect { path: path.clone(), cause })?;
        let connect_error = |cause| StateError::Connect { path: path.clone(), cause };
        if !has_newest_form(&pool).await.map_err(connect_error)? {
            if lock.is_none() {
                lock = Some(self::lock(&path).await.map_err(open_error)?);
            }
            if !has_newest_form(&pool).await.map_err(connect_error)? {
                MIGRATIONS
                    .run(&pool)
                    .await
                    .map_err(|cause| StateError::Migrate { path: path.clone(), cause })?;
            }
        }
        drop(lock);
        Ok(Self { path, pool })
    }

    /// Leaves the database as it is: what was written is durable in the log already, and to write the log back
    /// at the end of every command would cost each of them two more waits for the disk.
    pub async fn leave(&self) {
        // A connection that is never dropped is never closed: the process ends with it.
        std::mem::forget(self.pool.acquire().await);
    }

    /// Closes the database and writes the log back; what was written is durable already.
    pub async fn close(&self) {
        self.pool.close().await;
    }
}

/// The lock for what only one process may do to the database's file.
pub(crate) async fn lock(path: &Path) -> std::io::Result<FileLock> {
    let lock = lock_of(path);
    let patience_ends = Instant::now() + LOCK_PATIENCE;
    loop {
        if let Some(lock) = FileLock::try_acquire(&lock)? {
            return Ok(lock);
        }
        if Instant::now() > patience_ends {
            return Err(std::io::Error::new(
                std::io::ErrorKind::WouldBlock,
                format!("another process holds `{}`", lock.display()),
            ));
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// `state.db` is locked by `state.lock`.
pub(crate) fn lock_of(path: &Path) -> PathBuf {
    path.with_extension("lock")
}

/// Whether a connection can be used on. When the disk is full SQLite ends a transaction by itself, and the library goes on
/// to count it: no other could ever begin.
async fn is_sound(connection: &mut SqliteConnection) -> Result<bool, sqlx::Error> {
    if connection.is_in_transaction() {
        // A transaction that was dropped is rolled back before this is answered.
        connection.ping().await?;
    }
    Ok(!connection.is_in_transaction())
}

/// Whether every migration was done: each of them sets its own number.
async fn has_newest_form(pool: &SqlitePool) -> Result<bool, sqlx::Error> {
    let version: i64 = sqlx::query_scalar("PRAGMA user_version").fetch_one(pool).await?;
    Ok(MIGRATIONS.iter().map(|migration| migration.version).max() == Some(version))
}

/// Statements that make one transaction. They go to SQLite's thread together: the way there and back costs more
/// than most of them.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    statements: String,
    arguments: SqliteArguments,
    failure: Option<sqlx::Error>,
}

impl Batch {
    /// Adds a statement; its parameters are `?`, bound in their order.
    pub(crate) fn add(&mut self, statement: &'static str) -> &mut Self {
        if !self.statements.is_empty() {
            self.statements.push_str(";\n");
        }
        self.and(statement)
    }

    /// Adds to the last statement.
    pub(crate) fn and(&mut self, clause: &'static str) -> &mut Self {
        self.statements.push(' ');
        self.statements.push_str(clause);
        self
    }

    pub(crate) fn bind<'t, T: Encode<'t, Sqlite> + Type<Sqlite>>(&mut self, value: T) -> &mut Self {
        if let Err(cause) = self.arguments.add(value) {
            self.failure = Some(sqlx::Error::Encode(cause));
        }
        self
    }

    /// Writes all, or nothing; durable when this returns. The rows are what `RETURNING` gave.
    pub(crate) async fn write(
        self,
        state: &State,
        action: &'static str,
    ) -> Result<Vec<SqliteRow>, StateError> {
        let error = failed(action);
        if let Some(failure) = self.failure {
            return Err(error(failure));
        }
        let mut transaction = state.pool.begin_with("BEGIN IMMEDIATE").await.map_err(&error)?;
        // Nothing but the literals of `add` is in it.
        let statements = sqlx::query_with(AssertSqlSafe(self.statements), self.arguments).persistent(false);
        let rows = statements.fetch_all(&mut *transaction).await.map_err(&error)?;
        transaction.commit().await.map_err(&error)?;
        Ok(rows)
    }
}

pub(crate) fn failed(action: &'static str) -> impl Fn(sqlx::Error) -> StateError {
    move |cause| StateError::Query { action, cause }
}

pub(crate) fn to_time(milliseconds: i64) -> Result<Timestamp, StateError> {
    Timestamp::from_millisecond(milliseconds)
        .map_err(|_| StateError::Value { what: "time", value: milliseconds.to_string() })
}

pub(crate) fn to_optional_time(milliseconds: Option<i64>) -> Result<Option<Timestamp>, StateError> {
    milliseconds.map(to_time).transpose()
}

/// Reads a value that was written in its text form.
pub(crate) fn parsed<T: std::str::FromStr>(what: &'static str, text: &str) -> Result<T, StateError> {
    text.parse().map_err(|_| StateError::Value { what, value: text.to_owned() })
}

pub(crate) fn parsed_optional<T: std::str::FromStr>(
    what: &'static str,
    text: Option<&str>,
) -> Result<Option<T>, StateError> {
    text.map(|text| parsed(what, text)).transpose()
}

/// Reads a value that was written as JSON.
pub(crate) fn from_json<T: serde::de::DeserializeOwned>(
    what: &'static str,
    text: &str,
) -> Result<T, StateError> {
    serde_json::from_str(text)
        .map_err(|_| StateError::Value { what, value: text.chars().take(200).collect() })
}

pub(crate) fn to_json(value: &impl serde::Serialize) -> String {
    // Lists of strings and plain structures: they have no map with odd keys, the one thing that could fail.
    serde_json::to_string(value).unwrap_or_default()
}
