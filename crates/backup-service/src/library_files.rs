//! Document libraries file by file: what clients may do with the members of an environment.

use std::{sync::Arc, time::Duration};

use backup_api::{
    Activity, ActivityKind, Actor, ApiError, ArchiveDescription, BackupApi as _, BackupId, ByteStream,
    Delivery, Part, library::ContentHash,
};
use member_store::{FinishedLibrary, MemberError, Members};

use crate::{catalogue, environment_service::EnvironmentService, error::from_members, part_at_rest};

/// The document libraries of one environment, file by file. Clones share it.
#[derive(Debug, Clone)]
pub struct LibraryFiles {
    service: Arc<EnvironmentService>,
}

impl LibraryFiles {
    pub(crate) const fn new(service: Arc<EnvironmentService>) -> Self {
        Self { service }
    }

    /// Where contents and libraries go.
    pub(crate) fn members(&self) -> &Members {
        &self.service.members
    }

    /// How long a sender may send nothing.
    pub(crate) fn idle_timeout(&self) -> Duration {
        self.service.shared.upload_idle_timeout
    }

    /// The entries of a backup's document library with their places, one JSON object a line; and the archive that those
    /// are places in.
    pub(crate) async fn entries(
        &self,
        actor: &Actor,
        id: &BackupId,
    ) -> Result<(ArchiveDescription, ByteStream), ApiError> {
        let service = &self.service;
        let reference = service.begin_use(actor, id, "listing its files").await;
        let library = self.library(id).await?;
        let archive = service.describe(actor, id, Part::Volume).await?;
        let lines = service.members.list(library.id()).await.map_err(from_members)?;
        service.tell(Activity::by(actor, ActivityKind::Download).about(format!("{id}/files")));
        Ok((archive, service.held(lines, reference)))
    }

    /// What is in the files of a backup's document library that have this SHA-256, and how many bytes that is.
    pub(crate) async fn content(
        &self,
        actor: &Actor,
        id: &BackupId,
        content: ContentHash,
    ) -> Result<Option<(u64, ByteStream)>, ApiError> {
        let service = &self.service;
        let reference = service.begin_use(actor, id, "downloading a file of it").await;
        let library = self.library(id).await?;
        let (size, bytes) = match service.members.content(library.id(), content).await {
            Ok(found) => found,
            Err(MemberError::NoSuchContent) => return Ok(None),
            Err(error) => return Err(from_members(error)),
        };
        let activity = Activity::by(actor, ActivityKind::Download)
            .within(&service.environment)
            .about(format!("{id}/{content}"));
        let bytes = service.held(bytes, reference);
        let sink = service.shared.activities.clone();
        Ok(Some((size, Delivery::begin(bytes, size, activity, sink))))
    }

    async fn library(&self, id: &BackupId) -> Result<FinishedLibrary, ApiError> {
        let service = &self.service;
        let volume =
            catalogue::find_archive(&service.shared.database, &service.environment, id, Part::Volume)
                .await?
                .ok_or_else(|| ApiError::no_such_backup(id))?;
        part_at_rest::library(service, &volume)
            .await?
            .ok_or_else(|| ApiError::NotAvailable {
                reason:
                    "The document library of this backup came as an archive and is not kept file by file. \
                         Download it as volume.tgz."
                        .to_owned(),
            })
    }
}
