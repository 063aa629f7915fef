use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use baton_platform::durable;
use baton_platform::lock::FileLock;
use jiff::Timestamp;
use sqlx::migrate::Migrator;
use sqlx::sqlite::{SqliteArguments, SqliteConnectOptions, SqliteJournalMode, SqliteRow, SqliteSynchronous};
use sqlx::{
    Arguments as _, AssertSqlSafe, ConnectOptions as _, Connection as _, Encode, Sqlite, SqliteConnection,
    Type,
};
use tokio::sync::{MappedMutexGuard, Mutex, MutexGuard};

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
    /// One connection: writes queue here, not in SQLite's busy handler. It is absent while a transaction has it: one
    /// that fails or is broken off takes its connection with it, and so SQLite undoes it.
    connection: Arc<Mutex<Option<SqliteConnection>>>,
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
        let mut connection = connect(&path).await?;
        let connect_error = |cause| StateError::Connect { path: path.clone(), cause };
        if !has_newest_form(&mut connection).await.map_err(connect_error)? {
            if lock.is_none() {
                lock = Some(self::lock(&path).await.map_err(open_error)?);
            }
            if !has_newest_form(&mut connection).await.map_err(connect_error)? {
                MIGRATIONS
                    .run(&mut connection)
                    .await
                    .map_err(|cause| StateError::Migrate { path: path.clone(), cause })?;
            }
        }
        drop(lock);
        Ok(Self { path, connection: Arc::new(Mutex::new(Some(connection))) })
    }

    /// The connection, for a single statement.
    pub(crate) async fn connection(&self) -> Result<MappedMutexGuard<'_, SqliteConnection>, StateError> {
        let (slot, connection) = self.take_connection().await?;
        Ok(MutexGuard::map(slot, |slot| slot.insert(connection)))
    }

    /// Begins to read several things as they are at one moment.
    pub(crate) async fn begin_reading(&self, action: &'static str) -> Result<Transaction<'_>, StateError> {
        self.begin("BEGIN", action).await
    }

    /// Begins to read and write several things, as nobody else writes. Dropped before its end, it is undone.
    pub(crate) async fn begin_writing(&self, action: &'static str) -> Result<Transaction<'_>, StateError> {
        self.begin("BEGIN IMMEDIATE", action).await
    }

    async fn begin(
        &self,
        statement: &'static str,
        action: &'static str,
    ) -> Result<Transaction<'_>, StateError> {
        let (slot, mut connection) = self.take_connection().await?;
        sqlx::raw_sql(statement).execute(&mut connection).await.map_err(failed(action))?;
        Ok(Transaction { slot, connection, action })
    }

    async fn take_connection(
        &self,
    ) -> Result<(MutexGuard<'_, Option<SqliteConnection>>, SqliteConnection), StateError> {
        let mut slot = self.connection.lock().await;
        let connection = match slot.take() {
            Some(connection) => connection,
            None => connect(&self.path).await?,
        };
        Ok((slot, connection))
    }

    /// Leaves the database as it is: what was written is durable in the log already, and to write the log back
    /// at the end of every command would cost each of them two more waits for the disk.
    pub async fn leave(&self) {
        // A connection that is never dropped is never closed: the process ends with it.
        std::mem::forget(self.connection.lock().await.take());
    }

    /// Closes the database and writes the log back.
    pub async fn close(&self) {
        if let Some(connection) = self.connection.lock().await.take() {
            // What was written is durable already, wherever it stands.
            let _ = connection.close().await;
        }
    }
}

/// A transaction of several journeys to SQLite's thread and back.
#[derive(Debug)]
pub(crate) struct Transaction<'s> {
    slot: MutexGuard<'s, Option<SqliteConnection>>,
    pub(crate) connection: SqliteConnection,
    action: &'static str,
}

impl Transaction<'_> {
    /// All that was written stays; durable when this returns.
    pub(crate) async fn commit(self) -> Result<(), StateError> {
        self.end("COMMIT").await
    }

    /// Nothing that was written stays.
    pub(crate) async fn roll_back(self) -> Result<(), StateError> {
        self.end("ROLLBACK").await
    }

    async fn end(mut self, statement: &'static str) -> Result<(), StateError> {
        sqlx::raw_sql(statement).execute(&mut self.connection).await.map_err(failed(self.action))?;
        *self.slot = Some(self.connection);
        Ok(())
    }
}

async fn connect(path: &Path) -> Result<SqliteConnection, StateError> {
    SqliteConnectOptions::new()
        .filename(path)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(LOCK_PATIENCE)
        // Rows come from a thread of their own: in large parcels, so that the two wake each other seldom.
        .row_buffer_size(ROWS_AT_ONCE)
        .pragma("wal_autocheckpoint", LOG_PAGES)
        .foreign_keys(true)
        .connect()
        .await
        .map_err(|cause| StateError::Connect { path: path.to_owned(), cause })
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

/// Whether every migration was done: each of them sets its own number.
async fn has_newest_form(connection: &mut SqliteConnection) -> Result<bool, sqlx::Error> {
    let version: i64 = sqlx::query_scalar("PRAGMA user_version").fetch_one(connection).await?;
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
        self.send(state, action, |statements| format!("BEGIN IMMEDIATE;\n{statements};\nCOMMIT")).await
    }

    /// Writes all, or nothing, and does not wait for the disk: it outlives this process, and a power cut only when
    /// something was written durably after it.
    pub(crate) async fn write_without_waiting(
        self,
        state: &State,
        action: &'static str,
    ) -> Result<Vec<SqliteRow>, StateError> {
        // In WAL mode NORMAL syncs at checkpoints alone: <https://sqlite.org/pragma.html#pragma_synchronous>.
        let transaction = |statements: &str| {
            format!(
                "PRAGMA synchronous = NORMAL;\nBEGIN IMMEDIATE;\n{statements};\nCOMMIT;\nPRAGMA synchronous = FULL"
            )
        };
        self.send(state, action, transaction).await
    }

    async fn send(
        self,
        state: &State,
        action: &'static str,
        transaction: impl FnOnce(&str) -> String,
    ) -> Result<Vec<SqliteRow>, StateError> {
        let error = failed(action);
        if let Some(failure) = self.failure {
            return Err(error(failure));
        }
        let (mut slot, mut connection) = state.take_connection().await?;
        // Nothing but literals is in it.
        let statements = AssertSqlSafe(transaction(&self.statements));
        let statements = sqlx::query_with(statements, self.arguments).persistent(false);
        let rows = statements.fetch_all(&mut connection).await.map_err(error)?;
        *slot = Some(connection);
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
