//! An operation while it runs.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use backup_api::{Operation, OperationState, Phase};
use database::sqlx::{SqliteConnection, query};
use jiff::Timestamp;

use crate::{OperationError, store::Operations};

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

/// How an operation ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It did what it was for.
    Succeeded,
    /// It ended with an error: a sentence for people.
    Failed(String),
}

impl Outcome {
    const fn state(&self) -> OperationState {
        match self {
            Self::Succeeded => OperationState::Succeeded,
            Self::Failed(_) => OperationState::Failed,
        }
    }

    fn failure(&self) -> Option<&str> {
        match self {
            Self::Succeeded => None,
            Self::Failed(sentence) => Some(sentence),
        }
    }
}

/// An operation that holds its environment until it is finished.
#[derive(Debug)]
pub struct RunningOperation {
    operations: Operations,
    operation: Operation,
    progress: Progress,
}

impl RunningOperation {
    pub(crate) const fn new(operations: Operations, operation: Operation, progress: Progress) -> Self {
        Self {
            operations,
            operation,
            progress,
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

    /// Says what it is at now.
    pub async fn advance(&self, phase: Phase) -> Result<(), OperationError> {
        let mut transaction = self.operations.database().begin().await?;
        let changed =
            query("UPDATE operations SET phase = $1, bytes_done = $2 WHERE id = $3 AND state = 'running'")
                .bind(phase.as_str())
                .bind(self.progress.bytes().cast_signed())
                .bind(self.operation.id.as_str())
                .execute(&mut *transaction)
                .await?;
        self.must_have_run(changed.rows_affected())?;
        transaction.commit().await?;
        Ok(())
    }

    /// Ends it and gives its lock back, in the caller's transaction: both are true only when that commits.
    pub async fn finish(
        &self,
        transaction: &mut SqliteConnection,
        outcome: &Outcome,
    ) -> Result<(), OperationError> {
        let changed = query(
            "UPDATE operations SET state = $1, failure = $2, bytes_done = $3, finished_at = $4 \
             WHERE id = $5 AND state = 'running'",
        )
        .bind(outcome.state().as_str())
        .bind(outcome.failure())
        .bind(self.progress.bytes().cast_signed())
        .bind(Timestamp::now().as_microsecond())
        .bind(self.operation.id.as_str())
        .execute(&mut *transaction)
        .await?;
        self.must_have_run(changed.rows_affected())?;
        query("DELETE FROM environment_locks WHERE operation_id = $1")
            .bind(self.operation.id.as_str())
            .execute(&mut *transaction)
            .await?;
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
}

impl Drop for RunningOperation {
    fn drop(&mut self) {
        self.operations.let_go(&self.operation.id);
    }
}
