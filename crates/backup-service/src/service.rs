//! The service of all environments that one process keeps.

use std::{collections::HashMap, sync::Arc, time::Duration};

use archive_store::{ArchiveStore, failpoints};
use backup_api::{
    Activity, ActivityKind, ActivityOutcome, ActivitySink, Actor, BackupApi, EnvironmentId, Operation,
    OperationKind, OperationState, Phase,
};
use database::Database;
use member_store::MemberStore;
use operations::Operations;
use tokio::sync::Mutex;

use crate::{
    Clock, LibraryFiles, ServiceError, SystemClock, catalogue, deletion,
    environment_service::EnvironmentService,
    ids, manifests,
    schema::{COMPONENT, STEPS},
    shared::Shared,
    use_references::UseReferences,
};

/// What the service is opened with.
#[derive(Debug, Clone)]
pub struct ServiceSettings {
    /// The environments it keeps backups for.
    pub environments: Vec<EnvironmentId>,
    /// How long an upload may send nothing before it loses its lock.
    pub upload_idle_timeout: Duration,
    /// How long a reader may take nothing before its backup may be deleted.
    pub download_idle_timeout: Duration,
    /// The most bytes one archive may have.
    pub largest_archive: u64,
    /// What backups say made them.
    pub version: String,
    /// What is told who did what.
    pub activities: Arc<dyn ActivitySink>,
}

/// The service of all environments that one process keeps; clones share it.
#[derive(Debug, Clone)]
pub struct BackupService {
    environments: Arc<HashMap<EnvironmentId, Arc<EnvironmentService>>>,
}

impl BackupService {
    /// Opens the catalogue and ends what a former process left undone.
    pub async fn open(
        settings: ServiceSettings,
        database: Database,
        store: ArchiveStore,
        members: MemberStore,
    ) -> Result<Self, ServiceError> {
        Self::open_with_clock(settings, database, store, members, Arc::new(SystemClock)).await
    }

    /// The same with a clock of the caller's.
    pub async fn open_with_clock(
        settings: ServiceSettings,
        database: Database,
        store: ArchiveStore,
        members: MemberStore,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, ServiceError> {
        database.migrate(COMPONENT, STEPS).await?;
        catalogue::complete(&database).await?;
        let operations = Operations::open(database.clone()).await?;
        for operation in operations.interrupt_leftovers().await? {
            tracing::warn!(
                operation.id = %operation.id,
                operation.kind = %operation.kind,
                operation.phase = %operation.phase,
                "an operation was interrupted by the end of the former process"
            );
            settings.activities.record(interruption(&operation));
        }
        failpoints::reached("recovery-after-interrupt");
        // A start may itself have ended before it was through, and the former process before it had removed what a broken
        // lock left behind; so what is left is not asked of the line above.
        for id in ids::without_backup(&database).await? {
            let operation = operations.find(&id).await?;
            if let Some(ended) = operation.filter(|found| found.state != OperationState::Succeeded) {
                clean_up_after(&ended, &database, &store).await?;
            }
        }
        let shared = Arc::new(Shared {
            database,
            store,
            members,
            operations,
            clock,
            activities: settings.activities,
            upload_idle_timeout: settings.upload_idle_timeout,
            download_idle_timeout: settings.download_idle_timeout,
            largest_archive: settings.largest_archive,
            version: settings.version,
            folders: Mutex::default(),
            uses: UseReferences::default(),
        });
        deletion::finish_all(&shared).await?;
        manifests::catch_up(&shared).await?;
        let mut environments = HashMap::new();
        for environment in settings.environments {
            let uid = ids::uid(&shared.database, &environment).await?;
            let members = shared.members.environment(&environment).await?;
            let service = EnvironmentService::new(shared.clone(), environment.clone(), uid, members);
            environments.insert(environment, Arc::new(service));
        }
        Ok(Self {
            environments: Arc::new(environments),
        })
    }

    /// The service of one environment.
    pub fn environment(&self, id: &EnvironmentId) -> Option<Arc<dyn BackupApi>> {
        self.environments
            .get(id)
            .map(|service| service.clone() as Arc<dyn BackupApi>)
    }

    /// The document libraries of one environment, file by file.
    pub fn files(&self, id: &EnvironmentId) -> Option<LibraryFiles> {
        self.environments.get(id).cloned().map(LibraryFiles::new)
    }

    pub(crate) fn environments(&self) -> impl Iterator<Item = &Arc<EnvironmentService>> {
        self.environments.values()
    }

    pub(crate) fn embedded(&self, id: &EnvironmentId) -> Option<&Arc<EnvironmentService>> {
        self.environments.get(id)
    }
}

/// That an operation ended with the former process: nobody did it, and the record of its beginning says who began it.
fn interruption(operation: &Operation) -> Activity {
    let kind = match operation.kind {
        OperationKind::Create => ActivityKind::Create,
        OperationKind::Upload => ActivityKind::Upload,
        OperationKind::Restore => ActivityKind::Restore,
    };
    let environment = EnvironmentId::new(operation.project.clone(), operation.environment.clone());
    let activity = Activity::by(&Actor::new("service", "the backup service"), kind)
        .within(&environment)
        .ended(ActivityOutcome::Interrupted);
    match &operation.backup_id {
        Some(id) => activity.about(id.as_str()),
        None => activity,
    }
}

/// Removes what an operation that came to nothing left on disk. Its archives went when the store was opened; its folder may
/// stand, if the process died between the folder and the commit. The minute goes last: while it is reserved, the next
/// start knows that something is left to be done.
async fn clean_up_after(
    operation: &Operation,
    database: &Database,
    store: &ArchiveStore,
) -> Result<(), ServiceError> {
    let environment = EnvironmentId::new(operation.project.clone(), operation.environment.clone());
    if let Some(id) = operation
        .backup_id
        .as_ref()
        .filter(|_| operation.phase == Phase::Publishing)
    {
        store.remove_backup_folder(&environment, id).await?;
    }
    failpoints::reached("recovery-before-release");
    let mut transaction = database.begin().await?;
    ids::release(&mut transaction, &operation.id).await?;
    transaction.commit().await?;
    Ok(())
}
