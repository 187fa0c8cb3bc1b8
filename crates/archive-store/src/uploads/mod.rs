//! Uploads that cannot be lost: one archive whose bytes may come in many pieces, over days and restarts.
//!
//! The offset that is told is the one that survives a power cut: the bytes before it are synced and recorded, and a
//! client that goes on there loses nothing and repeats nothing. Bytes behind it may exist; they do not count and are
//! cut off. When the last byte has come the archive is published like any other, and waits, finished, to be adopted
//! or to expire.
//!
//! An upload that says which half of a backup it is to be is inspected while it comes. One that is refused keeps nothing but
//! its record, which says why to whoever asks.
//!
//! Who owns an upload is an opaque key of the caller, its *scope*; an upload of another scope does not exist.
//! What the metadata says is the caller's business too, and so is every protocol.

mod append;
mod checksum;
mod error;
mod file;
mod finish;
mod records;
mod refuse;
mod turn;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use backup_api::{
    BodyError, ByteStream, Part, PartStream, StoredArchive, UploadContent, UploadInspection, UploadPart,
    UploadProgress,
};
use futures_util::{StreamExt as _, stream};
use jiff::Timestamp;

pub use checksum::Checksum;
pub use error::UploadError;

use records::{Quota, Record, Records};
use turn::Live;

use crate::{
    ArchiveId, ArchiveOwner, ArchiveStore, FinishedArchive, StoreError,
    blocking::{blocking, detached},
    inspecting::Sight,
};

/// Metadata is a few names, not a second archive.
pub const LONGEST_METADATA: usize = 4 * 1024;

/// What the uploads of one scope may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UploadLimits {
    /// The most that all uploads of a scope may have together, in bytes; announced ones count as announced.
    pub bytes_per_scope: u64,
    /// The most uploads a scope may have that nobody has adopted.
    pub uploads_per_scope: u32,
    /// How long an upload stays after its last byte.
    pub lifetime: Duration,
}

/// What is to be uploaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewUpload {
    /// Who owns it: an opaque key of the caller.
    pub scope: String,
    /// Which half of a backup it is to be. Where that is not said it is not inspected while it comes.
    pub part: Option<Part>,
    /// Bytes, where they are known already.
    pub length: Option<u64>,
    /// Kept as it is, at most [`LONGEST_METADATA`] bytes.
    pub metadata: String,
}

/// How a request goes on with an upload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Continuation {
    /// The byte its body starts at.
    pub offset: u64,
    /// What the bytes of its body shall hash to.
    pub checksum: Option<Checksum>,
    /// How the client names itself, where it does: who gives way to a request of its own learns so.
    pub sender: Option<Arc<str>>,
}

impl Continuation {
    /// Goes on at a byte, without more to say.
    pub const fn at(offset: u64) -> Self {
        Self {
            offset,
            checksum: None,
            sender: None,
        }
    }
}

/// How far an upload is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UploadState {
    /// Its name, and that of the archive it becomes.
    pub id: ArchiveId,
    /// Which half of a backup it is to be, where that was said.
    pub part: Option<Part>,
    /// Durable bytes, never more. Of a refused one, whose bytes are gone: how far it had come.
    pub offset: u64,
    /// Bytes it will have, where they are known.
    pub length: Option<u64>,
    /// As it was given.
    pub metadata: String,
    /// The SHA-256 of the archive, when that is published.
    pub finished: Option<[u8; 32]>,
    /// When it goes, if nobody goes on with it or adopts it.
    pub expires_at: Timestamp,
    /// What its inspection says, once bytes were looked at.
    pub inspection: Option<UploadInspection>,
}

impl From<Record> for UploadState {
    fn from(record: Record) -> Self {
        Self {
            id: record.id,
            part: record.part,
            offset: record.received,
            length: record.length,
            metadata: record.metadata,
            finished: record.finished,
            expires_at: record.expires_at,
            inspection: record.report.map(UploadInspection::Ended),
        }
    }
}

impl From<UploadState> for UploadProgress {
    /// As it is told outside, without the statements that mend names: there may be hundreds.
    fn from(state: UploadState) -> Self {
        let inspection = state.inspection.map(|inspection| match inspection {
            UploadInspection::Ended(report) => UploadInspection::Ended(report.without_renames()),
            running @ UploadInspection::Running(_) => running,
        });
        Self {
            id: state.id.to_string(),
            part: state.part,
            offset: state.offset,
            length: state.length,
            sha256: state.finished.map(hex::encode),
            expires_at: state.expires_at,
            inspection,
        }
    }
}

/// The resumable uploads of a store. Clones share them; nothing else may open the same store's a second time.
#[derive(Debug, Clone)]
pub struct ResumableUploads {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    store: ArchiveStore,
    records: Records,
    lifetime: Duration,
    bytes_per_scope: u64,
    /// Unfinished uploads that were touched since the start.
    live: Mutex<HashMap<ArchiveId, Arc<Live>>>,
}

impl ResumableUploads {
    /// Opens what is there and cuts it back to what counts.
    pub async fn open(store: ArchiveStore, limits: UploadLimits) -> Result<Self, UploadError> {
        let quota = Quota {
            bytes: limits.bytes_per_scope,
            uploads: limits.uploads_per_scope,
        };
        let uploads = Self {
            inner: Arc::new(Inner {
                records: Records::new(store.catalogue().database().clone(), quota),
                store,
                lifetime: limits.lifetime,
                bytes_per_scope: limits.bytes_per_scope,
                live: Mutex::default(),
            }),
        };
        for record in uploads.inner.records.unfinished().await? {
            uploads.recover(record).await?;
        }
        Ok(uploads)
    }

    async fn recover(&self, record: Record) -> Result<(), UploadError> {
        if record.is_refused {
            return Ok(self.remove_refused(&record.id).await?);
        }
        match self.cut_back(&record.id, record.received).await {
            Err(StoreError::Damaged { expected, found }) => {
                tracing::error!(
                    archive.id = %record.id,
                    expected_bytes = expected,
                    found_bytes = found,
                    "an unfinished upload has lost bytes that were durable, and is discarded; look after the disk"
                );
                self.discard(&record.id).await
            }
            result => Ok(result?),
        }
    }

    /// The most bytes one upload may have.
    pub fn largest_upload(&self) -> u64 {
        let largest = self.inner.store.limits().largest_archive;
        // Lengths are stored as signed integers.
        largest
            .min(self.inner.bytes_per_scope)
            .min(i64::MAX.unsigned_abs())
    }

    /// Announces an upload. What cannot be taken is refused here, before a byte came.
    pub async fn create(&self, upload: NewUpload) -> Result<UploadState, UploadError> {
        let limit = LONGEST_METADATA;
        if upload.metadata.len() > limit {
            return Err(UploadError::MetadataTooLong { limit });
        }
        if let Some(length) = upload.length {
            self.judge_length(length)?;
        }
        let available = self.inner.store.free_space().await?;
        let record = Record {
            id: ArchiveId::generate(),
            scope: upload.scope,
            part: upload.part,
            length: upload.length,
            received: 0,
            metadata: upload.metadata,
            expires_at: self.end_of_life(),
            finished: None,
            report: None,
            is_refused: false,
        };
        self.inner.records.insert(&record, available).await?;
        Ok(record.into())
    }

    /// How far an upload of `scope` is; `None` where there is none.
    pub async fn state(&self, scope: &str, id: &ArchiveId) -> Result<Option<UploadState>, UploadError> {
        let Some(record) = self.inner.records.find(scope, id).await? else {
            return Ok(None);
        };
        self.touch(&record);
        let sight = self.sight(id);
        let mut state = UploadState::from(record);
        if state.inspection.is_none() {
            state.inspection = sight.map(|sight| match sight {
                Sight::Going(progress) => UploadInspection::Running(progress.as_ref().clone()),
                Sight::Refused(report) => UploadInspection::Ended(report.as_ref().clone()),
            });
        }
        Ok(Some(state))
    }

    /// Whether there is an upload of this id, whoever owns it. To find where a request belongs, and to answer nobody.
    pub async fn knows(&self, id: &ArchiveId) -> Result<bool, UploadError> {
        self.inner.records.knows(id).await
    }

    /// Goes on with an upload, and gives its state when all of `body` is durable. With a checksum, either
    /// all of `body` counts or nothing. Whoever is still sending to the same upload is made to end.
    ///
    /// The work goes on to its end when the future is dropped: what came in counts.
    pub async fn append(
        &self,
        scope: &str,
        id: &ArchiveId,
        continuation: Continuation,
        body: ByteStream,
    ) -> Result<UploadState, UploadError> {
        self.inner.records.require_usable(scope, id).await?;
        let (uploads, scope, id) = (self.clone(), scope.to_owned(), id.clone());
        detached(async move { uploads.append_in_turn(&scope, &id, continuation, body).await }).await
    }

    /// Tells the length of an upload that was announced without one; telling the same one again is fine.
    pub async fn declare_length(
        &self,
        scope: &str,
        id: &ArchiveId,
        length: u64,
    ) -> Result<UploadState, UploadError> {
        self.inner.records.require_usable(scope, id).await?;
        self.judge_length(length)?;
        let (uploads, scope, id) = (self.clone(), scope.to_owned(), id.clone());
        detached(async move {
            let live = uploads.live(&id);
            // An append under way reckons with the length it found.
            let _turn = live.claim(None).await;
            let record = uploads.inner.records.require_usable(&scope, &id).await?;
            match record.length {
                Some(known) if known == length => return Ok(record.into()),
                Some(length) => return Err(UploadError::LengthKnown { length }),
                None => {}
            }
            if length < record.received {
                let offset = record.received;
                return Err(UploadError::LengthTooSmall { offset });
            }
            let available = uploads.inner.store.free_space().await?;
            uploads
                .inner
                .records
                .declare_length(&record, length, available)
                .await?;
            uploads.finish_if_complete(&live, &scope, &id).await
        })
        .await
    }

    /// Ends an upload and removes what has come of it, finished or not.
    pub async fn terminate(&self, scope: &str, id: &ArchiveId) -> Result<(), UploadError> {
        self.inner.records.require(scope, id).await?;
        let (uploads, scope, id) = (self.clone(), scope.to_owned(), id.clone());
        detached(async move {
            let live = uploads.live(&id);
            let _turn = live.claim(None).await;
            uploads.inner.records.require(&scope, &id).await?;
            uploads.discard(&id).await
        })
        .await
    }

    /// Removes what expired before `now`, except what is just being sent, and gives how many uploads those were.
    pub async fn expire(&self, now: Timestamp) -> Result<usize, UploadError> {
        let mut gone = 0;
        for id in self.inner.records.expired(now).await? {
            let live = self.live(&id);
            let Some(_turn) = live.try_turn() else { continue };
            // Something may have come since it was listed.
            if !self.inner.records.has_expired(&id, now).await? {
                continue;
            }
            self.discard(&id).await?;
            tracing::info!(archive.id = %id, "an upload expired");
            gone += 1;
        }
        Ok(gone)
    }

    /// All uploads whose scope begins with `prefix`, each with its scope.
    pub async fn scoped(&self, prefix: &str) -> Result<Vec<(String, ArchiveId)>, UploadError> {
        self.inner.records.scoped(prefix).await
    }

    /// The archive that an upload has become, to be adopted. Where its last byte has come and it is still being
    /// published, this waits.
    pub async fn finished(&self, scope: &str, id: &ArchiveId) -> Result<FinishedArchive, UploadError> {
        let record = self.inner.records.require_usable(scope, id).await?;
        let state = match record.finished {
            None if record.is_complete() => self.finish_in_turn(scope, id).await?,
            _ => record.into(),
        };
        if state.finished.is_none() {
            return Err(UploadError::Unfinished { offset: state.offset });
        }
        let archive = self.inner.store.finished(&state.id).await?;
        archive.ok_or(UploadError::NoSuchUpload)
    }

    /// Finished uploads as the parts of a backup, named by their ids. Each is looked up when its turn comes; `refusal`
    /// says why one cannot be had.
    pub fn stored_parts<const N: usize>(
        self,
        scope: String,
        uploads: [(Part, String); N],
        refusal: fn(Part, UploadError) -> BodyError,
    ) -> PartStream {
        stream::iter(uploads)
            .then(move |(part, id)| {
                let (uploads, scope) = (self.clone(), scope.clone());
                async move {
                    let found = match id.parse() {
                        Ok(id) => uploads.finished(&scope, &id).await.map(drop),
                        Err(_) => Err(UploadError::NoSuchUpload),
                    };
                    found.map_err(|error| refusal(part, error))?;
                    Ok(UploadPart {
                        part,
                        content: UploadContent::Stored(StoredArchive { id }),
                    })
                }
            })
            .boxed()
    }

    /// A length that could ever be taken.
    fn judge_length(&self, length: u64) -> Result<(), UploadError> {
        let limit = self
            .inner
            .store
            .limits()
            .largest_archive
            .min(i64::MAX.unsigned_abs());
        if length > limit {
            return Err(StoreError::TooLarge { limit }.into());
        }
        if length > self.inner.bytes_per_scope {
            let limit = self.inner.bytes_per_scope;
            return Err(UploadError::QuotaExceeded { limit });
        }
        if length == 0 {
            return Err(StoreError::Empty.into());
        }
        Ok(())
    }

    /// When an upload goes to which something came just now.
    fn end_of_life(&self) -> Timestamp {
        Timestamp::now()
            .saturating_add(self.inner.lifetime)
            .unwrap_or(Timestamp::MAX)
    }

    fn live(&self, id: &ArchiveId) -> Arc<Live> {
        let mut live = self.inner.live.lock().unwrap_or_else(PoisonError::into_inner);
        live.entry(id.clone()).or_default().clone()
    }

    /// What the inspection has shown last, where the upload is in memory.
    fn sight(&self, id: &ArchiveId) -> Option<Sight> {
        let live = self.inner.live.lock().unwrap_or_else(PoisonError::into_inner);
        live.get(id).and_then(|live| live.sights.borrow().clone())
    }

    /// How many uploads somebody is changing just now.
    pub fn under_way(&self) -> u64 {
        let live = self.inner.live.lock().unwrap_or_else(PoisonError::into_inner);
        live.values().filter(|live| live.try_turn().is_none()).count() as u64
    }

    /// Nothing of an upload has to be in memory any more.
    fn leave_memory(&self, id: &ArchiveId) {
        let mut live = self.inner.live.lock().unwrap_or_else(PoisonError::into_inner);
        live.remove(id);
    }

    /// Removes an upload and all that came of it. What a backup adopted meanwhile is no upload any more, and stays.
    async fn discard(&self, id: &ArchiveId) -> Result<(), UploadError> {
        let owner = ArchiveOwner::Upload(id.clone());
        let discarded = self.inner.store.discard_all_of(&owner).await;
        self.leave_memory(id);
        Ok(discarded?)
    }

    async fn cut_back(&self, id: &ArchiveId, received: u64) -> Result<(), StoreError> {
        let (layout, id) = (self.inner.store.layout().clone(), id.clone());
        blocking(move || file::cut_back(&layout, &id, received)).await
    }
}
