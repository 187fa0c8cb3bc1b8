//! How an upload begins: the lock and an id in one transaction, or the answer that the same request came before.
//!
//! What happens between that and the backup is [`Intake`]'s.

use std::sync::Arc;

use archive_store::failpoints;
use backup_api::{
    Activity, ActivityKind, ActivityOutcome, Actor, ApiError, Backup, BackupId, BackupMinute, Operation,
    OperationId, OperationKind, OperationState, Part, Phase, Upload,
};
use database::sqlx::SqliteConnection;
use operations::NewOperation;
use tokio::sync::oneshot;

use crate::{
    catalogue,
    environment_service::EnvironmentService,
    error::{from_begin, from_store},
    idempotency::{self, IdempotencyKey},
    ids,
    intake::{Intake, Origin},
};

/// Room in the announced length for what stands around the two archives in a multipart body.
const FRAMING: u64 = 64 * 1024;

/// What is known of an upload before its body, apart from it: the body cannot be shared between tasks.
struct Announcement {
    length: Option<u64>,
    idempotency_key: Option<String>,
}

impl Announcement {
    fn of(upload: &Upload) -> Self {
        Self {
            length: upload.announced_length,
            idempotency_key: upload.idempotency_key.clone(),
        }
    }
}

impl EnvironmentService {
    /// Takes in an upload of `actor` and answers when the backup stands.
    pub(crate) async fn take_in(self, actor: Actor, upload: Upload) -> Result<Backup, ApiError> {
        let origin = Origin::upload_of(&actor);
        self.take_in_as(actor, upload, origin).await
    }

    /// The same for a backup whose origin is known to be another.
    pub(crate) async fn take_in_as(
        self,
        actor: Actor,
        upload: Upload,
        origin: Origin,
    ) -> Result<Backup, ApiError> {
        let announced = Announcement::of(&upload);
        loop {
            match self.begin(&actor, &announced, &origin).await? {
                Begun::New(intake) => return self.carry_out(actor, *intake, upload, None).await,
                Begun::Before(operation) => {
                    if let Some(backup) = self.outcome_of(&operation).await? {
                        return Ok(backup);
                    }
                }
            }
        }
    }

    /// Takes in an upload of `actor` and answers with its operation once all bytes have come, or with the one that the
    /// same request began before.
    pub(crate) async fn begin_taking_in(self, actor: Actor, upload: Upload) -> Result<Operation, ApiError> {
        let announced = Announcement::of(&upload);
        let operation = match self.begin(&actor, &announced, &Origin::upload_of(&actor)).await? {
            Begun::New(intake) => {
                let operation = intake.operation().id.clone();
                let (sender, received) = oneshot::channel();
                let work = tokio::spawn(self.clone().carry_out(actor, *intake, upload, Some(sender)));
                // How it ends after that is in the record.
                if received.await.is_err() {
                    // It came to nothing before, and says why.
                    work.await.map_err(ApiError::internal)??;
                }
                operation
            }
            Begun::Before(operation) => operation,
        };
        self.require_operation(&operation).await
    }

    /// Takes the lock and an id, both or neither; or finds that the same request came before.
    async fn begin(
        &self,
        actor: &Actor,
        announced: &Announcement,
        origin: &Origin,
    ) -> Result<Begun, ApiError> {
        let begun = self.try_to_begin(actor, announced, origin).await;
        let activity = |outcome| Activity {
            bytes: announced.length,
            ..Activity::by(actor, ActivityKind::Upload).ended(outcome)
        };
        match &begun {
            Ok(Begun::New(intake)) => {
                self.tell(activity(ActivityOutcome::Started).about(intake.id().as_str()));
            }
            // The first one has been told.
            Ok(Begun::Before(_)) => {}
            Err(error) => self.tell(activity(ActivityOutcome::Refused).ended_with(error)),
        }
        begun
    }

    async fn try_to_begin(
        &self,
        actor: &Actor,
        announced: &Announcement,
        origin: &Origin,
    ) -> Result<Begun, ApiError> {
        let shared = self.shared.clone();
        let key = announced.idempotency_key.as_ref().map(|key| IdempotencyKey {
            actor_id: actor.id.clone(),
            key: key.clone(),
        });
        let earliest = BackupMinute::of(origin.created_at.unwrap_or_else(|| shared.clock.now()));
        let mut transaction = shared.database.begin().await.map_err(ApiError::internal)?;
        if let Some(key) = &key
            && let Some(before) = idempotency::find(&mut transaction, &self.environment, key).await?
            && let Some(operation) = shared
                .operations
                .find(&before)
                .await
                .map_err(ApiError::internal)?
            && (!operation.state.is_final() || operation.state == OperationState::Succeeded)
        {
            return Ok(Begun::Before(before));
        }
        let id = self.reserve_id(&mut transaction, earliest).await?;
        let new = NewOperation {
            environment: self.environment.clone(),
            kind: OperationKind::Upload,
            phase: Phase::Receiving,
            actor: actor.clone(),
            bytes_total: announced.length,
            backup_id: Some(id.clone()),
        };
        let running = shared
            .operations
            .begin(&mut transaction, new)
            .await
            .map_err(from_begin)?;
        let operation = &running.operation().id;
        ids::assign(&mut transaction, &self.environment, &id, operation).await?;
        if let Some(key) = &key {
            idempotency::remember(&mut transaction, &self.environment, key, operation).await?;
        }
        self.refuse_by_announcement(announced.length).await?;
        failpoints::reached("operation-before-commit");
        transaction.commit().await.map_err(ApiError::internal)?;
        failpoints::reached("operation-after-commit");
        running.announce();
        Ok(Begun::New(Box::new(Intake::new(
            self.clone(),
            running,
            id,
            origin.clone(),
        ))))
    }

    /// The id of the first free minute that is not before `earliest`. A minute whose folder is there although the catalogue
    /// knows no such backup, as when that was restored from an older copy, stays that backup's for ever.
    async fn reserve_id(
        &self,
        transaction: &mut SqliteConnection,
        earliest: BackupMinute,
    ) -> Result<BackupId, ApiError> {
        let mut earliest = earliest;
        loop {
            let id = ids::reserve(&mut *transaction, &self.environment, &self.uid, earliest).await?;
            if !self.has_folder(&id).await? {
                return Ok(id);
            }
            tracing::warn!(backup.id = %id, "a folder bears the name of a backup that the catalogue does not know");
            earliest = id.minute().next();
        }
    }

    /// Whether a folder bears the name of a backup, known or not.
    pub(crate) async fn has_folder(&self, id: &BackupId) -> Result<bool, ApiError> {
        let found = self.shared.store.has_backup_folder(&self.environment, id).await;
        found.map_err(ApiError::internal)
    }

    /// The backup that an operation made, once it has ended; `None` where it came to nothing.
    async fn outcome_of(&self, operation: &OperationId) -> Result<Option<Backup>, ApiError> {
        let ended = self
            .shared
            .operations
            .wait_until_ended(operation)
            .await
            .map_err(ApiError::internal)?;
        if let Some(operation) = &ended
            && operation.state == OperationState::Cancelled
        {
            // Whoever called it off did not mean the first of two equal requests only.
            return Err(ApiError::Cancelled {
                sentence: operation.failure.clone().unwrap_or_default(),
            });
        }
        let Some(id) = ended
            .filter(|operation| operation.state == OperationState::Succeeded)
            .and_then(|operation| operation.backup_id)
        else {
            return Ok(None);
        };
        let backup = catalogue::find(&self.shared.database, &self.environment, &id).await?;
        backup.map(Some).ok_or_else(|| ApiError::no_such_backup(&id))
    }

    /// What can be known from the announced length is refused before a byte is read, and leaves no trace.
    async fn refuse_by_announcement(&self, announced: Option<u64>) -> Result<(), ApiError> {
        let Some(announced) = announced else { return Ok(()) };
        let limit = self.shared.largest_archive;
        if announced > limit.saturating_mul(2).saturating_add(FRAMING) {
            return Err(ApiError::TooLarge { limit });
        }
        let room = self.shared.store.ensure_room(announced).await;
        room.map_err(|error| from_store(error, Part::Database))
    }

    /// Makes the backup exist, or leaves nothing of it. `received` is told when all bytes have come.
    async fn carry_out(
        self,
        actor: Actor,
        intake: Intake,
        upload: Upload,
        received: Option<oneshot::Sender<()>>,
    ) -> Result<Backup, ApiError> {
        let intake = Arc::new(intake);
        let operation = intake.operation().id.clone();
        let work = intake.clone();
        // In a task of its own, so that even a panic ends in the clean-up below and not with a lock that stays.
        let result = match tokio::spawn(async move { work.run(upload, received).await }).await {
            Ok(result) => result,
            Err(panic) => Err(ApiError::internal(panic)),
        };
        let ended = || Activity::by(&actor, ActivityKind::Upload).about(intake.id().as_str());
        match result {
            Ok(backup) => {
                tracing::info!(
                    operation.id = %operation,
                    backup.id = %backup.backup_id,
                    size_bytes = backup.size,
                    "a backup was taken in"
                );
                self.tell(ended().moving(backup.size));
                Ok(backup)
            }
            Err(error) => {
                tracing::warn!(operation.id = %operation, error = %error, "an upload came to nothing");
                let error = intake.called_off().await.unwrap_or(error);
                intake.undo(&error).await;
                let ended = ended().moving(intake.received()).ended_with(&error);
                // What has begun cannot be refused any more.
                self.tell(match ended.outcome {
                    ActivityOutcome::Refused => ended.ended(ActivityOutcome::Failed),
                    _ => ended,
                });
                Err(error)
            }
        }
    }
}

/// How an upload began.
enum Begun {
    /// It holds its environment.
    New(Box<Intake>),
    /// The same request came before, and this is its operation.
    Before(OperationId),
}
