//! How many backups an environment has, and their bytes: kept up to date with the catalogue instead of counted.

use backup_api::{Backup, BackupStatus, CreationType, EnvironmentId};
use database::sqlx::{Row, SqliteConnection, query, sqlite::SqliteRow};

use crate::ServiceError;

/// The backups of an environment that are alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Total {
    pub(crate) status: BackupStatus,
    pub(crate) creation_type: CreationType,
    pub(crate) backups: u64,
    /// Bytes of all of them.
    pub(crate) size: u64,
}

impl Total {
    /// Reads `status`, `kind`, `number` and `size` of a row.
    pub(crate) fn from_row(row: &SqliteRow) -> Result<Self, ServiceError> {
        let unreadable = |column| ServiceError::UnreadableRow { column };
        Ok(Self {
            status: BackupStatus::from_word(row.try_get("status")?).ok_or_else(|| unreadable("status"))?,
            creation_type: CreationType::from_word(row.try_get("kind")?)
                .ok_or_else(|| unreadable("creation_type"))?,
            backups: row.try_get::<i64, _>("number")?.cast_unsigned(),
            size: row.try_get::<i64, _>("size")?.cast_unsigned(),
        })
    }
}

/// Counts a backup, in the transaction that makes it exist.
pub(crate) async fn add(transaction: &mut SqliteConnection, backup: &Backup) -> Result<(), ServiceError> {
    change(transaction, backup, 1).await
}

/// Counts it no longer, in the transaction that takes it away.
pub(crate) async fn subtract(
    transaction: &mut SqliteConnection,
    backup: &Backup,
) -> Result<(), ServiceError> {
    change(transaction, backup, -1).await
}

async fn change(
    transaction: &mut SqliteConnection,
    backup: &Backup,
    backups: i64,
) -> Result<(), ServiceError> {
    query(
        "INSERT INTO backup_totals VALUES ($1, $2, $3, $4, $5, $6) \
         ON CONFLICT (project, environment, status, creation_type) DO UPDATE SET \
         backups = backup_totals.backups + excluded.backups, size = backup_totals.size + excluded.size",
    )
    .bind(backup.project.as_str())
    .bind(backup.environment.as_str())
    .bind(backup.status.as_str())
    .bind(backup.creation_type.as_str())
    .bind(backups)
    .bind(backups * backup.size.cast_signed())
    .execute(transaction)
    .await?;
    Ok(())
}

/// All of an environment.
pub(crate) async fn of(
    connection: &mut SqliteConnection,
    environment: &EnvironmentId,
) -> Result<Vec<Total>, ServiceError> {
    let rows = query(
        "SELECT status, creation_type AS kind, backups AS number, size FROM backup_totals \
         WHERE project = $1 AND environment = $2",
    )
    .bind(environment.project.as_str())
    .bind(environment.environment.as_str())
    .fetch_all(connection)
    .await?;
    rows.iter().map(Total::from_row).collect()
}
