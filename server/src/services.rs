//! The backup services that this process keeps, and what they stand on: the data folder, the database, the archives.
//!
//! `service` serves these alone; `serve` puts the console in front of them.

use std::{collections::HashMap, sync::Arc};

use anyhow::{Context, Result};
use archive_store::{
    ArchiveStore, StoreLimits,
    uploads::{ResumableUploads, UploadLimits},
};
use axum::Router;
use backup_api::{ActivitySink, EnvironmentId};
use backup_service::{
    BackupService, ServiceSettings,
    http::{Authenticator, ServiceRouter},
};
use database::Database;
use member_store::{MemberLimits, MemberStore};
use tokio::sync::watch;

use crate::{configuration::Configuration, data_folder::DataFolder, hosts::Hosts};

/// What backups say made them.
pub(crate) const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The opened services.
#[derive(Debug)]
pub(crate) struct Services {
    pub(crate) configuration: Configuration,
    pub(crate) folder: DataFolder,
    pub(crate) hosts: Arc<Hosts>,
    pub(crate) database: Database,
    pub(crate) store: ArchiveStore,
    pub(crate) uploads: ResumableUploads,
    pub(crate) members: MemberStore,
    pub(crate) service: BackupService,
    /// What is told who did what.
    pub(crate) activities: Arc<dyn ActivitySink>,
    /// Becomes true when the process stops: what would go on for ever ends then.
    pub(crate) stopping: watch::Sender<bool>,
}

impl Services {
    /// Opens everything in a folder that this process has locked, and ends what a former process left undone.
    pub(crate) async fn open(
        configuration: Configuration,
        folder: DataFolder,
        database: Database,
        activities: Arc<dyn ActivitySink>,
    ) -> Result<Self> {
        let limits = StoreLimits {
            largest_archive: configuration.uploads.largest_archive,
            smallest_free_space: configuration.uploads.smallest_free_space,
            inspection: configuration.uploads.inspection,
        };
        let store = ArchiveStore::open(folder.path(), database.clone(), limits)
            .await
            .with_context(|| format!("cannot open the archives in {}", folder.path().display()))?;
        let uploads = ResumableUploads::open(store.clone(), upload_limits(&configuration))
            .await
            .context("cannot open the unfinished uploads")?;
        let members = MemberStore::open(folder.path(), database.clone(), member_limits(&configuration))
            .await
            .context("cannot open the document libraries that are made of members")?;
        let settings = service_settings(&configuration, activities.clone());
        let service = BackupService::open(settings, database.clone(), store.clone(), members.clone())
            .await
            .context("cannot open the backup service")?;
        let hosts = Arc::new(Hosts::new(&configuration));
        Ok(Self {
            configuration,
            folder,
            hosts,
            database,
            store,
            uploads,
            members,
            service,
            activities,
            stopping: watch::Sender::new(false),
        })
    }

    /// Ends what would go on for ever.
    pub(crate) fn stop(&self) {
        self.stopping.send_replace(true);
    }

    /// The environments whose services these are, in the order of the configuration.
    pub(crate) fn environments(&self) -> Vec<EnvironmentId> {
        kept_here(&self.configuration)
    }

    /// The documented API of each environment, for callers whom `authenticator` lets in.
    pub(crate) fn routers(
        &self,
        authenticator: Arc<dyn Authenticator>,
    ) -> Result<HashMap<EnvironmentId, Router>> {
        let router = |id: EnvironmentId| {
            let api = self
                .service
                .environment(&id)
                .with_context(|| format!("{id} is not served"))?;
            let router = ServiceRouter {
                api,
                authenticator: authenticator.clone(),
                activities: self.activities.clone(),
                uploads: self.uploads.clone(),
                files: self
                    .service
                    .files(&id)
                    .with_context(|| format!("{id} is not served"))?,
                version: VERSION.into(),
                stopping: self.stopping.subscribe(),
            };
            Ok((id, router.into_router()))
        };
        self.environments().into_iter().map(router).collect()
    }
}

fn kept_here(configuration: &Configuration) -> Vec<EnvironmentId> {
    let environments = configuration.environments();
    let kept = environments.filter(|environment| environment.elsewhere.is_none());
    kept.map(|environment| environment.id.clone()).collect()
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

fn member_limits(configuration: &Configuration) -> MemberLimits {
    MemberLimits {
        largest_content: configuration.uploads.largest_archive,
        smallest_free_space: configuration.uploads.smallest_free_space,
        unneeded_bytes: configuration.uploads.largest_unfinished,
        inspection: configuration.uploads.inspection,
        lifetime: configuration.uploads.keep_unfinished,
    }
}

fn service_settings(configuration: &Configuration, activities: Arc<dyn ActivitySink>) -> ServiceSettings {
    ServiceSettings {
        environments: kept_here(configuration),
        upload_idle_timeout: configuration.uploads.idle_timeout,
        download_idle_timeout: configuration.downloads.idle_timeout,
        largest_archive: configuration.uploads.largest_archive,
        version: VERSION.to_owned(),
        activities,
    }
}
