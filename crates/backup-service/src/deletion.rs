//! A backup that goes, and stays gone.
//!
//! One transaction takes it out of the catalogue and records that its files have to go; then go the folder, the
//! archives and the record, in this order. A process that dies in between is finished at the next start. What somebody is
//! reading does not go.

use std::error::Error;

use archive_store::{ArchiveOwner, failpoints};
use backup_api::{Actor, ApiError, BackupId, CatalogueChange, EnvironmentId};
use database::sqlx::{query, query_as};
use jiff::Timestamp;

use crate::{
    ServiceError, catalogue, environment_service::EnvironmentService, ids, persistence::now_or_later,
    shared::Shared,
};

impl EnvironmentService {
    /// Removes a backup. When this comes back, it is gone for everybody, whatever becomes of the process.
    pub(crate) async fn remove(self, actor: Actor, id: BackupId) -> Result<(), ApiError> {
        let shared = &self.shared;
        let mut transaction = shared.database.begin().await.map_err(ApiError::internal)?;
        let holder = shared
            .operations
            .holder(&mut transaction, &self.environment)
            .await;
        if let Some(holder) = holder.map_err(ApiError::internal)? {
            return Err(ApiError::OperationInProgress(Box::new(holder)));
        }
        let backup = catalogue::find_in(&mut transaction, &self.environment, &id)
            .await?
            .ok_or_else(|| ApiError::no_such_backup(&id))?;
        if backup.pinned {
            return Err(ApiError::Pinned { id });
        }
        // Held until the commit: who comes after this look to read it finds nothing.
        let uses = shared.uses.lock().await;
        if let Some(sentence) = uses.sentence(&self.environment, &id, shared.clock.now()) {
            return Err(ApiError::InUse { id, sentence });
        }
        catalogue::remove(&mut transaction, &backup).await?;
        ids::keep(&mut transaction, &self.environment, &id).await?;
        query("INSERT INTO deletions VALUES ($1, $2, $3, $4, $5)")
            .bind(id.as_str())
            .bind(self.environment.project.as_str())
            .bind(self.environment.environment.as_str())
            .bind(&actor.name)
            .bind(Timestamp::now().as_microsecond())
            .execute(&mut *transaction)
            .await
            .map_err(ApiError::internal)?;
        failpoints::reached("deletion-before-commit");
        transaction.commit().await.map_err(ApiError::internal)?;
        failpoints::reached("deletion-after-commit");
        drop(uses);
        tracing::info!(
            backup.id = %id,
            actor.name = %actor.name,
            size_bytes = backup.size,
            "a backup was deleted"
        );
        shared
            .operations
            .announce(&self.environment, &id, CatalogueChange::Deleted);
        let whose = id.to_string();
        now_or_later("removing the files of a deleted backup", whose, move || {
            let (service, id) = (self.clone(), id.clone());
            async move { finish(&service.shared, &service.environment, &id).await }
        })
        .await;
        Ok(())
    }
}

/// Removes what is left of the files of a deleted backup, then the record that they have to go.
async fn finish(shared: &Shared, environment: &EnvironmentId, id: &BackupId) -> Result<(), ServiceError> {
    {
        let _changing = shared.folders.lock().await;
        shared.store.remove_backup_folder(environment, id).await?;
    }
    failpoints::reached("deletion-after-folder");
    let archives = ArchiveOwner::Backup(id.clone());
    shared.store.discard_all_of(&archives).await?;
    shared
        .members
        .environment(environment)
        .await?
        .discard_of(id)
        .await?;
    failpoints::reached("deletion-before-record");
    let mut transaction = shared.database.begin().await?;
    query("DELETE FROM deletions WHERE backup_id = $1")
        .bind(id.as_str())
        .execute(&mut *transaction)
        .await?;
    Ok(transaction.commit().await?)
}

/// Finishes what a former process left. What cannot be removed stays recorded and does not keep the service from its
/// work.
pub(crate) async fn finish_all(shared: &Shared) -> Result<(), ServiceError> {
    let unfinished: Vec<(String, String, String)> =
        query_as("SELECT backup_id, project, environment FROM deletions")
            .fetch_all(shared.database.reader())
            .await?;
    for (id, project, environment) in unfinished {
        let (id, environment) = catalogue::names(&id, &project, &environment)?;
        match finish(shared, &environment, &id).await {
            Ok(()) => tracing::info!(backup.id = %id, "finished the deletion of a backup"),
            Err(error) => tracing::error!(
                backup.id = %id,
                error = &error as &dyn Error,
                "the files of a deleted backup could not be removed; the next start will try again"
            ),
        }
    }
    Ok(())
}
