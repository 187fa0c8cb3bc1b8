//! An upload that holds its environment, from its first byte to the backup or to nothing.
//!
//! The order is what makes it safe. The archives become durable while the lock is held; the folder people recognise is
//! published; and one last transaction makes the backup exist, gives it its archives, ends the operation and frees the
//! lock. Whatever goes wrong before that commit ends in [`Intake::undo`], and a process that dies before it is cleaned
//! up after at the next start.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use archive_store::{ArchiveOwner, ArchiveWriter, FinishedArchive, StoreError, failpoints};
use backup_api::{
    ApiError, Backup, BackupId, BackupStatus, BodyError, ByteStream, CreationType, DatabaseArchive,
    Operation, Part, PartStream, Phase, Upload, UploadContent, UploadPart, VolumeArchive,
};
use futures_util::StreamExt as _;
use jiff::Timestamp;
use operations::{Outcome, RunningOperation};
use tokio::time::timeout;

use crate::{catalogue, environment_service::EnvironmentService, error::from_store, ids};

const FIRST_RETRY: Duration = Duration::from_millis(500);
const LONGEST_RETRY: Duration = Duration::from_secs(30);

/// How the backup that comes of an upload is described.
#[derive(Debug, Clone)]
pub(crate) struct Origin {
    pub(crate) creation_type: CreationType,
    pub(crate) created_by: Option<String>,
    /// `None`: now.
    pub(crate) created_at: Option<Timestamp>,
}

/// An upload that holds its environment.
#[derive(Debug)]
pub(crate) struct Intake {
    service: EnvironmentService,
    running: RunningOperation,
    id: BackupId,
    origin: Origin,
    /// The folder was there before and is not to be touched.
    folder_is_foreign: AtomicBool,
}

impl Intake {
    pub(crate) fn new(
        service: EnvironmentService,
        running: RunningOperation,
        id: BackupId,
        origin: Origin,
    ) -> Self {
        Self {
            service,
            running,
            id,
            origin,
            folder_is_foreign: AtomicBool::new(false),
        }
    }

    pub(crate) const fn operation(&self) -> &Operation {
        self.running.operation()
    }

    /// Takes the archives in and makes the backup exist.
    pub(crate) async fn run(&self, upload: Upload) -> Result<Backup, ApiError> {
        let Upload { parts, note, .. } = upload;
        let (database, volume) = self.receive(parts).await?;
        failpoints::reached("backup-archives-there");
        self.publish(&database, &volume, note).await
    }

    async fn receive(&self, mut parts: PartStream) -> Result<(FinishedArchive, FinishedArchive), ApiError> {
        let (mut database, mut volume) = (None, None);
        while let Some(next) = self.next_in_time(parts.next()).await? {
            let UploadPart { part, content } = next?;
            let place = match part {
                Part::Database => &mut database,
                Part::Volume => &mut volume,
            };
            if place.is_some() {
                return Err(ApiError::InvalidRequest {
                    detail: format!("The part `{part}` came twice. Send each file once."),
                });
            }
            *place = Some(match content {
                UploadContent::Stream(body) => self.store_stream(part, body).await?,
                UploadContent::Stored(stored) => self.stored(part, &stored.id).await?,
            });
        }
        Ok((
            database.ok_or(ApiError::MissingPart(Part::Database))?,
            volume.ok_or(ApiError::MissingPart(Part::Volume))?,
        ))
    }

    async fn store_stream(&self, part: Part, mut body: ByteStream) -> Result<FinishedArchive, ApiError> {
        let owner = ArchiveOwner::Operation(self.running.operation().id.clone());
        let store = &self.service.shared.store;
        let mut writer = store
            .begin(owner, None)
            .await
            .map_err(|error| from_store(error, part))?;
        match self.copy(part, &mut body, &mut writer).await {
            Ok(()) => writer.finish().await.map_err(|error| from_store(error, part)),
            Err(error) => {
                writer.discard().await;
                Err(error)
            }
        }
    }

    async fn copy(
        &self,
        part: Part,
        body: &mut ByteStream,
        writer: &mut ArchiveWriter,
    ) -> Result<(), ApiError> {
        let progress = self.running.progress();
        while let Some(chunk) = self.next_in_time(body.next()).await? {
            let chunk = chunk?;
            let length = chunk.len() as u64;
            writer
                .write(chunk)
                .await
                .map_err(|error| from_store(error, part))?;
            progress.add(length);
        }
        Ok(())
    }

    async fn stored(&self, part: Part, id: &str) -> Result<FinishedArchive, ApiError> {
        let missing = || ApiError::MissingPart(part);
        let id = id.parse().map_err(|_| missing())?;
        let finished = self.service.shared.store.finished(&id).await;
        finished
            .map_err(|error| from_store(error, part))?
            .ok_or_else(missing)
    }

    /// A sender that sends nothing loses the lock, so that a dead connection cannot keep an environment.
    async fn next_in_time<T>(&self, next: impl Future<Output = T>) -> Result<T, ApiError> {
        let limit = self.service.shared.upload_idle_timeout;
        timeout(limit, next).await.map_err(|_| {
            BodyError::Idle {
                seconds: limit.as_secs(),
            }
            .into()
        })
    }

    async fn publish(
        &self,
        database: &FinishedArchive,
        volume: &FinishedArchive,
        note: Option<String>,
    ) -> Result<Backup, ApiError> {
        let shared = &self.service.shared;
        self.running
            .advance(Phase::Publishing)
            .await
            .map_err(ApiError::internal)?;
        failpoints::reached("backup-before-folder");
        // The minute may have been taken by the backup before; an id never names a minute that has not come.
        shared.clock.wait_until(self.id.minute().start()).await;

        let backup = self.describe(database, volume, note);
        let json = serde_json::to_string_pretty(&backup).map_err(ApiError::internal)?;
        let archives = [(database, Part::Database), (volume, Part::Volume)];
        let folder = shared
            .store
            .publish_backup_folder(&self.service.environment, &self.id, archives, json.as_bytes())
            .await;
        if let Err(error) = folder {
            let is_foreign = matches!(error, StoreError::BackupFolderExists);
            self.folder_is_foreign.store(is_foreign, Ordering::Relaxed);
            return Err(from_store(error, Part::Database));
        }

        failpoints::reached("backup-before-transaction");
        let owner = ArchiveOwner::Backup(self.id.clone());
        let mut transaction = shared.database.begin().await.map_err(ApiError::internal)?;
        catalogue::insert(&mut transaction, &backup, &json, database, volume).await?;
        for archive in [database, volume] {
            shared
                .store
                .adopt(&mut transaction, archive, &owner)
                .await
                .map_err(ApiError::internal)?;
        }
        self.running
            .finish(&mut transaction, &Outcome::Succeeded)
            .await
            .map_err(ApiError::internal)?;
        failpoints::reached("backup-before-commit");
        transaction.commit().await.map_err(ApiError::internal)?;
        failpoints::reached("backup-after-commit");
        Ok(backup)
    }

    fn describe(&self, database: &FinishedArchive, volume: &FinishedArchive, note: Option<String>) -> Backup {
        let environment = &self.service.environment;
        let minute = self.id.minute();
        let started_at = self
            .origin
            .created_at
            .unwrap_or(self.running.operation().started_at);
        Backup {
            backup_id: self.id.clone(),
            project: environment.project.clone(),
            environment: environment.environment.clone(),
            creation_type: self.origin.creation_type,
            status: BackupStatus::Success,
            created_at: started_at.max(minute.start()),
            created_by: self.origin.created_by.clone(),
            service_version: self.service.shared.version.clone(),
            size: database.size() + volume.size(),
            note,
            pinned: false,
            expires_at: None,
            database: DatabaseArchive {
                file_name: Part::Database.download_name(environment, minute),
                size: database.size(),
                sha256: hex::encode(database.sha256()),
                engine: None,
            },
            volume: VolumeArchive {
                file_name: Part::Volume.download_name(environment, minute),
                size: volume.size(),
                sha256: hex::encode(volume.sha256()),
                files: None,
            },
            findings: Vec::new(),
        }
    }

    /// Leaves nothing of an upload but the record that it failed. Tries until it is done: the disk may be full, and
    /// a lock that stays would stop everybody.
    pub(crate) async fn undo(&self, error: &ApiError) {
        let failure = backup_api::Problem::from(error).detail;
        let mut pause = FIRST_RETRY;
        while let Err(error) = self.try_undo(&failure).await {
            tracing::error!(
                operation.id = %self.running.operation().id,
                error = %error,
                retry_after_ms = pause.as_millis(),
                "cleaning up after an upload failed and will be tried again"
            );
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_RETRY);
        }
    }

    async fn try_undo(&self, failure: &str) -> Result<(), ApiError> {
        let shared = &self.service.shared;
        let operation = &self.running.operation().id;
        // A commit that reported an error may still have happened; then everything is as it should be.
        let recorded = shared
            .operations
            .find(operation)
            .await
            .map_err(ApiError::internal)?;
        if recorded.is_some_and(|operation| operation.state.is_final()) {
            return Ok(());
        }
        // A folder that was there already may be the only copy of a backup that the catalogue has lost.
        if !self.folder_is_foreign.load(Ordering::Relaxed) {
            shared
                .store
                .remove_backup_folder(&self.service.environment, &self.id)
                .await
                .map_err(ApiError::internal)?;
        }
        let owner = ArchiveOwner::Operation(operation.clone());
        shared
            .store
            .discard_all_of(&owner)
            .await
            .map_err(ApiError::internal)?;
        let mut transaction = shared.database.begin().await.map_err(ApiError::internal)?;
        ids::release(&mut transaction, operation).await?;
        let outcome = Outcome::Failed(failure.to_owned());
        self.running
            .finish(&mut transaction, &outcome)
            .await
            .map_err(ApiError::internal)?;
        transaction.commit().await.map_err(ApiError::internal)
    }
}
