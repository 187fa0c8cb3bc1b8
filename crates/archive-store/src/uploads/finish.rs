//! From the last byte to the published archive.
//!
//! The digest usually went along with the bytes. After a restart, or after an append that broke, it lags behind and
//! catches up in the background from the file, so that the last append does not have to wait for all of it.

use std::sync::Arc;

use sha2::Digest as _;

use super::{Live, Record, ResumableUploads, UploadError, UploadState, digest::RunningDigest, file};
use crate::{
    ArchiveId, FinishedArchive, StoreError,
    blocking::{blocking, detached},
    failpoints,
    gzip_start::GzipStart,
};

impl ResumableUploads {
    /// Starts what a former process, or an append that broke, left to be done.
    pub(super) fn touch(&self, record: &Record) {
        if record.finished.is_some() {
            return;
        }
        if record.is_complete() {
            let (uploads, scope, id) = (self.clone(), record.scope.clone(), record.id.clone());
            tokio::spawn(async move {
                match uploads.finish_in_turn(&scope, &id).await {
                    Ok(_) | Err(UploadError::NoSuchUpload | UploadError::NotGzip) => {}
                    Err(error) => warn(&id, &error),
                }
            });
        } else if record.received > 0 {
            self.catch_up(record);
        }
    }

    /// Brings the digest to where the upload stands, unless it goes along already.
    pub(super) fn catch_up(&self, record: &Record) {
        let live = self.live(&record.id);
        let Ok(mut digest) = live.digest.clone().try_lock_owned() else {
            return;
        };
        if digest.position >= record.received {
            return;
        }
        let (uploads, mut record) = (self.clone(), record.clone());
        tokio::spawn(async move {
            // While this reads, more may come.
            while digest.position < record.received {
                let caught_up = uploads.bring_up(&mut digest, &record.id, record.received).await;
                let now = uploads.inner.records.find(&record.scope, &record.id).await;
                match (caught_up, now) {
                    (Ok(()), Ok(Some(now))) => record = now,
                    // It went meanwhile, and its file with it.
                    (_, Ok(None)) => return uploads.leave_memory(&record.id),
                    (Err(error), _) => return warn(&record.id, &error.into()),
                    (_, Err(error)) => return warn(&record.id, &error),
                }
            }
        });
    }

    async fn bring_up(
        &self,
        digest: &mut RunningDigest,
        id: &ArchiveId,
        target: u64,
    ) -> Result<(), StoreError> {
        if digest.position >= target {
            return Ok(());
        }
        let (layout, id) = (self.inner.store.layout().clone(), id.clone());
        let files = layout.files().clone();
        let file = blocking(move || file::open_to_read(&layout, &id)).await?;
        digest.catch_up(&files, &Arc::new(file), target).await
    }

    /// Waits until nobody changes the upload, then publishes it if all has come.
    pub(super) async fn finish_in_turn(
        &self,
        scope: &str,
        id: &ArchiveId,
    ) -> Result<UploadState, UploadError> {
        let (uploads, scope, id) = (self.clone(), scope.to_owned(), id.clone());
        detached(async move {
            let live = uploads.live(&id);
            let _turn = live.queue().await;
            uploads.finish_if_complete(&live, &scope, &id).await
        })
        .await
    }

    /// Publishes the upload if all has come, and gives its state either way. The caller has the turn.
    pub(super) async fn finish_if_complete(
        &self,
        live: &Live,
        scope: &str,
        id: &ArchiveId,
    ) -> Result<UploadState, UploadError> {
        let mut record = self.inner.records.require(scope, id).await?;
        if record.is_complete() && record.finished.is_none() {
            record.finished = Some(self.publish(live, id, record.received).await?);
        }
        if record.finished.is_some() {
            self.leave_memory(id);
        }
        Ok(record.into())
    }

    async fn publish(&self, live: &Live, id: &ArchiveId, size: u64) -> Result<[u8; 32], UploadError> {
        if GzipStart::after(size).end().is_err() {
            self.discard(id).await?;
            return Err(UploadError::NotGzip);
        }
        failpoints::reached("upload-complete");
        let mut digest = live.digest.lock().await;
        self.bring_up(&mut digest, id, size).await?;
        let sha256 = digest.state.clone().finalize().into();
        let (layout, name) = (self.inner.store.layout().clone(), id.clone());
        blocking(move || file::publish(&layout, &name, size)).await?;
        let archive = FinishedArchive {
            id: id.clone(),
            size,
            sha256,
        };
        self.inner.store.catalogue().finish(&archive).await?;
        tracing::info!(archive.id = %id, size_bytes = size, "an upload is complete");
        Ok(sha256)
    }
}

fn warn(id: &ArchiveId, error: &UploadError) {
    tracing::warn!(
        archive.id = %id,
        error = error as &dyn std::error::Error,
        "could not go on with an upload in the background; its next request will"
    );
}
