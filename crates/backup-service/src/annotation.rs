//! What people write about a backup that stands.
//!
//! The catalogue is what counts; `backup.json` beside the archives follows it, so that a catalogue that is rebuilt from
//! the folders knows the same. A manifest that is behind is recorded as such in the transaction that leaves it behind.

use std::error::Error;

use archive_store::failpoints;
use backup_api::{Actor, Annotation, ApiError, Backup, BackupId, CatalogueChange, EnvironmentId};
use database::sqlx::{query, query_as};

use crate::{
    ServiceError, catalogue, environment_service::EnvironmentService, persistence::now_or_later,
    shared::Shared,
};

/// Characters of a note.
const LONGEST_NOTE: usize = 2000;

impl EnvironmentService {
    /// Changes the note or the pin of a backup and gives it as it is then.
    pub(crate) async fn change(
        self,
        actor: Actor,
        id: BackupId,
        annotation: Annotation,
    ) -> Result<Backup, ApiError> {
        let Annotation { note, pinned } = annotation;
        let shared = &self.shared;
        let mut transaction = shared.database.begin().await.map_err(ApiError::internal)?;
        let mut backup = catalogue::find_in(&mut transaction, &self.environment, &id)
            .await?
            .ok_or_else(|| ApiError::no_such_backup(&id))?;
        if let Some(note) = note {
            backup.note = checked_note(&note)?;
        }
        backup.pinned = pinned.unwrap_or(backup.pinned);
        catalogue::replace(&mut transaction, &id, &catalogue::to_json(&backup)?).await?;
        query("INSERT INTO stale_manifests VALUES ($1) ON CONFLICT (backup_id) DO NOTHING")
            .bind(id.as_str())
            .execute(&mut *transaction)
            .await
            .map_err(ApiError::internal)?;
        failpoints::reached("annotation-before-commit");
        transaction.commit().await.map_err(ApiError::internal)?;
        failpoints::reached("annotation-after-commit");
        tracing::info!(
            backup.id = %id,
            actor.name = %actor.name,
            pinned = backup.pinned,
            "a backup was annotated"
        );
        shared
            .operations
            .announce(&self.environment, &id, CatalogueChange::Annotated);
        let whose = id.to_string();
        now_or_later("changing the manifest of a backup", whose, move || {
            let (service, id) = (self.clone(), id.clone());
            async move { write_manifest(&service.shared, &service.environment, &id).await }
        })
        .await;
        Ok(backup)
    }
}

fn checked_note(note: &str) -> Result<Option<String>, ApiError> {
    let note = note.trim();
    if note.chars().count() > LONGEST_NOTE {
        return Err(ApiError::InvalidRequest {
            detail: format!("A note has at most {LONGEST_NOTE} characters. Shorten it."),
        });
    }
    Ok(Some(note.to_owned()).filter(|note| !note.is_empty()))
}

/// Lets `backup.json` say what the catalogue says.
async fn write_manifest(
    shared: &Shared,
    environment: &EnvironmentId,
    id: &BackupId,
) -> Result<(), ServiceError> {
    // Together with reading what to write: of two changes at the same time, the later one is written last.
    let _changing = shared.folders.lock().await;
    let Some(json) = catalogue::find_json(&shared.database, environment, id).await? else {
        return Ok(());
    };
    let manifest = json.as_bytes();
    if !shared.store.replace_manifest(environment, id, manifest).await? {
        tracing::warn!(
            backup.id = %id,
            "the folder of this backup is missing, so its note and pin are in the catalogue only"
        );
    }
    failpoints::reached("annotation-before-record");
    let mut transaction = shared.database.begin().await?;
    // A change that came meanwhile is not written yet.
    query(
        "DELETE FROM stale_manifests WHERE backup_id = $1 \
         AND EXISTS (SELECT 1 FROM backups WHERE id = $1 AND backup = $2)",
    )
    .bind(id.as_str())
    .bind(&json)
    .execute(&mut *transaction)
    .await?;
    Ok(transaction.commit().await?)
}

/// Writes the manifests that a former process left behind the catalogue. One that cannot be written stays recorded and
/// does not keep the service from its work.
pub(crate) async fn catch_up(shared: &Shared) -> Result<(), ServiceError> {
    let stale: Vec<(String, String, String)> = query_as(
        "SELECT id, project, environment FROM backups WHERE id IN (SELECT backup_id FROM stale_manifests)",
    )
    .fetch_all(shared.database.reader())
    .await?;
    for (id, project, environment) in stale {
        let (id, environment) = catalogue::names(&id, &project, &environment)?;
        if let Err(error) = write_manifest(shared, &environment, &id).await {
            tracing::error!(
                backup.id = %id,
                error = &error as &dyn Error,
                "the manifest of a backup could not be changed; the next start will try again"
            );
        }
    }
    Ok(())
}
