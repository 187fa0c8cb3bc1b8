//! What people write about a backup that stands.

use archive_store::failpoints;
use backup_api::{Actor, Annotation, ApiError, Backup, BackupId, CatalogueChange};

use crate::{catalogue, environment_service::EnvironmentService, manifests};

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
        catalogue::replace(&mut transaction, &backup).await?;
        manifests::leave_behind(&mut transaction, &id).await?;
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
        self.write_manifest(&id).await;
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
