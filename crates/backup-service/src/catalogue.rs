//! The backups that exist.
//!
//! A backup is stored as the JSON that the API gives and that lies beside its archives as `backup.json`; the columns
//! are what the database must know to find, order and protect it.

use archive_store::{ArchiveId, FinishedArchive};
use backup_api::{Backup, BackupId, EnvironmentId, Part};
use database::{
    Database,
    sqlx::{Row, SqliteConnection, query, sqlite::SqliteRow},
};

use crate::ServiceError;

/// Adds a backup, in the transaction that makes it exist.
pub(crate) async fn insert(
    transaction: &mut SqliteConnection,
    backup: &Backup,
    json: &str,
    database: &FinishedArchive,
    volume: &FinishedArchive,
) -> Result<(), ServiceError> {
    query("INSERT INTO backups VALUES ($1, $2, $3, $4, $5, $6, $7)")
        .bind(backup.backup_id.as_str())
        .bind(backup.project.as_str())
        .bind(backup.environment.as_str())
        .bind(backup.backup_id.minute().number())
        .bind(database.id().to_string())
        .bind(volume.id().to_string())
        .bind(json)
        .execute(transaction)
        .await?;
    Ok(())
}

/// The newest backups of an environment first.
pub(crate) async fn list(
    database: &Database,
    environment: &EnvironmentId,
    limit: Option<u32>,
) -> Result<Vec<Backup>, ServiceError> {
    let rows = query(
        "SELECT backup FROM backups WHERE project = $1 AND environment = $2 ORDER BY minute DESC LIMIT $3",
    )
    .bind(environment.project.as_str())
    .bind(environment.environment.as_str())
    .bind(limit.map_or(i64::MAX, i64::from))
    .fetch_all(database.reader())
    .await?;
    rows.iter().map(backup).collect()
}

/// One backup of an environment.
pub(crate) async fn find(
    database: &Database,
    environment: &EnvironmentId,
    id: &BackupId,
) -> Result<Option<Backup>, ServiceError> {
    Ok(find_with_archives(database, environment, id)
        .await?
        .map(|(backup, _)| backup))
}

/// One backup of an environment and the archive that holds one of its parts.
pub(crate) async fn find_archive(
    database: &Database,
    environment: &EnvironmentId,
    id: &BackupId,
    part: Part,
) -> Result<Option<(Backup, ArchiveId)>, ServiceError> {
    Ok(find_with_archives(database, environment, id)
        .await?
        .map(|(backup, [database, volume])| {
            let archive = match part {
                Part::Database => database,
                Part::Volume => volume,
            };
            (backup, archive)
        }))
}

async fn find_with_archives(
    database: &Database,
    environment: &EnvironmentId,
    id: &BackupId,
) -> Result<Option<(Backup, [ArchiveId; 2])>, ServiceError> {
    let row = query(
        "SELECT backup, database_archive, volume_archive FROM backups \
         WHERE id = $1 AND project = $2 AND environment = $3",
    )
    .bind(id.as_str())
    .bind(environment.project.as_str())
    .bind(environment.environment.as_str())
    .fetch_optional(database.reader())
    .await?;
    let Some(row) = row else { return Ok(None) };
    let archive = |column: &'static str| -> Result<ArchiveId, ServiceError> {
        row.try_get::<String, _>(column)?
            .parse()
            .map_err(|_| ServiceError::UnreadableRow { column })
    };
    Ok(Some((
        backup(&row)?,
        [archive("database_archive")?, archive("volume_archive")?],
    )))
}

fn backup(row: &SqliteRow) -> Result<Backup, ServiceError> {
    serde_json::from_str(&row.try_get::<String, _>("backup")?)
        .map_err(|_| ServiceError::UnreadableRow { column: "backup" })
}
