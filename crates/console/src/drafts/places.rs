//! Where the bytes of drafts wait, by environment.
//!
//! Wherever a service takes uploads piece by piece they wait there, so that they travel once and are kept once. Services
//! that came before ours take nothing but complete pairs; for those the bytes wait here. Which of the two a service is, is
//! asked when it matters and not at the start, when it may be away.

use std::{collections::HashMap, sync::Arc};

use archive_store::uploads::ResumableUploads;
use backup_api::{
    Actor, ApiError, EnvironmentId, ResumableApi, UploadAtService, UploadContent, UploadProgress,
    UploadRefusal,
};
use tokio::sync::{Mutex, MutexGuard, SetOnce};

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
    here: Arc<UploadsHere>,
    there: Option<There>,
    /// Held while a file is chosen: two tabs must not need room for the same file twice. One for each environment,
    /// because a service that does not answer must not keep those who upload to another.
    choosing: Mutex<()>,
}

/// The service of an environment on another machine.
#[derive(Debug)]
struct There {
    uploads: Arc<dyn ResumableApi>,
    /// Set once it has said that it takes uploads. That it does not is asked anew each time: it may have been somebody
    /// else who answered while it was away.
    takes_uploads: SetOnce<()>,
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
            let there = elsewhere.remove(&id).map(|uploads| There {
                uploads,
                takes_uploads: SetOnce::new(),
            });
            let place = Place {
                here: Arc::new(UploadsHere::new(here.clone(), id.clone())),
                there,
                choosing: Mutex::default(),
            };
            (id, place)
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
    /// Where new uploads are made.
    pub(super) async fn for_new(&self, actor: &Actor) -> Result<Arc<dyn ResumableApi>, UploadRefusal> {
        match &self.there {
            Some(there) if there.takes_uploads(actor).await? => Ok(there.uploads.clone()),
            _ => Ok(self.here.clone()),
        }
    }

    pub(super) async fn progress(
        &self,
        actor: &Actor,
        upload: &str,
    ) -> Result<UploadProgress, UploadRefusal> {
        self.of_upload(actor, upload).await?.progress(actor, upload).await
    }

    pub(super) async fn end(&self, actor: &Actor, upload: &str) -> Result<(), UploadRefusal> {
        self.of_upload(actor, upload).await?.end(actor, upload).await
    }

    /// A complete upload as one half of a backup. One that is gone at a service on another machine may be half of the
    /// backup that the same request made before, which only the service knows: it is asked all the same.
    pub(super) async fn finished(&self, actor: &Actor, upload: &str) -> Result<UploadContent, UploadRefusal> {
        let finished = self.of_upload(actor, upload).await?.finished(actor, upload).await;
        match finished {
            Err(UploadRefusal::Gone) if self.there.is_some() => {
                let id = upload.to_owned();
                Ok(UploadContent::AtService(UploadAtService { id }))
            }
            finished => finished,
        }
    }

    /// Where an upload is that was made before.
    async fn of_upload(&self, actor: &Actor, upload: &str) -> Result<Arc<dyn ResumableApi>, UploadRefusal> {
        let Some(there) = &self.there else {
            return Ok(self.here.clone());
        };
        match self.here.progress(actor, upload).await {
            Ok(_) => Ok(self.here.clone()),
            Err(UploadRefusal::Gone) => Ok(there.uploads.clone()),
            Err(refusal) => Err(refusal),
        }
    }

    pub(super) async fn choosing(&self) -> MutexGuard<'_, ()> {
        self.choosing.lock().await
    }
}

impl There {
    async fn takes_uploads(&self, actor: &Actor) -> Result<bool, UploadRefusal> {
        if self.takes_uploads.initialized() {
            return Ok(true);
        }
        match self.uploads.largest(actor).await {
            Ok(_) => {
                // Two who ask at once hear the same.
                let _ = self.takes_uploads.set(());
                Ok(true)
            }
            Err(UploadRefusal::Api(ApiError::NotAvailable { .. })) => Ok(false),
            Err(refusal) => Err(refusal),
        }
    }
}
