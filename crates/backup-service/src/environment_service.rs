//! [`BackupApi`] in process: the service of one environment.

use std::sync::{Arc, atomic::AtomicU64};

use archive_store::FinishedArchive;
use backup_api::{
    Activity, ActivityKind, Actor, Annotation, ApiError, ApiFuture, ArchiveDescription, Backup, BackupApi,
    BackupId, BackupList, ByteRange, ByteStream, Capabilities, Capability, DumpFacts, EnvironmentId,
    EnvironmentUid, EventId, EventStream, History, HistoryQuery, ListQuery, LogLine, Operation, OperationId,
    Part, Upload,
};

use member_store::Members;

use crate::{catalogue, history, shared::Shared, verification::Verifications};

const CREATE_MISSING: &str = "This service does not make backups yet. Upload one instead.";
const RESTORE_MISSING: &str =
    "This service does not restore backups yet. Download both files and load them by hand.";

/// The service of one environment; clones share everything.
#[derive(Debug, Clone)]
pub(crate) struct EnvironmentService {
    pub(crate) shared: Arc<Shared>,
    pub(crate) environment: EnvironmentId,
    pub(crate) uid: EnvironmentUid,
    /// Its document libraries that are made of members.
    pub(crate) members: Members,
    /// Bytes handed to downloads.
    pub(crate) sent: Arc<AtomicU64>,
    pub(crate) verifications: Arc<Verifications>,
}

impl EnvironmentService {
    pub(crate) fn new(
        shared: Arc<Shared>,
        environment: EnvironmentId,
        uid: EnvironmentUid,
        members: Members,
    ) -> Self {
        Self {
            shared,
            environment,
            uid,
            members,
            sent: Arc::default(),
            verifications: Arc::default(),
        }
    }

    /// Tells that something happened here.
    pub(crate) fn tell(&self, activity: Activity) {
        self.shared.activities.record(activity.within(&self.environment));
    }

    pub(crate) async fn require(&self, id: &BackupId) -> Result<Backup, ApiError> {
        catalogue::find(&self.shared.database, &self.environment, id)
            .await?
            .ok_or_else(|| ApiError::no_such_backup(id))
    }

    /// The statements that mend names in the database of a backup.
    async fn rename_script(&self, id: &BackupId) -> Result<Option<String>, ApiError> {
        let Shared { database, store, .. } = &*self.shared;
        let archive = catalogue::find_archive(database, &self.environment, id, Part::Database)
            .await?
            .ok_or_else(|| ApiError::no_such_backup(id))?;
        let archive = archive.parse().map_err(ApiError::internal)?;
        let archive = store.finished(&archive).await.map_err(ApiError::internal)?;
        let report = archive.as_ref().and_then(FinishedArchive::report);
        let dump = report.and_then(|report| report.dump.as_ref());
        Ok(dump.and_then(DumpFacts::rename_script))
    }

    /// The operation that holds this environment, if one does.
    pub(crate) async fn current(&self) -> Result<Option<Operation>, ApiError> {
        let current = self.shared.operations.current(&self.environment).await;
        current.map_err(ApiError::internal)
    }

    async fn refuse_while_held(&self) -> Result<(), ApiError> {
        match self.current().await? {
            Some(operation) => Err(ApiError::OperationInProgress(Box::new(operation))),
            None => Ok(()),
        }
    }

    /// What cannot be done yet still tells about the lock first, so that callers learn one order of refusals.
    async fn refuse<T>(&self, reason: &str) -> Result<T, ApiError> {
        self.refuse_while_held().await?;
        Err(ApiError::NotAvailable {
            reason: reason.to_owned(),
        })
    }
}

impl BackupApi for EnvironmentService {
    fn environment(&self) -> &EnvironmentId {
        &self.environment
    }

    fn capabilities<'a>(&'a self, _actor: &'a Actor) -> ApiFuture<'a, Capabilities> {
        Box::pin(async {
            Ok(Capabilities {
                download: Capability::available(),
                upload: Capability::available(),
                create: Capability::missing(CREATE_MISSING),
                restore: Capability::missing(RESTORE_MISSING),
                delete: Capability::available(),
                files: Capability::available(),
            })
        })
    }

    fn list<'a>(&'a self, _actor: &'a Actor, query: ListQuery) -> ApiFuture<'a, BackupList> {
        Box::pin(async move {
            let running = self.verifications.now();
            let mut backups = catalogue::list(&self.shared.database, &self.environment, &query).await?;
            for backup in &mut backups {
                running.show(backup);
            }
            Ok(BackupList { backups })
        })
    }

    fn history<'a>(&'a self, _actor: &'a Actor, query: HistoryQuery) -> ApiFuture<'a, History> {
        Box::pin(async move {
            let Shared {
                database, operations, ..
            } = &*self.shared;
            let running = self.verifications.now();
            let mut history = history::page(database, operations, &self.environment, &query).await?;
            running.show_in(&mut history);
            Ok(history)
        })
    }

    fn find<'a>(&'a self, _actor: &'a Actor, id: &'a BackupId) -> ApiFuture<'a, Backup> {
        Box::pin(async move {
            let running = self.verifications.now();
            let mut backup = self.require(id).await?;
            running.show(&mut backup);
            Ok(backup)
        })
    }

    fn current_operation<'a>(&'a self, _actor: &'a Actor) -> ApiFuture<'a, Option<Operation>> {
        Box::pin(self.current())
    }

    fn upload<'a>(&'a self, actor: &'a Actor, upload: Upload) -> ApiFuture<'a, Backup> {
        let (service, actor) = (self.clone(), actor.clone());
        detached(async move { service.take_in(actor, upload).await })
    }

    fn describe<'a>(
        &'a self,
        _actor: &'a Actor,
        id: &'a BackupId,
        part: Part,
    ) -> ApiFuture<'a, ArchiveDescription> {
        Box::pin(async move {
            let backup = self.require(id).await?;
            let mut sha256 = [0; 32];
            hex::decode_to_slice(backup.part_sha256(part), &mut sha256).map_err(ApiError::internal)?;
            Ok(ArchiveDescription {
                file_name: backup.part_file_name(part).to_owned(),
                size: backup.part_size(part),
                sha256: Some(sha256),
            })
        })
    }

    fn download<'a>(
        &'a self,
        actor: &'a Actor,
        id: &'a BackupId,
        part: Part,
        range: ByteRange,
    ) -> ApiFuture<'a, ByteStream> {
        Box::pin(self.hand_out(actor, id, part, range))
    }

    fn create<'a>(&'a self, actor: &'a Actor) -> ApiFuture<'a, Operation> {
        Box::pin(async move {
            let result = self.refuse(CREATE_MISSING).await;
            self.tell(Activity::by(actor, ActivityKind::Create).with_result(&result));
            result
        })
    }

    fn restore<'a>(&'a self, actor: &'a Actor, id: &'a BackupId) -> ApiFuture<'a, Operation> {
        Box::pin(async move {
            let result = self.refuse(RESTORE_MISSING).await;
            let activity = Activity::by(actor, ActivityKind::Restore).about(id.as_str());
            self.tell(activity.with_result(&result));
            result
        })
    }

    fn delete<'a>(&'a self, actor: &'a Actor, id: &'a BackupId) -> ApiFuture<'a, ()> {
        let activity = Activity::by(actor, ActivityKind::Delete).about(id.as_str());
        let (service, actor, id) = (self.clone(), actor.clone(), id.clone());
        detached(async move {
            let result = service.clone().remove(actor, id).await;
            service.tell(activity.with_result(&result));
            result
        })
    }

    fn begin_upload<'a>(&'a self, actor: &'a Actor, upload: Upload) -> ApiFuture<'a, Operation> {
        let (service, actor) = (self.clone(), actor.clone());
        detached(async move { service.begin_taking_in(actor, upload).await })
    }

    fn annotate<'a>(
        &'a self,
        actor: &'a Actor,
        id: &'a BackupId,
        annotation: Annotation,
    ) -> ApiFuture<'a, Backup> {
        let activity = Activity::by(actor, ActivityKind::Annotate).about(id.as_str());
        let (service, actor, id) = (self.clone(), actor.clone(), id.clone());
        detached(async move {
            let running = service.verifications.now();
            let mut result = service.clone().change(actor, id, annotation).await;
            service.tell(activity.with_result(&result));
            if let Ok(backup) = &mut result {
                running.show(backup);
            }
            result
        })
    }

    fn verify<'a>(&'a self, actor: &'a Actor, id: &'a BackupId) -> ApiFuture<'a, Backup> {
        let (service, actor, id) = (self.clone(), actor.clone(), id.clone());
        detached(async move {
            let result = service.begin_verification(&actor, &id).await;
            // What began tells of itself.
            if let Err(error) = &result {
                let activity = Activity::by(&actor, ActivityKind::Verify).about(id.as_str());
                service.tell(activity.ended_with(error));
            }
            result
        })
    }

    fn renames<'a>(&'a self, _actor: &'a Actor, id: &'a BackupId) -> ApiFuture<'a, Option<String>> {
        Box::pin(self.rename_script(id))
    }

    fn operations<'a>(&'a self, _actor: &'a Actor, limit: u32) -> ApiFuture<'a, Vec<Operation>> {
        Box::pin(self.list_operations(limit))
    }

    fn operation<'a>(&'a self, _actor: &'a Actor, id: &'a OperationId) -> ApiFuture<'a, Operation> {
        Box::pin(self.require_operation(id))
    }

    fn operation_log<'a>(&'a self, _actor: &'a Actor, id: &'a OperationId) -> ApiFuture<'a, Vec<LogLine>> {
        Box::pin(self.log_of(id))
    }

    fn cancel<'a>(&'a self, actor: &'a Actor, id: &'a OperationId) -> ApiFuture<'a, ()> {
        Box::pin(async move {
            let result = self.call_off(actor, id).await;
            let activity = Activity::by(actor, ActivityKind::Cancel).about(id.as_str());
            self.tell(activity.with_result(&result));
            result
        })
    }

    fn break_lock<'a>(&'a self, actor: &'a Actor, id: &'a OperationId, reason: String) -> ApiFuture<'a, ()> {
        let activity = Activity::by(actor, ActivityKind::BreakLock).about(id.as_str());
        let (service, actor, id) = (self.clone(), actor.clone(), id.clone());
        detached(async move {
            let result = service.take_lock_from(&actor, &id, &reason).await;
            service.tell(activity.with_result(&result));
            result
        })
    }

    fn events<'a>(&'a self, _actor: &'a Actor, after: Option<EventId>) -> ApiFuture<'a, EventStream> {
        Box::pin(self.listen(after))
    }
}

/// In a task of its own from the first step: whoever hangs up changes nothing about how it ends.
fn detached<'a, T: Send + 'static>(
    work: impl Future<Output = Result<T, ApiError>> + Send + 'static,
) -> ApiFuture<'a, T> {
    let task = tokio::spawn(work);
    Box::pin(async move { task.await.map_err(ApiError::internal)? })
}
