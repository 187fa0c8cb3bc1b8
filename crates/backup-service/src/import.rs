//! Backups that were made at another time, such as samples or those of another service.

use backup_api::{Actor, ApiError, Backup, CreationType, EnvironmentId, Upload};
use jiff::Timestamp;

use crate::{BackupService, intake::Origin};

/// What is known about a backup that was made elsewhere or before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportedBackup {
    /// When it was made; its id carries this minute, or the first free one after it.
    pub created_at: Timestamp,
    /// How it came to be.
    pub creation_type: CreationType,
    /// Who made it, as people read it.
    pub created_by: Option<String>,
}

impl BackupService {
    /// Takes in a backup that was made at another time, under the same lock and rules as any upload.
    pub async fn import(
        &self,
        environment: &EnvironmentId,
        actor: Actor,
        imported: ImportedBackup,
        upload: Upload,
    ) -> Result<Backup, ApiError> {
        let service = self.embedded(environment).ok_or_else(|| ApiError::NotAvailable {
            reason: format!("This service keeps no backups of {environment}."),
        })?;
        let origin = Origin {
            creation_type: imported.creation_type,
            created_by: imported.created_by,
            created_at: Some(imported.created_at),
        };
        service.as_ref().clone().take_in_as(actor, upload, origin).await
    }
}
