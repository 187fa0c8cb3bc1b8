//! Where the bytes of drafts wait, by environment.

use std::{collections::HashMap, sync::Arc};

use archive_store::uploads::ResumableUploads;
use backup_api::{EnvironmentId, ResumableApi};
use tokio::sync::{Mutex, MutexGuard};

use super::here::{UploadHere, UploadsHere};
use crate::{ConsoleError, Project};

/// The places of all environments.
#[derive(Debug)]
pub(super) struct Places {
    here: ResumableUploads,
    environments: HashMap<EnvironmentId, Place>,
}

/// The place of one environment.
#[derive(Debug)]
pub(super) struct Place {
    uploads: Arc<dyn ResumableApi>,
    /// Held while a file is chosen: two tabs must not need room for the same file twice. One for each environment,
    /// because a service that does not answer must not keep those who upload to another.
    choosing: Mutex<()>,
}

impl Places {
    pub(super) fn new(
        projects: &[Project],
        here: ResumableUploads,
        mut elsewhere: HashMap<EnvironmentId, Arc<dyn ResumableApi>>,
    ) -> Self {
        let environments = projects.iter().flat_map(|project| &project.environments);
        let environments = environments.map(|environment| {
            let id = environment.id.clone();
            let uploads = elsewhere
                .remove(&id)
                .unwrap_or_else(|| Arc::new(UploadsHere::new(here.clone(), id.clone())));
            let choosing = Mutex::default();
            (id, Place { uploads, choosing })
        });
        Self {
            environments: environments.collect(),
            here,
        }
    }

    pub(super) fn of(&self, environment: &EnvironmentId) -> Result<&Place, ConsoleError> {
        self.environments
            .get(environment)
            .ok_or(ConsoleError::NoSuchEnvironment)
    }

    /// What of all drafts is on this machine.
    pub(super) async fn uploads_here(&self) -> Result<Vec<UploadHere>, ConsoleError> {
        UploadHere::all(&self.here).await
    }
}

impl Place {
    pub(super) fn uploads(&self) -> Arc<dyn ResumableApi> {
        self.uploads.clone()
    }

    pub(super) async fn choosing(&self) -> MutexGuard<'_, ()> {
        self.choosing.lock().await
    }
}
