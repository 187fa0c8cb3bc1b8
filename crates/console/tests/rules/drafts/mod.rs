//! Pairs on their way in, over a real store of archives: what all of these tests begin with.

mod access;
mod at_once;
mod choosing;
mod elsewhere;
mod ending;
mod initiating;
mod inspecting;
mod limits;

use std::{collections::HashMap, time::Duration};

use archive_store::{
    ArchiveStore, InspectionLimits, StoreLimits,
    uploads::{Continuation, ResumableUploads, UploadLimits},
};
use backup_api::{Actor, ApiError, BackupStatus, EnvironmentId, Part, Problem};
use console::{Choice, ConsoleError, DraftFile, Drafts, FileFacts};
use futures_util::{StreamExt as _, stream};
use sha2::{Digest as _, Sha256};

use crate::support::{EMAIL, PASSWORD, Service, Setting, backup, id, secret, settings};

const LARGEST: u64 = 1_000_000;
const LIMITS: UploadLimits = UploadLimits {
    bytes_per_scope: 3 * LARGEST,
    uploads_per_scope: 16,
    lifetime: Duration::from_hours(1),
};

/// The drafts of a console with two environments, as a server has them.
struct Desk {
    setting: Setting,
    service: Service,
    uploads: ResumableUploads,
    drafts: Drafts,
    actor: Actor,
    environment: EnvironmentId,
}

impl Desk {
    async fn new() -> Self {
        Self::with_limits(LIMITS).await
    }

    async fn with_limits(limits: UploadLimits) -> Self {
        let service = Service::holding(vec![backup("202611230100", 10, BackupStatus::Success)], None);
        let setting = Setting::with(environments(&service)).await;
        let owner = setting
            .console
            .create_administrator(EMAIL, &secret(PASSWORD))
            .await
            .unwrap();
        Self::over(setting, service, limits, owner.actor()).await
    }

    async fn over(setting: Setting, service: Service, limits: UploadLimits, actor: Actor) -> Self {
        let store_limits = StoreLimits {
            largest_archive: LARGEST,
            smallest_free_space: 0,
            inspection: InspectionLimits::USUAL,
        };
        let store = ArchiveStore::open(setting.folder.path(), setting.database.clone(), store_limits)
            .await
            .unwrap();
        let uploads = ResumableUploads::open(store, limits).await.unwrap();
        Self {
            drafts: Drafts::new(setting.console.clone(), uploads.clone(), HashMap::new()),
            setting,
            service,
            uploads,
            actor,
            environment: id("lfrjoebloggs", "prd"),
        }
    }

    /// As after the end of the server.
    async fn restarted(self) -> Self {
        let Setting {
            console,
            database,
            folder,
        } = self.setting;
        drop((console, self.drafts, self.uploads));
        database.close().await;
        let setting = Setting::open(folder, environments(&self.service)).await;
        Self::over(setting, self.service, LIMITS, self.actor).await
    }

    async fn try_choose(&self, part: Part, file: FileFacts) -> Result<Choice, ConsoleError> {
        self.drafts
            .choose(&self.actor, &self.environment, part, file, None)
            .await
    }

    async fn choose(&self, part: Part, file: FileFacts) -> DraftFile {
        ready(self.try_choose(part, file).await)
    }

    async fn choose_instead(&self, part: Part, file: FileFacts, instead: &str) -> Choice {
        self.drafts
            .choose(&self.actor, &self.environment, part, file, Some(instead))
            .await
            .unwrap()
    }

    async fn draft(&self) -> Vec<DraftFile> {
        self.drafts.of(&self.actor, &self.environment).await.unwrap()
    }

    async fn append(&self, upload: &str, offset: usize, bytes: &[u8]) {
        let scope = self.drafts.scope(&self.actor, &self.environment).await.unwrap();
        self.append_in(&scope, upload, offset, bytes).await;
    }

    async fn append_in(&self, scope: &str, upload: &str, offset: usize, bytes: &[u8]) {
        let body = stream::iter([Ok(bytes.to_vec().into())]).boxed();
        let offset = offset.try_into().unwrap();
        self.uploads
            .append(scope, &upload.parse().unwrap(), Continuation::at(offset), body)
            .await
            .unwrap();
    }

    /// Chooses a file and sends all of it.
    async fn bring(&self, part: Part, bytes: &[u8]) -> String {
        let draft = self.choose(part, facts(bytes)).await;
        self.append(&draft.upload, 0, bytes).await;
        draft.upload
    }

    async fn discard(&self, part: Part, upload: &str) {
        self.drafts
            .discard(&self.actor, &self.environment, part, upload)
            .await
            .unwrap();
    }

    async fn initiate(&self, database: &str, volume: &str) -> Result<backup_api::Backup, ConsoleError> {
        self.drafts
            .initiate(
                &self.actor,
                &self.environment,
                database.to_owned(),
                volume.to_owned(),
            )
            .await
    }

    /// Records of drafts, of uploads and of archives.
    async fn records(&self) -> [i64; 3] {
        let count = |table: &str| format!("SELECT count(*) FROM {table}");
        [
            self.setting.number(&count("draft_files")).await.unwrap(),
            self.setting.number(&count("uploads")).await.unwrap(),
            self.setting.number(&count("archives")).await.unwrap(),
        ]
    }

    fn bytes_on_disk(&self) -> u64 {
        let files = std::fs::read_dir(self.setting.folder.path().join("archives")).unwrap();
        files.map(|file| file.unwrap().metadata().unwrap().len()).sum()
    }
}

fn environments(service: &Service) -> Vec<console::EnvironmentSettings> {
    vec![
        settings("lfrjoebloggs", "prd", service.clone()),
        settings("lfrjoebloggs", "dev", service.clone()),
    ]
}

fn ready(choice: Result<Choice, ConsoleError>) -> DraftFile {
    match choice {
        Ok(Choice::Ready(draft)) => draft,
        other => panic!("{other:?}"),
    }
}

/// What a browser would tell of a file with these bytes.
fn facts(bytes: &[u8]) -> FileFacts {
    FileFacts {
        name: "database.gz".to_owned(),
        size: bytes.len().try_into().unwrap(),
        modified: 1_700_000_000_000,
        sample: hex::encode(Sha256::digest(bytes)),
    }
}

/// A file of `size` bytes of which none is ever sent.
fn file(size: u64) -> FileFacts {
    FileFacts {
        size,
        ..facts(b"whichever")
    }
}

/// The sentence a refusal is answered with.
fn sentence(error: ConsoleError) -> String {
    match error {
        ConsoleError::Api(ApiError::Internal(error)) => panic!("a fault: {error:?}"),
        ConsoleError::Api(error) => Problem::from(&error).detail,
        other => panic!("{other:?}"),
    }
}
