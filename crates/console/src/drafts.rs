//! Pairs on their way in: what a person is uploading to an environment, until it becomes a backup.
//!
//! A draft is two rows at most, one for each part, and the bytes of each are a resumable upload of the archive store.
//! So a draft survives whatever an upload survives: a reload, another browser, another day, a restart. The file itself
//! stays with the person; what is kept of it here is enough to tell whether a file that is chosen later is the same.
//! The table's key sees to it that two tabs that choose at once end up with one upload.

mod facts;

use std::sync::Arc;

use archive_store::{
    StoreError, failpoints,
    uploads::{NewUpload, ResumableUploads, UploadError, UploadState},
};
use backup_api::{Action, Actor, ApiError, Backup, BodyError, EnvironmentId, Part, Upload};
use database::sqlx::{Row, query, sqlite::SqliteRow};
use jiff::Timestamp;
use tokio::sync::Mutex;

pub use facts::{Difference, FileFacts};

use crate::{Console, ConsoleError};

const SCOPE_PREFIX: &str = "draft/";

/// One half of a draft.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DraftFile {
    /// Which half.
    pub part: Part,
    /// The resumable upload that takes its bytes.
    pub upload: String,
    /// The file it comes from.
    pub file: FileFacts,
    /// Durable bytes, never more.
    pub received: u64,
    /// The SHA-256 of all bytes, in lower-case hexadecimal, once they are all there.
    pub sha256: Option<String>,
    /// When it goes, if nobody goes on with it.
    pub expires_at: Timestamp,
}

/// What choosing a file leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Choice {
    /// Its bytes are taken from [`DraftFile::received`] on.
    Ready(DraftFile),
    /// Another file is half there. Nothing changed.
    Other {
        /// That file.
        there: DraftFile,
        /// In what the chosen one is another.
        differences: Vec<Difference>,
    },
}

/// The drafts of all people; clones share them.
///
/// Apart from [`Console`], which is also opened by commands that run beside a server: only one process may have the
/// unfinished uploads.
#[derive(Debug, Clone)]
pub struct Drafts {
    console: Console,
    uploads: ResumableUploads,
    /// Held while a file is chosen: two tabs must not need room for the same file twice.
    choosing: Arc<Mutex<()>>,
}

impl Drafts {
    /// The drafts that `console` keeps, with their bytes in `uploads`.
    pub fn new(console: Console, uploads: ResumableUploads) -> Self {
        Self {
            console,
            uploads,
            choosing: Arc::default(),
        }
    }

    /// Removes uploads that were made for a draft and never came into one, because the process died in between, and
    /// gives how many. Only for start-up: later, one that is not in its draft yet is about to be.
    pub async fn discard_unknown(&self) -> Result<usize, ConsoleError> {
        let mut gone = 0;
        for (scope, id) in self
            .uploads
            .scoped(SCOPE_PREFIX)
            .await
            .map_err(ConsoleError::internal)?
        {
            let known = query("SELECT 1 FROM draft_files WHERE upload_id = $1")
                .bind(id.as_str())
                .fetch_optional(self.console.database.reader())
                .await?;
            if known.is_some() {
                continue;
            }
            match self.uploads.terminate(&scope, &id).await {
                Ok(()) => gone += 1,
                // It has expired, and goes with those.
                Err(UploadError::NoSuchUpload) => {}
                Err(error) => return Err(ConsoleError::internal(error)),
            }
        }
        Ok(gone)
    }

    /// The scope of a person's uploads to an environment, for whoever may upload there.
    pub async fn scope(&self, actor: &Actor, environment: &EnvironmentId) -> Result<String, ConsoleError> {
        self.console
            .service_for(actor, environment, Action::Upload)
            .await?;
        Ok(scope(actor, environment))
    }

    /// What of a pair is there, in the order of [`Part::ALL`].
    pub async fn of(
        &self,
        actor: &Actor,
        environment: &EnvironmentId,
    ) -> Result<Vec<DraftFile>, ConsoleError> {
        self.scope(actor, environment).await?;
        let mut files = Vec::new();
        for part in Part::ALL {
            files.extend(self.find(actor, environment, part).await?);
        }
        Ok(files)
    }

    /// Makes room for a file, or finds how much of it is there. Where another file is half there it has to be named by
    /// its upload to be given up `instead`.
    pub async fn choose(
        &self,
        actor: &Actor,
        environment: &EnvironmentId,
        part: Part,
        file: FileFacts,
        instead: Option<&str>,
    ) -> Result<Choice, ConsoleError> {
        self.scope(actor, environment).await?;
        file.judge()?;
        self.judge_size(part, file.size)?;
        let (drafts, actor, environment) = (self.clone(), actor.clone(), environment.clone());
        let instead = instead.map(str::to_owned);
        // In a task of its own: whoever hangs up meanwhile must not leave an upload that no draft knows.
        let choosing = async move {
            drafts
                .find_or_make_room(&actor, &environment, part, file, instead.as_deref())
                .await
        };
        tokio::spawn(choosing).await.map_err(ConsoleError::internal)?
    }

    /// Gives up one half of a draft and its bytes; one that is gone already is fine.
    pub async fn discard(
        &self,
        actor: &Actor,
        environment: &EnvironmentId,
        part: Part,
        upload: &str,
    ) -> Result<(), ConsoleError> {
        let scope = self.scope(actor, environment).await?;
        self.terminate(&scope, part, upload).await?;
        self.forget(actor, environment, part, upload).await
    }

    /// Makes a backup of two finished uploads and answers when it stands. The same two make one backup, however often
    /// this is asked; dropping the future changes nothing about how it ends.
    pub async fn initiate(
        &self,
        actor: &Actor,
        environment: &EnvironmentId,
        database: String,
        volume: String,
    ) -> Result<Backup, ConsoleError> {
        let service = self
            .console
            .service_for(actor, environment, Action::Upload)
            .await?;
        let key = format!("draft {database} {volume}");
        let upload = Upload {
            announced_length: None,
            parts: self.uploads.clone().stored_parts(
                scope(actor, environment),
                [(Part::Database, database), (Part::Volume, volume)],
                refusal,
            ),
            note: None,
            idempotency_key: Some(key),
        };
        Ok(service.upload(actor, upload).await?)
    }

    /// Refuses what can never be taken, before another file gives way to it.
    fn judge_size(&self, part: Part, size: u64) -> Result<(), ConsoleError> {
        let limit = self.uploads.largest_upload();
        if size == 0 {
            return Err(from_upload(part, StoreError::Empty.into()));
        }
        if size > limit {
            return Err(ApiError::TooLarge { limit }.into());
        }
        Ok(())
    }

    async fn find_or_make_room(
        &self,
        actor: &Actor,
        environment: &EnvironmentId,
        part: Part,
        file: FileFacts,
        instead: Option<&str>,
    ) -> Result<Choice, ConsoleError> {
        let scope = scope(actor, environment);
        let _choosing = self.choosing.lock().await;
        loop {
            if let Some(there) = self.find(actor, environment, part).await? {
                let differences = there.file.differences(&file);
                if differences.is_empty() {
                    return Ok(Choice::Ready(there));
                }
                if instead != Some(there.upload.as_str()) {
                    return Ok(Choice::Other { there, differences });
                }
                self.discard(actor, environment, part, &there.upload).await?;
            }
            let new = NewUpload {
                scope: scope.clone(),
                length: Some(file.size),
                metadata: String::new(),
            };
            let upload = self
                .uploads
                .create(new)
                .await
                .map_err(|error| from_upload(part, error))?;
            failpoints::reached("draft-before-row");
            if self
                .insert(actor, environment, part, &upload.id.to_string(), &file)
                .await?
            {
                return Ok(Choice::Ready(draft_file(part, file, upload)));
            }
            // Another tab was quicker.
            self.terminate(&scope, part, upload.id.as_str()).await?;
        }
    }

    /// A half of a draft; what it says of an upload that has expired or become a backup is forgotten.
    async fn find(
        &self,
        actor: &Actor,
        environment: &EnvironmentId,
        part: Part,
    ) -> Result<Option<DraftFile>, ConsoleError> {
        let row = query(
            "SELECT upload_id, name, size, modified, sample FROM draft_files
             WHERE actor_id = $1 AND environment = $2 AND part = $3",
        )
        .bind(&actor.id)
        .bind(environment.to_string())
        .bind(part.as_str())
        .fetch_optional(self.console.database.reader())
        .await?;
        let Some((upload, file)) = row.as_ref().map(read).transpose()? else {
            return Ok(None);
        };
        let state = match upload.parse() {
            Ok(id) => self
                .uploads
                .state(&scope(actor, environment), &id)
                .await
                .map_err(ConsoleError::internal)?,
            Err(_) => None,
        };
        if state.is_none() {
            self.forget(actor, environment, part, &upload).await?;
        }
        Ok(state.map(|state| draft_file(part, file, state)))
    }

    /// False where the draft has this part already.
    async fn insert(
        &self,
        actor: &Actor,
        environment: &EnvironmentId,
        part: Part,
        upload: &str,
        file: &FileFacts,
    ) -> Result<bool, ConsoleError> {
        let mut transaction = self.console.database.begin().await?;
        let inserted = query(
            "INSERT INTO draft_files (actor_id, environment, part, upload_id, name, size, modified, sample)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (actor_id, environment, part) DO NOTHING",
        )
        .bind(&actor.id)
        .bind(environment.to_string())
        .bind(part.as_str())
        .bind(upload)
        .bind(&file.name)
        .bind(i64::try_from(file.size).map_err(ConsoleError::internal)?)
        .bind(file.modified)
        .bind(&file.sample)
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok(inserted.rows_affected() == 1)
    }

    async fn forget(
        &self,
        actor: &Actor,
        environment: &EnvironmentId,
        part: Part,
        upload: &str,
    ) -> Result<(), ConsoleError> {
        let mut transaction = self.console.database.begin().await?;
        query(
            "DELETE FROM draft_files WHERE actor_id = $1 AND environment = $2 AND part = $3 AND upload_id = $4",
        )
        .bind(&actor.id)
        .bind(environment.to_string())
        .bind(part.as_str())
        .bind(upload)
        .execute(&mut *transaction)
        .await?;
        Ok(transaction.commit().await?)
    }

    async fn terminate(&self, scope: &str, part: Part, upload: &str) -> Result<(), ConsoleError> {
        let Ok(id) = upload.parse() else { return Ok(()) };
        match self.uploads.terminate(scope, &id).await {
            Ok(()) | Err(UploadError::NoSuchUpload) => Ok(()),
            Err(error) => Err(from_upload(part, error)),
        }
    }
}

/// Apart from the uploads that the same person makes through the API: those are no drafts.
fn scope(actor: &Actor, environment: &EnvironmentId) -> String {
    format!("{SCOPE_PREFIX}{}/{environment}", actor.id)
}

fn read(row: &SqliteRow) -> Result<(String, FileFacts), ConsoleError> {
    let size: i64 = row.try_get("size")?;
    let file = FileFacts {
        name: row.try_get("name")?,
        size: u64::try_from(size).map_err(ConsoleError::internal)?,
        modified: row.try_get("modified")?,
        sample: row.try_get("sample")?,
    };
    Ok((row.try_get("upload_id")?, file))
}

fn draft_file(part: Part, file: FileFacts, state: UploadState) -> DraftFile {
    DraftFile {
        part,
        upload: state.id.to_string(),
        file,
        received: state.offset,
        sha256: state.finished.map(hex::encode),
        expires_at: state.expires_at,
    }
}

fn from_upload(part: Part, error: UploadError) -> ConsoleError {
    let refusal = match error {
        UploadError::TooManyUploads { .. } => ApiError::QuotaExceeded {
            detail: "You have too many unfinished uploads to this environment. Remove one of them first."
                .to_owned(),
        },
        UploadError::QuotaExceeded { limit } => ApiError::QuotaExceeded {
            detail: format!(
                "All your unfinished uploads to this environment may have {limit} bytes together. Remove one of them first."
            ),
        },
        UploadError::Store(StoreError::TooLarge { limit }) => ApiError::TooLarge { limit },
        UploadError::Store(StoreError::Full { needed, available }) => {
            ApiError::StoreFull { needed, available }
        }
        UploadError::Store(StoreError::Empty) => ApiError::InvalidRequest {
            detail: format!(
                "This file is empty. Make it again with `{}` and look at its size.",
                part.preparation()
            ),
        },
        other => ApiError::internal(other),
    };
    refusal.into()
}

/// Why a draft makes no backup, for the person who asked for it.
fn refusal(part: Part, error: UploadError) -> BodyError {
    match error {
        UploadError::NoSuchUpload => BodyError::Malformed(format!(
            "The file for {} is not here any more: it was used, removed or has expired. Choose it again.",
            part.title()
        )),
        UploadError::Unfinished { .. } => BodyError::Malformed(format!(
            "The file for {} has not arrived completely. Choose it again to go on where it stopped.",
            part.title()
        )),
        other => BodyError::Read(std::io::Error::other(other)),
    }
}
