//! Everything that requests are answered with, opened in order: database, archives, activities, services,
//! console.

use std::{collections::HashMap, sync::Arc};

use anyhow::{Context, Result};
use archive_store::{
    ArchiveStore, StoreLimits,
    uploads::{ResumableUploads, UploadLimits},
};
use backup_api::EnvironmentId;
use backup_service::{BackupService, ServiceSettings};
use console::{ActivityLog, Console, ConsoleSettings, Drafts, EnvironmentSettings, SqliteSessionStore};
use database::Database;
use tokio::sync::watch;

use crate::{addresses::Addresses, configuration::Configuration, data_folder::DataFolder, hosts::Hosts};

/// What backups say made them.
pub(crate) const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The opened application.
#[derive(Debug)]
pub(crate) struct Application {
    pub(crate) configuration: Configuration,
    pub(crate) folder: DataFolder,
    pub(crate) hosts: Arc<Hosts>,
    pub(crate) database: Database,
    pub(crate) service: BackupService,
    pub(crate) activities: ActivityLog,
    pub(crate) console: Console,
    pub(crate) sessions: SqliteSessionStore,
    pub(crate) uploads: ResumableUploads,
    /// Under which address people reach the console.
    pub(crate) address: String,
    /// Becomes true when the process stops: what would go on for ever ends then.
    pub(crate) stopping: watch::Sender<bool>,
}

impl Application {
    /// Opens everything in a folder that this process has locked, and ends what a former process left undone.
    pub(crate) async fn open(
        configuration: Configuration,
        folder: DataFolder,
        database: Database,
        addresses: &Addresses,
    ) -> Result<Self> {
        let limits = StoreLimits {
            largest_archive: configuration.uploads.largest_archive,
            smallest_free_space: configuration.uploads.smallest_free_space,
        };
        let store = ArchiveStore::open(folder.path(), database.clone(), limits)
            .await
            .with_context(|| format!("cannot open the archives in {}", folder.path().display()))?;
        let uploads = ResumableUploads::open(store.clone(), upload_limits(&configuration))
            .await
            .context("cannot open the unfinished uploads")?;
        let activities = ActivityLog::open(database.clone())
            .await
            .context("cannot open the record of activities")?;
        let settings = service_settings(&configuration, activities.clone());
        let service = BackupService::open(settings, database.clone(), store)
            .await
            .context("cannot open the backup service")?;
        let settings = console_settings(&configuration, &service, addresses)?;
        let console = Console::open_with_activities(settings, database.clone(), activities.clone())
            .await
            .context("cannot open the console's data")?;
        let abandoned = Drafts::new(console.clone(), uploads.clone(), HashMap::new())
            .discard_unknown()
            .await
            .context("cannot look through the unfinished uploads")?;
        if abandoned > 0 {
            tracing::info!(
                uploads = abandoned,
                "uploads that a former process made and never told its client are removed"
            );
        }
        let sessions = SqliteSessionStore::new(database.clone());
        let hosts = Arc::new(Hosts::new(&configuration));
        Ok(Self {
            configuration,
            folder,
            hosts,
            database,
            service,
            activities,
            console,
            sessions,
            uploads,
            address: addresses.console().to_owned(),
            stopping: watch::Sender::new(false),
        })
    }

    /// Ends what would go on for ever.
    pub(crate) fn stop(&self) {
        self.stopping.send_replace(true);
    }

    /// What people are uploading.
    pub(crate) fn drafts(&self) -> Drafts {
        Drafts::new(self.console.clone(), self.uploads.clone(), HashMap::new())
    }

    /// All environments, in the order of the configuration.
    pub(crate) fn environments(&self) -> Vec<EnvironmentId> {
        environments(&self.configuration)
    }
}

fn environments(configuration: &Configuration) -> Vec<EnvironmentId> {
    let environments = configuration
        .projects
        .iter()
        .flat_map(|project| &project.environments);
    environments.map(|environment| environment.id.clone()).collect()
}

/// The most unfinished uploads of one person to one environment: a pair, and a few that were begun anew.
const UNFINISHED_UPLOADS: u32 = 16;

fn upload_limits(configuration: &Configuration) -> UploadLimits {
    UploadLimits {
        bytes_per_scope: configuration.uploads.largest_unfinished,
        uploads_per_scope: UNFINISHED_UPLOADS,
        lifetime: configuration.uploads.keep_unfinished,
    }
}

fn service_settings(configuration: &Configuration, activities: ActivityLog) -> ServiceSettings {
    ServiceSettings {
        environments: environments(configuration),
        upload_idle_timeout: configuration.uploads.idle_timeout,
        largest_archive: configuration.uploads.largest_archive,
        version: VERSION.to_owned(),
        activities: Arc::new(activities),
    }
}

fn console_settings(
    configuration: &Configuration,
    service: &BackupService,
    addresses: &Addresses,
) -> Result<ConsoleSettings> {
    let mut environments = Vec::new();
    for project in &configuration.projects {
        for environment in &project.environments {
            let id = &environment.id;
            environments.push(EnvironmentSettings {
                environment: console::Environment {
                    id: id.clone(),
                    production: environment.production,
                    service_host: addresses.service_host(id),
                    service_url: addresses.service_url(id),
                },
                service: service
                    .environment(id)
                    .with_context(|| format!("{id} is not served"))?,
                master_token: project.master_token.clone(),
            });
        }
    }
    Ok(ConsoleSettings { environments })
}
