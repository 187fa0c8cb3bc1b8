//! From the last byte to the published archive.
//!
//! Digest and inspection usually went along with the bytes. After a restart, or after an append that broke, they lag behind
//! and catch up in the background from the file, so that the last append does not have to wait for all of it.

use std::sync::Arc;

use sha2::Digest as _;

use super::{Live, Record, ResumableUploads, UploadError, UploadState, file};
use crate::{
    ArchiveId, FinishedArchive, StoreError,
    blocking::{blocking, detached},
    failpoints,
    following::Followers,
    gzip_start::GzipStart,
};

impl ResumableUploads {
    /// Starts what a former process, or an append that broke, left to be done.
    pub(super) fn touch(&self, record: &Record) {
        if record.finished.is_some() || record.is_refused {
            return;
        }
        if record.is_complete() {
            let (uploads, scope, id) = (self.clone(), record.scope.clone(), record.id.clone());
            tokio::spawn(async move {
                match uploads.finish_in_turn(&scope, &id).await {
                    Ok(_)
                    | Err(UploadError::NoSuchUpload | UploadError::NotGzip | UploadError::Rejected { .. }) => {
                    }
                    Err(error) => warn(&id, &error),
                }
            });
        } else if record.received > 0 {
            self.catch_up(record);
        }
    }

    /// Brings digest and inspection to where the upload stands, unless they go along already.
    pub(super) fn catch_up(&self, record: &Record) {
        let live = self.live(&record.id);
        let Ok(mut followers) = live.followers.clone().try_lock_owned() else {
            return;
        };
        self.begin_inspection(&mut followers, &live, record);
        if followers.position() >= record.received {
            return;
        }
        let (uploads, mut record) = (self.clone(), record.clone());
        tokio::spawn(async move {
            // While this reads, more may come.
            while followers.position() < record.received {
                let caught_up = uploads
                    .bring_up(&mut followers, &record.id, record.received)
                    .await;
                let now = uploads.inner.records.find(&record.scope, &record.id).await;
                match (caught_up, now) {
                    (Ok(()), Ok(Some(now))) => record = now,
                    // It went meanwhile, and its file with it.
                    (_, Ok(None)) => return uploads.leave_memory(&record.id),
                    (Err(error), _) => return warn(&record.id, &error.into()),
                    (_, Err(error)) => return warn(&record.id, &error),
                }
            }
            let refused = if record.is_complete() {
                // The whole is about to be judged.
                Ok(())
            } else {
                followers.show()
            };
            // Whoever has the turn may be waiting for them.
            drop(followers);
            if let Err(refusal) = refused
                && let Err(error) = uploads.refuse_in_turn(&record, &refusal).await
            {
                warn(&record.id, &error);
            }
        });
    }

    /// Begins to inspect an upload that says what it is to be, where that has not begun.
    pub(super) fn begin_inspection(&self, followers: &mut Followers, live: &Live, record: &Record) {
        if let Some(part) = record.part {
            let limits = self.inner.store.limits().inspection;
            followers.inspect(part, limits, &live.sights);
        }
    }

    /// Reads what digest and inspection have missed.
    pub(super) async fn bring_up(
        &self,
        followers: &mut Followers,
        id: &ArchiveId,
        target: u64,
    ) -> Result<(), StoreError> {
        if followers.position() >= target {
            return Ok(());
        }
        let (layout, id) = (self.inner.store.layout().clone(), id.clone());
        let files = layout.files().clone();
        let file = blocking(move || file::open_to_read(&layout, &id)).await?;
        followers.catch_up(&files, &Arc::new(file), target).await
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
        let mut record = self.inner.records.require_usable(scope, id).await?;
        if record.is_complete() && record.finished.is_none() {
            let FinishedArchive { sha256, report, .. } = self.publish(live, &record).await?;
            (record.finished, record.report) = (Some(sha256), report);
        }
        if record.finished.is_some() {
            self.leave_memory(id);
        }
        Ok(record.into())
    }

    async fn publish(&self, live: &Live, record: &Record) -> Result<FinishedArchive, UploadError> {
        let (id, size) = (&record.id, record.received);
        if GzipStart::after(size).end().is_err() {
            self.discard(id).await?;
            return Err(UploadError::NotGzip);
        }
        failpoints::reached("upload-complete");
        let mut followers = live.followers.lock().await;
        self.begin_inspection(&mut followers, live, record);
        self.bring_up(&mut followers, id, size).await?;
        let report = match followers.finish() {
            Ok(report) => report,
            Err(refusal) => return Err(self.refuse(id, &refusal).await),
        };
        let sha256 = followers.digest.state.clone().finalize().into();
        let (layout, name) = (self.inner.store.layout().clone(), id.clone());
        blocking(move || file::publish(&layout, &name, size)).await?;
        let archive = FinishedArchive {
            id: id.clone(),
            size,
            sha256,
            report,
        };
        self.inner.store.catalogue().finish(&archive).await?;
        tracing::info!(archive.id = %id, size_bytes = size, "an upload is complete");
        Ok(archive)
    }
}

fn warn(id: &ArchiveId, error: &UploadError) {
    tracing::warn!(
        archive.id = %id,
        error = error as &dyn std::error::Error,
        "could not go on with an upload in the background; its next request will"
    );
}
