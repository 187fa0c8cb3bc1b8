//! What the API of one environment stands on, and every handler knows.

use std::{fmt, sync::Arc};

use archive_store::uploads::ResumableUploads;
use backup_api::{ActivitySink, BackupApi};
use tokio::sync::watch;

use super::credentials::Authenticator;
use crate::LibraryFiles;

/// What the API of one environment stands on.
#[derive(Clone)]
pub struct ServiceRouter {
    /// The environment's service.
    pub api: Arc<dyn BackupApi>,
    /// Who may call.
    pub authenticator: Arc<dyn Authenticator>,
    /// What is told who was refused.
    pub activities: Arc<dyn ActivitySink>,
    /// The resumable uploads of the store that the service adopts archives from.
    pub uploads: ResumableUploads,
    /// The environment's document libraries, file by file.
    pub files: LibraryFiles,
    /// What `GET /` says.
    pub version: Arc<str>,
    /// Becomes true when the process stops: streams of events end then.
    pub stopping: watch::Receiver<bool>,
}

impl fmt::Debug for ServiceRouter {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("ServiceRouter")
            .field("environment", self.api.environment())
            .field("version", &self.version)
            .finish_non_exhaustive()
    }
}
