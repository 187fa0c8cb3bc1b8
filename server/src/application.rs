//! The console and everything it stands on, opened in order: activities, the services of this process, the ways to those
//! of other machines, the console.

mod elsewhere;
mod recorded;

use std::{collections::HashMap, sync::Arc};

use anyhow::{Context, Result};
use backup_api::{EnvironmentId, ResumableApi};
use backup_client::HttpUploads;
use console::{ActivityLog, Console, ConsoleSettings, Drafts, EnvironmentSettings, SqliteSessionStore};
use database::Database;

use crate::{
    addresses::Addresses, configuration::Configuration, data_folder::DataFolder, services::Services,
};

/// The opened application.
#[derive(Debug)]
pub(crate) struct Application {
    pub(crate) services: Services,
    pub(crate) activities: ActivityLog,
    pub(crate) console: Console,
    /// What people are uploading.
    pub(crate) drafts: Drafts,
    /// Where that goes for environments whose services are elsewhere.
    pub(crate) uploads_elsewhere: HashMap<EnvironmentId, HttpUploads>,
    pub(crate) sessions: SqliteSessionStore,
    /// Under which address people reach the console.
    pub(crate) address: String,
}

impl Application {
    /// Opens everything in a folder that this process has locked, and ends what a former process left undone.
    pub(crate) async fn open(
        configuration: Configuration,
        folder: DataFolder,
        database: Database,
        addresses: &Addresses,
    ) -> Result<Self> {
        let activities = ActivityLog::open(database.clone())
            .await
            .context("cannot open the record of activities")?;
        let sink = Arc::new(activities.clone());
        let services = Services::open(configuration, folder, database.clone(), sink).await?;
        let (settings, uploads_elsewhere) = console_settings(&services, addresses)?;
        let console = Console::open_with_activities(settings, database.clone(), activities.clone())
            .await
            .context("cannot open the console's data")?;
        let elsewhere = uploads_elsewhere.iter().map(|(environment, uploads)| {
            let uploads: Arc<dyn ResumableApi> = Arc::new(uploads.clone());
            (environment.clone(), uploads)
        });
        let drafts = Drafts::new(console.clone(), services.uploads.clone(), elsewhere.collect());
        let abandoned = drafts
            .discard_unknown()
            .await
            .context("cannot look through the unfinished uploads")?;
        if abandoned > 0 {
            tracing::info!(
                uploads = abandoned,
                "uploads that a former process made and never told its client are removed"
            );
        }
        Ok(Self {
            services,
            activities,
            console,
            drafts,
            uploads_elsewhere,
            sessions: SqliteSessionStore::new(database),
            address: addresses.console().to_owned(),
        })
    }
}

fn console_settings(
    services: &Services,
    addresses: &Addresses,
) -> Result<(ConsoleSettings, HashMap<EnvironmentId, HttpUploads>)> {
    let (mut environments, mut uploads_elsewhere) = (Vec::new(), HashMap::new());
    for project in &services.configuration.projects {
        for environment in &project.environments {
            let id = &environment.id;
            environments.push(match &environment.elsewhere {
                Some(service) => {
                    let (settings, uploads) = elsewhere::environment(environment, service, services)?;
                    uploads_elsewhere.insert(id.clone(), uploads);
                    settings
                }
                None => EnvironmentSettings {
                    environment: console::Environment {
                        id: id.clone(),
                        production: environment.production,
                        service_host: addresses.service_host(id),
                        service_url: addresses.service_url(id),
                    },
                    service: services
                        .service
                        .environment(id)
                        .with_context(|| format!("{id} is not served"))?,
                    master_token: project.master_token.clone(),
                },
            });
        }
    }
    Ok((ConsoleSettings { environments }, uploads_elsewhere))
}
