//! What people see of operations, and how they end them.

use std::ops::RangeInclusive;

use backup_api::{Actor, ApiError, LogLine, Operation, OperationId, OperationState};
use operations::{Cancellation, OperationError};

use crate::environment_service::EnvironmentService;

/// Characters of the reason for breaking a lock.
const REASON: RangeInclusive<usize> = 3..=500;
/// Characters of an unknown id that are repeated to whoever sent it.
const REPEATED: usize = 80;

impl EnvironmentService {
    /// At most `limit` operations of this environment, newest first.
    pub(crate) async fn list_operations(&self, limit: u32) -> Result<Vec<Operation>, ApiError> {
        let operations = self.shared.operations.list(&self.environment, limit).await;
        operations.map_err(ApiError::internal)
    }

    /// One operation of this environment; those of others do not exist here.
    pub(crate) async fn require_operation(&self, id: &OperationId) -> Result<Operation, ApiError> {
        self.shared
            .operations
            .find(id)
            .await
            .map_err(ApiError::internal)?
            .filter(|operation| self.concerns(operation))
            .ok_or_else(|| ApiError::NoSuchOperation {
                id: id.as_str().chars().take(REPEATED).collect(),
            })
    }

    /// What an operation of this environment did.
    pub(crate) async fn log_of(&self, id: &OperationId) -> Result<Vec<LogLine>, ApiError> {
        self.require_operation(id).await?;
        self.shared.operations.log(id).await.map_err(ApiError::internal)
    }

    /// Asks an operation to end.
    pub(crate) async fn call_off(&self, actor: &Actor, id: &OperationId) -> Result<(), ApiError> {
        refuse_ended(&self.require_operation(id).await?)?;
        match self.shared.operations.cancel(id, &actor.name) {
            Ok(()) => {
                tracing::info!(operation.id = %id, actor.name = %actor.name, "an operation is being cancelled");
                Ok(())
            }
            Err(error) => Err(self.not_cancellable(id, error).await),
        }
    }

    /// Takes the lock away from an operation, whatever it is doing.
    pub(crate) async fn take_lock_from(
        &self,
        actor: &Actor,
        id: &OperationId,
        reason: &str,
    ) -> Result<(), ApiError> {
        refuse_ended(&self.require_operation(id).await?)?;
        let reason = reason.trim();
        if !REASON.contains(&reason.chars().count()) {
            return Err(ApiError::InvalidRequest {
                detail: format!(
                    "Say why, in {} to {} characters: {{\"reason\": \"…\"}}. It is recorded with the operation.",
                    REASON.start(),
                    REASON.end()
                ),
            });
        }
        let cancellation = Cancellation {
            by: actor.name.clone(),
            reason: Some(reason.to_owned()),
        };
        match self.shared.operations.break_lock(id, cancellation).await {
            Ok(()) => {
                tracing::warn!(operation.id = %id, actor.name = %actor.name, reason, "a lock was broken");
                Ok(())
            }
            Err(error) => Err(self.not_cancellable(id, error).await),
        }
    }

    async fn not_cancellable(&self, id: &OperationId, error: OperationError) -> ApiError {
        match error {
            OperationError::TooLate { .. } => ApiError::NotCancellable {
                reason: "The backup is being published, which takes moments and cannot be cancelled."
                    .to_owned(),
            },
            OperationError::Ending { .. } => ApiError::NotCancellable {
                reason: "The operation has failed already, and what is left of it is being removed."
                    .to_owned(),
            },
            // It ended this moment.
            OperationError::NotRunning { .. } => match self.require_operation(id).await {
                Ok(operation) => ended(&operation),
                Err(error) => error,
            },
            other => ApiError::internal(other),
        }
    }
}

fn refuse_ended(operation: &Operation) -> Result<(), ApiError> {
    if operation.state.is_final() {
        Err(ended(operation))
    } else {
        Ok(())
    }
}

fn ended(operation: &Operation) -> ApiError {
    use OperationState as State;
    let reason = match operation.state {
        State::Succeeded | State::Failed => {
            format!("The operation has ended already: it {}.", operation.state)
        }
        State::Cancelled | State::Interrupted => {
            format!("The operation has ended already: it was {}.", operation.state)
        }
        State::Queued | State::Running => "The operation is ending just now.".to_owned(),
    };
    ApiError::NotCancellable { reason }
}
