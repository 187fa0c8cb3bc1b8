//! The record of operations and the lock of each environment.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use backup_api::{
    Actor, BackupId, EnvironmentId, Operation, OperationId, OperationKind, OperationState, Phase,
};
use database::{
    Database,
    sqlx::{AssertSqlSafe, SqliteConnection, query},
};
use jiff::Timestamp;
use tokio::sync::Notify;
use uuid::Uuid;

use crate::{
    BeginError, OperationError, Progress, RunningOperation, row,
    schema::{COMPONENT, STEPS},
};

/// What is about to begin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewOperation {
    /// The environment it changes, and will hold.
    pub environment: EnvironmentId,
    /// What it does.
    pub kind: OperationKind,
    /// What it is at first.
    pub phase: Phase,
    /// Who started it.
    pub actor: Actor,
    /// Bytes announced, where they were.
    pub bytes_total: Option<u64>,
    /// The backup it makes or reads.
    pub backup_id: Option<BackupId>,
}

/// The record of operations; clones share it.
#[derive(Debug, Clone)]
pub struct Operations {
    database: Database,
    progress: Arc<Mutex<HashMap<OperationId, Progress>>>,
    ended: Arc<Notify>,
}

impl Operations {
    /// Opens the record in `database`.
    pub async fn open(database: Database) -> Result<Self, OperationError> {
        database.migrate(COMPONENT, STEPS).await?;
        Ok(Self {
            database,
            progress: Arc::default(),
            ended: Arc::default(),
        })
    }

    pub(crate) const fn database(&self) -> &Database {
        &self.database
    }

    /// Begins an operation and takes the lock of its environment, in the caller's transaction.
    pub async fn begin(
        &self,
        transaction: &mut SqliteConnection,
        new: NewOperation,
    ) -> Result<RunningOperation, BeginError> {
        if let Some(holder) = self.holder(&mut *transaction, &new.environment).await? {
            return Err(BeginError::Held(Box::new(holder)));
        }
        let operation = Operation {
            id: OperationId(Uuid::now_v7().to_string()),
            project: new.environment.project,
            environment: new.environment.environment,
            kind: new.kind,
            state: OperationState::Running,
            phase: new.phase,
            bytes_done: 0,
            bytes_total: new.bytes_total,
            started_by: new.actor.name,
            started_at: Timestamp::now(),
            finished_at: None,
            backup_id: new.backup_id,
            failure: None,
        };
        query(
            "INSERT INTO operations (id, project, environment, kind, state, phase, bytes_done, bytes_total, actor_id, \
             actor_name, started_at, backup_id) VALUES ($1, $2, $3, $4, $5, $6, 0, $7, $8, $9, $10, $11)",
        )
        .bind(operation.id.as_str())
        .bind(operation.project.as_str())
        .bind(operation.environment.as_str())
        .bind(operation.kind.as_str())
        .bind(operation.state.as_str())
        .bind(operation.phase.as_str())
        .bind(operation.bytes_total.map(u64::cast_signed))
        .bind(&new.actor.id)
        .bind(&operation.started_by)
        .bind(operation.started_at.as_microsecond())
        .bind(operation.backup_id.as_ref().map(BackupId::as_str))
        .execute(&mut *transaction)
        .await?;
        // The primary key is what keeps a second holder out, whatever was read above.
        query("INSERT INTO environment_locks (project, environment, operation_id) VALUES ($1, $2, $3)")
            .bind(operation.project.as_str())
            .bind(operation.environment.as_str())
            .bind(operation.id.as_str())
            .execute(&mut *transaction)
            .await?;

        let progress = Progress::default();
        self.progress().insert(operation.id.clone(), progress.clone());
        Ok(RunningOperation::new(self.clone(), operation, progress))
    }

    /// The operation that holds an environment, if one does.
    pub async fn current(&self, environment: &EnvironmentId) -> Result<Option<Operation>, OperationError> {
        let mut connection = self.database.reader().acquire().await?;
        self.holder(&mut connection, environment).await
    }

    async fn holder(
        &self,
        connection: &mut SqliteConnection,
        environment: &EnvironmentId,
    ) -> Result<Option<Operation>, OperationError> {
        let row = query(AssertSqlSafe(format!(
            "SELECT {} FROM operations WHERE id = (SELECT operation_id FROM environment_locks \
             WHERE project = $1 AND environment = $2)",
            row::COLUMNS
        )))
        .bind(environment.project.as_str())
        .bind(environment.environment.as_str())
        .fetch_optional(connection)
        .await?;
        row.as_ref()
            .map(|row| Ok(self.with_progress(row::operation(row)?)))
            .transpose()
    }

    /// One operation, running or ended.
    pub async fn find(&self, id: &OperationId) -> Result<Option<Operation>, OperationError> {
        let row = query(AssertSqlSafe(format!(
            "SELECT {} FROM operations WHERE id = $1",
            row::COLUMNS
        )))
        .bind(id.as_str())
        .fetch_optional(self.database.reader())
        .await?;
        row.as_ref()
            .map(|row| Ok(self.with_progress(row::operation(row)?)))
            .transpose()
    }

    /// The operation once nothing more happens to it; `None` where there is none of this id.
    pub async fn wait_until_ended(&self, id: &OperationId) -> Result<Option<Operation>, OperationError> {
        loop {
            // Registered before the look, so that an end in between is not missed.
            let mut ended = std::pin::pin!(self.ended.notified());
            ended.as_mut().enable();
            match self.find(id).await? {
                Some(operation) if !operation.state.is_final() => ended.await,
                other => return Ok(other),
            }
        }
    }

    /// Ends what a former process left running, with the phase it had reached, and frees its environments. Only for
    /// start-up: the caller is the one process that owns the data folder.
    pub async fn interrupt_leftovers(&self) -> Result<Vec<Operation>, OperationError> {
        let mut transaction = self.database.begin().await?;
        let rows = query(AssertSqlSafe(format!(
            "UPDATE operations SET state = 'interrupted', finished_at = $1, \
             failure = 'The service stopped while it was ' || phase || '.' \
             WHERE state IN ('queued', 'running') RETURNING {}",
            row::COLUMNS
        )))
        .bind(Timestamp::now().as_microsecond())
        .fetch_all(&mut *transaction)
        .await?;
        query("DELETE FROM environment_locks")
            .execute(&mut *transaction)
            .await?;
        transaction.commit().await?;
        rows.iter().map(row::operation).collect()
    }

    fn with_progress(&self, mut operation: Operation) -> Operation {
        if let Some(progress) = self.progress().get(&operation.id) {
            operation.bytes_done = progress.bytes();
        }
        operation
    }

    /// Called when nobody works on an operation any more: its end is committed, or will never be.
    pub(crate) fn let_go(&self, id: &OperationId) {
        self.progress().remove(id);
        self.ended.notify_waiters();
    }

    fn progress(&self) -> MutexGuard<'_, HashMap<OperationId, Progress>> {
        // A map of counters is sound whatever a panicking thread was doing with it.
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
