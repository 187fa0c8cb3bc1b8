//! What pages ask of the services: authorise, then ask.

use backup_api::{
    Action, Actor, ApiError, Backup, BackupApi, BackupId, BackupStatus, Capabilities, EnvironmentId, History,
    HistoryEntry, HistoryQuery, HistoryStatus, HistorySummary, Operation, Problem, ProjectName, Upload,
};
use futures_util::future::{join_all, try_join};

use crate::{Access, Console, ConsoleError, Environment, Role, patience::in_time};

/// How many backups it shows the sizes of.
const SIZES_SHOWN: u32 = 8;

/// A project as the first page shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProjectOverview {
    /// The project.
    pub project: ProjectName,
    /// Those of its environments that the actor may see; at least one.
    pub environments: Vec<EnvironmentOverview>,
}

/// An environment as the first page shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnvironmentOverview {
    /// The environment.
    pub environment: Environment,
    /// What its service said, if it did.
    pub state: EnvironmentState,
}

/// What became of asking a service how it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EnvironmentState {
    /// It answered.
    Reached(Box<EnvironmentSummary>),
    /// It failed, or did not answer in time.
    Failed {
        /// A sentence the page can show.
        reason: String,
    },
}

/// How an environment stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnvironmentSummary {
    /// Its complete backups, all together.
    pub history: HistorySummary,
    /// Bytes of the latest of them, oldest first.
    pub sizes: Vec<u64>,
    /// What holds the environment, if something does.
    pub operation: Option<Operation>,
}

/// What decides what somebody can do in an environment now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// What they are there.
    pub role: Role,
    /// What its service can do.
    pub capabilities: Capabilities,
    /// What holds the environment, if something does.
    pub operation: Option<Operation>,
}

impl Console {
    /// How every environment that the actor may see stands. All services are asked at once; one that fails, or takes
    /// longer than five seconds, is shown as such and holds nobody up.
    pub async fn overview(&self, access: &Access) -> Vec<ProjectOverview> {
        let projects = self.projects().iter().map(async |project| ProjectOverview {
            project: project.name.clone(),
            environments: join_all(
                project
                    .environments
                    .iter()
                    .filter_map(|environment| self.asked(access, environment)),
            )
            .await,
        });
        let mut projects = join_all(projects).await;
        projects.retain(|project| !project.environments.is_empty());
        projects
    }

    /// How somebody stands in an environment. A page asks for it before anything else: what ends in between is then news
    /// to the page when it listens to events, while the other way round it would show for ever what is over.
    pub async fn standing(
        &self,
        access: &Access,
        environment: &EnvironmentId,
    ) -> Result<Standing, ConsoleError> {
        let (role, service) = self.enter_with(access, environment, Action::View)?;
        let actor = access.actor();
        let asked = try_join(service.capabilities(actor), service.current_operation(actor));
        let (capabilities, operation) = in_time(environment, asked).await?;
        Ok(Standing {
            role,
            capabilities,
            operation,
        })
    }

    /// A page of the history of an environment.
    pub async fn history(
        &self,
        access: &Access,
        environment: &EnvironmentId,
        query: HistoryQuery,
    ) -> Result<History, ConsoleError> {
        let (_, service) = self.enter_with(access, environment, Action::View)?;
        Ok(in_time(environment, service.history(access.actor(), query)).await?)
    }

    /// One backup.
    pub async fn backup(
        &self,
        access: &Access,
        environment: &EnvironmentId,
        id: &BackupId,
    ) -> Result<Backup, ConsoleError> {
        let (_, service) = self.enter_with(access, environment, Action::View)?;
        Ok(in_time(environment, service.find(access.actor(), id)).await?)
    }

    /// Takes in a pair of archives and answers when the backup stands.
    pub async fn upload(
        &self,
        actor: &Actor,
        environment: &EnvironmentId,
        upload: Upload,
    ) -> Result<Backup, ConsoleError> {
        Ok(self
            .service_for(actor, environment, Action::Upload)
            .await?
            .upload(actor, upload)
            .await?)
    }

    /// Asks one service how it stands; `None` where the actor may not look.
    fn asked(
        &self,
        access: &Access,
        environment: &Environment,
    ) -> Option<impl Future<Output = EnvironmentOverview>> {
        let (_, service) = self.enter_with(access, &environment.id, Action::View).ok()?;
        Some(async move {
            let state = match in_time(&environment.id, summary(&*service, access.actor())).await {
                Ok(summary) => EnvironmentState::Reached(Box::new(summary)),
                Err(error) => {
                    // The page is answered well, so nobody further out would log this.
                    tracing::warn!(
                        environment = %environment.id,
                        error = &error as &dyn std::error::Error,
                        "the backup service of an environment failed"
                    );
                    EnvironmentState::Failed {
                        reason: Problem::from(&error).detail,
                    }
                }
            };
            EnvironmentOverview {
                environment: environment.clone(),
                state,
            }
        })
    }
}

async fn summary(service: &dyn BackupApi, actor: &Actor) -> Result<EnvironmentSummary, ApiError> {
    // In this order, for the reason of [`Console::standing`].
    let operation = service.current_operation(actor).await?;
    let latest = HistoryQuery {
        status: Some(HistoryStatus::Success),
        limit: SIZES_SHOWN,
        ..HistoryQuery::default()
    };
    let History { entries, summary, .. } = service.history(actor, latest).await?;
    let complete = entries.iter().filter_map(|entry| match entry {
        HistoryEntry::Backup(backup) if backup.status == BackupStatus::Success => Some(backup.size),
        HistoryEntry::Backup(_) | HistoryEntry::Failure(_) => None,
    });
    Ok(EnvironmentSummary {
        history: summary,
        sizes: complete.rev().collect(),
        operation,
    })
}
