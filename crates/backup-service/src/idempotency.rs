//! Requests that say what they are for, so that a repeated one is recognised: a double click, two tabs, a client that
//! never got its answer.

use backup_api::{EnvironmentId, OperationId};
use database::sqlx::{SqliteConnection, query, query_scalar};

use crate::ServiceError;

/// A key as its sender chose it, which means something only to that sender.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct IdempotencyKey {
    pub(crate) actor_id: String,
    pub(crate) key: String,
}

/// The operation that the key stands for, if it came before.
pub(crate) async fn find(
    transaction: &mut SqliteConnection,
    environment: &EnvironmentId,
    key: &IdempotencyKey,
) -> Result<Option<OperationId>, ServiceError> {
    let id: Option<String> = query_scalar(
        "SELECT operation_id FROM idempotency_keys \
         WHERE project = $1 AND environment = $2 AND actor_id = $3 AND key = $4",
    )
    .bind(environment.project.as_str())
    .bind(environment.environment.as_str())
    .bind(&key.actor_id)
    .bind(&key.key)
    .fetch_optional(transaction)
    .await?;
    Ok(id.map(OperationId))
}

/// Lets the key stand for an operation; one that came to nothing before gives way.
pub(crate) async fn remember(
    transaction: &mut SqliteConnection,
    environment: &EnvironmentId,
    key: &IdempotencyKey,
    operation: &OperationId,
) -> Result<(), ServiceError> {
    query(
        "INSERT INTO idempotency_keys VALUES ($1, $2, $3, $4, $5) \
         ON CONFLICT (project, environment, actor_id, key) DO UPDATE SET operation_id = excluded.operation_id",
    )
    .bind(environment.project.as_str())
    .bind(environment.environment.as_str())
    .bind(&key.actor_id)
    .bind(&key.key)
    .bind(operation.as_str())
    .execute(transaction)
    .await?;
    Ok(())
}
