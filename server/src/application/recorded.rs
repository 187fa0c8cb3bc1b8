//! A service elsewhere whose work is recorded here: it keeps records of its own, where nobody of this console looks.
//!
//! The same is told as services of this process tell, in the same words. What only looks is passed on.

use std::{fmt, sync::Arc};

use backup_api::{
    Activity, ActivityKind, ActivityOutcome, ActivitySink, Actor, Annotation, ApiError, ApiFuture,
    ArchiveDescription, Backup, BackupApi, BackupId, BackupList, ByteRange, ByteStream, Capabilities,
    Delivery, EnvironmentId, EventId, EventStream, History, HistoryQuery, ListQuery, LogLine, Operation,
    OperationId, Part, Upload,
};

/// The service, and what is told who did what there.
#[derive(Clone)]
pub(super) struct Recorded {
    service: Arc<dyn BackupApi>,
    activities: Arc<dyn ActivitySink>,
}

impl Recorded {
    pub(super) fn new(service: Arc<dyn BackupApi>, activities: Arc<dyn ActivitySink>) -> Self {
        Self { service, activities }
    }

    /// Runs a call and tells how it ended; also where whoever asked has gone, for then it goes on all the same.
    fn tell<T: Send + 'static>(
        &self,
        activity: Activity,
        call: impl Future<Output = Result<T, ApiError>> + Send + 'static,
    ) -> ApiFuture<'_, T> {
        let (activities, environment) = (self.activities.clone(), self.service.environment().clone());
        let work = tokio::spawn(async move {
            let result = call.await;
            activities.record(activity.within(&environment).with_result(&result));
            result
        });
        Box::pin(async move { work.await.map_err(ApiError::internal)? })
    }

    async fn take_in(self, actor: Actor, upload: Upload) -> Result<Backup, ApiError> {
        let activity = || Activity::by(&actor, ActivityKind::Upload).within(self.service.environment());
        self.activities.record(Activity {
            bytes: upload.announced_length,
            ..activity().ended(ActivityOutcome::Started)
        });
        let result = self.service.upload(&actor, upload).await;
        self.activities.record(match &result {
            Ok(backup) => activity().about(backup.backup_id.as_str()).moving(backup.size),
            Err(error) => activity().ended_with(error),
        });
        result
    }
}

impl BackupApi for Recorded {
    fn environment(&self) -> &EnvironmentId {
        self.service.environment()
    }

    fn capabilities<'a>(&'a self, actor: &'a Actor) -> ApiFuture<'a, Capabilities> {
        self.service.capabilities(actor)
    }

    fn list<'a>(&'a self, actor: &'a Actor, query: ListQuery) -> ApiFuture<'a, BackupList> {
        self.service.list(actor, query)
    }

    fn history<'a>(&'a self, actor: &'a Actor, query: HistoryQuery) -> ApiFuture<'a, History> {
        self.service.history(actor, query)
    }

    fn find<'a>(&'a self, actor: &'a Actor, id: &'a BackupId) -> ApiFuture<'a, Backup> {
        self.service.find(actor, id)
    }

    fn current_operation<'a>(&'a self, actor: &'a Actor) -> ApiFuture<'a, Option<Operation>> {
        self.service.current_operation(actor)
    }

    fn upload<'a>(&'a self, actor: &'a Actor, upload: Upload) -> ApiFuture<'a, Backup> {
        let work = tokio::spawn(self.clone().take_in(actor.clone(), upload));
        Box::pin(async move { work.await.map_err(ApiError::internal)? })
    }

    fn describe<'a>(
        &'a self,
        actor: &'a Actor,
        id: &'a BackupId,
        part: Part,
    ) -> ApiFuture<'a, ArchiveDescription> {
        self.service.describe(actor, id, part)
    }

    fn download<'a>(
        &'a self,
        actor: &'a Actor,
        id: &'a BackupId,
        part: Part,
        range: ByteRange,
    ) -> ApiFuture<'a, ByteStream> {
        Box::pin(async move {
            let bytes = self.service.download(actor, id, part, range).await?;
            let activity = Activity::by(actor, ActivityKind::Download)
                .within(self.service.environment())
                .about(format!("{id}/{part}"));
            let sink = self.activities.clone();
            Ok(Delivery::begin(bytes, range.length(), activity, sink))
        })
    }

    fn create<'a>(&'a self, actor: &'a Actor) -> ApiFuture<'a, Operation> {
        let activity = Activity::by(actor, ActivityKind::Create);
        let (service, actor) = (self.service.clone(), actor.clone());
        self.tell(activity, async move { service.create(&actor).await })
    }

    fn restore<'a>(&'a self, actor: &'a Actor, id: &'a BackupId) -> ApiFuture<'a, Operation> {
        let activity = Activity::by(actor, ActivityKind::Restore).about(id.as_str());
        let (service, actor, id) = (self.service.clone(), actor.clone(), id.clone());
        self.tell(activity, async move { service.restore(&actor, &id).await })
    }

    fn delete<'a>(&'a self, actor: &'a Actor, id: &'a BackupId) -> ApiFuture<'a, ()> {
        let activity = Activity::by(actor, ActivityKind::Delete).about(id.as_str());
        let (service, actor, id) = (self.service.clone(), actor.clone(), id.clone());
        self.tell(activity, async move { service.delete(&actor, &id).await })
    }

    /// How it ends is told by the service itself and by the pages; here nobody waits for that.
    fn begin_upload<'a>(&'a self, actor: &'a Actor, upload: Upload) -> ApiFuture<'a, Operation> {
        let activity = Activity {
            bytes: upload.announced_length,
            ..Activity::by(actor, ActivityKind::Upload).ended(ActivityOutcome::Started)
        };
        let (service, actor) = (self.service.clone(), actor.clone());
        self.tell(
            activity,
            async move { service.begin_upload(&actor, upload).await },
        )
    }

    fn annotate<'a>(
        &'a self,
        actor: &'a Actor,
        id: &'a BackupId,
        annotation: Annotation,
    ) -> ApiFuture<'a, Backup> {
        let activity = Activity::by(actor, ActivityKind::Annotate).about(id.as_str());
        let (service, actor, id) = (self.service.clone(), actor.clone(), id.clone());
        self.tell(activity, async move {
            service.annotate(&actor, &id, annotation).await
        })
    }

    /// How it ends is told by the service itself and by the pages; here nobody waits for that.
    fn verify<'a>(&'a self, actor: &'a Actor, id: &'a BackupId) -> ApiFuture<'a, Backup> {
        let activity = Activity::by(actor, ActivityKind::Verify)
            .about(id.as_str())
            .ended(ActivityOutcome::Started);
        let (service, actor, id) = (self.service.clone(), actor.clone(), id.clone());
        self.tell(activity, async move { service.verify(&actor, &id).await })
    }

    fn renames<'a>(&'a self, actor: &'a Actor, id: &'a BackupId) -> ApiFuture<'a, Option<String>> {
        self.service.renames(actor, id)
    }

    fn operations<'a>(&'a self, actor: &'a Actor, limit: u32) -> ApiFuture<'a, Vec<Operation>> {
        self.service.operations(actor, limit)
    }

    fn operation<'a>(&'a self, actor: &'a Actor, id: &'a OperationId) -> ApiFuture<'a, Operation> {
        self.service.operation(actor, id)
    }

    fn operation_log<'a>(&'a self, actor: &'a Actor, id: &'a OperationId) -> ApiFuture<'a, Vec<LogLine>> {
        self.service.operation_log(actor, id)
    }

    fn cancel<'a>(&'a self, actor: &'a Actor, id: &'a OperationId) -> ApiFuture<'a, ()> {
        let activity = Activity::by(actor, ActivityKind::Cancel).about(id.as_str());
        let (service, actor, id) = (self.service.clone(), actor.clone(), id.clone());
        self.tell(activity, async move { service.cancel(&actor, &id).await })
    }

    fn break_lock<'a>(&'a self, actor: &'a Actor, id: &'a OperationId, reason: String) -> ApiFuture<'a, ()> {
        let activity = Activity::by(actor, ActivityKind::BreakLock).about(id.as_str());
        let (service, actor, id) = (self.service.clone(), actor.clone(), id.clone());
        self.tell(
            activity,
            async move { service.break_lock(&actor, &id, reason).await },
        )
    }

    fn events<'a>(&'a self, actor: &'a Actor, after: Option<EventId>) -> ApiFuture<'a, EventStream> {
        self.service.events(actor, after)
    }
}

impl fmt::Debug for Recorded {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Recorded")
            .field("environment", self.service.environment())
            .finish_non_exhaustive()
    }
}
