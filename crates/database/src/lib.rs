//! SQLite as this project uses it.
//!
//! One writer connection, so that two transactions never meet half way and `BEGIN IMMEDIATE` never waits for
//! itself; a pool of readers that a writer does not stop (WAL); `synchronous=FULL`, so that what was committed
//! survives a power cut. Each component brings its own migrations and keeps its own record of them, so that the
//! service can stand alone without the console's tables.
//!
//! SQL stays with what PostgreSQL also has: `$1`, microseconds in 64-bit integers, ids as text, JSON as text. A limit is
//! bound as `LIMIT +$1`: by the value of a bare `$1` SQLite chooses its plan, and prepares the statement anew each time.

use std::{borrow::Cow, path::Path, time::Duration};

pub use sqlx;
use sqlx::{
    SqlSafeStr, Sqlite, SqlitePool, Transaction,
    migrate::{Migration, MigrationType, Migrator},
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};

/// How long a statement waits for another process, such as an administration command, to finish writing.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);
const READER_CONNECTIONS: u32 = 16;
/// Rows that a connection's thread hands over before it waits: more than a page has, so that whoever asked is woken once.
const ROWS_AHEAD: usize = 256;

/// What opening or using the database can fail with.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DatabaseError {
    /// SQLite refused a statement or the file.
    #[error("database")]
    Sql(#[from] sqlx::Error),
    /// The schema could not be brought up to date.
    #[error("the schema of {component} could not be brought up to date")]
    Migrate {
        /// Whose schema.
        component: &'static str,
        /// Why.
        #[source]
        source: sqlx::migrate::MigrateError,
    },
}

/// A transaction that holds the write lock from its first statement.
pub type WriteTransaction = Transaction<'static, Sqlite>;

/// One step of a component's schema; steps are never changed after a release.
#[derive(Debug, Clone, Copy)]
pub struct SchemaStep {
    /// 1, 2, 3 …
    pub version: i64,
    /// A few words for the record.
    pub description: &'static str,
    /// The statements.
    pub sql: &'static str,
}

/// An open database; clones share it.
#[derive(Debug, Clone)]
pub struct Database {
    writer: SqlitePool,
    reader: SqlitePool,
}

impl Database {
    /// Opens the file, which is made where it is missing.
    pub async fn open(file: &Path) -> Result<Self, DatabaseError> {
        let options = SqliteConnectOptions::new()
            .filename(file)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(BUSY_TIMEOUT)
            .row_buffer_size(ROWS_AHEAD);
        // A file has no other end that could have gone away meanwhile: asking whether it did would double each question.
        let pool = SqlitePoolOptions::new().test_before_acquire(false);
        let writer = pool
            .clone()
            .max_connections(1)
            .idle_timeout(None)
            .max_lifetime(None)
            .connect_with(options.clone())
            .await?;
        let reader = pool
            .max_connections(READER_CONNECTIONS)
            .connect_with(options.read_only(true))
            .await?;
        Ok(Self { writer, reader })
    }

    /// Brings the tables of one component up to date.
    pub async fn migrate(&self, component: &'static str, steps: &[SchemaStep]) -> Result<(), DatabaseError> {
        let migrations = steps
            .iter()
            .map(|step| {
                Migration::new(
                    step.version,
                    Cow::Borrowed(step.description),
                    MigrationType::Simple,
                    step.sql.into_sql_str(),
                    false,
                )
            })
            .collect();
        let mut migrator = Migrator::with_migrations(migrations);
        migrator.dangerous_set_table_name(format!("schema_of_{component}"));
        migrator
            .run(&self.writer)
            .await
            .map_err(|source| DatabaseError::Migrate { component, source })
    }

    /// Starts a transaction that may write; it waits for the one before it. Dropped without commit, it rolls back.
    pub async fn begin(&self) -> Result<WriteTransaction, DatabaseError> {
        Ok(self.writer.begin_with("BEGIN IMMEDIATE").await?)
    }

    /// For statements that only read.
    pub const fn reader(&self) -> &SqlitePool {
        &self.reader
    }

    /// Whether somebody closes it, or did: what cannot be read any more says nothing about the disk then.
    pub fn is_closed(&self) -> bool {
        self.reader.is_closed()
    }

    /// Finishes what is under way and closes the file.
    pub async fn close(&self) {
        self.reader.close().await;
        self.writer.close().await;
    }
}

#[cfg(test)]
mod tests {
    use sqlx::Row;

    use super::*;

    const STEPS: &[SchemaStep] = &[SchemaStep {
        version: 1,
        description: "a table",
        sql: "CREATE TABLE things (name TEXT PRIMARY KEY)",
    }];

    #[tokio::test]
    async fn readers_see_what_was_committed_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let database = Database::open(&folder.path().join("state.sqlite")).await.unwrap();
        database.migrate("things", STEPS).await.unwrap();
        database.migrate("things", STEPS).await.unwrap();

        let mut transaction = database.begin().await.unwrap();
        sqlx::query("INSERT INTO things VALUES ('one')")
            .execute(&mut *transaction)
            .await
            .unwrap();
        let count = |database: Database| async move {
            sqlx::query("SELECT count(*) FROM things")
                .fetch_one(database.reader())
                .await
                .unwrap()
                .get::<i64, _>(0)
        };
        assert_eq!(count(database.clone()).await, 0);
        transaction.commit().await.unwrap();
        assert_eq!(count(database.clone()).await, 1);

        let mut transaction = database.begin().await.unwrap();
        sqlx::query("INSERT INTO things VALUES ('two')")
            .execute(&mut *transaction)
            .await
            .unwrap();
        drop(transaction);
        assert_eq!(count(database).await, 1);
    }

    #[tokio::test]
    async fn readers_cannot_write() {
        let folder = tempfile::tempdir().unwrap();
        let database = Database::open(&folder.path().join("state.sqlite")).await.unwrap();
        database.migrate("things", STEPS).await.unwrap();
        assert!(
            sqlx::query("INSERT INTO things VALUES ('one')")
                .execute(database.reader())
                .await
                .is_err()
        );
    }
}
