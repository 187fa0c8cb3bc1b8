//! Uploads in pieces.

mod appending;
mod crashes;
mod expiry;
mod inspecting;
mod model;
mod refusals;
mod takeover;

use std::time::Duration;

use archive_store::{
    ArchiveId, FinishedArchive,
    uploads::{Checksum, Continuation, NewUpload, ResumableUploads, UploadError, UploadLimits, UploadState},
};
use backup_api::{BodyError, ByteStream, Part};
use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream};

use crate::support::{DataFolder, MIB};

pub(crate) const SCOPE: &str = "person:1/lfrjoebloggs-dev";
/// Says which half of a backup comes, and what its file was called.
pub(crate) const METADATA: &str = "part ZGF0YWJhc2U=,filename ZGF0YWJhc2UuZ3o=";
pub(crate) const WEEK: Duration = Duration::from_hours(7 * 24);

pub(crate) const LIMITS: UploadLimits = UploadLimits {
    bytes_per_scope: 256 * MIB as u64,
    uploads_per_scope: 4,
    lifetime: WEEK,
};

/// A data folder with uploads in it.
pub(crate) struct Uploads {
    pub(crate) data: DataFolder,
    pub(crate) uploads: ResumableUploads,
}

impl Uploads {
    /// Waits until the file of an unfinished upload has so many bytes, whether they count or not.
    async fn wait_for_bytes(&self, id: &ArchiveId, length: u64) {
        let file = self.data.path("archives").join(format!("{id}.partial"));
        while file.metadata().map_or(0, |file| file.len()) < length {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    pub(crate) async fn new() -> Self {
        Self::with_limits(LIMITS).await
    }

    pub(crate) async fn with_limits(limits: UploadLimits) -> Self {
        Self::of(DataFolder::new().await, limits).await
    }

    pub(crate) async fn of(data: DataFolder, limits: UploadLimits) -> Self {
        let uploads = ResumableUploads::open(data.store.clone(), limits).await.unwrap();
        Self { data, uploads }
    }

    /// As after the end of a process.
    pub(crate) async fn reopen(self) -> Self {
        let Self { data, uploads } = self;
        drop(uploads);
        Self::of(data.reopen().await, LIMITS).await
    }

    pub(crate) async fn create(&self, length: Option<u64>) -> Result<UploadState, UploadError> {
        self.create_in(SCOPE, length).await
    }

    pub(crate) async fn create_in(
        &self,
        scope: &str,
        length: Option<u64>,
    ) -> Result<UploadState, UploadError> {
        let upload = NewUpload {
            scope: scope.to_owned(),
            part: Some(Part::Database),
            length,
            metadata: METADATA.to_owned(),
        };
        self.uploads.create(upload).await
    }

    pub(crate) async fn id(&self, length: usize) -> ArchiveId {
        self.create(Some(length as u64)).await.unwrap().id
    }

    pub(crate) async fn append(
        &self,
        id: &ArchiveId,
        offset: usize,
        body: ByteStream,
    ) -> Result<UploadState, UploadError> {
        self.uploads
            .append(SCOPE, id, Continuation::at(offset as u64), body)
            .await
    }

    pub(crate) async fn append_checked(
        &self,
        id: &ArchiveId,
        offset: usize,
        checksum: Checksum,
        body: ByteStream,
    ) -> Result<UploadState, UploadError> {
        self.uploads
            .append(
                SCOPE,
                id,
                Continuation {
                    checksum: Some(checksum),
                    ..Continuation::at(offset as u64)
                },
                body,
            )
            .await
    }

    pub(crate) async fn state(&self, id: &ArchiveId) -> Option<UploadState> {
        self.uploads.state(SCOPE, id).await.unwrap()
    }

    pub(crate) async fn offset(&self, id: &ArchiveId) -> usize {
        usize::try_from(self.state(id).await.unwrap().offset).unwrap()
    }

    pub(crate) async fn finished(&self, id: &ArchiveId) -> FinishedArchive {
        self.uploads.finished(SCOPE, id).await.unwrap()
    }

    /// Fails unless the archive is `expected`, byte for byte, and its digest that of it.
    pub(crate) async fn assert_archive(&self, id: &ArchiveId, expected: &[u8]) {
        let archive = self.finished(id).await;
        assert_eq!(archive.sha256(), crate::support::sha256(expected));
        assert!(self.data.bytes_of(&archive).await == expected, "other bytes");
    }
}

/// A body of these bytes, in pieces.
pub(crate) fn body(bytes: &[u8]) -> ByteStream {
    pieces(bytes).boxed()
}

/// A body that breaks after these bytes.
pub(crate) fn broken(bytes: &[u8]) -> ByteStream {
    let end = stream::iter([Err(BodyError::Disconnected)]);
    pieces(bytes).chain(end).boxed()
}

/// A body that hangs after these bytes.
pub(crate) fn hanging(bytes: &[u8]) -> ByteStream {
    pieces(bytes).chain(stream::pending()).boxed()
}

fn pieces(bytes: &[u8]) -> impl Stream<Item = Result<Bytes, BodyError>> + Send + 'static {
    let pieces: Vec<_> = bytes
        .chunks(30_000)
        .map(|piece| Ok(Bytes::copy_from_slice(piece)))
        .collect();
    stream::iter(pieces)
}
