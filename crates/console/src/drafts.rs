//! Pairs on their way in: what a person is uploading to an environment, until it becomes a backup.
//!
//! A draft is two rows at most, one for each part, and the bytes of each are a resumable upload. So a draft survives
//! whatever an upload survives: a reload, another browser, another day, a restart. The file itself stays with the
//! person; what is kept of it here is enough to tell whether a file that is chosen later is the same. The table's key
//! sees to it that two tabs that choose at once end up with one upload.
//!
//! The bytes wait where they become a backup: in the store that is shared with an embedded service, or at the service
//! on another machine. The rules are the same for both, and are here; [`places`] knows which it is.

mod facts;
mod here;
mod places;
mod refusals;
mod rows;

use std::{collections::HashMap, sync::Arc};

use archive_store::{failpoints, uploads::ResumableUploads};
use backup_api::{
    Action, Actor, ApiError, Backup, BodyError, EnvironmentId, Finding, Part, PartStream, ResumableApi,
    Upload, UploadInspection, UploadPart, UploadProgress, UploadRefusal,
};
use futures_util::{StreamExt as _, stream};
use jiff::Timestamp;

pub use facts::{Difference, FileFacts};

use self::{places::Places, rows::DraftKey};
use crate::{Console, ConsoleError, patience::in_time};

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
    /// What its inspection says, once bytes were looked at.
    pub inspection: Option<UploadInspection>,
}

impl DraftFile {
    /// In one line what it is, as far as is known.
    pub fn summary(&self) -> Option<&str> {
        self.inspection.as_ref().map(UploadInspection::summary)
    }

    /// What was noticed, worst first.
    pub fn findings(&self) -> &[Finding] {
        self.inspection
            .as_ref()
            .map(UploadInspection::findings)
            .unwrap_or_default()
    }

    /// Whether it was refused: nothing is left of it but what was found, and any file may be chosen instead.
    pub fn is_refused(&self) -> bool {
        self.inspection.as_ref().is_some_and(UploadInspection::is_refused)
    }
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
    places: Arc<Places>,
}

impl Drafts {
    /// The drafts that `console` keeps, with their bytes in `uploads`; for environments that `elsewhere` names, there.
    pub fn new(
        console: Console,
        uploads: ResumableUploads,
        elsewhere: HashMap<EnvironmentId, Arc<dyn ResumableApi>>,
    ) -> Self {
        let places = Arc::new(Places::new(console.projects(), uploads, elsewhere));
        Self { console, places }
    }

    /// Removes uploads that were made for a draft and never came into one, because the process died in between, and
    /// gives how many. Only for start-up: later, one that is not in its draft yet is about to be. Those at other
    /// services expire there.
    pub async fn discard_unknown(&self) -> Result<usize, ConsoleError> {
        let mut gone = 0;
        for upload in self.places.uploads_here().await? {
            if !rows::is_known(&self.console.database, upload.id()).await? && upload.end().await? {
                gone += 1;
            }
        }
        Ok(gone)
    }

    /// The scope of a person's uploads to an environment in the store of this machine, for whoever may upload there.
    pub async fn scope(&self, actor: &Actor, environment: &EnvironmentId) -> Result<String, ConsoleError> {
        self.authorise(actor, environment).await?;
        Ok(here::scope(actor, environment))
    }

    /// Whether an upload belongs to the person's draft, for whoever may upload there.
    pub async fn holds(
        &self,
        actor: &Actor,
        environment: &EnvironmentId,
        upload: &str,
    ) -> Result<bool, ConsoleError> {
        self.authorise(actor, environment).await?;
        rows::holds(&self.console.database, actor, environment, upload).await
    }

    async fn authorise(&self, actor: &Actor, environment: &EnvironmentId) -> Result<(), ConsoleError> {
        let service = self.console.service_for(actor, environment, Action::Upload);
        service.await.map(drop)
    }

    /// What of a pair is there, in the order of [`Part::ALL`].
    pub async fn of(
        &self,
        actor: &Actor,
        environment: &EnvironmentId,
    ) -> Result<Vec<DraftFile>, ConsoleError> {
        self.authorise(actor, environment).await?;
        let halves = async {
            let mut files = Vec::new();
            for part in Part::ALL {
                match self.find(&DraftKey::new(actor, environment, part)).await {
                    Ok(Half::There(file)) => files.push(*file),
                    Ok(Half::Nothing | Half::OutOfSight(_)) => {}
                    Err(error) => return Ok(Err(error)),
                }
            }
            Ok(Ok(files))
        };
        in_time(environment, halves).await?
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
        self.authorise(actor, environment).await?;
        file.judge()?;
        let key = DraftKey::new(actor, environment, part);
        self.judge_size(&key, file.size).await?;
        let (drafts, instead) = (self.clone(), instead.map(str::to_owned));
        // In a task of its own: whoever hangs up meanwhile must not leave an upload that no draft knows.
        let choosing = async move { drafts.find_or_make_room(&key, file, instead.as_deref()).await };
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
        self.authorise(actor, environment).await?;
        self.give_up(&DraftKey::new(actor, environment, part), upload)
            .await
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
        let pair = [(Part::Database, database), (Part::Volume, volume)];
        let upload = Upload {
            announced_length: None,
            parts: self.halves(actor, environment, pair.clone()),
            note: None,
            idempotency_key: Some(key),
        };
        match service.upload(actor, upload).await {
            Err(ApiError::InvalidRequest { detail }) => {
                // A service on another machine does not know the words of this page.
                let gone = self.gone(actor, environment, pair).await?;
                Err(gone.unwrap_or(ApiError::InvalidRequest { detail }).into())
            }
            made => Ok(made?),
        }
    }

    /// Why a backup cannot be made of two uploads of which one is not there any more.
    async fn gone(
        &self,
        actor: &Actor,
        environment: &EnvironmentId,
        pair: [(Part, String); 2],
    ) -> Result<Option<ApiError>, ConsoleError> {
        let place = self.places.of(environment)?;
        for (part, upload) in pair {
            if let Err(UploadRefusal::Gone) = place.progress(actor, &upload).await {
                return Ok(Some(refusals::not_usable(part, UploadRefusal::Gone).into()));
            }
        }
        Ok(None)
    }

    /// Finished uploads as the parts of a backup. Each is looked up when its turn comes: a lock that is held is told
    /// first.
    fn halves(&self, actor: &Actor, environment: &EnvironmentId, pair: [(Part, String); 2]) -> PartStream {
        let (places, actor, environment) = (self.places.clone(), actor.clone(), environment.clone());
        stream::iter(pair)
            .then(move |(part, upload)| {
                let (places, actor, environment) = (places.clone(), actor.clone(), environment.clone());
                async move {
                    let place = places.of(&environment);
                    let place =
                        place.map_err(|_| BodyError::Refused(Box::new(ApiError::NoSuchEnvironment)))?;
                    let content = place.finished(&actor, &upload).await;
                    let content = content.map_err(|refusal| refusals::not_usable(part, refusal))?;
                    Ok(UploadPart { part, content })
                }
            })
            .boxed()
    }

    /// Refuses what can never be taken, before another file gives way to it.
    async fn judge_size(&self, key: &DraftKey, size: u64) -> Result<(), ConsoleError> {
        if size == 0 {
            return Err(refusals::not_made(key.part, UploadRefusal::Empty));
        }
        let not_made = |refusal| refusals::not_made(key.part, refusal);
        let uploads = self.places.of(&key.environment)?.for_new(&key.actor).await;
        let largest = uploads.map_err(not_made)?.largest(&key.actor).await;
        match largest.map_err(not_made)? {
            Some(limit) if size > limit => Err(ApiError::TooLarge { limit }.into()),
            _ => Ok(()),
        }
    }

    async fn find_or_make_room(
        &self,
        key: &DraftKey,
        file: FileFacts,
        instead: Option<&str>,
    ) -> Result<Choice, ConsoleError> {
        let not_made = |refusal| refusals::not_made(key.part, refusal);
        let place = self.places.of(&key.environment)?;
        let _choosing = place.choosing().await;
        loop {
            match self.find(key).await? {
                Half::Nothing => {}
                Half::OutOfSight(upload) => rows::forget(&self.console.database, key, &upload).await?,
                // It may be the same file that was mended.
                Half::There(there) if there.is_refused() => self.give_up(key, &there.upload).await?,
                Half::There(there) => {
                    let differences = there.file.differences(&file);
                    if differences.is_empty() {
                        return Ok(Choice::Ready(*there));
                    }
                    if instead != Some(there.upload.as_str()) {
                        return Ok(Choice::Other {
                            there: *there,
                            differences,
                        });
                    }
                    self.give_up(key, &there.upload).await?;
                }
            }
            let uploads = place.for_new(&key.actor).await.map_err(not_made)?;
            let upload = uploads
                .create(&key.actor, key.part, file.size)
                .await
                .map_err(not_made)?;
            failpoints::reached("draft-before-row");
            if rows::insert(&self.console.database, key, &upload.id, &file).await? {
                return Ok(Choice::Ready(draft_file(key.part, file, upload)));
            }
            // Another tab was quicker.
            self.end(key, &upload.id).await?;
        }
    }

    /// A half of a draft; what it says of an upload that has expired or become a backup is forgotten.
    async fn find(&self, key: &DraftKey) -> Result<Half, ConsoleError> {
        let database = &self.console.database;
        let Some((upload, file)) = rows::find(database, key).await? else {
            return Ok(Half::Nothing);
        };
        match self
            .places
            .of(&key.environment)?
            .progress(&key.actor, &upload)
            .await
        {
            Ok(progress) => Ok(Half::There(Box::new(draft_file(key.part, file, progress)))),
            Err(UploadRefusal::Gone) => {
                rows::forget(database, key, &upload).await?;
                Ok(Half::Nothing)
            }
            Err(UploadRefusal::Api(ApiError::NotAvailable { .. })) => Ok(Half::OutOfSight(upload)),
            Err(refusal) => Err(refusals::not_made(key.part, refusal)),
        }
    }

    async fn give_up(&self, key: &DraftKey, upload: &str) -> Result<(), ConsoleError> {
        self.end(key, upload).await?;
        rows::forget(&self.console.database, key, upload).await
    }

    async fn end(&self, key: &DraftKey, upload: &str) -> Result<(), ConsoleError> {
        match self.places.of(&key.environment)?.end(&key.actor, upload).await {
            // A service that takes no uploads has none.
            Ok(()) | Err(UploadRefusal::Gone | UploadRefusal::Api(ApiError::NotAvailable { .. })) => Ok(()),
            Err(refusal) => Err(refusals::not_made(key.part, refusal)),
        }
    }
}

/// What is known of one half of a draft.
enum Half {
    /// No file was chosen, or nothing is left of it.
    Nothing,
    /// It is neither here nor at a service that takes uploads: the service may be another one than it was.
    OutOfSight(String),
    /// It is there, and this far.
    There(Box<DraftFile>),
}

fn draft_file(part: Part, file: FileFacts, progress: UploadProgress) -> DraftFile {
    DraftFile {
        part,
        upload: progress.id,
        file,
        received: progress.offset,
        sha256: progress.sha256,
        expires_at: progress.expires_at,
        inspection: progress.inspection,
    }
}
