//! What the services of all environments stand on.

use std::{sync::Arc, time::Duration};

use archive_store::ArchiveStore;
use backup_api::ActivitySink;
use database::Database;
use member_store::MemberStore;
use operations::Operations;
use tokio::sync::Mutex;

use crate::{Clock, use_references::UseReferences};

/// What every environment's service shares.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) database: Database,
    pub(crate) store: ArchiveStore,
    /// Document libraries that are made of members.
    pub(crate) members: MemberStore,
    pub(crate) operations: Operations,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) activities: Arc<dyn ActivitySink>,
    pub(crate) upload_idle_timeout: Duration,
    pub(crate) download_idle_timeout: Duration,
    pub(crate) largest_archive: u64,
    pub(crate) version: String,
    /// Held while the folder of a backup that stands is changed: a manifest never gets into one that is going.
    pub(crate) folders: Mutex<()>,
    /// Who reads which backup.
    pub(crate) uses: UseReferences,
}
