//! `backup.json` beside the archives, as far as it changes after a backup stands.
//!
//! The catalogue is what counts; the manifest follows it, so that a catalogue that is rebuilt from the folders knows the
//! same. A manifest that is behind is recorded as such in the transaction that leaves it behind.

use std::error::Error;

use archive_store::failpoints;
use backup_api::{BackupId, EnvironmentId};
use database::sqlx::{SqliteConnection, query, query_as};

use crate::{
    ServiceError, catalogue, environment_service::EnvironmentService, persistence::now_or_later,
    shared::Shared,
};

/// Records that the manifest of a backup is behind from the end of the transaction on.
pub(crate) async fn leave_behind(
    transaction: &mut SqliteConnection,
    id: &BackupId,
) -> Result<(), ServiceError> {
    query("INSERT INTO stale_manifests VALUES ($1) ON CONFLICT (backup_id) DO NOTHING")
        .bind(id.as_str())
        .execute(transaction)
        .await?;
    Ok(())
}

impl EnvironmentService {
    /// Lets the manifest of a backup say what the catalogue says. Where that fails, it goes on in the background.
    pub(crate) async fn write_manifest(self, id: &BackupId) {
        let (whose, id) = (id.to_string(), id.clone());
        now_or_later("changing the manifest of a backup", whose, move || {
            let (service, id) = (self.clone(), id.clone());
            async move { write(&service.shared, &service.environment, &id).await }
        })
        .await;
    }
}

async fn write(shared: &Shared, environment: &EnvironmentId, id: &BackupId) -> Result<(), ServiceError> {
    // Together with reading what to write: of two changes at the same time, the later one is written last.
    let _changing = shared.folders.lock().await;
    let Some(json) = catalogue::find_json(&shared.database, environment, id).await? else {
        return Ok(());
    };
    let manifest = json.as_bytes();
    if !shared.store.replace_manifest(environment, id, manifest).await? {
        tracing::warn!(
            backup.id = %id,
            "the folder of this backup is missing, so what changed about it is in the catalogue only"
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
        if let Err(error) = write(shared, &environment, &id).await {
            tracing::error!(
                backup.id = %id,
                error = &error as &dyn Error,
                "the manifest of a backup could not be changed; the next start will try again"
            );
        }
    }
    Ok(())
}
