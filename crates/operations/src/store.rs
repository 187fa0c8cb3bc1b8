//! The record of operations and the lock of each environment.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use backup_api::{
    Actor, BackupId, CatalogueChange, EnvironmentId, EventId, LogLine, Operation, OperationId, OperationKind,
    OperationState, Phase,
};
use database::{
    Database,
    sqlx::{self, AssertSqlSafe, QueryBuilder, SqliteConnection, query},
};
use jiff::Timestamp;
use tokio::sync::{Notify, watch};
use uuid::Uuid;

use crate::{
    BeginError, Cancellation, OperationError, Progress, RunningOperation, Subscription,
    events::{Events, News},
    log, row,
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
    running: Arc<Mutex<HashMap<OperationId, Live>>>,
    ended: Arc<Notify>,
    events: Events,
}

/// What is in memory of an operation that runs.
#[derive(Debug)]
struct Live {
    progress: Progress,
    phase: Phase,
    /// It failed, and what is left of it is being removed.
    is_ending: bool,
    cancellation: watch::Sender<Option<Cancellation>>,
}

impl Operations {
    /// Opens the record in `database`.
    pub async fn open(database: Database) -> Result<Self, OperationError> {
        database.migrate(COMPONENT, STEPS).await?;
        Ok(Self {
            database,
            running: Arc::default(),
            ended: Arc::default(),
            events: Events::new(),
        })
    }

    pub(crate) const fn database(&self) -> &Database {
        &self.database
    }

    /// What happens from now on, and what did since `after`.
    pub fn subscribe(&self, after: Option<EventId>) -> Subscription {
        self.events.subscribe(after)
    }

    /// Tells everybody what became of a backup otherwise than by an operation; to be called when that is committed.
    pub fn announce(&self, environment: &EnvironmentId, backup: &BackupId, change: CatalogueChange) {
        let backup = backup.clone();
        let news = News::Catalogue { backup, change };
        self.events.publish(environment.clone(), news);
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
            started_at: row::now(),
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

        log::add(
            transaction,
            &operation.id,
            &format!("{} started the {}.", operation.started_by, operation.kind),
        )
        .await?;

        let progress = Progress::default();
        let (sender, cancellation) = watch::channel(None);
        let live = Live {
            progress: progress.clone(),
            phase: operation.phase,
            is_ending: false,
            cancellation: sender,
        };
        self.running().insert(operation.id.clone(), live);
        Ok(RunningOperation::new(
            self.clone(),
            operation,
            progress,
            cancellation,
        ))
    }

    /// The operation that holds an environment, if one does.
    pub async fn current(&self, environment: &EnvironmentId) -> Result<Option<Operation>, OperationError> {
        let mut connection = self.database.reader().acquire().await?;
        self.holder(&mut connection, environment).await
    }

    /// The same as the caller's transaction sees it: what that decides on cannot have changed when it commits.
    pub async fn holder(
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

    /// The operations of an environment, newest first.
    pub async fn list(
        &self,
        environment: &EnvironmentId,
        limit: u32,
    ) -> Result<Vec<Operation>, OperationError> {
        let rows = query(AssertSqlSafe(format!(
            "SELECT {} FROM operations WHERE project = $1 AND environment = $2 \
             ORDER BY started_at DESC, id DESC LIMIT +$3",
            row::COLUMNS
        )))
        .bind(environment.project.as_str())
        .bind(environment.environment.as_str())
        .bind(i64::from(limit))
        .fetch_all(self.database.reader())
        .await?;
        rows.iter()
            .map(|row| Ok(self.with_progress(row::operation(row)?)))
            .collect()
    }

    /// Those of `ids` that are recorded, in no particular order.
    pub async fn find_all(&self, ids: &[String]) -> Result<Vec<Operation>, OperationError> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let mut query = QueryBuilder::new(format!("SELECT {} FROM operations WHERE id IN (", row::COLUMNS));
        let mut list = query.separated(", ");
        for id in ids {
            list.push_bind(id);
        }
        query.push(")");
        let rows = query.build().fetch_all(self.database.reader()).await?;
        rows.iter()
            .map(|row| Ok(self.with_progress(row::operation(row)?)))
            .collect()
    }

    pub(crate) fn reader(&self) -> &sqlx::SqlitePool {
        self.database.reader()
    }

    /// What an operation did, line by line.
    pub async fn log(&self, id: &OperationId) -> Result<Vec<LogLine>, OperationError> {
        log::of(self.database.reader(), id).await
    }

    /// Asks a running operation to end. It cleans up and ends as cancelled soon after; while it is publishing it cannot.
    pub fn cancel(&self, id: &OperationId, by: &str) -> Result<(), OperationError> {
        let running = self.running();
        let Some(live) = running.get(id) else {
            return Err(OperationError::NotRunning { id: id.to_string() });
        };
        if live.is_ending {
            return Err(OperationError::Ending { id: id.to_string() });
        }
        if live.phase == Phase::Publishing {
            return Err(OperationError::TooLate { id: id.to_string() });
        }
        live.cancellation.send_if_modified(|cancellation| {
            let is_first = cancellation.is_none();
            cancellation.get_or_insert_with(|| Cancellation {
                by: by.to_owned(),
                reason: None,
            });
            is_first
        });
        Ok(())
    }

    /// Takes the lock away from an operation that does not end by itself, whatever it is doing. What it does from then on
    /// cannot commit: every step of it asks whether it still runs.
    pub async fn break_lock(
        &self,
        id: &OperationId,
        cancellation: Cancellation,
    ) -> Result<(), OperationError> {
        let bytes_done = self.running().get(id).map(|live| live.progress.bytes());
        let mut transaction = self.database.begin().await?;
        let row = query(AssertSqlSafe(format!(
            "UPDATE operations SET state = 'cancelled', failure = $1, finished_at = $2, \
             bytes_done = COALESCE($3, bytes_done) \
             WHERE id = $4 AND state IN ('queued', 'running') RETURNING {}",
            row::COLUMNS
        )))
        .bind(cancellation.sentence())
        .bind(Timestamp::now().as_microsecond())
        .bind(bytes_done.map(u64::cast_signed))
        .bind(id.as_str())
        .fetch_optional(&mut *transaction)
        .await?;
        let Some(row) = row else {
            return Err(OperationError::NotRunning { id: id.to_string() });
        };
        query("DELETE FROM environment_locks WHERE operation_id = $1")
            .bind(id.as_str())
            .execute(&mut *transaction)
            .await?;
        log::add(&mut transaction, id, &cancellation.sentence()).await?;
        let broken = row::operation(&row)?;
        transaction.commit().await?;
        {
            let mut running = self.running();
            // Taken out before its end is told: what the operation says of itself from now on is not told any more.
            if let Some(live) = running.remove(id) {
                live.cancellation.send_replace(Some(cancellation));
            }
        }
        self.events.publish_operation(broken);
        self.ended.notify_waiters();
        Ok(())
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
        let interrupted: Vec<_> = rows.iter().map(row::operation).collect::<Result<_, _>>()?;
        for operation in &interrupted {
            let text = operation.failure.as_deref().unwrap_or_default();
            log::add(&mut transaction, &operation.id, text).await?;
        }
        transaction.commit().await?;
        Ok(interrupted)
    }

    fn with_progress(&self, mut operation: Operation) -> Operation {
        if !operation.state.is_final()
            && let Some(live) = self.running().get(&operation.id)
        {
            operation.bytes_done = live.progress.bytes();
        }
        operation
    }

    /// Lets a running operation into its next phase. With [`Operations::cancel`] under one lock: either that is refused
    /// because it is publishing, or publishing is refused because that came first.
    pub(crate) fn pass(&self, id: &OperationId, phase: Phase) -> Result<(), OperationError> {
        let mut running = self.running();
        let Some(live) = running.get_mut(id) else {
            return Err(OperationError::NotRunning { id: id.to_string() });
        };
        if let Some(cancellation) = live.cancellation.borrow().clone() {
            return Err(OperationError::CalledOff {
                id: id.to_string(),
                cancellation,
            });
        }
        live.phase = phase;
        Ok(())
    }

    /// Lets nobody cancel an operation from now on.
    pub(crate) fn refuse_cancellation(&self, id: &OperationId) {
        if let Some(live) = self.running().get_mut(id) {
            live.is_ending = true;
        }
    }

    /// Tells everybody how a running operation is now, unless its lock was broken meanwhile: its end has been told then.
    pub(crate) fn tell(&self, operation: &Operation) {
        let running = self.running();
        if running.contains_key(&operation.id) {
            self.events.publish_operation(operation.clone());
        }
    }

    /// Called when nobody works on an operation any more: its end is committed, or will never be.
    pub(crate) fn let_go(&self, latest: Operation) {
        let was_held = self.running().remove(&latest.id).is_some();
        if was_held && latest.state.is_final() {
            self.events.publish_operation(latest);
        }
        self.ended.notify_waiters();
    }

    fn running(&self) -> MutexGuard<'_, HashMap<OperationId, Live>> {
        // Entries are whole whatever a panicking thread was doing with the map.
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
