//! The uid of an environment and the minutes its backups are named after.

use backup_api::{BackupId, BackupMinute, EnvironmentId, EnvironmentUid, OperationId};
use database::{
    Database,
    sqlx::{SqliteConnection, query, query_scalar},
};

use crate::ServiceError;

/// The uid of an environment; made the first time it is asked for.
pub(crate) async fn uid(
    database: &Database,
    environment: &EnvironmentId,
) -> Result<EnvironmentUid, ServiceError> {
    let mut random = [0; EnvironmentUid::LENGTH];
    getrandom::fill(&mut random).map_err(ServiceError::Random)?;
    let mut transaction = database.begin().await?;
    query("INSERT INTO environment_uids VALUES ($1, $2, $3) ON CONFLICT (project, environment) DO NOTHING")
        .bind(environment.project.as_str())
        .bind(environment.environment.as_str())
        .bind(EnvironmentUid::from_random(random).as_str())
        .execute(&mut *transaction)
        .await?;
    let uid: String =
        query_scalar("SELECT uid FROM environment_uids WHERE project = $1 AND environment = $2")
            .bind(environment.project.as_str())
            .bind(environment.environment.as_str())
            .fetch_one(&mut *transaction)
            .await?;
    transaction.commit().await?;
    uid.parse()
        .map_err(|_| ServiceError::UnreadableRow { column: "uid" })
}

/// Reserves the first free minute that is not before `earliest` and gives the id made of it.
pub(crate) async fn reserve(
    transaction: &mut SqliteConnection,
    environment: &EnvironmentId,
    uid: &EnvironmentUid,
    earliest: BackupMinute,
) -> Result<BackupId, ServiceError> {
    let mut minute = earliest;
    loop {
        let reserved = query(
            "INSERT INTO backup_minutes (project, environment, minute) VALUES ($1, $2, $3) \
             ON CONFLICT (project, environment, minute) DO NOTHING",
        )
        .bind(environment.project.as_str())
        .bind(environment.environment.as_str())
        .bind(minute.number())
        .execute(&mut *transaction)
        .await?;
        if reserved.rows_affected() == 1 {
            return Ok(BackupId::new(uid, minute));
        }
        minute = minute.next();
    }
}

/// Notes which operation a reserved minute is for, so that [`release`] finds it.
pub(crate) async fn assign(
    transaction: &mut SqliteConnection,
    environment: &EnvironmentId,
    id: &BackupId,
    operation: &OperationId,
) -> Result<(), ServiceError> {
    query(
        "UPDATE backup_minutes SET operation_id = $1 WHERE project = $2 AND environment = $3 AND minute = $4",
    )
    .bind(operation.as_str())
    .bind(environment.project.as_str())
    .bind(environment.environment.as_str())
    .bind(id.minute().number())
    .execute(transaction)
    .await?;
    Ok(())
}

/// Gives the minute of an operation that came to nothing back.
pub(crate) async fn release(
    transaction: &mut SqliteConnection,
    operation: &OperationId,
) -> Result<(), ServiceError> {
    query("DELETE FROM backup_minutes WHERE operation_id = $1")
        .bind(operation.as_str())
        .execute(transaction)
        .await?;
    Ok(())
}

/// Keeps the minute of a backup for ever, whatever becomes of the backup: its id is never given to another.
pub(crate) async fn keep(
    transaction: &mut SqliteConnection,
    environment: &EnvironmentId,
    id: &BackupId,
) -> Result<(), ServiceError> {
    query(
        "UPDATE backup_minutes SET operation_id = NULL WHERE project = $1 AND environment = $2 AND minute = $3",
    )
    .bind(environment.project.as_str())
    .bind(environment.environment.as_str())
    .bind(id.minute().number())
    .execute(transaction)
    .await?;
    Ok(())
}

/// The operations that hold a minute without a backup to show for it: those that run, and those that a former process
/// did not clean up after.
pub(crate) async fn without_backup(database: &Database) -> Result<Vec<OperationId>, ServiceError> {
    let ids: Vec<String> = query_scalar(
        "SELECT operation_id FROM backup_minutes AS m WHERE operation_id IS NOT NULL AND NOT EXISTS \
         (SELECT 1 FROM backups AS b WHERE b.project = m.project AND b.environment = m.environment \
          AND b.minute = m.minute)",
    )
    .fetch_all(database.reader())
    .await?;
    Ok(ids.into_iter().map(OperationId).collect())
}
