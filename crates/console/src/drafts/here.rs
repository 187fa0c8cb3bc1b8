//! Drafts in the store of this machine, which the embedded service shares.

use archive_store::{
    ArchiveId, StoreError,
    uploads::{NewUpload, ResumableUploads, UploadError},
};
use backup_api::{
    Actor, ApiError, EnvironmentId, Part, ResumableApi, ResumableFuture, StoredArchive, UploadContent,
    UploadProgress, UploadRefusal,
};

use crate::ConsoleError;

const SCOPE_PREFIX: &str = "draft/";

/// Apart from the uploads that the same person makes through the API: those are no drafts.
pub(super) fn scope(actor: &Actor, environment: &EnvironmentId) -> String {
    format!("{SCOPE_PREFIX}{}/{environment}", actor.id)
}

/// The uploads to one environment in the store of this machine.
#[derive(Debug)]
pub(super) struct UploadsHere {
    uploads: ResumableUploads,
    environment: EnvironmentId,
}

impl UploadsHere {
    pub(super) const fn new(uploads: ResumableUploads, environment: EnvironmentId) -> Self {
        Self { uploads, environment }
    }

    fn scope(&self, actor: &Actor) -> String {
        scope(actor, &self.environment)
    }
}

impl ResumableApi for UploadsHere {
    fn largest<'a>(&'a self, _actor: &'a Actor) -> ResumableFuture<'a, Option<u64>> {
        Box::pin(std::future::ready(Ok(Some(self.uploads.largest_upload()))))
    }

    fn create<'a>(
        &'a self,
        actor: &'a Actor,
        part: Part,
        length: u64,
    ) -> ResumableFuture<'a, UploadProgress> {
        let new = NewUpload {
            scope: self.scope(actor),
            part: Some(part),
            length: Some(length),
            metadata: String::new(),
        };
        Box::pin(async move { self.uploads.create(new).await.map(Into::into).map_err(refusal) })
    }

    fn progress<'a>(&'a self, actor: &'a Actor, id: &'a str) -> ResumableFuture<'a, UploadProgress> {
        Box::pin(async move {
            let found = self.uploads.state(&self.scope(actor), &read(id)?).await;
            found.map_err(refusal)?.map(Into::into).ok_or(UploadRefusal::Gone)
        })
    }

    fn end<'a>(&'a self, actor: &'a Actor, id: &'a str) -> ResumableFuture<'a, ()> {
        Box::pin(async move {
            let ended = self.uploads.terminate(&self.scope(actor), &read(id)?).await;
            ended.map_err(refusal)
        })
    }

    fn finished<'a>(&'a self, actor: &'a Actor, id: &'a str) -> ResumableFuture<'a, UploadContent> {
        Box::pin(async move {
            let archive = self.uploads.finished(&self.scope(actor), &read(id)?).await;
            let id = archive.map_err(refusal)?.id().to_string();
            Ok(UploadContent::Stored(StoredArchive { id }))
        })
    }
}

/// An upload of a draft in the store of this machine.
pub(super) struct UploadHere {
    uploads: ResumableUploads,
    scope: String,
    id: ArchiveId,
}

impl UploadHere {
    /// All of them, of all people and environments.
    pub(super) async fn all(uploads: &ResumableUploads) -> Result<Vec<Self>, ConsoleError> {
        let scoped = uploads.scoped(SCOPE_PREFIX).await;
        let scoped = scoped.map_err(ConsoleError::internal)?.into_iter();
        let named = scoped.map(|(scope, id)| Self {
            uploads: uploads.clone(),
            scope,
            id,
        });
        Ok(named.collect())
    }

    pub(super) fn id(&self) -> &str {
        self.id.as_str()
    }

    /// Ends it; false where it has expired, and goes with those.
    pub(super) async fn end(&self) -> Result<bool, ConsoleError> {
        match self.uploads.terminate(&self.scope, &self.id).await {
            Ok(()) => Ok(true),
            Err(UploadError::NoSuchUpload) => Ok(false),
            Err(error) => Err(ConsoleError::internal(error)),
        }
    }
}

/// A text that is no id names no upload.
fn read(id: &str) -> Result<ArchiveId, UploadRefusal> {
    id.parse().map_err(|_| UploadRefusal::Gone)
}

fn refusal(error: UploadError) -> UploadRefusal {
    match error {
        UploadError::NoSuchUpload => UploadRefusal::Gone,
        UploadError::Unfinished { .. } => UploadRefusal::Unfinished,
        UploadError::Rejected { findings } => ApiError::ArchiveRejected(findings).into(),
        UploadError::TooManyUploads { .. } => UploadRefusal::TooMany,
        UploadError::QuotaExceeded { limit } => UploadRefusal::Quota { limit },
        UploadError::Store(StoreError::Empty) => UploadRefusal::Empty,
        UploadError::Store(StoreError::TooLarge { limit }) => ApiError::TooLarge { limit }.into(),
        UploadError::Store(StoreError::Full { needed, available }) => {
            ApiError::StoreFull { needed, available }.into()
        }
        other => ApiError::internal(other).into(),
    }
}
