//! The backups that exist.
//!
//! A backup is stored as the JSON that the API gives and that lies beside its archives as `backup.json`; the columns
//! are what the database must know to find, order and protect it.

use backup_api::{Backup, BackupId, BackupStatus, CreationType, EnvironmentId, ListQuery, Part};
use database::{
    Database,
    sqlx::{Row, SqliteConnection, query, sqlite::SqliteRow},
};
use jiff::Timestamp;

use crate::{ServiceError, part_at_rest::PartAtRest, totals};

/// What is stored of a backup, here and beside its archives.
pub(crate) fn to_json(backup: &Backup) -> Result<String, ServiceError> {
    serde_json::to_string_pretty(backup).map_err(|_| ServiceError::UnreadableRow { column: "backup" })
}

/// Adds a backup, in the transaction that makes it exist.
pub(crate) async fn insert(
    transaction: &mut SqliteConnection,
    backup: &Backup,
    json: &str,
    database: &PartAtRest,
    volume: &PartAtRest,
) -> Result<(), ServiceError> {
    query(
        "INSERT INTO backups (id, project, environment, minute, database_archive, volume_archive, backup, \
         created_at, size, creation_type, status) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
    )
    .bind(backup.backup_id.as_str())
    .bind(backup.project.as_str())
    .bind(backup.environment.as_str())
    .bind(backup.backup_id.minute().number())
    .bind(database.id())
    .bind(volume.id())
    .bind(json)
    .bind(backup.created_at.as_microsecond())
    .bind(backup.size.cast_signed())
    .bind(backup.creation_type.as_str())
    .bind(backup.status.as_str())
    .execute(&mut *transaction)
    .await?;
    totals::add(transaction, backup).await
}

/// Reads what columns say that came with a later release, for backups that were there before.
pub(crate) async fn complete(database: &Database) -> Result<(), ServiceError> {
    let mut transaction = database.begin().await?;
    let rows = query("SELECT backup FROM backups WHERE created_at IS NULL")
        .fetch_all(&mut *transaction)
        .await?;
    for row in &rows {
        let backup = backup(row)?;
        query("UPDATE backups SET created_at = $1, size = $2, creation_type = $3, status = $4 WHERE id = $5")
            .bind(backup.created_at.as_microsecond())
            .bind(backup.size.cast_signed())
            .bind(backup.creation_type.as_str())
            .bind(backup.status.as_str())
            .bind(backup.backup_id.as_str())
            .execute(&mut *transaction)
            .await?;
        totals::add(&mut transaction, &backup).await?;
    }
    Ok(transaction.commit().await?)
}

/// The newest backups of an environment first.
pub(crate) async fn list(
    database: &Database,
    environment: &EnvironmentId,
    wanted: &ListQuery,
) -> Result<Vec<Backup>, ServiceError> {
    let rows = query(
        "SELECT backup FROM backups WHERE project = $1 AND environment = $2 AND minute < $3 \
         AND ($4 IS NULL OR status = $4) AND ($5 IS NULL OR creation_type = $5) ORDER BY minute DESC LIMIT +$6",
    )
    .bind(environment.project.as_str())
    .bind(environment.environment.as_str())
    .bind(wanted.before.as_ref().map_or(i64::MAX, |id| id.minute().number()))
    .bind(wanted.status.map(BackupStatus::as_str))
    .bind(wanted.creation_type.map(CreationType::as_str))
    .bind(wanted.limit.map_or(i64::MAX, i64::from))
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
    find_row(database, environment, id)
        .await?
        .as_ref()
        .map(backup)
        .transpose()
}

/// What is stored of a backup, as it is.
pub(crate) async fn find_json(
    database: &Database,
    environment: &EnvironmentId,
    id: &BackupId,
) -> Result<Option<String>, ServiceError> {
    let row = find_row(database, environment, id).await?;
    Ok(row.map(|row| row.try_get("backup")).transpose()?)
}

/// What one part of a backup is known by in the stores.
pub(crate) async fn find_archive(
    database: &Database,
    environment: &EnvironmentId,
    id: &BackupId,
    part: Part,
) -> Result<Option<String>, ServiceError> {
    let column = match part {
        Part::Database => "database_archive",
        Part::Volume => "volume_archive",
    };
    let Some(row) = find_row(database, environment, id).await? else {
        return Ok(None);
    };
    Ok(Some(row.try_get(column)?))
}

async fn find_row(
    database: &Database,
    environment: &EnvironmentId,
    id: &BackupId,
) -> Result<Option<SqliteRow>, ServiceError> {
    let row = query(
        "SELECT backup, database_archive, volume_archive FROM backups \
         WHERE id = $1 AND project = $2 AND environment = $3",
    )
    .bind(id.as_str())
    .bind(environment.project.as_str())
    .bind(environment.environment.as_str())
    .fetch_optional(database.reader())
    .await?;
    Ok(row)
}

/// One backup of an environment, as a transaction that is about to change it sees it.
pub(crate) async fn find_in(
    transaction: &mut SqliteConnection,
    environment: &EnvironmentId,
    id: &BackupId,
) -> Result<Option<Backup>, ServiceError> {
    query("SELECT backup FROM backups WHERE id = $1 AND project = $2 AND environment = $3")
        .bind(id.as_str())
        .bind(environment.project.as_str())
        .bind(environment.environment.as_str())
        .fetch_optional(transaction)
        .await?
        .as_ref()
        .map(backup)
        .transpose()
}

/// Lets the catalogue say something else about a backup.
pub(crate) async fn replace(transaction: &mut SqliteConnection, backup: &Backup) -> Result<(), ServiceError> {
    let verification = backup.verification.as_ref();
    query("UPDATE backups SET backup = $1, verified_at = $2, verification = $3 WHERE id = $4")
        .bind(to_json(backup)?)
        .bind(
            verification
                .and_then(|verification| verification.finished_at)
                .map(Timestamp::as_microsecond),
        )
        .bind(verification.map(|verification| verification.state.as_str()))
        .bind(backup.backup_id.as_str())
        .execute(transaction)
        .await?;
    Ok(())
}

/// Lets the catalogue forget a backup.
pub(crate) async fn remove(transaction: &mut SqliteConnection, backup: &Backup) -> Result<(), ServiceError> {
    query("DELETE FROM backups WHERE id = $1")
        .bind(backup.backup_id.as_str())
        .execute(&mut *transaction)
        .await?;
    totals::subtract(transaction, backup).await
}

/// The names in a row that has them as text.
pub(crate) fn names(
    id: &str,
    project: &str,
    environment: &str,
) -> Result<(BackupId, EnvironmentId), ServiceError> {
    let unreadable = |column| ServiceError::UnreadableRow { column };
    let environment = EnvironmentId::new(
        project.parse().map_err(|_| unreadable("project"))?,
        environment.parse().map_err(|_| unreadable("environment"))?,
    );
    Ok((id.parse().map_err(|_| unreadable("id"))?, environment))
}

pub(crate) fn backup(row: &SqliteRow) -> Result<Backup, ServiceError> {
    serde_json::from_str(row.try_get("backup")?).map_err(|_| ServiceError::UnreadableRow { column: "backup" })
}
