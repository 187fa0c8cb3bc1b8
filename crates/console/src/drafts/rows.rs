//! The rows of drafts: which upload each half takes its bytes with, and which file they come from.

use backup_api::{Actor, EnvironmentId, Part};
use database::{
    Database,
    sqlx::{Row, query, sqlite::SqliteRow},
};

use super::FileFacts;
use crate::ConsoleError;

/// Names one half of a draft.
#[derive(Debug, Clone)]
pub(super) struct DraftKey {
    pub(super) actor: Actor,
    pub(super) environment: EnvironmentId,
    pub(super) part: Part,
}

impl DraftKey {
    pub(super) fn new(actor: &Actor, environment: &EnvironmentId, part: Part) -> Self {
        Self {
            actor: actor.clone(),
            environment: environment.clone(),
            part,
        }
    }
}

/// The upload of a half, and the file it comes from.
pub(super) async fn find(
    database: &Database,
    key: &DraftKey,
) -> Result<Option<(String, FileFacts)>, ConsoleError> {
    let row = query(
        "SELECT upload_id, name, size, modified, sample FROM draft_files
         WHERE actor_id = $1 AND environment = $2 AND part = $3",
    )
    .bind(&key.actor.id)
    .bind(key.environment.to_string())
    .bind(key.part.as_str())
    .fetch_optional(database.reader())
    .await?;
    row.as_ref().map(read).transpose()
}

/// Whether an upload is in anybody's draft.
pub(super) async fn is_known(database: &Database, upload: &str) -> Result<bool, ConsoleError> {
    let known = query("SELECT 1 FROM draft_files WHERE upload_id = $1")
        .bind(upload)
        .fetch_optional(database.reader())
        .await?;
    Ok(known.is_some())
}

/// Whether an upload is in the actor's draft.
pub(super) async fn holds(
    database: &Database,
    actor: &Actor,
    environment: &EnvironmentId,
    upload: &str,
) -> Result<bool, ConsoleError> {
    let held = query("SELECT 1 FROM draft_files WHERE actor_id = $1 AND environment = $2 AND upload_id = $3")
        .bind(&actor.id)
        .bind(environment.to_string())
        .bind(upload)
        .fetch_optional(database.reader())
        .await?;
    Ok(held.is_some())
}

/// False where the draft has this part already.
pub(super) async fn insert(
    database: &Database,
    key: &DraftKey,
    upload: &str,
    file: &FileFacts,
) -> Result<bool, ConsoleError> {
    let mut transaction = database.begin().await?;
    let inserted = query(
        "INSERT INTO draft_files (actor_id, environment, part, upload_id, name, size, modified, sample)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (actor_id, environment, part) DO NOTHING",
    )
    .bind(&key.actor.id)
    .bind(key.environment.to_string())
    .bind(key.part.as_str())
    .bind(upload)
    .bind(&file.name)
    .bind(i64::try_from(file.size).map_err(ConsoleError::internal)?)
    .bind(file.modified)
    .bind(&file.sample)
    .execute(&mut *transaction)
    .await?;
    transaction.commit().await?;
    Ok(inserted.rows_affected() == 1)
}

/// Takes an upload out of a draft.
pub(super) async fn forget(database: &Database, key: &DraftKey, upload: &str) -> Result<(), ConsoleError> {
    let mut transaction = database.begin().await?;
    query(
        "DELETE FROM draft_files WHERE actor_id = $1 AND environment = $2 AND part = $3 AND upload_id = $4",
    )
    .bind(&key.actor.id)
    .bind(key.environment.to_string())
    .bind(key.part.as_str())
    .bind(upload)
    .execute(&mut *transaction)
    .await?;
    Ok(transaction.commit().await?)
}

fn read(row: &SqliteRow) -> Result<(String, FileFacts), ConsoleError> {
    let size: i64 = row.try_get("size")?;
    let file = FileFacts {
        name: row.try_get("name")?,
        size: u64::try_from(size).map_err(ConsoleError::internal)?,
        modified: row.try_get("modified")?,
        sample: row.try_get("sample")?,
    };
    Ok((row.try_get("upload_id")?, file))
}
