//! An operation while it runs.

use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicU64, Ordering},
};

use backup_api::{Operation, OperationState, Phase};
use database::sqlx::{SqliteConnection, query};
use tokio::sync::watch;

use crate::{OperationError, log, row, store::Operations};

/// How many bytes an operation has handled. Kept in memory, because it changes thousands of times a second and is
/// worth nothing after a crash; the last value is stored when the operation ends.
#[derive(Debug, Clone, Default)]
pub struct Progress(Arc<AtomicU64>);

impl Progress {
    /// Counts bytes that were handled.
    pub fn add(&self, bytes: u64) {
        self.0.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Bytes handled so far.
    pub fn bytes(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Who called an operation off, and what they said about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cancellation {
    /// As people read it.
    pub by: String,
    /// Their reason, where one is asked for.
    pub reason: Option<String>,
}

impl Cancellation {
    /// A sentence for people.
    pub fn sentence(&self) -> String {
        match &self.reason {
            Some(reason) => format!("{} broke the lock: {reason}", self.by),
            None => format!("{} cancelled it.", self.by),
        }
    }
}

/// How an operation ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It did what it was for.
    Succeeded,
    /// It ended with an error: a sentence for people.
    Failed(String),
    /// Somebody called it off.
    Cancelled(Cancellation),
}

impl Outcome {
    const fn state(&self) -> OperationState {
        match self {
            Self::Succeeded => OperationState::Succeeded,
            Self::Failed(_) => OperationState::Failed,
            Self::Cancelled(_) => OperationState::Cancelled,
        }
    }

    fn failure(&self) -> Option<String> {
        match self {
            Self::Succeeded => None,
            Self::Failed(sentence) => Some(sentence.clone()),
            Self::Cancelled(cancellation) => Some(cancellation.sentence()),
        }
    }

    /// The last line of the log.
    fn line(&self) -> String {
        match self {
            Self::Succeeded => "It succeeded.".to_owned(),
            Self::Failed(sentence) => format!("It failed: {sentence}"),
            Self::Cancelled(cancellation) => cancellation.sentence(),
        }
    }
}

/// An operation that holds its environment until it is finished.
#[derive(Debug)]
pub struct RunningOperation {
    operations: Operations,
    operation: Operation,
    progress: Progress,
    cancellation: watch::Receiver<Option<Cancellation>>,
    /// As it was published last; an end is published when this is dropped, which is after its commit.
    latest: Mutex<Operation>,
}

impl RunningOperation {
    pub(crate) fn new(
        operations: Operations,
        operation: Operation,
        progress: Progress,
        cancellation: watch::Receiver<Option<Cancellation>>,
    ) -> Self {
        Self {
            operations,
            latest: Mutex::new(operation.clone()),
            operation,
            progress,
            cancellation,
        }
    }

    /// The operation as it began.
    pub const fn operation(&self) -> &Operation {
        &self.operation
    }

    /// Where to count bytes.
    pub fn progress(&self) -> Progress {
        self.progress.clone()
    }

    /// Tells everybody that it began; to be called when the transaction it began in is committed.
    pub fn announce(&self) {
        self.operations.tell(&self.operation);
    }

    /// Who called it off, if somebody did. While it is publishing, that is only whoever broke its lock.
    pub fn cancellation(&self) -> Option<Cancellation> {
        self.cancellation.borrow().clone()
    }

    /// Who called it off, if somebody did; from now on nobody can. For an operation that came to nothing, before it is
    /// cleaned up after: how it ends is decided then.
    pub fn refuse_cancellation(&self) -> Option<Cancellation> {
        self.operations.refuse_cancellation(&self.operation.id);
        self.cancellation()
    }

    /// Returns when somebody called it off, with who and why.
    pub async fn cancelled(&self) -> Cancellation {
        let mut cancellation = self.cancellation.clone();
        let asked = cancellation.wait_for(Option::is_some).await;
        match asked.ok().and_then(|asked| asked.clone()) {
            Some(cancellation) => cancellation,
            // Nobody can call it off any more.
            None => std::future::pending().await,
        }
    }

    /// Says what it is at now. Refused where somebody called it off before; once it is publishing, nobody can.
    pub async fn advance(&self, phase: Phase) -> Result<(), OperationError> {
        // First, so that whoever is told that it ends is never disappointed by a step that was on its way.
        self.operations.pass(&self.operation.id, phase)?;
        let mut transaction = self.operations.database().begin().await?;
        let changed =
            query("UPDATE operations SET phase = $1, bytes_done = $2 WHERE id = $3 AND state = 'running'")
                .bind(phase.as_str())
                .bind(self.progress.bytes().cast_signed())
                .bind(self.operation.id.as_str())
                .execute(&mut *transaction)
                .await?;
        self.must_have_run(changed.rows_affected())?;
        log::add(&mut transaction, &self.operation.id, &format!("It is {phase}.")).await?;
        transaction.commit().await?;
        let mut latest = self.latest();
        latest.phase = phase;
        latest.bytes_done = self.progress.bytes();
        self.operations.tell(&latest);
        Ok(())
    }

    /// Adds a line to its log.
    pub async fn note(&self, text: &str) -> Result<(), OperationError> {
        let mut transaction = self.operations.database().begin().await?;
        log::add(&mut transaction, &self.operation.id, text).await?;
        Ok(transaction.commit().await?)
    }

    /// The same in the caller's transaction.
    pub async fn note_in(
        &self,
        transaction: &mut SqliteConnection,
        text: &str,
    ) -> Result<(), OperationError> {
        log::add(transaction, &self.operation.id, text).await
    }

    /// Ends it and gives its lock back, in the caller's transaction: both are true only when that commits.
    pub async fn finish(
        &self,
        transaction: &mut SqliteConnection,
        outcome: &Outcome,
    ) -> Result<(), OperationError> {
        let finished_at = row::now();
        let changed = query(
            "UPDATE operations SET state = $1, failure = $2, bytes_done = $3, finished_at = $4 \
             WHERE id = $5 AND state = 'running'",
        )
        .bind(outcome.state().as_str())
        .bind(outcome.failure())
        .bind(self.progress.bytes().cast_signed())
        .bind(finished_at.as_microsecond())
        .bind(self.operation.id.as_str())
        .execute(&mut *transaction)
        .await?;
        self.must_have_run(changed.rows_affected())?;
        query("DELETE FROM environment_locks WHERE operation_id = $1")
            .bind(self.operation.id.as_str())
            .execute(&mut *transaction)
            .await?;
        log::add(transaction, &self.operation.id, &outcome.line()).await?;
        let mut latest = self.latest();
        latest.state = outcome.state();
        latest.failure = outcome.failure();
        latest.bytes_done = self.progress.bytes();
        latest.finished_at = Some(finished_at);
        Ok(())
    }

    fn must_have_run(&self, rows: u64) -> Result<(), OperationError> {
        if rows == 1 {
            Ok(())
        } else {
            Err(OperationError::NotRunning {
                id: self.operation.id.to_string(),
            })
        }
    }

    fn latest(&self) -> MutexGuard<'_, Operation> {
        // Single fields are set; a panic in between leaves nothing unsound.
        self.latest.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for RunningOperation {
    fn drop(&mut self) {
        let latest = self.latest().clone();
        self.operations.let_go(latest);
    }
}
