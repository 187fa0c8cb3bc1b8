//! An upload that holds its environment, from its first byte to the backup or to nothing.
//!
//! The order is what makes it safe. The archives become durable while the lock is held; the folder people recognise is
//! published; and one last transaction makes the backup exist, gives it its archives, ends the operation and frees the
//! lock. Whatever goes wrong before that commit ends in [`Intake::undo`], and a process that dies before it is cleaned
//! up after at the next start.

use std::sync::atomic::{AtomicBool, Ordering};

use archive_store::{ArchiveOwner, ArchiveWriter, FinishedArchive, StoreError, failpoints};
use backup_api::{
    Actor, ApiError, Backup, BackupId, BackupStatus, BodyError, ByteStream, CreationType, DatabaseArchive,
    Operation, OperationState, Part, PartStream, Phase, Upload, UploadContent, UploadPart, VolumeArchive,
    grouped,
};
use futures_util::StreamExt as _;
use jiff::Timestamp;
use operations::{OperationError, Outcome, RunningOperation};
use tokio::{sync::oneshot, time::timeout};

use crate::{
    catalogue,
    environment_service::EnvironmentService,
    error::{from_operation, from_store},
    ids,
    part_at_rest::PartAtRest,
    persistence::until_done,
};

/// How the backup that comes of an upload is described.
#[derive(Debug, Clone)]
pub(crate) struct Origin {
    pub(crate) creation_type: CreationType,
    pub(crate) created_by: Option<String>,
    /// `None`: now.
    pub(crate) created_at: Option<Timestamp>,
}

impl Origin {
    /// Brought by `actor`, now.
    pub(crate) fn upload_of(actor: &Actor) -> Self {
        Self {
            creation_type: CreationType::Uploaded,
            created_by: Some(actor.name.clone()),
            created_at: None,
        }
    }
}

/// An upload that holds its environment.
#[derive(Debug)]
pub(crate) struct Intake {
    service: EnvironmentService,
    running: RunningOperation,
    id: BackupId,
    origin: Origin,
    /// The folder was not there before, so that whatever is there now is to go with the upload.
    folder_is_ours: AtomicBool,
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
            folder_is_ours: AtomicBool::new(false),
        }
    }

    pub(crate) const fn operation(&self) -> &Operation {
        self.running.operation()
    }

    /// The backup that it is to become.
    pub(crate) const fn id(&self) -> &BackupId {
        &self.id
    }

    /// Bytes that came in so far.
    pub(crate) fn received(&self) -> u64 {
        self.running.progress().bytes()
    }

    /// Takes the archives in and makes the backup exist. `received` is told when nothing is needed of the sender any more.
    pub(crate) async fn run(
        &self,
        upload: Upload,
        received: Option<oneshot::Sender<()>>,
    ) -> Result<Backup, ApiError> {
        let Upload { parts, note, .. } = upload;
        let (database, volume) = self.receive(parts).await?;
        failpoints::reached("backup-archives-there");
        self.begin_publishing().await?;
        if let Some(received) = received {
            // Whoever asked may have hung up.
            let _ = received.send(());
        }
        self.publish(&database, &volume, note).await
    }

    async fn receive(&self, mut parts: PartStream) -> Result<(PartAtRest, PartAtRest), ApiError> {
        let (mut database, mut volume) = (None, None);
        while let Some(next) = self.unless_called_off(self.next_in_time(parts.next())).await? {
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
            let archive = match content {
                UploadContent::Stream(body) => self.store_stream(part, body).await?.into(),
                UploadContent::Stored(stored) => self.stored(part, &stored.id).await?,
                UploadContent::AtService(upload) => {
                    let sentence = format!(
                        "upload {} is said to be at a service that is embedded here",
                        upload.id
                    );
                    return Err(ApiError::internal(sentence));
                }
            };
            self.note_arrival(part, &archive).await?;
            *place = Some(archive);
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
            .begin(owner, part, None)
            .await
            .map_err(|error| from_store(error, part))?;
        // Only the bytes on their way are given up: what has been begun with the file is brought to its end.
        match self
            .unless_called_off(self.copy(part, &mut body, &mut writer))
            .await
        {
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
        loop {
            // What is refused is told at once, also to a sender that is slow.
            let next = tokio::select! {
                biased;
                error = writer.rejected() => return Err(from_store(error, part)),
                next = self.next_in_time(body.next()) => next?,
            };
            let Some(chunk) = next else { return Ok(()) };
            let chunk = chunk?;
            let length = chunk.len() as u64;
            writer
                .write(chunk)
                .await
                .map_err(|error| from_store(error, part))?;
            progress.add(length);
        }
    }

    async fn stored(&self, part: Part, id: &str) -> Result<PartAtRest, ApiError> {
        let found = PartAtRest::find(&self.service, part, id).await?;
        let found = found.ok_or(ApiError::MissingPart(part))?;
        // Usually it was inspected while it came.
        let archive = self
            .unless_called_off(found.inspected(&self.service, part))
            .await?;
        self.running.progress().add(archive.size());
        Ok(archive)
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

    /// Gives up what is under way when somebody calls the upload off.
    async fn unless_called_off<T>(
        &self,
        work: impl Future<Output = Result<T, ApiError>>,
    ) -> Result<T, ApiError> {
        tokio::select! {
            biased;
            cancellation = self.running.cancelled() => Err(ApiError::Cancelled {
                sentence: cancellation.sentence(),
            }),
            done = work => done,
        }
    }

    async fn note_arrival(&self, part: Part, archive: &PartAtRest) -> Result<(), ApiError> {
        let text = format!(
            "The {} arrived: {} bytes, SHA-256 {}.",
            part.title().to_lowercase(),
            grouped(archive.size()),
            hex::encode(archive.sha256())
        );
        self.running.note(&text).await.map_err(ApiError::internal)
    }

    /// The answer to whoever sends an upload that somebody else called off. Who comes later is too late.
    pub(crate) async fn called_off(&self) -> Option<ApiError> {
        let sentence = match self.running.refuse_cancellation() {
            Some(cancellation) => Some(cancellation.sentence()),
            // The lock was broken this very moment: its end is recorded before anybody here is told.
            None => self
                .service
                .shared
                .operations
                .find(&self.running.operation().id)
                .await
                .ok()
                .flatten()
                .filter(|operation| operation.state == OperationState::Cancelled)
                .and_then(|operation| operation.failure),
        };
        sentence.map(|sentence| ApiError::Cancelled { sentence })
    }

    async fn begin_publishing(&self) -> Result<(), ApiError> {
        // Before the phase says that there may be a folder to clean up: the next start believes it.
        if self.service.has_folder(&self.id).await? {
            return Err(self.folder_appeared());
        }
        let advanced = self.running.advance(Phase::Publishing).await;
        advanced.map_err(from_operation)
    }

    /// There was none when the id was chosen. It may be the only copy of a backup that the catalogue has lost.
    fn folder_appeared(&self) -> ApiError {
        ApiError::Unavailable {
            reason: format!(
                "A folder named {} appeared among the backups while this upload came in, and is left alone. Nothing \
                 of the upload was kept; send it again.",
                self.id
            ),
        }
    }

    async fn publish(
        &self,
        database: &PartAtRest,
        volume: &PartAtRest,
        note: Option<String>,
    ) -> Result<Backup, ApiError> {
        let shared = &self.service.shared;
        failpoints::reached("backup-before-folder");
        // The minute may have been taken by the backup before; an id never names a minute that has not come.
        self.unless_called_off(async {
            shared.clock.wait_until(self.id.minute().start()).await;
            Ok(())
        })
        .await?;

        let backup = self.describe(database, volume, note);
        let json = catalogue::to_json(&backup)?;
        let halves = [database.file(Part::Database), volume.file(Part::Volume)];
        self.folder_is_ours.store(true, Ordering::Relaxed);
        shared
            .store
            .publish_backup_folder(&self.service.environment, &self.id, halves, json.as_bytes())
            .await
            .map_err(|error| match error {
                StoreError::BackupFolderExists => {
                    self.folder_is_ours.store(false, Ordering::Relaxed);
                    self.folder_appeared()
                }
                other => from_store(other, Part::Database),
            })?;

        failpoints::reached("backup-before-transaction");
        let mut transaction = shared.database.begin().await.map_err(ApiError::internal)?;
        catalogue::insert(&mut transaction, &backup, &json, database, volume).await?;
        for half in [database, volume] {
            half.adopt(&self.service, &mut transaction, &self.id).await?;
        }
        self.running
            .note_in(&mut transaction, &format!("The backup is {}.", self.id))
            .await
            .map_err(ApiError::internal)?;
        // Refused where the lock was broken meanwhile, and with it all of the above.
        self.running
            .finish(&mut transaction, &Outcome::Succeeded)
            .await
            .map_err(ApiError::internal)?;
        failpoints::reached("backup-before-commit");
        transaction.commit().await.map_err(ApiError::internal)?;
        failpoints::reached("backup-after-commit");
        Ok(backup)
    }

    fn describe(&self, database: &PartAtRest, volume: &PartAtRest, note: Option<String>) -> Backup {
        let environment = &self.service.environment;
        let minute = self.id.minute();
        let started_at = self
            .origin
            .created_at
            .unwrap_or(self.running.operation().started_at);
        let backup = Backup {
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
                summary: None,
                expanded_bytes: None,
                facts: None,
            },
            volume: VolumeArchive {
                file_name: Part::Volume.download_name(environment, minute),
                size: volume.size(),
                sha256: hex::encode(volume.sha256()),
                files: None,
                summary: None,
                expanded_bytes: None,
                facts: None,
            },
            findings: Vec::new(),
            verification: None,
        };
        volume.describe(Part::Volume, database.describe(Part::Database, backup))
    }

    /// Leaves nothing of an upload but the record that it failed or was cancelled. Tries until it is done: the disk may
    /// be full, and a lock that stays would stop everybody.
    pub(crate) async fn undo(&self, error: &ApiError) {
        let outcome = match (error, self.running.cancellation()) {
            (ApiError::Cancelled { .. }, Some(cancellation)) => Outcome::Cancelled(cancellation),
            _ => Outcome::Failed(backup_api::Problem::from(error).detail),
        };
        let operation = self.running.operation().id.as_str();
        until_done("cleaning up after an upload", operation, || {
            self.try_undo(&outcome)
        })
        .await;
    }

    async fn try_undo(&self, outcome: &Outcome) -> Result<(), ApiError> {
        let shared = &self.service.shared;
        let operation = &self.running.operation().id;
        // A commit that reported an error may still have happened; then everything is as it should be.
        let recorded = shared
            .operations
            .find(operation)
            .await
            .map_err(ApiError::internal)?;
        if recorded.is_some_and(|operation| operation.state == OperationState::Succeeded) {
            return Ok(());
        }
        // A folder that was there already may be the only copy of a backup that the catalogue has lost.
        if self.folder_is_ours.load(Ordering::Relaxed) {
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
        // Last: until its minute is free, no later upload gets this id, and the folder removed above is no other's.
        ids::release(&mut transaction, operation).await?;
        match self.running.finish(&mut transaction, outcome).await {
            // Whoever broke the lock has ended it; what it left behind is gone now.
            Ok(()) | Err(OperationError::NotRunning { .. }) => {}
            Err(error) => return Err(ApiError::internal(error)),
        }
        transaction.commit().await.map_err(ApiError::internal)
    }
}
